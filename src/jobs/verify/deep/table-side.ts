/** The rows of one table, row group by row group, as their places and hashes. */
import type { ColumnBatch, FixedData, StringData } from '../../../columns/batch.ts';
import type { DigestedBatch, RowHash } from '../../../kernel/row-digests.ts';
import type { ComparedObjects, DigestedTable } from './objects.ts';
import { noOffset, type RowSorter } from './sorted-rows.ts';

export class TableDigester {
  readonly #table: DigestedTable;
  readonly #objects: ComparedObjects;
  readonly #hash: RowHash;
  readonly #rows: RowSorter;

  constructor(table: DigestedTable, objects: ComparedObjects, hash: RowHash, rows: RowSorter) {
    this.#table = table;
    this.#hash = hash;
    this.#objects = objects;
    this.#rows = rows;
  }

  /**
   * `objects`: the number of each row's object, or -1 for one that is of none. `digested`: the columns of the batch, so that
   * others can look at them as well.
   */
  take(batch: ColumnBatch, digested: DigestedBatch, objects: Int32Array): void {
    const table = this.#table;
    const offsets = offsetsOf(batch);
    const [mapped, unmapped] = this.#parted(objects, batch.rows);
    this.#notePromoted(batch, objects);
    const first = table.number * this.#objects.count;
    for (const [columns, some] of [
      [table.columns, mapped],
      [table.unmapped, unmapped],
    ] as const) {
      if (some.length === 0) continue;
      const range = some.length === batch.rows ? { from: 0, to: batch.rows } : some;
      const hashes = digested.hash(this.#hash, columns, range);
      for (let i = 0; i < some.length; i++) {
        const row = some[i]!;
        this.#rows.add(first + objects[row]!, offsets(row), hashes, i);
      }
    }
  }

  /** The rows that are compared in all columns, and those without the mapped ones. */
  #parted(objects: Int32Array, rows: number): readonly [mapped: Uint32Array, unmapped: Uint32Array] {
    const mapped = new Uint32Array(rows);
    const unmapped = new Uint32Array(rows);
    let [ofMapped, ofUnmapped] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const object = objects[row]!;
      if (object < 0) continue;
      if (this.#objects.isUnmapped(object)) unmapped[ofUnmapped++] = row;
      else mapped[ofMapped++] = row;
    }
    return [mapped.subarray(0, ofMapped), unmapped.subarray(0, ofUnmapped)];
  }

  #notePromoted(batch: ColumnBatch, objects: Int32Array): void {
    for (const column of this.#table.promoted) {
      const data = batch.columns.find(({ name }) => name === column)?.data;
      if (data === undefined || data.nullCount === data.length) continue;
      const holders = this.#objects.holdersOf(this.#table.name, column);
      for (let row = 0; row < batch.rows; row++)
        if (objects[row]! >= 0 && (data.valid === null || data.valid[row] === 1)) holders[objects[row]!] = 1;
    }
  }
}

/** The offset of each row, by its number. */
export function offsetsOf(batch: ColumnBatch): (row: number) => number {
  const data = batch.columns.find(({ name }) => name === 'source_offset')?.data as FixedData | undefined;
  const values = data?.values as BigInt64Array | null | undefined;
  if (data === undefined || values === null || values === undefined) return () => noOffset;
  // By words, since reading a BigInt64Array makes a BigInt each time.
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const { valid } = data;
  return (row) => {
    if (valid !== null && valid[row] === 0) return noOffset;
    const offset = words[row * 2]! + words[row * 2 + 1]! * 2 ** 32;
    return Math.min(offset, noOffset);
  };
}

/**
 * Of each row the number that `numberOf` gives for its text; -1 where it is null. The texts of a batch repeat, so each is
 * looked up once, or as often as it changes from row to row.
 */
export function numbersOf(data: StringData, rows: number, numberOf: (text: string) => number): Int32Array {
  const numbers = new Int32Array(rows);
  const { valid, codes, offsets } = data;
  if (data.nullCount === data.length) return numbers.fill(-1);
  const bytes = Buffer.from(data.bytes.buffer, data.bytes.byteOffset, data.bytes.byteLength);
  const byEntry = new Int32Array(codes === null ? 0 : data.entries).fill(unknown);
  let last = -1;
  let lastNumber = -1;
  for (let row = 0; row < rows; row++) {
    if (valid !== null && valid[row] === 0) {
      numbers[row] = -1;
      continue;
    }
    const entry = codes === null ? row : codes[row]!;
    const [start, end] = [offsets[entry]!, offsets[entry + 1]!];
    if (codes !== null) {
      if (byEntry[entry] === unknown) byEntry[entry] = numberOf(bytes.toString('utf8', start, end));
      numbers[row] = byEntry[entry]!;
      continue;
    }
    const isSame = last >= 0 && bytes.compare(bytes, offsets[last]!, offsets[last + 1]!, start, end) === 0;
    if (!isSame) lastNumber = numberOf(bytes.toString('utf8', start, end));
    numbers[row] = lastNumber;
    last = row;
  }
  return numbers;
}

const unknown = -2;
