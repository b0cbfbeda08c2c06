/**
 * What can be said of the records of one instance, day by day, from the numbers that have arrived. Nothing here is called
 * complete that is not proved: a number without a record is a request that decided nothing, such as a health check on the
 * same port, or a decision that never came. The numbers alone do not tell which; the instance's own log does, where it is
 * there.
 */
import { type RequestUse, requestUses } from './evidence.ts';
import { countOf, difference, type NumberRange, unionOfRanges } from './number-set.ts';

/** In the order of a reader's concern. */
export const grades = {
  missing:
    'answered by what the instance logs, and no record came; or a gap longer than usual, or more than usual and than is tolerated',
  uncounted: 'records without a number: nothing can be said about what is missing',
  steady: 'gaps at the usual rate and length, as health checks on the same port make them: nothing speaks of a loss',
  dense:
    'every number from the first to the last has its record, or its request decided nothing: proved complete between them',
} as const;
export type Grade = keyof typeof grades;

/** What has arrived of an instance on one day. */
export interface ArrivedDay {
  readonly ymd: string;
  /** Ascending, and no two touch; empty where no record of the day has a number. */
  readonly ranges: readonly NumberRange[];
  /** There are records without a number. */
  readonly isUnnumbered: boolean;
  /** What the log of the instance says that numbers were used for, by use; as `ranges`. */
  readonly uses?: UsesOfDay;
  /** Microseconds since the epoch. */
  readonly firstTime: number;
  readonly lastTime: number;
}

export type UsesOfDay = Readonly<Partial<Record<RequestUse, readonly NumberRange[]>>>;

export interface GradedDay {
  readonly ymd: string;
  readonly grade: Grade;
  /** Smallest and largest number of the day; null without any. */
  readonly first: number | null;
  readonly last: number | null;
  /** Distinct numbers that have arrived. */
  readonly arrived: number;
  /**
   * Numbers of requests that were answered with a decision, by the log of the instance, and whose records have not come:
   * as many are missing at least.
   */
  readonly proved: readonly NumberRange[];
  /**
   * Numbers that nothing came for: those, and all whose use is not known, in gaps that end on this day: between it and
   * the day before that the instance was seen, too. As many records are missing at most.
   */
  readonly absent: number;
  /** Of the gaps, the numbers before the first number that the instance was ever seen with. */
  readonly head: number;
  readonly gaps: number;
  readonly longestGap: number;
  /** Of what is absent, what lies in gaps of usual length: only there does it matter how long the day was. */
  readonly short: number;
  /** How many records are missing: those that are proved to be, and of the others more than usual. */
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
  /** Requests that use numbers of the same counter; lines about others are of another counter. */
  readonly ignore?: readonly RequestUse[];
}

/** Grades the days of one instance, which are in order and each there once. */
export function gradeDays(arrived: readonly ArrivedDay[], options: GradeOptions): GradedDay[] {
  const { tolerate, isAlone = false } = options;
  const days = accounted(arrived, options.ignore ?? ['health', 'metrics']);
  const gapsByDay = gapsEndingOn(days);
  const lastCounted = days.findLastIndex(({ known }) => known.length > 0);
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
    if (day.known.length === 0) continue;
    lastTime = Math.max(lastTime ?? day.lastTime, day.lastTime);
    before.push(pastOf(gaps, one.usual, hours));
    if (before.length > usualDays) before.shift();
  }
  return graded;
}

/** A day with what is known of its numbers. */
interface AccountedDay extends ArrivedDay {
  /** Numbers that have arrived or whose use is known; as `ranges`. */
  readonly known: readonly NumberRange[];
  readonly proved: readonly NumberRange[];
}

function accounted(days: readonly ArrivedDay[], ignore: readonly RequestUse[]): AccountedDay[] {
  if (days.every(({ uses }) => uses === undefined))
    return days.map((day) => ({ ...day, known: day.ranges, proved: [] }));
  const arrived = unionOfRanges(days.map(({ ranges }) => ranges));
  const usesOf = (use: RequestUse) => unionOfRanges(days.map(({ uses }) => uses?.[use] ?? []));
  const decided = unionOfRanges([arrived, usesOf('answered')]);
  // What lies beyond says nothing of a decision, and may be of a counter that is ahead.
  const end: NumberRange[] = [[(decided.at(-1)?.[1] ?? 0) + 1, Number.MAX_SAFE_INTEGER]];
  const excuses = (['health', 'metrics', 'other'] as const).filter((use) => {
    if (use === 'other') return true;
    // Requests of one counter do not share a number: these are of another one, such as that of a port for diagnostics.
    const used = usesOf(use);
    return ignore.includes(use) && countOf(difference(used, decided)) === countOf(used);
  });
  const accounted: AccountedDay[] = [];
  let before: readonly NumberRange[] = arrived;
  for (const day of days) {
    const answered = day.uses?.answered ?? [];
    const excused = excuses.map((use) => difference(day.uses?.[use] ?? [], end));
    const known = unionOfRanges([day.ranges, answered, ...excused]);
    const proved = difference(answered, before);
    before = unionOfRanges([before, proved]);
    // Nothing but requests that decide nothing.
    if (known.length > 0 || day.isUnnumbered) accounted.push({ ...day, known, proved });
  }
  return accounted;
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
  readonly day: AccountedDay;
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
  const proved = countOf(day.proved);
  const absent = lengths.reduce((sum, length) => sum + length, 0);
  // Where there is no gap it makes no difference, and a year of a fleet is mostly such days.
  const isGapless = lengths.length === 0 && foreign === 0;
  const usual = isAlone || isGapless ? unknownUsual : usualOf(before, lengths);
  const inLong = lengths.filter((length) => length > usual.longestGap).reduce((sum, length) => sum + length, 0);
  const inShort = absent - inLong;
  const excess = excessOf(inShort, arrived, usual, hours, tolerate);
  const estimated = proved + inLong + excess;
  return {
    ymd: day.ymd,
    grade: gradeOf(
      day,
      absent === 0 && foreign === 0,
      proved > 0 || inLong > 0 || foreign > usual.longestGap || estimated / Math.max(1, arrived + estimated) > tolerate,
    ),
    first: day.ranges[0]?.[0] ?? null,
    last: day.ranges.at(-1)?.[1] ?? null,
    arrived,
    proved: day.proved,
    absent: proved + absent,
    head,
    gaps: gaps.length,
    longestGap: longestOf(lengths),
    short: inShort,
    estimated,
    usual,
    isSeenAgain,
  };
}

function gradeOf({ known, isUnnumbered }: AccountedDay, isWhole: boolean, isUnusual: boolean): Grade {
  if (known.length > 0 && isUnusual) return 'missing';
  // Records without a number stand beside the others, and nothing proves that all of them came.
  if (isUnnumbered || known.length === 0) return 'uncounted';
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
function gapsEndingOn(days: readonly AccountedDay[]): { gaps: NumberRange[]; head: number; foreign: number }[] {
  const byDay = days.map(() => ({ gaps: [] as NumberRange[], head: 0, foreign: 0 }));
  const all = days.flatMap(({ known }, day) => known.map((range) => ({ range, day })));
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
  for (const [day, { known }] of days.entries()) {
    // The first one tells enough: numbers of a day among those of another are rare.
    const found = known.length === 0 ? undefined : gaps[firstGapFrom(gaps, known[0]![0])];
    if (found !== undefined && found.day !== day && found.gap[0] < known.at(-1)![0])
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
  const uses = unionOfUses(parts.flatMap((part) => part.uses ?? []));
  return {
    ymd: only!.ymd,
    ranges: unionOfRanges(parts.map(({ ranges }) => ranges)),
    isUnnumbered: parts.some(({ isUnnumbered }) => isUnnumbered),
    ...(uses && { uses }),
    firstTime: Math.min(...parts.map(({ firstTime }) => firstTime)),
    lastTime: Math.max(...parts.map(({ lastTime }) => lastTime)),
  };
}

function unionOfUses(all: readonly UsesOfDay[]): UsesOfDay | undefined {
  if (all.length <= 1) return all[0];
  const union = requestUses.map((use) => [use, unionOfRanges(all.map((uses) => uses[use] ?? []))] as const);
  return Object.fromEntries(union.filter(([, ranges]) => ranges.length > 0));
}
