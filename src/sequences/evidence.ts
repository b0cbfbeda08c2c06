/**
 * What a producer's own log says of the requests that it counts: a number without a record is a decision that was made and
 * never came, or a request that decided nothing, and such a line tells which.
 *
 * The lines name no instance. Within an object, those of one run of a process are taken to be of the instance whose records
 * were made meanwhile, or that the process names itself, where there is exactly one; all others are evidence of nothing.
 */
import { countOf, difference, type NumberRange, NumberSet } from './number-set.ts';

/** What a number was used for. A decision answers each of the first kind; the others decide nothing. */
export const requestUses = ['answered', 'health', 'metrics', 'other'] as const;
export type RequestUse = (typeof requestUses)[number];

export type Evidence =
  /** Another run of a process begins. */
  | { readonly kind: 'start'; readonly hasDiagnostics: boolean }
  | { readonly kind: 'instance'; readonly instance: string }
  /** `time` in microseconds since the epoch, of the UTC day `ymd`. */
  | {
      readonly kind: 'request';
      readonly use: RequestUse;
      readonly number: number;
      readonly time: number;
      readonly ymd: string;
    };

/** Numbers of one day of an instance that were used for one thing. */
export interface UsedNumbers {
  readonly instance: string;
  readonly ymd: string;
  readonly use: RequestUse;
  readonly ranges: readonly NumberRange[];
  readonly firstTime: number;
  readonly lastTime: number;
}

/** Ranges, runs, instances and moments that are held for a batch: what outgrows it is no evidence. */
const mostHeld = 200_000;
/** Runs of numbers without a record that keep their own times. */
const mostTimedRuns = 64;
/** Lines tell seconds, records microseconds. */
const second = 1_000_000;

export class EvidenceBook {
  #objects = new Map<string, ObjectEvidence>();
  #held = 0;
  #checkAt = 4096;
  #isOverfull = false;

  add(uri: string, evidence: Evidence): void {
    if (this.#isOverfull) return;
    this.#objectOf(uri).add(evidence);
    if (++this.#held >= this.#checkAt) this.#checkSize();
  }

  /** A record of the object, or several, of one instance, made between these times. */
  sawRecords(uri: string, instance: string, firstTime: number, lastTime: number): void {
    if (this.#isOverfull) return;
    this.#objectOf(uri).sawRecords(instance, firstTime, lastTime);
    if (++this.#held >= this.#checkAt) this.#checkSize();
  }

  /** The object could not be read to its end: what it said is said again. */
  forget(uri: string): void {
    this.#objects.delete(uri);
  }

  /**
   * What is known of each instance; holds nothing afterwards. `arrived`: the numbers of an instance that have come with the
   * batch, which need no evidence that they were answered.
   */
  *settle(arrived: (instance: string) => readonly NumberRange[]): Generator<UsedNumbers> {
    const objects = [...this.#objects.values()];
    this.#objects = new Map();
    for (const object of objects) {
      for (const { instance, run } of object.attributed()) {
        for (const [ymd, day] of run.days) {
          for (const use of requestUses) {
            const used = day.uses.get(use);
            // A process that answers these on a port of its own counts them apart, with the same numbers.
            if (used === undefined || (run.hasDiagnostics && (use === 'health' || use === 'metrics'))) continue;
            const ranges = used.ranges();
            if (use !== 'answered') yield { instance, ymd, use, ranges, ...day.moments.all() };
            else yield* unrecorded({ instance, ymd, use }, difference(ranges, arrived(instance)), day.moments);
          }
        }
      }
    }
  }

  #objectOf(uri: string): ObjectEvidence {
    let object = this.#objects.get(uri);
    if (object === undefined) {
      object = new ObjectEvidence();
      this.#objects.set(uri, object);
    }
    return object;
  }

  #checkSize(): void {
    this.#held = this.#objects.values().reduce((sum, object) => sum + object.size, this.#objects.size);
    this.#checkAt = this.#held + 4096;
    if (this.#held <= mostHeld) return;
    this.#isOverfull = true;
    this.#objects = new Map();
  }
}

/** Each run of numbers by itself, so that each has its times; together where there are many. */
function* unrecorded(
  owner: Pick<UsedNumbers, 'instance' | 'ymd' | 'use'>,
  ranges: readonly NumberRange[],
  moments: Moments,
): Generator<UsedNumbers> {
  if (ranges.length > mostTimedRuns) yield { ...owner, ranges, ...moments.all() };
  else for (const range of ranges) yield { ...owner, ranges: [range], ...moments.of(range) };
}

interface Span {
  readonly firstTime: number;
  readonly lastTime: number;
}

class ObjectEvidence {
  readonly #runs: ProcessRun[] = [new ProcessRun(false)];
  /** When the records of each instance were made. */
  readonly #instances = new Map<string, Span>();

  get size(): number {
    return this.#runs.reduce((sum, run) => sum + run.size, this.#instances.size);
  }

  add(evidence: Evidence): void {
    if (evidence.kind === 'start') this.#runs.push(new ProcessRun(evidence.hasDiagnostics));
    else this.#runs.at(-1)!.add(evidence);
  }

  sawRecords(instance: string, firstTime: number, lastTime: number): void {
    const before = this.#instances.get(instance) ?? { firstTime, lastTime };
    this.#instances.set(instance, {
      firstTime: Math.min(before.firstTime, firstTime),
      lastTime: Math.max(before.lastTime, lastTime),
    });
  }

  *attributed(): Generator<{ instance: string; run: ProcessRun }> {
    const runs = this.#runs.filter((run) => run.days.size > 0);
    const inOrder = this.#oneAfterTheOther();
    for (const [i, run] of runs.entries()) {
      if (run.isOfSeveral()) continue;
      const candidates = this.#candidatesOf(run, runs.length === 1);
      const next = inOrder?.length === runs.length ? inOrder[i]! : undefined;
      if (candidates.size === 1) for (const instance of candidates) yield { instance, run };
      else if (next !== undefined && candidates.has(next)) yield { instance: next, run };
    }
  }

  #candidatesOf(run: ProcessRun, isOnly: boolean): ReadonlySet<string> {
    const { firstTime, lastTime } = run.span();
    const meanwhile = [...this.#instances].filter(
      ([, span]) => span.lastTime >= firstTime && span.firstTime < lastTime + second,
    );
    const candidates = new Set([...meanwhile.map(([instance]) => instance), ...run.named]);
    // Requests that decide nothing may come long before or after the only process of an object decides anything.
    return candidates.size === 0 && isOnly ? new Set(this.#instances.keys()) : candidates;
  }

  /** The instances, where each was done when the next one began: by microseconds, where lines may share a second. */
  #oneAfterTheOther(): string[] | undefined {
    const sorted = [...this.#instances].sort(([, a], [, b]) => a.firstTime - b.firstTime);
    const isApart = sorted.every(([, { firstTime }], i) => i === 0 || firstTime > sorted[i - 1]![1].lastTime);
    return isApart ? sorted.map(([instance]) => instance) : undefined;
  }
}

/** One run of a process, from its start to the next one. */
class ProcessRun {
  readonly hasDiagnostics: boolean;
  /** What it calls itself. */
  readonly named = new Set<string>();
  /** Lines about decisions. */
  #answers = 0;
  readonly days = new Map<string, { readonly uses: Map<RequestUse, NumberSet>; readonly moments: Moments }>();

  constructor(hasDiagnostics: boolean) {
    this.hasDiagnostics = hasDiagnostics;
  }

  get size(): number {
    let size = 1 + this.named.size;
    for (const { uses, moments } of this.days.values()) {
      size += moments.size;
      for (const numbers of uses.values()) size += numbers.size;
    }
    return size;
  }

  add(evidence: Exclude<Evidence, { kind: 'start' }>): void {
    if (evidence.kind === 'instance') {
      this.named.add(evidence.instance);
      return;
    }
    const { ymd, use, number, time } = evidence;
    let day = this.days.get(ymd);
    if (day === undefined) {
      day = { uses: new Map(), moments: new Moments() };
      this.days.set(ymd, day);
    }
    let numbers = day.uses.get(use);
    if (numbers === undefined) {
      numbers = new NumberSet();
      day.uses.set(use, numbers);
    }
    numbers.add(number);
    if (use === 'answered') this.#answers++;
    day.moments.add(number, time);
  }

  /** A number was answered twice: lines of two counters are mixed. */
  isOfSeveral(): boolean {
    const answered = [...this.days.values()].map(({ uses }) => countOf(uses.get('answered')?.ranges() ?? []));
    return answered.reduce((sum, count) => sum + count, 0) < this.#answers;
  }

  span(): Span {
    const all = [...this.days.values()].map(({ moments }) => moments.all());
    return {
      firstTime: Math.min(...all.map(({ firstTime }) => firstTime)),
      lastTime: Math.max(...all.map(({ lastTime }) => lastTime)),
    };
  }
}

interface Moment {
  first: number;
  last: number;
  firstTime: number;
  lastTime: number;
}

/** When numbers were used, to the second while there are few seconds, and then more coarsely. */
class Moments {
  #moments: Moment[] = [];
  #mostTime = second;

  get size(): number {
    return this.#moments.length;
  }

  add(number: number, time: number): void {
    const last = this.#moments.at(-1);
    if (last === undefined || Math.abs(time - last.firstTime) >= this.#mostTime) {
      this.#moments.push({ first: number, last: number, firstTime: time, lastTime: time });
      if (this.#moments.length > mostMoments) this.#halve();
      return;
    }
    extend(last, { first: number, last: number, firstTime: time, lastTime: time });
  }

  /** The times between which the numbers of a range were used. */
  of([first, last]: NumberRange): Span {
    const near = this.#moments.filter((moment) => moment.first <= last && moment.last >= first);
    return spanOf(near);
  }

  all(): Span {
    return spanOf(this.#moments);
  }

  #halve(): void {
    this.#mostTime *= 2;
    this.#moments = this.#moments.filter((moment, i, all) => {
      if (i % 2 === 0) return true;
      extend(all[i - 1]!, moment);
      return false;
    });
  }
}

const mostMoments = 4096;

function extend(moment: Moment, by: Moment): void {
  moment.first = Math.min(moment.first, by.first);
  moment.last = Math.max(moment.last, by.last);
  moment.firstTime = Math.min(moment.firstTime, by.firstTime);
  moment.lastTime = Math.max(moment.lastTime, by.lastTime);
}

function spanOf(moments: readonly Moment[]): Span {
  let [firstTime, lastTime] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const moment of moments) {
    firstTime = Math.min(firstTime, moment.firstTime);
    lastTime = Math.max(lastTime, moment.lastTime);
  }
  return { firstTime, lastTime };
}
