/**
 * Rewrites the files of one day: read, without the duplicates, sorted by the clustering keys, into files of the target
 * size. Memory is bounded by `memoryBytes` of columns, beside one file's compressed bytes. Commits nothing.
 */

import { createHash } from 'node:crypto';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { countOnes } from '../../iceberg/deleted-rows.ts';
import { findSortOrder } from '../../iceberg/sort-orders.ts';
import { asParquet, fileRows } from '../../iceberg/table-rows.ts';
import { storeDataFile } from '../../iceberg/write.ts';
import { AccountingError } from '../../ingest/object-counts.ts';
import { FileSink } from '../../ingest/spill/file-sink.ts';
import { SpilledRuns, type TakeRows } from '../../ingest/spill/runs.ts';
import { KernelTable } from '../../kernel/table.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { ColumnarFileWriter } from '../../parquet/write/encoder.ts';
import { type CompactionTable, expectWritten } from '../../rewrite/stored-table.ts';
import { compactedPrefix } from '../../rewrite/without-rows.ts';
import { SequenceMerge } from '../../sequences/merge.ts';
import type { ObjectStore } from '../../store/store.ts';
import { sequences } from '../../tables/sequences.ts';
import { clusterOrder, plainKeys } from '../rewrite/cluster-order.ts';
import { type Duplicates, deletedIn, findDuplicates, type RowsOf, rowsInStore } from '../rewrite/duplicates.ts';
import type { DayRows } from './day-rows.ts';
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

/** `day` is memory for its rows. Throws AccountingError where the new files do not hold exactly the rows of the old ones. */
export async function rewriteDay(
  store: ObjectStore,
  loaded: LoadedTable,
  table: CompactionTable,
  plan: DayPlan,
  day: DayRows,
  options: RewriteOptions,
): Promise<RewrittenDay | undefined> {
  const deleted = await deletedIn(store, loaded.metadata, [...plan.inputs, ...plan.kept]);
  const deletedRows = plan.inputs.reduce((sum, { path }) => sum + countOnes(deleted.get(path)), 0);
  const find = (rowsOf: RowsOf): Promise<Duplicates> =>
    findDuplicates(table, { ...plan, deleted }, rowsOf, options.memoryBytes / 2);
  if (isMergeable(plan, options)) {
    if (plan.reasons.length === 0) return undefined;
    return mergeDay(store, loaded, table, plan, { options, deleted: deletedRows });
  }
  // A day that is only suspected of duplicates is not read for nothing.
  const known = plan.reasons.length === 0 ? await find(rowsInStore(store, table)) : undefined;
  if (known?.count === 0) return undefined;
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
  day.renew();
  try {
    const duplicates = await sortRows({ store, table, plan, options, runs, day }, known, find, (batch, order, isLast) =>
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
  const rows = new KernelTable(table.declaration.columns);
  const files: DataFile[] = [];
  try {
    for (const values of merge.rows())
      rows.append(table.declaration.columns.map(({ name }) => values[at.get(name) ?? -1] ?? null));
    const sink = dayFiles(store, loaded, table, labelOf(plan, options.run), options, files);
    const batch = rows.batch();
    await sink.add(plan.day, batch, clusterOrder(batch, table.clustering), true);
    await sink.finish();
  } finally {
    rows.release();
  }
  const duplicates = { count: 0, dropped: new Map(), byObject: new Map(), copies: new Map(), conflicts: 0 };
  return { plan, files, duplicates, deleted, spilledRuns: 0 };
}

interface Sorting {
  readonly store: ObjectStore;
  readonly table: CompactionTable;
  readonly plan: DayPlan;
  readonly options: RewriteOptions;
  readonly runs: SpilledRuns;
  readonly day: DayRows;
}

/**
 * Reads the day's rows once, where memory holds them: duplicates are found among them then, unless they are `known`. What is
 * larger is spilled in sorted runs, and its keys are read beforehand, since rows to drop must be known by then.
 */
async function sortRows(
  { store, table, plan, options, runs, day }: Sorting,
  known: Duplicates | undefined,
  find: (rowsOf: RowsOf) => Promise<Duplicates>,
  take: TakeRows,
): Promise<Duplicates> {
  const { memoryBytes, signal } = options;
  const inStore = rowsInStore(store, table);
  let duplicates = known;
  let read = 0;
  for (const file of plan.inputs) {
    const reader = await ColumnReader.open(store, asParquet(file));
    expectWritten(table, reader, file.path);
    let firstRow = 0;
    for (const [index, rows] of reader.rowGroups.entries()) {
      signal?.throwIfAborted();
      await day.append(reader, index, { file, firstRow, rows });
      firstRow += rows;
      read += rows;
      // Blocks grow by doubling, and sorting and encoding need room as well.
      if (day.bytes * 2 > memoryBytes && read < plan.rows) {
        duplicates ??= await find(inStore);
        await putAside(runs, day, duplicates, Math.ceil((plan.rows / read) * (runs.count + 1)));
      }
    }
    if (firstRow !== file.recordCount)
      throw new AccountingError(`${file.path} has ${firstRow} rows, and ${file.recordCount} by the table's manifest`);
  }
  if (runs.count > 0) {
    if (day.rows > 0) await putAside(runs, day, duplicates!, runs.count + 1);
    await runs.merge(take);
    return duplicates!;
  }
  const kept = new Set<string>(plan.kept.map(({ path }) => path));
  duplicates ??= await find((file) => (kept.has(file.path) ? inStore(file) : day.rowsOf(file)));
  const order = day.order(duplicates);
  if (order.length > 0) await take(day.batch(), order, true);
  return duplicates;
}

/** Spills the rows of the day that are in memory. `expectedRuns` decides how much of each a merge has to hold. */
async function putAside(runs: SpilledRuns, day: DayRows, duplicates: Duplicates, expectedRuns: number): Promise<void> {
  const order = day.order(duplicates);
  const rowGroupRows = Math.max(1024, Math.ceil(order.length / Math.max(1, expectedRuns) / 2));
  await runs.add(day.batch(), { rowGroupRows }, order);
  day.clear();
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
