/** The composition root: the only place where ports meet their adapters. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pino, { type Logger } from 'pino';
import type { Catalog } from './catalog/catalog.ts';
import { FileCatalog } from './catalog/file.ts';
import type { Config } from './config/config.ts';
import type { QueryEngine } from './engines/engine.ts';
import type { Runtime } from './jobs/runtime.ts';
import { processOwner } from './ledger/process-owner.ts';
import { type Layout, layOut } from './parquet/layout.ts';
import { LocalStore } from './store/local.ts';
import { RoutedStore } from './store/router.ts';
import type { ObjectStore } from './store/store.ts';

export type { Runtime } from './jobs/runtime.ts';

/** Adapters are loaded only where the configuration needs them: the AWS SDK alone takes longer to load than a small run. */
export async function createRuntime(config: Config, options: { readonly log?: Logger } = {}): Promise<Runtime> {
  const store = await createStore(config);
  return {
    config,
    store,
    catalog: await createCatalog(config, store),
    layOut: await createLayout(config),
    owner: processOwner(),
    log: options.log ?? pino({ level: 'silent' }),
    clock: Date.now,
    sleep: (ms) => sleep(ms),
    uuid: randomUUID,
  };
}

/** DuckDB is large, so only queries load it. */
export const createQueryEngine = async (runtime: Runtime): Promise<QueryEngine> =>
  (await import('./engines/duckdb.ts')).createDuckDbEngine(runtime);

async function createStore(config: Config): Promise<ObjectStore> {
  const locations = [config.warehouse, ...config.sources.map((source) => source.location)];
  const usesS3 = locations.some((location) => location.startsWith('s3://'));
  const s3 = usesS3 ? { s3: new (await import('./store/s3.ts')).S3Store(config.s3) } : {};
  return new RoutedStore({ file: new LocalStore(), ...s3 });
}

async function createCatalog(config: Config, store: ObjectStore): Promise<Catalog> {
  const { catalog, warehouse } = config;
  if (catalog.type === 'file') return new FileCatalog(store, warehouse);
  const { GlueCatalog } = await import('./catalog/glue.ts');
  const { database, region, endpoint } = catalog;
  return new GlueCatalog({
    database,
    store,
    warehouse,
    client: { ...(region && { region }), ...(endpoint && { endpoint }) },
  });
}

/** parquetjs-lite is the portable encoder: on the spot, one row after another. */
async function createLayout({ output }: Config): Promise<Layout> {
  if (output.encoder === 'parquetjs') return layOut(new (await import('./parquet/parquetjs.ts')).ParquetJsEncoder());
  if (output.threads > 0) return (await import('./parquet/layout-pool.ts')).layoutPool(output.threads);
  return layOut(new (await import('./parquet/columnar/encoder.ts')).ColumnarEncoder());
}
