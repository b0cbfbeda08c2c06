/** A small warehouse in memory to run jobs on, and readers of what they made. */
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import pino from 'pino';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { Value } from '../../src/columns/types.ts';
import type { Config } from '../../src/config/config.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { ingestHere } from '../../src/ingest/ingester.ts';
import type { Ingester, Runtime } from '../../src/ingest/runtime.ts';
import { backfill } from '../../src/jobs/backfill/backfill.ts';
import type { BackfillOptions, BackfillReport } from '../../src/jobs/backfill/report.ts';
import type { Owner } from '../../src/ledger/owner.ts';
import type { ParquetEncoder } from '../../src/parquet/encoder.ts';
import { readRows } from '../../src/parquet/read/row-reader.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { nextTurn } from '../../src/store/event-loop.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectStore } from '../../src/store/store.ts';

export const warehouse = 'memory://test/warehouse';
export const input = 'memory://test/logs';

/** An object of the source, by its number or name. */
export const objectUri = (name: string | number): string =>
  `${input}/eopa=a/first_ts=null/last_ts=null/batch_id=${name}.jsonl`;

export interface WorldOptions {
  readonly store?: ObjectStore;
  readonly sources?: readonly SourceConfig[];
  readonly sideSources?: Config['sideSources'];
  readonly stewards?: Config['stewards'];
  readonly batch?: Partial<Config['batch']>;
  readonly limits?: Partial<Config['limits']>;
  readonly output?: Partial<Config['output']>;
  readonly worker?: Partial<Config['worker']>;
  readonly compact?: Partial<Config['compact']>;
  readonly expire?: Partial<Config['expire']>;
  readonly retention?: Config['retention'];
  readonly encoder?: ParquetEncoder;
  /** Batches in work at a time, as with real threads, but in this one. */
  readonly threads?: number;
  readonly owner?: Owner;
  readonly clock?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

export const opaSourceConfig: SourceConfig = { name: 'eopa', type: 'opa', location: input, columns: {} };

export function testConfig(options: WorldOptions = {}): Config {
  return {
    warehouse,
    catalog: { type: 'file' },
    s3: { forcePathStyle: false },
    sources: options.sources ?? [opaSourceConfig],
    sideSources: options.sideSources ?? [],
    stewards: options.stewards ?? [],
    queries: [],
    limits: {
      recordBytes: 1 << 20,
      nestingDepth: 512,
      objectBytes: 64 << 20,
      compressionRatio: 200,
      rejectedRecords: 4_000_000,
      daysPerBatch: 3660,
      ...options.limits,
    },
    batch: {
      bytes: 1 << 20,
      objects: 1000,
      claimSeconds: 600,
      downloads: 4,
      downloadBytes: 4 << 20,
      columnBytes: 16 << 20,
      identityBytes: 16 << 20,
      threads: 1,
      ...options.batch,
    },
    output: {
      encoder: 'columnar',
      rowGroupRows: 10_000,
      fileRows: 100_000,
      compressionLevel: 1,
      ...options.output,
    },
    expire: { snapshotsSeconds: 5 * 86_400, keepSnapshots: 10, graceSeconds: 3 * 86_400, ...options.expire },
    retention: options.retention ?? {},
    compact: {
      targetBytes: 1 << 20,
      smallFiles: 4,
      excessFiles: 8,
      unsortedPercent: 10,
      findDuplicates: true,
      rowGroupRows: 1000,
      compressionLevel: 3,
      memoryBytes: 64 << 20,
      partBytes: 1 << 30,
      spill: 'memory://test/spill',
      clustering: {},
      ...options.compact,
    },
    worker: {
      batchAgeSeconds: 30,
      commitIntervalSeconds: 60,
      pollIntervalSeconds: 60,
      lookBackSeconds: 7200,
      okeraLookBackSeconds: 7 * 86_400,
      relistSeconds: 86_400,
      visibilitySeconds: 120,
      shutdownSeconds: 60,
      tries: 10,
      ...options.worker,
    },
    engines: { athena: { catalog: 'AwsDataCatalog' } },
  };
}

/** An owner that nobody can tell dead: only deadlines count. */
export const owner = (id: string): Owner => ({ id, isDead: () => false });

export function testRuntime(options: WorldOptions = {}): Runtime {
  const store = options.store ?? new MemoryStore();
  return {
    config: testConfig(options),
    store,
    catalog: new FileCatalog(store, warehouse),
    encoder: options.encoder ?? new ColumnarEncoder(),
    ingester: options.threads === undefined ? ingestHere : severalHere(options.threads),
    owner: options.owner ?? owner('test'),
    log: pino({ level: 'silent' }),
    clock: options.clock ?? (() => Date.UTC(2026, 0, 1)),
    // No time passes, but a wait lets others go on.
    sleep: options.sleep ?? nextTurn,
    uuid: numberedIds('test'),
  };
}

/** Their reading parts take turns: a thread ingests one batch at a time. */
function severalHere(threads: number): Ingester {
  const limit = pLimit(1);
  return { ...ingestHere, threads, ingest: (...given) => limit(() => ingestHere.ingest(...given)) };
}

/** Ids that are the same in every run, and others for each name. */
export function numberedIds(name: string): () => string {
  const prefix = createHash('sha1').update(name).digest('hex').slice(0, 8);
  let last = 0;
  return () => `${prefix}-0000-4000-8000-${String(++last).padStart(12, '0')}`;
}

export const run = (runtime: Runtime, options: BackfillOptions = {}): Promise<BackfillReport> =>
  backfill(runtime, options, { update: () => {} });

export type Rows = Record<string, Value>[];

/** All rows of the current snapshot, in the order of files and rows; none where the table does not exist. */
export async function rowsOf({ store, catalog }: Pick<Runtime, 'store' | 'catalog'>, table: string): Promise<Rows> {
  const loaded = await catalog.loadTable(table);
  const rows: Rows = [];
  if (loaded === undefined) return rows;
  for await (const file of liveFiles(store, loaded.metadata)) {
    for await (const group of readRows(store, { uri: file.path, size: file.fileSize })) rows.push(...group);
  }
  return rows;
}

/** The same in an order of their own, for comparing runs that wrote different files. */
export async function sortedRows(
  runtime: Pick<Runtime, 'store' | 'catalog'>,
  table: string,
  without: readonly string[] = [],
): Promise<string[]> {
  const rows = await rowsOf(runtime, table);
  return rows
    .map((row) => textOf(Object.fromEntries(Object.entries(row).filter(([name]) => !without.includes(name)))))
    .sort();
}

export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));

export interface TestDecision {
  readonly id?: string;
  readonly time?: string;
  readonly subject?: string;
  /** The number of its HTTP request; without it, it has none. */
  readonly number?: number;
  readonly instance?: string;
}

export const decision = ({
  id = 'd-1',
  time = '2023-07-11T16:56:00.5Z',
  subject = 'dr_evil',
  number,
  instance = 'i',
}: TestDecision = {}): string =>
  JSON.stringify({
    decision_id: id,
    input: { subject },
    labels: { id: instance },
    ...(number !== undefined && { req_id: number }),
    result: { allowed: true },
    timestamp: time,
  });

/** One object of the source, of these lines. */
export const putLines = (store: ObjectStore, name: string, ...lines: string[]) =>
  store.put(`${input}/${name}`, Buffer.from(lines.join('\n')));

/** `count` decisions an object, ids unique, over two days, with one bad line in each third object. */
export async function putDecisions(store: ObjectStore, objects: number, count: number): Promise<void> {
  for (let o = 0; o < objects; o++) {
    const lines = Array.from({ length: count }, (_, i) =>
      decision({
        id: `${o}-${i}`,
        number: o * count + i + 1,
        time: `2023-07-1${1 + (i % 2)}T0${o % 10}:00:0${i % 10}Z`,
      }),
    );
    if (o % 3 === 0) lines.splice(1, 0, '{"broken":');
    await store.put(
      `${input}/eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=${String(o).padStart(4, '0')}.jsonl`,
      Buffer.from(lines.join('\n')),
    );
  }
}
