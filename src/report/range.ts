/** The time range of a report. */

import { UsageError } from '../config/errors.ts';
import { parseRange } from '../ingest/time-range.ts';
import { dayOf } from '../queries/parameters.ts';

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
  return {
    from,
    to: end,
    fromDay: dayOf(from),
    toDay: dayOf(end),
    wholeDays: from === startOfDay(from) && end === endOfDay(end),
  };
}

const startOfDay = (micros: bigint): bigint => micros - (((micros % microsOfDay) + microsOfDay) % microsOfDay);
const endOfDay = (micros: bigint): bigint => startOfDay(micros) + microsOfDay - 1n;
