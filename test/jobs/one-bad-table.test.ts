/** A table that cannot be used, since another engine has raised its format or files are gone, stops nothing but itself. */
import { beforeEach, expect, test, vi } from 'vitest';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { currentSnapshot } from '../../src/iceberg/metadata.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { checkTables } from '../../src/jobs/doctor/store.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { describeTables } from '../../src/jobs/tables/describe.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import type { Intent } from '../../src/ledger/batch-intent.ts';
import { CommitQueue } from '../../src/ledger/commit-queue.ts';
import type { ReferenceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { Worker } from '../../src/worker/worker.ts';
import { collect } from '../support/collect.ts';
import { addDeleteFiles, deletionVector } from '../support/foreign-deletes.ts';
import { countries, putExport } from '../support/side-tables.ts';
import { decision, input, objectUri, opaSourceConfig, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';
const okera = 'memory://test/okera';
const okeraFile = `${okera}/audit/ymd=2023-07-11/planner-10.0.0.1-1-5bd8_audit.log`;
const okeraLine = (id: number): string =>
  JSON.stringify({ request_id: `704d151f52e9f5f${id}:1`, request_time: '2023-07-11 10:05:01', user: 'austin' });

let runtime: Runtime;
/** Another process, which has read nothing yet. */
const fresh = (store = runtime.store): Runtime =>
  testRuntime({
    store,
    compact: { smallFiles: 2 },
    sources: [opaSourceConfig, { name: 'okera', type: 'okera-audit', location: okera, columns: {} }],
  });
beforeEach(async () => {
  runtime = fresh(new MemoryStore());
  await put(1);
});

async function put(n: number): Promise<void> {
  const lines = [0, 1, 2].map((i) => decision({ id: `${n}-${i}`, subject: `user-${i}` }));
  await runtime.store.put(objectUri(n), Buffer.from(lines.join('\n')));
  await runtime.store.put(okeraFile.replace('-1-', `-${n}-`), Buffer.from(okeraLine(n)));
  if (n === 1) await run(runtime);
}

const load = async (name = table) => (await runtime.catalog.loadTable(name))!;
const rows = async (name: string) => (await collect(scanRows(runtime.store, await load(name)))).flat().length;

async function raiseFormat(): Promise<void> {
  const base = await load();
  await runtime.catalog.commitTable(table, base, { ...base.metadata, 'format-version': 3 });
}

const faults: [string, () => Promise<void>, RegExp][] = [
  ['of format version 3', raiseFormat, /format version 3/],
  [
    'whose list of manifests is gone',
    async () => runtime.store.delete(currentSnapshot((await load()).metadata)!['manifest-list']),
    /snap-/,
  ],
  [
    'whose list of manifests is damaged',
    async () => {
      await runtime.store.put(currentSnapshot((await load()).metadata)!['manifest-list'], Buffer.from('no Avro'));
    },
    /cannot be read/,
  ],
  [
    'whose newest metadata is damaged',
    async () => {
      await runtime.store.put((await load()).metadataLocation, Buffer.from('{"format-version":'));
    },
    /not Iceberg table metadata/,
  ],
  [
    'whose newest metadata is empty',
    async () => {
      await runtime.store.put((await load()).metadataLocation, Buffer.alloc(0));
    },
    /has content/,
  ],
];

test.each(faults)('a table %s fails its own sources, and the rest goes on', async (_, spoil, message) => {
  await spoil();
  await put(2);
  const report = await run(runtime);
  expect(report.failures).toEqual([{ uri: input, code: 'table-unusable', message: expect.stringMatching(message) }]);
  expect(await rows('okera_audit_logs')).toBe(2);

  const { refused } = await compact(runtime);
  expect(refused.filter(({ table: name }) => name === table)).toMatchObject([
    { reason: expect.stringMatching(message) },
  ]);
  await expect(erase(runtime, 'austin')).rejects.toThrow(message);
  expect(await rows('okera_audit_logs')).toBe(0);
  await expire(runtime);
  const finding = await checkTables(runtime);
  expect(finding).toMatchObject({ status: 'failed' });
  expect(JSON.stringify(finding)).toMatch(message);
});

test.each(faults)('a table %s holds up no other source of a worker', async (_, spoil, message) => {
  await spoil();
  await put(2);
  await put(3);
  const worker = () => new Worker(fresh(), { openQueue: () => undefined as never }, { once: true }).run();
  const failure = await worker().catch((error: unknown) => error);
  expect(await rows('okera_audit_logs')).toBe(3);
  const left = failure instanceof Error ? failure.message : JSON.stringify(failure);
  expect(left).toMatch(message);
  // What waits for the table is committed once it is whole.
  expect(await rows('quarantine').catch(() => 0)).toBe(0);
});

test.each(faults)(
  'a table %s ends a worker that runs once with an error, if nothing is new too',
  async (_, spoil, message) => {
    await spoil();
    const worker = new Worker(fresh(), { openQueue: () => undefined as never }, { once: true });
    await expect(worker.run()).rejects.toThrow(message);
  },
);

test('a column that another engine has renamed keeps its source out, and fails the doctor', async () => {
  const base = await load();
  const last = base.metadata.schemas.at(-1)!;
  const id = last['schema-id'] + 1;
  const fields = last.fields.map((field) => (field.name === 'subject' ? { ...field, name: 'who' } : field));
  const schemas = [...base.metadata.schemas, { ...last, 'schema-id': id, fields }];
  await runtime.catalog.commitTable(table, base, { ...base.metadata, schemas, 'current-schema-id': id });
  await put(2);
  const { failures } = await run(runtime);
  expect(failures).toMatchObject([{ code: 'table-unusable' }]);
  expect(await checkTables(runtime)).toMatchObject({
    status: 'failed',
    found: expect.stringContaining(failures[0]!.message),
  });
});

test('a table that another engine has made anew, without partitions, keeps its source out, and fails the doctor', async () => {
  const base = await load();
  const specs = [{ 'spec-id': 0, fields: [] }];
  await runtime.catalog.commitTable(table, base, { ...base.metadata, 'partition-specs': specs });
  await put(2);
  const { failures, objects } = await run(fresh());
  expect(failures).toMatchObject([
    { code: 'table-unusable', message: expect.stringMatching(/ADD PARTITION FIELD ymd/) },
  ]);
  expect(objects.committed).toBe(1);
  expect(await rows('okera_audit_logs')).toBe(2);
  expect(await checkTables(runtime)).toMatchObject({
    status: 'failed',
    found: expect.stringContaining(failures[0]!.message),
  });
});

test('of batches that are committed together only those of a bad table fail, and the next run commits them', async () => {
  await put(2);
  const { store } = runtime;
  const list = currentSnapshot((await load()).metadata)!['manifest-list'];
  const { chunks } = await store.get(list);
  const bytes = Buffer.concat(await collect(chunks));
  const staged: Intent[] = [];
  const stop = new Error('stopped before the commit');
  const commits = CommitQueue.prototype.finish;
  const spied = vi.spyOn(CommitQueue.prototype, 'finish').mockImplementation(async (intent) => {
    staged.push(intent);
    throw stop;
  });
  await run(runtime).catch(() => undefined);
  spied.mockRestore();
  expect(commits).toBe(CommitQueue.prototype.finish);
  expect(staged).toHaveLength(2);

  await store.delete(list);
  const other = fresh();
  const queue = new CommitQueue(other, createLedger(other));
  const results = await Promise.allSettled(staged.map((intent) => queue.finish(intent)));
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(await rows('okera_audit_logs')).toBe(2);
  await store.put(list, bytes);
  await Promise.all(staged.map((intent) => queue.finish(intent)));
  expect([await rows(table), await rows('okera_audit_logs')]).toEqual([6, 2]);
  expect(await verify(runtime)).toMatchObject({ ok: true });
});

test.each(faults.slice(1))(
  'a table %s is a difference, and an error in the list of tables',
  async (_, spoil, message) => {
    await spoil();
    const { differences, tables } = await verify(runtime, { deep: true });
    expect(differences).toEqual([{ kind: 'table-unreadable', table, detail: expect.stringMatching(message) }]);
    expect(Object.keys(tables)).toContain('okera_audit_logs');
    const listed = await describeTables(runtime);
    expect(listed.filter(({ error }) => error !== undefined).map(({ name }) => name)).toEqual([table]);
  },
);

const removeAll = async (prefix: string) => {
  for (const { uri } of await collect(runtime.store.list(prefix))) await runtime.store.delete(uri);
};

test('a table of format version 3 that is dropped with its files is filled again, but for what was erased', async () => {
  await erase(runtime, 'user-1');
  await raiseFormat();
  await put(2);
  expect((await run(runtime)).failures[0]?.message).toMatch(/drop it with its files and run backfill --again/);
  await removeAll((await load()).metadata.location);
  await run(fresh(), { again: true });
  expect(await rows(table)).toBe(5);
  expect(await verify(fresh(), { deep: true })).toMatchObject({ ok: true });
});

test('a ledger of format version 3 is not to be made anew, and goes back to its last metadata of version 2', async () => {
  const base = await load('ingested_objects');
  const raised = { ...base.metadata, 'format-version': 3 as const };
  const { metadataLocation } = await runtime.catalog.commitTable('ingested_objects', base, raised);
  await put(2);
  await expect(run(fresh())).rejects.toThrow(
    /go back to its last metadata of version 2, or rebuild the warehouse, since no source has what this table says/,
  );
  await runtime.store.delete(metadataLocation);
  expect((await run(fresh())).objects).toMatchObject({ committed: 2, skipped: 2 });
  expect(await rows(table)).toBe(6);
  expect(await verify(fresh())).toMatchObject({ ok: true });
});

test('a table of format version 3 is read, its deletion vectors and defaults too', async () => {
  await raiseFormat();
  const base = await load();
  const [schema] = base.metadata.schemas;
  const id = base.metadata['last-column-id'] + 1;
  const added = { id, name: 'region_code', type: 'long', required: false, 'initial-default': 7 };
  await runtime.catalog.commitTable(table, base, {
    ...base.metadata,
    schemas: [{ ...schema!, fields: [...schema!.fields, added] }],
    'last-column-id': id,
  });
  const [file] = await collect(liveFiles(runtime.store, (await load()).metadata));
  await addDeleteFiles(runtime, table, '2023-07-11', [await deletionVector(runtime, file!.path, [1])]);
  expect(await rows(table)).toBe(2);
  const engine = createDuckDbEngine({ store: runtime.store, catalog: runtime.catalog });
  const sql = `SELECT count(*), sum(region_code) FROM ${table}`;
  expect((await collect((await engine.query({ sql })).chunks)).flat()).toEqual([[2, 14]]);
  await engine.close();
  const read = await collect(scanRows(runtime.store, await load(), { columns: ['region_code'] }));
  expect(read.flat()).toEqual([{ region_code: 7n }, { region_code: 7n }]);
  expect((await describeTables(runtime)).find(({ name }) => name === table)).toMatchObject({ rows: 2 });
  const { differences } = await verify(runtime);
  expect(differences.map(({ kind }) => kind)).toEqual(['rows-missing']);
});

test('a data file that cannot be read is a difference, and an object that needs it fails alone', async () => {
  const [file] = await collect(liveFiles(runtime.store, (await load()).metadata));
  const { chunks } = await runtime.store.get(file!.path);
  const bytes = Buffer.concat(await collect(chunks));
  bytes.fill(0, 4, bytes.length >> 1);
  await runtime.store.put(file!.path, bytes);
  const { differences } = await verify(runtime, { deep: true });
  expect(differences.map(({ kind }) => kind)).toContain('file-unreadable');

  await put(2);
  const grown = [0, 1, 2, 3].map((i) => decision({ id: `1-${i}`, subject: `user-${i}` }));
  await runtime.store.put(objectUri(1), Buffer.from(grown.join('\n')));
  const report = await run(runtime);
  expect(report.failures.map(({ uri }) => uri)).toEqual([objectUri(1)]);
  expect(report.objects).toMatchObject({ committed: 2, failed: 1 });
});

test('a side table whose column has another type in the configuration stays as it was, and all others are loaded', async () => {
  const store = new MemoryStore();
  const plain = { required: false, type: 'string' } as const;
  const ages = { ...countries, columns: { subject: plain, age: { ...plain, type: 'long' } } } as const;
  const zones = { ...ages, name: 'zones', table: 'zones', location: 'memory://test/zones/', columns: { zone: plain } };
  const world = (side: ReferenceConfig) =>
    testRuntime({ store, sources: [opaSourceConfig], sideSources: [side, zones] });
  await putExport(store, ages, 'a.csv', 'subject,age\nalice,30\n');
  await run(world(ages));

  await putExport(store, ages, 'a.csv', 'subject,age\nalice,30.5\n');
  await putExport(store, zones, 'a.csv', 'zone\na\n');
  await store.put(objectUri(9), Buffer.from(decision({ id: 'nine' })));
  const retyped = world({ ...ages, columns: { subject: plain, age: { ...plain, type: 'double' } } });
  const { failures, tables } = await run(retyped);
  const message = expect.stringContaining('declare it as long');
  expect(failures).toEqual([{ uri: ages.location, code: 'table-unusable', message }]);
  expect(tables).toMatchObject({ opa_decisions: { rows: 1 }, zones: { rows: 1 } });
  expect(await rowsOf(retyped, ages.table)).toMatchObject([{ subject: 'alice', age: 30n }]);
  expect(await checkTables(retyped)).toMatchObject({ status: 'failed', found: message });
});
