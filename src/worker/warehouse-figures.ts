/** Metrics of the warehouse as a whole, which other processes change too: how large the tables are, and when the jobs of the night last ended well. */
import { currentSnapshot } from '../iceberg/metadata.ts';
import { isTableFault } from '../iceberg/table-fault.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { nightlyJobs, readLastRun } from '../jobs/last-runs.ts';
import type { Metrics } from '../telemetry/metrics.ts';

const everyMs = 600_000;

export class WarehouseFigures {
  readonly #runtime: Runtime;
  readonly #metrics: Metrics;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(runtime: Runtime, metrics: Metrics) {
    this.#runtime = runtime;
    this.#metrics = metrics;
  }

  /** May be called at any time: looks every ten minutes. */
  async review(): Promise<void> {
    const now = this.#runtime.clock();
    if (now - this.#lookedAt < everyMs) return;
    this.#lookedAt = now;
    await this.#reviewTables();
    for (const job of nightlyJobs) {
      const run = await readLastRun(this.#runtime, job);
      // A job that has never run is as late as can be.
      const succeeded = run?.succeededAt ? Date.parse(run.succeededAt) / 1000 : 0;
      this.#metrics.set('job_success_timestamp_seconds', { job }, succeeded);
      if (run?.differences !== undefined) this.#metrics.set('verify_differences', {}, run.differences);
    }
  }

  async #reviewTables(): Promise<void> {
    const { catalog } = this.#runtime;
    for (const table of await catalog.listTables()) {
      try {
        const loaded = await catalog.loadTable(table);
        const summary = loaded && currentSnapshot(loaded.metadata)?.summary;
        const bytes = Number(summary?.['total-files-size'] ?? 0);
        if (Number.isFinite(bytes)) this.#metrics.set('table_bytes', { table }, bytes);
      } catch (error) {
        if (!isTableFault(error)) throw error;
      }
    }
  }
}
