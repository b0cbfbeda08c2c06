/**
 * One load of a side table: its objects become rows in new files, rows that cannot be are quarantined, and one snapshot
 * puts the new files in the place of everything that was there. Until that snapshot readers have the old table, from
 * then on the new one.
 *
 * The snapshot says what it was made of: a digest of the objects (URI and ETag) and of how they are read. A table that
 * shows this digest is not loaded again. That is all the state there is: no claim and no ledger, since what counts is
 * the set of objects, and a load that is done twice, at once or after a crash, comes to the same table.
 */
import { createHash } from 'node:crypto';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { commitTable } from '../../iceberg/commit.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { type Snapshot, snapshotById } from '../../iceberg/metadata.ts';
import { liveFiles } from '../../iceberg/scan.ts';
import { PriorRows, rowsOfObject } from '../../ingest/existing-rows.ts';
import { fetchObjects, ObjectFault, TooManyRejected } from '../../ingest/fetch.ts';
import { increase } from '../../ingest/object-counts.ts';
import type { ObjectFailure } from '../../ingest/request.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { TableWriter } from '../../ingest/table-writer.ts';
import { commitContext } from '../../ledger/runtime.ts';
import { rowIdentity } from '../../records/identity.ts';
import type { ObjectFacts } from '../../records/object-facts.ts';
import type { RejectionCode } from '../../records/outcome.ts';
import { quarantineRow } from '../../records/quarantine.ts';
import { dayOfMillis } from '../../records/time.ts';
import type { SideSourceType } from '../../sources/config.ts';
import { CsvHeaderError } from '../../sources/reference/csv.ts';
import { readSideRecords } from '../../sources/reference/read.ts';
import { readingOf, type SideRecord, type SideTable } from '../../sources/reference/side-table.ts';
import type { ObjectInfo } from '../../store/store.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { textRange } from '../../text/order.ts';

export interface LoadRequest {
  readonly type: SideSourceType;
  readonly table: SideTable;
  /** All objects that the table is made of, at least one. */
  readonly objects: readonly ObjectInfo[];
  /** The table as it was before the objects were listed. */
  readonly base: LoadedTable;
  readonly signal?: AbortSignal;
  readonly onObject?: (object: ObjectInfo, rows: number) => void;
}

export interface LoadCounts {
  read: number;
  rows: number;
  /** New in quarantine. */
  quarantined: number;
  /** Rejected again: in quarantine since an earlier load. */
  duplicates: number;
  bytesDecompressed: number;
}

export interface LoadResult {
  readonly counts: LoadCounts;
  readonly reasons: ReadonlyMap<RejectionCode, number>;
  /** By table. */
  readonly files: ReadonlyMap<string, readonly DataFile[]>;
}

/** The table, or what was quarantined of its objects, has changed since the objects were listed: list them again. */
export class LoadConflict extends Error {
  override readonly name = 'LoadConflict';
}

/** In the summary of the snapshot that a load made. */
export const loadProperty = 'audit-warehouse.load';

/** What a table shows that was made of these objects. */
export function loadDigest(table: SideTable, objects: readonly ObjectInfo[], runtime: Pick<Runtime, 'config'>): string {
  const digest = createHash('sha256').update(readingOf(table, runtime.config.limits));
  for (const { uri, etag } of objects) digest.update(`\n${JSON.stringify([uri, etag])}`);
  return digest.digest('hex').slice(0, 32);
}

/**
 * The load that a table shows; undefined where it shows none, or another engine has changed its rows since.
 * Snapshots that only rewrote files (compaction) are looked through.
 */
export function shownLoad({ metadata }: LoadedTable): { digest: string; snapshot: Snapshot } | undefined {
  let snapshot = snapshotById(metadata, metadata['current-snapshot-id']);
  for (;;) {
    const digest = snapshot?.summary[loadProperty];
    if (snapshot !== undefined && digest !== undefined) return { digest, snapshot };
    if (snapshot?.summary.operation !== 'replace') return undefined;
    snapshot = snapshotById(metadata, snapshot['parent-snapshot-id'] ?? -1n);
  }
}

/**
 * Replaces the rows of `base` by those of the objects. Gives the failure, and leaves the table as it was, where an object
 * cannot be read: without it the table would lack rows. Throws LoadConflict, and the stores' and catalogs' own errors.
 */
export async function replaceTable(runtime: Runtime, request: LoadRequest): Promise<LoadResult | ObjectFailure> {
  const kept = await runtime.catalog.loadTable(quarantine.name);
  if (kept === undefined) throw new Error(`table ${quarantine.name} was dropped during the run`);
  const load = new Load(runtime, request, kept);
  try {
    const failure = await load.read();
    if (failure !== undefined) return failure;
    await load.commit();
    return load.result();
  } finally {
    load.release();
  }
}

class Load {
  readonly #runtime: Runtime;
  readonly #request: LoadRequest;
  readonly #digest: string;
  readonly #day: string;
  readonly #rows: TableWriter;
  readonly #rejected: TableWriter;
  /** The quarantine as it was when this began. */
  readonly #quarantine: LoadedTable;
  /** URIs of objects with rejected rows. */
  readonly #withRejected = new Set<string>();
  readonly #reasons = new Map<RejectionCode, number>();
  readonly #counts: LoadCounts = { read: 0, rows: 0, quarantined: 0, duplicates: 0, bytesDecompressed: 0 };

  constructor(runtime: Runtime, request: LoadRequest, quarantineTable: LoadedTable) {
    const { store, encoder, config } = runtime;
    const { table, objects, base } = request;
    this.#runtime = runtime;
    this.#request = request;
    this.#quarantine = quarantineTable;
    this.#digest = loadDigest(table, objects, runtime);
    this.#day = dayOfMillis(objects.reduce((newest, object) => Math.max(newest, object.lastModified), -Infinity));
    // Names of files that no earlier load of the same objects can have had: `expire` may be about to remove those.
    const label = createHash('sha256')
      .update(JSON.stringify([this.#digest, base.metadata['table-uuid'], base.metadata['last-sequence-number']]))
      .digest('hex');
    const writer = { store, encoder, output: config.output };
    this.#rows = new TableWriter(writer, base, table.declaration, label);
    this.#rejected = new TableWriter(writer, quarantineTable, quarantine, label);
  }

  /** Reads all objects into files; or says which one cannot be read. */
  async read(): Promise<ObjectFailure | undefined> {
    const { store, config, sleep } = this.#runtime;
    const { objects, signal, onObject } = this.#request;
    const { downloads, downloadBytes } = config.batch;
    const options = { downloads, downloadBytes, limits: config.limits, sleep, ...(signal && { signal }) };
    for await (const { object, body } of fetchObjects(store, objects, options)) {
      const before = this.#counts.rows;
      try {
        if ('error' in body) throw new ObjectFault(object.uri, body.error);
        await this.#readObject(object, body);
      } catch (error) {
        signal?.throwIfAborted();
        const fault = error instanceof ObjectFault ? error.cause : error;
        if (!(error instanceof ObjectFault) && !(error instanceof CsvHeaderError)) throw error;
        return this.#failure(object, fault);
      }
      onObject?.(object, this.#counts.rows - before);
    }
    await this.#flush();
    await this.#rows.settled();
    await this.#rejected.settled();
    this.#rows.expectRows(this.#counts.rows);
    this.#rejected.expectRows(this.#counts.quarantined);
    return undefined;
  }

  /** Quarantine first: a crash in between leaves the table old, and the next run finds what is in quarantine already. */
  async commit(): Promise<void> {
    const context = commitContext(this.#runtime);
    const { table, base, objects } = this.#request;
    if (this.#rejected.files.length > 0) {
      await commitTable(context, quarantine.name, async (loaded) => {
        if (await this.#othersRejected(loaded)) throw new LoadConflict();
        const summary = { [loadProperty]: this.#digest };
        return { operation: 'append', add: this.#rejected.files, remove: [], summary };
      });
    }
    const { read, rows } = this.#counts;
    await commitTable(context, table.declaration.name, (loaded) => {
      if (isOtherLoad(loaded, base)) throw new LoadConflict();
      const summary = {
        [loadProperty]: this.#digest,
        'audit-warehouse.objects': String(objects.length),
        'audit-warehouse.records': String(read),
        'audit-warehouse.rejected': String(read - rows),
      };
      return { operation: 'overwrite', add: this.#rows.files, remove: [], removeAll: true, summary };
    });
  }

  result(): LoadResult {
    const files = new Map([this.#rows, this.#rejected].map((table) => [table.name, table.files] as const));
    return { counts: this.#counts, reasons: this.#reasons, files };
  }

  release(): void {
    this.#rows.release();
    this.#rejected.release();
  }

  async #readObject(object: ObjectInfo, body: AsyncIterable<Uint8Array>): Promise<void> {
    const { config } = this.#runtime;
    const provenance = (offset: number) => [this.#day, object.uri, BigInt(offset)];
    let prior: PriorRows | undefined;
    for await (const records of readSideRecords(this.#measured(body), this.#request.table, config.limits)) {
      for (const { frame, outcome } of records) {
        this.#counts.read++;
        if (Array.isArray(outcome)) {
          this.#rows.append([...outcome, ...provenance(frame.offset)]);
          this.#counts.rows++;
        } else {
          prior ??= await this.#priorOf(object);
          this.#reject(object, { frame, outcome }, prior);
        }
      }
      if (this.#rows.bytes + this.#rejected.bytes > config.batch.columnBytes) await this.#flush();
    }
  }

  #reject(object: ObjectInfo, { frame, outcome }: SideRecord, prior: PriorRows): void {
    if (Array.isArray(outcome)) return;
    const { limits } = this.#runtime.config;
    if (this.#counts.read - this.#counts.rows > limits.rejectedRecords)
      throw new ObjectFault(object.uri, new TooManyRejected(object.uri, limits));
    const { type } = this.#request;
    const context = { sourceType: type, uri: object.uri, facts: noFacts, lastModified: object.lastModified };
    const values = quarantineRow(context, frame, outcome);
    if (prior.take(rowIdentity(quarantine, values))) {
      this.#counts.duplicates++;
      return;
    }
    this.#withRejected.add(object.uri);
    this.#rejected.append(values);
    this.#counts.quarantined++;
    increase(this.#reasons, outcome.code, 1);
  }

  /** What earlier loads have quarantined of an object, of any of its versions. */
  async #priorOf({ uri }: ObjectInfo): Promise<PriorRows> {
    const prior = new PriorRows();
    for await (const row of rowsOfObject(this.#runtime.store, this.#quarantine, quarantine, uri)) {
      prior.add(rowIdentity(quarantine, row));
    }
    return prior;
  }

  /** Whether the quarantine may have come to hold rows of the same objects since this began. */
  async #othersRejected({ metadata }: LoadedTable): Promise<boolean> {
    const bounds = [{ column: 'source_uri', ...textRange(this.#withRejected) }];
    const seen = this.#quarantine.metadata['last-sequence-number'];
    for await (const file of liveFiles(this.#runtime.store, metadata, { bounds })) {
      if (file.fileSequenceNumber > seen) return true;
    }
    return false;
  }

  #failure({ uri }: ObjectInfo, cause: unknown): ObjectFailure {
    const { code = 'other', message } = cause as { code?: string; message: string };
    const { name } = this.#request.table.declaration;
    return { uri, code, message: `${message}; table ${name} stays as it was` };
  }

  async *#measured(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#counts.bytesDecompressed += chunk.length;
      yield chunk;
    }
  }

  async #flush(): Promise<void> {
    await this.#rows.flush();
    await this.#rejected.flush();
  }
}

const noFacts: ObjectFacts = { relevant: true, columns: {} };

function isOtherLoad(loaded: LoadedTable, base: LoadedTable): boolean {
  return (
    loaded.metadata['table-uuid'] !== base.metadata['table-uuid'] ||
    shownLoad(loaded)?.snapshot['snapshot-id'] !== shownLoad(base)?.snapshot['snapshot-id']
  );
}
