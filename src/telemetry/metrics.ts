/**
 * Every metric of the product by name, declared once: type, labels, what it says and when it should wake somebody.
 * docs/operations.md lists the same, held to this by a test. Process metrics (memory, CPU, garbage collection, event
 * loop) are prom-client's own.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly alert?: string;
  readonly buckets?: readonly number[];
}

const declare = <Name extends string>(
  metrics: Record<Name, MetricDeclaration>,
): Readonly<Record<Name, MetricDeclaration>> => metrics;

export const metricPrefix = 'audit_warehouse_';

export const metrics = declare({
  records_total: {
    type: 'counter',
    labels: ['source', 'outcome'],
    help: 'Records committed, by outcome: row, quarantined, duplicate, skipped.',
    alert: 'quarantined over all, above what is usual for the source',
  },
  quarantined_total: {
    type: 'counter',
    labels: ['source', 'reason'],
    help: 'Records quarantined, by reason.',
    alert: 'a reason that was not there before: a producer has changed its format',
  },
  id_conflicts_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Rows that share their id with a row of the same batch and differ from it; all are kept.',
    alert: 'above 0: somebody writes records under ids of others, or a producer repeats its ids',
  },
  objects_total: {
    type: 'counter',
    labels: ['source', 'outcome'],
    help: 'Objects, by outcome: committed, known (committed before), gone (deleted before they were read), archived, failed.',
    alert: 'failed, gone or archived above 0',
  },
  bytes_total: {
    type: 'counter',
    labels: ['source', 'kind'],
    help: 'Bytes of committed batches, by kind: read (as stored), decompressed, written (data files).',
  },
  batches_total: {
    type: 'counter',
    labels: ['source', 'outcome'],
    help: 'Batches, by outcome: committed, failed (tried again), released (given back when the worker was stopped).',
    alert: 'failed rising',
  },
  batch_seconds: {
    type: 'histogram',
    labels: ['stage'],
    help: 'Seconds a batch takes, by stage: claim, ingest (read, validate, encode, upload), commit.',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
    alert: 'ingest and commit together near batch.claim: another worker would begin the same batch',
  },
  lag_seconds: {
    type: 'gauge',
    labels: ['source'],
    help: 'Now minus the newest event that this process has committed; absent until it has committed one.',
    alert: 'above three times worker.commit_interval while the source is busy',
  },
  oldest_unclaimed_seconds: {
    type: 'gauge',
    labels: ['source'],
    help: 'Age of the oldest object that this process knows of and nobody has claimed; 0 where there is none.',
    alert: 'above three times worker.commit_interval: work does not keep up, or an object cannot be ingested',
  },
  pending_objects: {
    type: 'gauge',
    labels: ['source'],
    help: 'Objects that this process knows of and that wait to be taken into a batch.',
  },
  set_aside_objects: {
    type: 'gauge',
    labels: ['source'],
    help: 'Objects that failed worker.tries times and are tried no more until they change or a worker starts.',
    alert: 'above 0: /readyz and doctor name them',
  },
  source_up: {
    type: 'gauge',
    labels: ['source'],
    help: '1 where the last pass over the source went well, 0 where it failed and is being retried.',
    alert: '0 for more than a few minutes; the log line source-failed says why',
  },
  source_empty: {
    type: 'gauge',
    labels: ['source'],
    help: '1 where the bucket or folder of the source has no object at all, 0 where it has.',
    alert: '1, unless the source is new: a mistyped bucket or prefix looks the same',
  },
  source_stale: {
    type: 'gauge',
    labels: ['source'],
    help: '1 where no event that is as new as sources[].expect says is in the warehouse, 0 where one is; absent without expect.',
    alert: '1: the producer, the shipper or the way its records are read has stopped',
  },
  source_errors_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Failed passes over a source, by code of the error.',
  },
  messages_total: {
    type: 'counter',
    labels: ['queue', 'outcome'],
    help: 'Queue messages, by outcome: received, deleted, malformed and returned (both left to the dead-letter queue).',
    alert: 'malformed or returned above 0',
  },
  events_ignored_total: {
    type: 'counter',
    labels: ['queue', 'reason'],
    help: 'Events of messages that ask for nothing: foreign (no source is there), irrelevant (no log), other (no creation).',
    alert: 'foreign above 0: the notification covers more than the sources, or a location is mistyped',
  },
  queue_messages: {
    type: 'gauge',
    labels: ['queue', 'state'],
    help: 'Messages in the queue as SQS estimates them, by state: visible, in_flight, delayed.',
    alert: 'visible rising for an hour; and any message in the dead-letter queue (a metric of SQS itself)',
  },
  store_throttled_total: {
    type: 'counter',
    labels: [],
    help: 'Answers of S3 that say that it is asked too much (503 SlowDown, 429); fewer requests follow each time.',
    alert: 'rising for minutes: other readers of the bucket, or too many workers on one prefix',
  },
  snapshot_conflicts_total: {
    type: 'counter',
    labels: ['table'],
    help: 'Commits that another writer overtook and that were staged again.',
    alert: 'rising as fast as batches_total: too many writers commit too often',
  },
});

export type MetricName = keyof typeof metrics;
type Labels = Readonly<Record<string, string>>;

/** The registry of one worker; several in a process do not share counts. */
export class Metrics {
  readonly registry = new Registry();
  readonly #made = new Map<MetricName, Counter | Gauge | Histogram>();

  constructor(options: { readonly process?: boolean } = {}) {
    for (const [name, declaration] of Object.entries(metrics) as [MetricName, MetricDeclaration][]) {
      this.#made.set(name, make(this.registry, metricPrefix + name, declaration));
    }
    if (options.process === true) collectDefaultMetrics({ register: this.registry });
  }

  count(name: MetricName, labels: Labels, by = 1): void {
    if (by > 0) (this.#made.get(name) as Counter).inc(labels, by);
  }

  set(name: MetricName, labels: Labels, value: number): void {
    (this.#made.get(name) as Gauge).set(labels, value);
  }

  observe(name: MetricName, labels: Labels, value: number): void {
    (this.#made.get(name) as Histogram).observe(labels, value);
  }

  /** The Prometheus text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}

function make(registry: Registry, name: string, declaration: MetricDeclaration): Counter | Gauge | Histogram {
  const { type, help, labels, buckets } = declaration;
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') return new Counter(options);
  if (type === 'gauge') return new Gauge(options);
  return new Histogram({ ...options, ...(buckets && { buckets: [...buckets] }) });
}
