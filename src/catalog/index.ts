/**
 * The catalogs that tables can be registered in, by the name that `catalog.type` takes. An adapter is loaded when it is
 * opened. A new catalog is a folder beside this file, an entry here and its keys (config/catalogs.ts).
 */
import type { CatalogConfig, CatalogConfigOf, CatalogType } from '../config/catalogs.ts';
import { UsageError } from '../config/errors.ts';
import type { Catalog } from '../iceberg/catalog.ts';
import type { ObjectStore } from '../store/store.ts';

/** Where the metadata of tables is kept. */
export interface CatalogContext {
  readonly store: ObjectStore;
  readonly warehouse: string;
  /** The name under which Trino has the catalog, where that is configured. */
  readonly engineCatalog?: string | undefined;
}

type Adapter<Type extends CatalogType> = (config: CatalogConfigOf<Type>, context: CatalogContext) => Promise<Catalog>;

export const catalogs: { readonly [Type in CatalogType]: Adapter<Type> } = {
  async file(_, { store, warehouse }) {
    const { FileCatalog } = await import('./file/catalog.ts');
    return new FileCatalog(store, warehouse);
  },
  async glue({ database, region, endpoint }, { store, warehouse }) {
    const { GlueCatalog } = await import('./glue/catalog.ts');
    return new GlueCatalog({
      database,
      store,
      warehouse,
      client: { ...(region && { region }), ...(endpoint && { endpoint }) },
    });
  },
  async rest({ uri, warehouse: serverWarehouse, namespace, auth }, { warehouse, engineCatalog }) {
    const { RestCatalog } = await import('./rest/catalog.ts');
    return new RestCatalog({ uri, serverWarehouse, namespace: namespace.split('.'), auth, warehouse, engineCatalog });
  },
};

/** Throws UsageError for a type that no catalog has. */
export async function openCatalog(config: CatalogConfig, context: CatalogContext): Promise<Catalog> {
  if (!Object.hasOwn(catalogs, config.type)) {
    throw new UsageError(`there is no catalog of type ${config.type}; there are: ${Object.keys(catalogs).join(', ')}`);
  }
  return (catalogs[config.type] as Adapter<typeof config.type>)(config as never, context);
}
