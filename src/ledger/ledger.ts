/**
 * The ledger: which version of which source object belongs to which batch, kept in the Iceberg table
 * `ingested_objects`. Its commits decide between workers: an object is in at most one live claim, and a batch goes
 * claimed -> committed once.
 *
 * A batch writes one file of claim rows and replaces it by one file of committed rows, both in the partition of the
 * day of the claim, so the table always has one row for each object version and reads like any other table. If another
 * engine has rewritten the claim rows into larger files meanwhile, those files are copied without them. What is asked of
 * the ledger while a commit of it is under way, by any part of the process, goes into the next snapshot together.
 */
import { createHash } from 'node:crypto';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { type CommitContext, commitTable } from '../iceberg/commit.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { ensureTable } from '../iceberg/ensure.ts';
import { mapAhead } from '../iceberg/files.ts';
import { appliedDeletes } from '../iceberg/row-deletes.ts';
import { type FileFilter, type LiveFile, liveFiles } from '../iceberg/scan.ts';
import { fileRows } from '../iceberg/table-rows.ts';
import { dayFilesRequest, type FileOptions, storeDataFile } from '../iceberg/write.ts';
import type { ParquetEncoder } from '../parquet/encoder.ts';
import { dayFiles } from '../parquet/write/day-files.ts';
import { cachedReads } from '../store/cached-reads.ts';
import type { ObjectInfo, ObjectStore } from '../store/store.ts';
import { ingestedObjects as declaration } from '../tables/ingested-objects.ts';
import { compareText, textRange } from '../text/order.ts';
import { batchSummary, mostBatches } from './batch-summary.ts';
import { bufferEntries, fromRow, type LedgerEntry, type ObjectCounts } from './entry.ts';
import { Grouped } from './grouped.ts';
import { newestEvents } from './newest-events.ts';
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

/** Its many commits would fill the metadata with history that nobody asks for. */
const keptSnapshots = 100;
/** Small files read or written at a time. */
const filesAhead = 16;

interface WantedClaim {
  readonly source: { readonly name: string; readonly type: string };
  readonly objects: readonly ObjectInfo[];
  readonly sequence: number;
  readonly changed: ReadonlySet<string>;
}

/** What becomes of the claim rows of a batch, of which there is one at least; undefined leaves them as they are. */
interface Rewrite {
  readonly batch: string;
  readonly rewrite: (claimed: readonly LedgerEntry[]) => Rewritten | undefined;
}

interface Rewritten {
  readonly entries: readonly LedgerEntry[];
  /** Where they are a claim of our own. */
  readonly claim?: Claim;
}

type Request = WantedClaim | Rewrite;
const isRewrite = (request: Request): request is Rewrite => 'rewrite' in request;
const isWantedClaim = (request: Request): request is WantedClaim => !isRewrite(request);

export class Ledger {
  readonly #context: LedgerContext;
  readonly #reads: ObjectStore;
  readonly #requests = new Grouped<Request, Claim | undefined>(
    (group) => this.#carryOut(group),
    () => mostBatches,
  );

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

  /** When the newest event of each source happened, where that is not before `since` (newest-events.ts). */
  async newestEvents(since: number): Promise<ReadonlyMap<string, number>> {
    const loaded = await this.#context.catalog.loadTable(declaration.name);
    return loaded === undefined ? new Map() : newestEvents(this.#reads, loaded, since);
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
    const wanted: WantedClaim = { source, objects, sequence, changed };
    return (await this.#requests.add(wanted)) as Claim | undefined;
  }

  /** The claim of one batch, made on the UTC day `ymd`; undefined where it is not open. */
  async openClaim(batch: string, ymd: string): Promise<Claim | undefined> {
    const loaded = await this.#context.catalog.loadTable(declaration.name);
    if (loaded === undefined) return undefined;
    const files = await this.#claimFiles(loaded, new Set([batch]), { from: ymd, to: ymd });
    const claimed = files.flatMap(({ entries }) => entries).filter((entry) => isClaim(entry) && entry.batch === batch);
    return claimed.length === 0 ? undefined : claimOf(claimed);
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
  takeOver(batch: string): Promise<Claim | undefined> {
    const { now, owner, claimMs } = this.#context;
    const rewrite = (claimed: readonly LedgerEntry[]): Rewritten | undefined => {
      if (!this.isAbandoned(claimed[0]!)) return undefined;
      const claim = { ...claimOf(claimed), claimedUntil: now() + claimMs };
      return { claim, entries: claimEntries(claim, owner.id) };
    };
    return this.#requests.add({ batch, rewrite });
  }

  /**
   * Turns the claim of a batch into its committed entries. Objects of the claim that are not in `results` are free
   * again. Nothing happens where that was done already.
   */
  async settle(batch: string, results: ReadonlyMap<string, ObjectCounts>): Promise<void> {
    const rewrite = (claimed: readonly LedgerEntry[]): Rewritten => {
      const committedAt = this.#context.now();
      const entries = claimed.flatMap((entry): LedgerEntry[] => {
        const counts = results.get(entry.object.uri);
        return counts === undefined ? [] : [{ ...entry, state: 'committed', committedAt, counts }];
      });
      return { entries };
    };
    await this.#requests.add({ batch, rewrite });
  }

  /** One snapshot for all requests of a group; gives the claims of those that want one. */
  async #carryOut(requests: readonly Request[]): Promise<(Claim | undefined)[]> {
    const { owner } = this.#context;
    const claims = new Map<Request, Claim>();
    await commitTable(this.#context, declaration.name, async (loaded) => {
      claims.clear();
      const made = await this.#claims(loaded, requests.filter(isWantedClaim), claims);
      const { remove, applied, kept } = await this.#rewritten(loaded, requests.filter(isRewrite), claims);
      const entries = [...made.map((claim) => claimEntries(claim, owner.id)), ...kept];
      if (entries.length === 0 && remove.length === 0) return undefined;
      const add = await this.#writeAll(loaded, entries);
      const operation = remove.length === 0 ? 'append' : add.length > 0 ? 'overwrite' : 'delete';
      const oldest = loaded.metadata['last-sequence-number'] - keptSnapshots;
      const summary = batchSummary(new Set(entries.map(([first]) => first!.batch)));
      return { operation, add, remove, applied, summary, keep: (snapshot) => snapshot['sequence-number'] > oldest };
    });
    return requests.map((request) => claims.get(request));
  }

  /** What of the wanted objects is free in this version of the ledger, as a claim for each request that has some. */
  async #claims(
    loaded: LoadedTable,
    requests: readonly WantedClaim[],
    claims: Map<Request, Claim>,
  ): Promise<readonly Claim[]> {
    const { now, claimMs } = this.#context;
    if (requests.length === 0) return [];
    const uris = requests.flatMap(({ objects }) => objects.map(({ uri }) => uri));
    const taken = await this.#find(loaded, uris, Math.min(...requests.map(({ sequence }) => sequence)));
    const claimedHere = new Set<string>();
    const isFree = ({ uri, etag }: ObjectInfo): boolean =>
      !claimedHere.has(uri) &&
      !taken.get(uri)?.some((entry) => entry.state === stateClaimed || entry.object.etag === etag);
    for (const request of requests) {
      const { source, changed } = request;
      const objects = ascending(request.objects).filter(isFree);
      if (objects.length === 0) continue;
      for (const { uri } of objects) claimedHere.add(uri);
      const claimedAt = now();
      claims.set(request, {
        batch: batchId(source.name, objects, loaded.metadata['last-sequence-number']),
        source: source.name,
        sourceType: source.type,
        ymd: new Date(claimedAt).toISOString().slice(0, 10),
        claimedAt,
        claimedUntil: claimedAt + claimMs,
        objects,
        // What came after `sequence` and does not bar an object is a version of it that is committed.
        changed: new Set(objects.map(({ uri }) => uri).filter((uri) => changed.has(uri) || taken.has(uri))),
      });
    }
    return [...claims.values()];
  }

  /** The files that hold claim rows to be rewritten, and the entries that come in their place, file by file. */
  async #rewritten(
    loaded: LoadedTable,
    requests: readonly Rewrite[],
    claims: Map<Request, Claim>,
  ): Promise<{ remove: string[]; applied: string[]; kept: (readonly LedgerEntry[])[] }> {
    if (requests.length === 0) return { remove: [], applied: [], kept: [] };
    const files = await this.#claimFiles(loaded, new Set(requests.map(({ batch }) => batch)));
    const claimed = Map.groupBy(files.flatMap(({ entries }) => entries).filter(isClaim), ({ batch }) => batch);
    const kept = new Map<string, readonly LedgerEntry[]>();
    for (const request of requests) {
      const { batch, rewrite } = request;
      // A claim of an earlier version may name an object twice, where a listing did.
      const current = new Map(
        (kept.get(batch) ?? claimed.get(batch) ?? []).filter(isClaim).map((entry) => [entry.object.uri, entry]),
      );
      const rewritten = current.size === 0 ? undefined : rewrite([...current.values()]);
      if (rewritten === undefined) continue;
      kept.set(batch, rewritten.entries);
      if (rewritten.claim !== undefined) claims.set(request, rewritten.claim);
    }
    const isReplaced = (entry: LedgerEntry): boolean => isClaim(entry) && kept.has(entry.batch);
    const touched = files.filter(({ entries }) => entries.some(isReplaced));
    const others = touched.map(({ entries }) => entries.filter((entry) => !isReplaced(entry)));
    return {
      remove: touched.map(({ file }) => file.path),
      applied: appliedDeletes(touched.map(({ file }) => file)),
      kept: [...kept.values(), ...others].filter((entries) => entries.length > 0),
    };
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
      for await (const entry of this.#rows(loaded, file)) {
        if (!wanted.has(entry.object.uri)) continue;
        const entries = found.get(entry.object.uri);
        if (entries === undefined) found.set(entry.object.uri, [entry]);
        else entries.push(entry);
      }
    }
    return found;
  }

  /** The files that may hold claim rows of these batches, with all their rows. */
  async #claimFiles(
    loaded: LoadedTable,
    batches: ReadonlySet<string>,
    ymd?: { readonly from: string; readonly to: string },
  ): Promise<{ file: LiveFile; entries: LedgerEntry[] }[]> {
    const bounds = [
      { column: 'batch', among: [...batches] },
      { column: 'state', to: stateClaimed },
    ];
    const files = await collect(this.#files(loaded, { bounds, ...(ymd && { ymd }) }));
    const read = async (file: LiveFile) => ({ file, entries: await collect(this.#rows(loaded, file)) });
    return collect(mapAhead(files, filesAhead, read));
  }

  /** One file for each list and day in it. */
  async #writeAll(loaded: LoadedTable, lists: readonly (readonly LedgerEntry[])[]): Promise<DataFile[]> {
    const files = lists.flatMap((entries) => [...Map.groupBy(entries, ({ ymd }) => ymd).values()]);
    return collect(mapAhead(files, filesAhead, (entries) => this.#write(loaded, entries)));
  }

  /** `entries` of one day, so that they make one file. */
  async #write(table: LoadedTable, entries: readonly LedgerEntry[]): Promise<DataFile> {
    const { store, encoder, files } = this.#context;
    const request = dayFilesRequest(table, declaration, bufferEntries(declaration, entries).take(), {
      ...files,
      fileRows: entries.length,
    });
    const [file] = await dayFiles(encoder, request);
    return storeDataFile({ store, table, declaration, label: entries[0]!.batch.slice(0, 16) }, file!);
  }

  #files(loaded: LoadedTable, filter: FileFilter): AsyncGenerator<LiveFile> {
    return liveFiles(this.#reads, loaded.metadata, filter);
  }

  async *#claimedRows(loaded: LoadedTable, filter: FileFilter): AsyncGenerator<LedgerEntry> {
    for await (const file of this.#files(loaded, { ...filter, bounds: [{ column: 'state', to: stateClaimed }] })) {
      for await (const entry of this.#rows(loaded, file)) if (entry.state === stateClaimed) yield entry;
    }
  }

  async *#rows({ metadata }: LoadedTable, file: LiveFile): AsyncGenerator<LedgerEntry> {
    for await (const rows of fileRows(this.#reads, metadata, file)) yield* rows.map(fromRow);
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const isClaim = ({ state }: LedgerEntry): boolean => state === stateClaimed;

/** From its rows, at least one. */
export function claimOf(claimed: readonly LedgerEntry[]): Claim {
  const { batch, source, sourceType, ymd, claimedAt, claimedUntil } = claimed[0]!;
  const objects = ascending(claimed.map(({ object }) => object));
  return { batch, source, sourceType, ymd, claimedAt, claimedUntil, objects };
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
