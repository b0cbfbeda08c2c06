/** The time range of a report. */

import { UsageError } from '../config/errors.ts';
import { parseRange } from '../ingest/time-range.ts';
import { dayOf } from '../queries/parameters.ts';
import { formatSeconds, plural } from '../text/humanize.ts';

/** Both ends included, in microseconds since the epoch. */
export interface ReportRange {
  readonly from: bigint;
  readonly to: bigint;
  /** UTC days of the ends, YYYY-MM-DD. */
  readonly fromDay: string;
  readonly toDay: string;
  /** The range is made of whole days: `ymd` alone says what is in it. */
  readonly wholeDays: boolean;
}

export const microsOfDay = 86_400_000_000n;
const daysByDefault = 7n;
const mostDays = 36_600n;

/**
 * From and to are days, which stand for the whole of themselves, or instants. Without `to` the range goes to the end of
 * the last day that has events; without `from` it is the seven days up to its end. `lastDay` is asked for only where it
 * matters. Throws UsageError.
 */
export async function reportRange(
  given: { readonly from?: string | undefined; readonly to?: string | undefined },
  lastDay: () => Promise<string>,
): Promise<ReportRange> {
  const parsed = parseRange(given.from, given.to);
  const start = parsed && Number.isFinite(parsed.from) ? BigInt(parsed.from) * 1000n : undefined;
  let end: bigint;
  if (parsed && Number.isFinite(parsed.to)) {
    // A day ends with its last millisecond there.
    end = BigInt(parsed.to) * 1000n + (given.to?.length === 10 ? 999n : 0n);
  } else {
    const last = endOfDay(BigInt(Date.parse(await lastDay())) * 1000n);
    end = start !== undefined && start > last ? endOfDay(start) : last;
  }
  const from = start ?? startOfDay(end) - (daysByDefault - 1n) * microsOfDay;
  if (end - from >= mostDays * microsOfDay) throw new UsageError('a report spans a hundred years at most');
  return between(from, end);
}

const between = (from: bigint, to: bigint): ReportRange => ({
  from,
  to,
  fromDay: dayOf(from),
  toDay: dayOf(to),
  wholeDays: from === startOfDay(from) && to === endOfDay(to),
});

/** The range of the same length that ends where this one begins. */
export const rangeBefore = ({ from, to }: ReportRange): ReportRange => between(from - (to - from + 1n), from - 1n);

/** So many whole days before the range, plus the part of its first day that precedes it. */
export const rangeOfDaysBefore = ({ from }: ReportRange, days: number): ReportRange =>
  between(startOfDay(from) - BigInt(days) * microsOfDay, from - 1n);

/** An instant in RFC 3339, as the parameters of questions take it; microseconds only if there are any. */
export function timeText(micros: bigint): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19);
  return rest === 0n ? `${seconds}Z` : `${seconds}.${String(rest).padStart(6, '0')}Z`;
}

/** `2023-07-10 to 2023-07-12`, or with times of day; UTC. */
export function rangeText({ from, to, fromDay, toDay, wholeDays }: ReportRange): string {
  if (wholeDays) return fromDay === toDay ? fromDay : `${fromDay} to ${toDay}`;
  const text = (micros: bigint): string =>
    new Date(Number(micros / 1000n))
      .toISOString()
      .replace('T', ' ')
      .replace(/(\.000)?Z$/, '');
  return `${text(from)} to ${text(to)}`;
}

/** The length of the range: `3 days`, `1 h 30 min`. */
export function lengthText({ from, to, wholeDays }: ReportRange): string {
  const micros = to - from + 1n;
  return wholeDays ? plural(Number(micros / microsOfDay), 'day') : formatSeconds(Number(micros / 1_000_000n));
}

const startOfDay = (micros: bigint): bigint => micros - (((micros % microsOfDay) + microsOfDay) % microsOfDay);
const endOfDay = (micros: bigint): bigint => startOfDay(micros) + microsOfDay - 1n;
