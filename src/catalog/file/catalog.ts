import { gzipSync } from 'node:zlib';
import { type Catalog, CommitConflict, CommitStateUnknown, type LoadedTable } from '../../iceberg/catalog.ts';
import { mapAhead, readFile, readVersion } from '../../iceberg/files.ts';
import { logMetadata } from '../../iceberg/history.ts';
import { parseMetadata, serializeMetadata, type TableMetadata } from '../../iceberg/metadata.ts';
import { TableFault } from '../../iceberg/table-fault.ts';
import { nextTurn } from '../../store/event-loop.ts';
import { isTransient } from '../../store/retry.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import { compareText } from '../../text/order.ts';
import { checkTableName, isTableName } from '../table-name.ts';

/** Folders looked into at a time. */
const foldersAhead = 32;

/**
 * A catalog that is only a directory: `<root>/<table>/metadata/v<N>.metadata.json`, of which the highest N is current,
 * and `version-hint.text` beside it (the layout of Iceberg's Hadoop tables, which DuckDB, Spark and PyIceberg open by
 * path). A commit creates v<N+1>, put-if-absent, so exactly one writer can follow each version. Where the table asks for
 * compressed metadata, all its writers call that v<N+1>.gz.metadata.json.
 *
 * The hint is only a shortcut: readers look on from where it points, and list where it is missing or wrong. A catalog that
 * has loaded a table before only asks, at one time, whether that version still stands and whether there is a next one.
 * Old metadata
 * files are emptied rather than deleted, since their names are what a writer that was asleep for hundreds of commits
 * must still find taken. Never delete a v<N>.metadata.json of a table in use.
 */
export class FileCatalog implements Catalog {
  readonly #store: ObjectStore;
  readonly #root: string;
  /** The newest version of each table that was loaded or made here; null where there was none. */
  readonly #known = new Map<string, KnownTable | null>();
  /** The last hint of each table that was written here, so that none overtakes another. */
  readonly #hints = new Map<string, Promise<void>>();
  /** A listing that is about to be made, for all who ask for it at the same time. */
  #folders: Promise<ReadonlySet<string> | undefined> | undefined;

  /** `root`: directory URI of the warehouse. */
  constructor(store: ObjectStore, root: string) {
    this.#store = store;
    this.#root = root.replace(/\/+$/, '');
  }

  /** Directories come with their first object. */
  async ensureNamespace(): Promise<void> {}

  tableLocation(name: string): string {
    checkTableName(name);
    return `${this.#root}/${name}`;
  }

  async loadTable(name: string): Promise<LoadedTable | undefined> {
    const known = this.#known.get(name);
    if (known != null && (await this.#isCurrent(name, known))) return known.table;
    this.#known.delete(name);
    const found = await this.#find(name);
    if (found !== undefined) return this.#remember(name, found);
    if (!this.#known.has(name)) this.#known.set(name, null);
    return undefined;
  }

  lastLoaded(name: string): LoadedTable | null | undefined {
    const known = this.#known.get(name);
    return known === null ? null : known?.table;
  }

  async createTable(name: string, metadata: TableMetadata, later?: Later): Promise<LoadedTable> {
    const created = await this.#create(name, 1, metadata);
    await handOn(this.#writeHint(name, 1), later);
    return this.#remember(name, created);
  }

  async commitTable(name: string, base: LoadedTable, metadata: TableMetadata, later?: Later): Promise<LoadedTable> {
    const version = Number(base.version) + 1;
    const logged = logMetadata(metadata, base);
    const created = await this.#create(name, version, logged.metadata);
    const rest = [this.#writeHint(name, version), ...logged.dropped.map((uri) => this.#empty(name, uri))];
    await handOn(Promise.all(rest), later);
    return this.#remember(name, created);
  }

  async listTables(): Promise<string[]> {
    const prefix = `${this.#root}/`;
    const folders: string[] = [];
    for await (const folder of this.#store.listFolders(prefix)) folders.push(folder.slice(prefix.length, -1));
    const names: string[] = [];
    const looked = mapAhead(folders.filter(isTableName), foldersAhead, async (name) => ({
      name,
      // Spark deletes old versions, where the table says so, and `remove_orphan_files` those that were emptied here.
      isTable: (await this.#exists(name, 1)) || (await this.#listVersions(name)) !== undefined,
    }));
    for await (const { name, isTable } of looked) if (isTable) names.push(name);
    return names.sort(compareText);
  }

  async #isCurrent(name: string, { table, etag }: KnownTable): Promise<boolean> {
    const [standing, isFollowed] = await Promise.all([
      this.#store.head(table.metadataLocation),
      this.#exists(name, Number(table.version) + 1),
    ]);
    // Another file stands there where the table was made anew, or the version is so old that it has been emptied.
    return standing?.etag === etag && !isFollowed;
  }

  async #find(name: string): Promise<KnownTable | undefined> {
    for (let attempt = 1; ; attempt++) {
      const [hint, isMissing] =
        attempt > 1 ? [undefined, false] : await Promise.all([this.#readHint(name), this.#isMissing(name)]);
      if (hint === undefined && isMissing) return undefined;
      const hinted = hint === undefined ? undefined : await this.#newestFrom(name, hint);
      const listed = hinted === undefined ? await this.#listVersions(name) : undefined;
      const newest = hinted ?? (listed === undefined ? undefined : await this.#newestFrom(name, listed));
      if (newest === undefined && listed === undefined) return undefined;
      if (newest !== undefined && newest.bytes.length > 0) return this.#parsed(newest);
      // Emptied, so far from current: the hint was stale, or others have committed hundreds of times meanwhile.
      if (attempt === 3)
        throw new TableFault(`table ${name}: no metadata file under ${this.tableLocation(name)}/metadata has content`);
    }
  }

  /** The version and the one after it are read at one time, since the first one nearly always is the newest. */
  async #newestFrom(name: string, version: number): Promise<VersionFile | undefined> {
    let [file, next] = await Promise.all([this.#readExpected(name, version), this.#read(name, version + 1)]);
    if (file === undefined) return undefined;
    while (next !== undefined) {
      file = next;
      next = await this.#read(name, file.version + 1);
    }
    return file;
  }

  /** undefined where there is no such version. */
  async #read(name: string, version: number): Promise<VersionFile | undefined> {
    const [plain, compressed] = await Promise.all(
      this.#metadataUris(name, version).map((uri) => this.#readFile(uri, version)),
    );
    return plain ?? compressed;
  }

  /** The same of a version that is likely to be there: nearly always plain. */
  async #readExpected(name: string, version: number): Promise<VersionFile | undefined> {
    const [plain, compressed] = this.#metadataUris(name, version);
    return (await this.#readFile(plain, version)) ?? this.#readFile(compressed, version);
  }

  async #readFile(uri: string, version: number): Promise<VersionFile | undefined> {
    try {
      const { info, bytes } = await readVersion(this.#store, uri);
      return { uri, version, bytes, etag: info.etag };
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async #listVersions(name: string): Promise<number | undefined> {
    const prefix = `${this.tableLocation(name)}/metadata/v`;
    let last: number | undefined;
    for await (const { uri } of this.#store.list(prefix)) {
      const match = /^(\d+)(?:\.gz)?\.metadata\.json$/.exec(uri.slice(prefix.length));
      if (match !== null) last = Math.max(last ?? 0, Number(match[1]));
    }
    return last;
  }

  /** true where nothing at all is in the folder of the table; one listing for all tables that are asked for at a time. */
  async #isMissing(name: string): Promise<boolean> {
    this.#folders ??= this.#listFolders();
    const folders = await this.#folders;
    return folders !== undefined && !folders.has(`${this.tableLocation(name)}/`);
  }

  /** undefined where they cannot be listed: a folder may be open to those alone who know its name. */
  async #listFolders(): Promise<ReadonlySet<string> | undefined> {
    // Whatever is asked after the listing has begun may be about a table that it does not show.
    await nextTurn();
    this.#folders = undefined;
    try {
      const folders = new Set<string>();
      for await (const folder of this.#store.listFolders(`${this.#root}/`)) folders.add(folder);
      return folders;
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }

  async #readHint(name: string): Promise<number | undefined> {
    try {
      const text = (await readFile(this.#store, this.#hintUri(name))).toString('latin1').trim();
      return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  /** Best effort: whatever it says, or if it is missing, readers find the current version. Never rejects. */
  #writeHint(name: string, version: number): Promise<void> {
    const before = this.#hints.get(name) ?? Promise.resolve();
    const written = before.then(() => this.#putHint(name, version));
    this.#hints.set(name, written);
    return written;
  }

  async #putHint(name: string, version: number): Promise<void> {
    try {
      await this.#store.put(this.#hintUri(name), Buffer.from(String(version)), { contentType: 'text/plain' });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  async #empty(name: string, uri: string): Promise<void> {
    if (!uri.startsWith(`${this.tableLocation(name)}/metadata/v`)) return;
    try {
      await this.#store.put(uri, new Uint8Array(0), { contentType: 'application/json' });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  async #create(name: string, version: number, metadata: TableMetadata): Promise<KnownTable> {
    const [plain, compressed] = this.#metadataUris(name, version);
    const isCompressed = metadata.properties?.['write.metadata.compression-codec']?.toLowerCase() === 'gzip';
    const uri = isCompressed ? compressed : plain;
    const text = Buffer.from(serializeMetadata(metadata));
    const bytes = isCompressed ? gzipSync(text) : text;
    const table = { metadataLocation: uri, metadata, version: String(version) };
    try {
      const { etag } = await this.#store.put(uri, bytes, { ifNoneMatch: '*', contentType: 'application/json' });
      return { table, etag };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // A put whose answer was lost meets its own object when it is sent again, so look whose object stands there.
      const standing = await this.#tryRead(name, version);
      if (standing?.bytes.equals(bytes)) return { table, etag: standing.etag };
      if (error.code === 'precondition-failed') throw new CommitConflict(name, { cause: error });
      // Whatever else it is, such as a full disk, it is no better on the next try.
      if (!isTransient(error)) throw error;
      throw new CommitStateUnknown(name, { cause: error });
    }
  }

  /** undefined where there is nothing, or nothing can be read now. */
  async #tryRead(name: string, version: number): Promise<VersionFile | undefined> {
    try {
      return await this.#read(name, version);
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }

  async #exists(name: string, version: number): Promise<boolean> {
    const found = await Promise.all(this.#metadataUris(name, version).map((uri) => this.#store.head(uri)));
    return found.some((info) => info !== undefined);
  }

  #parsed({ uri, version, bytes, etag }: VersionFile): KnownTable {
    const metadata = parseMetadata(bytes, uri);
    return { table: { metadataLocation: uri, metadata, version: String(version) }, etag };
  }

  /** Calls may overtake each other: what is newer stays. */
  #remember(name: string, found: KnownTable): LoadedTable {
    const known = this.#known.get(name);
    if (known == null || Number(known.table.version) < Number(found.table.version)) this.#known.set(name, found);
    return found.table;
  }

  /** What the file of a version is called, plain and compressed. */
  #metadataUris(name: string, version: number): [plain: string, compressed: string] {
    const uri = `${this.tableLocation(name)}/metadata/v${version}`;
    return [`${uri}.metadata.json`, `${uri}.gz.metadata.json`];
  }

  #hintUri(name: string): string {
    return `${this.tableLocation(name)}/metadata/version-hint.text`;
  }
}

type Later = (rest: Promise<void>) => void;

/** Waits for the rest of a commit, unless somebody else does. */
async function handOn(rest: Promise<unknown>, later: Later | undefined): Promise<void> {
  const done = rest.then(() => {});
  if (later === undefined) await done;
  else later(done);
}

interface KnownTable {
  readonly table: LoadedTable;
  /** Of its metadata file. */
  readonly etag: string;
}

/** A metadata file as it was read. */
interface VersionFile {
  readonly uri: string;
  readonly version: number;
  readonly bytes: Buffer;
  readonly etag: string;
}
