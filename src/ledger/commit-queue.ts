/**
 * The commits of one process. What becomes ready while a group is being carried out makes up the next one, claims as well
 * as batches; and while other processes commit to the same tables, one has its turn for all that are ready.
 */
import type { ObjectInfo } from '../store/store.ts';
import { watchedStore } from '../store/watched.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import type { Intent } from './batch-intent.ts';
import { mostBatches } from './batch-summary.ts';
import {
  type CommittedFiles,
  commitFiles,
  groupShare,
  PartlyFailed,
  settleBatch,
  whole,
  without,
} from './commit-batch.ts';
import { Failed, Grouped } from './grouped.ts';
import type { Claim, Ledger } from './ledger.ts';
import { intactAmong, type ReadyBatches, readyIntents } from './ready.ts';
import { nothingReplaced, type ReplacedByBatch } from './replace-batches.ts';
import type { LedgerRuntime } from './runtime.ts';
import { type Taken, Turns } from './turns.ts';

/** Something that is asked of the ledger, or a batch that is ready. */
type Request = { readonly ask: (after: Promise<unknown>) => Promise<Claim | undefined> } | ReadyBatch;

interface ReadyBatch {
  readonly intent: Intent;
  readonly onMove: () => void;
}

interface Result {
  readonly claim?: Claim | undefined;
  readonly replaced?: ReplacedByBatch | undefined;
}

const isReady = (request: Request): request is ReadyBatch => 'intent' in request;
const isRejected = (result: PromiseSettledResult<unknown>): result is PromiseRejectedResult =>
  result.status === 'rejected';

export class CommitQueue {
  readonly #runtime: LedgerRuntime;
  readonly #ledger: Ledger;
  readonly #turns: Turns;
  readonly #onOthers: (batches: ReadyBatches['ready']) => void;
  readonly #requests: Grouped<Request, Result>;

  /** `onOthers` is told of batches of other processes that were committed with those of this one. */
  constructor(runtime: LedgerRuntime, ledger: Ledger, onOthers: (batches: ReadyBatches['ready']) => void = () => {}) {
    this.#onOthers = onOthers;
    this.#runtime = runtime;
    this.#ledger = ledger;
    this.#turns = new Turns(runtime);
    this.#requests = new Grouped(
      (group, rest) =>
        this.#turns.take((taken) => this.#carryOut(group, taken), {
          // Its end is waited for where nobody else waits for what is left to do.
          ...(runtime.later && { rest }),
          isNextWaiting: () => this.#requests.areWaiting,
        }),
      (waiting) => shareOf(waiting),
    );
  }

  /** Says that there will be something to commit. */
  prepare(): void {
    this.#turns.prepare();
  }

  /** Resolves when nothing waits for its commit, and the turn of the last one is given on: to be waited for with `later`. */
  idle(): Promise<void> {
    return this.#requests.idle();
  }

  /** As of the ledger. */
  async claim(
    source: { name: string; type: string },
    objects: readonly ObjectInfo[],
    sequence: number,
    changed: ReadonlySet<string>,
    again?: string,
  ): Promise<Claim | undefined> {
    const ask = (after: Promise<unknown>) => this.#ledger.claim(source, objects, sequence, changed, { again, after });
    return (await this.#requests.add({ ask })).claim;
  }

  /** As of the ledger. */
  async takeOver(batch: string): Promise<Claim | undefined> {
    return (await this.#requests.add({ ask: (after) => this.#ledger.takeOver(batch, { after }) })).claim;
  }

  /**
   * Carries out an intent that stands, together with others. `onMove` is called when the commit begins, and whenever it
   * moves on. Gives what the batch took the place of, where its objects were read again.
   */
  async finish(intent: Intent, onMove: () => void = () => {}): Promise<ReplacedByBatch> {
    return (await this.#requests.add({ intent, onMove })).replaced ?? nothingReplaced;
  }

  /** When a batch of the source was last committed by any process, in milliseconds, as far as `look` has seen. */
  lastCommit(source: string): number | undefined {
    return this.#turns.lastCommit(source);
  }

  look(): Promise<void> {
    return this.#turns.look();
  }

  async #carryOut(group: readonly Request[], { othersCommit, held }: Taken): Promise<(Result | Failed)[]> {
    const own = group.filter(isReady);
    const onMove = (): void => {
      for (const batch of own) batch.onMove();
    };
    onMove();
    const runtime = { ...this.#runtime, store: watchedStore(this.#runtime.store, onMove) };
    const intents = own.map(({ intent }) => intent);
    const elsewhere = othersCommit && own.length > 0 ? await this.#readyElsewhere(runtime, intents) : [];
    const others = elsewhere.map(({ intent }) => intent);
    const all = [...intents, ...others];
    const tables = [ingestedObjects.name, ...all.flatMap(({ files }) => [...files.keys()])];
    const after = held.then((waited) => (waited ? this.#lookAt(new Set(tables)) : undefined));
    const visible = commitFiles(runtime, this.#ledger, all, after);
    const allVisible = whole(visible);
    // What they take the place of is looked up in the ledger as it is before they are settled.
    if (all.some(({ again }) => again !== undefined)) await visible;
    const claims = new Map<Request, Claim | undefined>();
    // One snapshot for all of it, since it is asked of the ledger at once.
    const settle = async (committed: Promise<CommittedFiles>, failed: CommittedFiles['failed']) => {
      const settled = without(others, failed).map((intent) => settleBatch(this.#ledger, intent, committed));
      const results = group.map(async (request): Promise<Result | Failed> => {
        if (!isReady(request)) {
          if (!claims.has(request)) claims.set(request, await request.ask(after));
          return { claim: claims.get(request) };
        }
        const { batch } = request.intent;
        const error = failed.get(batch);
        if (error !== undefined) return new Failed(error);
        await settleBatch(this.#ledger, request.intent, committed);
        return { replaced: (await committed).replaced.get(batch) };
      });
      // None may still be under way when the turn ends.
      const ended = await Promise.allSettled(results);
      const failures = (await Promise.allSettled([committed, ...settled])).filter(isRejected);
      const again = failures.find(({ reason }) => reason instanceof PartlyFailed);
      if (again !== undefined) throw again.reason;
      // A claim stands, whatever became of the batches beside it.
      const given = ended.map((result) => (isRejected(result) ? new Failed(result.reason) : result.value));
      return { given, isDone: failures.length === 0 && !ended.some(isRejected) };
    };
    const { given, isDone } = await settle(allVisible, new Map()).catch(async (error) => {
      if (!(error instanceof PartlyFailed)) throw error;
      return settle(visible, (await visible).failed);
    });
    if (!isDone) return given;
    const { failed } = await visible;
    const made = without(all, failed).filter(({ objects }) => objects.size > 0);
    this.#turns.committed(new Set(made.map(({ source }) => source)));
    const done = elsewhere.filter(({ intent }) => !failed.has(intent.batch));
    if (done.length > 0) this.#onOthers(done);
    return given;
  }

  /** So that what others have committed to these tables is known before anything is swapped. */
  async #lookAt(tables: Iterable<string>): Promise<void> {
    await Promise.allSettled([...tables].map((table) => this.#runtime.catalog.loadTable(table)));
  }

  /** Batches of other processes that wait for the turn which is ours. What is read again is left to who does it. */
  async #readyElsewhere(runtime: LedgerRuntime, own: readonly Intent[]): Promise<ReadyBatches['ready']> {
    const batches = new Set(own.map(({ batch }) => batch));
    const { ready } = await readyIntents(runtime, this.#ledger);
    const others = ready.filter(({ intent }) => !batches.has(intent.batch) && intent.again === undefined);
    const all = [...own, ...others.map(({ intent }) => intent)];
    return intactAmong(runtime, this.#ledger, others.slice(0, groupShare(all) - own.length));
  }
}

/** What fits into one snapshot of the ledger, with the batches that fit into one of a table. */
function shareOf(waiting: readonly Request[]): number {
  const ready = waiting.filter(isReady);
  const last = ready[groupShare(ready.map(({ intent }) => intent))];
  return Math.min(mostBatches, last === undefined ? waiting.length : waiting.indexOf(last));
}
