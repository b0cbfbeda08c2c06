/** The composition root: the only place where ports meet their adapters. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pino, { type Logger } from 'pino';
import type { Catalog } from './catalog/catalog.ts';
import { FileCatalog } from './catalog/file.ts';
import { GlueCatalog } from './catalog/glue.ts';
import type { Config } from './config/config.ts';
import type { Runtime } from './jobs/runtime.ts';
import { processOwner } from './ledger/process-owner.ts';
import { ColumnarEncoder } from './parquet/columnar/encoder.ts';
import type { ParquetEncoder } from './parquet/encoder.ts';
import { ParquetJsEncoder } from './parquet/parquetjs.ts';
import { LocalStore } from './store/local.ts';
import { RoutedStore } from './store/router.ts';
import { S3Store } from './store/s3.ts';
import type { ObjectStore } from './store/store.ts';

export type { Runtime } from './jobs/runtime.ts';

export async function createRuntime(config: Config, options: { readonly log?: Logger } = {}): Promise<Runtime> {
  const store = new RoutedStore({ file: new LocalStore(), s3: new S3Store(config.s3) });
  return {
    config,
    store,
    catalog: createCatalog(config, store),
    encoder: createEncoder(config),
    owner: processOwner(),
    log: options.log ?? pino({ level: 'silent' }),
    clock: Date.now,
    sleep: (ms) => sleep(ms),
    uuid: randomUUID,
  };
}

function createCatalog(config: Config, store: ObjectStore): Catalog {
  if (config.catalog.type === 'file') return new FileCatalog(store, config.warehouse);
  const { database, region, endpoint } = config.catalog;
  return new GlueCatalog({
    database,
    store,
    warehouse: config.warehouse,
    client: { ...(region && { region }), ...(endpoint && { endpoint }) },
  });
}

function createEncoder(config: Config): ParquetEncoder {
  return config.output.encoder === 'columnar' ? new ColumnarEncoder() : new ParquetJsEncoder();
}
