import type { Catalog } from './catalog.ts';

/** The same catalog, but for these of its operations. */
export const catalogWith = (catalog: Catalog, others: Partial<Catalog>): Catalog => ({
  ensureNamespace: () => catalog.ensureNamespace(),
  loadTable: (name) => catalog.loadTable(name),
  ...(catalog.lastLoaded && { lastLoaded: (name) => catalog.lastLoaded!(name) }),
  createTable: (name, metadata, later) => catalog.createTable(name, metadata, later),
  ...(catalog.registerTable && { registerTable: (name, location) => catalog.registerTable!(name, location) }),
  ...(catalog.writeAhead && { writeAhead: (name, base, metadata) => catalog.writeAhead!(name, base, metadata) }),
  commitTable: (name, base, metadata, later) => catalog.commitTable(name, base, metadata, later),
  listTables: () => catalog.listTables(),
  tableLocation: (name) => catalog.tableLocation(name),
  ...(catalog.registerViews && { registerViews: (views) => catalog.registerViews!(views) }),
  ...others,
});
