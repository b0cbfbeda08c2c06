/**
 * A set of whole numbers as ranges. Made for numbers that come nearly in order: one that is in place costs a comparison,
 * one that is a few ranges late a short search, and those that are far from the others are sorted in now and then.
 */

/** Both ends included. */
export type NumberRange = readonly [first: number, last: number];

/** Ranges that are looked through for the place of a number, from the last one back. */
const nearRanges = 64;
/** Numbers that wait to be sorted in; as many as there are ranges may, so that sorting stays cheap. */
const leastLoose = 4096;

export class NumberSet {
  /** Ascending, and no two ranges touch. */
  #firsts: number[] = [];
  #lasts: number[] = [];
  #loose: NumberRange[] = [];

  /** An integer from 0 to 2^53 - 2. */
  add(number: number): void {
    const top = this.#lasts.length - 1;
    const end = this.#lasts[top];
    if (end === undefined || number > end + 1) this.#insert(top + 1, number, number);
    else if (number === end + 1) this.#lasts[top] = number;
    else this.#addBehind(number, top);
  }

  /** The same for all numbers of a range. */
  addRange(first: number, last: number): void {
    if (first === last) {
      this.add(first);
      return;
    }
    const top = this.#lasts.length - 1;
    const end = this.#lasts[top];
    if (end === undefined || first > end + 1) this.#insert(top + 1, first, last);
    else if (first >= this.#firsts[top]!) this.#lasts[top] = Math.max(end, last);
    else this.#setAside(first, last);
  }

  /** How much there is to remember: ranges, and numbers that are not sorted in yet. */
  get size(): number {
    return this.#firsts.length + this.#loose.length;
  }

  /** Ascending; no two of them touch. */
  ranges(): NumberRange[] {
    this.#sortIn();
    return this.#firsts.map((first, i) => [first, this.#lasts[i]!]);
  }

  #addBehind(number: number, top: number): void {
    const end = Math.max(-1, top - nearRanges);
    let at = top;
    while (at > end && this.#firsts[at]! > number) at--;
    if (at === end && at >= 0) {
      this.#setAside(number, number);
      return;
    }
    if (at >= 0 && number <= this.#lasts[at]!) return;
    const follows = at >= 0 && this.#lasts[at]! + 1 === number;
    const leads = this.#firsts[at + 1] === number + 1;
    if (follows && leads) this.#lasts.splice(at, 2, this.#lasts[at + 1]!);
    if (follows && leads) this.#firsts.splice(at + 1, 1);
    else if (follows) this.#lasts[at] = number;
    else if (leads) this.#firsts[at + 1] = number;
    else this.#insert(at + 1, number, number);
  }

  #insert(at: number, first: number, last: number): void {
    if (at === this.#firsts.length) {
      this.#firsts.push(first);
      this.#lasts.push(last);
      return;
    }
    this.#firsts.splice(at, 0, first);
    this.#lasts.splice(at, 0, last);
  }

  #setAside(first: number, last: number): void {
    this.#loose.push([first, last]);
    if (this.#loose.length >= Math.max(leastLoose, this.#firsts.length)) this.#sortIn();
  }

  #sortIn(): void {
    if (this.#loose.length === 0) return;
    const held = this.#firsts.map((first, i): NumberRange => [first, this.#lasts[i]!]);
    const all = [...held, ...this.#loose].sort(([a], [b]) => a - b);
    this.#loose = [];
    this.#firsts = [];
    this.#lasts = [];
    for (const [first, last] of all) {
      const top = this.#lasts.length - 1;
      if (top >= 0 && first <= this.#lasts[top]! + 1) this.#lasts[top] = Math.max(this.#lasts[top]!, last);
      else this.#insert(top + 1, first, last);
    }
  }
}

/** The numbers between the first and the last range that are in none. Of what `NumberSet.ranges` gives. */
export function gapsOf(ranges: readonly NumberRange[]): NumberRange[] {
  return ranges.slice(1).map(([first], i) => [ranges[i]![1] + 1, first - 1]);
}

/** How many numbers ranges that do not overlap hold. */
export const countOf = (ranges: readonly NumberRange[]): number =>
  ranges.reduce((sum, [first, last]) => sum + (last - first + 1), 0);

/** The numbers of one set that are not in another one. Of what `NumberSet.ranges` gives. */
export function difference(ranges: readonly NumberRange[], without: readonly NumberRange[]): NumberRange[] {
  if (ranges.length === 0 || without.length === 0) return [...ranges];
  const left: NumberRange[] = [];
  let at = firstEndingFrom(without, ranges[0]![0]);
  for (const [first, last] of ranges) {
    let next = first;
    while (at < without.length && without[at]![1] < next) at++;
    for (let i = at; i < without.length && without[i]![0] <= last; i++) {
      const [start, end] = without[i]!;
      if (start > next) left.push([next, start - 1]);
      next = Math.max(next, end + 1);
    }
    if (next <= last) left.push([next, last]);
  }
  return left;
}

/** Index of the first range that does not end before a number. */
function firstEndingFrom(ranges: readonly NumberRange[], number: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The numbers of several sets. */
export function unionOfRanges(sets: readonly (readonly NumberRange[])[]): readonly NumberRange[] {
  const filled = sets.filter((ranges) => ranges.length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  const numbers = new NumberSet();
  for (const ranges of filled) for (const [first, last] of ranges) numbers.addRange(first, last);
  return numbers.ranges();
}
