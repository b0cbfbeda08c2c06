/**
 * Objects to committed batches, for every way of following a source. As many batches at a time as there are threads, so
 * that memory stays bounded; several processes share by the ledger's claims.
 *
 * A batch that broke off is remembered with its claim and taken up first the next time: the claim would otherwise bar
 * everybody from its objects until its deadline.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import { isTableFault } from '../iceberg/table-fault.ts';
import {
  type BatchWatch,
  changedAmong,
  type FinishedBatch,
  firstClaimDay,
  releaseClaim,
  resumeClaim,
  sourceFinder,
  takeOverAbandoned,
  workClaim,
} from '../ingest/claimed-batch.ts';
import type { ConfiguredSource, PlannedBatch } from '../ingest/plan.ts';
import type { ObjectFailure } from '../ingest/request.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { CommitQueue } from '../ledger/commit-queue.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import type { Claim, Ledger } from '../ledger/ledger.ts';
import { nothingReplaced } from '../ledger/replace-batches.ts';
import { isArchived, type ObjectInfo, StoreError } from '../store/store.ts';
import { logEvent } from '../telemetry/events.ts';
import { compareText } from '../text/order.ts';
import { errorCode, type Health, type Moving } from './health.ts';
import type { Account } from './report.ts';

/** What became of an object. */
export type BatchOutcome =
  /** Its rows are visible: by this batch, or (known) by an earlier one. */
  | { readonly kind: 'committed' | 'known' }
  /** There is no such object any more. */
  | { readonly kind: 'gone' }
  /** It cannot be read before it is restored. */
  | { readonly kind: 'archived' }
  /** Another worker has claimed it, or it changed under our hands: look again soon. */
  | { readonly kind: 'held' }
  /** A try that failed; with the version that was tried, where it was known. */
  | { readonly kind: 'failed'; readonly failure: ObjectFailure; readonly etag?: string }
  /** Not tried: it has failed too often (set-aside.ts). */
  | { readonly kind: 'aside' };

export type Outcomes = Map<string, BatchOutcome>;

/** An object that an event speaks of. */
export interface NamedObject {
  readonly uri: string;
  readonly etag: string | undefined;
}

export interface BatchesOptions {
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  readonly sources: readonly ConfiguredSource[];
  readonly health: Health;
  readonly account: Account;
  /** Objects that are not to be tried any more; none where omitted. */
  readonly isAside?: (object: ObjectInfo) => boolean;
  /** No batch is begun any more. */
  readonly stop: AbortSignal;
  /** Ends the batches in progress: their claims are given back. */
  readonly abort: AbortSignal;
}

const mostSuspects = 100_000;

export class Batches {
  readonly #runtime: Runtime;
  readonly #ledger: Ledger;
  readonly #sources: readonly ConfiguredSource[];
  readonly #health: Health;
  readonly #account: Account;
  readonly #isAside: (object: ObjectInfo) => boolean;
  readonly #stop: AbortSignal;
  readonly #abort: AbortSignal;
  readonly #places: LimitFunction;
  readonly #commits: CommitQueue;
  /** Most objects of a batch with this one, by uri: those of batches that failed as a whole. */
  readonly #suspects = new Map<string, number>();
  /** Claims that are being worked on here, by batch, */
  readonly #inWork = new Set<string>();
  /** and those whose work broke off. */
  readonly #unfinished = new Map<string, { readonly source: ConfiguredSource; readonly claim: Claim }>();

  constructor(options: BatchesOptions) {
    this.#runtime = options.runtime;
    this.#ledger = options.ledger;
    this.#sources = options.sources;
    this.#health = options.health;
    this.#account = options.account;
    this.#isAside = options.isAside ?? (() => false);
    this.#stop = options.stop;
    this.#abort = options.abort;
    this.#commits = new CommitQueue(options.runtime, options.ledger);
    this.#places = pLimit(options.runtime.ingester.threads);
  }

  /**
   * Takes objects that events speak of: asks the ledger what is known of them, S3 for what they are now, and commits the
   * rest. Gives an outcome for each. Throws where the warehouse, or the source as a whole, cannot be worked with,
   * and where the worker is being stopped before its turn.
   */
  takeNamed(source: ConfiguredSource, named: readonly NamedObject[]): Promise<Outcomes> {
    return this.#inPlace(async (moving) => {
      await this.#finishOwn(moving, source);
      let found = await this.#look(source, named, moving);
      if (found.claimed.some((entry) => this.#ledger.isAbandoned(entry))) {
        await this.#finishAbandoned(moving, source);
        found = await this.#look(source, named, moving);
      }
      const { outcomes, ...plan } = found;
      return new Map([...outcomes, ...(await this.#claimAndWork(plan, moving))]);
    });
  }

  /** Takes objects that a plan found to be free. */
  takePlanned(planned: FreeObjects): Promise<Outcomes> {
    return this.#inPlace(async (moving) => {
      await this.#finishOwn(moving, planned.source);
      return this.#claimAndWork(planned, moving);
    });
  }

  /** Finishes what this process or one that is gone left open. */
  finishAbandoned(): Promise<void> {
    return this.#inPlace(async (moving) => {
      await this.#finishOwn(moving);
      await this.#finishAbandoned(moving);
    });
  }

  /**
   * When any worker last committed a batch of the source, in milliseconds, 0 for never: as it was when last looked at, and not later
   * than now. What is ahead by more than the interval between commits was written by a clock that is wrong: it would hold the source up until then.
   */
  lastCommit(source: string): number {
    const { clock, config } = this.#runtime;
    const now = clock();
    const latest = now + config.worker.commitIntervalSeconds * 1000;
    const known = [this.#account.lastCommit(source), this.#commits.lastCommit(source)];
    return Math.min(now, Math.max(0, ...(known.filter((at) => at !== undefined && at <= latest) as number[])));
  }

  /** Looks at what other workers have committed. What cannot be seen holds nobody up. */
  async look(): Promise<void> {
    await this.#commits.look().catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
    });
  }

  /** Says that there may be something to commit soon. */
  prepare(): void {
    this.#commits.prepare();
  }

  /** Resolves when no commit is under way, and the turn of the last one is given on. */
  idle(): Promise<void> {
    return this.#commits.idle();
  }

  /** For the end of the process: gives back the claims whose batches did not come to an end. */
  async release(): Promise<void> {
    for (const { source, claim } of [...this.#unfinished.values()]) await this.#release(source, claim);
  }

  #inPlace<T>(work: (moving: Moving) => Promise<T>): Promise<T> {
    return this.#places(async () => {
      this.#stop.throwIfAborted();
      const moving = this.#health.begin();
      try {
        return await work(moving);
      } finally {
        moving.over();
      }
    });
  }

  /** Batches whose table cannot be used stay open, and hold up nobody but their own source: the one that asks, if any. */
  async #finishOwn(moving: Moving, asking?: ConfiguredSource): Promise<void> {
    for (const { source, claim } of [...this.#unfinished.values()]) {
      if (this.#inWork.has(claim.batch)) continue;
      const resume = () => resumeClaim(this.#runtime, this.#ledger, source, claim, this.#watch(moving));
      await this.#unlessUnusable(source, asking, () => this.#finish(source, claim, moving, resume));
    }
  }

  async #unlessUnusable(
    source: ConfiguredSource,
    asking: ConfiguredSource | undefined,
    finish: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await finish();
    } catch (error) {
      if (!isTableFault(error) || source === asking) throw error;
      logEvent(this.#runtime.log, 'table-unusable', {
        table: source.source.table.name,
        source: source.config.name,
        err: error,
      });
    }
  }

  async #finishAbandoned(moving: Moving, asking?: ConfiguredSource): Promise<void> {
    const find = sourceFinder(this.#sources);
    // A batch of our own may be late, but it is not abandoned.
    const sourceOf = (name: string, uri: string, batch: string) =>
      this.#inWork.has(batch) ? undefined : find(name, uri);
    for await (const { source, claim } of takeOverAbandoned(this.#runtime, this.#ledger, this.#commits, sourceOf)) {
      this.#inWork.add(claim.batch);
      const resume = async (): Promise<void> =>
        this.#over(await resumeClaim(this.#runtime, this.#ledger, source, claim, this.#watch(moving)), 0);
      try {
        await this.#unlessUnusable(source, asking, resume);
      } finally {
        this.#inWork.delete(claim.batch);
      }
      moving.on();
    }
  }

  async #look(source: ConfiguredSource, named: readonly NamedObject[], moving: Moving): Promise<Look> {
    const { clock } = this.#runtime;
    const ascending = [...named].sort((a, b) => compareText(a.uri, b.uri));
    const uris = ascending.map(({ uri }) => uri);
    const now = clock();
    const from = firstClaimDay(
      source.source,
      uris.map((uri) => ({ uri, lastModified: now })),
    );
    const { entries, sequence } = await this.#ledger.lookup(uris, { from });
    moving.on();
    const isCommitted = (uri: string, etag: string): boolean =>
      entries.get(uri)?.some((entry) => entry.state === 'committed' && entry.object.etag === etag) === true;

    const outcomes: Outcomes = new Map();
    const free: ObjectInfo[] = [];
    const claimed: LedgerEntry[] = [];
    const unknown = ascending.filter(({ uri, etag }) => {
      const known = etag !== undefined && isCommitted(uri, etag);
      if (known) outcomes.set(uri, { kind: 'known' });
      return !known;
    });
    for (const [{ uri }, found] of await this.#heads(source, unknown, moving)) {
      const claims = entries.get(uri)?.filter((entry) => entry.state === 'claimed') ?? [];
      if ('failure' in found) outcomes.set(uri, { kind: 'failed', failure: found.failure });
      else if (found.info === undefined) outcomes.set(uri, { kind: 'gone' });
      else if (isCommitted(uri, found.info.etag)) outcomes.set(uri, { kind: 'known' });
      else if (isArchived(found.info)) outcomes.set(uri, { kind: 'archived' });
      else if (this.#isAside(found.info)) outcomes.set(uri, { kind: 'aside' });
      else if (claims.length > 0) {
        claimed.push(...claims);
        outcomes.set(uri, { kind: 'held' });
      } else free.push(found.info);
    }
    return { source, objects: free, sequence, changed: changedAmong(entries), outcomes, claimed };
  }

  /** What the objects are now. Throws where none can be asked for and the source cannot be listed either. */
  async #heads(
    source: ConfiguredSource,
    objects: readonly NamedObject[],
    moving: Moving,
  ): Promise<[NamedObject, Head][]> {
    const { store, config } = this.#runtime;
    const limit = pLimit(config.batch.downloads);
    const head = async (object: NamedObject): Promise<[NamedObject, Head]> => {
      try {
        return [object, { info: await store.head(object.uri) }];
      } catch (error) {
        return [object, { failure: failureOf(object.uri, error) }];
      } finally {
        moving.on();
      }
    };
    const heads = await Promise.all(objects.map((object) => limit(head, object)));
    if (heads.length > 0 && heads.every(([, found]) => 'failure' in found)) await this.#probe(source);
    for (const [, found] of heads) {
      if ('failure' in found) {
        logEvent(this.#runtime.log, 'object-failed', { ...found.failure, reason: found.failure.message });
      }
    }
    return heads;
  }

  /** Throws what listing the source throws: then it is not the fault of single objects. */
  async #probe({ config }: ConfiguredSource): Promise<void> {
    for await (const _ of this.#runtime.store.list(config.location)) return;
  }

  async #claimAndWork(free: FreeObjects, moving: Moving): Promise<Outcomes> {
    const outcomes: Outcomes = new Map();
    for (const objects of this.#parts(free.objects))
      for (const [uri, outcome] of await this.#claimPart({ ...free, objects }, moving)) outcomes.set(uri, outcome);
    return outcomes;
  }

  /** Objects of batches that failed as a whole go by ever smaller parts, until the one that is to blame is alone. */
  #parts(objects: readonly ObjectInfo[]): ObjectInfo[][] {
    const others = objects.filter(({ uri }) => !this.#suspects.has(uri));
    const parts = others.length > 0 ? [others] : [];
    let part: ObjectInfo[] = [];
    let most = 0;
    for (const object of objects) {
      const size = this.#suspects.get(object.uri);
      if (size === undefined) continue;
      if (part.length === 0 || part.length >= Math.min(most, size)) {
        part = [];
        parts.push(part);
        most = size;
      }
      most = Math.min(most, size);
      part.push(object);
    }
    return parts;
  }

  /** The next time these go by halves. */
  #suspect(objects: readonly ObjectInfo[]): void {
    // There may be any number of them, as long as a fault lasts that is not theirs.
    if (this.#suspects.size > mostSuspects) this.#suspects.clear();
    for (const { uri } of objects) this.#suspects.set(uri, Math.ceil(objects.length / 2));
  }

  async #claimPart({ source, objects, sequence, changed }: FreeObjects, moving: Moving): Promise<Outcomes> {
    const outcomes: Outcomes = new Map(objects.map(({ uri }) => [uri, { kind: 'held' }]));
    const etags = new Map(objects.map(({ uri, etag }) => [uri, etag]));
    const begun = this.#runtime.clock();
    const claim = await this.#commits.claim(source.config, objects, sequence, changed);
    moving.on();
    if (claim === undefined) return outcomes;
    const claiming = this.#runtime.clock() - begun;
    const work = () => workClaim(this.#runtime, this.#ledger, source, claim, this.#watch(moving));
    const batch = await this.#finish(source, claim, moving, work, claiming);
    for (const uri of batch.intent.objects.keys()) {
      outcomes.set(uri, { kind: 'committed' });
      this.#suspects.delete(uri);
    }
    // Which of several objects is to blame shows when they are taken by parts; until then none of them has failed.
    if (batch.fault !== undefined && claim.objects.length > 1) return outcomes;
    for (const failure of batch.staged?.failures ?? []) {
      // It was replaced or deleted since we asked: asking again tells which.
      const isChanged = failure.code === 'precondition-failed' || failure.code === 'not-found';
      if (isChanged || batch.intent.objects.has(failure.uri)) continue;
      const etag = etags.get(failure.uri);
      outcomes.set(failure.uri, { kind: 'failed', failure, ...(etag !== undefined && { etag }) });
    }
    return outcomes;
  }

  /** Runs a batch with its claim remembered until it is over. */
  async #finish(
    source: ConfiguredSource,
    claim: Claim,
    moving: Moving,
    run: () => Promise<FinishedBatch>,
    claiming = 0,
  ): Promise<FinishedBatch> {
    this.#unfinished.set(claim.batch, { source, claim });
    this.#inWork.add(claim.batch);
    try {
      const batch = await run();
      this.#unfinished.delete(claim.batch);
      this.#over(batch, claiming);
      moving.on();
      return batch;
    } catch (error) {
      if (this.#abort.aborted) {
        await this.#release(source, claim);
        throw error;
      }
      this.#account.failed(source.config.name, claim, error);
      throw error;
    } finally {
      this.#inWork.delete(claim.batch);
    }
  }

  async #release(source: ConfiguredSource, claim: Claim): Promise<void> {
    const intent = await releaseClaim(this.#runtime, this.#ledger, claim);
    this.#unfinished.delete(claim.batch);
    this.#over(
      { source, claim, intent, staged: undefined, replaced: nothingReplaced, milliseconds: { ingest: 0, commit: 0 } },
      0,
    );
  }

  #over(batch: FinishedBatch, claiming: number): void {
    const { source, claim, intent, staged, fault } = batch;
    if (fault !== undefined) {
      this.#account.unaccounted(source.config.name);
      this.#suspect(claim.objects);
    }
    const isDone = intent.objects.size > 0 || (staged !== undefined && fault === undefined);
    if (isDone) this.#account.committed(batch, claiming);
    else this.#account.released(source.config.name, claim);
  }

  #watch(moving: Moving): BatchWatch {
    return {
      signal: this.#abort,
      onMove: () => moving.on(),
      // What the store throws is a fault of the warehouse; anything else comes of the objects, and would come again.
      givesUpOn: (error) => !this.#abort.aborted && !(error instanceof StoreError),
      // Until its commit begins it waits for those of other batches, which are watched themselves.
      onStaged: () => moving.waits(),
      commits: this.#commits,
    };
  }
}

/** Free at `sequence` of the ledger. */
type FreeObjects = Pick<PlannedBatch, 'source' | 'objects' | 'sequence' | 'changed'>;

interface Look extends FreeObjects {
  readonly outcomes: Outcomes;
  readonly claimed: readonly LedgerEntry[];
}

type Head = { readonly info: ObjectInfo | undefined } | { readonly failure: ObjectFailure };

function failureOf(uri: string, error: unknown): ObjectFailure {
  if (!(error instanceof StoreError)) throw error;
  return { uri, code: errorCode(error), message: error.message };
}
