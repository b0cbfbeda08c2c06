/**
 * `job stage`: one unit, from the objects of its claim, or the files of its day, to its intent. Commits nothing, so any
 * number of machines do it side by side. A unit that is staged twice, or at the same time, has one intent: the one that
 * was put first.
 */
import { ensureTable } from '../../iceberg/ensure.ts';
import { createLedger, readIntact, stageClaim } from '../../ingest/claimed-batch.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { commitContext } from '../../ledger/runtime.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { sequences } from '../../tables/sequences.ts';
import { stageDay } from './compaction-stage.ts';
import {
  type CompactReceipt,
  type CompactUnit,
  compactReceipt,
  type IngestOutcome,
  type IngestReceipt,
  type IngestUnit,
  ingestReceipt,
  type Receipt,
  type Unit,
  unitError,
} from './unit.ts';

export class Stager {
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal | undefined;
  readonly #ledger: Ledger;
  /** Days take turns: each may use all of `compact.memory`. */
  #day: Promise<unknown> = Promise.resolve();
  readonly #sources = new Map<string, ConfiguredSource>();
  /** By source; the warehouse as such has the empty name. */
  readonly #ready = new Map<string, Promise<void>>();

  constructor(runtime: Runtime, signal?: AbortSignal) {
    this.#runtime = runtime;
    this.#signal = signal;
    this.#ledger = createLedger(runtime);
  }

  /**
   * What fails is in the receipt, so that further units have their turn. Throws UsageError for a source that is not
   * configured, and the reason of the signal where it has fired.
   */
  stage(unit: IngestUnit): Promise<IngestReceipt>;
  stage(unit: CompactUnit): Promise<CompactReceipt>;
  stage(unit: Unit): Promise<Receipt>;
  async stage(unit: Unit): Promise<Receipt> {
    return unit.kind === 'ingest' ? this.#ingest(unit) : this.#compact(unit);
  }

  async #ingest(unit: IngestUnit): Promise<IngestReceipt> {
    const source = this.#source(unit.source);
    const [outcome, seconds] = await this.#timed<IngestOutcome>(() => this.#stageBatch(source, unit));
    return ingestReceipt(unit, outcome, seconds);
  }

  async #compact(unit: CompactUnit): Promise<CompactReceipt> {
    const turn = this.#day.then(() =>
      this.#timed(async () => {
        await this.#home();
        return stageDay(this.#runtime, unit, this.#signal);
      }),
    );
    this.#day = turn.catch(() => {});
    const [outcome, seconds] = await turn;
    return compactReceipt(unit, outcome, seconds);
  }

  async #timed<Outcome>(
    work: () => Promise<Outcome>,
  ): Promise<[outcome: Outcome | { state: 'failed'; error: ReturnType<typeof unitError> }, seconds: number]> {
    const { clock } = this.#runtime;
    const begun = clock();
    const seconds = (): number => (clock() - begun) / 1000;
    try {
      return [await work(), seconds()];
    } catch (error) {
      this.#signal?.throwIfAborted();
      return [{ state: 'failed', error: unitError(error) }, seconds()];
    }
  }

  async #stageBatch(source: ConfiguredSource, { batch, ymd }: IngestUnit): Promise<IngestOutcome> {
    await this.#home();
    const { standing, lost } = await readIntact(this.#runtime, this.#ledger, batch);
    if (standing !== undefined && lost === undefined) {
      const { intent } = standing;
      return { state: intent.objects.size > 0 ? 'staged' : 'given-back', intent };
    }
    const claim = await this.#ledger.openClaim(batch, ymd);
    if (claim === undefined) return { state: 'settled' };
    await this.#tablesOf(source);
    const watch = this.#signal ? { signal: this.#signal } : {};
    const { intent, staged, fault } = await stageClaim(this.#runtime, this.#ledger, source, claim, watch, lost);
    const failures = staged.failures.filter(({ uri }) => !intent.objects.has(uri));
    return { state: fault === undefined ? 'staged' : 'given-back', intent, failures };
  }

  /** Before anything is written. */
  #home(): Promise<void> {
    return this.#once('', () => expectOwnWarehouse(this.#runtime));
  }

  /** The plan has made them, but an earlier version of it knew fewer columns and tables than this one writes. */
  #tablesOf({ config, source }: ConfiguredSource): Promise<void> {
    return this.#once(config.name, async () => {
      for (const declaration of [quarantine, ...(source.sequence ? [sequences] : []), source.table])
        await ensureTable(commitContext(this.#runtime), declaration);
    });
  }

  /** What has failed is tried again by the next unit. */
  #once(name: string, work: () => Promise<void>): Promise<void> {
    const ready = this.#ready.get(name) ?? work();
    this.#ready.set(name, ready);
    ready.catch(() => this.#ready.delete(name));
    return ready;
  }

  #source(name: string): ConfiguredSource {
    const known = this.#sources.get(name) ?? selectSources(this.#runtime, [name])[0]!;
    this.#sources.set(name, known);
    return known;
  }
}
