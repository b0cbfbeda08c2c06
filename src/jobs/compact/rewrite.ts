/**
 * Rewrites the files of one day: read, without the duplicates, sorted by the clustering keys, into files of the target
 * size. Memory is bounded by `memoryBytes` of columns, beside one file's compressed bytes. Commits nothing.
 */

import { createHash } from 'node:crypto';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { countOnes } from '../../iceberg/deleted-rows.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { findSortOrder } from '../../iceberg/sort-orders.ts';
import { fileRows } from '../../iceberg/table-rows.ts';
import { storeDataFile } from '../../iceberg/write.ts';
import { AccountingError } from '../../ingest/object-counts.ts';
import { FileSink } from '../../ingest/spill/file-sink.ts';
import { SpilledRuns, type TakeRows } from '../../ingest/spill/runs.ts';
import { KernelTable } from '../../kernel/table.ts';
import { ColumnarFileWriter } from '../../parquet/write/encoder.ts';
import { type CompactionTable, expectWritten } from '../../rewrite/stored-table.ts';
import { compactedPrefix } from '../../rewrite/without-rows.ts';
import { SequenceMerge } from '../../sequences/merge.ts';
import type { ObjectStore } from '../../store/store.ts';
import { sequences } from '../../tables/sequences.ts';
import { clusterOrder, plainKeys } from '../rewrite/cluster-order.ts';
import {
  type ComparedRows,
  type Duplicates,
  deletedIn,
  findDuplicates,
  type RowsOf,
  rowsInStore,
} from '../rewrite/duplicates.ts';
import type { DayRows } from './day-rows.ts';
import { FilesAhead } from './files-ahead.ts';
import { type DayPart, mayHold, rowsOutside } from './parts.ts';
import type { DayPlan } from './plan.ts';

export interface RewriteOptions {
  readonly targetBytes: number;
  readonly rowGroupRows: number;
  readonly compressionLevel: number;
  readonly memoryBytes: number;
  /** Id of the run: goes into the names of the files. */
  readonly run: string;
  /** Where runs are put that are spilled while sorting: files, since nobody would remove a folder of a run. */
  readonly spill: string;
  readonly signal?: AbortSignal;
  /** The rows of the day are out of the columns: what is left is to compress and store the last of them. */
  readonly onRead?: () => void;
}

export interface RewrittenDay {
  readonly plan: DayPlan;
  readonly files: readonly DataFile[];
  readonly duplicates: Duplicates;
  /** Of the inputs, those among them that are deleted too; of a part of a day its own. */
  readonly rows: number;
  /** Those among them that row-level deletes of other engines had taken. */
  readonly deleted: number;
  /** Sorted runs that did not fit memory. */
  readonly spilledRuns: number;
}

/**
 * `day` is memory for its rows, and what takes as much otherwise has its turn there too: days may be rewritten side by side. With
 * `part`, the rows of the day that are not in it count for nothing. Throws AccountingError where the new files do not hold
 * exactly the rows of the old ones, and the signal's reason once it has fired and rows are left to read.
 */
export async function rewriteDay(
  store: ObjectStore,
  loaded: LoadedTable,
  table: CompactionTable,
  whole: DayPlan,
  day: DayRows,
  options: RewriteOptions,
  part?: DayPart,
): Promise<RewrittenDay | undefined> {
  const plan = part === undefined ? whole : planOf(whole, part);
  const dead = await deletedIn(store, loaded.metadata, [...plan.inputs, ...plan.kept]);
  const outside = part === undefined ? new Map() : await outsideOf(store, table, plan, part);
  const rows = plan.rows - sumOf(plan.inputs, ({ path }) => countOnes(outside.get(path)));
  const without = joined(dead, outside);
  const deletedRows = rows - plan.rows + sumOf(plan.inputs, ({ path }) => countOnes(without.get(path)));
  const find = (rowsOf: RowsOf): Promise<Duplicates> =>
    findDuplicates(table, { ...plan, deleted: without }, inside(rowsOf, outside, options), options.memoryBytes / 2);
  if (isMergeable(plan, options)) {
    if (plan.reasons.length === 0) return undefined;
    return day.turn(() => mergeDay(store, loaded, table, plan, { options, deleted: deletedRows }));
  }
  // A day that is only suspected of duplicates is not read for nothing.
  const known = plan.reasons.length === 0 ? await day.turn(() => find(rowsInStore(store, table))) : undefined;
  if (known?.count === 0) return undefined;
  const label = labelOf(plan, options.run, part);
  const files: DataFile[] = [];
  const sink = dayFiles(store, loaded, table, label, options, files);
  const runs = new SpilledRuns({
    store,
    prefix: `${options.spill}/audit-warehouse-${label}`,
    declarations: table.declaration.columns,
    columns: table.columns,
    orderOf: (batch) => clusterOrder(batch, table.clustering),
  });
  const ahead = new FilesAhead(store, plan.inputs);
  try {
    const sorting = { store, table, plan, options, runs, day, outside, ahead };
    const duplicates = await day.turn(() =>
      sortRows(sorting, known, find, (batch, order, isLast) => sink.add(plan.day, batch, order, isLast)),
    );
    options.onRead?.();
    await sink.finish();
    const written = files.reduce((sum, file) => sum + file.recordCount, 0);
    if (written !== rows - deletedRows - duplicates.count)
      throw new AccountingError(
        `${plan.table}, ${plan.day}: ${rows} rows to rewrite, ${deletedRows} deleted and ${duplicates.count} ` +
          `duplicates among them, ${written} written`,
      );
    return { plan: whole, files, duplicates, rows, deleted: deletedRows, spilledRuns: runs.count };
  } catch (error) {
    // No snapshot has them, and no other try writes them. What stays all the same is removed by `expire`.
    await Promise.allSettled(files.map(({ path }) => store.delete(path)));
    throw error;
  } finally {
    await ahead.close();
    await runs.remove();
  }
}

/** The files that may hold rows of the part. */
function planOf(plan: DayPlan, part: DayPart): DayPlan {
  const inputs = plan.inputs.filter((file) => mayHold(part, file));
  return {
    ...plan,
    inputs,
    kept: plan.kept.filter((file) => mayHold(part, file)),
    rows: sumOf(inputs, ({ recordCount }) => recordCount),
  };
}

/** By path: 1 for each row that is not one of these. */
type Excluded = ReadonlyMap<string, Uint8Array>;

async function outsideOf(
  store: ObjectStore,
  table: CompactionTable,
  { inputs, kept }: DayPlan,
  part: DayPart,
): Promise<Excluded> {
  const outside = new Map<string, Uint8Array>();
  for (const file of [...inputs, ...kept]) {
    const rows = await rowsOutside(part, file, rowsInStore(store, table), table);
    if (rows !== undefined) outside.set(file.path, rows);
  }
  return outside;
}

function joined(some: Excluded, others: Excluded): Excluded {
  const all = new Map(others);
  for (const [path, rows] of some) {
    const known = others.get(path);
    all.set(path, known === undefined ? rows : rows.map((one, row) => one | known[row]!));
  }
  return all;
}

const isOutside = (outside: Excluded, { file, firstRow, rows }: Pick<ComparedRows, 'file' | 'firstRow' | 'rows'>) =>
  countOnes(outside.get(file.path)?.subarray(firstRow, firstRow + rows)) === rows;

/** Without the row groups that have nothing of the part. */
const inside = (rowsOf: RowsOf, outside: Excluded, { signal }: Pick<RewriteOptions, 'signal'>): RowsOf =>
  async function* some(file) {
    for await (const rows of rowsOf(file)) {
      signal?.throwIfAborted();
      if (!isOutside(outside, rows)) yield rows;
    }
  };

const sumOf = (files: readonly LiveFile[], of: (file: LiveFile) => number): number =>
  files.reduce((sum, file) => sum + of(file), 0);

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
  return { plan, files, duplicates, rows: plan.rows, deleted, spilledRuns: 0 };
}

interface Sorting {
  readonly store: ObjectStore;
  readonly table: CompactionTable;
  readonly plan: DayPlan;
  readonly options: RewriteOptions;
  readonly runs: SpilledRuns;
  readonly day: DayRows;
  /** Rows of other parts of the day. */
  readonly outside: Excluded;
  /** The inputs. */
  readonly ahead: FilesAhead;
}

/**
 * Reads the day's rows once, where memory holds them: duplicates are found among them then, unless they are `known`. What is
 * larger is spilled in sorted runs, and its keys are read beforehand, since rows to drop must be known by then.
 */
async function sortRows(
  { store, table, plan, options, runs, day, outside, ahead }: Sorting,
  known: Duplicates | undefined,
  find: (rowsOf: RowsOf) => Promise<Duplicates>,
  take: TakeRows,
): Promise<Duplicates> {
  const { memoryBytes, signal } = options;
  const inStore = rowsInStore(store, table);
  let duplicates = known;
  let read = 0;
  for (const file of plan.inputs) {
    const reader = await ahead.next();
    expectWritten(table, reader, file.path);
    let firstRow = 0;
    for (const [index, rows] of reader.rowGroups.entries()) {
      signal?.throwIfAborted();
      const part = { file, firstRow, rows };
      if (!isOutside(outside, part)) await day.append(reader, index, part);
      firstRow += rows;
      read += rows;
      // Blocks grow by doubling, and sorting and encoding need room as well.
      if (day.bytes * 2 > memoryBytes && read < plan.rows) {
        duplicates ??= await find(inStore);
        await putAside(runs, day, duplicates, Math.ceil((plan.rows / read) * (runs.count + 1)));
      }
    }
    reader.close();
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
function labelOf({ inputs, kept }: DayPlan, run: string, part?: DayPart): string {
  const digest = createHash('sha256').update(part === undefined ? `${run}\n` : `${run} ${part.number}\n`);
  for (const file of inputs) digest.update(`-${file.path}\n`);
  for (const file of kept) digest.update(`=${file.path}\n`);
  return `${compactedPrefix}${digest.digest('hex').slice(0, 16)}`;
}
