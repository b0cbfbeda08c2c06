/**
 * Rows that another engine has deleted, by position, by value or by a deletion vector, are gone for every command, stay
 * gone when their object grows, and are merged away by compaction; delete files that apply to nothing change nothing.
 */
import { expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { danglingDeletes, liveFiles } from '../../src/iceberg/scan.ts';
import { fileRows, scanRows } from '../../src/iceberg/table-rows.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { describeTables } from '../../src/jobs/tables/describe.ts';
import { accept } from '../../src/jobs/verify/accept.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { addDeleteFiles, deletionVector, equalityDeletes, positionDeletes } from '../support/foreign-deletes.ts';
import { decision, objectUri, run, testRuntime, warehouse } from '../support/warehouse.ts';

const table = 'opa_decisions';
const day = '2023-07-11';
const object = objectUri(0);
const decisions = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) =>
    decision({ id: `id-${from + i}`, time: `${day}T10:00:0${(from + i) % 10}Z`, subject: `user-${(from + i) % 3}` }),
  );

/** Ten decisions of one day, in two objects and files. */
async function world(options = {}): Promise<Runtime> {
  const runtime = testRuntime({ store: new MemoryStore(), batch: { objects: 1 }, ...options });
  await runtime.store.put(object, Buffer.from(decisions(0, 6).join('\n')));
  await runtime.store.put(object.replace('=0', '=1'), Buffer.from(decisions(6, 10).join('\n')));
  await run(runtime);
  return runtime;
}

const load = async (runtime: Runtime) => (await runtime.catalog.loadTable(table))!;
const files = async (runtime: Runtime) => collect(liveFiles(runtime.store, (await load(runtime)).metadata));

async function ids(runtime: Runtime): Promise<string[]> {
  const rows = await collect(scanRows(runtime.store, await load(runtime), { columns: ['decision_id'] }));
  return rows
    .flat()
    .map((row) => String(row.decision_id))
    .sort();
}

async function queried(runtime: Runtime, sql = `SELECT decision_id FROM ${table}`): Promise<unknown[]> {
  const engine = createDuckDbEngine({ store: runtime.store, catalog: runtime.catalog });
  try {
    const { chunks } = await engine.query({ sql });
    return (await collect(chunks))
      .flat()
      .map(([value]) => value)
      .sort();
  } finally {
    await engine.close();
  }
}

/** Where a decision is: its file and its position there. */
async function placeOf(runtime: Runtime, id: string): Promise<readonly [string, number]> {
  const { metadata } = await load(runtime);
  for (const file of await files(runtime)) {
    const options = { columns: ['decision_id'], withDeleted: true };
    const rows = (await collect(fileRows(runtime.store, metadata, file, options))).flat();
    const position = rows.findIndex((row) => row.decision_id === id);
    if (position >= 0) return [file.path, position];
  }
  throw new Error(`there is no ${id}`);
}

const kinds = {
  position: async (runtime: Runtime, gone: readonly string[]) => {
    const places = await Promise.all(gone.map((id) => placeOf(runtime, id)));
    await addDeleteFiles(runtime, table, day, [await positionDeletes(runtime, await load(runtime), places)]);
  },
  equality: async (runtime: Runtime, gone: readonly string[]) => {
    const deletes = await equalityDeletes(
      runtime,
      await load(runtime),
      ['decision_id'],
      gone.map((id) => [id]),
    );
    await addDeleteFiles(runtime, table, day, [deletes]);
  },
  'equality of all partitions': async (runtime: Runtime, gone: readonly string[]) => {
    const deletes = await equalityDeletes(
      runtime,
      await load(runtime),
      ['decision_id', 'batch_decision_id'],
      gone.map((id) => [id, null]),
    );
    await addDeleteFiles(runtime, table, undefined, [deletes]);
  },
  vector: async (runtime: Runtime, gone: readonly string[]) => {
    const places = await Promise.all(gone.map((id) => placeOf(runtime, id)));
    const vectors = [...Map.groupBy(places, ([path]) => path)].map(([path, of]) =>
      deletionVector(
        runtime,
        path,
        of.map(([, position]) => position),
      ),
    );
    await addDeleteFiles(runtime, table, day, await Promise.all(vectors));
  },
} as const;

const all = Array.from({ length: 10 }, (_, i) => `id-${i}`);
const without = (...gone: string[]): string[] => all.filter((id) => !gone.includes(id)).sort();

test.each(Object.entries(kinds))('deletes by %s hold for every reader and job', async (_, deleteRows) => {
  const runtime = await world();
  await deleteRows(runtime, ['id-1', 'id-4', 'id-8']);
  const left = without('id-1', 'id-4', 'id-8');

  expect(await ids(runtime)).toEqual(left);
  expect(await queried(runtime)).toEqual(left);
  expect(await queried(runtime, `SELECT count(*) FROM ${table} WHERE decision_id = 'id-4'`)).toEqual([0]);
  expect((await describeTables(runtime)).find(({ name }) => name === table)?.rows).toBe(7);

  // The account is three rows short, and nothing else is wrong.
  for (const deep of [false, true]) {
    const { differences } = await verify(runtime, { deep });
    const missing = differences.filter(({ kind }) => kind === 'rows-missing');
    expect(missing.map(({ expected, found }) => Number(expected) - Number(found)).sort()).toEqual([1, 2]);
    if (!deep) expect(differences).toEqual(missing);
  }

  // Another source, and an object that grows: what was deleted stays deleted.
  await runtime.store.put(object, Buffer.from([...decisions(0, 6), ...decisions(10, 12)].join('\n')));
  expect(await run(runtime)).toMatchObject({ objects: { committed: 1, failed: 0 }, records: { rows: 2 } });
  const grown = [...left, 'id-10', 'id-11'].sort();
  expect(await ids(runtime)).toEqual(grown);

  // user-1 has 1, 4, 7, 10: two of them are deleted already.
  expect(await erase(runtime, 'user-1', { dryRun: true })).toMatchObject({ tables: { [table]: { rows: 2 } } });
  expect(await erase(runtime, 'user-1')).toMatchObject({ tables: { [table]: { rows: 2 } } });
  const erased = grown.filter((id) => id !== 'id-7' && id !== 'id-10');
  expect(await ids(runtime)).toEqual(erased);
  expect(await queried(runtime)).toEqual(erased);
  expect((await erase(runtime, 'user-1')).tables).toEqual({});

  const report = await compact(runtime);
  expect(report.refused).toEqual([]);
  expect(await ids(runtime)).toEqual(erased);
  expect((await files(runtime)).flatMap(({ deletes }) => deletes)).toEqual([]);
  expect(await danglingDeletes(runtime.store, (await load(runtime)).metadata)).toEqual([]);
  expect((await compact(runtime)).days).toEqual([]);
  expect(await queried(runtime)).toEqual(erased);
});

test('compaction merges deletes and says how many rows and delete files went', async () => {
  const runtime = await world();
  await kinds.position(runtime, ['id-1', 'id-8']);
  const { tables, days } = await compact(runtime);
  expect(tables[table]).toMatchObject({ deleted: 2, deleteFilesRemoved: 1, duplicates: 0 });
  expect(days).toMatchObject([{ day, reasons: expect.arrayContaining(['row-level-deletes']), deleted: 2 }]);
  const { metadata } = await load(runtime);
  const { summary } = metadata.snapshots.find((one) => one['snapshot-id'] === metadata['current-snapshot-id'])!;
  expect(summary).toMatchObject({ operation: 'replace', 'removed-delete-files': '1', 'total-records': '8' });
});

test('delete files that apply to nothing change nothing, and compaction removes them', async () => {
  const runtime = await world();
  const loaded = await load(runtime);
  const [first] = await files(runtime);
  await addDeleteFiles(runtime, table, day, [await positionDeletes(runtime, loaded, [['memory://gone.parquet', 0]])]);
  await addDeleteFiles(runtime, table, '2020-01-01', [await positionDeletes(runtime, loaded, [[first!.path, 0]])]);
  expect(await ids(runtime)).toEqual(without());
  expect((await verify(runtime, { deep: true })).differences).toEqual([]);
  expect((await compact(runtime, { dryRun: true })).tables[table]?.deleteFilesRemoved).toBe(0);
  expect((await compact(runtime)).tables[table]?.deleteFilesRemoved).toBe(2);
  expect(await ids(runtime)).toEqual(without());
  expect((await compact(runtime)).tables[table]?.deleteFilesRemoved).toBe(0);
});

test.each([
  ['erase', (runtime: Runtime) => erase(runtime, 'user-1')],
  ['compact', (runtime: Runtime) => compact(runtime)],
])('a row that is deleted while %s rewrites its file does not come back', async (_, job) => {
  const runtime = await world({ compact: { smallFiles: 2 } });
  // user-1 has 1, 4 and 7; the file of the first two is rewritten without them while another row of it is deleted.
  const place = await placeOf(runtime, 'id-3');
  let isFirst = true;
  const store = (runtime.store as MemoryStore).view({
    before: async ({ operation, uri }) => {
      if (operation !== 'put' || !uri.includes('/data/') || !isFirst) return;
      isFirst = false;
      await addDeleteFiles(runtime, table, day, [await positionDeletes(runtime, await load(runtime), [place])]);
    },
  });
  const raced = { ...runtime, store, catalog: new FileCatalog(store, warehouse) };
  await job(raced);
  expect(isFirst).toBe(false);
  expect(await ids(runtime)).not.toContain('id-3');
  expect((await ids(runtime)).length).toBeGreaterThan(5);
});

test('deletes that were merged come back with an object that grows, each once, and the account says so', async () => {
  const runtime = await world();
  await kinds.position(runtime, ['id-1', 'id-8']);
  await accept(runtime, { reason: 'a test', by: 'anna' });
  await compact(runtime);
  expect(await ids(runtime)).toEqual(without('id-1', 'id-8'));
  await runtime.store.put(object, Buffer.from([...decisions(0, 6), ...decisions(10, 11)].join('\n')));
  await run(runtime);
  expect(await ids(runtime)).toEqual([...without('id-8'), 'id-10'].sort());
  expect((await verify(runtime, { deep: true })).differences).toEqual([]);
});

test('retention counts the rows that were left', async () => {
  const runtime = await world({ retention: { [table]: 86_400 } });
  await kinds.position(runtime, ['id-1', 'id-8']);
  const report = await expire(runtime, {});
  expect(report.tables[table]).toMatchObject({ days: 1, rows: 8 });
  expect(await ids(runtime)).toEqual([]);
  const { differences } = await verify(runtime);
  expect(differences.map(({ kind, expected, found }) => [kind, expected, found])).toEqual([
    ['rows-missing', 1, 0],
    ['rows-missing', 1, 0],
  ]);
});
