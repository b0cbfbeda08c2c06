/**
 * Backfill: everything in the sources that is not in the warehouse yet, once.
 *
 * Each pass first finishes batches that a dead or late run left open, then plans, and takes the planned batches through
 * claim -> ingest -> commit: as many at a time as there are threads, with one more claimed to take the place of one
 * that is being committed. Objects that a live run holds are waited for, so that "done" means done, and taken over if
 * that run dies.
 */
import pLimit from 'p-limit';
import { UsageError } from '../../config/errors.ts';
import {
  type BatchWatch,
  createLedger,
  type FinishedBatch,
  openTables,
  resumeClaim,
  sourceFinder,
  takeOverAbandoned,
  workClaim,
} from '../../ingest/claimed-batch.ts';
import { InFlight } from '../../ingest/in-flight.ts';
import { increase } from '../../ingest/object-counts.ts';
import { findOtherMappings } from '../../ingest/other-mappings.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import {
  type ConfiguredSource,
  newPlanCounters,
  type PlanCounters,
  type PlannedBatch,
  planBatches,
} from '../../ingest/plan.ts';
import { ahead } from '../../ingest/prefetch.ts';
import type { ObjectFailure } from '../../ingest/request.ts';
import { emptySource, requireFolders, type Warning } from '../../ingest/require-sources.ts';
import type { Progress, ProgressSink, Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { parseRange, type TimeRange } from '../../ingest/time-range.ts';
import type { Intent } from '../../ledger/batch-intent.ts';
import type { Claim, Ledger } from '../../ledger/ledger.ts';
import type { OtherMapping } from '../../ledger/other-mappings.ts';
import { clearSetAside } from '../../ledger/set-aside.ts';
import type { RejectionCode } from '../../records/outcome.ts';
import { StoreError } from '../../store/store.ts';
import { loadSideTables } from '../side-tables/load.ts';
import type { BackfillOptions, BackfillReport, WrittenTables } from './report.ts';
import { SideReport } from './report.ts';

const pollMs = 1000;
const batchesAhead = 8;

export async function backfill(
  runtime: Runtime,
  options: BackfillOptions = {},
  progress: ProgressSink = { update: () => {} },
): Promise<BackfillReport> {
  const { sources, sideSources } = selectedConfig(runtime.config, options);
  const { sources: _selected, ...rest } = options;
  const written: WrittenTables = new Map();
  const run = new BackfillRun({ ...runtime, config: { ...runtime.config, sources } }, rest, progress, written);
  await requireFolders(runtime.store, [...sources, ...sideSources]);
  await expectOwnWarehouse(runtime);
  const side = new SideReport(written);
  await loadSideTables(runtime, sideSources, options, progress, side);
  return side.addTo(await (options.dryRun === true ? run.dryRun() : run.run()));
}

/** Throws UsageError for a name that is not configured, and for a prefix of what can only be read as a whole. */
function selectedConfig(
  { sources, sideSources }: Runtime['config'],
  { sources: names = [], prefix }: BackfillOptions,
): Pick<Runtime['config'], 'sources' | 'sideSources'> {
  const all = [...sources, ...sideSources].map((source) => source.name);
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`no source ${unknown} in the configuration; there are: ${all.join(', ')}`);
  }
  const isSelected = ({ name }: { name: string }): boolean => names.length === 0 || names.includes(name);
  const side = sideSources.filter(isSelected);
  if (prefix !== undefined && names.length > 0 && side.length > 0) {
    throw new UsageError(`source ${side[0]!.name} is loaded as a whole: leave --prefix out`);
  }
  return { sources: sources.filter(isSelected), sideSources: prefix === undefined ? side : [] };
}

class BackfillRun {
  readonly #runtime: Runtime;
  readonly #options: BackfillOptions;
  readonly #progress: ProgressSink;
  readonly #sources: readonly ConfiguredSource[];
  readonly #range: TimeRange | undefined;
  readonly #ledger: Ledger;
  readonly #started: number;
  readonly #inTurn = pLimit(1);

  readonly #failures = new Map<string, ObjectFailure>();
  readonly #typeMismatches = new Map<string, number>();
  readonly #reasons = new Map<RejectionCode, number>();
  readonly #byTable: WrittenTables;
  readonly #records = { read: 0, rows: 0, quarantined: 0, skipped: 0, duplicates: 0 };
  readonly #bytes = { read: 0, decompressed: 0, written: 0 };
  /** Of the last pass. */
  #warnings: Warning[] = [];
  #fallbacks = 0;
  #otherMappings: readonly OtherMapping[] = [];
  #conflicts = 0;
  #committed = 0;
  #planned = { batches: 0, objects: 0, bytes: 0, complete: false };
  #done = { objects: 0, bytes: 0, rows: 0 };

  constructor(runtime: Runtime, options: BackfillOptions, progress: ProgressSink, written: WrittenTables) {
    this.#byTable = written;
    this.#runtime = runtime;
    this.#options = options;
    this.#progress = progress;
    this.#started = runtime.clock();
    this.#range = parseRange(options.from, options.to);
    this.#sources = selectSources(runtime, options.sources);
    this.#ledger = createLedger(runtime);
  }

  async dryRun(): Promise<BackfillReport> {
    const counters = newPlanCounters();
    for await (const batch of this.#plan(counters)) this.#count(batch);
    const { batches, objects, bytes } = this.#planned;
    this.#otherMappings = await findOtherMappings(this.#ledger, this.#sources);
    return {
      ...this.#report(counters, counters.skipped + counters.claimedElsewhere),
      plan: { batches, objects, bytes },
    };
  }

  async run(): Promise<BackfillReport> {
    this.#runtime.ingester.prepare();
    this.#otherMappings = await openTables(this.#runtime, this.#ledger, this.#sources);
    for (;;) {
      await this.#finishAbandoned();
      const counters = newPlanCounters();
      const contended = await this.#pass(counters);
      if (!contended) {
        this.#tell('done');
        // What workers gave up may be here now. That they say so decides nothing, so that a store which refuses it
        // fails no run.
        if (this.#committed > 0) {
          await clearSetAside(this.#runtime, this.#ledger).catch((error: unknown) => {
            if (!(error instanceof StoreError)) throw error;
          });
        }
        return this.#report(counters, counters.listed - this.#committed - this.#failures.size);
      }
      await this.#waitForOthers();
    }
  }

  /** One walk over the sources; true where objects remain that other runs hold. */
  async #pass(counters: PlanCounters): Promise<boolean> {
    let contended = false;
    this.#planned.complete = false;
    this.#tell('listing');
    await this.#severalAtATime(async (inFlight) => {
      for await (const { source, objects: planned, sequence, changed } of ahead(
        this.#planCounted(counters),
        batchesAhead,
      )) {
        await inFlight.slot();
        const objects = planned.filter((object) => !this.#failures.has(object.uri));
        if (objects.length === 0) continue;
        const claim = await this.#inTurn(() => this.#ledger.claim(source.config, objects, sequence, changed));
        if (claim === undefined || claim.objects.length < objects.length) contended = true;
        if (claim === undefined) continue;
        inFlight.start(async () =>
          this.#record(await workClaim(this.#runtime, this.#ledger, source, claim, this.#watch())),
        );
      }
    });
    return contended || counters.claimedElsewhere > 0;
  }

  /** Whatever ends `handOut`, what it has begun is over afterwards. */
  async #severalAtATime(handOut: (inFlight: InFlight) => Promise<void>): Promise<void> {
    const { threads } = this.#runtime.ingester;
    const inFlight = new InFlight(threads > 1 ? threads + 1 : 1);
    try {
      await handOut(inFlight);
    } catch (error) {
      await inFlight.drain().catch(() => {});
      throw error;
    }
    await inFlight.drain();
  }

  async *#planCounted(counters: PlanCounters): AsyncGenerator<PlannedBatch> {
    for await (const batch of this.#plan(counters)) {
      this.#count(batch);
      yield batch;
    }
    this.#planned.complete = true;
  }

  async *#plan(counters: PlanCounters): AsyncGenerator<PlannedBatch> {
    const { store, config, ingester } = this.#runtime;
    const { prefix, signal } = this.#options;
    const options = {
      warehouse: config.warehouse,
      batch: config.batch,
      threads: ingester.threads,
      ...(prefix !== undefined && { prefix }),
      ...(signal !== undefined && { signal }),
      ...(this.#range !== undefined && { range: this.#range }),
    };
    this.#warnings = [];
    for (const source of this.#sources) {
      const before = counters.listed;
      yield* planBatches(store, this.#ledger, source, options, counters);
      if (counters.listed === before) this.#warnings.push(emptySource(this.#runtime.log, source.config, prefix));
    }
  }

  #count(batch: PlannedBatch): void {
    this.#planned.batches++;
    this.#planned.objects += batch.objects.length;
    this.#planned.bytes += batch.bytes;
  }

  #watch(): BatchWatch {
    return {
      inTurn: this.#inTurn,
      ...(this.#options.signal && { signal: this.#options.signal }),
      onObject: (object, rows) => {
        this.#done.objects++;
        this.#done.bytes += object.size;
        this.#done.rows += rows;
        this.#tell('ingesting');
      },
    };
  }

  #record({ claim, intent, staged }: FinishedBatch): void {
    this.#account(claim, intent);
    if (staged === undefined) return;
    for (const failure of staged.failures)
      if (!intent.objects.has(failure.uri)) this.#failures.set(failure.uri, failure);
    for (const [column, count] of staged.typeMismatches) increase(this.#typeMismatches, column, count);
    this.#fallbacks += staged.fallbacks;
    this.#conflicts += staged.conflicts;
    for (const [reason, count] of staged.reasons) increase(this.#reasons, reason, count);
  }

  #account(claim: Claim, intent: Intent): void {
    const sizes = new Map(claim.objects.map((object) => [object.uri, object.size]));
    for (const [uri, counts] of intent.objects) {
      this.#committed++;
      this.#records.read += counts.records;
      this.#records.rows += counts.rows;
      this.#records.quarantined += counts.quarantined;
      this.#records.skipped += counts.skipped;
      this.#records.duplicates += counts.duplicates;
      this.#bytes.read += sizes.get(uri) ?? 0;
      this.#bytes.decompressed += counts.bytesDecompressed;
    }
    for (const [name, files] of intent.files) {
      const table = this.#byTable.get(name) ?? { rows: 0, files: 0, days: new Set<string>() };
      this.#byTable.set(name, table);
      for (const file of files) {
        table.rows += file.recordCount;
        table.files++;
        table.days.add(file.ymd);
        this.#bytes.written += file.fileSize;
      }
    }
  }

  /** Takes over and finishes the batches whose holder is gone or late. */
  async #finishAbandoned(): Promise<void> {
    const sourceOf = sourceFinder(this.#sources);
    await this.#severalAtATime(async (inFlight) => {
      const abandoned = takeOverAbandoned(this.#runtime, this.#ledger, sourceOf);
      for await (const { source, claim } of abandoned) {
        inFlight.start(async () =>
          this.#record(await resumeClaim(this.#runtime, this.#ledger, source, claim, this.#watch())),
        );
        await inFlight.slot();
      }
    });
  }

  /** Until no live run holds a batch of our sources. */
  async #waitForOthers(): Promise<void> {
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const open = (await this.#ledger.openClaims()).map((entries) => entries[0]!);
      const sourceOf = sourceFinder(this.#sources);
      const held = open.filter((entry) => sourceOf(entry.source, entry.object.uri) !== undefined);
      const [first] = held;
      if (first === undefined || held.some((entry) => this.#ledger.isAbandoned(entry))) return;
      const until = new Date(first.claimedUntil).toISOString();
      this.#tell(
        'waiting',
        `${held.length} batches are claimed by other runs, the first by ${first.owner} until ${until}`,
      );
      await this.#runtime.sleep(pollMs);
    }
  }

  #tell(phase: Progress['phase'], message?: string): void {
    const { objects, bytes, complete } = this.#planned;
    this.#progress.update({
      phase,
      objectsDone: this.#done.objects,
      objectsTotal: complete ? objects : null,
      bytesDone: this.#done.bytes,
      bytesTotal: complete ? bytes : null,
      rows: this.#done.rows,
      ...(message !== undefined && { message }),
    });
  }

  #report(counters: PlanCounters, skipped: number): BackfillReport {
    const tables = [...this.#byTable].map(([name, { rows, files, days }]) => [name, { rows, files, days: days.size }]);
    return {
      objects: {
        listed: counters.listed,
        skipped: Math.max(0, skipped),
        committed: this.#committed,
        failed: this.#failures.size,
      },
      records: this.#records,
      bytes: this.#bytes,
      tables: Object.fromEntries(tables),
      seconds: (this.#runtime.clock() - this.#started) / 1000,
      failures: [...this.#failures.values()],
      typeMismatches: Object.fromEntries(this.#typeMismatches),
      quarantine: Object.fromEntries(this.#reasons),
      doubted: this.#fallbacks,
      leftOut: { ...counters.leftOut },
      otherMappings: this.#otherMappings,
      warnings: this.#warnings,
      conflicts: this.#conflicts,
    };
  }
}
