/**
 * The rows that objects give when they are read again, by the very path on which ingest reads them: records that the fast
 * path takes are digested in the kernel's columns, and nothing of them is built as JavaScript values. Records that are
 * the same as others count each for itself.
 */
import type { ColumnBatch } from '../../../columns/batch.ts';
import type { Value } from '../../../columns/types.ts';
import { fetchObjects } from '../../../ingest/fetch.ts';
import { kernelBodies } from '../../../ingest/kernel-bodies.ts';
import type { ConfiguredSource } from '../../../ingest/plan.ts';
import { RecordWriter } from '../../../ingest/record-writer.ts';
import type { Runtime } from '../../../ingest/runtime.ts';
import { DigestedBatch, keyedHash, type RowHash } from '../../../kernel/row-digests.ts';
import { digestedColumns, rowDigest, rowText } from '../../../records/row-digest.ts';
import type { ObjectInfo } from '../../../store/store.ts';
import { quarantine } from '../../../tables/quarantine.ts';
import type { ComparedObjects, DigestedTable } from './objects.ts';
import type { RowSorter } from './sorted-rows.ts';
import { offsetsOf } from './table-side.ts';

/** Rows [from, to) of a batch are of one object. */
export interface RowRange {
  readonly object: ObjectInfo;
  readonly from: number;
  readonly to: number;
}

export interface ReadRows {
  /** Rows of one object or several; the batch is good until this returns. */
  rows(batch: ColumnBatch, ranges: readonly RowRange[]): void;
  /** Values of a row of quarantine, good until this returns. */
  rejected(object: ObjectInfo, values: readonly Value[]): void;
  /** The object was read to its end, or why it was not; rows of it may have been given before. */
  end(object: ObjectInfo, error?: unknown): void;
}

/** Columns that are digested at a time. */
const chunkBytes = 4 << 20;
const chunkRows = 16_384;

/** Reads objects in this order. Throws errors that no object is to blame for. */
export async function readObjects(
  { store, config, sleep }: Runtime,
  { source }: ConfiguredSource,
  objects: readonly ObjectInfo[],
  sink: ReadRows,
): Promise<void> {
  const { downloads, downloadBytes } = config.batch;
  // The days of a batch are no matter here.
  const limits = { ...config.limits, daysPerBatch: Number.POSITIVE_INFINITY };
  let open: ObjectInfo | undefined;
  const rejected = { append: (values: readonly Value[]) => sink.rejected(open!, values) };
  const writer = new RecordWriter(source, { limits, batch: { ...config.batch, identityBytes: 0 } }, rejected);
  let ranges: RowRange[] = [];
  let from = 0;
  const close = (object: ObjectInfo): void => {
    if (writer.rows.rows > from) ranges.push({ object, from, to: writer.rows.rows });
    from = writer.rows.rows;
  };
  const flush = (): void => {
    if (ranges.length > 0) sink.rows(writer.rows.batch(), ranges);
    writer.rows.clear();
    ranges = [];
    from = 0;
  };
  const isFull = (): boolean => writer.rows.rows >= chunkRows || writer.rows.bytes >= chunkBytes;
  try {
    const options = { downloads, downloadBytes, limits, sleep, scanPool: kernelBodies };
    for await (const { object, body } of fetchObjects(store, objects, options)) {
      open = object;
      let error: unknown;
      try {
        if ('error' in body) throw body.error;
        const records = writer.open(object, {});
        for await (const _ of records.write(body)) {
          if (!isFull()) continue;
          close(object);
          flush();
        }
        records.end();
      } catch (thrown) {
        error = thrown;
      }
      close(object);
      if (error !== undefined || isFull()) flush();
      sink.end(object, error);
    }
    flush();
  } finally {
    writer.rows.clear();
    writer.release();
  }
}

/** Puts what objects give into sorted rows. */
export class SourceDigester implements ReadRows {
  readonly #objects: ComparedObjects;
  readonly #table: DigestedTable;
  readonly #quarantine: DigestedTable;
  readonly #hash: RowHash;
  readonly #rows: RowSorter;
  readonly #onEnd: ReadRows['end'];
  readonly #offsetAt = quarantine.columns.findIndex(({ name }) => name === 'source_offset');
  readonly #quarantineColumns = digestedColumns(quarantine);
  /** Objects that give values of a promoted column of which the table has none, by column. */
  readonly lateColumns = new Map<string, Set<number>>();

  constructor(
    objects: ComparedObjects,
    table: DigestedTable,
    quarantineTable: DigestedTable,
    hash: RowHash,
    rows: RowSorter,
    onEnd: ReadRows['end'],
  ) {
    this.#objects = objects;
    this.#table = table;
    this.#quarantine = quarantineTable;
    this.#hash = hash;
    this.#rows = rows;
    this.#onEnd = onEnd;
  }

  rows(batch: ColumnBatch, ranges: readonly RowRange[]): void {
    const digested = new DigestedBatch(batch);
    const offsets = offsetsOf(batch);
    const numbers = ranges.map(({ object }) => this.#objects.numberOf(object.uri)!);
    const first = this.#table.number * this.#objects.count;
    for (let i = 0; i < ranges.length; ) {
      const columns = this.#objects.columnsOf(this.#table, numbers[i]!);
      let next = i + 1;
      while (next < ranges.length && isSame(columns, this.#objects.columnsOf(this.#table, numbers[next]!))) next++;
      const [from, to] = [ranges[i]!.from, ranges[next - 1]!.to];
      const hashes = digested.hash(this.#hash, columns, { from, to });
      for (; i < next; i++) {
        const range = ranges[i]!;
        for (let row = range.from; row < range.to; row++)
          this.#rows.add(first + numbers[i]!, offsets(row), hashes, row - from);
        if (columns.length < this.#table.columns.length) this.#noteLate(batch, range, numbers[i]!);
      }
    }
    digested.release();
  }

  rejected({ uri }: ObjectInfo, values: readonly Value[]): void {
    const columns = this.#quarantineColumns;
    const words =
      this.#hash === 'keyed'
        ? keyedHash(rowText(columns, values))
        : new Uint32Array(Uint8Array.from(rowDigest(columns, values)).buffer);
    const object = this.#quarantine.number * this.#objects.count + this.#objects.numberOf(uri)!;
    this.#rows.add(object, Number(values[this.#offsetAt]), words, 0);
  }

  end(object: ObjectInfo, error?: unknown): void {
    if (error === undefined) this.#objects.noteRead(this.#objects.numberOf(object.uri)!);
    this.#onEnd(object, error);
  }

  #noteLate(batch: ColumnBatch, { from, to }: RowRange, object: number): void {
    for (const { name, data } of batch.columns) {
      if (!this.#table.promoted.has(name) || data.nullCount === data.length) continue;
      if (this.#objects.holdersOf(this.#table.name, name)[object] === 1) continue;
      if (data.valid !== null && !data.valid.subarray(from, to).includes(1)) continue;
      const late = this.lateColumns.get(name) ?? new Set();
      this.lateColumns.set(name, late.add(object));
    }
  }
}

const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a === b || (a.length === b.length && a.every((column, i) => column === b[i]));
