/** Rows of one day as fewer rows that say the same: one for each instance, kind and source, as far as gaps and times allow. */
import type { Value } from '../columns/types.ts';
import { NumberSet } from './number-set.ts';
import { fromRow, type SequenceOwner, toRows } from './rows.ts';

interface Merged extends SequenceOwner {
  readonly numbers: NumberSet;
}

export class SequenceMerge {
  readonly #merged = new Map<string, Merged>();

  /** A row of the table, by its columns. */
  add(stored: Readonly<Record<string, unknown>>): void {
    const { ranges, ...row } = fromRow(stored);
    // Records without a number are a row of their own.
    // What was answered and did not come keeps its time.
    const time = row.kind === 'answered' ? [row.firstTime, row.lastTime] : [];
    const key = JSON.stringify([row.source, row.kind, row.instance, ranges.length > 0, ...time]);
    const before = this.#merged.get(key);
    const numbers = before?.numbers ?? new NumberSet();
    for (const [first, last] of ranges) numbers.addRange(first, last);
    this.#merged.set(key, {
      ...row,
      batch: before === undefined || before.batch === row.batch ? row.batch : null,
      firstTime: Math.min(before?.firstTime ?? row.firstTime, row.firstTime),
      lastTime: Math.max(before?.lastTime ?? row.lastTime, row.lastTime),
      numbers,
    });
  }

  /** Values in the order of the table; rows in none. */
  *rows(): Generator<Value[]> {
    for (const { numbers, ...row } of this.#merged.values()) yield* toRows({ ...row, ranges: numbers.ranges() });
  }
}
