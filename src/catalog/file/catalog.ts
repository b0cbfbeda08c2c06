import { type Catalog, CommitConflict, CommitStateUnknown, type LoadedTable } from '../../iceberg/catalog.ts';
import { readFile } from '../../iceberg/files.ts';
import { logMetadata } from '../../iceberg/history.ts';
import { parseMetadata, serializeMetadata, type TableMetadata } from '../../iceberg/metadata.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import { compareText } from '../../text/order.ts';

/**
 * A catalog that is only a directory: `<root>/<table>/metadata/v<N>.metadata.json`, of which the highest N is current,
 * and `version-hint.text` beside it (the layout of Iceberg's Hadoop tables, which DuckDB, Spark and PyIceberg open by
 * path). A commit creates v<N+1>, put-if-absent, so exactly one writer can follow each version.
 *
 * The hint is only a shortcut: readers look on from where it points, and list where it is missing or wrong. Old metadata
 * files are emptied rather than deleted, since their names are what a writer that was asleep for hundreds of commits
 * must still find taken. Never delete a v<N>.metadata.json of a table in use.
 */
export class FileCatalog implements Catalog {
  readonly #store: ObjectStore;
  readonly #root: string;

  /** `root`: directory URI of the warehouse. */
  constructor(store: ObjectStore, root: string) {
    this.#store = store;
    this.#root = root.replace(/\/+$/, '');
  }

  /** Directories come with their first object. */
  async ensureNamespace(): Promise<void> {}

  tableLocation(name: string): string {
    checkName(name);
    return `${this.#root}/${name}`;
  }

  async loadTable(name: string): Promise<LoadedTable | undefined> {
    for (let attempt = 1; ; attempt++) {
      const version = await this.#currentVersion(name, attempt > 1);
      if (version === undefined) return undefined;
      const bytes = await readFile(this.#store, this.#metadataUri(name, version));
      if (bytes.length > 0) return this.#loaded(name, version, parseMetadata(bytes, this.#metadataUri(name, version)));
      // Emptied, so far from current: the hint was stale, or others have committed hundreds of times meanwhile.
      if (attempt === 3)
        throw new Error(`table ${name}: no metadata file under ${this.tableLocation(name)}/metadata has content`);
    }
  }

  async createTable(name: string, metadata: TableMetadata): Promise<LoadedTable> {
    await this.#create(name, 1, metadata);
    await this.#writeHint(name, 1);
    return this.#loaded(name, 1, metadata);
  }

  async commitTable(name: string, base: LoadedTable, metadata: TableMetadata): Promise<LoadedTable> {
    const version = Number(base.version) + 1;
    const logged = logMetadata(metadata, base);
    await this.#create(name, version, logged.metadata);
    await this.#writeHint(name, version);
    for (const uri of logged.dropped) await this.#empty(name, uri);
    return this.#loaded(name, version, logged.metadata);
  }

  async listTables(): Promise<string[]> {
    const names: string[] = [];
    const prefix = `${this.#root}/`;
    for await (const folder of this.#store.listFolders(prefix)) {
      const name = folder.slice(prefix.length, -1);
      if (isName(name) && (await this.#exists(name, 1))) names.push(name);
    }
    return names.sort(compareText);
  }

  async #currentVersion(name: string, byListing: boolean): Promise<number | undefined> {
    const hint = byListing ? undefined : await this.#readHint(name);
    let version = hint !== undefined && (await this.#exists(name, hint)) ? hint : await this.#listVersions(name);
    if (version === undefined) return undefined;
    while (await this.#exists(name, version + 1)) version++;
    return version;
  }

  async #listVersions(name: string): Promise<number | undefined> {
    const prefix = `${this.tableLocation(name)}/metadata/v`;
    let last: number | undefined;
    for await (const { uri } of this.#store.list(prefix)) {
      const match = /^(\d+)\.metadata\.json$/.exec(uri.slice(prefix.length));
      if (match !== null) last = Math.max(last ?? 0, Number(match[1]));
    }
    return last;
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

  /** Best effort: whatever it says, or if it is missing, readers find the current version. */
  async #writeHint(name: string, version: number): Promise<void> {
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

  async #create(name: string, version: number, metadata: TableMetadata): Promise<void> {
    const uri = this.#metadataUri(name, version);
    const bytes = Buffer.from(serializeMetadata(metadata));
    try {
      await this.#store.put(uri, bytes, { ifNoneMatch: '*', contentType: 'application/json' });
    } catch (error) {
      if (!(error instanceof StoreError) || error.code === 'access-denied' || error.code === 'invalid-uri') throw error;
      // A put whose answer was lost meets its own object when it is sent again, so look whose object stands there.
      const standing = await this.#tryRead(uri);
      if (standing?.equals(bytes)) return;
      if (error.code === 'precondition-failed') throw new CommitConflict(name, { cause: error });
      throw new CommitStateUnknown(name, { cause: error });
    }
  }

  /** undefined where there is nothing, or nothing can be read now. */
  async #tryRead(uri: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#store, uri);
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }

  async #exists(name: string, version: number): Promise<boolean> {
    return (await this.#store.head(this.#metadataUri(name, version))) !== undefined;
  }

  #loaded(name: string, version: number, metadata: TableMetadata): LoadedTable {
    return { metadataLocation: this.#metadataUri(name, version), metadata, version: String(version) };
  }

  #metadataUri(name: string, version: number): string {
    return `${this.tableLocation(name)}/metadata/v${version}.metadata.json`;
  }

  #hintUri(name: string): string {
    return `${this.tableLocation(name)}/metadata/version-hint.text`;
  }
}

const isName = (name: string): boolean => /^[a-z0-9_]{1,255}$/.test(name);

function checkName(name: string): void {
  if (!isName(name)) throw new Error(`table name ${JSON.stringify(name)}: only a to z, 0 to 9 and _ may be used`);
}
