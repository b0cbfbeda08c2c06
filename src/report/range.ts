/** The time range of a report. */

import { UsageError } from '../config/errors.ts';
import { parseMicros } from '../ingest/time-range.ts';
import { endOfEvents, type LastDay } from '../queries/range.ts';
import { formatSeconds, plural } from '../text/humanize.ts';
import { dayOf, endOfDay, microsOfDay, type RangeOptions, startOfDay, type TimeReading } from '../text/time.ts';

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

const daysByDefault = 7n;
const mostDays = 36_600n;

/**
 * The ends are times as src/text/time.ts reads them. Without `to` the range goes to the end of the last day that has
 * events; without `from` it is the seven days up to its end. `lastDay` is asked for only where it matters. Throws UsageError.
 */
export async function reportRange(
  given: RangeOptions,
  lastDay: LastDay,
  reading: TimeReading = {},
): Promise<ReportRange> {
  const { from: start, to } = parseMicros(given, reading);
  const { zone } = reading;
  const end = to ?? (await endOfEvents(start, lastDay, reading));
  // From the noon of the first day: days of a zone may have an hour more or less.
  const from = start ?? startOfDay(startOfDay(end, zone) - (daysByDefault - 1n) * microsOfDay + microsOfDay / 2n, zone);
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

/** The length of the range: `3 days`, `1 h 30 min`. */
export function lengthText({ from, to, wholeDays }: ReportRange): string {
  const micros = to - from + 1n;
  return wholeDays ? plural(Number(micros / microsOfDay), 'day') : formatSeconds(Number(micros / 1_000_000n));
}
