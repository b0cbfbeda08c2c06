/**
 * Backfill: everything in the sources that is not in the warehouse yet, once.
 *
 * Each pass first finishes batches that a dead or late run left open, then plans, and takes the planned batches through
 * claim -> ingest -> commit: as many at a time as there are threads, with one more claimed to take the place of one
 * that is being committed. Objects that a live run holds are waited for, so that "done" means done, and taken over if
 * that run dies.
 */
import type { Config } from '../../config/config.ts';
import { UsageError } from '../../config/errors.ts';
import {
  type BatchWatch,
  createLedger,
  type FinishedBatch,
  openTables,
  releaseClaim,
  resumeClaim,
  sourceFinder,
  takeOverAbandoned,
  workClaim,
} from '../../ingest/claimed-batch.ts';
import { findFreshness, isFresh, staleSource } from '../../ingest/expectations.ts';
import { InFlight } from '../../ingest/in-flight.ts';
import { increase } from '../../ingest/object-counts.ts';
import { findOtherMappings } from '../../ingest/other-mappings.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import {
  type ConfiguredSource,
  newPlanCounters,
  objectsAt,
  type PlanCounters,
  type PlannedBatch,
  planBatches,
} from '../../ingest/plan.ts';
import type { ObjectFailure } from '../../ingest/request.ts';
import { archivedObjects, emptySource, requireFolders, type Warning } from '../../ingest/require-sources.ts';
import type { Progress, ProgressSink, Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { parseRange, type TimeRange } from '../../ingest/time-range.ts';
import type { Intent } from '../../ledger/batch-intent.ts';
import { mostBatches } from '../../ledger/batch-summary.ts';
import { CommitQueue } from '../../ledger/commit-queue.ts';
import type { Claim, Ledger } from '../../ledger/ledger.ts';
import { LeftToDo } from '../../ledger/left-to-do.ts';
import { clearSetAside } from '../../ledger/set-aside.ts';
import { ahead, begun } from '../../store/prefetch.ts';
import { type ObjectInfo, StoreError } from '../../store/store.ts';
import { logEvent } from '../../telemetry/events.ts';
import { loadSideTables } from '../side-tables/load.ts';
import { type ReadingAgain, ReadingNote } from './reading-again.ts';
import { AgainAccount, BackfillAccount, type BackfillOptions, type BackfillReport } from './report.ts';
import { Silence } from './silence.ts';
import { ListingFault, sourceListing, UnlistedSources } from './unlisted-sources.ts';
import { unplacedRows } from './unplaced-rows.ts';

const pollMs = 1000;
/** Planned ahead, and with objects that take a kilobyte each while their batch waits. */
const batchesAhead = 8;
const objectsAhead = 20_000;
/** Fewer claims for a run that is over soon or meets others, few snapshots for one that goes on for long. */
const claimedAheadSeconds = 5;
const mostClaimedAhead = 32;

export async function backfill(
  runtime: Runtime,
  options: BackfillOptions = {},
  progress: ProgressSink = { update: () => {} },
): Promise<BackfillReport> {
  const { sources, sideSources } = selectedConfig(runtime.config, options);
  const { sources: _selected, ...rest } = options;
  const account = new BackfillAccount();
  const isDryRun = options.dryRun === true;
  const started = runtime.clock();
  const unlisted = new UnlistedSources(runtime.log, account, sources.length + sideSources.length);
  const selected = { ...runtime, config: { ...runtime.config, sources } };
  const run = new BackfillRun(selected, rest, progress, account, unlisted);
  await requireFolders(runtime.store, [...sources, ...sideSources]);
  try {
    run.prepare();
    await expectOwnWarehouse(runtime);
    await loadSideTables(runtime, sideSources, options, progress, account, unlisted);
    await (isDryRun ? run.dryRun() : run.run());
  } finally {
    await run.close();
  }
  return account.report((runtime.clock() - started) / 1000, isDryRun);
}

/** Throws UsageError for a name that is not configured, and for a prefix of what can only be read as a whole. */
export function selectedConfig(
  { sources, sideSources }: Config,
  { sources: names = [], prefix, objects }: BackfillOptions,
): Pick<Config, 'sources' | 'sideSources'> {
  const all = [...sources, ...sideSources].map((source) => source.name);
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`no source ${unknown} in the configuration; there are: ${all.join(', ')}`);
  }
  const isSelected = ({ name }: { name: string }): boolean => names.length === 0 || names.includes(name);
  const side = sideSources.filter(isSelected);
  if (prefix !== undefined && names.length > 0 && side.length > 0) {
    throw new UsageError(`source ${side[0]!.name} is loaded as a whole: leave --prefix out`);
  }
  return {
    sources: sources.filter(isSelected),
    sideSources: prefix === undefined && objects === undefined ? side : [],
  };
}

const objectsOf = (batches: readonly PlannedBatch[]): number =>
  batches.reduce((sum, { objects }) => sum + objects.length, 0);
const shareOfAhead = ({ objects }: PlannedBatch): number => Math.max(1 / batchesAhead, objects.length / objectsAhead);

class BackfillRun {
  readonly #runtime: Runtime;
  readonly #options: BackfillOptions;
  readonly #progress: ProgressSink;
  #sources: readonly ConfiguredSource[];
  readonly #range: TimeRange | undefined;
  readonly #ledger: Ledger;
  readonly #commits: CommitQueue;
  readonly #note: ReadingNote | undefined;
  /** The listing of each source, by its name, of which the first page was asked for ahead of its use. */
  readonly #listings = new Map<string, AsyncGenerator<ObjectInfo>>();
  readonly #unlisted: UnlistedSources;
  readonly #leftToDo = new LeftToDo();
  #isFirstPass = true;
  #again: string | undefined;

  readonly #account: BackfillAccount;
  readonly #failures = new Map<string, ObjectFailure>();
  readonly #silence = new Silence();
  /** Claimed, and not begun yet. */
  readonly #waiting = new Set<Claim>();
  /** Other runs hold objects of this pass. */
  #contended = false;
  #begun = 0;
  #staged = 0;
  /** Of the last pass. */
  #warnings: Warning[] = [];
  #committed = 0;
  #planned = { batches: 0, objects: 0, bytes: 0, complete: false };
  /** What the ledger has of the objects planned. */
  readonly #known = { objects: 0, rows: 0, quarantined: 0 };
  #done = { objects: 0, bytes: 0, rows: 0 };

  constructor(
    given: Runtime,
    options: BackfillOptions,
    progress: ProgressSink,
    account: BackfillAccount,
    unlisted: UnlistedSources,
  ) {
    this.#unlisted = unlisted;
    const runtime = { ...given, later: this.#leftToDo.later };
    this.#account = account;
    this.#runtime = runtime;
    this.#options = options;
    this.#progress = progress;
    this.#range = parseRange(options, { now: runtime.clock() });
    this.#sources = selectSources(runtime, options.sources);
    this.#ledger = createLedger(runtime);
    this.#commits = new CommitQueue(runtime, this.#ledger);
    // Of single objects there is nothing to go on with: who asks for them knows which are left.
    this.#note =
      options.again && options.objects === undefined ? new ReadingNote(runtime, this.#sources, options) : undefined;
  }

  /** Asks for what is needed soon and depends on nothing: the first objects, whose turn it is to commit. */
  prepare(): void {
    const { store } = this.#runtime;
    for (const { config } of this.#sources)
      this.#listings.set(config.name, begun(objectsAt(store, config.location, this.#options.prefix)));
    if (this.#options.dryRun === true) return;
    this.#commits.prepare();
  }

  /** Resolves when nothing of the run is under way any more. */
  async close(): Promise<void> {
    await this.#commits.idle();
    await this.#leftToDo.done();
    for (const listing of this.#listings.values()) await listing.return(undefined).catch(() => {});
    this.#listings.clear();
  }

  async dryRun(): Promise<void> {
    const counters = newPlanCounters();
    // No run has an id without a character.
    if (this.#note !== undefined) this.#again = (await this.#note.find())?.id ?? '';
    for await (const batch of this.#plan(counters)) this.#count(batch);
    if (this.#note !== undefined) this.#account.plan.replaced = this.#known;
    this.#account.otherMappings = await findOtherMappings(this.#ledger, this.#sources);
    for (const key of ['batches', 'objects', 'bytes'] as const) this.#account.plan[key] += this.#planned[key];
    this.#close(counters, counters.skipped + counters.claimedElsewhere);
  }

  async run(): Promise<void> {
    this.#begun = this.#runtime.clock();
    const { others, unusable } = await openTables(this.#runtime, this.#ledger, this.#sources);
    this.#account.otherMappings = others;
    for (const { config } of this.#sources) {
      const fault = unusable.get(config.name);
      if (fault === undefined) continue;
      this.#account.failures.push({ uri: config.location, code: 'table-unusable', message: fault.message });
    }
    this.#sources = this.#sources.filter(({ config }) => !unusable.has(config.name));
    const unplaced = this.#options.again ? await unplacedRows(this.#runtime, this.#sources) : new Map<string, never>();
    for (const { uri, message } of unplaced.values())
      this.#account.failures.push({ uri, code: 'table-unusable', message });
    this.#sources = this.#sources.filter(({ config }) => !unplaced.has(config.name));
    if (this.#note !== undefined) this.#readAgain(await this.#note.open());
    else if (this.#options.again) this.#readAgain({ id: this.#runtime.uuid() });
    for (;;) {
      await this.#finishAbandoned();
      const counters = newPlanCounters();
      const contended = await this.#pass(counters);
      if (!contended) {
        this.#tell('done');
        const [silent, stale] = await Promise.all([
          this.#silent(),
          this.#stale(),
          this.#clearSetAside(),
          this.#endReadingAgain(),
          this.close(),
        ]);
        this.#warnings.push(...silent, ...stale);
        this.#close(counters, counters.listed - counters.archived - this.#committed - this.#failures.size);
        return;
      }
      await this.#waitForOthers();
    }
  }

  #readAgain({ id, since }: ReadingAgain): void {
    this.#again = id;
    this.#account.again = new AgainAccount(since);
  }

  async #endReadingAgain(): Promise<void> {
    if (this.#note === undefined || this.#unlisted.any) return;
    await this.#note.close();
    this.#account.otherMappings = await findOtherMappings(this.#ledger, this.#sources);
  }

  /** What workers gave up may be here now. Their notes decide nothing, so no run fails where the store keeps one. */
  async #clearSetAside(): Promise<void> {
    if (this.#committed === 0) return;
    await clearSetAside(this.#runtime, this.#ledger).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
    });
  }

  /** Nothing of this decides anything, so a store that fails it fails no run. */
  #silent(): Promise<Warning[]> {
    return this.#silence.warnings(this.#runtime, this.#options.signal).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      return [];
    });
  }

  /** Sources that nothing new has come of. A run that was asked for a part or for the past says nothing about that. */
  async #stale(): Promise<Warning[]> {
    const { clock, log } = this.#runtime;
    const now = clock();
    const { prefix, objects } = this.#options;
    if (prefix !== undefined || objects !== undefined || (this.#range !== undefined && this.#range.to < now)) return [];
    const configs = this.#sources.map(({ config }) => config);
    const stale = (await findFreshness(this.#ledger, configs, now)).filter((freshness) => !isFresh(freshness, now));
    return stale.map((freshness) => {
      logEvent(log, 'source-stale', { source: freshness.source, expectSeconds: freshness.expectSeconds });
      return staleSource(configs.find(({ name }) => name === freshness.source)!, freshness);
    });
  }

  /** One walk over the sources; true where objects remain that other runs hold. */
  async #pass(counters: PlanCounters): Promise<boolean> {
    this.#contended = false;
    this.#planned.complete = false;
    this.#tell('listing');
    const { threads } = this.#runtime.ingester;
    try {
      await this.#severalAtATime(async (inFlight) => {
        // While some are staged, the next ones are claimed.
        for await (const { source, claim } of ahead(this.#claimed(counters), threads)) {
          await inFlight.slot();
          this.#waiting.delete(claim);
          inFlight.start(async (onStaged) => {
            this.#record(await workClaim(this.#runtime, this.#ledger, source, claim, this.#watch(onStaged)));
          });
        }
      });
    } catch (error) {
      await this.#giveBack();
      throw error;
    }
    return this.#contended || counters.claimedElsewhere > 0;
  }

  /** The planned batches, each claimed: several at once, as many as will be staged in some seconds. */
  async *#claimed(counters: PlanCounters): AsyncGenerator<{ source: ConfiguredSource; claim: Claim }> {
    let planned: PlannedBatch[] = [];
    for await (const batch of ahead(this.#planCounted(counters), 1, shareOfAhead)) {
      planned.push(batch);
      const enough = this.#contended ? mostClaimedAhead : this.#claimedAtOnce();
      if (planned.length < enough && objectsOf(planned) < objectsAhead) continue;
      planned = await this.#stillFree(planned);
      yield* await this.#claimAll(planned.splice(0, this.#claimedAtOnce()));
    }
    while (planned.length > 0) {
      planned = await this.#stillFree(planned);
      yield* await this.#claimAll(planned.splice(0, this.#claimedAtOnce()));
    }
  }

  #claimedAtOnce(): number {
    const { clock, ingester } = this.#runtime;
    const seconds = (clock() - this.#begun) / 1000;
    const batches = seconds === 0 ? 0 : Math.ceil((this.#staged / seconds) * claimedAheadSeconds);
    return Math.min(mostClaimedAhead, Math.max(ingester.threads, batches));
  }

  /** Where other runs claim from the same listing, what they have left of it: asking for the rest would take turns. */
  async #stillFree(planned: PlannedBatch[]): Promise<PlannedBatch[]> {
    // What is read again may be committed already, and whether it is wanted is for the claim to say.
    if (!this.#contended || this.#again !== undefined) return planned;
    const { entries } = await this.#ledger.lookup(planned.flatMap(({ objects }) => objects.map(({ uri }) => uri)));
    const isTaken = ({ uri, etag }: ObjectInfo): boolean =>
      entries.get(uri)?.some((entry) => entry.state === 'claimed' || entry.object.etag === etag) === true;
    return planned.filter(({ objects }) => !objects.every(isTaken));
  }

  async #claimAll(planned: readonly PlannedBatch[]): Promise<{ source: ConfiguredSource; claim: Claim }[]> {
    const asked = planned.flatMap((batch) => {
      const objects = batch.objects.filter((object) => !this.#failures.has(object.uri));
      return objects.length === 0 ? [] : [{ ...batch, objects }];
    });
    const claims = await Promise.all(
      asked.map(({ source, objects, sequence, changed }) =>
        this.#commits.claim(source.config, objects, sequence, changed, this.#again),
      ),
    );
    return claims.flatMap((claim, index) => {
      const { source, objects } = asked[index]!;
      if (claim === undefined || claim.objects.length < objects.length) this.#contended = true;
      if (claim === undefined) return [];
      this.#waiting.add(claim);
      return { source, claim };
    });
  }

  /** Claims whose turn did not come, so that the next run need not wait for their deadline. */
  async #giveBack(): Promise<void> {
    const claims = [...this.#waiting];
    this.#waiting.clear();
    // The run fails by what has gone wrong before.
    await Promise.allSettled(claims.map((claim) => releaseClaim(this.#runtime, this.#ledger, claim)));
  }

  /** Whatever ends `handOut`, what it has begun is over afterwards. */
  async #severalAtATime(handOut: (inFlight: InFlight) => Promise<void>): Promise<void> {
    const { threads } = this.#runtime.ingester;
    // Of each thread one is read, and another one on its way up or down.
    const inFlight = new InFlight(threads > 1 ? threads * 2 : 1, mostBatches);
    try {
      await handOut(inFlight);
    } catch (error) {
      await inFlight.drain().catch(() => {});
      throw error;
    }
    await inFlight.drain();
  }

  async *#planCounted(counters: PlanCounters): AsyncGenerator<PlannedBatch> {
    for await (const batch of this.#plan(counters)) {
      this.#count(batch);
      if (this.#planned.batches > 1) this.#runtime.ingester.prepare();
      yield batch;
    }
    this.#planned.complete = true;
  }

  async *#plan(counters: PlanCounters): AsyncGenerator<PlannedBatch> {
    const { store, config, ingester } = this.#runtime;
    const { prefix, objects, signal } = this.#options;
    const options = {
      warehouse: config.warehouse,
      batch: config.batch,
      threads: ingester.threads,
      ...(prefix !== undefined && { prefix }),
      ...(objects !== undefined && { objects }),
      ...(this.#again !== undefined && { again: this.#again }),
      ...(signal !== undefined && { signal }),
      ...(this.#range !== undefined && { range: this.#range }),
    };
    // What was committed since is seen when it is claimed.
    const ledger = {
      lookup: (uris: readonly string[]) => this.#ledger.lookup(uris, { asLastLoaded: true }),
    };
    this.#warnings = [];
    for (const source of this.#sources) {
      const { name, location } = source.config;
      if (this.#unlisted.has(name)) continue;
      const { log } = this.#runtime;
      const before = { ...counters };
      const listing = sourceListing(this.#listings.get(name) ?? objectsAt(store, location, prefix));
      this.#listings.delete(name);
      let planned = 0;
      try {
        for await (const batch of planBatches(store, ledger, source, { ...options, listing }, counters)) {
          planned += batch.objects.length;
          yield batch;
        }
      } catch (error) {
        if (!(error instanceof ListingFault)) throw error;
        this.#unlisted.add(source.config, error);
        // What had been listed and not looked at yet is for the next run.
        for (const key of ['skipped', 'claimedElsewhere', 'archived'] as const) planned += counters[key] - before[key];
        counters.listed = before.listed + planned;
        continue;
      }
      if (counters.listed === before.listed) this.#warnings.push(emptySource(log, source.config, prefix));
      const archived = counters.archived - before.archived;
      if (archived > 0) this.#warnings.push(archivedObjects(log, source.config, archived));
    }
  }

  #count(batch: PlannedBatch): void {
    this.#planned.batches++;
    this.#planned.objects += batch.objects.length;
    this.#planned.bytes += batch.bytes;
    for (const key of ['objects', 'rows', 'quarantined'] as const) this.#known[key] += batch.known[key];
  }

  #watch(onStaged: () => void): BatchWatch {
    return {
      onStaged: () => {
        this.#staged++;
        onStaged();
      },
      commits: this.#commits,
      ...(this.#options.signal && { signal: this.#options.signal }),
      onObject: (object, rows) => {
        this.#done.objects++;
        this.#done.bytes += object.size;
        this.#done.rows += rows;
        this.#tell('ingesting');
      },
    };
  }

  #record(
    { source, claim, intent, staged, replaced }: FinishedBatch,
    isReadLater: (failure: ObjectFailure) => boolean = () => false,
  ): void {
    this.#recordIntent(claim, intent);
    this.#account.again?.committed(replaced, intent.again?.kept.values());
    this.#silence.add(source, claim, intent);
    if (staged === undefined) return;
    for (const failure of staged.failures)
      if (!intent.objects.has(failure.uri) && !isReadLater(failure)) this.#failures.set(failure.uri, failure);
    for (const [column, count] of staged.typeMismatches) increase(this.#account.typeMismatches, column, count);
    for (const [reason, count] of staged.reasons) increase(this.#account.reasons, reason, count);
    for (const [reason, count] of staged.skips) increase(this.#account.skips, reason, count);
    this.#account.fallbacks += staged.fallbacks;
    this.#account.conflicts += staged.conflicts;
  }

  #recordIntent(claim: Claim, intent: Intent): void {
    const sizes = new Map(claim.objects.map((object) => [object.uri, object.size]));
    this.#committed += intent.objects.size;
    for (const [uri, { records, bytesDecompressed, ...counts }] of intent.objects)
      this.#account.read({ read: records, ...counts }, { read: sizes.get(uri) ?? 0, decompressed: bytesDecompressed });
    for (const [name, files] of intent.files) this.#account.wrote(name, files);
  }

  /**
   * Takes over and finishes the batches whose holder is gone or late. Objects that were replaced since they were claimed,
   * as those that grow are, have not failed: the pass that follows finds them as they are now.
   */
  async #finishAbandoned(): Promise<void> {
    const isReplaced = ({ code }: ObjectFailure): boolean => code === 'precondition-failed';
    const sourceOf = sourceFinder(this.#sources);
    await this.#severalAtATime(async (inFlight) => {
      const asLastLoaded = this.#isFirstPass;
      this.#isFirstPass = false;
      const abandoned = takeOverAbandoned(this.#runtime, this.#ledger, this.#commits, sourceOf, { asLastLoaded });
      for await (const { source, claim } of abandoned) {
        inFlight.start(async (onStaged) => {
          const watch = this.#watch(onStaged);
          this.#record(await resumeClaim(this.#runtime, this.#ledger, source, claim, watch), isReplaced);
        });
        await inFlight.slot();
      }
    });
  }

  /** Until no live run holds a batch of our sources. */
  async #waitForOthers(): Promise<void> {
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const open = (await this.#ledger.openClaims()).map((entries) => entries[0]!);
      const sourceOf = sourceFinder(this.#sources);
      const held = open.filter((entry) => sourceOf(entry.source, entry.object.uri) !== undefined);
      const [first] = held;
      if (first === undefined || held.some((entry) => this.#ledger.isAbandoned(entry))) return;
      const until = new Date(first.claimedUntil).toISOString();
      this.#tell(
        'waiting',
        `${held.length} batches are claimed by other runs, the first by ${first.owner} until ${until}`,
      );
      await this.#runtime.sleep(pollMs);
    }
  }

  #tell(phase: Progress['phase'], message?: string): void {
    const { objects, bytes, complete } = this.#planned;
    this.#progress.update({
      phase,
      objectsDone: this.#done.objects,
      objectsTotal: complete ? objects : null,
      bytesDone: this.#done.bytes,
      bytesTotal: complete ? bytes : null,
      rows: this.#done.rows,
      ...(message !== undefined && { message }),
    });
  }

  /** `skipped`: objects of the last pass that need nothing. */
  #close(counters: PlanCounters, skipped: number): void {
    const { objects, failures, warnings } = this.#account;
    objects.listed += counters.listed;
    objects.skipped += Math.max(0, skipped);
    objects.committed += this.#committed;
    objects.failed += this.#failures.size;
    objects.archived += counters.archived;
    failures.push(...this.#failures.values());
    warnings.push(...this.#warnings);
    this.#account.leftOut = counters.leftOut;
  }
}
