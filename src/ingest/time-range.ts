import { UsageError } from '../config/errors.ts';

const day = /^\d{4}-\d{2}-\d{2}$/;
const instant = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Days stand for the whole of themselves, in UTC. */
export function parseRange(from: string | undefined, to: string | undefined): TimeRange | undefined {
  if (from === undefined && to === undefined) return undefined;
  const start = from === undefined ? Number.NEGATIVE_INFINITY : parseTime('from', from);
  let end = Number.POSITIVE_INFINITY;
  if (to !== undefined) end = parseTime('to', to) + (day.test(to) ? 86_400_000 - 1 : 0);
  if (start > end) throw new UsageError(`from ${from} is after to ${to}`);
  return { from: start, to: end };
}

function parseTime(option: string, text: string): number {
  const time = Date.parse(text);
  const isDate = !Number.isNaN(time) && (!day.test(text) || new Date(time).toISOString().startsWith(text));
  if ((day.test(text) || instant.test(text)) && isDate) return time;
  throw new UsageError(
    `${option} must be a day such as 2023-07-11 or an instant such as 2023-07-11T16:55:00Z, not ${text}`,
  );
}

/** A day of the calendar, YYYY-MM-DD. */
export function parseDay(option: string, text: string): string {
  const time = Date.parse(text);
  if (day.test(text) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)) return text;
  throw new UsageError(`${option} takes a day such as 2023-07-11, not ${text}`);
}

/** Milliseconds since the epoch, both ends included. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}
