/**
 * A table belongs to the warehouse that its files are in. Metadata names files by absolute URIs, so a warehouse that was
 * copied or moved as a folder goes on naming those of the original: written to, it would put its files there, and what
 * the original removes later would be missing here. Such a table is read, and never written to.
 *
 * Data files elsewhere are no sign of that where the table's own metadata and manifests are here: other engines add such files
 * to a table (Spark's `add_files` and `snapshot`). Nothing here deletes or changes a file outside of the warehouse, so
 * commands go on, and `doctor`, `verify` and `erase` name those files.
 */
import pLimit from 'p-limit';
import { isWithin } from '../store/places.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Catalog, LoadedTable } from './catalog.ts';
import { deleted } from './manifest.ts';
import { currentSnapshot, type TableMetadata } from './metadata.ts';
import { openManifests, readManifestList } from './scan.ts';
import { isTableFault } from './table-fault.ts';

/** A table's metadata, or its list of manifests, names places outside of the warehouse. */
export class OutsideWarehouse extends Error {
  override readonly name = 'OutsideWarehouse';
  readonly code = 'outside-warehouse';
  readonly table: string;
  readonly outside: string;
  constructor(table: string, warehouse: string, outside: string) {
    super(
      `table ${table} of the warehouse ${warehouse} points outside of it, to ${outside}: the warehouse is a copy of another one, or was moved. Nothing is written, since it would change the original. audit-warehouse relocate makes a copy that is whole a warehouse of its own; or set warehouse to the original, or to a new place, which backfill fills again from the sources`,
    );
    this.table = table;
    this.outside = outside;
  }
}

/** Where the tables of a catalog are. */
export const warehouseOf = (catalog: Pick<Catalog, 'tableLocation'>, table: string): string =>
  catalog.tableLocation(table).slice(0, -(table.length + 1));

const atHome = new WeakMap<TableMetadata, string>();

/** The first place that the metadata itself names outside of the warehouse; undefined where there is none. */
function outsideOf(metadata: TableMetadata, warehouse: string): string | undefined {
  if (atHome.get(metadata) === warehouse) return undefined;
  const named = [
    metadata.location,
    ...metadata.snapshots.map((snapshot) => snapshot['manifest-list']),
    ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
  ];
  const folders = new Set(named.map((uri) => uri.slice(0, uri.lastIndexOf('/') + 1) || uri));
  const outside = [metadata.location, ...folders].find((uri) => !isWithin(uri, warehouse));
  if (outside === undefined) atHome.set(metadata, warehouse);
  return outside;
}

/** The first place outside of the warehouse that the metadata itself names, for commands that only read. */
export const outsideNamed = (catalog: Pick<Catalog, 'tableLocation'>, table: string, metadata: TableMetadata) =>
  outsideOf(metadata, warehouseOf(catalog, table));

/** Throws OutsideWarehouse. Cheap: looks at the metadata alone. To be asked of every version that is committed on. */
export function expectHome(catalog: Pick<Catalog, 'tableLocation'>, table: string, metadata: TableMetadata): void {
  const warehouse = warehouseOf(catalog, table);
  const outside = outsideOf(metadata, warehouse);
  if (outside !== undefined) throw new OutsideWarehouse(table, warehouse, outside);
}

/**
 * The first place outside of the warehouse that a table's metadata or its list of manifests names, as a copy's do; `withFiles`, or else
 * the first file there that holds rows of the table, or deletes some.
 */
export async function findOutside(
  store: ObjectStore,
  catalog: Pick<Catalog, 'tableLocation'>,
  table: string,
  { metadata }: Pick<LoadedTable, 'metadata'>,
  withFiles = false,
): Promise<string | undefined> {
  const warehouse = warehouseOf(catalog, table);
  const outside = outsideOf(metadata, warehouse);
  if (outside !== undefined) return outside;
  const manifests = await readManifestList(store, currentSnapshot(metadata));
  const strange = manifests.find(({ path }) => !isWithin(path, warehouse));
  if (strange !== undefined || !withFiles) return strange?.path;
  for await (const { manifest } of openManifests(store, manifests))
    for (const { status, file } of manifest.entries)
      if (status !== deleted && !isWithin(file.path, warehouse)) return file.path;
  return undefined;
}

const tablesAtOnce = 16;

/** For commands that write, before they do: throws OutsideWarehouse where any of these tables is that of another warehouse. */
export async function expectTablesAtHome(
  store: ObjectStore,
  catalog: Pick<Catalog, 'loadTable' | 'tableLocation'>,
  tables: Iterable<string>,
): Promise<void> {
  const limit = pLimit(tablesAtOnce);
  const outsideOfTable = async (table: string): Promise<string | undefined> => {
    try {
      const loaded = await catalog.loadTable(table);
      return loaded && (await findOutside(store, catalog, table, loaded));
    } catch (error) {
      // One that cannot be read is told of where it is used, and keeps nobody from the others.
      if (!isTableFault(error)) throw error;
      return undefined;
    }
  };
  const look = async (table: string): Promise<void> => {
    const outside = await outsideOfTable(table);
    if (outside !== undefined) throw new OutsideWarehouse(table, warehouseOf(catalog, table), outside);
  };
  await Promise.all([...tables].map((table) => limit(look, table)));
}
