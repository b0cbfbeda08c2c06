/**
 * One batch from claim to staged files: fetch, frame, interpret, columns, sort, encode, upload. Nothing here makes
 * anything visible; `commit.ts` does.
 *
 * An object is ingested whole or not at all. Where one fails after rows of it went into the columns (a broken gzip
 * member at the end of a long stream), the batch starts over without it; the files written so far are left to nobody
 * and `expire` removes them.
 */
import { isUtf8 } from 'node:buffer';
import type { ObjectCounts } from '../ledger/entry.ts';
import type { Frame } from '../records/frame/frame.ts';
import { frameRecords } from '../records/frame/index.ts';
import { rowIdentity } from '../records/identity.ts';
import type { ObjectFacts } from '../records/object-facts.ts';
import type { RecordOutcome, Rejection, RejectionCode } from '../records/outcome.ts';
import { quarantineRow } from '../records/quarantine.ts';
import type { RowWriter } from '../records/scan/row-writer.ts';
import type { ObjectInfo } from '../store/store.ts';
import { watchedStore } from '../store/watched.ts';
import { partitionColumn } from '../tables/declaration.ts';
import { quarantine } from '../tables/quarantine.ts';
import type { PriorRows } from './existing-rows.ts';
import { fetchObjects, ObjectFault, TooManyRejected } from './fetch.ts';
import { increase, Tally } from './object-counts.ts';
import type { IngestRequest, ObjectFailure, StagedBatch } from './request.ts';
import type { IngestRuntime } from './runtime.ts';
import { spillPlace } from './spill/place.ts';
import { TableWriter } from './table-writer.ts';

export async function ingestBatch(world: IngestRuntime, request: IngestRequest): Promise<StagedBatch> {
  const { onMove } = request;
  const runtime = onMove === undefined ? world : { ...world, store: watchedStore(world.store, onMove) };
  const failures: ObjectFailure[] = [];
  const told = new Set<string>();
  const onObject = (object: ObjectInfo, rows: number): void => {
    if (!told.has(object.uri)) request.onObject?.(object, rows);
    told.add(object.uri);
  };
  for (;;) {
    const failed = new Set(failures.map((failure) => failure.uri));
    const attempt = new BatchAttempt(runtime, { ...request, onObject }, failures);
    const objects = request.objects.filter((object) => !failed.has(object.uri));
    try {
      if (await attempt.run(objects)) return attempt.staged();
    } finally {
      await attempt.release();
    }
  }
}

class BatchAttempt {
  readonly #runtime: IngestRuntime;
  readonly #request: IngestRequest;
  readonly #failures: ObjectFailure[];
  readonly #days = new Set<string>();
  readonly #objects = new Map<string, ObjectCounts>();
  readonly #typeMismatches = new Map<string, number>();
  readonly #reasons = new Map<RejectionCode, number>();
  #fallbacks = 0;
  #conflicts = 0;
  readonly #events: TableWriter;
  readonly #quarantine: TableWriter;
  readonly #ymdAt: number;
  readonly #writer: RowWriter;

  constructor(runtime: IngestRuntime, request: IngestRequest, failures: ObjectFailure[]) {
    this.#runtime = runtime;
    this.#request = request;
    this.#failures = failures;
    const { store, encoder, config } = runtime;
    const spill = spillPlace(config, runtime.owner.id, request.batch.slice(0, 16), request.signal);
    const writer = { store, encoder, output: config.output, spill };
    const { table } = request.source.source;
    this.#writer = request.source.source.writers.acquire((day) => this.#admit(day));
    this.#events = new TableWriter(writer, request.tables.events, table, request.batch, this.#writer);
    this.#quarantine = new TableWriter(writer, request.tables.quarantine, quarantine, request.batch);
    this.#ymdAt = table.columns.findIndex((column) => column.name === partitionColumn);
  }

  /**
   * false: objects failed half-way and are now among the failures; everything of this attempt is void. The others are
   * read to the end all the same, so that a batch of many such objects is read twice, and not once for each of them.
   */
  async run(objects: readonly ObjectInfo[]): Promise<boolean> {
    const { store, config, sleep } = this.#runtime;
    const { downloads, downloadBytes } = config.batch;
    const { signal } = this.#request;
    const options = { downloads, downloadBytes, limits: config.limits, sleep, ...(signal && { signal }) };
    let isVoid = false;
    for await (const fetched of fetchObjects(store, objects, options)) {
      const { object, body } = fetched;
      if ('error' in body) {
        signal?.throwIfAborted();
        this.#fail(object, body.error);
        continue;
      }
      const before = this.#events.rows + this.#quarantine.rows;
      try {
        await this.#ingest(object, body);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ObjectFault)) throw error;
        this.#fail(object, error.cause);
        if (this.#events.rows + this.#quarantine.rows > before) isVoid = true;
        continue;
      }
      this.#request.onObject?.(object, this.#objects.get(object.uri)!.rows);
    }
    if (!isVoid) {
      await this.#events.finish();
      await this.#quarantine.finish();
    }
    await this.#events.settled();
    await this.#quarantine.settled();
    return !isVoid;
  }

  /** Throws AccountingError where the files do not hold exactly what the objects gave. */
  staged(): StagedBatch {
    const { batch, source } = this.#request;
    const counted = [...this.#objects.values()];
    this.#events.expectRows(counted.reduce((sum, counts) => sum + counts.rows, 0));
    this.#quarantine.expectRows(counted.reduce((sum, counts) => sum + counts.quarantined, 0));
    const files = new Map([this.#events, this.#quarantine].map((table) => [table.name, table.files] as const));
    return {
      intent: { batch, source: source.config.name, files, objects: this.#objects },
      failures: this.#failures,
      typeMismatches: this.#typeMismatches,
      fallbacks: this.#fallbacks,
      conflicts: this.#conflicts,
      reasons: this.#reasons,
    };
  }

  /** Gives back what the next batch would otherwise have to wait for: memory, and what was put aside. */
  async release(): Promise<void> {
    this.#quarantine.release();
    this.#request.source.source.writers.release(this.#writer);
    await Promise.all([this.#events.removeRuns(), this.#quarantine.removeRuns()]);
  }

  #fail(object: ObjectInfo, error: unknown): void {
    const { code = 'other', message } = error as { code?: string; message: string };
    this.#failures.push({ uri: object.uri, code, message });
    this.#runtime.log.error(
      { event: 'object-failed', uri: object.uri, code, reason: message },
      'object left unclaimed',
    );
  }

  async #ingest(object: ObjectInfo, body: AsyncIterable<Uint8Array>): Promise<void> {
    const { source } = this.#request.source;
    const { limits } = this.#runtime.config;
    const facts = source.describeObject(object.uri);
    const reader = source.openObject(object.uri, facts);
    const prior = this.#request.reread.has(object.uri) ? await this.#priorOf(object) : undefined;
    const context = { object, facts, tally: new Tally(), prior, rejected: 0 };
    const { tally } = context;
    const take = (outcome: RecordOutcome, origin: Frame): void => {
      tally.records++;
      tally.fallbacks++;
      this.#take(outcome, origin, context);
    };
    const fallBack = (frame: Frame): void => reader.read(frame, take);
    const writer = prior === undefined ? this.#writer : undefined;
    writer?.open(object.uri, facts.columns);
    const fastPath = writer && {
      takeLines: (bytes: Buffer, start: number, end: number, offset: number, recordBytes: number) =>
        writer.takeLines(bytes, start, end, offset, recordBytes),
      takeRecord: (bytes: Buffer, start: number, end: number, offset: number) =>
        writer.takeRecord(bytes, start, end, offset),
      fallBack,
    };
    for await (const frames of frameRecords(tally.measured(body), limits, fastPath)) {
      this.#request.onMove?.();
      for (const frame of frames) {
        const bytes = frame.bytes as Buffer;
        const mayBeCertain = writer !== undefined && frame.tooLarge === undefined && isUtf8(bytes);
        if (!mayBeCertain || !writer.takeRecord(bytes, 0, bytes.length, frame.offset)) fallBack(frame);
      }
      if (this.#events.bytes + this.#quarantine.bytes > this.#runtime.config.batch.columnBytes) await this.#makeRoom();
    }
    reader.end(take);
    for (const [column, count] of reader.typeMismatches) increase(this.#typeMismatches, column, count);
    if (writer !== undefined) {
      tally.taken(writer.taken);
      for (const [column, count] of writer.mismatches) increase(this.#typeMismatches, column, count);
    }
    this.#fallbacks += tally.fallbacks;
    this.#conflicts += tally.conflicts;
    this.#objects.set(object.uri, tally.counts(object, source.mapping?.current ?? null));
  }

  /** Whether rows of the day may go into the batch, which from then on has it. */
  #admit(day: string): boolean {
    if (this.#days.has(day)) return true;
    if (this.#days.size >= this.#runtime.config.limits.daysPerBatch) return false;
    this.#days.add(day);
    return true;
  }

  #take(outcome: RecordOutcome, frame: Frame, context: ObjectContext): void {
    const { tally, prior } = context;
    if (outcome.kind === 'skip') {
      tally.skipped++;
      return;
    }
    if (outcome.kind === 'quarantine') {
      this.#reject(outcome, frame, context);
      return;
    }
    const { source } = this.#request.source;
    if (prior?.events.take(rowIdentity(source.table, outcome.values))) {
      if (outcome.identity !== null) this.#writer.compare(outcome.identity);
      tally.duplicates++;
      return;
    }
    const day = String(outcome.values[this.#ymdAt]);
    if (!this.#admit(day)) {
      const detail = `${day} is beyond the ${this.#days.size} days that one batch may touch`;
      this.#reject({ kind: 'quarantine', code: 'too_many_days', pointer: '', detail }, frame, context);
      return;
    }
    const compared = outcome.identity === null ? 'new' : this.#writer.compare(outcome.identity);
    if (compared === 'duplicate') {
      tally.duplicates++;
      return;
    }
    if (compared === 'conflict') tally.conflicts++;
    this.#events.append(outcome.values);
    tally.row(outcome.eventTime);
  }

  #reject(rejection: Rejection, frame: Frame, objectContext: ObjectContext): void {
    const { object, facts, tally, prior } = objectContext;
    const { limits } = this.#runtime.config;
    if (++objectContext.rejected > limits.rejectedRecords)
      throw new ObjectFault(object.uri, new TooManyRejected(object.uri, limits));
    const { type } = this.#request.source.source;
    const context = { sourceType: type, uri: object.uri, facts, lastModified: object.lastModified };
    const values = quarantineRow(context, frame, rejection);
    if (prior?.quarantine.take(rowIdentity(quarantine, values))) {
      tally.duplicates++;
      return;
    }
    this.#quarantine.append(values);
    tally.quarantined++;
    increase(this.#reasons, rejection.code, 1);
  }

  async #priorOf(object: ObjectInfo): Promise<Prior> {
    const { source } = this.#request.source;
    const { tables } = this.#request;
    // Reading files back takes as many modules as all else here, and few batches need it.
    const { PriorRows, rowsOfObject } = await import('./existing-rows.ts');
    const prior = { events: new PriorRows(), quarantine: new PriorRows() };
    for await (const row of rowsOfObject(this.#runtime.store, tables.events, source.table, object.uri)) {
      prior.events.add(rowIdentity(source.table, row));
    }
    for await (const row of rowsOfObject(this.#runtime.store, tables.quarantine, quarantine, object.uri)) {
      prior.quarantine.add(rowIdentity(quarantine, row));
    }
    return prior;
  }

  async #makeRoom(): Promise<void> {
    const tables = [this.#events, this.#quarantine];
    // Of the larger one alone where rows are put aside: a merge pays for each run, however small.
    if (this.#runtime.config.batch.spill !== undefined) tables.sort((a, b) => b.bytes - a.bytes).splice(1);
    for (const table of tables) await table.makeRoom();
  }
}

interface Prior {
  readonly events: PriorRows;
  readonly quarantine: PriorRows;
}

interface ObjectContext {
  readonly object: ObjectInfo;
  readonly facts: ObjectFacts;
  readonly tally: Tally;
  readonly prior: Prior | undefined;
  /** Records that cannot be rows, those included that are in quarantine already. */
  rejected: number;
}
