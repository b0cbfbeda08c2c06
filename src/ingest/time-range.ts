/** Ranges of time as options of commands and jobs give them (src/text/time.ts has the grammar). All throw UsageError. */
import { UsageError } from '../config/errors.ts';
import type { Range } from '../iceberg/scan.ts';
import {
  checkZone,
  dayOf,
  type OpenRange,
  type RangeOptions,
  readNamed,
  readRange,
  TimeError,
  type TimeReading,
} from '../text/time.ts';

/** Milliseconds since the epoch, both ends included. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** As jobs take them. */
export interface ZonedRange {
  readonly from?: string;
  readonly to?: string;
  readonly zone?: string;
}

/** Microseconds since the epoch, both ends included. */
export const parseMicros = (options: RangeOptions, reading: TimeReading): OpenRange =>
  usage(() => readRange(options, checked(reading)));

/** Undefined where everything is meant. */
export function parseRange(options: ZonedRange, { now }: TimeReading): TimeRange | undefined {
  const { from, to } = parseMicros(options, { now, zone: options.zone });
  if (from === undefined && to === undefined) return undefined;
  return {
    from: from === undefined ? Number.NEGATIVE_INFINITY : Number(from / 1000n),
    to: to === undefined ? Number.POSITIVE_INFINITY : Number(to / 1000n),
  };
}

/** The UTC days that the ends are in, YYYY-MM-DD. */
export function parseDays(options: ZonedRange, { now }: TimeReading): Range<string> {
  const { from, to } = parseMicros(options, { now, zone: options.zone });
  return { ...(from !== undefined && { from: dayOf(from) }), ...(to !== undefined && { to: dayOf(to) }) };
}

/** The UTC day of one time. */
export const parseDay = (text: string, reading: TimeReading): string =>
  dayOf(usage(() => readNamed('day', text, reading)).first);

function checked(reading: TimeReading): TimeReading {
  try {
    if (reading.zone !== undefined) checkZone(reading.zone);
    return reading;
  } catch (error) {
    throw error instanceof TimeError ? new TimeError(`zone ${error.message}`) : error;
  }
}

function usage<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof TimeError ? new UsageError(error.message, { cause: error }) : error;
  }
}
