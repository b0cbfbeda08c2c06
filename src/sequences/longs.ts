import type { ColumnData, FixedData } from '../columns/batch.ts';

/** The longs of a column as doubles, which are exact up to 2^53; 0 where there is none. */
export class Longs {
  readonly #valid: Uint8Array | null;
  /** Two words for each value, the lower one first: reading a BigInt64Array makes a BigInt each time. */
  readonly #words: Int32Array | undefined;

  constructor(data: ColumnData) {
    const { valid, values } = data as FixedData;
    this.#valid = valid;
    if (values !== null) this.#words = new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2);
  }

  get isEmpty(): boolean {
    return this.#words === undefined;
  }

  at(row: number): number {
    if (this.#words === undefined || (this.#valid !== null && this.#valid[row] !== 1)) return 0;
    return this.#words[row * 2 + 1]! * 2 ** 32 + (this.#words[row * 2]! >>> 0);
  }

  /** The least and the greatest of some rows, at least one. */
  bounds(from: number, to: number): readonly [least: number, greatest: number] {
    let least = this.at(from);
    let greatest = least;
    for (let row = from + 1; row < to; row++) {
      const value = this.at(row);
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    return [least, greatest];
  }

  /** Up to which row the values count on from that of row `from`, one by one; at most `to`. */
  endOfCount(from: number, to: number): number {
    const start = this.at(from) - from;
    let row = from + 1;
    while (row < to && this.at(row) - row === start) row++;
    return row;
  }
}
