import { isDeepStrictEqual } from 'node:util';
import type { RestAuth } from '../../config/catalogs.ts';
import {
  type Catalog,
  CommitConflict,
  CommitStateUnknown,
  type LoadedTable,
  type ViewChanges,
  type ViewEntry,
} from '../../iceberg/catalog.ts';
import { currentSchema, metadataOf, type Snapshot, type TableMetadata } from '../../iceberg/metadata.ts';
import { compareText } from '../../text/order.ts';
import { checkTableName, isTableName } from '../table-name.ts';
import { requirementsOf, stillHolds, updatesBetween } from './changes.ts';
import { RestClient } from './client.ts';
import { asRecord, isRefusal, isStatus } from './errors.ts';
import type { HttpAnswer } from './http.ts';
import { signInBy } from './sign-in.ts';
import { registerRestViews } from './views.ts';

/**
 * Iceberg tables in a catalog that speaks the Iceberg REST protocol (Polaris, Nessie, Lakekeeper, Unity, Gravitino and
 * others). The server writes metadata files: it is told the difference to the version that a commit was prepared on, with
 * what must still be so (changes.ts), and refuses with 409 where that has changed. A commit whose answer was lost is looked
 * for in the table.
 *
 * Data files go to `<warehouse>/<table>`, through the same store and with the same credentials as with any other catalog:
 * the server is asked to put tables there, and its own credentials for files are not asked for.
 */
export interface RestCatalogOptions {
  readonly uri: string;
  /** Which warehouse of the server. */
  readonly serverWarehouse?: string | undefined;
  /** Its levels, at least one. */
  readonly namespace: readonly string[];
  readonly auth?: RestAuth | undefined;
  /** Directory URI under which new tables are placed. */
  readonly warehouse: string;
  /** The name under which Trino has the catalog: its views need it to find their tables. */
  readonly engineCatalog?: string | undefined;
}

interface KnownTable {
  readonly table: LoadedTable;
  /** By which the server knows whether it has a newer one; not every server has them. */
  readonly etag?: string;
}

/** More would be a server that repeats itself. */
const mostPages = 10_000;

export class RestCatalog implements Catalog {
  readonly #client: RestClient;
  readonly #namespace: readonly string[];
  readonly #warehouse: string;
  readonly #engineCatalog: string | undefined;
  readonly #known = new Map<string, KnownTable>();

  constructor(options: RestCatalogOptions) {
    const uri = options.uri.replace(/\/+$/, '');
    const signIn = signInBy(options.auth ?? { type: 'none' }, uri);
    this.#client = new RestClient({ uri, warehouse: options.serverWarehouse, signIn });
    this.#namespace = options.namespace;
    this.#engineCatalog = options.engineCatalog;
    this.#warehouse = options.warehouse.replace(/\/+$/, '');
  }

  tableLocation(name: string): string {
    checkTableName(name);
    return `${this.#warehouse}/${name}`;
  }

  async ensureNamespace(): Promise<void> {
    if (await this.#hasNamespace(this.#namespace)) return;
    for (let level = 1; level <= this.#namespace.length; level++) {
      const namespace = this.#namespace.slice(0, level);
      if (level === this.#namespace.length || !(await this.#hasNamespace(namespace)))
        await this.#createNamespace(namespace);
    }
  }

  async loadTable(name: string): Promise<LoadedTable | undefined> {
    const known = this.#known.get(name);
    const doing = `load table ${this.#nameOf(name)}`;
    const path = await this.#pathOf(name);
    try {
      const answer = await this.#client.call({
        doing,
        method: 'GET',
        path,
        ...(known?.etag !== undefined && { headers: { 'if-none-match': known.etag } }),
      });
      return answer.status === 304 && known !== undefined ? known.table : this.#remember(name, answer, doing);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      this.#known.delete(name);
      return undefined;
    }
  }

  lastLoaded(name: string): LoadedTable | undefined {
    return this.#known.get(name)?.table;
  }

  /** The server gives the table its uuid, and may set more properties. */
  async createTable(name: string, metadata: TableMetadata): Promise<LoadedTable> {
    checkTableName(name);
    if (metadata.snapshots.length > 0)
      throw new Error(
        `table ${this.#nameOf(name)} has a past, which a REST catalog takes only from a metadata file: register it there`,
      );
    const doing = `create table ${this.#nameOf(name)}`;
    const path = await this.#client.pathOf(this.#namespace, 'tables');
    const created = await this.#create(name, doing, path, createRequest(name, metadata));
    if (created.metadata.location !== metadata.location)
      throw new Error(
        `${doing}: the catalog has put it at ${created.metadata.location} instead of ${metadata.location}; let the ` +
          'warehouse of the catalog have the place of the key warehouse among its allowed locations',
      );
    return created;
  }

  async registerTable(name: string, metadataLocation: string): Promise<LoadedTable> {
    checkTableName(name);
    const doing = `register table ${this.#nameOf(name)}`;
    const path = await this.#client.pathOf(this.#namespace, 'register');
    return this.#create(name, doing, path, { name, 'metadata-location': metadataLocation });
  }

  async commitTable(name: string, base: LoadedTable, next: TableMetadata): Promise<LoadedTable> {
    const updates = updatesBetween(base.metadata, next);
    if (updates.length === 0) return this.#unchanged(name, base);
    const body = {
      identifier: { namespace: this.#namespace, name },
      requirements: requirementsOf(base.metadata),
      updates,
    };
    const doing = `commit to table ${this.#nameOf(name)}`;
    const path = await this.#pathOf(name);
    try {
      const committed = this.#remember(name, await this.#client.call({ doing, method: 'POST', path, body }), doing);
      return this.#keepOwn(name, committed, next);
    } catch (error) {
      if (isStatus(error, 409)) throw new CommitConflict(name, { cause: error });
      return this.#settle(name, base, next, error);
    }
  }

  async listTables(): Promise<string[]> {
    const names: string[] = [];
    const path = await this.#client.pathOf(this.#namespace, 'tables');
    const doing = `list tables of namespace ${this.#namespace.join('.')}`;
    let token: unknown;
    try {
      for (let page = 0; page < mostPages; page++) {
        const query = typeof token === 'string' ? { query: { pageToken: token } } : {};
        const { body } = await this.#client.call({ doing, method: 'GET', path, ...query });
        const { identifiers, 'next-page-token': next } = asRecord(body);
        if (!Array.isArray(identifiers)) throw new Error(`${doing}: the answer has no identifiers`);
        names.push(...identifiers.map((one) => asRecord(one).name).filter((one) => typeof one === 'string'));
        if (typeof next !== 'string' || next === '') return names.filter(isTableName).sort(compareText);
        token = next;
      }
    } catch (error) {
      if (isStatus(error, 404)) return [];
      throw error;
    }
    throw new Error(`${doing}: the catalog gives no end of pages`);
  }

  registerViews(views: readonly ViewEntry[]): Promise<ViewChanges> {
    return registerRestViews(this.#client, { namespace: this.#namespace, engineCatalog: this.#engineCatalog }, views);
  }

  async #hasNamespace(namespace: readonly string[]): Promise<boolean> {
    const path = await this.#client.pathOf(namespace);
    try {
      await this.#client.call({ doing: `load namespace ${namespace.join('.')}`, method: 'GET', path });
      return true;
    } catch (error) {
      if (isStatus(error, 404)) return false;
      throw error;
    }
  }

  async #createNamespace(namespace: readonly string[]): Promise<void> {
    const doing = `create namespace ${namespace.join('.')}`;
    try {
      await this.#client.call({ doing, method: 'POST', path: 'namespaces', body: { namespace, properties: {} } });
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
    }
  }

  /** Without an answer nobody can say whose table there is: not even its uuid is known here. */
  async #create(name: string, doing: string, path: string, body: unknown): Promise<LoadedTable> {
    try {
      return this.#remember(name, await this.#client.call({ doing, method: 'POST', path, body }), doing);
    } catch (error) {
      if (isStatus(error, 409)) throw new CommitConflict(name, { cause: error });
      if (isRefusal(error)) throw error;
      throw new CommitStateUnknown(name, { cause: error });
    }
  }

  /** The server would not look at a commit that changes nothing. */
  async #unchanged(name: string, base: LoadedTable): Promise<LoadedTable> {
    const current = await this.loadTable(name);
    if (current?.version !== base.version) throw new CommitConflict(name);
    return current;
  }

  /**
   * Finds out what became of a commit that was refused or had no answer. A refusal may well mean that the table has moved
   * on: servers check some things, such as sequence numbers, without calling it a conflict.
   */
  async #settle(name: string, base: LoadedTable, next: TableMetadata, failure: unknown): Promise<LoadedTable> {
    let current: LoadedTable | undefined;
    try {
      current = await this.loadTable(name);
    } catch {
      if (isRefusal(failure)) throw failure;
      throw new CommitStateUnknown(name, { cause: failure });
    }
    if (isRefusal(failure)) {
      if (current === undefined || current.version === base.version) throw failure;
      throw new CommitConflict(name, { cause: failure });
    }
    if (current !== undefined && holdsCommit(current.metadata, base.metadata, next)) return current;
    // While the requirements hold, what was sent may still arrive.
    if (current !== undefined && !stillHolds(base.metadata, current.metadata))
      throw new CommitConflict(name, { cause: failure });
    throw new CommitStateUnknown(name, { cause: failure });
  }

  /** Snapshots that were staged here stay the very objects, by which staging knows what it has written. */
  #keepOwn(name: string, { metadata, ...table }: LoadedTable, next: TableMetadata): LoadedTable {
    const own = new Map(next.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
    const ownOrTheirs = (theirs: Snapshot): Snapshot => {
      const ours = own.get(theirs['snapshot-id']);
      return ours !== undefined && isDeepStrictEqual(ours, theirs) ? ours : theirs;
    };
    const kept = { ...table, metadata: { ...metadata, snapshots: metadata.snapshots.map(ownOrTheirs) } };
    const known = this.#known.get(name);
    if (known?.table.metadataLocation === kept.metadataLocation) this.#known.set(name, { ...known, table: kept });
    return kept;
  }

  /** Of "LoadTableResult" and "CommitTableResponse". A metadata file never changes under its name, so it is read once. */
  #remember(name: string, { body, headers }: HttpAnswer, doing: string): LoadedTable {
    const { metadata, 'metadata-location': metadataLocation } = asRecord(body);
    if (typeof metadataLocation !== 'string') throw new Error(`${doing}: the answer names no metadata file`);
    const known = this.#known.get(name)?.table;
    const table: LoadedTable =
      known?.metadataLocation === metadataLocation
        ? known
        : { metadataLocation, metadata: metadataOf(metadata, metadataLocation), version: metadataLocation };
    const etag = headers.get('etag');
    this.#known.set(name, { table, ...(etag !== null && { etag }) });
    return table;
  }

  #pathOf(name: string): Promise<string> {
    checkTableName(name);
    return this.#client.pathOf(this.#namespace, 'tables', name);
  }

  #nameOf = (name: string): string => [...this.#namespace, name].join('.');
}

/** "CreateTableRequest": the server numbers fields in the order in which they were numbered here. */
function createRequest(name: string, metadata: TableMetadata): Record<string, unknown> {
  const spec = metadata['partition-specs'].find((one) => one['spec-id'] === metadata['default-spec-id']);
  const order = metadata['sort-orders'].find((one) => one['order-id'] === metadata['default-sort-order-id']);
  return {
    name,
    location: metadata.location,
    schema: currentSchema(metadata),
    'partition-spec': spec,
    ...(order !== undefined && order.fields.length > 0 && { 'write-order': order }),
    // Not kept as a property: servers take the format version from it.
    properties: { ...metadata.properties, 'format-version': String(metadata['format-version']) },
  };
}

/** Whether a commit from `base` to `next` is in `current`, perhaps with others on top. */
function holdsCommit(current: TableMetadata, base: TableMetadata, next: TableMetadata): boolean {
  const before = new Set(base.snapshots.map((snapshot) => snapshot['snapshot-id']));
  const added = next.snapshots.filter((snapshot) => !before.has(snapshot['snapshot-id']));
  const there = new Set(current.snapshots.map((snapshot) => snapshot['snapshot-id']));
  if (added.length > 0) return added.every((snapshot) => there.has(snapshot['snapshot-id']));
  return current['table-uuid'] === next['table-uuid'] && updatesBetween(current, next).length === 0;
}
