/**
 * Amendments: changes to tables outside of ingest that remove or move rows on purpose (duplicates dropped by compaction,
 * replay, erasure, retention, lost files), or settle the account (acceptance), each with its written record in the table `amendments`, so that what the ledger promises
 * and what the tables hold can always be reconciled.
 *
 * One amendment is one decisive change of one table, which removes files, and appends that follow from it: to the
 * record, and for a replay to the table of the events. The order leaves every crash repairable:
 *   data files -> intent (`_amendments/<id>.json`) -> decisive snapshot -> appends -> intent deleted.
 * Each snapshot carries the id of the amendment and is made once, no matter who finishes it, unless the table is rolled back
 * behind it. Where the decisive change is no
 * longer possible, since another writer has replaced the files that it removes, nothing of it was or will be done.
 */
import { createHash } from 'node:crypto';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { commitTable, MissingDataFiles, NewRowDeletes } from '../iceberg/commit.ts';
import { type DataFile, dataFileFromJson, dataFileToJson } from '../iceberg/data-file.ts';
import { ensureTable } from '../iceberg/ensure.ts';
import { lostAmong } from '../iceberg/files.ts';
import { isRolledBack } from '../iceberg/history.ts';
import { stringifyJson } from '../iceberg/json.ts';
import { dayFilesRequest, storeDataFile } from '../iceberg/write.ts';
import { KernelTable } from '../kernel/table.ts';
import { dayFiles } from '../parquet/write/day-files.ts';
import { readWhole } from '../store/read.ts';
import { StoreError } from '../store/store.ts';
import { type amendmentOperations, amendments } from '../tables/amendments.ts';
import { compareText } from '../text/order.ts';
import { batchesOf, batchSummary } from './batch-summary.ts';
import { isIntentUri, parseIntentJson } from './intent-json.ts';
import { commitContext, type LedgerRuntime } from './runtime.ts';

/** In the summary of every snapshot that belongs to an amendment. */
export const amendmentProperty = 'audit-warehouse.amendment';

export interface Amendment {
  readonly operation: (typeof amendmentOperations)[number];
  /** The decisive change: its `remove` must not be empty, since that is what can be done only once, but for a batch. */
  readonly table: string;
  readonly change: {
    readonly operation: 'overwrite' | 'delete' | 'append';
    readonly add: readonly DataFile[];
    readonly remove: readonly string[];
    /** As in `Change`: without it no row of the removed files may be deleted, unless they go as wholes. */
    readonly applied?: readonly string[];
    /** Goes into the summary of the snapshot. */
    readonly summary?: Readonly<Record<string, string>>;
  };
  /** Files that come into other tables with it, by table. */
  readonly appends?: ReadonlyMap<string, readonly DataFile[]>;
  readonly entries: readonly AmendedRows[];
  /** What came before it: tells it from an amendment of the same files that was rolled back. */
  readonly after?: readonly string[];
  /** Where the decisive change is what batches do to the table. */
  readonly batches?: BatchChange;
  /** Asked of the very version of the table that the decisive change is made on; false gives the amendment up. */
  readonly isStillRight?: (loaded: LoadedTable) => Promise<boolean>;
}

/** A table takes a batch once, by whatever amendment, and only as long as no other amendment came in between. */
export interface BatchChange {
  readonly ids: readonly string[];
  /** Sequence number of the version of the table that the change was planned on. */
  readonly plannedOn: number;
}

/** Rows of one object that a table gained, or lost where `rows` is below zero. */
export interface AmendedRows {
  /** Where it is another than that of the amendment: these rows are on the account of an earlier one. */
  readonly operation?: Amendment['operation'];
  readonly table: string;
  readonly sourceUri: string;
  readonly rows: number;
  readonly detail?: string;
  /** Who asked for it. */
  readonly madeBy?: string;
  /** Where it is about one row: its record, by the offset in the object, and the row as hex digits of its digest; null where there is none. */
  readonly row?: { readonly offset: number; readonly digest: string | null };
  /** Of an erasure: `placeOfRecord` of each row. */
  readonly places?: readonly string[];
}

/**
 * Carries an amendment out. false: the files that it removes are not live any more, or have new row-level deletes, or
 * `isStillRight` says no; nothing was changed, and the planner must plan again. Data files of `change` and
 * `appends` are in the store already.
 */
export async function amend(runtime: LedgerRuntime, amendment: Amendment): Promise<boolean> {
  if (amendment.change.remove.length === 0 && amendment.batches === undefined)
    throw new Error(`an amendment of ${amendment.table} removes no file`);
  const id = idOf(amendment);
  const record = await writeRecord(runtime, id, amendment);
  const appends = new Map([...(amendment.appends ?? []), [amendments.name, record]]);
  const { table, change, batches } = amendment;
  const intent: AmendmentIntent = { id, table, change, appends, ...(batches && { batches }) };
  await putIntent(runtime, intent);
  return finish(runtime, intent, amendment.isStillRight);
}

export interface Acceptance {
  readonly entries: readonly AmendedRows[];
  /** Sequence number of the version of `amendments` that the account was read from; 0 where there was no such table. */
  readonly plannedOn: number;
  /** Asked right before the commit; false gives it up. */
  readonly isStillRight: () => Promise<boolean>;
}

/**
 * Settles the account as the tables are, without changing them. The record is the change, so nothing but the version of
 * `amendments` that it was planned on makes it happen once. false: another amendment came in between, nothing was changed.
 */
export async function acceptRows(
  runtime: LedgerRuntime,
  { entries, plannedOn, isStillRight }: Acceptance,
): Promise<boolean> {
  const id = createHash('sha256')
    .update(JSON.stringify(['accept', plannedOn, entries]))
    .digest('hex')
    .slice(0, 32);
  const add = await writeRecord(runtime, id, { operation: 'accept', entries });
  const change = { operation: 'append', add, remove: [] } as const;
  const intent: AmendmentIntent = { id, table: amendments.name, change, appends: new Map(), plannedOn };
  await putIntent(runtime, intent);
  return finish(runtime, intent, isStillRight);
}

/** Finishes what runs that died have left open. Returns how many amendments that were. Safe beside live runs. */
export async function finishAmendments(runtime: LedgerRuntime): Promise<number> {
  let finished = 0;
  for await (const intent of intents(runtime)) if (await finishStanding(runtime, intent)) finished++;
  return finished;
}

/**
 * Ends those whose decisive change this version of the table has, so that what else belongs to them is there too: the
 * record of what was erased, the rows that left the quarantine. Others are left alone, since the table is as before them.
 */
export async function finishDecided(runtime: LedgerRuntime, name: string, table: LoadedTable): Promise<void> {
  for await (const intent of intents(runtime))
    if (intent.table === name && isCarriedOut(table, intent.id)) await finishStanding(runtime, intent);
}

async function finishStanding(runtime: LedgerRuntime, intent: AmendmentIntent): Promise<boolean> {
  // Another engine may have taken its files for orphans. After the decisive change there is no way back: a record
  // that is lost stays so, and verify names the rows.
  const lost = new Set(await lostAmong(runtime.store, filesOf(intent)));
  const appends = [...intent.appends].map(([name, files]) => [name, files.filter((file) => !lost.has(file))] as const);
  return finish(runtime, { ...intent, appends: new Map(appends) }, async () => lost.size === 0);
}

/** Open amendments by id, each with the data files that it will make visible, or has: never orphans. */
export async function openAmendments(runtime: LedgerRuntime): Promise<Map<string, readonly string[]>> {
  const open = new Map<string, readonly string[]>();
  for await (const intent of intents(runtime))
    open.set(
      intent.id,
      filesOf(intent).map((file) => file.path),
    );
  return open;
}

const filesOf = ({ change, appends }: AmendmentIntent): DataFile[] => [...change.add, ...[...appends.values()].flat()];

interface AmendmentIntent extends Pick<Amendment, 'table' | 'change' | 'batches'> {
  readonly id: string;
  readonly appends: ReadonlyMap<string, readonly DataFile[]>;
  /** Where the decisive change is good for one version of its table only: the sequence number of that. */
  readonly plannedOn?: number;
}

class NoLongerRight extends Error {}

const isCarriedOut = ({ metadata }: LoadedTable, id: string): boolean =>
  metadata.snapshots.some(
    (snapshot) => snapshot.summary[amendmentProperty] === id && !isRolledBack(metadata, snapshot),
  );

async function finish(
  runtime: LedgerRuntime,
  intent: AmendmentIntent,
  isStillRight: (loaded: LoadedTable) => Promise<boolean> = async () => true,
): Promise<boolean> {
  const { id, table, change, appends, batches, plannedOn } = intent;
  const summary = { [amendmentProperty]: id };
  const isDone = (loaded: LoadedTable): boolean => isCarriedOut(loaded, id);
  const context = commitContext(runtime);
  try {
    await commitTable(context, table, async (loaded) => {
      if (isDone(loaded)) return undefined;
      if (batches && hasOvertaken(loaded, batches)) throw new NoLongerRight();
      if (plannedOn !== undefined && loaded.metadata['last-sequence-number'] !== plannedOn) throw new NoLongerRight();
      if (!(await isStillRight(loaded))) throw new NoLongerRight();
      return { ...change, summary: { ...change.summary, ...summary, ...(batches && batchSummary(batches.ids)) } };
    });
  } catch (error) {
    const isOvertaken = [MissingDataFiles, NewRowDeletes, NoLongerRight].some((kind) => error instanceof kind);
    if (!isOvertaken) throw error;
    await runtime.store.delete(intentUri(runtime, id));
    return false;
  }
  for (const [name, add] of appends) {
    if (add.length === 0) continue;
    await commitTable(context, name, (loaded) =>
      isDone(loaded) ? undefined : { operation: 'append', add, remove: [], summary },
    );
  }
  await runtime.store.delete(intentUri(runtime, id));
  return true;
}

/** Whether a table has one of the batches already, or was amended since the change was planned, but by other batches. */
function hasOvertaken({ metadata }: LoadedTable, { ids, plannedOn }: BatchChange): boolean {
  const mine = new Set(ids);
  return metadata.snapshots.some((snapshot) => {
    const batches = batchesOf(snapshot);
    if (batches.length > 0) return batches.some((id) => mine.has(id));
    return snapshot['sequence-number'] > plannedOn && snapshot.summary[amendmentProperty] !== undefined;
  });
}

async function writeRecord(
  runtime: LedgerRuntime,
  id: string,
  { operation, entries }: Pick<Amendment, 'operation' | 'entries'>,
): Promise<DataFile[]> {
  const { store, config, encoder, clock } = runtime;
  const table = await ensureTable(commitContext(runtime), amendments);
  const now = clock();
  const ymd = new Date(now).toISOString().slice(0, 10);
  const files: DataFile[] = [];
  if (entries.length === 0) return files;
  const columns = new KernelTable(amendments.columns);
  try {
    for (const { operation: by = operation, table: name, sourceUri, rows, detail, madeBy, row, places } of entries)
      columns.append([
        ymd,
        BigInt(now) * 1000n,
        id,
        by,
        name,
        sourceUri,
        BigInt(rows),
        detail ?? null,
        madeBy ?? null,
        row === undefined ? null : BigInt(row.offset),
        row?.digest ?? null,
        places ?? null,
      ]);
    for await (const file of dayFiles(encoder, dayFilesRequest(table, amendments, columns.batch(), config.output)))
      files.push(await storeDataFile({ store, table, declaration: amendments, label: id.slice(0, 16) }, file));
    return files;
  } finally {
    columns.release();
  }
}

/** The same change of the same files has the same id, so that a second try after a crash is the same amendment. */
function idOf({ operation, table, change, after, batches }: Amendment): string {
  const digest = createHash('sha256').update(JSON.stringify([operation, table]));
  if (after !== undefined) digest.update(JSON.stringify(after));
  if (batches !== undefined) digest.update(JSON.stringify([batches.ids, batches.plannedOn]));
  for (const path of [...change.remove].sort(compareText)) digest.update(JSON.stringify(['-', path]));
  for (const path of change.add.map((file) => file.path).sort(compareText)) digest.update(JSON.stringify(['+', path]));
  return digest.digest('hex').slice(0, 32);
}

async function* intents(runtime: LedgerRuntime): AsyncGenerator<AmendmentIntent> {
  const { store, config, sleep } = runtime;
  for await (const info of store.list(amendmentPrefix(config.warehouse))) {
    if (!isIntentUri(info.uri)) continue;
    let bytes: Buffer;
    try {
      bytes = await readWhole(store, info, { sleep });
    } catch (error) {
      // Its own run has finished it in between.
      if (error instanceof StoreError && error.code === 'not-found') continue;
      throw error;
    }
    yield parseIntent(bytes, info.uri);
  }
}

/** Where the intents of a warehouse's amendments are. */
export const amendmentPrefix = (warehouse: string): string => `${warehouse}/_amendments/`;
const intentUri = ({ config }: LedgerRuntime, id: string): string => `${amendmentPrefix(config.warehouse)}${id}.json`;

async function putIntent(
  runtime: LedgerRuntime,
  { id, table, change, appends, batches, plannedOn }: AmendmentIntent,
): Promise<void> {
  const json = stringifyJson({
    // A version that knows nothing of what holds the change back must not carry it out.
    'format-version': plannedOn !== undefined ? plannedVersion : batches !== undefined ? batchesVersion : 1,
    id,
    table,
    ...(batches && { batches }),
    ...(plannedOn !== undefined && { plannedOn }),
    change: { ...change, add: change.add.map(dataFileToJson) },
    appends: Object.fromEntries([...appends].map(([name, files]) => [name, files.map(dataFileToJson)])),
  });
  await runtime.store.put(intentUri(runtime, id), Buffer.from(json), { contentType: 'application/json' });
}

const batchesVersion = 2;
const plannedVersion = 3;

interface IntentJson {
  readonly 'format-version': number;
  readonly id: string;
  readonly table: string;
  /** In format 2. */
  readonly batches?: BatchChange;
  /** In format 3. */
  readonly plannedOn?: number;
  readonly change: Omit<Amendment['change'], 'add'> & { readonly add: Parameters<typeof dataFileFromJson>[0][] };
  readonly appends: Record<string, Parameters<typeof dataFileFromJson>[0][]>;
}

function parseIntent(bytes: Buffer, uri: string): AmendmentIntent {
  const json = parseIntentJson(bytes, uri, [1, batchesVersion, plannedVersion]) as IntentJson;
  const { id, table, change, appends, batches, plannedOn } = json;
  return {
    id,
    table,
    ...(batches && { batches }),
    ...(plannedOn !== undefined && { plannedOn }),
    change: { ...change, add: change.add.map(dataFileFromJson) },
    appends: new Map(Object.entries(appends).map(([name, files]) => [name, files.map(dataFileFromJson)])),
  };
}
