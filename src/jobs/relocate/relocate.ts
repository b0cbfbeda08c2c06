/**
 * Relocate: makes a warehouse whole that was copied or moved as a folder. Its metadata names every file by an absolute
 * URI, and so goes on naming those of the old place; here all of it is written anew for the place that the configuration
 * names: manifest lists, manifests, position delete files, intents, and at last each table's metadata. Data files are not
 * touched, and neither is anything in the old place.
 *
 * First everything is looked at: that nothing lies anywhere else, and that every file was copied. What is written then is
 * named after its content and seen by nobody before the last step of its table. Killed anywhere, the next run does the
 * rest, and until then every command that writes refuses the warehouse, since one of its tables is not at home yet.
 */
import { UsageError } from '../../config/errors.ts';
import type { Catalog, LoadedTable } from '../../iceberg/catalog.ts';
import { readFile } from '../../iceberg/files.ts';
import { findOutside } from '../../iceberg/home.ts';
import { expectWritable, parseMetadata, serializeMetadata } from '../../iceberg/metadata.ts';
import { ownTables } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { canonical, isWithin } from '../../store/places.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import { compareText } from '../../text/order.ts';
import { relocateIntents } from './intents.ts';
import { type Move, MovedStore, moved } from './places.ts';
import { checkTable, NotRelocatable, relocateTable, renamed, type TableFiles, type TableToRelocate } from './table.ts';

export interface RelocateOptions {
  /** Where the warehouse was; found from its metadata where omitted. */
  readonly from?: string;
  /** Look at everything, and change nothing. */
  readonly dryRun?: boolean;
  /** Let a catalog's tables that are still in the old place point to the new one. */
  readonly repoint?: boolean;
  readonly onPhase?: (phase: string) => void;
}

export interface RelocateReport {
  /** undefined where there was nothing to relocate. */
  readonly from?: string;
  readonly to: string;
  readonly tables: Record<string, TableFiles>;
  readonly intents: number;
  readonly seconds: number;
}

/** Opens the configured catalog over a store. */
export type OpenCatalog = (store: ObjectStore) => Promise<Catalog>;

/** Throws NotRelocatable, and UsageError where the configuration or an option does not fit. */
export async function relocate(
  runtime: Runtime,
  openCatalog: OpenCatalog,
  options: RelocateOptions = {},
): Promise<RelocateReport> {
  const { config, clock } = runtime;
  const started = clock();
  const tell = options.onPhase ?? (() => {});
  const to = canonical(config.warehouse);
  const given = options.from === undefined ? undefined : folderOf(options.from);
  const store = new MovedStore(runtime.store, given === undefined ? undefined : { from: given, to });
  const catalog = await openCatalog(store);

  tell('the catalog');
  const found = await findTables(runtime, store, catalog, to);
  const { move } = store;
  if (move === undefined) return { to, tables: {}, intents: 0, seconds: (clock() - started) / 1000 };
  if (catalog.registerTable !== undefined) expectUnknown(found);
  const tables: Record<string, TableFiles> = {};
  for (const { table, loaded } of found) {
    tell(`checking ${table.name}`);
    if (loaded !== undefined && !options.repoint) await expectOwnEntry(runtime, table.name, loaded, move);
    tables[table.name] = await checkTable(table);
  }
  if (options.dryRun) return { from: move.from, to, tables, intents: 0, seconds: (clock() - started) / 1000 };
  tell('intents');
  const intents = await relocateIntents(runtime, move);
  for (const { table, loaded } of found) {
    tell(`writing ${table.name}`);
    const metadata = await relocateTable(table, clock());
    if (loaded === undefined) {
      await catalog.ensureNamespace();
      if (catalog.registerTable === undefined) await catalog.createTable(table.name, metadata);
      else await catalog.registerTable(table.name, await writeMetadata(runtime, table, metadata));
    } else {
      const metadataLocation = moved(loaded.metadataLocation, move) ?? loaded.metadataLocation;
      await catalog.commitTable(table.name, { ...loaded, metadata: renamed(table), metadataLocation }, metadata);
    }
  }
  return { from: move.from, to, tables, intents, seconds: (clock() - started) / 1000 };
}

interface FoundTable {
  readonly name: string;
  readonly location: string;
  readonly metadata: LoadedTable['metadata'];
  readonly table: TableToRelocate;
  /** undefined where the catalog does not know it. */
  readonly loaded: LoadedTable | undefined;
}

/** A server that writes metadata itself takes no other for a table that it has. */
function expectUnknown(found: readonly FoundTable[]): void {
  const known = found.find(({ loaded }) => loaded !== undefined);
  if (known === undefined) return;
  throw new UsageError(
    `the REST catalog has table ${known.name}, and cannot be told that it is elsewhere: give the copy a namespace of its own ` +
      '(catalog.namespace); where the warehouse was moved, drop its tables there without their files; then relocate again',
  );
}

/** Where a server is to register it from. */
async function writeMetadata(
  { store, uuid }: Runtime,
  { location }: TableToRelocate,
  metadata: LoadedTable['metadata'],
): Promise<string> {
  const uri = `${location}/metadata/00000-${uuid()}.metadata.json`;
  await store.put(uri, serializeMetadata(metadata), { contentType: 'application/json' });
  return uri;
}

/** The tables that name something of the old place, or that the catalog does not know; sets the store's move. */
async function findTables(runtime: Runtime, store: MovedStore, catalog: Catalog, to: string): Promise<FoundTable[]> {
  const own = new Set(ownTables(runtime.config));
  const names = [...new Set([...own, ...(await catalog.listTables())])].sort(compareText);
  const found: Omit<FoundTable, 'table'>[] = [];
  for (const name of names) {
    const loaded = await load(catalog, name);
    const location = catalog.tableLocation(name);
    const metadata = loaded?.metadata ?? (await newestMetadata(store, location));
    if (metadata === undefined) continue;
    const outside = await placeOutside(store, catalog, name, metadata);
    if (outside === undefined && loaded !== undefined) continue;
    const from = outside === undefined ? store.move?.from : warehouseOfPath(outside, name);
    // A table of somebody else in the same catalog.
    if (!own.has(name) && (from === undefined || (store.move !== undefined && from !== store.move.from))) continue;
    if (outside !== undefined) {
      if (from === undefined || (store.move !== undefined && from !== store.move.from))
        throw new NotRelocatable(
          `table ${name} names ${outside}, which is no place of ${store.move === undefined ? 'a warehouse' : `the warehouse ${store.move.from}`}: ` +
            'only a warehouse that was copied or moved whole can be relocated; nothing was changed',
        );
      store.move ??= { from, to };
    }
    expectWritable(name, metadata);
    found.push({ name, location, metadata, loaded });
  }
  const { move } = store;
  return move === undefined
    ? []
    : found.map((one) => ({
        ...one,
        table: { store, move, name: one.name, location: one.location, metadata: one.metadata },
      }));
}

/**
 * Of a table that the catalog does not know, as it does not know those of a copy: the metadata with the most commits, and
 * of those with as many the latest.
 */
async function newestMetadata(store: ObjectStore, location: string): Promise<LoadedTable['metadata'] | undefined> {
  let newest: LoadedTable['metadata'] | undefined;
  for await (const { uri, size } of store.list(`${location}/metadata/`)) {
    if (size === 0 || !/\.metadata\.json(\.gz)?$/.test(uri)) continue;
    const metadata = parseMetadata(await readFile(store, uri), uri);
    if (newest === undefined || isLater(metadata, newest)) newest = metadata;
  }
  return newest;
}

function isLater(a: LoadedTable['metadata'], b: LoadedTable['metadata']): boolean {
  for (const field of ['last-sequence-number', 'last-updated-ms'] as const)
    if (a[field] !== b[field]) return a[field] > b[field];
  return a['metadata-log'].length > b['metadata-log'].length;
}

async function load(catalog: Catalog, name: string): Promise<LoadedTable | undefined> {
  try {
    return await catalog.loadTable(name);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
    throw new UsageError(
      `the catalog has table ${name} at ${error.uri}, which is not there: give the old place of the warehouse with --from`,
    );
  }
}

async function placeOutside(
  store: ObjectStore,
  catalog: Catalog,
  name: string,
  metadata: LoadedTable['metadata'],
): Promise<string | undefined> {
  const location = catalog.tableLocation(name);
  const isSame = isWithin(metadata.location, location) && isWithin(location, metadata.location);
  if (!isSame) return metadata.location;
  return findOutside(store, catalog, name, { metadata }, true);
}

/** What stands before `/<table>` in the place of a table, or of one of its files. */
function warehouseOfPath(path: string, table: string): string | undefined {
  const uri = canonical(path).replace(/\/+$/, '');
  const at = `${uri}/`.lastIndexOf(`/${table}/`);
  return at <= 0 ? undefined : uri.slice(0, at);
}

const folderOf = (given: string): string => canonical(given).replace(/\/+$/, '');

/** A catalog entry that the old warehouse still uses is not taken away from it unasked. */
async function expectOwnEntry({ store, config }: Runtime, name: string, { metadataLocation }: LoadedTable, move: Move) {
  if (config.catalog.type === 'file' || !isWithin(metadataLocation, move.from)) return;
  if ((await store.head(canonical(metadataLocation))) === undefined) return;
  throw new UsageError(
    `table ${name} of the catalog belongs to ${move.from}, which is still there: give the copy a database of its own ` +
      '(catalog.database), or say --repoint, and the tables of this one will be those of the copy',
  );
}
