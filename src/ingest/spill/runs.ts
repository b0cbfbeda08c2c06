/**
 * Sorting what is larger than memory: sorted runs are spilled as Parquet files, then merged a batch at a time. Rows
 * that are already known to come before everything that has not been loaded yet are final; the others wait for more.
 */
import type { ColumnBatch } from '../../columns/batch.ts';
import type { ColumnDeclaration } from '../../columns/types.ts';
import { KernelTable } from '../../kernel/table.ts';
import type { FileColumn } from '../../parquet/encoder.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import type { ParquetFile } from '../../parquet/read/row-reader.ts';
import { ColumnarFileWriter } from '../../parquet/write/encoder.ts';
import type { ObjectStore } from '../../store/store.ts';
import { FileSink } from './file-sink.ts';

/** Takes rows in their final order. May keep back rows at the end of `order`: returns how many it took. */
export type TakeRows = (batch: ColumnBatch, order: Uint32Array, isLast: boolean) => Promise<number>;

/** What runs are cut into: a merge holds a row group of each run, and the footer of one file of each. */
export interface RunCuts {
  readonly rowGroupRows: number;
  /** Rows of a file of a run; otherwise a run is one file. */
  readonly fileRows?: number;
}

/** Files whose rows, one file after another, are sorted. */
type Run = readonly ParquetFile[];

export interface RunsOptions {
  readonly store: ObjectStore;
  /** Files go to `${prefix}-<number>.parquet`, which nobody else writes. */
  readonly prefix: string;
  readonly declarations: readonly ColumnDeclaration[];
  readonly columns: ReadonlyMap<string, FileColumn>;
  /** The rows of a batch in order; ties in the order of the batch. */
  readonly orderOf: (batch: ColumnBatch) => Uint32Array;
}

export class SpilledRuns {
  readonly #options: RunsOptions;
  readonly #files = new Set<string>();
  #runs: readonly Run[] = [];
  #made = 0;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#runs.length;
  }

  /** Puts the rows of a batch aside, in an order that `orderOf` gives; its memory is free afterwards. */
  async add(batch: ColumnBatch, cuts: RunCuts, order: Uint32Array = this.#options.orderOf(batch)): Promise<void> {
    await this.#addRun(cuts, async (sink) => {
      await sink.add('', batch, order, true);
    });
  }

  /** Merges runs into longer ones until there are at most `most`. Rows are held until there are `leastRows` to write. */
  async narrow(most: number, cuts: RunCuts, leastRows: number, signal?: AbortSignal): Promise<void> {
    while (this.#runs.length > most) {
      const merged = this.#runs.slice(0, Math.min(most, this.#runs.length - most + 1));
      await this.#addRun(cuts, (sink) =>
        this.#merge(merged, async (batch, order, isLast) => {
          signal?.throwIfAborted();
          return isLast || order.length >= leastRows ? sink.add('', batch, order, isLast) : 0;
        }),
      );
      this.#runs = this.#runs.slice(merged.length);
      await Promise.all(merged.flat().map(({ uri }) => this.#delete(uri)));
    }
  }

  async merge(take: TakeRows): Promise<void> {
    await this.#merge(this.#runs, take);
  }

  /** Removes the runs, also after a failure. */
  async remove(): Promise<void> {
    this.#runs = [];
    await Promise.allSettled([...this.#files].map((uri) => this.#delete(uri)));
  }

  async #addRun({ rowGroupRows, fileRows }: RunCuts, fill: (sink: FileSink) => Promise<void>): Promise<void> {
    const { store, prefix, declarations, columns } = this.#options;
    const run: ParquetFile[] = [];
    const sink = new FileSink({
      rowGroupRows,
      ...(fileRows !== undefined && { fileRows }),
      open: () =>
        new ColumnarFileWriter({
          columns: declarations.map(({ name }) => columns.get(name)!),
          rowGroupRows,
          compressionLevel: 1,
        }),
      store: async (_, { chunks, size }) => {
        const uri = `${prefix}-${String(this.#made++).padStart(4, '0')}.parquet`;
        // Named before it is there, so that one that comes half-way is removed too.
        this.#files.add(uri);
        await store.put(uri, chunks);
        run.push({ uri, size });
      },
    });
    await fill(sink);
    await sink.finish();
    // Of rows that are all to be dropped nothing is left.
    if (run.length > 0) this.#runs = [...this.#runs, run];
  }

  async #merge(runs: readonly Run[], take: TakeRows): Promise<void> {
    const { store, declarations, columns, orderOf } = this.#options;
    const cursors = await Promise.all(runs.map((run) => RunCursor.open(store, run)));
    let table = new KernelTable(declarations);
    let left = new KernelTable(declarations);
    try {
      for (;;) {
        for (const cursor of cursors) if (cursor.lastRow < 0 && !cursor.isAtEnd) await cursor.load(table, columns);
        const unfinished = cursors.filter((cursor) => !cursor.isAtEnd);
        const batch = table.batch();
        const order = orderOf(batch);
        const places = new Uint32Array(order.length);
        for (let place = 0; place < order.length; place++) places[order[place]!] = place;
        // What is not loaded comes after the last row that is loaded of its run.
        const final = unfinished.reduce((least, { lastRow }) => Math.min(least, places[lastRow]! + 1), order.length);
        const taken = await take(batch, order.subarray(0, final), unfinished.length === 0);
        if (unfinished.length === 0) return;

        const isFinal = ({ lastRow }: RunCursor): boolean => lastRow < 0 || places[lastRow]! < final;
        if (taken === 0) {
          for (const cursor of cursors) if (isFinal(cursor)) cursor.lastRow = -1;
          continue;
        }
        left.appendRows(table, order.subarray(taken));
        // The order of the rest is the order that it was copied in.
        for (const cursor of cursors) cursor.lastRow = isFinal(cursor) ? -1 : places[cursor.lastRow]! - taken;
        table.clear();
        [table, left] = [left, table];
      }
    } finally {
      table.release();
      left.release();
    }
  }

  async #delete(uri: string): Promise<void> {
    await this.#options.store.delete(uri);
    this.#files.delete(uri);
  }
}

/** How far a merge has come in a run. */
class RunCursor {
  /** The last row that was loaded, by its number in the buffer; -1 where all that was loaded is final. */
  lastRow = -1;
  readonly #store: ObjectStore;
  readonly #files: ParquetFile[];
  #reader: ColumnReader;
  #next = 0;

  private constructor(store: ObjectStore, files: ParquetFile[], reader: ColumnReader) {
    this.#store = store;
    this.#files = files;
    this.#reader = reader;
  }

  static async open(store: ObjectStore, [first, ...files]: Run): Promise<RunCursor> {
    return new RunCursor(store, files, await ColumnReader.open(store, first!));
  }

  get isAtEnd(): boolean {
    return this.#next === this.#reader.rowGroups.length && this.#files.length === 0;
  }

  /** The next row group. */
  async load(table: KernelTable, columns: ReadonlyMap<string, FileColumn>): Promise<void> {
    if (this.#next === this.#reader.rowGroups.length) {
      this.#reader = await ColumnReader.open(this.#store, this.#files.shift()!);
      this.#next = 0;
    }
    await this.#reader.append(table, this.#next++, columns);
    this.lastRow = table.rows - 1;
  }
}
