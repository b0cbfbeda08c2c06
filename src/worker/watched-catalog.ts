import { type Catalog, CommitConflict } from '../iceberg/catalog.ts';
import { catalogWith } from '../iceberg/catalog-with.ts';

/** The same catalog, telling of each commit that another writer overtook. */
export const watchConflicts = (catalog: Catalog, onConflict: (table: string) => void): Catalog =>
  catalogWith(catalog, {
    async commitTable(name, base, metadata, later) {
      try {
        return await catalog.commitTable(name, base, metadata, later);
      } catch (error) {
        if (error instanceof CommitConflict) onConflict(name);
        throw error;
      }
    },
  });
