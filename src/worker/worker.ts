/**
 * The worker: follows every source, by its queue or by listing, until it is told to stop. The first signal ends the
 * taking of new work; the batch in progress is finished, or given back where that takes longer than worker.shutdown. What is
 * neither (a killed process) is taken over by the next run, as any batch is.
 */

import { UsageError } from '../config/errors.ts';
import { OutsideWarehouse } from '../iceberg/home.ts';
import { createLedger, openTables } from '../ingest/claimed-batch.ts';
import { findFreshness } from '../ingest/expectations.ts';
import { expectOwnWarehouse } from '../ingest/own-tables.ts';
import type { ConfiguredSource } from '../ingest/plan.ts';
import { requireFolders } from '../ingest/require-sources.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { selectSources } from '../ingest/select-sources.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { LeftToDo } from '../ledger/left-to-do.ts';
import type { MessageQueue } from '../queue/queue.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import { logEvent } from '../telemetry/events.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { type HealthAnswer, serveWatched, type WatchServer } from '../telemetry/server.ts';
import { Batches } from './batches.ts';
import { errorCode, Health } from './health.ts';
import { ListingFollower } from './listing-follower.ts';
import { MissingDecisions } from './missing-decisions.ts';
import { pause } from './pause.ts';
import { QueueFollower } from './queue-follower.ts';
import { Account, type WorkerReport } from './report.ts';
import { SetAside } from './set-aside.ts';
import { WarehouseFigures } from './warehouse-figures.ts';
import { watchConflicts } from './watched-catalog.ts';

export type { WorkerReport } from './report.ts';

export interface WorkerOptions {
  /** Names of sources; all where omitted. */
  readonly sources?: readonly string[];
  /** Works off what is there and ends; the first fault of a source ends it too. Serves no metrics. */
  readonly once?: boolean;
  /** Told the port where metrics are served. */
  readonly onListening?: (port: number) => void;
}

export interface WorkerPorts {
  readonly openQueue: (url: string) => MessageQueue;
}

/** For an abandoned batch to be found. */
const takeOverEveryMs = 30_000;
/** After worker.shutdown: for giving the claim and the messages back. */
const releaseMs = 15_000;
const readinessMs = 5000;
/** Objects that are set aside: in the report, and on /readyz. */
const mostReported = 1000;
const mostShown = 20;

interface Follower {
  run(stop: AbortSignal): Promise<void>;
}

export class Worker {
  readonly metrics: Metrics;
  readonly #runtime: Runtime;
  readonly #leftToDo = new LeftToDo();
  readonly #ports: WorkerPorts;
  readonly #options: WorkerOptions;
  readonly #sources: readonly ConfiguredSource[];
  readonly #ledger: Ledger;
  readonly #health: Health;
  readonly #account: Account;
  readonly #stop = new AbortController();
  readonly #abort = new AbortController();
  readonly #setAside: SetAside;
  readonly #batches: Batches;
  readonly #missing: MissingDecisions;
  readonly #figures: WarehouseFigures;
  #opened = false;
  /** What is wrong with the tables of sources that stay out, by source. */
  #unusable: ReadonlyMap<string, Error> = new Map();

  /** Throws UsageError for sources that are not configured, or that share a queue with one that is not asked for. */
  constructor(runtime: Runtime, ports: WorkerPorts, options: WorkerOptions = {}) {
    this.metrics = new Metrics({ process: options.once !== true });
    const catalog = watchConflicts(runtime.catalog, (table) =>
      this.metrics.count('snapshot_conflicts_total', { table }),
    );
    this.#runtime = { ...runtime, catalog, later: this.#leftToDo.later };
    runtime.throttling?.listen(() => this.metrics.count('store_throttled_total', {}));
    this.#ports = ports;
    this.#options = options;
    this.#sources = selectSources(runtime, options.sources);
    refuseHalfAQueue(runtime, this.#sources);
    const { clock, log, config } = runtime;
    const names = this.#sources.map((source) => source.config.name);
    this.#ledger = createLedger(this.#runtime);
    const stuckAfterMs = Math.max(600_000, config.batch.claimSeconds * 2000);
    this.#health = new Health(names, { clock, log, metrics: this.metrics, stuckAfterMs });
    this.#account = new Account(log, this.metrics, clock);
    this.#setAside = new SetAside(this.#runtime, this.#ledger, this.metrics);
    this.#missing = new MissingDecisions(this.#runtime, this.#sources, this.metrics);
    this.#figures = new WarehouseFigures(this.#runtime, this.metrics);
    this.#batches = new Batches({
      isAside: (object) => this.#setAside.isAside(object),
      runtime: this.#runtime,
      ledger: this.#ledger,
      sources: this.#sources,
      health: this.#health,
      account: this.#account,
      stop: this.#stop.signal,
      abort: this.#abort.signal,
    });
  }

  /**
   * To be called once. Runs until the signal fires (with `once`, until all is done), and then no longer than worker.shutdown and a little.
   * Throws what makes starting impossible, such as a port in use; with `once` also the first fault of a source or of its table.
   */
  async run(signal: AbortSignal = new AbortController().signal): Promise<WorkerReport> {
    const { config, clock, log } = this.#runtime;
    const once = this.#options.once === true;
    const started = clock();
    await requireFolders(
      this.#runtime.store,
      this.#sources.map((source) => source.config),
    );
    const server = once ? undefined : await this.#serve();
    const stop = this.#stop;
    const forward = (): void => {
      logEvent(log, 'worker-stopping', {
        reason: String((signal.reason as Error | undefined)?.message ?? signal.reason),
      });
      stop.abort(signal.reason);
    };
    if (signal.aborted) forward();
    else signal.addEventListener('abort', forward, { once: true });
    let clean = true;
    const ended = new AbortController();
    try {
      logEvent(log, 'worker-started', {
        warehouse: config.warehouse,
        sources: this.#sources.map((source) => source.config.name),
        ...(server && { port: server.port }),
      });
      const working = this.#work();
      clean = await Promise.race([working.then(() => true), this.#overTime(stop.signal, ended.signal)]);
      // What fails after its time is nobody's to hear of any more.
      working.catch(() => {});
    } finally {
      ended.abort();
      signal.removeEventListener('abort', forward);
      stop.abort();
      await server?.close();
      const { objects, records, seconds } = this.#report(started, clean);
      logEvent(log, 'worker-stopped', { clean, objects, records, seconds });
    }
    return this.#report(started, clean);
  }

  #report(started: number, clean: boolean): WorkerReport {
    const { warnings } = this.#health;
    const setAside = this.#setAside.objects.slice(0, mostReported);
    return { ...this.#account.totals, setAside, warnings, seconds: (this.#runtime.clock() - started) / 1000, clean };
  }

  async #work(): Promise<void> {
    const stop = this.#stop;
    const once = this.#options.once === true;
    await this.#open(stop.signal, once);
    if (stop.signal.aborted) return;
    const followers = this.#followers(once).map((follower) =>
      follower.run(stop.signal).finally(() => once || stop.abort()),
    );
    const followed = Promise.allSettled(followers);
    const ended = new AbortController();
    const others = once ? Promise.resolve() : this.#takeOver(AbortSignal.any([stop.signal, ended.signal]));
    const results = await followed;
    ended.abort();
    await others;
    await this.#batches.release().catch(() => undefined);
    await this.#batches.idle();
    await this.#leftToDo.done();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    if (once) for (const fault of this.#unusable.values()) throw fault;
  }

  /** Makes the tables and finishes what others left, as often as it takes. */
  async #open(stop: AbortSignal, once: boolean): Promise<void> {
    const names = this.#sources.map((source) => source.config.name);
    while (!stop.aborted) {
      try {
        this.#batches.prepare();
        await expectOwnWarehouse(this.#runtime);
        const { unusable } = await openTables(this.#runtime, this.#ledger, this.#sources);
        this.#unusable = unusable;
        await this.#setAside.open();
        this.#opened = true;
        await this.#batches.finishAbandoned();
        await this.#reviewFreshness();
        return;
      } catch (error) {
        if (stop.aborted) return;
        // That does not change by waiting.
        if (once || error instanceof OutsideWarehouse) throw error;
        await pause(this.#runtime, Math.max(...names.map((name) => this.#health.failed(name, error))), stop);
      }
    }
  }

  async #takeOver(stop: AbortSignal): Promise<void> {
    const { log } = this.#runtime;
    for (;;) {
      await pause(this.#runtime, takeOverEveryMs, stop);
      if (stop.aborted) return;
      const review = async (): Promise<void> => {
        await this.#batches.finishAbandoned();
        await this.#setAside.review();
        await this.#reviewFreshness();
        await this.#missing.review();
        await this.#figures.review();
      };
      await review().catch((error) => {
        // The followers meet the same fault and show it.
        if (!stop.aborted) log.debug({ event: 'take-over-failed', code: errorCode(error) }, 'take-over failed');
      });
    }
  }

  /** By the ledger, since other workers commit too. */
  async #reviewFreshness(): Promise<void> {
    const configs = this.#sources.map(({ config }) => config);
    this.#health.sawFreshness(await findFreshness(this.#ledger, configs, this.#runtime.clock()));
  }

  #followers(once: boolean): Follower[] {
    const shared = {
      runtime: this.#runtime,
      ledger: this.#ledger,
      batches: this.#batches,
      health: this.#health,
      account: this.#account,
      setAside: this.#setAside,
      metrics: this.metrics,
      once,
    };
    const byQueue = Map.groupBy(this.#sources, (source) => source.config.queue);
    return [...byQueue].flatMap(([url, sources]): Follower[] => {
      if (url === undefined) return sources.map((source) => new ListingFollower({ ...shared, source }));
      const name = url.slice(url.lastIndexOf('/') + 1);
      return [new QueueFollower({ ...shared, sources, name, queue: this.#ports.openQueue(url) })];
    });
  }

  /** Resolves to false when, after the stop, the time to finish and to give back is over. */
  async #overTime(stop: AbortSignal, ended: AbortSignal): Promise<boolean> {
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => resolve(), { once: true });
    });
    await pause(this.#runtime, this.#runtime.config.worker.shutdownSeconds * 1000, ended);
    if (ended.aborted) return true;
    this.#abort.abort(new Error('the time to finish the current batch is over'));
    await pause(this.#runtime, releaseMs, ended);
    return false;
  }

  async #serve(): Promise<WatchServer | undefined> {
    const { listen } = this.#runtime.config.worker;
    if (listen === undefined) return undefined;
    const server = await serveWatched(
      {
        metrics: () => {
          this.#account.refresh();
          return this.metrics.text();
        },
        health: async () => {
          const { alive, stillMs } = this.#health;
          return { ok: alive, details: { alive, stillSeconds: Math.round(stillMs / 1000) } };
        },
        readiness: () => this.#readiness(),
      },
      listen,
    );
    this.#options.onListening?.(server.port);
    return server;
  }

  /** Ready: the catalog answers now, the last pass over every source went well, and each has what it expects. */
  async #readiness(): Promise<HealthAnswer> {
    const { catalog } = this.#runtime;
    const asked = catalog.loadTable(ingestedObjects.name).then(
      (loaded) => loaded !== undefined,
      () => false,
    );
    const late = AbortSignal.timeout(readinessMs);
    const isLate = new Promise<false>((resolve) =>
      late.addEventListener('abort', () => resolve(false), { once: true }),
    );
    const reachable = await Promise.race([asked, isLate]);
    const ok = reachable && this.#opened && this.#health.ready;
    const sources = this.#health.sources.map(({ name, ok, lastSuccess, error }) => ({
      name,
      ok: ok ?? false,
      ...(this.#health.stale.includes(name) && { stale: true }),
      lastSuccess: lastSuccess === undefined ? null : new Date(lastSuccess).toISOString(),
      ...(error && { error: error.code, failures: error.failures }),
    }));
    const aside = this.#setAside.objects;
    const setAside = {
      count: aside.length,
      objects: aside.slice(0, mostShown).map(({ source, uri, code, tries }) => ({ source, uri, code, tries })),
    };
    return { ok, details: { ready: ok, catalog: reachable, sources, setAside, warnings: this.#health.warnings } };
  }
}

/** The receiver of a message deletes it, so a queue is followed for all of its sources or for none. */
function refuseHalfAQueue({ config }: Runtime, selected: readonly ConfiguredSource[]): void {
  const names = new Set(selected.map((source) => source.config.name));
  for (const source of selected) {
    const { queue, name } = source.config;
    const other = config.sources.find((one) => queue !== undefined && one.queue === queue && !names.has(one.name));
    if (other !== undefined) {
      throw new UsageError(
        `sources ${name} and ${other.name} share the queue ${queue}: follow both, or give each a queue of its own`,
      );
    }
  }
}
