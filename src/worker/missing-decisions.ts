/** The metric `missing_decisions`: what never arrived of the sources that number their records, looked at now and then. */
import type { ConfiguredSource } from '../ingest/plan.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { producers } from '../jobs/producers/producers.ts';
import type { Metrics } from '../telemetry/metrics.ts';

const everyMs = 3_600_000;
const dayMs = 86_400_000;

export class MissingDecisions {
  readonly #runtime: Runtime;
  readonly #names: readonly string[];
  readonly #metrics: Metrics;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(runtime: Runtime, sources: readonly ConfiguredSource[], metrics: Metrics) {
    this.#runtime = runtime;
    this.#names = sources.filter(({ source }) => source.sequence !== undefined).map(({ config }) => config.name);
    this.#metrics = metrics;
  }

  /** May be called at any time: looks once an hour. */
  async review(): Promise<void> {
    const now = this.#runtime.clock();
    if (this.#names.length === 0 || now - this.#lookedAt < everyMs) return;
    this.#lookedAt = now;
    const from = new Date(now - dayMs).toISOString().slice(0, 10);
    const { days } = await producers(this.#runtime, { from, grades: ['missing'] });
    for (const source of this.#names) {
      const mine = days.filter(({ sources }) => sources.includes(source));
      this.#metrics.set(
        'missing_decisions',
        { source },
        mine.reduce((sum, { estimated }) => sum + estimated, 0),
      );
    }
  }
}
