import { createHash } from 'node:crypto';
import {
  CreateDatabaseCommand,
  CreateTableCommand,
  GetDatabaseCommand,
  GetTableCommand,
  GlueClient,
  type GlueClientConfig,
  paginateGetTables,
  type Table,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import type { ViewChanges, ViewEntry } from '../../iceberg/catalog.ts';
import { type Catalog, CommitConflict, CommitStateUnknown, type LoadedTable } from '../../iceberg/catalog.ts';
import { readFile } from '../../iceberg/files.ts';
import { type LoggedMetadata, logMetadata } from '../../iceberg/history.ts';
import { parseMetadata, serializeMetadata, type TableMetadata } from '../../iceberg/metadata.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import { compareText } from '../../text/order.ts';
import { GlueError, isOvertaken, isRefusal, nameOf } from './errors.ts';
import { glueName, isIcebergTable, tableInput } from './mapping.ts';
import { registerGlueViews } from './views.ts';

/**
 * Iceberg tables in the AWS Glue Data Catalog. The pointer is the table parameter `metadata_location`; the swap is
 * UpdateTable with the VersionId that was read, which Glue refuses with ConcurrentModificationException where anything
 * in the entry has changed since. Throttling is retried by the SDK. An update whose answer was lost may have been
 * applied, also if its repetition is refused as concurrent; so every failure other than a plain refusal is read back.
 */
export interface GlueCatalogOptions {
  readonly client: GlueClientConfig;
  readonly database: string;
  /** Directory URI under which new tables are placed: `<warehouse>/<table>`. */
  readonly warehouse: string;
  readonly store: ObjectStore;
}

interface GlueTable extends LoadedTable {
  /** The entry as it was read, for what it holds beside Iceberg's own. */
  readonly entry: Table;
}

/** One call that makes a metadata file current. */
interface Swap {
  readonly call: 'CreateTable' | 'UpdateTable';
  readonly name: string;
  readonly metadata: TableMetadata;
  readonly metadataLocation: string;
  readonly base?: LoadedTable;
  readonly send: () => Promise<unknown>;
}

interface WrittenMetadata extends LoggedMetadata {
  readonly metadataLocation: string;
}

/** A table of another kind has the name. */
class NotIceberg extends Error {
  override readonly name = 'NotIceberg';
}

const loadAttempts = 4;

export class GlueCatalog implements Catalog {
  readonly #glue: GlueClient;
  readonly #database: string;
  readonly #warehouse: string;
  readonly #store: ObjectStore;
  /** As last loaded or committed here, null where there was none. A metadata file never changes under its name, so it is read once. */
  readonly #known = new Map<string, GlueTable | null>();
  /** What was written ahead, by the metadata that was given. */
  readonly #ahead = new WeakMap<TableMetadata, Promise<WrittenMetadata>>();

  constructor({ client, database, warehouse, store }: GlueCatalogOptions) {
    this.#glue = new GlueClient({ retryMode: 'adaptive', maxAttempts: 8, ...client });
    this.#database = glueName('database', database);
    this.#warehouse = warehouse.replace(/\/+$/, '');
    this.#store = store;
  }

  /** Ends open connections. */
  close(): void {
    this.#glue.destroy();
  }

  tableLocation(name: string): string {
    return `${this.#warehouse}/${glueName('table', name)}`;
  }

  async ensureNamespace(): Promise<void> {
    const Name = this.#database;
    try {
      await this.#glue.send(new GetDatabaseCommand({ Name }));
      return;
    } catch (error) {
      if (nameOf(error) !== 'EntityNotFoundException') throw new GlueError(`Glue GetDatabase ${Name}`, error);
    }
    try {
      const Description = 'Access decisions and audit logs (audit-warehouse)';
      await this.#glue.send(
        new CreateDatabaseCommand({ DatabaseInput: { Name, LocationUri: this.#warehouse, Description } }),
      );
    } catch (error) {
      if (nameOf(error) !== 'AlreadyExistsException') throw new GlueError(`Glue CreateDatabase ${Name}`, error);
    }
  }

  async loadTable(name: string): Promise<GlueTable | undefined> {
    for (let attempt = 1; ; attempt++) {
      const entry = await this.#entry(name);
      if (entry === undefined) {
        this.#known.set(name, null);
        return undefined;
      }
      const metadataLocation = entry.Parameters?.metadata_location;
      if (!isIcebergTable(entry) || metadataLocation === undefined)
        throw new NotIceberg(
          `Glue table ${this.#database}.${name} is not an Iceberg table (${entry.TableType ?? 'no type'}, ` +
            `table_type ${entry.Parameters?.table_type ?? 'not set'}): rename or drop it, or configure another catalog.database`,
        );
      try {
        const metadata = await this.#metadataAt(name, metadataLocation);
        return this.#remember(name, { metadataLocation, metadata, version: entry.VersionId ?? '', entry });
      } catch (error) {
        // Many commits later a metadata file may be deleted between the two reads; the entry then names a newer one.
        const gone = error instanceof StoreError && error.code === 'not-found';
        if (
          !gone ||
          attempt === loadAttempts ||
          (await this.#entry(name))?.Parameters?.metadata_location === metadataLocation
        )
          throw error;
      }
    }
  }

  lastLoaded(name: string): LoadedTable | null | undefined {
    return this.#known.get(name);
  }

  async createTable(name: string, metadata: TableMetadata): Promise<LoadedTable> {
    const DatabaseName = this.#database;
    const metadataLocation = await this.#writeMetadata(metadata, 0);
    const TableInput = tableInput(glueName('table', name), metadata, metadataLocation);
    const send = () => this.#glue.send(new CreateTableCommand({ DatabaseName, TableInput }));
    return this.#swap({ call: 'CreateTable', name, metadata, metadataLocation, send });
  }

  /** Nobody looks at a metadata file before the entry of its table names it. */
  async writeAhead(_name: string, base: LoadedTable, next: TableMetadata): Promise<void> {
    await this.#nextMetadata(base, next);
  }

  async commitTable(name: string, base: LoadedTable, next: TableMetadata): Promise<LoadedTable> {
    const DatabaseName = this.#database;
    const entry = 'entry' in base ? (base as GlueTable).entry : await this.#entry(name);
    if (entry === undefined || entry.VersionId !== base.version) throw new CommitConflict(name);
    const { metadata, dropped, metadataLocation } = await this.#nextMetadata(base, next);
    const previous = { entry, metadataLocation: base.metadataLocation };
    const TableInput = tableInput(glueName('table', name), metadata, metadataLocation, previous);
    const update = { DatabaseName, TableInput, VersionId: base.version, SkipArchive: true };
    const send = () => this.#glue.send(new UpdateTableCommand(update));
    const committed = await this.#swap({ call: 'UpdateTable', name, metadata, metadataLocation, base, send });
    await Promise.allSettled(dropped.map((uri) => this.#store.delete(uri)));
    return committed;
  }

  async listTables(): Promise<string[]> {
    const names: string[] = [];
    try {
      for await (const page of paginateGetTables({ client: this.#glue }, { DatabaseName: this.#database }))
        for (const table of page.TableList ?? [])
          if (table.Name !== undefined && isIcebergTable(table)) names.push(table.Name);
    } catch (error) {
      if (nameOf(error) === 'EntityNotFoundException') return [];
      throw new GlueError(`Glue GetTables in ${this.#database}`, error);
    }
    return names.sort(compareText);
  }

  registerViews(views: readonly ViewEntry[]): Promise<ViewChanges> {
    return registerGlueViews(this.#glue, this.#database, views);
  }

  async #entry(name: string): Promise<Table | undefined> {
    try {
      const answer = await this.#glue.send(
        new GetTableCommand({ DatabaseName: this.#database, Name: glueName('table', name) }),
      );
      return answer.Table;
    } catch (error) {
      if (nameOf(error) === 'EntityNotFoundException') return undefined;
      throw new GlueError(`Glue GetTable ${this.#database}.${name}`, error);
    }
  }

  #nextMetadata(base: LoadedTable, next: TableMetadata): Promise<WrittenMetadata> {
    let written = this.#ahead.get(next);
    if (written === undefined) {
      const logged = logMetadata(next, base);
      written = this.#writeMetadata(logged.metadata, versionOf(base) + 1).then((metadataLocation) => ({
        ...logged,
        metadataLocation,
      }));
      this.#ahead.set(next, written);
    }
    return written;
  }

  async #metadataAt(name: string, location: string): Promise<TableMetadata> {
    const known = this.#known.get(name);
    if (known?.metadataLocation === location) return known.metadata;
    return parseMetadata(await readFile(this.#store, location), location);
  }

  #remember(name: string, table: GlueTable): GlueTable {
    this.#known.set(name, table);
    return table;
  }

  /**
   * Sends the call that makes a metadata file current. Returns the table once that has happened, though perhaps with
   * newer commits on top; throws CommitConflict where it surely has not and cannot any more.
   */
  async #swap(swap: Swap): Promise<LoadedTable> {
    const { call, name, metadata, metadataLocation, base } = swap;
    const doing = `Glue ${call} ${this.#database}.${name}`;
    let failure: unknown;
    try {
      await swap.send();
    } catch (error) {
      failure = error;
    }
    if (failure !== undefined && isRefusal(failure)) throw new GlueError(doing, failure);
    let current: LoadedTable | undefined;
    try {
      const entry = await this.#entry(name);
      if (entry?.Parameters?.metadata_location === metadataLocation)
        return this.#remember(name, { metadataLocation, metadata, version: entry.VersionId ?? '', entry });
      current = await this.loadTable(name);
    } catch (cause) {
      if (isOvertaken(failure) && cause instanceof NotIceberg) throw cause;
      throw new CommitStateUnknown(name, { cause: failure ?? cause });
    }
    if (current !== undefined && includes(current, metadataLocation)) return current;
    // Glue also refuses an update while another is in progress, which may be our own first try: only a version that has
    // moved on settles that the update cannot take effect any more.
    const settled = isOvertaken(failure) && current !== undefined && current.version !== base?.version;
    if (!settled) throw new CommitStateUnknown(name, { cause: new GlueError(doing, failure) });
    await this.#discard(metadataLocation);
    throw new CommitConflict(name, { cause: failure });
  }

  /** The number in front orders the files of a table; the digest keeps those of competing writers apart. */
  async #writeMetadata(metadata: TableMetadata, version: number): Promise<string> {
    const bytes = serializeMetadata(metadata);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const uuidLike = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
    const uri = `${metadata.location}/metadata/${String(version).padStart(5, '0')}-${uuidLike}.metadata.json`;
    await this.#store.put(uri, bytes, { contentType: 'application/json' });
    return uri;
  }

  /**
   * Removes a metadata file that did not become current. Its name and content are bound to the version it was to
   * follow, so once that one has been followed by another, nobody can make it current any more.
   */
  async #discard(uri: string): Promise<void> {
    try {
      await this.#store.delete(uri);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }
}

/** `00012-….metadata.json` is version 12; writers that name their files otherwise are counted by the metadata log. */
function versionOf({ metadataLocation, metadata }: LoadedTable): number {
  const match = /\/(\d+)-[^/]*$/.exec(metadataLocation);
  return match === null ? metadata['metadata-log'].length : Number(match[1]);
}

function includes({ metadataLocation, metadata }: LoadedTable, location: string): boolean {
  return metadataLocation === location || metadata['metadata-log'].some((entry) => entry['metadata-file'] === location);
}
