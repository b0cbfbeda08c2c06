/**
 * The ledger: which version of which source object belongs to which batch, kept in the Iceberg table
 * `ingested_objects`. Its commits decide between workers: an object is in at most one live claim, and a batch goes
 * claimed -> committed once.
 *
 * A batch writes one file of claim rows and replaces it by one file of committed rows, both in the partition of the
 * day of the claim, so the table always has one row for each object version and reads like any other table. If another
 * engine has rewritten the claim rows into larger files meanwhile, those files are copied without them.
 */
import { createHash } from 'node:crypto';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { type Change, type CommitContext, commitTable } from '../iceberg/commit.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { ensureTable } from '../iceberg/ensure.ts';
import { type FileFilter, type LiveFile, liveFiles } from '../iceberg/scan.ts';
import { fileRows } from '../iceberg/table-rows.ts';
import { dayFilesRequest, type FileOptions, storeDataFile } from '../iceberg/write.ts';
import type { ParquetEncoder } from '../parquet/encoder.ts';
import { dayFiles } from '../parquet/write/day-files.ts';
import { cachedReads } from '../store/cached-reads.ts';
import type { ObjectInfo, ObjectStore } from '../store/store.ts';
import { ingestedObjects as declaration } from '../tables/ingested-objects.ts';
import { compareText, textRange } from '../text/order.ts';
import { bufferEntries, fromRow, type LedgerEntry, type ObjectCounts } from './entry.ts';
import { type CurrentMapping, type OtherMapping, otherMappings } from './other-mappings.ts';
import type { Owner } from './owner.ts';

export interface LedgerContext extends CommitContext {
  readonly encoder: ParquetEncoder;
  readonly files: Omit<FileOptions, 'fileRows'>;
  readonly owner: Owner;
  /** How long a claim holds, in milliseconds. */
  readonly claimMs: number;
}

/** Objects that one worker has to itself until `claimedUntil`; all of one source. */
export interface Claim {
  readonly batch: string;
  readonly source: string;
  readonly sourceType: string;
  readonly ymd: string;
  readonly claimedAt: number;
  readonly claimedUntil: number;
  readonly objects: readonly ObjectInfo[];
  /** Those of `objects` that an earlier version was committed of; undefined where nobody has looked. */
  readonly changed?: ReadonlySet<string>;
}

export interface Lookup {
  /** All entries of an object, by uri. */
  readonly entries: ReadonlyMap<string, readonly LedgerEntry[]>;
  /** The state of the ledger that was looked at; `claim` has only to check what came after. */
  readonly sequence: number;
}

const stateClaimed = 'claimed';

/** Two commits a batch would fill the metadata with history that nobody asks for. */
const keptSnapshots = 100;

export class Ledger {
  readonly #context: LedgerContext;
  readonly #reads: ObjectStore;

  constructor(context: LedgerContext) {
    this.#reads = cachedReads(context.store);
    // What it writes it reads again soon.
    this.#context = { ...context, store: this.#reads };
  }

  /** Creates the table where missing. */
  async open(): Promise<void> {
    await ensureTable(this.#context, declaration);
  }

  /**
   * What is known of these objects, from claims of the UTC day `from` (YYYY-MM-DD) on where one is given. Reads only the
   * files that can hold them, by the least and the greatest of `uris`.
   */
  async lookup(uris: readonly string[], from?: string): Promise<Lookup> {
    const loaded = await this.#context.catalog.loadTable(declaration.name);
    if (loaded === undefined) return { entries: new Map(), sequence: 0 };
    return { entries: await this.#find(loaded, uris, 0, from), sequence: loaded.metadata['last-sequence-number'] };
  }

  /** Sources with rows that were written with another mapping than they have now (other-mappings.ts). */
  async otherMappings(current: readonly CurrentMapping[]): Promise<OtherMapping[]> {
    if (current.length === 0) return [];
    const loaded = await this.#context.catalog.loadTable(declaration.name);
    return loaded === undefined ? [] : otherMappings(this.#reads, loaded, current);
  }

  /**
   * Claims those of `objects` that nobody has claimed or committed since `sequence`; undefined where none is left. The
   * claim has them ascending by uri, each once, however they were listed. `changed` are those that had an earlier
   * version at `sequence`.
   */
  async claim(
    source: { name: string; type: string },
    objects: readonly ObjectInfo[],
    sequence: number,
    changed: ReadonlySet<string>,
  ): Promise<Claim | undefined> {
    const { now, owner, claimMs } = this.#context;
    let claim: Claim | undefined;
    await this.#commit(async (loaded) => {
      const taken = await this.#find(
        loaded,
        objects.map((object) => object.uri),
        sequence,
      );
      const free = ascending(objects).filter(
        (object) =>
          !taken.get(object.uri)?.some((entry) => entry.state === stateClaimed || entry.object.etag === object.etag),
      );
      claim = undefined;
      if (free.length === 0) return undefined;
      const claimedAt = now();
      claim = {
        batch: batchId(source.name, free, loaded.metadata['last-sequence-number']),
        source: source.name,
        sourceType: source.type,
        ymd: new Date(claimedAt).toISOString().slice(0, 10),
        claimedAt,
        claimedUntil: claimedAt + claimMs,
        objects: free,
        // What came after `sequence` and does not bar an object is a version of it that is committed.
        changed: new Set(free.map(({ uri }) => uri).filter((uri) => changed.has(uri) || taken.has(uri))),
      };
      const add = await this.#write(loaded, claim.batch, claimEntries(claim, owner.id));
      return { operation: 'append', add: [add], remove: [], summary: { 'audit-warehouse.batch': claim.batch } };
    });
    return claim;
  }

  /** Claims that are still open, grouped by batch. */
  async openClaims(): Promise<LedgerEntry[][]> {
    const loaded = await this.#context.catalog.loadTable(declaration.name);
    if (loaded === undefined) return [];
    const batches = new Map<string, LedgerEntry[]>();
    for await (const entry of this.#claimedRows(loaded, {})) {
      const batch = batches.get(entry.batch);
      if (batch === undefined) batches.set(entry.batch, [entry]);
      else batch.push(entry);
    }
    return [...batches.values()];
  }

  /** Whether the holder of this claim is gone or late, so that the batch may be taken over. */
  isAbandoned(entry: LedgerEntry): boolean {
    return entry.claimedUntil <= this.#context.now() || this.#context.owner.isDead(entry.owner);
  }

  /** Takes a batch over under its own id, to be finished or done again; undefined where someone else was faster. */
  async takeOver(batch: string): Promise<Claim | undefined> {
    const { now, owner, claimMs } = this.#context;
    let claim: Claim | undefined;
    await this.#commit(async (loaded) => {
      claim = undefined;
      const { remove, claimed, rest } = await this.#batchFiles(loaded, batch);
      const [first] = claimed;
      if (first === undefined || !this.isAbandoned(first)) return undefined;
      const { source, sourceType, ymd, claimedAt } = first;
      const objects = ascending(claimed.map((entry) => entry.object));
      claim = { batch, source, sourceType, ymd, claimedAt, claimedUntil: now() + claimMs, objects };
      const add = [
        await this.#write(loaded, batch, claimEntries(claim, owner.id)),
        ...(await this.#keep(loaded, batch, rest)),
      ];
      return { operation: 'overwrite', add, remove, summary: { 'audit-warehouse.batch': batch } };
    });
    return claim;
  }

  /**
   * Turns the claim of a batch into its committed entries. Objects of the claim that are not in `results` are free
   * again. Nothing happens where that was done already.
   */
  async settle(batch: string, results: ReadonlyMap<string, ObjectCounts>): Promise<void> {
    const { now } = this.#context;
    await this.#commit(async (loaded) => {
      const { remove, claimed, rest } = await this.#batchFiles(loaded, batch);
      if (claimed.length === 0) return undefined;
      const committedAt = now();
      const committed = claimed.flatMap((entry): LedgerEntry[] => {
        const counts = results.get(entry.object.uri);
        return counts === undefined ? [] : [{ ...entry, state: 'committed', committedAt, counts }];
      });
      const add = await this.#keep(loaded, batch, [...rest, ...(committed.length > 0 ? [committed] : [])]);
      return {
        operation: add.length > 0 ? 'overwrite' : 'delete',
        add,
        remove,
        summary: { 'audit-warehouse.batch': batch },
      };
    });
  }

  async #commit(prepare: (loaded: LoadedTable) => Promise<Change | undefined>): Promise<void> {
    await commitTable(this.#context, declaration.name, async (loaded) => {
      const change = await prepare(loaded);
      const oldest = loaded.metadata['last-sequence-number'] - keptSnapshots;
      return change && { ...change, keep: (snapshot) => snapshot['sequence-number'] > oldest };
    });
  }

  async #find(
    loaded: LoadedTable,
    uris: readonly string[],
    afterSequence: number,
    fromDay?: string,
  ): Promise<Map<string, LedgerEntry[]>> {
    const wanted = new Set(uris);
    const found = new Map<string, LedgerEntry[]>();
    const range = textRange(wanted);
    if (range === undefined) return found;
    const filter = {
      bounds: [{ column: 'uri', ...range }],
      ...(fromDay !== undefined && { ymd: { from: fromDay } }),
    };
    for await (const file of this.#files(loaded, filter)) {
      if (file.fileSequenceNumber <= afterSequence) continue;
      for await (const entry of this.#rows(file)) {
        if (!wanted.has(entry.object.uri)) continue;
        const entries = found.get(entry.object.uri);
        if (entries === undefined) found.set(entry.object.uri, [entry]);
        else entries.push(entry);
      }
    }
    return found;
  }

  /** The files that hold claim rows of a batch: their paths, those rows, and the other rows by file. */
  async #batchFiles(
    loaded: LoadedTable,
    batch: string,
  ): Promise<{ remove: string[]; claimed: LedgerEntry[]; rest: LedgerEntry[][] }> {
    const remove: string[] = [];
    const claimed = new Map<string, LedgerEntry>();
    const rest: LedgerEntry[][] = [];
    const bounds = [
      { column: 'batch', from: batch, to: batch },
      { column: 'state', to: stateClaimed },
    ];
    for await (const file of this.#files(loaded, { bounds })) {
      const mine: LedgerEntry[] = [];
      const others: LedgerEntry[] = [];
      for await (const entry of this.#rows(file))
        (entry.batch === batch && entry.state === stateClaimed ? mine : others).push(entry);
      if (mine.length === 0) continue;
      remove.push(file.path);
      // A claim of an earlier version may name an object twice, where a listing did.
      for (const entry of mine) claimed.set(entry.object.uri, entry);
      if (others.length > 0) rest.push(others);
    }
    return { remove, claimed: [...claimed.values()], rest };
  }

  async #keep(loaded: LoadedTable, batch: string, groups: readonly (readonly LedgerEntry[])[]): Promise<DataFile[]> {
    const files: DataFile[] = [];
    for (const entries of groups) {
      for (const ymd of new Set(entries.map((entry) => entry.ymd))) {
        files.push(
          await this.#write(
            loaded,
            batch,
            entries.filter((entry) => entry.ymd === ymd),
          ),
        );
      }
    }
    return files;
  }

  /** `entries` of one day, so that they make one file. */
  async #write(table: LoadedTable, batch: string, entries: readonly LedgerEntry[]): Promise<DataFile> {
    const { store, encoder, files } = this.#context;
    const request = dayFilesRequest(table, declaration, bufferEntries(declaration, entries).take(), {
      ...files,
      fileRows: entries.length,
    });
    const [file] = await dayFiles(encoder, request);
    return storeDataFile({ store, table, declaration, label: batch.slice(0, 16) }, file!);
  }

  #files(loaded: LoadedTable, filter: FileFilter): AsyncGenerator<LiveFile> {
    return liveFiles(this.#reads, loaded.metadata, filter);
  }

  async *#claimedRows(loaded: LoadedTable, filter: FileFilter): AsyncGenerator<LedgerEntry> {
    for await (const file of this.#files(loaded, { ...filter, bounds: [{ column: 'state', to: stateClaimed }] })) {
      for await (const entry of this.#rows(file)) if (entry.state === stateClaimed) yield entry;
    }
  }

  async *#rows(file: LiveFile): AsyncGenerator<LedgerEntry> {
    for await (const rows of fileRows(this.#reads, file)) yield* rows.map(fromRow);
  }
}

function claimEntries(claim: Claim, owner: string): LedgerEntry[] {
  const { batch, source, sourceType, ymd, claimedAt, claimedUntil } = claim;
  return claim.objects.map((object) => ({
    ymd,
    object,
    source,
    sourceType,
    batch,
    state: stateClaimed,
    owner,
    claimedAt,
    claimedUntil,
    committedAt: null,
    counts: null,
  }));
}

/** By uri, each once. */
const ascending = (objects: readonly ObjectInfo[]): ObjectInfo[] =>
  [...new Map(objects.map((object) => [object.uri, object])).values()].sort((a, b) => compareText(a.uri, b.uri));

/**
 * The same objects claimed on the same state of the ledger have the same batch id, and never again after that, so
 * that runs are reproducible and an intent can never be taken for that of a later try.
 */
function batchId(source: string, objects: readonly ObjectInfo[], sequence: number): string {
  const digest = createHash('sha256').update(JSON.stringify([source, sequence]));
  for (const { uri, etag } of objects) digest.update(JSON.stringify([uri, etag]));
  return digest.digest('hex').slice(0, 32);
}
