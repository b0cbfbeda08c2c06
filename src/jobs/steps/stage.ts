/**
 * `job stage`: one unit, from the objects of its claim to its intent. Commits nothing, so any number of machines do it
 * side by side. A unit that is staged twice, or at the same time, has one intent: the one that was put first.
 */
import { createLedger, stageClaim } from '../../ingest/claimed-batch.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { readIntent } from '../../ledger/batch-intent.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { type Receipt, receiptOf, type Unit, type UnitOutcome } from './unit.ts';

export class Stager {
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal | undefined;
  readonly #ledger: Ledger;
  #atHome: Promise<void> | undefined;
  readonly #sources = new Map<string, ConfiguredSource>();

  constructor(runtime: Runtime, signal?: AbortSignal) {
    this.#runtime = runtime;
    this.#signal = signal;
    this.#ledger = createLedger(runtime);
  }

  /**
   * What fails is in the receipt, so that further units have their turn. Throws UsageError for a source that is not
   * configured, and the reason of the signal where it has fired.
   */
  async stage(unit: Unit): Promise<Receipt> {
    const { clock } = this.#runtime;
    const source = this.#source(unit.source);
    const begun = clock();
    const receipt = (outcome: UnitOutcome): Receipt => receiptOf(unit, outcome, (clock() - begun) / 1000);
    try {
      return receipt(await this.#stage(source, unit));
    } catch (error) {
      this.#signal?.throwIfAborted();
      const { code, name, message } = error as Error & { code?: unknown };
      return receipt({ state: 'failed', error: { code: typeof code === 'string' ? code : name, message } });
    }
  }

  async #stage(source: ConfiguredSource, { batch, ymd }: Unit): Promise<UnitOutcome> {
    const { store, config, sleep } = this.#runtime;
    await this.#home();
    const standing = await readIntent(store, config.warehouse, batch, sleep);
    if (standing !== undefined) {
      return { state: standing.objects.size > 0 ? 'staged' : 'given-back', intent: standing };
    }
    const claim = await this.#ledger.openClaim(batch, ymd);
    if (claim === undefined) return { state: 'settled' };
    const watch = this.#signal ? { signal: this.#signal } : {};
    const { intent, staged, fault } = await stageClaim(this.#runtime, this.#ledger, source, claim, watch);
    const failures = staged.failures.filter(({ uri }) => !intent.objects.has(uri));
    return { state: fault === undefined ? 'staged' : 'given-back', intent, failures };
  }

  /** Asked once, before anything is written. */
  #home(): Promise<void> {
    this.#atHome ??= expectOwnWarehouse(this.#runtime);
    return this.#atHome;
  }

  #source(name: string): ConfiguredSource {
    const known = this.#sources.get(name) ?? selectSources(this.#runtime, [name])[0]!;
    this.#sources.set(name, known);
    return known;
  }
}
