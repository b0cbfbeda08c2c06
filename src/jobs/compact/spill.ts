/**
 * Sorting what is larger than memory: sorted runs are put aside as Parquet files, then merged a batch at a time. Rows
 * that are already known to come before everything that has not been loaded yet are final; the others wait for more.
 */
import type { ColumnBatch } from '../../columns/batch.ts';
import { discard } from '../../columns/batch.ts';
import { copyRows } from '../../columns/copy.ts';
import { TableBuffer } from '../../columns/table-buffer.ts';
import type { ColumnDeclaration } from '../../columns/types.ts';
import type { SortKey } from '../../iceberg/sort-orders.ts';
import { ColumnReader } from '../../parquet/column-reader.ts';
import { ColumnarFileWriter } from '../../parquet/columnar/encoder.ts';
import type { FileColumn } from '../../parquet/encoder.ts';
import type { ObjectStore } from '../../store/store.ts';
import { clusterOrder } from './keys.ts';

/** Takes rows in their final order. May keep back rows at the end of `order`: returns how many it took. */
export type TakeRows = (batch: ColumnBatch, order: Uint32Array, isLast: boolean) => Promise<number>;

export class SpilledRuns {
  readonly #store: ObjectStore;
  readonly #prefix: string;
  readonly #declarations: readonly ColumnDeclaration[];
  readonly #columns: ReadonlyMap<string, FileColumn>;
  readonly #keys: readonly SortKey[];
  readonly #runs: { readonly uri: string; readonly size: number }[] = [];
  #bytes = 0;

  /** Runs go to `${prefix}-<number>.parquet`, which nobody else writes. */
  constructor(
    store: ObjectStore,
    prefix: string,
    declarations: readonly ColumnDeclaration[],
    columns: ReadonlyMap<string, FileColumn>,
    keys: readonly SortKey[],
  ) {
    this.#store = store;
    this.#prefix = prefix;
    this.#declarations = declarations;
    this.#columns = columns;
    this.#keys = keys;
  }

  get count(): number {
    return this.#runs.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Puts the rows of a batch aside; the batch is void. `expectedRuns` decides how much of each a merge has to hold. */
  async add(batch: ColumnBatch, expectedRuns: number): Promise<void> {
    const writer = new ColumnarFileWriter({
      columns: this.#declarations.map(({ name }) => this.#columns.get(name)!),
      rowGroupRows: Math.max(1024, Math.ceil(batch.rows / Math.max(1, expectedRuns) / 2)),
      compressionLevel: 1,
    });
    await writer.add(batch, clusterOrder(batch, this.#keys));
    discard(batch);
    const { chunks, size } = writer.finish();
    const uri = `${this.#prefix}-${String(this.#runs.length).padStart(4, '0')}.parquet`;
    // Named before it is there, so that one that comes half-way is removed too.
    this.#runs.push({ uri, size });
    this.#bytes += size;
    await this.#store.put(uri, chunks);
  }

  async merge(take: TakeRows): Promise<void> {
    const cursors = await Promise.all(
      this.#runs.map(async (run) => ({ reader: await ColumnReader.open(this.#store, run), next: 0, lastRow: -1 })),
    );
    let buffer = new TableBuffer(this.#declarations);
    for (;;) {
      for (const cursor of cursors) {
        if (cursor.lastRow >= 0 || cursor.next === cursor.reader.rowGroups.length) continue;
        await cursor.reader.append(buffer, cursor.next++, this.#columns);
        cursor.lastRow = buffer.rows - 1;
      }
      const unfinished = cursors.filter((cursor) => cursor.next < cursor.reader.rowGroups.length);
      const batch = buffer.batch();
      const order = clusterOrder(batch, this.#keys);
      const places = new Uint32Array(order.length);
      for (let place = 0; place < order.length; place++) places[order[place]!] = place;
      // What is not loaded comes after the last row that is loaded of its run.
      const final = unfinished.reduce((least, { lastRow }) => Math.min(least, places[lastRow]! + 1), order.length);
      const taken = await take(batch, order.subarray(0, final), unfinished.length === 0);
      if (unfinished.length === 0) break;

      const rest = order.subarray(taken);
      const left = new TableBuffer(this.#declarations);
      copyRows(left, batch, rest);
      // The order of the rest is the order that it was copied in.
      for (const cursor of cursors) {
        const place = cursor.lastRow < 0 ? -1 : places[cursor.lastRow]!;
        cursor.lastRow = place < final ? -1 : place - taken;
      }
      discard(batch);
      buffer = left;
    }
    discard(buffer.take());
  }

  /** Removes the runs, also after a failure. */
  async remove(): Promise<void> {
    await Promise.allSettled(this.#runs.map(({ uri }) => this.#store.delete(uri)));
  }
}
