/** `warehouse.job`: the three steps of a backfill or a compaction, for programs that bring the machines. docs/jobs.md. */
import type { Runtime } from '../../ingest/runtime.ts';
import type { CommitReport } from './commit.ts';
import type { PlanCompactionOptions } from './compaction-plan.ts';
import type { PlanUnitsOptions } from './plan.ts';
import type { Stager } from './stage.ts';
import type { CompactReceipt, CompactUnit, IngestReceipt, IngestUnit, Receipt, Unit } from './unit.ts';

interface SharedOptions {
  /** How long claims hold, or what is staged of a day is committed, in seconds. Default: a day. */
  readonly holdSeconds?: number;
  /** Units at most. Default: 10,000. */
  readonly units?: number;
}

/** `name` is whose the claims are, in small letters, digits, - and _. Default: `default`. */
export type PlanJobOptions = { readonly compact?: false | undefined; readonly name?: string } & SharedOptions &
  Omit<PlanUnitsOptions, 'name' | keyof SharedOptions>;

export type PlanCompactionJobOptions = { readonly compact: true } & SharedOptions &
  Omit<PlanCompactionOptions, keyof SharedOptions>;

const defaults = { holdSeconds: 86_400, units: 10_000 };

export class JobSteps {
  readonly #runtime: () => Promise<Runtime>;
  readonly #stagers = new WeakMap<AbortSignal | typeof noSignal, Promise<Stager>>();

  /** Use `warehouse.job`. */
  constructor(runtime: () => Promise<Runtime>) {
    this.#runtime = runtime;
  }

  /** Claims what is new in the sources, or finds the days to compact, and gives it as units, which are plain JSON. */
  plan(options: PlanCompactionJobOptions): AsyncGenerator<CompactUnit>;
  plan(options?: PlanJobOptions): AsyncGenerator<IngestUnit>;
  async *plan(options: PlanJobOptions | PlanCompactionJobOptions = {}): AsyncGenerator<Unit> {
    if (options.compact === true) {
      const { planCompaction } = await import('./compaction-plan.ts');
      yield* planCompaction(await this.#runtime(), { ...defaults, ...options });
    } else {
      const { planUnits } = await import('./plan.ts');
      yield* planUnits(await this.#runtime(), { ...defaults, name: 'default', ...options });
    }
  }

  /**
   * Reads one unit and writes its files, on any machine; commits nothing. What fails is in the receipt. As many at a time
   * as `batch.threads` of the configuration are of use.
   */
  stage(unit: IngestUnit, signal?: AbortSignal): Promise<IngestReceipt>;
  stage(unit: CompactUnit, signal?: AbortSignal): Promise<CompactReceipt>;
  stage(unit: Unit, signal?: AbortSignal): Promise<Receipt>;
  async stage(unit: Unit, signal?: AbortSignal): Promise<Receipt> {
    const { parseUnit } = await import('./unit.ts');
    return (await this.#stager(signal)).stage(parseUnit(JSON.stringify(unit)));
  }

  /** Commits everything that is staged, many units in one snapshot. */
  async commit(): Promise<CommitReport> {
    const { commitUnits } = await import('./commit.ts');
    return commitUnits(await this.#runtime());
  }

  #stager(signal: AbortSignal | undefined): Promise<Stager> {
    const known = this.#stagers.get(signal ?? noSignal);
    if (known !== undefined) return known;
    const opened = Promise.all([import('./stage.ts'), this.#runtime()]).then(
      ([{ Stager }, runtime]) => new Stager(runtime, signal),
    );
    this.#stagers.set(signal ?? noSignal, opened);
    return opened;
  }
}

const noSignal = {};
