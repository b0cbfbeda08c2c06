/**
 * A warehouse that was copied or moved is made whole by `relocate`: every command works on it as on any other, the old
 * place is neither read nor changed, and a run that dies anywhere is finished by the next one.
 */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { OutsideWarehouse } from '../../src/iceberg/home.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { type RelocateOptions, relocate } from '../../src/jobs/relocate/relocate.ts';
import { accept } from '../../src/jobs/verify/accept.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectStore } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';
import { addDeleteFiles, equalityDeletes, positionDeletes } from '../support/foreign-deletes.ts';
import { deaths, mortal } from '../support/mortal.ts';
import { decision, objectUri, run, sortedRows, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';
const day = '2023-07-11';
const old = 'memory://test/warehouse';
const copy = 'memory://test/copies/lake';

let start: MemoryStore;
let store: MemoryStore;

function at(warehouse: string, on: MemoryStore = store): Runtime {
  const runtime = testRuntime({
    store: on,
    batch: { objects: 1 },
    expire: { snapshotsSeconds: 0, graceSeconds: 0, keepSnapshots: 1 },
  });
  return { ...runtime, config: { ...runtime.config, warehouse }, catalog: new FileCatalog(on, warehouse) };
}

const move = (runtime: Runtime, options?: RelocateOptions) =>
  relocate(runtime, async (over: ObjectStore) => new FileCatalog(over, runtime.config.warehouse), options);

async function copyTo(target: string, on: MemoryStore = store): Promise<void> {
  for (const { uri } of await collect(on.list(`${old}/`))) {
    const { chunks } = await on.get(uri);
    await on.put(target + uri.slice(old.length), Buffer.concat(await collect(chunks)));
  }
}

async function contentOf(place: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const { uri } of await collect(store.list(`${place}/`)))
    content[uri] = Buffer.concat(await collect((await store.get(uri)).chunks)).toString('latin1');
  return content;
}

async function remove(place: string, on: MemoryStore = store): Promise<void> {
  for (const { uri } of await collect(on.list(`${place}/`))) await on.delete(uri);
}

async function ids(runtime: Runtime): Promise<unknown[]> {
  const loaded = (await runtime.catalog.loadTable(table))!;
  const rows = await collect(scanRows(runtime.store, loaded, { columns: ['decision_id'] }));
  return rows
    .flat()
    .map((row) => row.decision_id)
    .sort();
}

/** Two objects with five decisions and a broken line each; one decision is deleted by position, one by value. */
beforeAll(async () => {
  store = new MemoryStore();
  for (const n of [0, 1]) {
    const lines = Array.from({ length: 5 }, (_, i) => decision({ id: `id-${n * 5 + i}`, subject: `user-${i}` }));
    await store.put(objectUri(n), Buffer.from([...lines, '{"broken":'].join('\n')));
  }
  await run(at(old));
  const loaded = (await at(old).catalog.loadTable(table))!;
  const [file] = await collect(liveFiles(store, loaded.metadata));
  await addDeleteFiles(at(old), table, day, [await positionDeletes(at(old), loaded, [[file!.path, 2]])]);
  await addDeleteFiles(at(old), table, day, [
    await equalityDeletes(at(old), loaded, ['decision_id'], [['id-9'], ['id-0']]),
  ]);
  await accept(at(old), { reason: 'a test', by: 'anna' });
  start = store;
});
beforeEach(() => {
  store = start.copy();
});

test('a copy is a warehouse of its own, and the old place is as it was', async () => {
  const expected = await ids(at(old));
  expect(expected).toHaveLength(7);
  await copyTo(copy);
  await expect(run(at(copy))).rejects.toThrow(/audit-warehouse relocate/);
  const before = await contentOf(old);
  const report = await move(at(copy));
  expect(report).toMatchObject({ from: old, to: copy, tables: { [table]: { snapshots: 4, files: 4 } } });
  expect(Object.keys(report.tables).sort()).toEqual([
    'amendments',
    'ingested_objects',
    table,
    'quarantine',
    'sequences',
  ]);
  expect(await contentOf(old)).toEqual(before);

  // Nothing of the copy needs the old place any more.
  await remove(old);
  expect(await ids(at(copy))).toEqual(expected);
  expect(await verify(at(copy))).toMatchObject({ ok: true });
  expect(await verify(at(copy), { deep: true })).toMatchObject({ ok: true });
  await store.put(objectUri(2), Buffer.from(decision({ id: 'new' })));
  expect((await run(at(copy))).objects).toMatchObject({ committed: 1, skipped: 2 });
  expect(await erase(at(copy), 'user-3')).toMatchObject({ tables: { [table]: { rows: 2 } } });
  await compact(at(copy));
  await expire({ ...at(copy), clock: () => Date.UTC(2030, 0, 1) });
  expect(await ids(at(copy))).toEqual(['new', ...expected].filter((id) => id !== 'id-3' && id !== 'id-8').sort());
  expect(await verify(at(copy), { deep: true })).toMatchObject({ ok: true });
  expect(await collect(store.list(`${old}/`))).toEqual([]);
});

test('every snapshot of the copy reads the same as that of the original', async () => {
  await copyTo(copy);
  await move(at(copy));
  const [theirs, mine] = await Promise.all([at(old), at(copy)].map((runtime) => runtime.catalog.loadTable(table)));
  expect(mine!.metadata.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual(
    theirs!.metadata.snapshots.map((snapshot) => snapshot['snapshot-id']),
  );
  await remove(old);
  for (const snapshot of mine!.metadata.snapshots)
    for await (const { path, fileSize } of liveFiles(store, mine!.metadata, { snapshot })) {
      expect(path.startsWith(`${copy}/`)).toBe(true);
      expect((await store.head(path))?.size).toBe(fileSize);
    }
});

test('done twice it changes nothing, and a dry run changes nothing at all', async () => {
  await copyTo(copy);
  const copied = await contentOf(copy);
  expect(await move(at(copy), { dryRun: true })).toMatchObject({ from: old, tables: { [table]: { files: 4 } } });
  expect(await contentOf(copy)).toEqual(copied);
  await move(at(copy));
  const relocated = await contentOf(copy);
  expect(await move(at(copy))).toMatchObject({ to: copy, tables: {} });
  expect(await contentOf(copy)).toEqual(relocated);
});

test.each([`${old}/copy`, 'memory://test'])('one of the two places may lie inside the other: %s', async (target) => {
  const expected = await ids(at(old));
  await copyTo(target);
  await move(at(target));
  for (const { uri } of await collect(store.list(`${old}/`)))
    if (!uri.startsWith(`${target}/`) || target === 'memory://test') await store.delete(uri);
  expect(await ids(at(target))).toEqual(expected);
});

describe('nothing is written', () => {
  const refused = async (message: RegExp, options?: RelocateOptions): Promise<void> => {
    const before = await contentOf(copy);
    await expect(move(at(copy), options)).rejects.toThrow(message);
    expect(await contentOf(copy)).toEqual(before);
  };

  test('where a data file was not copied', async () => {
    await copyTo(copy);
    const loaded = (await at(old).catalog.loadTable(table))!;
    const [file] = await collect(liveFiles(store, loaded.metadata));
    await store.delete(copy + file!.path.slice(old.length));
    await refused(/1 files that table opa_decisions names were not copied.*is not there/);
  });

  test('where a file was copied by half', async () => {
    await copyTo(copy);
    const loaded = (await at(old).catalog.loadTable(table))!;
    const [file] = await collect(liveFiles(store, loaded.metadata));
    await store.put(copy + file!.path.slice(old.length), Buffer.from('half'));
    await refused(/has 4 bytes and not/);
  });

  test('where a table names what lies elsewhere', async () => {
    const runtime = at(old);
    const loaded = (await runtime.catalog.loadTable(table))!;
    const properties = { ...loaded.metadata.properties, 'write.data.path': 's3://elsewhere/data' };
    await runtime.catalog.commitTable(table, loaded, { ...loaded.metadata, properties });
    await copyTo(copy);
    await refused(/opa_decisions names s3:\/\/elsewhere\/data, which lies neither in/);
  });

  test('where another place is given than that of the tables', async () => {
    await copyTo(copy);
    await refused(/only a warehouse that was copied or moved whole/, { from: 'memory://test/other' });
  });
});

test('what a run has left open in the original is carried out in the copy', async () => {
  await store.put(objectUri(2), Buffer.from([decision({ id: 'late-1' }), decision({ id: 'late-2' })].join('\n')));
  const view = store.copy().view();
  await run(at(old, view));
  let open = 0;
  const dying = (on: MemoryStore) => run(at(old, on));
  for await (const { store: left, at: death } of deaths(store, view.calls, dying, { mayEnd: true })) {
    await copyTo(copy, left);
    const { intents } = await move(at(copy, left));
    if (intents > 2) open++;
    await remove(old, left);
    const later = { ...at(copy, left), clock: () => Date.UTC(2026, 0, 2) };
    await run(later);
    expect(await ids(later), death).toEqual(expect.arrayContaining(['late-1', 'late-2']));
    expect(await verify(later), death).toMatchObject({ ok: true });
  }
  expect(open).toBeGreaterThan(0);
});

test('until every table is at home, no command writes', async () => {
  await copyTo(copy);
  const view = store.view();
  await move(at(copy, view));
  const calls = view.calls;
  await remove(copy);
  await copyTo(copy);
  await move(at(copy, mortal(store, calls - 3, 'before'))).catch(() => undefined);
  await expect(run(at(copy))).rejects.toThrow(OutsideWarehouse);
  await move(at(copy));
  expect(await verify(at(copy))).toMatchObject({ ok: true });
});

test('a relocation that is killed at any call is finished by the next one', async () => {
  await copyTo(copy);
  const expected = await sortedRows(at(old), table);
  const view = store.copy().view();
  await move(at(copy, view));
  expect(view.calls).toBeGreaterThan(50);
  const dying = (on: MemoryStore) => move(at(copy, on));
  for await (const { store: left, at: death } of deaths(store, view.calls, dying, { mayEnd: true })) {
    await move(at(copy, left));
    await remove(old, left);
    expect(await sortedRows(at(copy, left), table), death).toEqual(expected);
    expect(await verify(at(copy, left)), death).toMatchObject({ ok: true });
  }
});
