import { type ObjectStore, StoreError } from '../store/store.ts';
import type { Catalog, LoadedTable } from './catalog.ts';
import { CommitConflict, CommitStateUnknown } from './catalog.ts';
import type { Change } from './change.ts';
import { expectHome } from './home.ts';
import { expectWritable, snapshotById, type TableMetadata } from './metadata.ts';
import { MissingDataFiles, NewRowDeletes, type StagedSnapshot, stage } from './stage.ts';

/**
 * Optimistic commits (Iceberg spec, "Optimistic Concurrency"): load, let the caller decide on that very version, stage,
 * swap; the loser of the swap begins again with the version that won. Data files are never written again.
 *
 * A version that this process has loaded or committed is built on while the catalog is asked whether it still is the
 * current one, so that asking takes no time of its own. Where it is not, what was staged on it is staged again.
 *
 * Exactly once rests on three things: `prepare` sees the version that the swap is made on; an attempt whose outcome is
 * unknown is looked for by its snapshot id before anything is tried again; and nothing is deleted that may be in use.
 */
export { type Change, MissingDataFiles, NewRowDeletes };

export interface CommitContext {
  readonly catalog: Catalog;
  readonly store: ObjectStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A new table's uuid. */
  readonly uuid: () => string;
  /** Given what is left to do for a commit once it holds (Catalog.commitTable); without it that is waited for. */
  readonly later?: (rest: Promise<void>) => void;
  /** Swaps tried before giving up. Default 50. */
  readonly attempts?: number;
}

export interface Committed {
  /** The table after the commit, or as `prepare` last saw it. */
  readonly loaded: LoadedTable;
  /** false where `prepare` found nothing to do. */
  readonly committed: boolean;
}

const defaultAttempts = 50;
const firstDelay = 25;
const longestDelay = 2000;

/**
 * Commits the change that `prepare` returns for the current version of the table; `undefined` ends without a commit.
 * `prepare` is called again on each attempt, and where the version it was shown turns out to be outdated, and decides there
 * anew, by the snapshots it is shown, whether there still is something to do. Nothing is swapped before `swapAfter`
 * resolves; what it rejects with is thrown. Where this process has come to know a newer version by then, the swap is not
 * tried. Throws MissingDataFiles, NewRowDeletes, OutsideWarehouse, ReadOnlyFormat, and the stores' and catalogs' own errors.
 */
export async function commitTable(
  context: CommitContext,
  table: string,
  prepare: (loaded: LoadedTable) => Promise<Change | undefined> | Change | undefined,
  { swapAfter }: { readonly swapAfter?: Promise<unknown> | undefined } = {},
): Promise<Committed> {
  const { catalog, store } = context;
  const sent: bigint[] = [];
  let lost: { readonly staged: StagedSnapshot; readonly base: LoadedTable } | undefined;
  const stageOn = async (base: LoadedTable): Promise<StagedSnapshot | undefined> => {
    expectHome(catalog, table, base.metadata);
    expectWritable(table, base.metadata);
    const change = await prepare(base);
    return change && stage(context, table, base, change);
  };
  // Told where it is waited for, which may be never.
  swapAfter?.catch(() => {});
  let known = likelyCurrent(catalog, table);
  return retried(context, table, async (attempt) => {
    const ahead = known && { base: known, staging: settled(stageOn(known)) };
    known = undefined;
    const current = await settled(askCurrent(catalog, table));
    const stagedAhead = await ahead?.staging;
    const loaded = resultOf(current);
    if (sent.some((id) => snapshotById(loaded.metadata, id))) return { loaded, committed: true };
    let staging = stagedAhead;
    if (ahead !== undefined && !isSameVersion(ahead.base, loaded)) {
      if (stagedAhead?.value !== undefined) lost = { staged: stagedAhead.value, base: ahead.base };
      staging = undefined;
    }
    if (lost !== undefined) await removeLost(store, lost.staged, lost.base, loaded);
    lost = undefined;
    let staged: StagedSnapshot | undefined;
    try {
      staged = staging === undefined ? await stageOn(loaded) : resultOf(staging);
    } catch (error) {
      // Files of a version that is no longer current may be gone already.
      if (isNotFound(error) && (await isOutdated(catalog, table, loaded)))
        return attempt.again(error, loaded.metadataLocation);
      throw error;
    }
    if (staged === undefined) return { loaded, committed: false };
    await swapAfter;
    const newest = catalog.lastLoaded?.(table);
    if (newest != null && !isSameVersion(newest, loaded)) {
      lost = { staged, base: loaded };
      return attempt.again(new CommitConflict(table), String(staged.snapshotId));
    }
    try {
      return { loaded: await catalog.commitTable(table, loaded, staged.metadata, context.later), committed: true };
    } catch (error) {
      if (!(error instanceof CommitConflict) && !(error instanceof CommitStateUnknown)) throw error;
      sent.push(staged.snapshotId);
      if (error instanceof CommitConflict) lost = { staged, base: loaded };
      return attempt.again(error, String(staged.snapshotId));
    }
  });
}

/** Changes metadata alone, in the same way: `undefined` from `update` ends without a commit. */
export async function updateTable(
  context: CommitContext,
  table: string,
  update: (loaded: LoadedTable) => TableMetadata | undefined,
): Promise<Committed> {
  return retried(context, table, async (attempt) => {
    const loaded = await loadExisting(context.catalog, table);
    expectHome(context.catalog, table, loaded.metadata);
    const metadata = update(loaded);
    if (metadata === undefined) return { loaded, committed: false };
    expectWritable(table, loaded.metadata);
    try {
      return { loaded: await context.catalog.commitTable(table, loaded, metadata, context.later), committed: true };
    } catch (error) {
      if (!(error instanceof CommitConflict) && !(error instanceof CommitStateUnknown)) throw error;
      return attempt.again(error, loaded.metadataLocation);
    }
  });
}

/** What an attempt returns when another one should follow. */
interface Again {
  readonly again: (cause: unknown, seed: string) => Retry;
}
class Retry {
  readonly cause: unknown;
  readonly seed: string;
  constructor(cause: unknown, seed: string) {
    this.cause = cause;
    this.seed = seed;
  }
}

/** Runs an attempt until it gives a result; waits longer and longer between, spread by what differs between workers. */
export async function retried<T>(
  context: CommitContext,
  table: string,
  run: (attempt: Again) => Promise<T | Retry>,
): Promise<T> {
  const attempts = context.attempts ?? defaultAttempts;
  for (let attempt = 1; ; attempt++) {
    const result = await run({ again: (cause, seed) => new Retry(cause, seed) });
    if (!(result instanceof Retry)) return result;
    if (attempt >= attempts)
      throw new Error(
        result.cause instanceof CommitStateUnknown
          ? `table ${table}: whether the last of ${attempts} tries to commit took effect is not known; run the command again, it looks first`
          : `table ${table}: gave up after ${attempts} tries to commit, each overtaken by another writer; run the command again`,
        { cause: result.cause },
      );
    await context.sleep(delay(attempt, result.seed));
  }
}

/** Exponential from 25 ms to 2 s, times a half to one by a hash (FNV-1a) of the seed: no randomness is needed here. */
function delay(attempt: number, seed: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < seed.length; index++) hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01000193);
  const spread = 0.5 + ((hash >>> 0) % 1024) / 2048;
  return Math.round(Math.min(firstDelay * 2 ** (attempt - 1), longestDelay) * spread);
}

/** Tables that were not, when last asked, as this process knew them: others commit to them as well. By catalog. */
const changedByOthers = new WeakMap<Catalog, Set<string>>();

/** What is known of the table, unless others have kept changing it. */
function likelyCurrent(catalog: Catalog, table: string): LoadedTable | undefined {
  return changedByOthers.get(catalog)?.has(table) ? undefined : (catalog.lastLoaded?.(table) ?? undefined);
}

async function askCurrent(catalog: Catalog, table: string): Promise<LoadedTable> {
  const known = catalog.lastLoaded?.(table);
  const loaded = await loadExisting(catalog, table);
  const changed = changedByOthers.get(catalog) ?? new Set();
  changedByOthers.set(catalog, changed);
  if (known == null || isSameVersion(known, loaded)) changed.delete(table);
  else changed.add(table);
  return loaded;
}

const isSameVersion = (a: LoadedTable, b: LoadedTable): boolean =>
  a.version === b.version &&
  a.metadataLocation === b.metadataLocation &&
  a.metadata['table-uuid'] === b.metadata['table-uuid'];

/** What became of a promise, so that it can be waited for behind another one. */
type Settled<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: unknown; readonly value?: undefined };

const settled = <T>(promise: Promise<T>): Promise<Settled<T>> =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

function resultOf<T>(result: Settled<T>): T {
  if ('error' in result) throw result.error;
  return result.value;
}

async function loadExisting(catalog: Catalog, table: string): Promise<LoadedTable> {
  const loaded = await catalog.loadTable(table);
  if (loaded === undefined)
    throw new Error(`there is no table ${table} in the catalog to commit to: create it first (ensureTable)`);
  return loaded;
}

/**
 * Removes the files of an attempt that lost its swap, where that is certain: the version it was staged on is no longer
 * current, and its sequence number belongs to another snapshot, or to none yet. Where history has been cut in between it is
 * not certain, and `expire` finds the files later.
 */
async function removeLost(
  store: ObjectStore,
  staged: StagedSnapshot,
  base: LoadedTable,
  loaded: LoadedTable,
): Promise<void> {
  const { metadata } = loaded;
  const sequence = base.metadata['last-sequence-number'] + 1;
  const winner = metadata.snapshots.find((snapshot) => snapshot['sequence-number'] === sequence);
  const certain =
    winner === undefined ? metadata['last-sequence-number'] < sequence : winner['snapshot-id'] !== staged.snapshotId;
  if (!certain || loaded.version === base.version || metadata['table-uuid'] !== base.metadata['table-uuid']) return;
  await Promise.allSettled(staged.files.map((uri) => store.delete(uri)));
}

const isNotFound = (error: unknown): boolean => error instanceof StoreError && error.code === 'not-found';

async function isOutdated(catalog: Catalog, table: string, loaded: LoadedTable): Promise<boolean> {
  const current = await catalog.loadTable(table);
  return current !== undefined && current.metadataLocation !== loaded.metadataLocation;
}
