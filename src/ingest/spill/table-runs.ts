/**
 * The rows of one table and batch that outgrew their columns: spilled in sorted runs, merged into files of a day in
 * the end. A merge holds at most about as many bytes as the columns may have, beside the file that it writes.
 */
import type { ColumnBatch } from '../../columns/batch.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { fileColumns } from '../../iceberg/schema.ts';
import { type FileOptions, type FileTarget, storeDataFile } from '../../iceberg/write.ts';
import { sortOrder, splitByDay } from '../../kernel/sort-order.ts';
import { ColumnarFileWriter } from '../../parquet/write/encoder.ts';
import { partitionColumn } from '../../tables/declaration.ts';
import { FileSink } from './file-sink.ts';
import { type RunCuts, SpilledRuns } from './runs.ts';

export interface SpillPlace {
  /** First part of the names of the runs of a batch. */
  readonly prefix: string;
  /** Bytes of columns that may be held. */
  readonly bytes: number;
  readonly signal?: AbortSignal;
}

/** Runs that are merged at a time. */
const fanIn = 8;
/**
 * Parts of the columns' bytes: row groups of runs (a merge holds `fanIn` of them), and row groups of files, which wait
 * until they are whole. Arrays grow by doubling, and what waits is copied when the rows before it are written.
 */
const runGroupPart = 1 / 64;
const fileGroupPart = 1 / 4;
/** Footers take memory too: a run has a file for so many row groups. */
const groupsPerFile = 16;
/** A smaller row group takes more bytes for its columns' heads than for its rows. */
const leastGroupRows = 32;

export class TableRuns {
  readonly #target: FileTarget;
  readonly #output: FileOptions;
  readonly #place: SpillPlace;
  readonly #runs: SpilledRuns;
  /** Rows that the bytes have room for, by the run with the largest rows. */
  #rowsInBytes = Infinity;

  constructor(target: FileTarget, output: FileOptions, place: SpillPlace) {
    const { store, table, declaration } = target;
    this.#target = target;
    this.#output = output;
    this.#place = place;
    this.#runs = new SpilledRuns({
      store,
      prefix: `${place.prefix}-${declaration.name}`,
      declarations: declaration.columns,
      columns: new Map(fileColumns(table.metadata, declaration).map((column) => [column.name, column])),
      orderOf: (batch) => orderByDay(batch, declaration.sortedBy),
    });
  }

  /** Puts rows aside whose columns take so many bytes; their memory is free afterwards. */
  async add(batch: ColumnBatch, bytes: number): Promise<void> {
    this.#rowsInBytes = Math.min(this.#rowsInBytes, Math.floor((batch.rows * this.#place.bytes) / Math.max(1, bytes)));
    await this.#runs.add(batch, this.#cuts());
  }

  /** The rows of all runs in files: sorted by day and by the table's order, one file a day as far as a file may hold it. */
  async merge(): Promise<DataFile[]> {
    const { signal } = this.#place;
    const { table, declaration } = this.#target;
    const { fileRows, compressionLevel } = this.#output;
    const fileGroupRows = this.#part(fileGroupPart);
    await this.#runs.narrow(fanIn, this.#cuts(), fileGroupRows, signal);
    const rowGroupRows = Math.min(this.#output.rowGroupRows, fileGroupRows);
    const files: DataFile[] = [];
    const sink = new FileSink({
      rowGroupRows,
      fileRows,
      open: () =>
        new ColumnarFileWriter({
          columns: fileColumns(table.metadata, declaration),
          sortedBy: declaration.sortedBy,
          bloomColumns: declaration.bloomColumns,
          rowGroupRows,
          compressionLevel,
        }),
      store: async (ymd, encoded) => void files.push(await storeDataFile(this.#target, { ymd, encoded })),
      ...(signal && { signal }),
    });
    await this.#runs.merge(async (batch, order, isLast) => {
      signal?.throwIfAborted();
      const days = splitByDay(batch, order, partitionColumn);
      let taken = 0;
      for (const [i, { day, order: rows }] of days.entries()) {
        taken += await sink.add(day, batch, rows, isLast || i < days.length - 1);
      }
      return taken;
    });
    await sink.finish();
    return files;
  }

  /** Removes what was spilled, also after a failure. */
  async remove(): Promise<void> {
    await this.#runs.remove();
  }

  #part(part: number): number {
    return Math.max(leastGroupRows, Math.floor(this.#rowsInBytes * part));
  }

  #cuts(): RunCuts {
    const rowGroupRows = this.#part(runGroupPart);
    return { rowGroupRows, fileRows: rowGroupRows * groupsPerFile };
  }
}

function orderByDay(batch: ColumnBatch, sortedBy: readonly string[]): Uint32Array {
  const order = new Uint32Array(batch.rows);
  let at = 0;
  for (const day of splitByDay(batch, sortOrder(batch, sortedBy), partitionColumn)) {
    order.set(day.order, at);
    at += day.order.length;
  }
  return order;
}
