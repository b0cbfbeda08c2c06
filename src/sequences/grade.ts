/**
 * What can be said of the records of one instance, day by day, from the numbers that have arrived. Nothing here is called
 * complete that the numbers do not prove: a number without a record is a request that decided nothing, such as a health
 * check on the same port, or a decision that never came, and the numbers alone do not tell which.
 */
import { countOf, type NumberRange, NumberSet } from './number-set.ts';

/** In the order of a reader's concern. */
export const grades = {
  missing: 'a gap longer than usual, or more numbers without a record than usual and than is tolerated',
  uncounted: 'records without a number: nothing can be said about what is missing',
  steady: 'gaps at the usual rate and length, as health checks on the same port make them: nothing speaks of a loss',
  dense: 'every number from the first to the last has its record: proved complete between them',
} as const;
export type Grade = keyof typeof grades;

/** What has arrived of an instance on one day. */
export interface ArrivedDay {
  readonly ymd: string;
  /** Ascending, and no two touch; empty where no record of the day has a number. */
  readonly ranges: readonly NumberRange[];
  /** There are records without a number. */
  readonly isUnnumbered: boolean;
  /** Microseconds since the epoch. */
  readonly firstTime: number;
  readonly lastTime: number;
}

export interface GradedDay {
  readonly ymd: string;
  readonly grade: Grade;
  /** Smallest and largest number of the day; null without any. */
  readonly first: number | null;
  readonly last: number | null;
  /** Distinct numbers that have arrived. */
  readonly arrived: number;
  /**
   * Numbers that nothing came for, in gaps that end on this day: between it and the day before that the instance was
   * seen, too. As many records are missing at most.
   */
  readonly absent: number;
  /** Of these, the ones before the first number that the instance was ever seen with. */
  readonly head: number;
  readonly gaps: number;
  readonly longestGap: number;
  /** Of what is absent, what lies in gaps of usual length: only there does it matter how long the day was. */
  readonly short: number;
  /** How many records are missing, judged by what is usual. The numbers alone prove none: at least 0. */
  readonly estimated: number;
  readonly usual: Usual;
  /** The instance is seen later on, so what came after its last number is known there; otherwise it is not known. */
  readonly isSeenAgain: boolean;
}

/** What gaps are when nothing is missing. */
export interface Usual {
  /** Where that is known from: days before this one, the many gaps of the day itself, or nowhere. */
  readonly from: 'days' | 'day' | 'nothing';
  /** The longest gap that is still usual. */
  readonly longestGap: number;
  /** Absent numbers an hour; null where only their share can be judged. */
  readonly perHour: number | null;
}

/** Days before that say what is usual. */
const usualDays = 7;
/** With so many gaps a day says itself how long they usually are. */
const leastGaps = 4;
/** A gap is longer than usual from so many times the usual length on: checks fall together now and then. */
const lengthMargin = { days: 2, day: 3 };
/** The same for their rate. */
const rateMargin = 1.5;
const microsPerHour = 3_600_000_000;

export interface GradeOptions {
  /**
   * The share of missing records up to which a day is not called missing whose gaps are all of usual length; 0.01 is
   * 1 %.
   */
  readonly tolerate: number;
  /** Nothing but what makes a record uses a number, so no gap is usual. */
  readonly isAlone?: boolean;
}

/** Grades the days of one instance, which are in order and each there once. */
export function gradeDays(days: readonly ArrivedDay[], { tolerate, isAlone = false }: GradeOptions): GradedDay[] {
  const gapsByDay = gapsEndingOn(days);
  const lastCounted = days.findLastIndex(({ ranges }) => ranges.length > 0);
  const graded: GradedDay[] = [];
  const before: PastDay[] = [];
  let lastTime: number | undefined;
  for (const [i, day] of days.entries()) {
    const { gaps, head, foreign } = gapsByDay[i]!;
    const hours = Math.max(0, day.lastTime - (lastTime ?? day.firstTime)) / microsPerHour;
    const one = gradeDay({
      day,
      gaps,
      head,
      foreign,
      hours,
      before,
      tolerate,
      isAlone,
      isSeenAgain: i < lastCounted,
    });
    graded.push(one);
    if (day.ranges.length === 0) continue;
    lastTime = Math.max(lastTime ?? day.lastTime, day.lastTime);
    before.push(pastOf(gaps, one.usual, hours));
    if (before.length > usualDays) before.shift();
  }
  return graded;
}

/** What a day teaches those after it: its gaps without the ones that were longer than usual. */
interface PastDay {
  readonly longestGap: number;
  readonly perHour: number;
}

function pastOf(gaps: readonly NumberRange[], usual: Usual, hours: number): PastDay {
  const lengths = gaps.map(lengthOf).filter((length) => length <= usual.longestGap);
  const absent = lengths.reduce((sum, length) => sum + length, 0);
  return { longestGap: longestOf(lengths), perHour: absent / Math.max(hours, 1 / 60) };
}

interface Judged {
  readonly day: ArrivedDay;
  readonly gaps: readonly NumberRange[];
  readonly head: number;
  /** A gap among the day's numbers that ends on another day; its length, 0 where there is none. */
  readonly foreign: number;
  readonly hours: number;
  readonly before: readonly PastDay[];
  readonly tolerate: number;
  readonly isAlone: boolean;
  readonly isSeenAgain: boolean;
}

function gradeDay({ day, gaps, head, foreign, hours, before, tolerate, isAlone, isSeenAgain }: Judged): GradedDay {
  const lengths = gaps.map(lengthOf);
  const arrived = countOf(day.ranges);
  const absent = lengths.reduce((sum, length) => sum + length, 0);
  // Where there is no gap it makes no difference, and a year of a fleet is mostly such days.
  const isGapless = lengths.length === 0 && foreign === 0;
  const usual = isAlone || isGapless ? unknownUsual : usualOf(before, lengths);
  const inLong = lengths.filter((length) => length > usual.longestGap).reduce((sum, length) => sum + length, 0);
  const inShort = absent - inLong;
  const excess = excessOf(inShort, arrived, usual, hours, tolerate);
  const estimated = inLong + excess;
  return {
    ymd: day.ymd,
    grade: gradeOf(
      day,
      absent === 0 && foreign === 0,
      inLong > 0 || foreign > usual.longestGap || estimated / Math.max(1, arrived + estimated) > tolerate,
    ),
    first: day.ranges[0]?.[0] ?? null,
    last: day.ranges.at(-1)?.[1] ?? null,
    arrived,
    absent,
    head,
    gaps: gaps.length,
    longestGap: longestOf(lengths),
    short: inShort,
    estimated,
    usual,
    isSeenAgain,
  };
}

function gradeOf({ ranges, isUnnumbered }: ArrivedDay, isWhole: boolean, isUnusual: boolean): Grade {
  if (ranges.length > 0 && isUnusual) return 'missing';
  // Records without a number stand beside the others, and nothing proves that all of them came.
  if (isUnnumbered || ranges.length === 0) return 'uncounted';
  return isWhole ? 'dense' : 'steady';
}

/** Of the absent numbers in gaps of usual length, those that are more than usual. */
function excessOf(absent: number, arrived: number, { perHour }: Usual, hours: number, tolerate: number): number {
  if (perHour !== null) return Math.max(0, Math.round(absent - perHour * hours * rateMargin) - 1);
  return absent / Math.max(1, arrived + absent) > tolerate ? absent : 0;
}

function usualOf(before: readonly PastDay[], lengths: readonly number[]): Usual {
  if (before.length > 0)
    return {
      from: 'days',
      longestGap: median(before.map(({ longestGap }) => longestGap)) * lengthMargin.days,
      perHour: median(before.map(({ perHour }) => perHour)),
    };
  if (lengths.length >= leastGaps)
    return { from: 'day', longestGap: median(lengths) * lengthMargin.day, perHour: null };
  return unknownUsual;
}

const unknownUsual: Usual = { from: 'nothing', longestGap: 0, perHour: null };

/** The lower one of two in the middle: in doubt less is usual. */
function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1]!;
}

/** Of any number of gaps: too many to be arguments. */
const longestOf = (lengths: readonly number[]): number => lengths.reduce((a, b) => Math.max(a, b), 0);

const lengthOf = ([first, last]: NumberRange): number => last - first + 1;

/**
 * The gaps in the numbers of all days together, each with the day on which the number after it was seen: around midnight
 * numbers of both days are mixed, and a number has to have come only once, on whichever day.
 */
function gapsEndingOn(days: readonly ArrivedDay[]): { gaps: NumberRange[]; head: number; foreign: number }[] {
  const byDay = days.map(() => ({ gaps: [] as NumberRange[], head: 0, foreign: 0 }));
  const all = days.flatMap(({ ranges }, day) => ranges.map((range) => ({ range, day })));
  all.sort((a, b) => a.range[0] - b.range[0] || a.day - b.day);
  const gaps: { readonly gap: NumberRange; readonly day: number }[] = [];
  let next = 1;
  for (const { range, day } of all) {
    const [first, last] = range;
    if (first > next) {
      byDay[day]!.gaps.push([next, first - 1]);
      gaps.push({ gap: [next, first - 1], day });
      if (next === 1) byDay[day]!.head = first - 1;
    }
    next = Math.max(next, last + 1);
  }
  for (const [day, { ranges }] of days.entries()) {
    // The first one tells enough: numbers of a day among those of another are rare.
    const found = ranges.length === 0 ? undefined : gaps[firstGapFrom(gaps, ranges[0]![0])];
    if (found !== undefined && found.day !== day && found.gap[0] < ranges.at(-1)![0])
      byDay[day]!.foreign = lengthOf(found.gap);
  }
  return byDay;
}

/** Index of the first gap that begins after a number. */
function firstGapFrom(gaps: readonly { readonly gap: NumberRange }[], number: number): number {
  let [low, high] = [0, gaps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (gaps[middle]!.gap[0] > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** One day of several accounts of it. */
export function unionOf(parts: readonly ArrivedDay[]): ArrivedDay {
  const [only, ...others] = parts;
  if (others.length === 0) return only!;
  const numbers = new NumberSet();
  for (const { ranges } of parts) for (const [first, last] of ranges) numbers.addRange(first, last);
  return {
    ymd: only!.ymd,
    ranges: numbers.ranges(),
    isUnnumbered: parts.some(({ isUnnumbered }) => isUnnumbered),
    firstTime: Math.min(...parts.map(({ firstTime }) => firstTime)),
    lastTime: Math.max(...parts.map(({ lastTime }) => lastTime)),
  };
}
