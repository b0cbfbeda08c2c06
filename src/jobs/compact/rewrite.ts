/**
 * Rewrites the files of one day: read, without the duplicates, sorted by the clustering keys, into files of the target
 * size. Memory is bounded by `memoryBytes` of columns, beside one file's compressed bytes. Commits nothing.
 */

import { createHash } from 'node:crypto';
import { type ColumnBatch, discard } from '../../columns/batch.ts';
import { TableBuffer } from '../../columns/table-buffer.ts';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { countOnes } from '../../iceberg/deleted-rows.ts';
import { findSortOrder } from '../../iceberg/sort-orders.ts';
import { asParquet, fileRows } from '../../iceberg/table-rows.ts';
import { storeDataFile } from '../../iceberg/write.ts';
import { AccountingError } from '../../ingest/object-counts.ts';
import { FileSink } from '../../ingest/spill/file-sink.ts';
import { SpilledRuns, type TakeRows } from '../../ingest/spill/runs.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { ColumnarFileWriter } from '../../parquet/write/encoder.ts';
import { type CompactionTable, expectWritten } from '../../rewrite/stored-table.ts';
import { compactedPrefix } from '../../rewrite/without-rows.ts';
import { SequenceMerge } from '../../sequences/merge.ts';
import type { ObjectStore } from '../../store/store.ts';
import { sequences } from '../../tables/sequences.ts';
import { clusterOrder, plainKeys } from '../rewrite/cluster-order.ts';
import { type Duplicates, deletedIn, findDuplicates } from '../rewrite/duplicates.ts';
import type { DayPlan } from './plan.ts';

export interface RewriteOptions {
  readonly targetBytes: number;
  readonly rowGroupRows: number;
  readonly compressionLevel: number;
  readonly memoryBytes: number;
  /** Id of the run: goes into the names of the files. */
  readonly run: string;
  /** Prefix of the runs that are spilled while sorting. */
  readonly spill: string;
  readonly signal?: AbortSignal;
}

export interface RewrittenDay {
  readonly plan: DayPlan;
  readonly files: readonly DataFile[];
  readonly duplicates: Duplicates;
  /** Rows of the inputs that row-level deletes of other engines had taken. */
  readonly deleted: number;
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
  const deleted = await deletedIn(store, loaded.metadata, [...plan.inputs, ...plan.kept]);
  const duplicates = await findDuplicates(store, table, { ...plan, deleted }, options.memoryBytes / 2);
  const deletedRows = plan.inputs.reduce((sum, { path }) => sum + countOnes(deleted.get(path)), 0);
  if (plan.reasons.length === 0 && duplicates.count === 0) return undefined;
  if (isMergeable(plan, options)) return mergeDay(store, loaded, table, plan, { options, deleted: deletedRows });
  const label = labelOf(plan, options.run);
  const files: DataFile[] = [];
  const sink = dayFiles(store, loaded, table, label, options, files);
  const runs = new SpilledRuns({
    store,
    prefix: `${options.spill}/${label}`,
    declarations: table.declaration.columns,
    columns: table.columns,
    orderOf: (batch) => clusterOrder(batch, table.clustering),
  });
  try {
    await sortRows(store, table, plan, duplicates, options, runs, (batch, order, isLast) =>
      sink.add(plan.day, batch, order, isLast),
    );
    await sink.finish();
    const written = files.reduce((sum, file) => sum + file.recordCount, 0);
    if (written !== plan.rows - deletedRows - duplicates.count)
      throw new AccountingError(
        `${plan.table}, ${plan.day}: ${plan.rows} rows to rewrite, ${deletedRows} deleted and ${duplicates.count} ` +
          `duplicates among them, ${written} written`,
      );
    return { plan, files, duplicates, deleted: deletedRows, spilledRuns: runs.count };
  } finally {
    await runs.remove();
  }
}

/** Bytes of memory that a stored byte of numbers may become: a gap of a few bytes is two ranges of doubles. */
const mergedPerStored = 64;

/** Rows of `sequences` that mean a union; too many of them are only sorted, which is as good. */
const isMergeable = ({ table, bytes }: DayPlan, { memoryBytes }: RewriteOptions): boolean =>
  table === sequences.name && bytes * mergedPerStored <= memoryBytes;

/** The day with fewer rows that say the same. */
async function mergeDay(
  store: ObjectStore,
  loaded: LoadedTable,
  table: CompactionTable,
  plan: DayPlan,
  { options, deleted }: { readonly options: RewriteOptions; readonly deleted: number },
): Promise<RewrittenDay> {
  const merge = new SequenceMerge();
  for (const file of plan.inputs) {
    options.signal?.throwIfAborted();
    for await (const rows of fileRows(store, loaded.metadata, file)) for (const row of rows) merge.add(row);
  }
  const at = new Map(sequences.columns.map(({ name }, i) => [name, i]));
  const buffer = new TableBuffer(table.declaration.columns);
  for (const values of merge.rows())
    buffer.append(table.declaration.columns.map(({ name }) => values[at.get(name) ?? -1] ?? null));
  const files: DataFile[] = [];
  const sink = dayFiles(store, loaded, table, labelOf(plan, options.run), options, files);
  const batch = buffer.take();
  await sink.add(plan.day, batch, clusterOrder(batch, table.clustering), true);
  await sink.finish();
  const duplicates = { count: 0, dropped: new Map(), byObject: new Map(), copies: new Map(), conflicts: 0 };
  return { plan, files, duplicates, deleted, spilledRuns: 0 };
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
    const reader = await ColumnReader.open(store, asParquet(file));
    expectWritten(table, reader, file.path);
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
        await putAside(runs, buffer.take(), Math.ceil((plan.rows / read) * (runs.count + 1)));
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
  if (batch.rows > 0) await putAside(runs, batch, runs.count + 1);
  await runs.merge(take);
}

/** Gives the batch away. `expectedRuns` decides how much of each a merge has to hold. */
async function putAside(runs: SpilledRuns, batch: ColumnBatch, expectedRuns: number): Promise<void> {
  await runs.add(batch, { rowGroupRows: Math.max(1024, Math.ceil(batch.rows / Math.max(1, expectedRuns) / 2)) });
  discard(batch);
}

/** Takes the rows of a day into its new files, which come to `files`. */
function dayFiles(
  store: ObjectStore,
  loaded: LoadedTable,
  { declaration, columns, clustering }: CompactionTable,
  label: string,
  { rowGroupRows, targetBytes, compressionLevel, signal }: RewriteOptions,
  files: DataFile[],
): FileSink {
  return new FileSink({
    rowGroupRows,
    targetBytes,
    ...(signal && { signal }),
    open: () =>
      new ColumnarFileWriter({
        columns: declaration.columns.map(({ name }) => columns.get(name)!),
        sortedBy: plainKeys(clustering),
        bloomColumns: declaration.bloomColumns,
        rowGroupRows,
        compressionLevel,
      }),
    store: async (ymd, encoded) => {
      const file = await storeDataFile({ store, table: loaded, declaration, label }, { ymd, encoded });
      files.push({ ...file, sortOrderId: findSortOrder(loaded.metadata, clustering) ?? 0 });
    },
  });
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
