/**
 * Data files that are gone from the store, or whose bytes are not what they were: no query of their day answers any more, and
 * what they held has to be read again from the sources.
 *
 * Two steps, each of which may be the last that a run lives to do. One amendment takes the files out of the table, and writes down
 * by object how many rows went with them (operation `lost`): the account is the table then, and verify names the rows as lost.
 * Then the objects are read again as by `backfill --again`, which settles that. Objects that are no longer in their source stay
 * named, until somebody accepts the loss.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { commitTable } from '../../iceberg/commit.ts';
import { asParquet, boundsTest, type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { scanRows } from '../../iceberg/table-rows.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { KernelTable } from '../../kernel/table.ts';
import { type AmendedRows, amend, finishAmendments } from '../../ledger/amendment.ts';
import { batchesOf } from '../../ledger/batch-summary.ts';
import { commitContext } from '../../ledger/runtime.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import { type CompactionTable, declaredColumns, describeTable } from '../../rewrite/stored-table.ts';
import { eventTables } from '../../sources/registry.ts';
import { canonical } from '../../store/places.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import { ingestedObjects } from '../../tables/ingested-objects.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { sequences } from '../../tables/sequences.ts';
import { dayOf } from '../../text/time.ts';
import { backfill } from '../backfill/backfill.ts';
import type { BackfillReport } from '../backfill/report.ts';
import { replan } from '../replan.ts';
import { readAccounts } from './accounts.ts';
import type { Difference, DifferenceKind } from './difference.ts';
import { ObjectNames } from './object-names.ts';
import { onlyBatchesSince } from './versions.ts';

export const lostFileKinds: ReadonlySet<DifferenceKind> = new Set(['file-missing', 'file-size', 'file-unreadable']);

/** Takes lost files out of the tables of events and of quarantine. `differences` gives those of the warehouse as it is. */
export async function dropLostFiles(
  runtime: Runtime,
  differences: () => Promise<readonly Difference[]>,
): Promise<string[]> {
  const done: string[] = [];
  const found = new Set((await differences()).flatMap(({ kind, table }) => (lostFileKinds.has(kind) ? table : [])));
  for (const table of [...eventTables, quarantine.name].filter((name) => found.has(name))) {
    const what = { what: `table ${table}`, command: 'verify --repair' };
    done.push(...(await replan(what, () => dropFrom(runtime, table, differences))));
  }
  return done;
}

/** undefined where another writer came in between. */
async function dropFrom(
  runtime: Runtime,
  table: string,
  find: () => Promise<readonly Difference[]>,
): Promise<string[] | undefined> {
  await finishAmendments(runtime);
  const loaded = await runtime.catalog.loadTable(table);
  if (loaded === undefined) return [];
  const differences = (await find()).filter((difference) => difference.table === table);
  const named = new Set(
    differences.flatMap(({ kind, uri }) => (lostFileKinds.has(kind) && uri ? [canonical(uri)] : [])),
  );
  if (named.size === 0) return [];
  const described = describeTable(table, loaded, runtime.config);
  const lost: LiveFile[] = [];
  for await (const file of liveFiles(runtime.store, loaded.metadata))
    if (named.has(canonical(file.path)) && !(await isWhole(runtime.store, described, file))) lost.push(file);
  if (lost.length === 0) return [];

  // An object that a run holds counts as the ledger has it still, unless the table has what that run makes already.
  const { objects } = await readAccounts(runtime, new ObjectNames());
  const taken = new Set(loaded.metadata.snapshots.flatMap(batchesOf));
  const isUnderWay = (uri: string): boolean => taken.has(objects.get(uri)?.open?.batch ?? '');
  const detail = lost.length === 1 ? lost[0]!.path : `${lost[0]!.path} and ${lost.length - 1} more files`;
  const entries = differences.flatMap(({ kind, uri, expected, found }): AmendedRows[] => {
    if (kind !== 'rows-missing' || uri === undefined || isUnderWay(uri)) return [];
    if (!lost.some(boundsTest(loaded.metadata, [{ column: 'source_uri', from: uri, to: uri }]))) return [];
    return [{ table, sourceUri: uri, rows: Number(found) - Number(expected), detail }];
  });
  const since = loaded.metadata['last-sequence-number'];
  const isDone = await amend(runtime, {
    operation: 'lost',
    table,
    change: { operation: 'delete', add: [], remove: lost.map(({ path }) => path) },
    entries,
    isStillRight: async ({ metadata }) => onlyBatchesSince(metadata, since),
  });
  const rows = entries.reduce((sum, entry) => sum - entry.rows, 0);
  return isDone
    ? [
        `took ${lost.length} lost files out of table ${table}, with ${rows} rows of ${entries.length} objects: ${detail}`,
      ]
    : undefined;
}

/** Whether all of a file can be read. Throws StoreError where the store does not say. */
async function isWhole(
  store: ObjectStore,
  { declaration, columns, names }: CompactionTable,
  file: LiveFile,
): Promise<boolean> {
  const info = await store.head(file.path);
  if (info?.size !== file.fileSize) return false;
  const table = new KernelTable(declaredColumns(declaration));
  try {
    const reader = await ColumnReader.open(store, asParquet(file));
    for (const index of reader.rowGroups.keys()) {
      await reader.append(table, index, columns, { names });
      table.clear();
    }
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.code !== 'not-found') throw error;
    return false;
  } finally {
    table.release();
  }
}

/**
 * Numbers of producers that went with files of `sequences`. Adding them twice changes nothing, so the objects that may have given
 * them are read again first, of all sources, and only then are the files taken out: a run that dies in between has lost nothing.
 */
export async function restoreSequences(runtime: Runtime, differences: readonly Difference[]): Promise<string[]> {
  const { store, catalog } = runtime;
  const named = new Set(
    differences.flatMap(({ kind, table, uri }) =>
      table === sequences.name && lostFileKinds.has(kind) && uri ? [canonical(uri)] : [],
    ),
  );
  const loaded = named.size === 0 ? undefined : await catalog.loadTable(sequences.name);
  if (loaded === undefined) return [];
  const lost: LiveFile[] = [];
  for await (const file of liveFiles(store, loaded.metadata)) if (named.has(canonical(file.path))) lost.push(file);
  if (lost.length === 0) return [];
  const days = [...new Set(lost.map(({ ymd }) => ymd ?? 'all days'))].join(', ');
  const options = { again: true, objects: await objectsOfSequences(runtime, loaded, lost) };
  const report = await backfill(runtime, options);
  const { objects } = report;
  const left = leftUnread(report);
  if (left.length > 0)
    return [`not all objects of ${days} could be read again, so ${sequences.name} names its lost files still`, ...left];
  const remove = lost.map(({ path }) => path);
  await commitTable(commitContext(runtime), sequences.name, () => ({
    operation: 'delete',
    add: [],
    remove,
    summary: {},
  }));
  return [
    `read ${objects.committed} objects of ${days} again, and took ${lost.length} lost files out of table ${sequences.name}`,
  ];
}

/**
 * Objects that may have given the numbers of these files of `sequences`, by what the ledger has of them: those with rows of
 * the same day, and those that have changed since and have records that did not become rows, whose times the ledger does not tell.
 */
function objectsOfSequences(
  world: Pick<Runtime, 'store' | 'catalog'>,
  { metadata }: LoadedTable,
  lost: readonly LiveFile[],
): Promise<Set<string>> {
  const files = new Map<string, readonly LiveFile[]>();
  const filesOf = (source: string): readonly LiveFile[] => {
    const known =
      files.get(source) ?? lost.filter(boundsTest(metadata, [{ column: 'source', from: source, to: source }]));
    files.set(source, known);
    return known;
  };
  const columns = ['source', 'last_modified', 'records', 'rows'];
  return objectsWith(world, columns, (row) => {
    const hasOthers = row.records !== row.rows;
    const lastDay = dayOf((row.last_modified as bigint) + clocksDiffer);
    return filesOf(String(row.source)).some(
      ({ ymd }) => ymd === null || hasRowsOf(row, ymd) || (hasOthers && lastDay >= ymd),
    );
  });
}

/** A day, in microseconds, by which a record may seem younger than its object. */
const clocksDiffer = 86_400_000_000n;

/** Objects with rows of one of these days, by what the ledger has of them. */
export const objectsOfDays = (
  world: Pick<Runtime, 'store' | 'catalog'>,
  days: readonly string[],
): Promise<Set<string>> => objectsWith(world, [], (row) => days.some((day) => hasRowsOf(row, day)));

/** Committed objects whose entries in the ledger pass; `columns` of these are asked for, beside their times. */
async function objectsWith(
  { store, catalog }: Pick<Runtime, 'store' | 'catalog'>,
  columns: readonly string[],
  passes: (entry: Row) => boolean,
): Promise<Set<string>> {
  const objects = new Set<string>();
  const ledger = await catalog.loadTable(ingestedObjects.name);
  if (ledger === undefined) return objects;
  const scan = { columns: ['uri', 'state', 'min_event_time', 'max_event_time', ...columns] };
  for await (const rows of scanRows(store, ledger, scan))
    for (const row of rows) if (row.state === 'committed' && passes(row)) objects.add(String(row.uri));
  return objects;
}

function hasRowsOf({ min_event_time: first, max_event_time: last }: Row, day: string): boolean {
  return first !== null && last !== null && dayOf(first as bigint) <= day && day <= dayOf(last as bigint);
}

/** Reads the objects again that have lost rows. */
export async function readLostAgain(runtime: Runtime, sources: readonly string[] | undefined): Promise<string[]> {
  const lostNow = async () => (await readAccounts(runtime, new ObjectNames())).lost;
  const objects = new Set((await lostNow()).map(({ uri }) => uri));
  if (objects.size === 0) return [];
  const options = { again: true, objects, ...(sources && { sources }) };
  const report = await backfill(runtime, options);
  const { again, records } = report;
  const done: string[] = [];
  if ((again?.objects ?? 0) > 0) done.push(`read ${again!.objects} objects again, ${records.rows} rows`);
  const unread = leftUnread(report);
  done.push(...unread);
  const left = await lostNow();
  if (left.length === 0) return done;
  const rows = left.reduce((sum, one) => sum + one.rows, 0);
  const lost = `${rows} rows of ${new Set(left.map(({ uri }) => uri)).size} objects are lost`;
  const example = `such as ${left[0]!.uri}`;
  if (unread.length > 0 || sources !== undefined) done.push(`${lost} as long as these are not read again, ${example}`);
  else
    done.push(
      `${lost}, since these are not in their sources any more, ${example}: put them back and repair again, or accept the loss (verify --accept)`,
    );
  return done;
}

/** Why objects that are in their sources were not read. */
function leftUnread({ objects, failures, warnings }: BackfillReport): string[] {
  const archived = warnings.flatMap(({ code, message }) => (code === 'objects-archived' ? message : []));
  const [first] = failures;
  return first === undefined
    ? archived
    : [`could not read ${objects.failed} objects again, the first since ${first.message}`, ...archived];
}
