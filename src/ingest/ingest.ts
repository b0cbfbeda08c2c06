/**
 * One batch from claim to staged files: fetch, frame, interpret, columns, sort, encode, upload. Nothing here makes
 * anything visible; ledger/commit-batch.ts does.
 *
 * An object is ingested whole or not at all. Where one fails after rows of it went into the columns (a broken gzip
 * member at the end of a long stream), the batch starts over without it; nothing refers to the files written so far,
 * and `expire` removes them.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ColumnBatch } from '../columns/batch.ts';
import type { Value } from '../columns/types.ts';
import type { KeptCounts } from '../ledger/batch-intent.ts';
import type { ObjectCounts } from '../ledger/entry.ts';
import { rowIdentity } from '../records/identity.ts';
import { frameKey } from '../records/quarantine.ts';
import { begun } from '../store/prefetch.ts';
import { type ObjectInfo, StoreError } from '../store/store.ts';
import { watchedStore } from '../store/watched.ts';
import { quarantine } from '../tables/quarantine.ts';
import type { GivenRecords } from './existing-rows.ts';
import { type FetchedObject, fetchObjects, ObjectFault } from './fetch.ts';
import { kernelBodies } from './kernel-bodies.ts';
import { type Known, RecordWriter } from './record-writer.ts';
import type { IngestRequest, ObjectFailure, StagedBatch } from './request.ts';
import type { IngestRuntime } from './runtime.ts';
import { type SequenceWriter, sequenceWriter } from './sequence-writer.ts';
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
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => (world.lane === undefined ? work() : world.lane.read(work));
  for (let isFirst = true; ; isFirst = false) {
    const failed = new Set(failures.map((failure) => failure.uri));
    const objects = request.objects.filter((object) => !failed.has(object.uri));
    const bodies = fetchBodies(runtime, request, objects, isFirst);
    try {
      const attempt = await inTurn(async () => {
        const begun = new BatchAttempt(runtime, { ...request, onObject }, failures);
        try {
          await begun.read(bodies);
          return begun;
        } finally {
          await begun.release();
        }
      });
      if (await attempt.settled()) return attempt.staged();
    } finally {
      await bodies.return();
    }
  }
}

/** On their way from now on. */
function fetchBodies(
  { store, config, sleep, lane }: IngestRuntime,
  { signal, onFetched }: IngestRequest,
  objects: readonly ObjectInfo[],
  isFirst: boolean,
): AsyncGenerator<FetchedObject, void, undefined> {
  const { downloads, downloadBytes } = config.batch;
  // What is read a second time must not wait for a batch that waits for its own end.
  const shared = isFirst ? { budget: lane?.budget, onAllAcquired: onFetched } : {};
  const options = {
    downloads,
    downloadBytes,
    limits: config.limits,
    sleep,
    scanPool: kernelBodies,
    ...(signal && { signal }),
    ...shared,
  };
  return begun(fetchObjects(store, objects, options));
}

/** Pieces of an object (records/frame) between turns of the event loop. */
const piecesPerTurn = 4;

class BatchAttempt {
  readonly #runtime: IngestRuntime;
  readonly #request: IngestRequest;
  readonly #failures: ObjectFailure[];
  readonly #objects = new Map<string, ObjectCounts>();
  readonly #events: TableWriter;
  readonly #quarantine: TableWriter;
  readonly #sequences: SequenceWriter | undefined;
  readonly #records: RecordWriter;
  #isVoid = false;
  /** What stays of earlier versions, by uri. */
  readonly #kept = new Map<string, KeptCounts>();
  #pieces = 0;

  constructor(runtime: IngestRuntime, request: IngestRequest, failures: ObjectFailure[]) {
    this.#runtime = runtime;
    this.#request = request;
    this.#failures = failures;
    const { store, encoder, config } = runtime;
    const { source } = request.source;
    const spill = spillPlace(config, runtime.owner.id, request.batch.slice(0, 16), request.signal);
    const context = { store, encoder, output: config.output, spill, signal: request.signal };
    this.#quarantine = new TableWriter(context, request.tables.quarantine, quarantine, request.batch);
    this.#sequences = sequenceWriter(context, request);
    this.#records = new RecordWriter(source, config, this.#quarantine, this.#sequences?.collector);
    const { rows } = this.#records;
    const onRows = this.#sequences && ((columns: ColumnBatch) => this.#sequences!.take(columns));
    this.#events = new TableWriter(context, request.tables.events, source.table, request.batch, rows, onRows);
  }

  /** Until all of it is in files that are on their way. */
  async read(bodies: AsyncIterable<FetchedObject>): Promise<void> {
    const { signal } = this.#request;
    for await (const { object, body } of bodies) {
      if ('error' in body) {
        signal?.throwIfAborted();
        this.#fail(object, body.error);
        continue;
      }
      const before = this.#events.rows + this.#quarantine.rows;
      try {
        const counts = await this.#ingest(object, body);
        this.#objects.set(object.uri, counts);
        this.#request.onObject?.(object, counts.rows);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ObjectFault)) throw error;
        this.#fail(object, error.cause);
        this.#isVoid ||= this.#events.rows + this.#quarantine.rows > before;
      }
    }
    if (this.#isVoid) return;
    await this.#events.finish();
    await this.#quarantine.finish();
    await this.#sequences?.finish();
  }

  /**
   * All files are stored. false: objects failed half-way and are now among the failures; everything of this attempt is void. The others
   * were read to the end all the same, so that a batch of many such objects is read twice, and not once for each of them.
   */
  async settled(): Promise<boolean> {
    await this.#events.settled();
    await this.#quarantine.settled();
    await this.#sequences?.settled();
    return !this.#isVoid;
  }

  /** Throws AccountingError where the files do not hold exactly what the objects gave. */
  staged(): StagedBatch {
    const { batch, source, isAgain } = this.#request;
    const counted = [...this.#objects.values(), ...this.#kept.values()];
    this.#events.expectRows(counted.reduce((sum, counts) => sum + counts.rows, 0));
    this.#quarantine.expectRows(counted.reduce((sum, counts) => sum + counts.quarantined, 0));
    const tables = [this.#events, this.#quarantine, ...(this.#sequences ? [this.#sequences.table] : [])];
    const files = new Map(tables.map((table) => [table.name, table.files] as const));
    const { typeMismatches, fallbacks, conflicts, reasons, skips } = this.#records;
    return {
      intent: {
        batch,
        source: source.config.name,
        files,
        objects: this.#objects,
        ...(isAgain && { again: { kept: this.#kept } }),
      },
      failures: this.#failures,
      typeMismatches,
      fallbacks,
      conflicts,
      reasons,
      skips,
    };
  }

  /** Gives back what the next batch would otherwise have to wait for: memory, and spilled runs. */
  async release(): Promise<void> {
    this.#quarantine.release();
    this.#sequences?.release();
    this.#records.release();
    await Promise.all([this.#events.removeRuns(), this.#quarantine.removeRuns()]);
  }

  async #ingest(object: ObjectInfo, body: AsyncIterable<Uint8Array>): Promise<ObjectCounts> {
    const known = this.#request.reread.has(object.uri) ? await this.#knownOrFault(object) : {};
    const records = this.#records.open(object, known);
    for await (const _ of records.write(body)) {
      this.#request.onMove?.();
      if (this.#isFull) await this.#makeRoom();
      // So that signals and downloads are heard of, however long the object is.
      if (++this.#pieces % piecesPerTurn === 0) await nextTurn();
    }
    const counts = records.end();
    if (known.given !== undefined) await this.#keepOthers(object, known.given);
    return counts;
  }

  #fail(object: ObjectInfo, error: unknown): void {
    const { code = 'other', message } = error as { code?: string; message: string };
    this.#failures.push({ uri: object.uri, code, message });
    this.#sequences?.collector.forgetEvidence(object.uri);
    this.#runtime.log.error(
      { event: 'object-failed', uri: object.uri, code, reason: message },
      'object left unclaimed',
    );
  }

  /** An object whose rows of before cannot be read fails alone; a store that gives no answer fails the batch. */
  async #knownOrFault(object: ObjectInfo): Promise<Known> {
    try {
      return await this.#knownOf(object);
    } catch (error) {
      if (error instanceof StoreError && error.code !== 'not-found') throw error;
      throw new ObjectFault(object.uri, error);
    }
  }

  async #knownOf(object: ObjectInfo): Promise<Known> {
    // Reading files back takes as many modules as all else here, and few batches need it.
    const { GivenRecords, PriorRows, erasedRowsOf } = await import('./existing-rows.ts');
    if (this.#request.isAgain) return { given: new GivenRecords() };
    const { table } = this.#request.source.source;
    const erased = await erasedRowsOf(this.#runtime.store, this.#request.tables.amendments, table.name, object.uri);
    const prior = { events: new PriorRows(), quarantine: new PriorRows(), erased };
    for await (const row of this.#rowsOf('events', object)) prior.events.add(rowIdentity(table, row));
    for await (const row of this.#rowsOf('quarantine', object)) prior.quarantine.add(rowIdentity(quarantine, row));
    return { prior };
  }

  /** Copies what the tables have of the object and the object does not give any more. */
  async #keepOthers(object: ObjectInfo, given: GivenRecords): Promise<void> {
    const { table } = this.#request.source.source;
    const kept = { rows: 0, quarantined: 0 };
    for await (const row of this.#rowsOf('events', object)) {
      if (given.hasRow(rowIdentity(table, row))) continue;
      this.#events.append(row);
      kept.rows++;
      if (this.#isFull) await this.#makeRoom();
    }
    for await (const row of this.#rowsOf('quarantine', object)) {
      if (given.hasRejected(frameKey(row))) continue;
      this.#quarantine.append(row);
      kept.quarantined++;
      if (this.#isFull) await this.#makeRoom();
    }
    if (kept.rows + kept.quarantined > 0) this.#kept.set(object.uri, kept);
  }

  /** What a table has of the object, in the order of its columns. */
  async *#rowsOf(table: 'events' | 'quarantine', { uri }: ObjectInfo): AsyncGenerator<readonly Value[]> {
    const { rowsOfObject } = await import('./existing-rows.ts');
    const declaration = table === 'events' ? this.#request.source.source.table : quarantine;
    const withDeleted = this.#request.isAgain !== true;
    yield* rowsOfObject(this.#runtime.store, this.#request.tables[table], declaration, uri, { withDeleted });
  }

  get #isFull(): boolean {
    return this.#events.bytes + this.#quarantine.bytes > this.#runtime.config.batch.columnBytes;
  }

  async #makeRoom(): Promise<void> {
    const tables = [this.#events, this.#quarantine];
    // Of the larger one alone where rows are spilled: a merge pays for each run, however small.
    if (this.#runtime.config.batch.spill !== undefined) tables.sort((a, b) => b.bytes - a.bytes).splice(1);
    for (const table of tables) await table.makeRoom();
  }
}
