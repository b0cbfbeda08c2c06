/**
 * Columns of a chart over time: as many as can be told apart, of a width that people think in, aligned to the calendar
 * (UTC). The warehouse counts by minute, hour or day, and those counts are added up here.
 */
import type { ReportRange } from './range.ts';

/** What the warehouse counts by. */
export type Unit = 'minute' | 'hour' | 'day';

export interface Buckets {
  readonly unit: Unit;
  /** `3 hours`, `1 day`. */
  readonly width: string;
  /** Milliseconds since the epoch, ascending; the first may lie before the range. */
  readonly starts: readonly number[];
}

const most = 62;
const minute = 60_000;
const day = 86_400_000;
/** 1970-01-05 was a Monday. */
const firstMonday = 4 * day;

interface Width {
  readonly name: string;
  readonly unit: Unit;
  /** The start of the bucket that has this moment in it. */
  readonly startOf: (ms: number) => number;
  readonly next: (start: number) => number;
}

const widths: readonly Width[] = [
  ...[1, 5, 15, 30].map((count) => fixed(plural(count, 'minute'), 'minute', count * minute)),
  ...[1, 3, 6, 12].map((count) => fixed(plural(count, 'hour'), 'hour', count * 60 * minute)),
  fixed('1 day', 'day', day),
  fixed('1 week', 'day', 7 * day, firstMonday),
  months('1 month', 1),
  months('1 quarter', 3),
  months('1 year', 12),
  months('10 years', 120),
  months('100 years', 1_200),
  months('1,000 years', 12_000),
];

export function chooseBuckets({ from, to }: Pick<ReportRange, 'from' | 'to'>): Buckets {
  const [first, last] = [Number(from / 1000n), Number(to / 1000n)];
  for (const { name, unit, startOf, next } of widths) {
    const starts: number[] = [];
    for (let at = startOf(first); at <= last && starts.length <= most; at = next(at)) starts.push(at);
    if (starts.length <= most) return { unit, width: name, starts };
  }
  throw new Error('a range beyond the years that have four digits');
}

/** Adds counts by unit up into buckets: one list of sums a bucket, as long as `names`. */
export function fold<Name extends string>(
  { starts }: Buckets,
  names: readonly Name[],
  counts: readonly ({ readonly moment: number } & Readonly<Record<Name, number>>)[],
): Record<Name, number>[] {
  const sums = starts.map(() => Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>);
  for (const count of counts) {
    const sum = sums[indexOf(starts, count.moment)];
    if (sum === undefined) throw new Error(`a count of ${new Date(count.moment).toISOString()}, outside the range`);
    for (const name of names) (sum as Record<Name, number>)[name] += count[name];
  }
  return sums;
}

/** Of the last start that is not after the moment; -1 where there is none. */
function indexOf(starts: readonly number[], moment: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= moment) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function fixed(name: string, unit: Unit, ms: number, origin = 0): Width {
  const startOf = (at: number): number => Math.floor((at - origin) / ms) * ms + origin;
  return { name, unit, startOf, next: (start) => start + ms };
}

function months(name: string, count: number): Width {
  const ofMonth = (index: number): number => new Date(0).setUTCFullYear(Math.floor(index / 12), index % 12, 1);
  const startOf = (at: number): number => {
    const date = new Date(at);
    const index = date.getUTCFullYear() * 12 + date.getUTCMonth();
    return ofMonth(index - (index % count));
  };
  const next = (start: number): number => {
    const date = new Date(start);
    return ofMonth(date.getUTCFullYear() * 12 + date.getUTCMonth() + count);
  };
  return { name, unit: 'day', startOf, next };
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
