/**
 * One batch from its claim to the ledger's "committed", for every job that ingests: the pieces that backfill and the
 * worker share. Which objects to claim, and what to do with those that fail, is theirs.
 */
import type { CommitContext } from '../iceberg/commit.ts';
import { ensureTable } from '../iceberg/ensure.ts';
import { currentSnapshot, expectWritable } from '../iceberg/metadata.ts';
import { readManifestList } from '../iceberg/scan.ts';
import { isTableFault } from '../iceberg/table-fault.ts';
import { type Intent, readStanding, type StandingIntent, settleIntent } from '../ledger/batch-intent.ts';
import { commitBatch } from '../ledger/commit-batch.ts';
import type { CommitQueue } from '../ledger/commit-queue.ts';
import { type Claim, hasOtherVersion, Ledger, type Lookup } from '../ledger/ledger.ts';
import { type LostFile, lostFile, restaged } from '../ledger/lost-files.ts';
import type { OtherMapping } from '../ledger/other-mappings.ts';
import type { ReplacedByBatch } from '../ledger/replace-batches.ts';
import { commitContext } from '../ledger/runtime.ts';
import type { Source } from '../sources/source.ts';
import type { ObjectInfo, ObjectStore } from '../store/store.ts';
import { watchedStore } from '../store/watched.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { quarantine } from '../tables/quarantine.ts';
import { sequences } from '../tables/sequences.ts';
import { logEvent } from '../telemetry/events.ts';
import { tablesOfBatch } from './batch-tables.ts';
import { AccountingError } from './object-counts.ts';
import { adviceOnOtherMapping, describeOtherMapping, findOtherMappings } from './other-mappings.ts';
import type { ConfiguredSource } from './plan.ts';
import { registerViews } from './register-views.ts';
import type { IngestTables, StagedBatch } from './request.ts';
import type { Runtime } from './runtime.ts';
import { removeLeftRuns } from './spill/place.ts';

/** What a caller may watch of a batch, and how it stops one. */
export interface BatchWatch {
  readonly signal?: AbortSignal;
  readonly onObject?: (object: ObjectInfo, rows: number) => void;
  /** Called whenever the batch moves on. */
  readonly onMove?: () => void;
  /**
   * Whether the claim is to be given back where ingesting ends with this error, as it is where the accounts do not hold.
   * Otherwise the batch throws, and its claim stands.
   */
  readonly givesUpOn?: (error: Error) => boolean;
  /** Called when the intent is put, and the batch only waits for its commit. */
  readonly onStaged?: () => void;
  /** The commits of this process. */
  readonly commits: CommitQueue;
}

export interface FinishedBatch {
  readonly source: ConfiguredSource;
  readonly claim: Claim;
  /** What was committed. */
  readonly intent: Intent;
  /** What this run staged; undefined where an earlier run had, and only its commit was left to do. */
  readonly staged: StagedBatch | undefined;
  /** What the batch took the place of. */
  readonly replaced: ReplacedByBatch;
  /**
   * The accounts of the batch did not hold, or the caller has given it up: nothing of it was committed, its claim was
   * given back, since the same batch would only fail again, and each of its objects is among the failures.
   */
  readonly fault?: Error;
  readonly milliseconds: { readonly ingest: number; readonly commit: number };
}

export function createLedger(runtime: Runtime): Ledger {
  const { encoder, owner, config } = runtime;
  return new Ledger({
    ...commitContext(runtime),
    encoder,
    files: config.output,
    owner,
    claimMs: config.batch.claimSeconds * 1000,
  });
}

export interface OpenedTables {
  /** Sources with rows of another mapping; logged. */
  readonly others: readonly OtherMapping[];
  /** Sources whose table cannot be used as it is, by name, with what is wrong; logged. */
  readonly unusable: ReadonlyMap<string, Error>;
}

/**
 * Makes the tables that these sources write to, where they are missing; removes the spilled runs of processes that are gone.
 * Throws where the ledger or the quarantine cannot be used: without them there is no ingest.
 */
export async function openTables(
  runtime: Runtime,
  ledger: Ledger,
  sources: readonly ConfiguredSource[],
): Promise<OpenedTables> {
  const context = commitContext(runtime);
  await runtime.catalog.ensureNamespace();
  // Sources that write to the same table may each have columns to add to it, one after another.
  const numbered = sources.some(({ source }) => source.sequence !== undefined) ? [sequences] : [];
  const events = sources.map(({ source }) => source.table);
  const tables = Map.groupBy([quarantine, ...numbered, ...events], ({ name }) => name);
  const faults = new Map<string, Error>();
  const ensure = async (declarations: readonly TableDeclaration[]): Promise<void> => {
    const { name } = declarations[0]!;
    try {
      for (const declaration of declarations) await ensureUsable(context, declaration);
    } catch (error) {
      if (!isTableFault(error) || events.every((table) => table.name !== name)) throw error;
      faults.set(name, error);
    }
  };
  await Promise.all([ledger.open(), ...[...tables.values()].map(ensure)]);
  const [others] = await Promise.all([
    findOtherMappings(ledger, sources, { asLastLoaded: true }),
    registerViews(runtime),
    removeLeftRuns(runtime.store, runtime.config, runtime.owner, runtime.clock()),
  ]);
  for (const other of others) {
    const message = `${describeOtherMapping(other)}; ${adviceOnOtherMapping(other)}`;
    runtime.log.warn({ event: 'rows-of-another-mapping', ...other }, message);
  }
  const unusable = new Map<string, Error>();
  for (const { config, source } of sources) {
    const fault = faults.get(source.table.name);
    if (fault === undefined) continue;
    unusable.set(config.name, fault);
    logEvent(runtime.log, 'table-unusable', { table: source.table.name, source: config.name, err: fault });
  }
  return { others, unusable };
}

/** Also throws where the table could not be committed to: it may be read only, or its list of manifests be gone. */
async function ensureUsable(context: CommitContext, declaration: TableDeclaration): Promise<void> {
  const { metadata } = await ensureTable(context, declaration);
  expectWritable(declaration.name, metadata);
  await readManifestList(context.store, currentSnapshot(metadata));
}

/** What a claim came to, with nothing of it committed yet. */
export interface StagedClaim extends Pick<FinishedBatch, 'fault'> {
  /** The one that stands. */
  readonly intent: Intent;
  readonly staged: StagedBatch;
}

/** An intent whose files were removed before they were committed. */
export type LostIntent = StandingIntent & LostFile;

/**
 * Reads the objects of a claim, writes its files and puts its intent, in the place of `lost` where one is given. May be
 * called again with the same claim.
 */
export async function stageClaim(
  runtime: Runtime,
  ledger: Ledger,
  source: ConfiguredSource,
  claim: Claim,
  { givesUpOn, ...watch }: Omit<BatchWatch, 'commits' | 'onStaged'>,
  lost?: LostIntent,
): Promise<StagedClaim> {
  const { log, ingester, store, config } = runtime;
  log.debug({ event: 'batch-claimed', batch: claim.batch, objects: claim.objects.length }, 'batch claimed');
  const reread = lost?.isDoubtful
    ? new Set(claim.objects.map(({ uri }) => uri))
    : (claim.changed ?? (await changedObjects(ledger, source.source, claim)));
  const tables = await tablesOfBatch(runtime, source, reread.size > 0);
  const request = {
    batch: claim.batch,
    source,
    objects: claim.objects,
    reread,
    isAgain: claim.again !== undefined,
    tables,
    ...watch,
  };
  const settle = (intent: Intent) =>
    settleIntent(
      watched(store, watch.onMove),
      config.warehouse,
      lost === undefined ? intent : restaged(config.warehouse, lost, intent),
      lost,
    );
  let staged: StagedBatch;
  try {
    staged = await ingester.ingest(runtime, request);
  } catch (error) {
    const isOver = error instanceof AccountingError || (error instanceof Error && givesUpOn?.(error) === true);
    if (!isOver) throw error;
    const event = error instanceof AccountingError ? 'batch-unaccounted' : 'batch-given-up';
    logEvent(log, event, { batch: claim.batch, source: source.config.name, err: error });
    const intent = await settle(givingBack(claim));
    return { intent, staged: nothingStaged(claim, intent, error), fault: error };
  }
  const { conflicts } = staged;
  if (conflicts > 0) logEvent(log, 'ids-conflict', { source: source.config.name, batch: claim.batch, rows: conflicts });
  return { intent: await settle(fenced(staged.intent, claim, tables)), staged };
}

/** Reads the objects of a claim and commits them. May be called again with the same claim after a failure. */
export async function workClaim(
  runtime: Runtime,
  ledger: Ledger,
  source: ConfiguredSource,
  claim: Claim,
  { commits, onStaged, ...watch }: BatchWatch,
  lost?: LostIntent,
): Promise<FinishedBatch> {
  const { clock } = runtime;
  const begun = clock();
  const staged = await stageClaim(runtime, ledger, source, claim, watch, lost);
  const ingested = clock();
  onStaged?.();
  const replaced = await commits.finish(staged.intent, watch.onMove);
  return {
    source,
    claim,
    ...staged,
    replaced,
    milliseconds: { ingest: ingested - begun, commit: clock() - ingested },
  };
}

const watched = (store: ObjectStore, onMove: (() => void) | undefined): ObjectStore =>
  onMove === undefined ? store : watchedStore(store, onMove);

/** With what tells a batch that was committed from one that was not, however late somebody asks. */
const fenced = (intent: Intent, { claimedAt }: Claim, tables: IngestTables): Intent => ({
  ...intent,
  claimedAt,
  bases: new Map(
    [...intent.files.keys()].map((name) => {
      const table = { [quarantine.name]: tables.quarantine, [sequences.name]: tables.sequences }[name] ?? tables.events;
      return [name, table.metadata['last-sequence-number']];
    }),
  ),
});

/**
 * Gives a claim back by an intent that commits nothing: from then on the batch is over for everybody, no matter who holds it
 * by now, and its objects are free. Where a real intent stands already, that one is carried out instead.
 */
export function releaseClaim(runtime: Runtime, ledger: Ledger, claim: Claim): Promise<Intent> {
  return commitBatch(runtime, ledger, givingBack(claim));
}

const givingBack = ({ batch, source, claimedAt }: Claim): Intent => ({
  batch,
  source,
  claimedAt,
  files: new Map(),
  objects: new Map(),
});

const nothingStaged = (claim: Claim, intent: Intent, error: Error): StagedBatch => {
  const isUnaccounted = error instanceof AccountingError;
  const { code = error.name } = error as { code?: unknown };
  const reason = isUnaccounted ? 'its accounts did not hold' : 'ingesting it failed';
  return {
    intent,
    failures: claim.objects.map(({ uri }) => ({
      uri,
      code: isUnaccounted ? 'accounting' : String(code),
      message: `nothing of the batch with this object was committed, since ${reason} (${error.message}); please report this: ${uri}`,
    })),
    typeMismatches: new Map(),
    fallbacks: 0,
    conflicts: 0,
    reasons: new Map(),
    skips: new Map(),
  };
};

/** The same for a claim that was begun before: by a run that is gone, or by this one with an error in between. */
export async function resumeClaim(
  runtime: Runtime,
  ledger: Ledger,
  source: ConfiguredSource,
  claim: Claim,
  watch: BatchWatch,
): Promise<FinishedBatch> {
  const { clock } = runtime;
  const begun = clock();
  const { standing, lost } = await readIntact(runtime, ledger, claim.batch);
  if (standing === undefined || lost !== undefined) return workClaim(runtime, ledger, source, claim, watch, lost);
  const { intent } = standing;
  watch.onStaged?.();
  const replaced = await watch.commits.finish(intent, watch.onMove);
  return { source, claim, intent, staged: undefined, replaced, milliseconds: { ingest: 0, commit: clock() - begun } };
}

/** The intent of a batch, where there is one; `lost` where it cannot be carried out any more (logged). */
export async function readIntact(
  runtime: Runtime,
  ledger: Ledger,
  batch: string,
): Promise<{ readonly standing?: StandingIntent; readonly lost?: LostIntent }> {
  const { store, config, log } = runtime;
  const standing = await readStanding(store, config.warehouse, batch);
  const file = standing && (await lostFile(runtime, ledger, standing.intent));
  if (standing === undefined || file === undefined) return standing ? { standing } : {};
  logEvent(log, 'batch-files-lost', { batch, source: standing.intent.source, file: file.path });
  return { standing, lost: { ...standing, ...file } };
}

/** Taken over by one snapshot; few, since the deadline of each begins to run. */
const takenOverAtOnce = 8;

export interface TakeOverOptions {
  readonly asLastLoaded?: boolean;
  /** Batches that the next snapshot takes over, at most; from 1. */
  readonly atOnce?: () => number;
}

/** Takes over the batches whose holder is gone or late, to be resumed. `sourceOf` leaves a batch to others by undefined. */
export async function* takeOverAbandoned(
  runtime: Runtime,
  ledger: Ledger,
  commits: CommitQueue,
  sourceOf: (name: string, uri: string, batch: string) => ConfiguredSource | undefined,
  { atOnce = () => takenOverAtOnce, ...options }: TakeOverOptions = {},
): AsyncGenerator<{ source: ConfiguredSource; claim: Claim }> {
  const abandoned = (await ledger.openClaims(options)).flatMap(([first]) => {
    if (first === undefined || !ledger.isAbandoned(first)) return [];
    const source = sourceOf(first.source, first.object.uri, first.batch);
    return source === undefined ? [] : [{ source, first }];
  });
  while (abandoned.length > 0) {
    const some = abandoned.splice(0, atOnce());
    const claims = await Promise.all(some.map(({ first }) => commits.takeOver(first.batch)));
    for (const [index, claim] of claims.entries()) {
      if (claim === undefined) continue;
      const { source, first } = some[index]!;
      runtime.log.info(
        { event: 'batch-taken-over', batch: claim.batch, from: first.owner },
        'finishing an abandoned batch',
      );
      yield { source, claim };
    }
  }
}

/** Sources may have been renamed since a claim was made. */
export const sourceFinder =
  (sources: readonly ConfiguredSource[]) =>
  (name: string, uri: string): ConfiguredSource | undefined =>
    sources.find(({ config }) => config.name === name) ?? sources.find(({ config }) => uri.startsWith(config.location));

const dayMs = 86_400_000;

/**
 * The first UTC day on which any version of these objects can have been claimed, so that a look-up need not read the
 * whole ledger; undefined where their keys do not say. A key promises that its object was not there before the first
 * event; a day of margin is for clocks that differ, and a key that lies in the future of its object promises nothing.
 */
export function firstClaimDay(
  source: Source,
  objects: Iterable<Pick<ObjectInfo, 'uri' | 'lastModified'>>,
): string | undefined {
  let first = Number.POSITIVE_INFINITY;
  for (const { uri, lastModified } of objects) {
    const { range } = source.describeObject(uri);
    if (range === undefined || Math.min(...range) > lastModified) return undefined;
    first = Math.min(first, ...range);
  }
  return Number.isFinite(first) ? new Date(first - dayMs).toISOString().slice(0, 10) : undefined;
}

/** Objects of the claim that an earlier version of is in the tables. */
async function changedObjects(ledger: Ledger, source: Source, claim: Claim): Promise<ReadonlySet<string>> {
  const uris = claim.objects.map((object) => object.uri);
  const { entries } = await ledger.lookup(uris, { from: firstClaimDay(source, claim.objects) });
  if (claim.again === undefined) return changedAmong(entries);
  const changed = claim.objects.filter((object) => hasOtherVersion(object, entries.get(object.uri)));
  return new Set(changed.map(({ uri }) => uri));
}

/** The objects that some version of is committed. */
export function changedAmong(entries: Lookup['entries']): ReadonlySet<string> {
  const committed = [...entries].filter(([, versions]) => versions.some((entry) => entry.state === 'committed'));
  return new Set(committed.map(([uri]) => uri));
}
