/**
 * Expire: takes away what is no longer needed, and nothing else. In this order:
 *
 * 1. Amendments that a dead run left open are finished.
 * 2. Days past the retention of their table are removed, as ordinary snapshots with a record in `amendments`.
 * 3. Snapshots past their retention leave the metadata. The current one, those of branches and tags, and those by
 *    which an open batch is known to be committed stay.
 * 4. Files that no remaining snapshot reaches are deleted once they are older than the grace period, except what open
 *    batches and amendments are about to commit. So the files of an expired snapshot, and those of attempts that lost
 *    or died, go the same way.
 * 5. Intents of settled batches, older than the grace period, those of compactions that were not committed while they held, and
 *    manifests of jobs whose time has been over for as long.
 * 6. What writes that were cut off have left in a folder of this machine.
 *
 * Of a table whose property `gc.enabled` is false, snapshots and files stay: other tables, or branches that the catalog keeps (as
 * Nessie does), may need them.
 *
 * A batch that stays open for longer than the grace period (its worker died, and no backfill or worker ran since) may be
 * done again at any moment under the same names: then no file is deleted, and the report says so.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { updateTable } from '../../iceberg/commit.ts';
import { mapAhead, mapSettled } from '../../iceberg/files.ts';
import { removeSnapshots } from '../../iceberg/history.ts';
import { warehouseOf } from '../../iceberg/home.ts';
import { isGcEnabled } from '../../iceberg/metadata.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { createLedger } from '../../ingest/claimed-batch.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { finishAmendments, openAmendments } from '../../ledger/amendment.ts';
import { intentPrefix, readIntent } from '../../ledger/batch-intent.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { commitContext } from '../../ledger/runtime.ts';
import { canonical, isWithin } from '../../store/places.ts';
import type { ObjectInfo, ObjectStore } from '../../store/store.ts';
import { compactionPrefix, removeCompaction, standingCompactions } from '../steps/compaction-intent.ts';
import { spentManifests } from './manifests.ts';
import { listCandidates, orphansAmong } from './orphans.ts';
import { applyRetention, type RetiredDays } from './retention.ts';
import { expiredSnapshots } from './snapshots.ts';

export interface ExpireOptions {
  readonly dryRun?: boolean;
  /** Told of each thing that was, or would be, removed. */
  readonly onRemoval?: (what: {
    readonly kind: 'day' | 'snapshot' | 'file' | 'intent' | 'manifest';
    readonly name: string;
  }) => void;
}

export interface ExpireReport {
  readonly tables: Record<string, { snapshots: number; files: number; bytes: number; days: number; rows: number }>;
  readonly intents: number;
  /** Of jobs that are over, below `_jobs/`. */
  readonly manifests: number;
  /** Files of writes that were cut off, where the warehouse is a folder. */
  readonly leftovers: number;
  readonly amendmentsFinished: number;
  /** Tables that could not be looked after, with what is wrong. */
  readonly refused: readonly { readonly table: string; readonly reason: string }[];
  /** Tables whose property `gc.enabled` is false, so that their snapshots and files stay. */
  readonly gcDisabled: readonly string[];
  /** Why no file was deleted. */
  readonly postponed?: string;
  readonly seconds: number;
}

/** Of each the paths of all files are held meanwhile. */
const tablesAtOnce = 4;
/** Small files read or deleted at a time. */
const filesAtOnce = 16;

export async function expire(runtime: Runtime, options: ExpireOptions = {}): Promise<ExpireReport> {
  const { catalog, clock, config } = runtime;
  const started = clock();
  const dryRun = options.dryRun === true;
  const tell = options.onRemoval ?? (() => {});
  await expectOwnWarehouse(runtime);
  const amendmentsFinished = dryRun ? 0 : await finishAmendments(runtime);
  const retired: RetiredDays[] = await applyRetention(runtime, started, dryRun);
  for (const { table, ymd } of retired) tell({ kind: 'day', name: `${table} ${ymd}` });

  const before = started - config.expire.graceSeconds * 1000;
  const open = await openWork(runtime, before);
  const tables: ExpireReport['tables'] = {};
  const refused: { table: string; reason: string }[] = [];
  const gcDisabled: string[] = [];
  const expireTable = async (name: string) => {
    // A table of somebody else in the same catalog.
    const loaded = await atHome(runtime, name);
    if (loaded === undefined) return undefined;
    const snapshots = await expireSnapshots(runtime, name, started, open.ids, dryRun);
    const orphans =
      open.stale === undefined ? await deleteOrphans(runtime, name, started, open, snapshots, dryRun) : [];
    return { snapshots, orphans, isGcDisabled: !isGcEnabled(loaded.metadata) };
  };
  const names = await catalog.listTables();
  const failures: unknown[] = [];
  for await (const { item: name, result } of mapSettled(names, tablesAtOnce, expireTable)) {
    if (result.status === 'rejected') {
      if (isTableFault(result.reason)) refused.push({ table: name, reason: result.reason.message });
      else failures.push(result.reason);
    } else if (result.value !== undefined) {
      const { snapshots, orphans, isGcDisabled } = result.value;
      if (isGcDisabled) gcDisabled.push(name);
      for (const id of snapshots) tell({ kind: 'snapshot', name: `${name} ${id}` });
      for (const { uri } of orphans) tell({ kind: 'file', name: uri });
      const mine = retired.filter(({ table }) => table === name);
      tables[name] = {
        snapshots: snapshots.length,
        files: orphans.length,
        bytes: orphans.reduce((sum, { size }) => sum + size, 0),
        days: mine.length,
        rows: mine.reduce((sum, { rows }) => sum + rows, 0),
      };
    }
  }
  if (failures.length > 0) throw failures[0];
  const intents = await deleteIntents(runtime, started, open.ids, dryRun);
  for (const unit of open.compactions) {
    if (!dryRun) await removeCompaction(runtime, unit);
    intents.push(`${compactionPrefix(config.warehouse)}${unit}.json`);
  }
  for (const uri of intents) tell({ kind: 'intent', name: uri });
  let manifests = 0;
  for await (const uri of spentManifests(runtime, before)) {
    if (!dryRun) await runtime.store.delete(uri);
    tell({ kind: 'manifest', name: uri });
    manifests++;
  }
  let leftovers = 0;
  for await (const { uri, lastModified } of runtime.store.leftovers?.(`${config.warehouse}/`) ?? []) {
    if (lastModified >= before) continue;
    if (!dryRun) await runtime.store.delete(uri);
    tell({ kind: 'file', name: uri });
    leftovers++;
  }
  return {
    tables,
    intents: intents.length,
    manifests,
    leftovers,
    amendmentsFinished,
    refused,
    gcDisabled,
    ...(open.stale !== undefined && { postponed: open.stale }),
    seconds: (clock() - started) / 1000,
  };
}

async function atHome({ catalog }: Runtime, name: string): Promise<LoadedTable | undefined> {
  const loaded = await catalog.loadTable(name);
  return loaded !== undefined && isWithin(loaded.metadata.location, warehouseOf(catalog, name)) ? loaded : undefined;
}

interface OpenWork {
  /** Ids of batches with an open claim, and of open amendments. */
  readonly ids: ReadonlySet<string>;
  /** Data files that they will commit. */
  readonly files: ReadonlySet<string>;
  /** Units of compactions that nobody commits any more. */
  readonly compactions: readonly string[];
  readonly stale?: string;
}

async function openWork(runtime: Runtime, before: number): Promise<OpenWork> {
  const { store, config } = runtime;
  const ledger = createLedger(runtime);
  const amendments = await openAmendments(runtime);
  const ids = new Set(amendments.keys());
  const files = new Set([...amendments.values()].flat());
  const compactions: string[] = [];
  for await (const { intent } of standingCompactions(runtime)) {
    // A run that found it still standing has had the grace period to commit it.
    if (intent.until < before) compactions.push(intent.unit);
    else for (const { path } of intent.files) files.add(path);
  }
  let stale: string | undefined;
  const claims = (await ledger.openClaims()).map(([first]) => first!);
  const read = async (first: LedgerEntry) => ({
    first,
    intent: await readIntent(store, config.warehouse, first.batch),
  });
  for await (const { first, intent } of mapAhead(claims, filesAtOnce, read)) {
    ids.add(first.batch);
    if (first.claimedAt < before) {
      const since = new Date(first.claimedAt).toISOString();
      stale = `batch ${first.batch} of source ${first.source} is open since ${since}: run backfill, which finishes it, then expire again`;
    }
    for (const list of intent?.files.values() ?? []) for (const file of list) files.add(file.path);
  }
  return { ids, files, compactions, ...(stale !== undefined && { stale }) };
}

async function expireSnapshots(
  runtime: Runtime,
  name: string,
  now: number,
  unfinished: ReadonlySet<string>,
  dryRun: boolean,
): Promise<bigint[]> {
  const { expire: settings } = runtime.config;
  let expired: bigint[] = [];
  const choose = ({ metadata }: LoadedTable): bigint[] =>
    expiredSnapshots(metadata, {
      before: now - settings.snapshotsSeconds * 1000,
      keep: settings.keepSnapshots,
      unfinished,
    }).map((snapshot) => snapshot['snapshot-id']);
  if (dryRun) {
    const loaded = await runtime.catalog.loadTable(name);
    return loaded === undefined ? [] : choose(loaded);
  }
  await updateTable(commitContext(runtime), name, (loaded) => {
    expired = choose(loaded);
    return expired.length === 0 ? undefined : removeSnapshots(loaded.metadata, expired);
  });
  return expired;
}

async function deleteOrphans(
  runtime: Runtime,
  name: string,
  now: number,
  open: OpenWork,
  expired: readonly bigint[],
  dryRun: boolean,
): Promise<ObjectInfo[]> {
  const { store, catalog, config } = runtime;
  const location = catalog.tableLocation(name);
  const candidates = await listCandidates(store, location, now - config.expire.graceSeconds * 1000);
  const loaded = await catalog.loadTable(name);
  // A table that somebody dropped, or that lives elsewhere, is not ours to tidy.
  if (loaded === undefined || canonical(loaded.metadata.location) !== canonical(location)) return [];
  if (!isGcEnabled(loaded.metadata)) return [];
  // In a dry run the snapshots are still there.
  const metadata = removeSnapshots(loaded.metadata, expired);
  const orphans = await orphansAmong(store, candidates, { ...loaded, metadata }, open.files);
  if (!dryRun)
    await deleteAll(
      store,
      orphans.map(({ uri }) => uri),
    );
  return orphans;
}

async function deleteIntents(
  { store, config }: Runtime,
  now: number,
  unfinished: ReadonlySet<string>,
  dryRun: boolean,
): Promise<string[]> {
  const before = now - config.expire.graceSeconds * 1000;
  const removed: string[] = [];
  for await (const { uri, lastModified } of store.list(intentPrefix(config.warehouse))) {
    const batch = /([0-9a-f]+)\.json$/.exec(uri)?.[1];
    if (batch === undefined || unfinished.has(batch) || lastModified >= before) continue;
    removed.push(uri);
  }
  if (!dryRun) await deleteAll(store, removed);
  return removed;
}

async function deleteAll(store: ObjectStore, uris: readonly string[]): Promise<void> {
  for await (const _ of mapAhead(uris, filesAtOnce, (uri) => store.delete(uri)));
}
