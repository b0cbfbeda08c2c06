/** The commits of one process: batches that become ready while a group of them is being committed make up the next one. */
import { watchedStore } from '../store/watched.ts';
import type { Intent } from './batch-intent.ts';
import { finishBatches, groupShare } from './commit-batch.ts';
import { Grouped } from './grouped.ts';
import type { Ledger } from './ledger.ts';
import { nothingReplaced, type ReplacedByBatch } from './replace-batches.ts';
import type { LedgerRuntime } from './runtime.ts';

interface ReadyBatch {
  readonly intent: Intent;
  readonly onMove: () => void;
}

export class CommitQueue {
  readonly #runtime: LedgerRuntime;
  readonly #ledger: Ledger;
  readonly #ready: Grouped<ReadyBatch, ReplacedByBatch>;

  constructor(runtime: LedgerRuntime, ledger: Ledger) {
    this.#runtime = runtime;
    this.#ledger = ledger;
    this.#ready = new Grouped(
      (group) => this.#carryOut(group),
      (waiting) => groupShare(waiting.map(({ intent }) => intent)),
    );
  }

  /**
   * Carries out an intent that stands, together with others. `onMove` is called when the commit begins, and whenever it
   * moves on. Gives what the batch took the place of, where its objects were read again.
   */
  finish(intent: Intent, onMove: () => void = () => {}): Promise<ReplacedByBatch> {
    return this.#ready.add({ intent, onMove });
  }

  async #carryOut(group: readonly ReadyBatch[]): Promise<ReplacedByBatch[]> {
    const onMove = (): void => {
      for (const batch of group) batch.onMove();
    };
    onMove();
    const runtime = { ...this.#runtime, store: watchedStore(this.#runtime.store, onMove) };
    const intents = group.map(({ intent }) => intent);
    const replaced = await finishBatches(runtime, this.#ledger, intents);
    return intents.map(({ batch }) => replaced.get(batch) ?? nothingReplaced);
  }
}
