/** The composition root: the only place where ports meet their adapters. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { openCatalog } from './catalog/index.ts';
import { warnElsewhere } from './catalog/warn-elsewhere.ts';
import type { Config } from './config/config.ts';
import type { QueryEngine, StatementEngine } from './engines/engine.ts';
import { type EngineName, openEngine, openWritingEngine, type WritingEngineName } from './engines/index.ts';
import type { Catalog } from './iceberg/catalog.ts';
import { ownTables } from './ingest/own-tables.ts';
import type { Ingester, Runtime } from './ingest/runtime.ts';
import { processOwner } from './ledger/process-owner.ts';
import type { ParquetEncoder } from './parquet/encoder.ts';
import type { Probes } from './probes/probes.ts';
import { LocalStore } from './store/local.ts';
import { RoutedStore } from './store/router.ts';
import type { ObjectStore } from './store/store.ts';
import { Throttling } from './store/throttling.ts';
import { atMostEvery } from './telemetry/at-most-every.ts';
import { logEvent } from './telemetry/events.ts';

import type { WorkerOptions, WorkerReport } from './worker/worker.ts';

export type { Runtime } from './ingest/runtime.ts';

/** Milliseconds between two lines of the log that say the same. */
const throttledLogMs = 60_000;

/** Adapters are loaded only where the configuration needs them: the AWS SDK alone takes longer to load than a small run. */
export async function createRuntime(config: Config, options: { readonly log?: Logger } = {}): Promise<OpenRuntime> {
  const { closeStore, ...parts } = await createIngestRuntime(config);
  const ingester = await createIngester(config);
  const log = options.log ?? (await import('pino')).default({ level: 'silent' });
  parts.throttling.listen(atMostEvery(throttledLogMs, () => logEvent(log, 'store-throttled')));
  const catalog = await createCatalog(config, parts.store);
  return {
    ...parts,
    catalog: warnElsewhere(catalog, ownTables(config), log),
    ingester,
    log,
    clock: Date.now,
    uuid: randomUUID,
    async close() {
      await ingester.close();
      closeStore();
    },
  };
}

/** The catalog of the configuration over a store. */
export const createCatalog = ({ catalog, warehouse, engines }: Config, store: ObjectStore): Promise<Catalog> =>
  openCatalog(catalog, { store, warehouse, engineCatalog: engines.trino?.catalog });

/** A runtime that holds connections and threads. A process that ends need not close it. */
export interface OpenRuntime extends Runtime {
  close(): Promise<void>;
}

/** What each thread that ingests has of its own. */
export async function createIngestRuntime(config: Config): Promise<
  Pick<Runtime, 'config' | 'store' | 'encoder' | 'sleep' | 'owner'> & {
    readonly throttling: Throttling;
    closeStore(): void;
  }
> {
  const throttling = new Throttling();
  const { store, closeStore } = await createStore(config, throttling);
  return {
    config,
    store,
    closeStore,
    throttling,
    encoder: await createEncoder(config),
    sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }),
    owner: processOwner(),
  };
}

/** Engines are loaded when they are opened. Throws UsageError where the configuration says too little of the engine. */
export async function createQueryEngine(
  { config, store, catalog }: Pick<Runtime, 'config' | 'store' | 'catalog'>,
  engine: EngineName = 'duckdb',
): Promise<QueryEngine> {
  const [opened, { withComputed }] = await Promise.all([
    openEngine(engine, { config, store, catalog, env: process.env }),
    import('./queries/computed.ts'),
  ]);
  return withComputed({ config, store, catalog }, opened);
}

/** What DuckDB's own command line needs to show the tables and views, as SQL. */
export async function createDuckDbScript(runtime: Pick<Runtime, 'config' | 'store' | 'catalog'>): Promise<string> {
  const { duckDbScript } = await import('./engines/duckdb/init-script.ts');
  return duckDbScript(runtime);
}

/** For jobs that change tables by SQL. Throws UsageError where the configuration says too little of the engine. */
export const createStatementEngine = (config: Config, engine: WritingEngineName): Promise<StatementEngine> =>
  openWritingEngine(engine, { config, env: process.env });

/** What `doctor` asks of the world beyond the runtime. */
export async function createProbes(config: Config): Promise<Probes> {
  const [{ awsProbes }, { trinoInfo }, { machineProbes }] = await Promise.all([
    import('./probes/aws.ts'),
    import('./probes/trino.ts'),
    import('./probes/machine.ts'),
  ]);
  return { aws: awsProbes(config), trino: trinoInfo, machine: machineProbes() };
}

/** A worker that any program can run; nothing is opened before `run`. */
export function createWorker(config: Config, options: WorkerOptions & { readonly log?: Logger } = {}): WorkerHandle {
  return {
    async run(signal) {
      const { Worker } = await import('./worker/worker.ts');
      const { SqsQueue } = await import('./queue/sqs.ts');
      const { region } = config.s3;
      const openQueue = (url: string) => new SqsQueue(url, region === undefined ? {} : { region });
      return new Worker(await createRuntime(config, options), { openQueue }, options).run(signal);
    },
  };
}

export interface WorkerHandle {
  /** Until the signal fires; with `once`, until everything there is has been worked off. */
  run(signal?: AbortSignal): Promise<WorkerReport>;
}

async function createStore(
  config: Config,
  throttling: Throttling,
): Promise<{ store: ObjectStore; closeStore(): void }> {
  const locations = [
    config.warehouse,
    config.compact.spill,
    ...[...config.sources, ...config.sideSources].map((source) => source.location),
  ];
  const usesS3 = locations.some((location) => location.startsWith('s3://'));
  const s3 = usesS3
    ? new (await import('./store/s3.ts')).S3Store({ ...config.s3, onThrottled: () => throttling.tell() })
    : undefined;
  const store = new RoutedStore({ file: new LocalStore(), ...(s3 && { s3 }) });
  return { store, closeStore: () => s3?.close() };
}

/** parquetjs-lite is the portable encoder: on the spot, one row after another. */
async function createEncoder({ output }: Config): Promise<ParquetEncoder> {
  if (output.encoder === 'parquetjs') return new (await import('./parquet/rowwise/encoder.ts')).ParquetJsEncoder();
  return new (await import('./parquet/write/encoder.ts')).ColumnarEncoder();
}

/** One thread is this one. The portable encoder is for places where there is nothing but that. */
async function createIngester(config: Config): Promise<Ingester> {
  const { threads } = config.batch;
  if (threads === 1 || config.output.encoder === 'parquetjs') return (await import('./ingest/ingester.ts')).ingestHere;
  // Compiled for places without TypeScript (deploy/lambda), the modules have another extension.
  const entry = new URL(import.meta.url.replace(/wire(\.[jt]s)$/, 'ingest-thread$1'));
  return (await import('./ingest/thread-pool.ts')).ingestPool(config, threads, entry);
}
