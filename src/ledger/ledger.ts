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
import type { Change } from '../iceberg/change.ts';
import { type CommitContext, commitTable } from '../iceberg/commit.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { deletedRows } from '../iceberg/deleted-rows.ts';
import { ensureTable } from '../iceberg/ensure.ts';
import { mapAhead } from '../iceberg/files.ts';
import { namesOf } from '../iceberg/name-mapping.ts';
import { appliedDeletes } from '../iceberg/row-deletes.ts';
import { type FileFilter, type LiveFile, liveFiles } from '../iceberg/scan.ts';
import { fileColumns } from '../iceberg/schema.ts';
import { fileRows } from '../iceberg/table-rows.ts';
import { beginDataFile, dayFilesRequest, type FileOptions } from '../iceberg/write.ts';
import type { ParquetEncoder } from '../parquet/encoder.ts';
import { dayFiles } from '../parquet/write/day-files.ts';
import { withoutRows } from '../rewrite/without-rows.ts';
import { cachedReads } from '../store/cached-reads.ts';
import { collect } from '../store/prefetch.ts';
import type { ObjectInfo, ObjectStore } from '../store/store.ts';
import { ingestedObjects as declaration } from '../tables/ingested-objects.ts';
import { compareText, textRange } from '../text/order.ts';
import type { Intent, KeptCounts } from './batch-intent.ts';
import { batchSummary, mostBatches } from './batch-summary.ts';
import { fromRow, type LedgerEntry, tableOfEntries } from './entry.ts';
import { Failed, Grouped } from './grouped.ts';
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
  /** The run of `backfill --again` that it belongs to: what the batch makes takes the place of what is there. */
  readonly again?: string;
}

export interface LookupOptions {
  readonly from?: string | undefined;
  readonly asLastLoaded?: boolean;
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

/** What a change of the ledger waits for: nothing is committed before it resolves; where it rejects, nothing is. */
interface After {
  readonly after?: Promise<unknown> | undefined;
}

export interface ClaimOptions extends After {
  readonly again?: string | undefined;
}

interface WantedClaim extends After {
  readonly source: { readonly name: string; readonly type: string };
  readonly objects: readonly ObjectInfo[];
  readonly sequence: number;
  readonly changed: ReadonlySet<string>;
  readonly again: string | undefined;
}

/** What becomes of the claim rows of a batch (at least one); undefined leaves them as they are. */
interface Rewrite extends After {
  readonly batch: string;
  /** Objects whose committed entries go at the same time, which `rewrite` is given. */
  readonly replaces?: readonly string[];
  readonly rewrite: (claimed: readonly LedgerEntry[], replaced: EntriesByUri) => Rewritten | undefined;
}

type BegunFile = ReturnType<typeof beginDataFile>;

type EntriesByUri = ReadonlyMap<string, readonly LedgerEntry[]>;

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
   * files that can hold them, by the least and the greatest of `uris`. With `asLastLoaded` that may be what this process
   * knew a while ago, which is enough for what is claimed afterwards.
   */
  async lookup(uris: readonly string[], { from, asLastLoaded = false }: LookupOptions = {}): Promise<Lookup> {
    const loaded = await this.#load(asLastLoaded);
    if (loaded === undefined) return { entries: new Map(), sequence: 0 };
    return { entries: await this.#find(loaded, uris, 0, from), sequence: loaded.metadata['last-sequence-number'] };
  }

  /** Sources with rows that were written with another mapping than they have now (other-mappings.ts). */
  async otherMappings(
    current: readonly CurrentMapping[],
    { asLastLoaded = false }: Omit<LookupOptions, 'from'> = {},
  ): Promise<OtherMapping[]> {
    if (current.length === 0) return [];
    const loaded = await this.#load(asLastLoaded);
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
   * version at `sequence`. With `again`, a run of `backfill --again`, committed ones are claimed as well, unless that
   * very run has read them.
   */
  async claim(
    source: { name: string; type: string },
    objects: readonly ObjectInfo[],
    sequence: number,
    changed: ReadonlySet<string>,
    { again, after }: ClaimOptions = {},
  ): Promise<Claim | undefined> {
    const wanted: WantedClaim = { source, objects, sequence, changed, again, after };
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
  async openClaims({ asLastLoaded = false }: Omit<LookupOptions, 'from'> = {}): Promise<LedgerEntry[][]> {
    const loaded = await this.#load(asLastLoaded);
    if (loaded === undefined) return [];
    const batches = new Map<string, LedgerEntry[]>();
    for await (const entry of this.#claimedRows(loaded, {})) {
      const batch = batches.get(entry.batch);
      if (batch === undefined) batches.set(entry.batch, [entry]);
      else batch.push(entry);
    }
    return [...batches.values()];
  }

  /**
   * Whether the holder of this claim is gone or late, so that the batch may be taken over. A claim that lies ahead by more than
   * its own length was made by a clock that is wrong, and could hold for years.
   */
  isAbandoned({ claimedAt, claimedUntil, owner }: LedgerEntry): boolean {
    const now = this.#context.now();
    // One that was taken over ends before it was first made, where that clock was ahead.
    const length = claimedUntil - claimedAt;
    return claimedUntil <= now || (length > 0 && claimedAt - now > length) || this.#context.owner.isDead(owner);
  }

  /** Takes a batch over under its own id, to be finished or done again; undefined where someone else was faster. */
  takeOver(batch: string, { after }: After = {}): Promise<Claim | undefined> {
    const { now, owner, claimMs } = this.#context;
    const rewrite = (claimed: readonly LedgerEntry[]): Rewritten | undefined => {
      if (!this.isAbandoned(claimed[0]!)) return undefined;
      const claim = { ...claimOf(claimed), claimedUntil: now() + claimMs };
      return { claim, entries: claimEntries(claim, owner.id) };
    };
    return this.#requests.add({ batch, rewrite, after });
  }

  /**
   * Turns the claim of a batch into its committed entries. Objects of the claim that are not in `objects` are free
   * again. Nothing happens where that was done already. Of objects that were read again, earlier entries go at the same
   * time, but for what is kept of them.
   */
  async settle(
    batch: string,
    objects: Intent['objects'],
    again?: Intent['again'],
    after?: Promise<unknown>,
  ): Promise<void> {
    const rewrite = (claimed: readonly LedgerEntry[], replaced: EntriesByUri): Rewritten => {
      const committedAt = this.#context.now();
      const entries = claimed.flatMap((entry): LedgerEntry[] => {
        const { uri } = entry.object;
        const counts = objects.get(uri);
        if (counts === undefined) return [];
        const firstCommittedAt = firstCommit(replaced.get(uri) ?? [], entry.object.etag) ?? null;
        return [{ ...entry, state: 'committed', committedAt, firstCommittedAt, counts }];
      });
      return { entries: again === undefined ? entries : [...entries, ...keptEntries(again.kept, claimed, replaced)] };
    };
    const replaces = again && { replaces: [...objects.keys()] };
    await this.#requests.add({ batch, rewrite, ...(after && { after }), ...replaces });
  }

  async #load(asLastLoaded: boolean): Promise<LoadedTable | undefined> {
    const { catalog } = this.#context;
    return (asLastLoaded && catalog.lastLoaded?.(declaration.name)) || catalog.loadTable(declaration.name);
  }

  /** One snapshot for all requests of a group, or for those alone of which nothing that they wait for has failed. */
  async #carryOut(requests: readonly Request[]): Promise<(Claim | undefined | Failed)[]> {
    try {
      return await this.#commit(requests);
    } catch (error) {
      const waited = await Promise.allSettled(requests.map(({ after }) => after));
      const others = requests.filter((_, i) => waited[i]!.status === 'fulfilled');
      if (others.length === 0 || others.length === requests.length) throw error;
      const results = new Map((await this.#commit(others)).map((claim, i) => [others[i]!, claim]));
      return requests.map((request, i) => {
        const wait = waited[i]!;
        return wait.status === 'rejected' ? new Failed(wait.reason) : results.get(request);
      });
    }
  }

  /** One snapshot for all of them; gives the claims of those that want one. */
  async #commit(requests: readonly Request[]): Promise<(Claim | undefined)[]> {
    const { owner } = this.#context;
    const claims = new Map<Request, Claim>();
    const after = requests.flatMap((request) => request.after ?? []);
    const prepare = async (loaded: LoadedTable): Promise<Change | undefined> => {
      claims.clear();
      const made = await this.#claims(loaded, requests.filter(isWantedClaim), claims);
      const { remove, applied, kept, thinned } = await this.#rewritten(loaded, requests.filter(isRewrite), claims);
      const entries = [...made.map((claim) => claimEntries(claim, owner.id)), ...kept];
      if (entries.length === 0 && remove.length === 0) return undefined;
      const written = await this.#writeAll(loaded, entries);
      const add = [...thinned, ...written.map(({ file }) => file)];
      const uploads = written.map(({ stored }) => stored);
      const operation = remove.length === 0 ? 'append' : add.length > 0 ? 'overwrite' : 'delete';
      const oldest = loaded.metadata['last-sequence-number'] - keptSnapshots;
      const summary = batchSummary(new Set(entries.map(([first]) => first!.batch)));
      return {
        operation,
        add,
        uploads,
        remove,
        applied,
        summary,
        keep: (snapshot) => snapshot['sequence-number'] > oldest,
      };
    };
    await commitTable(this.#context, declaration.name, prepare, { swapAfter: Promise.all(after) });
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
    for (const request of requests) {
      const { source, changed, again } = request;
      const isTaken = (entry: LedgerEntry, object: ObjectInfo): boolean =>
        isClaim(entry) || isRead(entry, object, again);
      const objects = ascending(request.objects).filter(
        (object) => !claimedHere.has(object.uri) && !taken.get(object.uri)?.some((entry) => isTaken(entry, object)),
      );
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
        // What came after `sequence` and does not bar an object is committed.
        changed: new Set(
          objects
            .filter((object) => changed.has(object.uri) || hasOtherVersion(object, taken.get(object.uri)))
            .map(({ uri }) => uri),
        ),
        ...(again !== undefined && { again }),
      });
    }
    return [...claims.values()];
  }

  /** The files that hold claim rows to be rewritten, and the entries that come in their place, file by file. */
  async #rewritten(
    loaded: LoadedTable,
    requests: readonly Rewrite[],
    claims: Map<Request, Claim>,
  ): Promise<{ remove: string[]; applied: string[]; kept: (readonly LedgerEntry[])[]; thinned: DataFile[] }> {
    if (requests.length === 0) return { remove: [], applied: [], kept: [], thinned: [] };
    const files = await this.#claimFiles(loaded, new Set(requests.map(({ batch }) => batch)));
    const claimed = Map.groupBy(files.flatMap(({ entries }) => entries).filter(isClaim), ({ batch }) => batch);
    // Of a batch that is settled already, nothing is replaced a second time.
    const open = requests.filter(({ batch }) => claimed.has(batch));
    const replaced = await this.#takeOut(loaded, new Set(open.flatMap(({ replaces = [] }) => replaces)));
    const kept = new Map<string, readonly LedgerEntry[]>();
    for (const request of requests) {
      const { batch, rewrite } = request;
      // A claim of an earlier version may name an object twice, where a listing did.
      const current = new Map(
        (kept.get(batch) ?? claimed.get(batch) ?? []).filter(isClaim).map((entry) => [entry.object.uri, entry]),
      );
      const rewritten = current.size === 0 ? undefined : rewrite([...current.values()], replaced.entries);
      if (rewritten === undefined) continue;
      kept.set(batch, rewritten.entries);
      if (rewritten.claim !== undefined) claims.set(request, rewritten.claim);
    }
    const isReplaced = (entry: LedgerEntry): boolean =>
      isClaim(entry) ? kept.has(entry.batch) : replaced.entries.has(entry.object.uri);
    const claiming = files.filter(({ entries }) => entries.some((entry) => isClaim(entry) && isReplaced(entry)));
    const claimPaths = new Set(claiming.map(({ file }) => file.path));
    const thinned = replaced.files.filter(
      (marked): marked is MarkedFile<FileOfOneDay> => isOfOneDay(marked.file) && !claimPaths.has(marked.file.path),
    );
    // Another engine may have taken the partition by day off the ledger: its entries go back into files of one day each.
    const mixed = replaced.files.filter(({ file }) => !isOfOneDay(file) && !claimPaths.has(file.path));
    const touched = [
      ...claiming,
      ...(await collect(mapAhead(mixed, filesAhead, ({ file }) => this.#whole(loaded, file)))),
    ];
    const others = touched.map(({ entries }) => entries.filter((entry) => !isReplaced(entry)));
    const gone = touched.map(({ file }) => file.path);
    return {
      remove: [...gone, ...thinned.map(({ file }) => file.path)],
      applied: appliedDeletes([...touched, ...thinned].map(({ file }) => file)),
      kept: [...kept.values(), ...others].filter((entries) => entries.length > 0),
      thinned: await this.#withoutAll(loaded, thinned),
    };
  }

  /** The committed entries of these objects, and the files that hold them, with a mark for each row that goes. */
  async #takeOut(loaded: LoadedTable, uris: ReadonlySet<string>): Promise<TakenOut> {
    const { metadata } = loaded;
    const entries = new Map<string, LedgerEntry[]>();
    const files: MarkedFile[] = [];
    const range = textRange(uris);
    if (range === undefined) return { entries, files };
    for await (const file of this.#files(loaded, { bounds: [{ column: 'uri', ...range }] })) {
      const deleted = await deletedRows(this.#reads, metadata, file);
      const dropped = deleted?.slice() ?? new Uint8Array(file.recordCount);
      let row = 0;
      let any = false;
      for await (const rows of fileRows(this.#reads, metadata, file, { withDeleted: true })) {
        for (const values of rows) {
          if (uris.has(String(values.uri)) && values.state === 'committed' && dropped[row] !== 1) {
            const entry = fromRow(values);
            entries.set(entry.object.uri, [...(entries.get(entry.object.uri) ?? []), entry]);
            dropped[row] = 1;
            any = true;
          }
          row++;
        }
      }
      if (any) files.push({ file, dropped });
    }
    return { entries, files };
  }

  async #withoutAll(loaded: LoadedTable, files: readonly MarkedFile<FileOfOneDay>[]): Promise<DataFile[]> {
    const { files: output, uuid } = this.#context;
    const { metadata } = loaded;
    const columns = new Map(fileColumns(metadata, declaration).map((column) => [column.name, column]));
    // Columns that another engine has added are not kept by anything that writes the ledger.
    const whole = { notWritten: new Map<number, string>(), clustering: [], isPinned: () => false };
    const table = { ...whole, declaration, columns, names: namesOf(metadata) };
    const options = { store: this.#reads, output, prefix: 'again-', uuid };
    const written: DataFile[] = [];
    for (const { file, dropped } of files) {
      const rest = await withoutRows(options, loaded, table, file, dropped);
      if (rest !== undefined) written.push(rest);
    }
    return written;
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
    return collect(mapAhead(files, filesAhead, (file) => this.#whole(loaded, file)));
  }

  async #whole(loaded: LoadedTable, file: LiveFile): Promise<{ file: LiveFile; entries: LedgerEntry[] }> {
    return { file, entries: await collect(this.#rows(loaded, file)) };
  }

  /** One file for each list and day in it. */
  async #writeAll(loaded: LoadedTable, lists: readonly (readonly LedgerEntry[])[]): Promise<BegunFile[]> {
    const files = lists.flatMap((entries) => [...Map.groupBy(entries, ({ ymd }) => ymd).values()]);
    return collect(mapAhead(files, filesAhead, (entries) => this.#write(loaded, entries)));
  }

  /** `entries` of one day, so that they make one file. */
  async #write(table: LoadedTable, entries: readonly LedgerEntry[]): Promise<BegunFile> {
    const { store, encoder, files } = this.#context;
    const rows = tableOfEntries(declaration, entries);
    try {
      const request = dayFilesRequest(table, declaration, rows.batch(), { ...files, fileRows: entries.length });
      const [file] = await collect(dayFiles(encoder, request));
      return beginDataFile({ store, table, declaration, label: entries[0]!.batch.slice(0, 16) }, file!);
    } finally {
      rows.release();
    }
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

const isClaim = ({ state }: LedgerEntry): boolean => state === stateClaimed;

/** From its rows, at least one. */
export function claimOf(claimed: readonly LedgerEntry[]): Claim {
  const { batch, source, sourceType, ymd, claimedAt, claimedUntil, again } = claimed[0]!;
  const objects = ascending(claimed.map(({ object }) => object));
  return { batch, source, sourceType, ymd, claimedAt, claimedUntil, objects, ...(again !== null && { again }) };
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
    again: claim.again ?? null,
    firstCommittedAt: null,
    counts: null,
  }));
}

interface TakenOut {
  readonly entries: EntriesByUri;
  readonly files: readonly MarkedFile[];
}

type FileOfOneDay = LiveFile & { readonly ymd: string };
const isOfOneDay = (file: LiveFile): file is FileOfOneDay => file.ymd !== null;

interface MarkedFile<File = LiveFile> {
  readonly file: File;
  /** 1 for each row that is not to be there any more. */
  readonly dropped: Uint8Array;
}

/** What stays of earlier versions than those that are `claimed`: on the account of the last of them. */
function keptEntries(
  kept: ReadonlyMap<string, KeptCounts>,
  claimed: readonly LedgerEntry[],
  replaced: EntriesByUri,
): LedgerEntry[] {
  const versions = new Map(claimed.map(({ object: { uri, etag } }) => [uri, etag]));
  return [...kept].flatMap(([uri, { rows, quarantined }]): LedgerEntry[] => {
    const [last] = (replaced.get(uri) ?? [])
      .filter(({ object }) => object.etag !== versions.get(uri))
      .sort((a, b) => (b.committedAt ?? 0) - (a.committedAt ?? 0));
    if (last?.counts == null) return [];
    const none = { skipped: 0, requestLines: 0, responseLines: 0, duplicates: 0 };
    return [{ ...last, counts: { ...last.counts, ...none, records: rows + quarantined, rows, quarantined } }];
  });
}

/** When this version of an object first was committed, by its entries, in milliseconds; undefined where it never was. */
export function firstCommit(entries: readonly LedgerEntry[], etag: string | undefined): number | undefined {
  const times = entries.flatMap(({ object, firstCommittedAt, committedAt }) =>
    object.etag === etag ? (firstCommittedAt ?? committedAt ?? []) : [],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Whether a version of an object needs no reading: it was committed, by the run `again` where one is given. */
export const isRead = (
  { state, object: { etag }, again: readBy }: LedgerEntry,
  object: ObjectInfo,
  again: string | undefined,
): boolean => state === 'committed' && etag === object.etag && (again === undefined || readBy === again);

/** Whether content of the object is committed that is not what it has now. */
export const hasOtherVersion = ({ etag }: ObjectInfo, entries: readonly LedgerEntry[] = []): boolean =>
  entries.some(({ state, object }) => state === 'committed' && object.etag !== etag);

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
