/** Ranges of time as options of commands and jobs give them (src/text/time.ts has the grammar). All throw UsageError. */
import { UsageError } from '../config/errors.ts';
import type { Range } from '../iceberg/scan.ts';
import { type OpenRange, type RangeOptions, readDay, readRange, TimeError, type TimeReading } from '../text/time.ts';

/** Milliseconds since the epoch, both ends included. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** Microseconds since the epoch, both ends included. */
export const parseMicros = (options: RangeOptions, reading: TimeReading): OpenRange =>
  usage(() => readRange(options, reading));

/** Undefined where everything is meant. */
export function parseRange(options: RangeOptions, reading: TimeReading): TimeRange | undefined {
  const { from, to } = parseMicros(options, reading);
  if (from === undefined && to === undefined) return undefined;
  return {
    from: from === undefined ? Number.NEGATIVE_INFINITY : Number(from / 1000n),
    to: to === undefined ? Number.POSITIVE_INFINITY : Number(to / 1000n),
  };
}

/** The UTC days that the ends are in, YYYY-MM-DD. */
export function parseDays({ from, to }: Omit<RangeOptions, 'last'>, reading: TimeReading): Range<string> {
  const day = (name: string, text: string | undefined): string | undefined =>
    text === undefined ? undefined : usage(() => readDay(name, text, reading));
  const [first, last] = [day('from', from), day('to', to)];
  if (first !== undefined && last !== undefined && first > last) throw new UsageError(`from ${from} is after to ${to}`);
  return { ...(first !== undefined && { from: first }), ...(last !== undefined && { to: last }) };
}

function usage<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof TimeError ? new UsageError(error.message, { cause: error }) : error;
  }
}
