/**
 * What another engine has deleted or added on purpose is settled by `verify --accept`, with who and why; nothing but the
 * difference that was found is settled, so that a real loss after it is seen.
 */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../src/config/errors.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { fileRows } from '../../src/iceberg/table-rows.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { accept } from '../../src/jobs/verify/accept.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { withComputed } from '../../src/queries/computed.ts';
import { ask } from '../../src/queries/questions.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { addDeleteFiles, equalityDeletes, positionDeletes } from '../support/foreign-deletes.ts';
import { copyRows } from '../support/foreign-rows.ts';
import { deaths } from '../support/mortal.ts';
import { decision, input, objectUri, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';
const day = '2023-07-11';
const why = { reason: 'ticket 4711', by: 'anna' };

let start: MemoryStore;
let store: MemoryStore;
const world = (on: MemoryStore = store): Runtime => testRuntime({ store: on, batch: { objects: 1 } });

/** Two objects with five decisions each, all of one day. */
beforeAll(async () => {
  store = new MemoryStore();
  for (const n of [0, 1]) {
    const lines = Array.from({ length: 5 }, (_, i) => decision({ id: `id-${n * 5 + i}`, subject: `user-${i}` }));
    await store.put(objectUri(n), Buffer.from(lines.join('\n')));
  }
  await run(world());
  start = store;
});
beforeEach(() => {
  store = start.copy();
});

async function deleteRows(...ids: string[]): Promise<void> {
  const loaded = (await world().catalog.loadTable(table))!;
  const file = await equalityDeletes(
    world(),
    loaded,
    ['decision_id'],
    ids.map((id) => [id]),
  );
  await addDeleteFiles(world(), table, day, [file]);
}

const isClean = async (): Promise<boolean> => (await verify(world(), { deep: true })).ok;

test('a DELETE that was wanted is accepted, and a further loss is seen', async () => {
  await deleteRows('id-1', 'id-2', 'id-7');
  expect(await verify(world())).toMatchObject({ ok: false, differencesTotal: 2, accepted: [] });

  expect(await accept(world(), why)).toEqual({
    tables: { [table]: { objects: 2, missing: 3, unexpected: 0, altered: 0 } },
    refused: [],
  });
  const report = await verify(world());
  expect(report).toMatchObject({ ok: true, differencesTotal: 0, tables: { [table]: { files: 2, rows: 7 } } });
  expect(report.accepted).toEqual([
    { at: '2026-01-01T00:00:00.000Z', ...why, table, objects: 2, missing: 3, unexpected: 0, altered: 0 },
  ]);
  expect(await verify(world(), { deep: true })).toMatchObject({ ok: true });

  await deleteRows('id-3');
  expect((await verify(world())).differences).toEqual([
    { kind: 'rows-missing', table, uri: objectUri(0), expected: 3, found: 2 },
  ]);
});

test('only what is asked for is accepted, by table and by object', async () => {
  await deleteRows('id-1', 'id-7');
  expect(await accept(world(), { ...why, tables: ['quarantine'] })).toEqual({ tables: {}, refused: [] });
  expect(await rowsOf(world(), 'amendments').catch(() => [])).toEqual([]);
  expect(await accept(world(), { ...why, objects: [objectUri(1)] })).toMatchObject({
    tables: { [table]: { objects: 1 } },
  });
  expect((await verify(world())).differences).toMatchObject([{ kind: 'rows-missing', uri: objectUri(0) }]);
  expect(await accept(world(), { ...why, objects: [`${input}/eopa=a/`] })).toMatchObject({
    tables: { [table]: { objects: 1, missing: 1 } },
  });
  expect(await isClean()).toBe(true);
});

test.each([
  ['table', { tables: ['opa_decision'] }, 'there is no table opa_decision in the catalog; there are: '],
  ['day', { days: ['2023-7-11'] }, 'day must be a day such as 2023-07-11'],
])('a mistyped %s is told, and accepts nothing by matching nothing', async (_, asked, message) => {
  await deleteRows('id-1');
  const accepting = accept(world(), { ...why, ...asked });
  await expect(accepting).rejects.toThrow(UsageError);
  await expect(accepting).rejects.toThrow(message);
});

test('only what is asked for is accepted, by the days of the objects', async () => {
  const later = decision({ id: 'later', time: '2023-07-12T10:00:00Z' });
  await store.put(
    objectUri(2),
    Buffer.from([later, decision({ id: 'later-2', time: '2023-07-13T10:00:00Z' })].join('\n')),
  );
  await run(world());
  await deleteRows('id-1', 'id-7');
  expect(await accept(world(), { ...why, days: ['2023-07-12'] })).toEqual({ tables: {}, refused: [] });
  expect(await accept(world(), { ...why, days: ['2023-07-12', day] })).toMatchObject({
    tables: { [table]: { objects: 2, missing: 2 } },
  });
  await expect(accept(world(), { ...why, days: ['some day'] })).rejects.toThrow(/some day/);
});

test('who accepted what, when and why is a named question', async () => {
  const asked = async (...given: [string, string][]) => {
    const engine = withComputed(world(), {
      atOnce: 1,
      query: () => Promise.reject(new Error('not asked')),
      close: async () => {},
    });
    const { columns, chunks } = await engine.query(ask('acceptances', new Map(given), { now: Date.UTC(2026, 0, 2) }));
    const names = columns.map(({ name }) => name);
    return (await collect(chunks)).flat().map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])));
  };
  expect(await asked()).toEqual([]);
  await deleteRows('id-1', 'id-7', 'id-8');
  await accept(world(), why);
  const row = {
    accepted_at: '2026-01-01T00:00:00.000Z',
    accepted_by: 'anna',
    reason: 'ticket 4711',
    table_name: table,
  };
  expect(await asked()).toEqual([{ ...row, objects: 2, missing: 3, unexpected: 0, altered: 0 }]);
  expect(await asked(['from', '2026-01-01'], ['to', 'yesterday'], ['table', table])).toHaveLength(1);
  expect(await asked(['from', '2026-01-02'])).toEqual([]);
  expect(await asked(['table', 'quarantine'])).toEqual([]);
});

test('accepting twice changes nothing the second time', async () => {
  await deleteRows('id-1');
  await accept(world(), why);
  const before = await rowsOf(world(), 'amendments');
  expect(await accept(world(), why)).toEqual({ tables: {}, refused: [] });
  expect(await rowsOf(world(), 'amendments')).toEqual(before);
});

test('two who accept at once settle the difference once', async () => {
  await deleteRows('id-1', 'id-7');
  await Promise.all([accept(world(), why), accept(world(), { ...why, by: 'bert' })]);
  expect(await isClean()).toBe(true);
  expect(await rowsOf(world(), 'amendments')).toHaveLength(2);
});

test('rows that are missing with their file are never accepted', async () => {
  const { metadata } = (await world().catalog.loadTable(table))!;
  const [file] = await collect(liveFiles(store, metadata));
  await store.delete(file!.path);
  await deleteRows('id-1', 'id-7');
  const { tables, refused } = await accept(world(), why);
  expect(tables).toEqual({});
  expect(refused.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('file-missing'),
    expect.stringContaining('file-missing'),
  ]);
});

describe('rows that another engine appends', () => {
  test('of objects that nobody knows are accepted, and leave the account again by erasure and retention', async () => {
    await copyRows(world(), table, (row) => ({ ...row, source_uri: 'by hand', decision_id: `new-${row.decision_id}` }));
    expect((await verify(world())).differences).toMatchObject([
      { kind: 'rows-unexpected', uri: 'by hand', expected: 0, found: 10 },
    ]);
    await accept(world(), why);
    expect(await isClean()).toBe(true);
    expect(await erase(world(), 'user-2')).toMatchObject({ tables: { [table]: { rows: 4 } } });
    expect(await isClean()).toBe(true);
    const runtime = world();
    await expire({ ...runtime, config: { ...runtime.config, retention: { [table]: 86_400 } } });
    expect(await rowsOf(world(), table)).toEqual([]);
    expect(await verify(world())).toMatchObject({ ok: true });
  });

  test('as copies of rows that are there are dropped by compaction, and booked against no object', async () => {
    await copyRows(world(), table, (row) => row);
    expect((await verify(world())).differences.map(({ kind }) => kind)).toEqual(['rows-unexpected', 'rows-unexpected']);
    expect(await compact(world())).toMatchObject({ tables: { [table]: { duplicates: 10 } } });
    expect(await rowsOf(world(), table)).toHaveLength(10);
    expect(await isClean()).toBe(true);
  });

  test('as copies are booked where they were accepted', async () => {
    await copyRows(world(), table, (row) => (row.decision_id === 'id-3' ? undefined : row));
    await accept(world(), { ...why, objects: [objectUri(0)] });
    expect((await verify(world())).differences).toMatchObject([{ kind: 'rows-unexpected', uri: objectUri(1) }]);
    await compact(world());
    expect(await isClean()).toBe(true);
    // Again, when nothing of it is on the account any more.
    await copyRows(world(), table, (row) => row);
    await compact(world());
    expect(await isClean()).toBe(true);
  });

  test('as copies are on the account no more once their objects are read again', async () => {
    const later = (hours: number): Runtime => ({ ...world(), clock: () => Date.UTC(2026, 0, 1, hours) });
    await copyRows(world(), table, (row) => row);
    await accept(world(), why);
    await run(later(1), { again: true });
    expect(await isClean()).toBe(true);
    await copyRows(world(), table, (row) => row);
    await compact(later(2));
    expect(await isClean()).toBe(true);
  });

  test('beside a duplicate of another object are told from it', async () => {
    await store.put(
      objectUri(2),
      Buffer.from([decision({ id: 'id-0', subject: 'user-0' }), decision({ id: 'own' })].join('\n')),
    );
    await run(world());
    await copyRows(world(), table, (row) => row);
    await compact(world());
    expect(await rowsOf(world(), table)).toHaveLength(11);
    expect(await verify(world())).toMatchObject({ ok: true });
  });
});

test.each(['accepted', 'that nobody accepted'])('objects that are read again settle changes %s', async (how) => {
  await copyRows(world(), table, (row) => (row.decision_id === 'id-7' ? row : undefined));
  await deleteRows('id-1');
  if (how === 'accepted') await accept(world(), why);
  await run(world(), { again: true });
  expect(await rowsOf(world(), table)).toHaveLength(10);
  expect(await isClean()).toBe(true);
});

describe('a row that another engine has changed', () => {
  let now = Date.UTC(2026, 0, 1);
  const machine = (): Runtime => ({ ...world(), clock: () => now });
  const deep = { ...why, deep: true };

  /** As an UPDATE does it: the row is deleted where it is, and added with other values. */
  async function update(id: string, change: Readonly<Record<string, string>>): Promise<void> {
    now += 1000;
    const loaded = (await world().catalog.loadTable(table))!;
    const places: [string, number][] = [];
    for (const file of await collect(liveFiles(store, loaded.metadata))) {
      const all = (await collect(fileRows(store, loaded.metadata, file, { withDeleted: true }))).flat();
      const live = (await collect(fileRows(store, loaded.metadata, file))).flat();
      if (live.some((row) => row.decision_id === id))
        places.push([file.path, all.findIndex((row) => row.decision_id === id)]);
    }
    await copyRows(world(), table, (row) => (row.decision_id === id ? { ...row, ...change } : undefined));
    await addDeleteFiles(world(), table, day, [await positionDeletes(world(), loaded, places)]);
  }

  test('is accepted as it is, and changed once more it is a difference again', async () => {
    await update('id-1', { resource: '/changed' });
    expect(await accept(machine(), why)).toEqual({ tables: {}, refused: [] });
    expect(await verify(world(), { deep: true })).toMatchObject({
      differences: [{ kind: 'content-differs', uri: objectUri(0), records: [{ columns: ['resource'] }] }],
    });
    expect(await accept(machine(), deep)).toEqual({
      tables: { [table]: { objects: 1, missing: 0, unexpected: 0, altered: 1 } },
      refused: [],
    });
    expect(await isClean()).toBe(true);
    const { accepted } = await verify(world());
    expect(accepted).toMatchObject([{ ...why, objects: 1, missing: 0, unexpected: 0, altered: 1 }]);
    expect(JSON.stringify(await rowsOf(world(), 'amendments'), (_, value) => String(value))).not.toContain('/changed');

    await update('id-1', { resource: '/changed again' });
    expect((await verify(world(), { deep: true })).ok).toBe(false);
    await accept(machine(), deep);
    expect(await isClean()).toBe(true);
    // What was accepted before is accepted no more.
    await update('id-1', { resource: '/changed' });
    expect((await verify(world(), { deep: true })).ok).toBe(false);
  });

  test('excuses no other row of its object', async () => {
    await update('id-1', { resource: '/changed' });
    await accept(machine(), deep);
    await update('id-2', { resource: '/changed' });
    expect((await verify(world(), { deep: true })).differences).toMatchObject([
      { kind: 'content-differs', uri: objectUri(0), records: [{ columns: ['resource'] }] },
    ]);
    await deleteRows('id-1');
    expect(await verify(world())).toMatchObject({ differences: [{ kind: 'rows-missing', expected: 5, found: 4 }] });
  });

  test('excuses no other row beside one whose deletion was accepted as a number', async () => {
    await deleteRows('id-3');
    await accept(machine(), why);
    await update('id-1', { resource: '/changed' });
    expect(await accept(machine(), deep)).toMatchObject({
      tables: { [table]: { missing: 0, unexpected: 0, altered: 1 } },
    });
    expect(await isClean()).toBe(true);
    await update('id-2', { resource: '/changed' });
    expect((await verify(world(), { deep: true })).differences).toMatchObject([
      { kind: 'content-differs', uri: objectUri(0), records: [{ columns: ['resource'] }, {}] },
    ]);
  });

  test('excuses no other row in the place of the same record', async () => {
    await copyRows(world(), table, (row) => (row.decision_id === 'id-4' ? { ...row, resource: '/copy' } : undefined));
    now += 1000;
    await accept(machine(), deep);
    expect(await isClean()).toBe(true);
    await copyRows(world(), table, (row) => (row.resource === '/copy' ? { ...row, resource: '/forged' } : undefined));
    const loaded = (await world().catalog.loadTable(table))!;
    await addDeleteFiles(world(), table, day, [await equalityDeletes(world(), loaded, ['resource'], [['/copy']])]);
    expect((await rowsOf(world(), table)).map(({ resource }) => resource)).toContain('/forged');
    expect((await verify(world(), { deep: true })).differences).toMatchObject([
      { kind: 'content-differs', uri: objectUri(0) },
    ]);
  });

  test('leaves a copy of another row of its object to compaction, which takes it off the account', async () => {
    await deleteRows('id-3');
    await copyRows(world(), table, (row) => (row.decision_id === 'id-4' ? row : undefined));
    expect((await verify(world())).ok).toBe(true);
    now += 1000;
    await accept(machine(), deep);
    expect(await isClean()).toBe(true);
    await compact(world());
    expect(await rowsOf(world(), table)).toHaveLength(9);
    expect(await isClean()).toBe(true);
  });

  test('excuses nothing where rows that were accepted as a number are accepted one by one', async () => {
    await deleteRows('id-3');
    await accept(machine(), why);
    await deleteRows('id-4');
    now += 1000;
    await accept(machine(), deep);
    expect(await isClean()).toBe(true);
    await update('id-2', { resource: '/changed' });
    expect((await verify(world(), { deep: true })).ok).toBe(false);
    await accept(machine(), deep);
    expect(await isClean()).toBe(true);
  });

  test('is accepted together with rows that were deleted and added, each by itself', async () => {
    await deleteRows('id-3');
    await copyRows(world(), table, (row) => (row.decision_id === 'id-4' ? { ...row, resource: '/copy' } : undefined));
    await copyRows(world(), table, (row) => (row.decision_id === 'id-8' ? { ...row, resource: '/copy' } : undefined));
    await update('id-1', { resource: '/changed' });
    expect(await accept(machine(), deep)).toEqual({
      tables: { [table]: { objects: 2, missing: 1, unexpected: 2, altered: 3 } },
      refused: [],
    });
    expect(await isClean()).toBe(true);
    await update('id-2', { resource: '/changed' });
    expect((await verify(world(), { deep: true })).ok).toBe(false);
  });

  test('stays accepted through compaction, leaves with an erasure, and is as its object says after that is read again', async () => {
    await update('id-1', { subject: 'pseudonym' });
    await accept(machine(), deep);
    await compact(world());
    expect(await isClean()).toBe(true);
    expect(await erase(world(), 'pseudonym')).toMatchObject({ tables: { [table]: { rows: 1 } } });
    expect(await isClean()).toBe(true);
    await run(world(), { again: true });
    expect(await isClean()).toBe(true);
    expect((await rowsOf(world(), table)).map(({ subject }) => subject)).not.toContain('pseudonym');
    expect(await rowsOf(world(), table)).toHaveLength(10);
  });
});

test('an acceptance that is killed at any call is made once, by the next run', async () => {
  await deleteRows('id-1', 'id-7');
  const view = store.copy().view();
  await accept(world(view), why);
  expect(view.calls).toBeGreaterThan(30);
  const dying = (on: MemoryStore) => accept(world(on), why);
  for await (const { store: left, at } of deaths(store, view.calls, dying, { mayEnd: true })) {
    await accept(world(left), { ...why, by: 'bert' });
    expect(await verify(world(left)), at).toMatchObject({ ok: true });
    const rows = (await rowsOf(world(left), 'amendments')).map(({ rows }) => Number(rows));
    expect(rows, at).toEqual([-1, -1]);
  }
});
