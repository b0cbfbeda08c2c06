/**
 * Making staged batches visible, in an order that any crash leaves repairable:
 * intent (fixes the outcome of a batch) -> one snapshot per table, which names the batches in it -> ledger.
 * Every step is skipped for the batches that it was done for before, so finishing a batch twice, or by two workers, or
 * in two groups, does it once.
 */
import type { LoadedTable } from '../iceberg/catalog.ts';
import type { Change } from '../iceberg/change.ts';
import { commitTable } from '../iceberg/commit.ts';
import type { TableMetadata } from '../iceberg/metadata.ts';
import { liveFiles } from '../iceberg/scan.ts';
import { fieldsByName } from '../iceberg/schema.ts';
import { isTableFault } from '../iceberg/table-fault.ts';
import { fileRows, scanRows } from '../iceberg/table-rows.ts';
import type { Row } from '../parquet/read/row-reader.ts';
import { canonical } from '../store/places.ts';
import type { ObjectStore } from '../store/store.ts';
import { sequences } from '../tables/sequences.ts';
import { compareText, textRange } from '../text/order.ts';
import { type Intent, settleIntent } from './batch-intent.ts';
import { batchesOf, batchSummary, mostBatches } from './batch-summary.ts';
import type { Ledger } from './ledger.ts';
import { type ReplacedByBatch, replaceAll } from './replace-batches.ts';
import { commitContext, type LedgerRuntime } from './runtime.ts';

/** Data files of a group at most, unless one batch has more: they all go into one manifest. */
const mostFiles = 10_000;

/** How many of these, from the first on, are few enough for one group. */
export function groupShare(intents: readonly Intent[]): number {
  let files = 0;
  const over = intents.findIndex((intent, index) => {
    for (const ofTable of intent.files.values()) files += ofTable.length;
    return index === mostBatches || (index > 0 && files > mostFiles);
  });
  return over < 0 ? intents.length : over;
}

/** Returns the intent that was carried out: the standing one, where another worker was faster. */
export async function commitBatch(runtime: LedgerRuntime, ledger: Ledger, staged: Intent): Promise<Intent> {
  const { store, config } = runtime;
  const intent = await settleIntent(store, config.warehouse, staged);
  await finishBatches(runtime, ledger, [intent]);
  return intent;
}

/**
 * Carries out intents that stand, each from wherever it was left: one snapshot per table for all of them, and one of
 * the ledger. Where a table cannot be used, its batches fail, which is thrown once all others are done. Gives what was replaced, by batch, of those whose objects were read again.
 */
export async function finishBatches(
  runtime: LedgerRuntime,
  ledger: Ledger,
  intents: readonly Intent[],
): Promise<ReadonlyMap<string, ReplacedByBatch>> {
  const visible = commitFiles(runtime, ledger, intents);
  const all = whole(visible);
  if (intents.some(({ again }) => again !== undefined)) await visible;
  const settle = (of: readonly Intent[], after: Promise<unknown>) =>
    Promise.allSettled(of.map((intent) => settleBatch(ledger, intent, after)));
  let settled = await settle(intents, all);
  const { replaced, failed } = await visible;
  if (failed.size > 0) settled = await settle(without(intents, failed), visible);
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  for (const error of failed.values()) throw error;
  return replaced;
}

/** The part of it that the ledger has: prepared beside the other part, `visible`, and made once that holds. */
export const settleBatch = (
  ledger: Ledger,
  { batch, objects, again }: Intent,
  visible: Promise<unknown>,
): Promise<void> => ledger.settle(batch, objects, again, visible);

/** Some batches of a group are not visible: the others have to be settled without them. */
export class PartlyFailed extends Error {}

/** Resolves where all batches are visible; nobody has to hear of it where they are not. */
export function whole(visible: Promise<CommittedFiles>): Promise<CommittedFiles> {
  const all = visible.then((committed) => {
    if (committed.failed.size > 0) throw new PartlyFailed();
    return committed;
  });
  all.catch(() => {});
  return all;
}

export const without = (intents: readonly Intent[], failed: ReadonlyMap<string, unknown>): Intent[] =>
  intents.filter(({ batch }) => !failed.has(batch));

export interface CommittedFiles {
  /** By batch, of those whose objects were read again. */
  readonly replaced: ReadonlyMap<string, ReplacedByBatch>;
  /** Batches that are not in all of their tables, each with what is wrong with one of these: the same again would do the rest. */
  readonly failed: ReadonlyMap<string, Error>;
}

/**
 * The part of it that is visible in the tables. Batches of a group have an order, by the time of the claim and then by
 * id, both of which the ledger keeps. Nothing is committed before `after` resolves.
 */
export async function commitFiles(
  runtime: LedgerRuntime,
  ledger: Ledger,
  intents: readonly Intent[],
  after?: Promise<unknown>,
): Promise<CommittedFiles> {
  const failed = new Map<string, Error>();
  const appended = intents.map((intent) =>
    only(intent, (table) => intent.again === undefined || table === sequences.name),
  );
  for (const [table, error] of await appendAll(runtime, ledger, appended, after))
    for (const { batch, files } of appended) if ((files.get(table)?.length ?? 0) > 0) failed.set(batch, error);
  await after;
  const again = intents.filter(({ batch, again }) => again !== undefined && !failed.has(batch));
  const wanted = again.map((intent) => only(intent, (table) => table !== sequences.name));
  try {
    return { replaced: await replaceAll(runtime, ledger, wanted), failed };
  } catch (error) {
    if (!isTableFault(error)) throw error;
    for (const { batch } of again) failed.set(batch, error);
    return { replaced: new Map(), failed };
  }
}

/** The files of some tables. Numbers that have arrived are never taken back, so they are added in any case. */
const only = (intent: Intent, isWanted: (table: string) => boolean): Intent => ({
  ...intent,
  files: new Map([...intent.files].filter(([table]) => isWanted(table))),
});

/** Gives the tables that cannot be used, with what is wrong with them. */
async function appendAll(
  runtime: LedgerRuntime,
  ledger: Ledger,
  intents: readonly Intent[],
  after: Promise<unknown> | undefined,
): Promise<ReadonlyMap<string, Error>> {
  const group = [...intents].sort((a, b) => (a.claimedAt ?? 0) - (b.claimedAt ?? 0) || compareText(a.batch, b.batch));
  const tables = new Set(
    group.flatMap(({ files }) => [...files].flatMap(([table, of]) => (of.length > 0 ? table : []))),
  );
  const commits = [...tables].map((table) =>
    commitTable(
      commitContext(runtime),
      table,
      async (loaded) => changeOf(table, await notYetIn(runtime.store, ledger, table, loaded, group)),
      { swapAfter: after },
    ),
  );
  // None may still be under way when the caller tries again.
  const results = await Promise.allSettled(commits);
  const faults = new Map<string, Error>();
  for (const [index, table] of [...tables].entries()) {
    const result = results[index]!;
    if (result.status === 'fulfilled') continue;
    if (!isTableFault(result.reason)) throw result.reason;
    faults.set(table, result.reason);
  }
  return faults;
}

function changeOf(table: string, intents: readonly Intent[]): Change | undefined {
  if (intents.length === 0) return undefined;
  return {
    operation: 'append',
    add: intents.flatMap(({ files }) => files.get(table)!),
    remove: [],
    summary: batchSummary(intents.map(({ batch }) => batch)),
  };
}

/** Those with files for the table that this very version of it has not taken. */
export async function notYetIn(
  store: ObjectStore,
  ledger: Pick<Ledger, 'openClaims'>,
  table: string,
  { metadata }: LoadedTable,
  group: readonly Intent[],
): Promise<Intent[]> {
  const named = new Set(metadata.snapshots.flatMap(batchesOf));
  const open = group.filter(({ batch, files }) => (files.get(table)?.length ?? 0) > 0 && !named.has(batch));
  const doubtful = open.filter((intent) => !isHistoryWhole(metadata, intent.bases?.get(table)));
  if (doubtful.length === 0) return open;
  const taken = await takenAll(store, ledger, table, metadata, doubtful);
  return open.filter((intent) => !taken.has(intent));
}

/**
 * Whether the table still has every snapshot made since it was at sequence number `base`, so that a batch which none of
 * them names is not in it. Intents of earlier versions do not say where that was; for them history has to do.
 */
export function isHistoryWhole({ snapshots, 'last-sequence-number': last }: TableMetadata, base = last): boolean {
  return snapshots.filter((snapshot) => snapshot['sequence-number'] > base).length === last - base;
}

/**
 * The same where snapshots were expired since the batches were staged. `expire` keeps those that name an open batch;
 * another engine may not. Then a batch has been taken where its files are live, or where the ledger has settled it.
 */
async function takenAll(
  store: ObjectStore,
  ledger: Pick<Ledger, 'openClaims'>,
  table: string,
  metadata: TableMetadata,
  intents: readonly Intent[],
): Promise<ReadonlySet<Intent>> {
  const byPath = new Map(
    intents.flatMap((intent) => intent.files.get(table)!.map(({ path }) => [canonical(path), intent] as const)),
  );
  const claims = new Set((await ledger.openClaims()).map(([first]) => first!.batch));
  const taken = new Set(intents.filter(({ batch }) => !claims.has(batch)));
  for await (const { path } of liveFiles(store, metadata)) {
    const intent = byPath.get(canonical(path));
    if (intent !== undefined) taken.add(intent);
  }
  for (const intent of intents)
    if (!taken.has(intent) && (await hasRowsOf(store, metadata, table, intent))) taken.add(intent);
  return taken;
}

/** Rows of a batch that are looked for: it became visible as a whole, so few are enough. */
const rowsLookedFor = 1000;

/**
 * Whether rows of a batch are in the table though its files are not: another engine has written them anew. Where the files
 * are gone, any row of the objects is taken for one.
 */
async function hasRowsOf(
  store: ObjectStore,
  metadata: TableMetadata,
  table: string,
  { files, objects, again }: Intent,
): Promise<boolean> {
  const bounds = [{ column: 'source_uri', ...textRange(objects.keys()) }];
  const scan = { bounds, withDeleted: true };
  const [first] = files.get(table)!;
  if (first === undefined || !fieldsByName(metadata).has('source_uri')) return false;
  if ((await store.head(first.path)) === undefined) {
    // The rows that it would take the place of; doing that once more changes nothing.
    if (again !== undefined) return false;
    for await (const rows of scanRows(store, { metadata }, { ...scan, columns: ['source_uri'] }))
      if (rows.some((row) => objects.has(String(row.source_uri)))) return true;
    return false;
  }
  const wanted = new Set<string>();
  for await (const rows of fileRows(store, metadata, { ...first, deletes: [] })) {
    for (const row of rows) if (wanted.size < rowsLookedFor) wanted.add(rowKey(row));
    if (wanted.size >= rowsLookedFor) break;
  }
  for await (const rows of scanRows(store, { metadata }, scan))
    if (rows.some((row) => objects.has(String(row.source_uri)) && wanted.has(rowKey(row)))) return true;
  return false;
}

/** By its scalars: engines may write maps in another order. */
const rowKey = (row: Row): string =>
  JSON.stringify(Object.values(row).map((value) => (typeof value === 'object' ? null : String(value))));
