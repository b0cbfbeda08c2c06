/**
 * Every metric of the product by name, declared once: type, labels, what it says and when it should wake somebody.
 * docs/operations.md lists the same, held to this by a test. Process metrics (memory, CPU, garbage collection, event
 * loop) are prom-client's own.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import packageJson from '../../package.json' with { type: 'json' };

interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly alert?: string;
  /** The same for Prometheus, where a rule can tell it without knowing what is usual. */
  readonly rule?: AlertRule;
  readonly buckets?: readonly number[];
}

export interface AlertRule {
  /** CamelCase, without the product's name. */
  readonly name: string;
  /** PromQL; `$metric` is the metric's full name. */
  readonly expr: string;
  /** For how long it has to hold, as Prometheus writes durations. */
  readonly for: string;
  /** page: somebody has to act now; ticket: in working hours. */
  readonly severity: 'page' | 'ticket';
  readonly summary: string;
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
    rule: {
      name: 'QuarantineShare',
      expr: 'sum by (source) (rate($metric{outcome="quarantined"}[1h])) / (sum by (source) (rate($metric[1h])) > 0) > 0.05',
      for: '30m',
      severity: 'ticket',
      summary: 'More than 5 % of the records of {{ $labels.source }} are quarantined',
    },
  },
  quarantined_total: {
    type: 'counter',
    labels: ['source', 'reason'],
    help: 'Records quarantined, by reason.',
    alert: 'a reason that was not there before: a producer has changed its format',
    rule: {
      name: 'QuarantineReason',
      expr: 'sum by (source, reason) (increase($metric[1h])) > 0 unless sum by (source, reason) (increase($metric[1h] offset 1d)) > 0',
      for: '15m',
      severity: 'ticket',
      summary: 'Records of {{ $labels.source }} are quarantined for {{ $labels.reason }}, which nothing was a day ago',
    },
  },
  id_conflicts_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Rows that share their id with a row of the same batch and differ from it; all are kept.',
    alert: 'above 0: somebody writes records under ids of others, or a producer repeats its ids',
    rule: {
      name: 'IdConflicts',
      expr: 'sum by (source) (increase($metric[1h])) > 0',
      for: '0m',
      severity: 'ticket',
      summary: 'Records of {{ $labels.source }} share an id and differ',
    },
  },
  objects_total: {
    type: 'counter',
    labels: ['source', 'outcome'],
    help: 'Objects, by outcome: committed, known (committed before), gone (deleted before they were read), archived, failed.',
    alert: 'failed, gone or archived above 0',
    rule: {
      name: 'ObjectsNotRead',
      expr: 'sum by (source, outcome) (increase($metric{outcome=~"failed|gone|archived"}[1h])) > 0',
      for: '15m',
      severity: 'ticket',
      summary: 'Objects of {{ $labels.source }} are not read: {{ $labels.outcome }}',
    },
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
    rule: {
      name: 'BatchesFail',
      expr: 'sum by (source) (increase($metric{outcome="failed"}[30m])) > 3',
      for: '0m',
      severity: 'page',
      summary: 'Batches of {{ $labels.source }} fail again and again',
    },
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
    rule: {
      name: 'Lag',
      expr: '$metric > 900',
      for: '15m',
      severity: 'page',
      summary: 'The newest event of {{ $labels.source }} is {{ $value | humanizeDuration }} old',
    },
  },
  oldest_unclaimed_seconds: {
    type: 'gauge',
    labels: ['source'],
    help: 'Age of the oldest object that this process knows of and nobody has claimed; 0 where there is none.',
    alert: 'above three times worker.commit_interval: work does not keep up, or an object cannot be ingested',
    rule: {
      name: 'Backlog',
      expr: '$metric > 900',
      for: '15m',
      severity: 'page',
      summary: 'An object of {{ $labels.source }} has waited {{ $value | humanizeDuration }}',
    },
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
    rule: {
      name: 'SetAside',
      expr: '$metric > 0',
      for: '0m',
      severity: 'ticket',
      summary: '{{ $value }} objects of {{ $labels.source }} failed worker.tries times',
    },
  },
  source_up: {
    type: 'gauge',
    labels: ['source'],
    help: '1 where the last pass over the source went well, 0 where it failed and is being retried.',
    alert: '0 for more than a few minutes; the log line source-failed says why',
    rule: {
      name: 'SourceDown',
      expr: '$metric == 0',
      for: '10m',
      severity: 'page',
      summary: 'The source {{ $labels.source }} cannot be read',
    },
  },
  source_empty: {
    type: 'gauge',
    labels: ['source'],
    help: '1 where the bucket or folder of the source has no object at all, 0 where it has.',
    alert: '1, unless the source is new: a mistyped bucket or prefix looks the same',
    rule: {
      name: 'SourceEmpty',
      expr: '$metric == 1',
      for: '1h',
      severity: 'ticket',
      summary: 'The source {{ $labels.source }} has no object at all',
    },
  },
  source_stale: {
    type: 'gauge',
    labels: ['source'],
    help: '1 where no event that is as new as sources[].expect says is in the warehouse, 0 where one is; absent without expect.',
    alert: '1: the producer, the shipper or the way its records are read has stopped',
    rule: {
      name: 'SourceStale',
      expr: '$metric == 1',
      for: '5m',
      severity: 'page',
      summary: 'Nothing as new as expected came from {{ $labels.source }}',
    },
  },
  missing_decisions: {
    type: 'gauge',
    labels: ['source'],
    help: 'Decisions of yesterday and today that OPA made and that never arrived, judged by the numbers of its requests; looked at every hour.',
    alert: 'above 0: see query missing-decisions',
    rule: {
      name: 'MissingDecisions',
      expr: '$metric > 0',
      for: '2h',
      severity: 'ticket',
      summary: 'Decisions of {{ $labels.source }} seem to be missing: audit-warehouse query missing-decisions',
    },
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
    rule: {
      name: 'MessagesReturned',
      expr: 'sum by (queue, outcome) (increase($metric{outcome=~"malformed|returned"}[1h])) > 0',
      for: '0m',
      severity: 'ticket',
      summary: 'Messages of {{ $labels.queue }} go to the dead-letter queue: {{ $labels.outcome }}',
    },
  },
  events_ignored_total: {
    type: 'counter',
    labels: ['queue', 'reason'],
    help: 'Events of messages that ask for nothing: foreign (no source is there), irrelevant (no log), other (no creation).',
    alert: 'foreign above 0: the notification covers more than the sources, or a location is mistyped',
    rule: {
      name: 'ForeignEvents',
      expr: 'sum by (queue) (increase($metric{reason="foreign"}[1h])) > 0',
      for: '1h',
      severity: 'ticket',
      summary: '{{ $labels.queue }} has events of places that no source is at',
    },
  },
  queue_messages: {
    type: 'gauge',
    labels: ['queue', 'state'],
    help: 'Messages in the queue as SQS estimates them, by state: visible, in_flight, delayed.',
    alert: 'visible rising for an hour; and any message in the dead-letter queue (a metric of SQS itself)',
    rule: {
      name: 'QueueGrows',
      expr: '$metric{state="visible"} > 0 and deriv($metric{state="visible"}[1h]) > 0',
      for: '1h',
      severity: 'ticket',
      summary: 'The queue {{ $labels.queue }} has been growing for an hour',
    },
  },
  job_success_timestamp_seconds: {
    type: 'gauge',
    labels: ['job'],
    help: 'When the last run of compact, expire or verify over the whole warehouse ended well, in seconds since 1970; 0 where none has.',
    alert: 'a day and a half ago: the nightly job has stopped, fails, or was never set up',
    rule: {
      name: 'NightlyJobLate',
      expr: 'time() - max by (job) ($metric) > 43200',
      for: '1d',
      severity: 'ticket',
      summary: '{{ $labels.job }} has not ended well for more than a day and a half',
    },
  },
  verify_differences: {
    type: 'gauge',
    labels: [],
    help: 'Differences that the last verify over the whole warehouse found; absent until one has run.',
    alert: 'above 0: run verify and see operations.md for what it says',
    rule: {
      name: 'VerifyDifferences',
      expr: 'max($metric) > 0',
      for: '0m',
      severity: 'page',
      summary: 'verify found {{ $value }} differences between sources and tables',
    },
  },
  table_bytes: {
    type: 'gauge',
    labels: ['table'],
    help: 'Bytes of the files of the current snapshot, delete files included.',
  },
  build_info: {
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the labels say which version runs on which Node.js.',
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
    rule: {
      name: 'CommitConflicts',
      expr: 'sum by (table) (rate($metric[1h])) > 0.05',
      for: '1h',
      severity: 'ticket',
      summary: 'Commits to {{ $labels.table }} are overtaken again and again: too many writers',
    },
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
    this.set('build_info', { version: packageJson.version, node: process.version }, 1);
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
