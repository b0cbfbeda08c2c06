/**
 * A data file that is gone or damaged has one way out: `verify --repair` takes it out of its table and reads the objects of
 * its rows again, each row once, whenever it is broken off; what no source has any more is named until somebody accepts it.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { describeFailure } from '../../src/commands/shared/exit.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { type LiveFile, liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { producers } from '../../src/jobs/producers/producers.ts';
import { accept } from '../../src/jobs/verify/accept.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { LocalStore } from '../../src/store/local.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { readWhole } from '../../src/store/read.ts';
import { collect } from '../support/collect.ts';
import { deaths } from '../support/mortal.ts';
import { decision, numberedIds, objectUri, owner, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';

let start: MemoryStore;
let store: MemoryStore;
const world = (on: MemoryStore = store, id = 'test'): Runtime => ({
  ...testRuntime({ store: on, owner: owner(id), batch: { objects: 1 }, compact: { smallFiles: 2 } }),
  uuid: randomUUID,
});

/** Three objects of two days; a file of each day has rows of several, and of one object rows are in quarantine too. */
beforeAll(async () => {
  store = new MemoryStore();
  for (const n of [0, 1, 2]) {
    const lines = [0, 1, 2, 3].map((i) =>
      decision({ id: `id-${n}-${i}`, subject: `user-${i}`, time: `2023-07-1${i % 2}T10:00:00Z` }),
    );
    await store.put(objectUri(n), Buffer.from([...lines, ...(n === 1 ? ['{"broken":'] : [])].join('\n')));
    await run(world());
  }
  await compact(world());
  start = store;
});
beforeEach(() => {
  store = start.copy();
});

const files = async (name = table): Promise<LiveFile[]> =>
  collect(liveFiles(store, (await world().catalog.loadTable(name))!.metadata));
const ids = async (on: MemoryStore = store): Promise<string[]> =>
  (await rowsOf(world(on), table)).map((row) => String(row.decision_id)).sort();
const kinds = async (deep = false): Promise<string[]> => [
  ...new Set((await verify(world(), { deep })).differences.map(({ kind }) => kind)),
];
const mend = async (runtime: Runtime): Promise<string[]> =>
  repair(runtime, (await verify(runtime)).differences, undefined);
const all = [0, 1, 2].flatMap((n) => [0, 1, 2, 3].map((i) => `id-${n}-${i}`));

async function damage({ path }: LiveFile, change: (bytes: Buffer) => Buffer): Promise<void> {
  const bytes = await readWhole(store, (await store.head(path))!, { sleep: async () => {} });
  await store.put(path, change(Buffer.from(bytes)));
}

test.each([
  ['is gone', 'file-missing', ({ path }: LiveFile) => store.delete(path)],
  ['was cut', 'file-size', (file: LiveFile) => damage(file, (bytes) => bytes.subarray(0, bytes.length - 100))],
  [
    'has other bytes',
    'file-unreadable',
    (file: LiveFile) => damage(file, (bytes) => bytes.fill(0xff, 4, Math.floor(bytes.length / 2))),
  ],
] as const)('a file that %s is taken out, and its rows come back once each', async (_, kind, lose) => {
  const [file] = await files();
  await lose(file!);
  expect(await kinds()).toContain(kind);
  const done = await mend(world());
  expect(done).toEqual([
    expect.stringMatching(/took 1 lost files out of table opa_decisions, with 6 rows of 3 objects: .*\.parquet/),
    expect.stringMatching(/read 3 objects again, 12 rows/),
  ]);
  expect(await ids()).toEqual(all);
  expect(await kinds(true)).toEqual([]);
  expect(await rowsOf(world(), 'quarantine')).toHaveLength(1);
  expect(await mend(world())).toEqual([]);
});

test('a reading again that has stumbled over the file is ended, and all of it is accounted for', async () => {
  const [file] = await files();
  await store.delete(file!.path);
  await expect(run(world(store, 'stumbled'), { again: true })).rejects.toThrow(/decisions.*parquet/);
  const later = { ...world(store, 'next'), clock: () => Date.UTC(2026, 0, 2) };
  await mend(later);
  expect(await ids()).toEqual(all);
  expect((await verify(later, { deep: true })).differences).toEqual([]);
});

test('a file of quarantine comes back too', async () => {
  const [file] = await files('quarantine');
  await store.delete(file!.path);
  await mend(world());
  expect(await rowsOf(world(), 'quarantine')).toHaveLength(1);
  expect(await ids()).toEqual(all);
  expect(await kinds(true)).toEqual([]);
});

test('a subject that was erased stays erased', async () => {
  await erase(world(), 'user-0');
  const erased = all.filter((id) => !id.endsWith('-0'));
  for (const { path } of await files()) await store.delete(path);
  await mend(world());
  expect(await ids()).toEqual(erased);
  expect(await kinds(true)).toEqual([]);
});

test('rows whose object is gone from its source are named as lost until somebody accepts that', async () => {
  const [file] = await files();
  await store.delete(file!.path);
  await store.delete(objectUri(1));
  const done = await mend(world());
  expect(done.at(-1)).toMatch(/2 rows of 1 objects are lost.*batch_id=1\.jsonl.*verify --accept/);
  expect((await verify(world())).differences).toEqual([{ kind: 'rows-lost', table, uri: objectUri(1), found: 2 }]);
  expect(await ids()).toHaveLength(10);

  expect(await accept(world(), { reason: 'expired', by: 'anna' })).toEqual({
    tables: { [table]: { objects: 1, missing: 2, unexpected: 0, altered: 0 } },
    refused: [],
  });
  const report = await verify(world());
  expect(report.differences).toEqual([]);
  expect(report.accepted).toMatchObject([{ by: 'anna', reason: 'expired', table, objects: 1, missing: 2 }]);
  // The object may come back after all.
  expect(await mend(world())).toEqual([]);
});

test('a repair that is killed at any call is ended by the next one', async () => {
  const [file] = await files();
  await store.delete(file!.path);
  const { differences } = await verify(world());
  const counted = store.copy().view();
  await repair(world(counted), differences, undefined);
  const { calls } = counted;
  expect(calls).toBeGreaterThan(50);
  const dying = (on: MemoryStore) =>
    repair({ ...world(on, 'dead'), uuid: numberedIds('dead') }, differences, undefined);
  for await (const { store: left, at } of deaths(store, calls, dying, { mayEnd: true })) {
    // Its claims are past their time by then.
    const later = { ...world(left, 'next'), clock: () => Date.UTC(2026, 0, 2) };
    await mend(later);
    expect(await ids(left), at).toEqual(all);
    expect((await verify(later, { deep: true })).differences, at).toEqual([]);
  }
}, 1_200_000);

test('numbers of producers come back with their objects before the file is forgotten', async () => {
  store = new MemoryStore();
  for (const n of [0, 1, 2]) await store.put(objectUri(n), Buffer.from(decision({ id: `id-${n}`, number: n + 5 })));
  await run(world());
  const numbers = async () => (await producers(world(), {})).days;
  const before = await numbers();
  expect(before).toMatchObject([{ arrived: 3 }]);
  const [file] = await files('sequences');
  await store.delete(file!.path);
  expect(await kinds()).toEqual(['file-missing']);
  expect(await mend(world())).toEqual([
    'read 3 objects of 2023-07-11 again, and took 1 lost files out of table sequences',
  ]);
  expect(await kinds(true)).toEqual([]);
  expect(await numbers()).toEqual(before);
});

test('numbers of records that did not become rows come back too, of whatever sources', async () => {
  store = new MemoryStore();
  const numbered = JSON.parse(decision({ id: 'id-1', number: 6 }));
  await store.put(objectUri(0), Buffer.from(decision({ id: 'id-0', number: 5 })));
  await store.put(objectUri(1), Buffer.from(JSON.stringify({ ...numbered, decision_id: undefined })));
  await run(world());
  const numbers = async () => (await producers(world(), {})).days;
  const before = await numbers();
  expect(before).toMatchObject([{ arrived: 2 }]);
  for (const { path } of await files('sequences')) await store.delete(path);
  await repair(world(), (await verify(world())).differences, ['eopa-of-another-place']);
  expect(await numbers()).toEqual(before);
});

test.each([table, 'sequences'])('a file of %s waits for objects that are archived', async (name) => {
  store = new MemoryStore();
  for (const n of [0, 1]) await store.put(objectUri(n), Buffer.from(decision({ id: `id-${n}`, number: n + 5 })));
  await run(world());
  const answers = async () => [await ids(), (await producers(world(), {})).days];
  const before = await answers();
  for (const { path } of await files(name)) await store.delete(path);
  const frozen = store.view({
    listing: (infos) =>
      infos.map((info) => (info.uri === objectUri(1) ? { ...info, storageClass: 'DEEP_ARCHIVE' } : info)),
  });
  const done = (await mend(world(frozen))).join('\n');
  expect(done).toMatch(/one object is archived .*restore what you need/);
  expect(done).not.toMatch(/verify --accept/);
  expect(await kinds()).not.toEqual([]);
  await mend(world());
  expect(await answers()).toEqual(before);
  expect(await kinds(true)).toEqual([]);
});

test('whoever comes upon the file is told which it is, and the way out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lost-'));
  try {
    const local = new LocalStore();
    const uri = `file://${folder}`;
    await local.put(`${uri}/logs/a.jsonl`, Buffer.from(decision({ id: 'a' })));
    const base = testRuntime({
      store: local,
      sources: [{ name: 'eopa', type: 'opa', location: `${uri}/logs/`, columns: {} }],
    });
    // Not every folder called data is one of a table.
    const warehouse = `${uri}/data/warehouse`;
    const runtime = { ...base, catalog: new FileCatalog(local, warehouse), config: { ...base.config, warehouse } };
    await run(runtime);
    const { metadata } = (await runtime.catalog.loadTable(table))!;
    const [file] = await collect(liveFiles(local, metadata));
    const engine = createDuckDbEngine(runtime);
    const told = (doing: Promise<unknown>): Promise<string> => doing.then(() => 'nothing', describeFailure);
    const wayOut = /parquet\n {2}verify says .*verify --repair/;
    await local.put(file!.path, Buffer.from('PAR1'));
    expect(await told(engine.query({ sql: `SELECT * FROM ${table}` }))).toMatch(wayOut);
    await local.delete(file!.path);
    expect(await told(engine.query({ sql: `SELECT * FROM ${table}` }))).toMatch(wayOut);
    expect(await told(run(runtime, { again: true }))).toMatch(wayOut);
    await local.put(file!.path, Buffer.from('PAR1'));
    const [record] = await collect(liveFiles(local, (await runtime.catalog.loadTable('ingested_objects'))!.metadata));
    await local.delete(record!.path);
    expect(await told(verify(runtime))).toMatch(/ingested_objects.*parquet\n {2}it is a file of the record .*versions/);
    await engine.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
