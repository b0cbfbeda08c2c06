/**
 * Follows a source that has no queue, by listing it again and again. A pass plans as backfill does, over a listing that
 * leaves out what is settled; objects that failed are offered again after longer and longer pauses, and in the end set aside.
 */
import { firstClaimDay } from '../ingest/claimed-batch.ts';
import { InFlight } from '../ingest/in-flight.ts';
import { type ConfiguredSource, newPlanCounters, type PlannedBatch, planBatches } from '../ingest/plan.ts';
import type { ObjectFailure } from '../ingest/request.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { EventSource } from '../sources/event-source.ts';
import { eventSources } from '../sources/registry.ts';
import type { ObjectInfo } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Batches } from './batches.ts';
import type { Health } from './health.ts';
import { ListingCursor } from './listing.ts';
import { pause } from './pause.ts';
import type { Account } from './report.ts';
import type { SetAside } from './set-aside.ts';

export interface ListingFollowerOptions {
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  readonly source: ConfiguredSource;
  readonly batches: Batches;
  readonly health: Health;
  readonly account: Account;
  readonly setAside: SetAside;
  readonly metrics: Metrics;
  /** Ends when all that is listed is settled. */
  readonly once: boolean;
}

/** No object could be reached: rather the source than the objects. */
class SourceFault extends Error {
  override readonly name = 'SourceFault';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const isUnreachable = ({ failure }: { readonly failure: ObjectFailure }): boolean =>
  failure.code === 'access-denied' || failure.code === 'transient';

/** How long objects that others hold are left to them. */
const contendedMs = 5000;

export class ListingFollower {
  readonly #options: ListingFollowerOptions;
  readonly #cursor: ListingCursor;

  constructor(options: ListingFollowerOptions) {
    this.#options = options;
    const { worker } = options.runtime.config;
    const { lookBack, streams } = eventSources[options.source.config.type] as EventSource;
    this.#cursor = new ListingCursor({
      streams,
      lookBackMs: worker[lookBack] * 1000,
      relistMs: worker.relistSeconds * 1000,
    });
  }

  async run(stop: AbortSignal): Promise<void> {
    const { runtime, source, batches, health, once } = this.#options;
    const { name } = source.config;
    const { worker } = runtime.config;
    const due = (): number => (once ? 0 : batches.lastCommit(name) + worker.commitIntervalSeconds * 1000);
    while (!stop.aborted) {
      const begun = runtime.clock();
      try {
        const contended = await this.#pass(begun, stop);
        if (stop.aborted) return;
        health.succeeded(name);
        if (once && !contended) return;
        if (contended) await batches.finishAbandoned();
        const next = Math.max(
          begun +
            (contended ? Math.min(contendedMs, worker.pollIntervalSeconds * 1000) : worker.pollIntervalSeconds * 1000),
          due(),
        );
        await pause(runtime, next - runtime.clock(), stop);
        if (!stop.aborted && !once) await batches.look();
        await pause(runtime, due() - runtime.clock(), stop);
      } catch (error) {
        if (stop.aborted) return;
        if (once) throw error;
        await pause(runtime, health.failed(name, error), stop);
      }
    }
  }

  /** True where objects remain that other workers hold. */
  async #pass(now: number, stop: AbortSignal): Promise<boolean> {
    const { runtime, ledger, source, batches, account, setAside } = this.#options;
    const { config, store } = runtime;
    const { name } = source.config;
    const pass = this.#cursor.begin(store, now, (object) => setAside.rests(object, now));
    const counters = newPlanCounters();
    const plan = planBatches(
      pass.store,
      {
        lookup: (uris) =>
          ledger.lookup(uris, {
            from: firstClaimDay(
              source.source,
              uris.map((uri) => ({ uri, lastModified: now })),
            ),
          }),
      },
      source,
      { warehouse: config.warehouse, batch: config.batch, threads: runtime.ingester.threads, signal: stop },
      counters,
    );
    const failed: { object: ObjectInfo; failure: ObjectFailure }[] = [];
    let contended = false;
    let committed = 0;
    const take = async (planned: PlannedBatch): Promise<void> => {
      const outcomes = await batches.takePlanned(planned);
      for (const object of planned.objects) {
        const outcome = outcomes.get(object.uri);
        if (outcome?.kind === 'committed') {
          committed++;
          await setAside.done(object.uri);
        } else if (outcome?.kind === 'failed') {
          failed.push({ object, failure: outcome.failure });
          account.object(name, 'failed', object.uri);
        } else contended = true;
      }
    };
    const inFlight = new InFlight(runtime.ingester.threads);
    try {
      for await (const planned of plan) {
        await inFlight.slot();
        if (stop.aborted) break;
        this.#gauges(planned.objects, now);
        inFlight.start(() => take(planned));
      }
    } finally {
      await inFlight.drain();
    }
    if (stop.aborted) return contended;
    this.#options.health.looked(source.config, pass.isEmpty ? 'nothing' : 'objects');
    this.#gauges([], now);
    if (counters.claimedElsewhere > 0) contended = true;
    const [first] = failed;
    if (first !== undefined && committed === 0 && failed.length > 1 && failed.every(isUnreachable))
      throw new SourceFault(first.failure.code, first.failure.message);
    for (const { object, failure } of failed) await setAside.failed(name, object, failure);
    if (!contended) pass.settled(failed.map(({ object }) => object.uri));
    return contended;
  }

  #gauges(objects: readonly ObjectInfo[], now: number): void {
    const { metrics, source } = this.#options;
    const labels = { source: source.config.name };
    const oldest = objects.reduce((least, { lastModified }) => Math.min(least, lastModified), now);
    metrics.set('pending_objects', labels, objects.length);
    metrics.set('oldest_unclaimed_seconds', labels, (now - oldest) / 1000);
  }
}
