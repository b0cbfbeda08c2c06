import { type Catalog, CommitConflict } from '../iceberg/catalog.ts';

/** The same catalog, telling of each commit that another writer overtook. */
export function watchConflicts(catalog: Catalog, onConflict: (table: string) => void): Catalog {
  return {
    ensureNamespace: () => catalog.ensureNamespace(),
    loadTable: (name) => catalog.loadTable(name),
    createTable: (name, metadata, later) => catalog.createTable(name, metadata, later),
    ...(catalog.lastLoaded && { lastLoaded: (name) => catalog.lastLoaded!(name) }),
    ...(catalog.writeAhead && { writeAhead: (name, base, metadata) => catalog.writeAhead!(name, base, metadata) }),
    listTables: () => catalog.listTables(),
    tableLocation: (name) => catalog.tableLocation(name),
    ...(catalog.registerViews && { registerViews: (views) => catalog.registerViews!(views) }),
    commitTable: async (name, base, metadata, later) => {
      try {
        return await catalog.commitTable(name, base, metadata, later);
      } catch (error) {
        if (error instanceof CommitConflict) onConflict(name);
        throw error;
      }
    },
  };
}
