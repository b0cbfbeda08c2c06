/** The accounts of a worker: one line of the log and the metrics for each batch, and the sums for its report. */
import type { Logger } from 'pino';
import type { FinishedBatch } from '../ingest/claimed-batch.ts';
import type { Warning } from '../ingest/require-sources.ts';
import type { Claim } from '../ledger/ledger.ts';
import type { SetAsideObject } from '../ledger/set-aside.ts';
import { logEvent } from '../telemetry/events.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface WorkerReport {
  readonly objects: { committed: number; known: number; gone: number; archived: number; failed: number };
  readonly records: { read: number; rows: number; quarantined: number; skipped: number; duplicates: number };
  readonly bytes: { read: number; decompressed: number; written: number };
  readonly batches: { committed: number; failed: number; released: number };
  /** Of sources with a queue. */
  readonly messages: { received: number; deleted: number; malformed: number; returned: number };
  /** Objects that have failed too often and are tried no more; the first thousand. */
  readonly setAside: readonly SetAsideObject[];
  /** What the worker does as it was told to, and nobody may have meant. */
  readonly warnings: readonly Warning[];
  readonly seconds: number;
  /** false where the time to stop was over before the batch in progress was finished or given back: the claim runs out by itself. */
  readonly clean: boolean;
}

type Totals = Omit<WorkerReport, 'setAside' | 'warnings' | 'seconds' | 'clean'>;

export class Account {
  readonly totals: Totals = {
    objects: { committed: 0, known: 0, gone: 0, archived: 0, failed: 0 },
    records: { read: 0, rows: 0, quarantined: 0, skipped: 0, duplicates: 0 },
    bytes: { read: 0, decompressed: 0, written: 0 },
    batches: { committed: 0, failed: 0, released: 0 },
    messages: { received: 0, deleted: 0, malformed: 0, returned: 0 },
  };
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #clock: () => number;
  readonly #newest = new Map<string, number>();
  readonly #lastCommit = new Map<string, number>();

  constructor(log: Logger, metrics: Metrics, clock: () => number) {
    this.#log = log;
    this.#metrics = metrics;
    this.#clock = clock;
  }

  committed({ source, claim, intent, staged, milliseconds }: FinishedBatch, claiming: number): void {
    const { name } = source.config;
    const records = { read: 0, rows: 0, quarantined: 0, skipped: 0, duplicates: 0 };
    const bytes = { read: 0, decompressed: 0, written: 0 };
    const sizes = new Map(claim.objects.map(({ uri, size }) => [uri, size]));
    let newest: bigint | null = null;
    for (const [uri, counts] of intent.objects) {
      records.read += counts.records;
      records.rows += counts.rows;
      records.quarantined += counts.quarantined;
      records.skipped += counts.skipped;
      records.duplicates += counts.duplicates;
      bytes.read += sizes.get(uri) ?? 0;
      bytes.decompressed += counts.bytesDecompressed;
      if (counts.maxEventTime !== null && (newest === null || counts.maxEventTime > newest))
        newest = counts.maxEventTime;
    }
    let files = 0;
    for (const some of intent.files.values()) {
      files += some.length;
      for (const { fileSize } of some) bytes.written += fileSize;
    }
    const failed = claim.objects.length - intent.objects.size;
    this.#lastCommit.set(name, this.#clock());
    this.#lag(name, newest);

    const { totals } = this;
    totals.batches.committed++;
    totals.objects.committed += intent.objects.size;
    addTo(totals.records, records);
    addTo(totals.bytes, bytes);

    const metrics = this.#metrics;
    const outcomes = { row: records.rows, quarantined: records.quarantined, duplicate: records.duplicates };
    for (const [outcome, count] of Object.entries({ ...outcomes, skipped: records.skipped }))
      metrics.count('records_total', { source: name, outcome }, count);
    for (const [kind, count] of Object.entries(bytes)) metrics.count('bytes_total', { source: name, kind }, count);
    for (const [reason, count] of staged?.reasons ?? [])
      metrics.count('quarantined_total', { source: name, reason }, count);
    if (staged !== undefined) metrics.count('id_conflicts_total', { source: name }, staged.conflicts);
    metrics.count('objects_total', { source: name, outcome: 'committed' }, intent.objects.size);
    metrics.count('batches_total', { source: name, outcome: 'committed' });
    const seconds = {
      claim: claiming / 1000,
      ingest: milliseconds.ingest / 1000,
      commit: milliseconds.commit / 1000,
    };
    for (const [stage, value] of Object.entries(seconds)) metrics.observe('batch_seconds', { stage }, value);

    logEvent(this.#log, 'batch-committed', {
      source: name,
      batch: claim.batch,
      objects: intent.objects.size,
      ...(failed > 0 && { failed }),
      records,
      bytes,
      files,
      seconds,
      ...(newest !== null && { newestEvent: new Date(Number(newest / 1000n)).toISOString() }),
    });
  }

  failed(source: string, claim: Claim, error: unknown): void {
    this.totals.batches.failed++;
    this.#metrics.count('batches_total', { source, outcome: 'failed' });
    logEvent(this.#log, 'batch-failed', { source, batch: claim.batch, objects: claim.objects.length, err: error });
  }

  /** A batch whose accounts did not hold; the log has it already. */
  unaccounted(source: string): void {
    this.totals.batches.failed++;
    this.#metrics.count('batches_total', { source, outcome: 'failed' });
  }

  released(source: string, claim: Claim): void {
    this.totals.batches.released++;
    this.#metrics.count('batches_total', { source, outcome: 'released' });
    logEvent(this.#log, 'batch-released', { source, batch: claim.batch, objects: claim.objects.length });
  }

  object(source: string, outcome: 'known' | 'gone' | 'archived' | 'failed', uri: string): void {
    this.totals.objects[outcome]++;
    this.#metrics.count('objects_total', { source, outcome });
    if (outcome === 'gone') logEvent(this.#log, 'object-gone', { source, uri });
    if (outcome === 'archived') logEvent(this.#log, 'objects-archived', { source, uri });
  }

  messages(queue: string, outcome: keyof Totals['messages'], count: number): void {
    this.totals.messages[outcome] += count;
    this.#metrics.count('messages_total', { queue, outcome }, count);
  }

  /** Milliseconds since the epoch; undefined before the first commit. */
  lastCommit(source: string): number | undefined {
    return this.#lastCommit.get(source);
  }

  /** Gauges that grow by the mere passing of time. */
  refresh(): void {
    for (const [source, newest] of this.#newest)
      this.#metrics.set('lag_seconds', { source }, Math.max(0, this.#clock() - newest) / 1000);
  }

  #lag(source: string, newest: bigint | null): void {
    if (newest === null) return;
    this.#newest.set(source, Math.max(this.#newest.get(source) ?? Number.NEGATIVE_INFINITY, Number(newest / 1000n)));
  }
}

function addTo<K extends string>(sums: Record<K, number>, more: Readonly<Record<K, number>>): void {
  for (const key of Object.keys(more) as K[]) sums[key] += more[key];
}
