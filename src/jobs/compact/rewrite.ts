/**
 * Rewrites the files of one day: read, without the duplicates, sorted by the clustering keys, into files of the target
 * size. Memory is bounded by `memoryBytes` of columns, beside one file's compressed bytes. Commits nothing.
 */
import { createHash } from 'node:crypto';
import type { LoadedTable } from '../../catalog/catalog.ts';
import { type ColumnBatch, discard } from '../../columns/batch.ts';
import { TableBuffer } from '../../columns/table-buffer.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { findSortOrder } from '../../iceberg/sort-orders.ts';
import { storeDataFile } from '../../iceberg/write.ts';
import { ColumnReader } from '../../parquet/column-reader.ts';
import { ColumnarFileWriter } from '../../parquet/columnar/encoder.ts';
import type { ObjectStore } from '../../store/store.ts';
import { AccountingError } from '../tally.ts';
import { type Duplicates, findDuplicates } from './duplicates.ts';
import { clusterOrder, plainKeys } from './keys.ts';
import { compactedPrefix, type DayPlan } from './plan.ts';
import { SpilledRuns, type TakeRows } from './spill.ts';
import type { CompactionTable } from './table.ts';

export interface RewriteOptions {
  readonly targetBytes: number;
  readonly rowGroupRows: number;
  readonly compressionLevel: number;
  readonly memoryBytes: number;
  /** Id of the run: goes into the names of the files. */
  readonly run: string;
  /** Prefix of what is put aside while sorting. */
  readonly spill: string;
  readonly signal?: AbortSignal;
}

export interface RewrittenDay {
  readonly plan: DayPlan;
  readonly files: readonly DataFile[];
  readonly duplicates: Duplicates;
  /** Sorted runs that did not fit memory. */
  readonly spilledRuns: number;
}

/** Throws AccountingError where the new files do not hold exactly the rows of the old ones. */
export async function rewriteDay(
  store: ObjectStore,
  loaded: LoadedTable,
  table: CompactionTable,
  plan: DayPlan,
  options: RewriteOptions,
): Promise<RewrittenDay | undefined> {
  const duplicates = await findDuplicates(store, table, plan, options.memoryBytes / 2);
  if (plan.reasons.length === 0 && duplicates.count === 0) return undefined;
  const label = labelOf(plan, options.run);
  const sink = new FileSink(store, loaded, table, plan, label, options);
  const runs = new SpilledRuns(
    store,
    `${options.spill}/${label}`,
    table.declaration.columns,
    table.columns,
    table.clustering,
  );
  try {
    await sortRows(store, table, plan, duplicates, options, runs, sink.take);
    const files = await sink.finish();
    const written = files.reduce((sum, file) => sum + file.recordCount, 0);
    if (written !== plan.rows - duplicates.count)
      throw new AccountingError(
        `${plan.table}, ${plan.day}: ${plan.rows} rows and ${duplicates.count} duplicates among them to rewrite, ${written} written`,
      );
    return { plan, files, duplicates, spilledRuns: runs.count };
  } finally {
    await runs.remove();
  }
}

async function sortRows(
  store: ObjectStore,
  table: CompactionTable,
  plan: DayPlan,
  { dropped }: Duplicates,
  { memoryBytes, signal }: RewriteOptions,
  runs: SpilledRuns,
  take: TakeRows,
): Promise<void> {
  let buffer = new TableBuffer(table.declaration.columns);
  let read = 0;
  for (const file of plan.inputs) {
    const reader = await ColumnReader.open(store, { uri: file.path, size: file.fileSize });
    const drops = dropped.get(file.path);
    let first = 0;
    for (const [index, rows] of reader.rowGroups.entries()) {
      signal?.throwIfAborted();
      const some = drops && { dropped: drops.subarray(first, first + rows) };
      await reader.append(buffer, index, table.columns, { names: table.names, ...some });
      first += rows;
      read += rows;
      // Arrays grow by doubling, and sorting and encoding need room as well.
      if (buffer.bytes * 2 > memoryBytes && read < plan.rows) {
        await runs.add(buffer.take(), Math.ceil((plan.rows / read) * (runs.count + 1)));
        buffer = new TableBuffer(table.declaration.columns);
      }
    }
    if (first !== file.recordCount)
      throw new AccountingError(`${file.path} has ${first} rows, and ${file.recordCount} by the table's manifest`);
  }
  const batch = buffer.take();
  if (runs.count === 0) {
    if (batch.rows > 0) await take(batch, clusterOrder(batch, table.clustering), true);
    discard(batch);
    return;
  }
  if (batch.rows > 0) await runs.add(batch, runs.count + 1);
  await runs.merge(take);
}

/** Cuts sorted rows into row groups and files. */
class FileSink {
  readonly #store: ObjectStore;
  readonly #loaded: LoadedTable;
  readonly #table: CompactionTable;
  readonly #day: string;
  readonly #label: string;
  readonly #options: RewriteOptions;
  readonly #files: DataFile[] = [];
  #writer: ColumnarFileWriter | undefined;

  constructor(
    store: ObjectStore,
    loaded: LoadedTable,
    table: CompactionTable,
    plan: DayPlan,
    label: string,
    options: RewriteOptions,
  ) {
    this.#store = store;
    this.#loaded = loaded;
    this.#table = table;
    this.#day = plan.day;
    this.#label = label;
    this.#options = options;
  }

  readonly take = async (batch: ColumnBatch, order: Uint32Array, isLast: boolean): Promise<number> => {
    const { rowGroupRows, targetBytes, signal } = this.#options;
    let at = 0;
    while (at < order.length && (isLast || order.length - at >= rowGroupRows)) {
      signal?.throwIfAborted();
      const rows = order.subarray(at, at + rowGroupRows);
      this.#writer ??= this.#open();
      await this.#writer.add(batch, rows);
      at += rows.length;
      if (this.#writer.size >= targetBytes) await this.#close(this.#writer);
    }
    return at;
  };

  async finish(): Promise<readonly DataFile[]> {
    if (this.#writer !== undefined) await this.#close(this.#writer);
    return this.#files;
  }

  #open(): ColumnarFileWriter {
    const { declaration, columns, clustering } = this.#table;
    const { rowGroupRows, compressionLevel } = this.#options;
    return new ColumnarFileWriter({
      columns: declaration.columns.map(({ name }) => columns.get(name)!),
      sortedBy: plainKeys(clustering),
      bloomColumns: declaration.bloomColumns,
      rowGroupRows,
      compressionLevel,
    });
  }

  async #close(writer: ColumnarFileWriter): Promise<void> {
    this.#writer = undefined;
    const { declaration, clustering } = this.#table;
    const target = { store: this.#store, table: this.#loaded, declaration, label: this.#label };
    const file = await storeDataFile(target, { ymd: this.#day, encoded: writer.finish() });
    const sortOrderId = findSortOrder(this.#loaded.metadata, clustering) ?? 0;
    this.#files.push({ ...file, sortOrderId });
  }
}

/**
 * Names what is made after what it is made from, so that no file that replaces others has the name of one of them, and
 * after the run, so that what a dead run has left behind can be deleted without a thought of who may be writing it again.
 */
function labelOf({ inputs, kept }: DayPlan, run: string): string {
  const digest = createHash('sha256').update(`${run}\n`);
  for (const file of inputs) digest.update(`-${file.path}\n`);
  for (const file of kept) digest.update(`=${file.path}\n`);
  return `${compactedPrefix}${digest.digest('hex').slice(0, 16)}`;
}
