import type { Logger } from 'pino';
import type { Catalog } from '../iceberg/catalog.ts';
import { catalogWith } from '../iceberg/catalog-with.ts';
import { outsideNamed, warehouseOf } from '../iceberg/home.ts';
import { logEvent } from '../telemetry/events.ts';

/**
 * The same catalog, with one warning for each of these tables that names files outside of the warehouse. Commands that
 * write refuse it; those that only read go on, and what they show is the original's.
 */
export function warnElsewhere(catalog: Catalog, tables: Iterable<string>, log: Logger): Catalog {
  const left = new Set(tables);
  return catalogWith(catalog, {
    async loadTable(name) {
      const loaded = await catalog.loadTable(name);
      if (loaded === undefined || !left.delete(name)) return loaded;
      const outside = outsideNamed(catalog, name, loaded.metadata);
      if (outside !== undefined)
        logEvent(log, 'table-elsewhere', { table: name, warehouse: warehouseOf(catalog, name), outside });
      return loaded;
    },
  });
}
