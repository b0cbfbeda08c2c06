/**
 * Another engine that removes orphans without a grace period takes away what a dead process was about to commit. No table
 * may name such a file afterwards: the next run reads the objects, or rewrites the days, again, each once.
 */
import { expect, test } from 'vitest';
import { commitTable } from '../../src/iceberg/commit.ts';
import { removeSnapshots } from '../../src/iceberg/history.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { listCandidates, orphansAmong } from '../../src/jobs/expire/orphans.ts';
import { commitUnits } from '../../src/jobs/steps/commit.ts';
import { commitCompactions } from '../../src/jobs/steps/compaction-commit.ts';
import { planCompaction } from '../../src/jobs/steps/compaction-plan.ts';
import { planUnits } from '../../src/jobs/steps/plan.ts';
import { Stager } from '../../src/jobs/steps/stage.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { type MemoryCall, MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { deaths, Killed } from '../support/mortal.ts';
import {
  decision,
  input,
  numberedIds,
  opaSourceConfig,
  owner,
  putDecisions,
  putLines,
  rowsOf,
  run,
  sortedRows,
  testRuntime,
  type WorldOptions,
} from '../support/warehouse.ts';
import { ingested, state, world } from './compacted-world.ts';

const objects = 4;
const perObject = 3;
const begun = Date.UTC(2026, 0, 1);
const tables = ['opa_decisions', 'quarantine', 'sequences'];

async function removeOrphans(store: MemoryStore): Promise<string[]> {
  const { catalog } = testRuntime({ store });
  const removed: string[] = [];
  for (const name of await catalog.listTables().catch(() => [])) {
    const loaded = (await catalog.loadTable(name))!;
    const candidates = await listCandidates(store, loaded.metadata.location, Number.POSITIVE_INFINITY);
    for (const { uri } of await orphansAmong(store, candidates, loaded, new Set())) {
      await store.delete(uri);
      removed.push(uri);
    }
  }
  return removed;
}

const machine = (id: string, store: MemoryStore, options: WorldOptions = {}): Runtime => ({
  ...testRuntime({ store, batch: { objects: 2 }, threads: 2, owner: owner(id), clock: () => begun, ...options }),
  uuid: numberedIds(id),
});
const later = { clock: () => begun + 3_600_000 };

const seen = async (store: MemoryStore) => {
  const reader = machine('reader', store);
  const rows = await Promise.all(tables.map((name) => sortedRows(reader, name, ['batch'])));
  const states = (await rowsOf(reader, 'ingested_objects')).map((row) => row.state);
  return { rows, states, differences: (await verify(reader, { deep: true })).differences };
};

async function undisturbed() {
  const store = new MemoryStore();
  await putDecisions(store, objects, perObject);
  const start = store.copy();
  const view = store.view();
  await run(machine('first', view));
  return { start, calls: view.calls, expected: await seen(store) };
}

test('files of a backfill that died at any call: the next run reads the objects again, however it cuts its files', async () => {
  const { start, calls, expected } = await undisturbed();
  let removed = 0;
  for await (const { store: left, at } of deaths(start, calls, (store) => run(machine('first', store)))) {
    removed += (await removeOrphans(left)).length;
    for (const output of [{}, { fileRows: 1 }]) {
      const store = left.copy();
      await run(machine('second', store, { ...later, output }));
      expect(await seen(store), at).toEqual(expected);
    }
  }
  expect(removed).toBeGreaterThan(0);
});

/** With the first intents, but no snapshot of a table. */
async function staged(options: WorldOptions = {}) {
  const { start, expected } = await undisturbed();
  const store = start.copy();
  const planner = machine('planner', store, options);
  const units = await collect(planUnits(planner, { name: 'nightly', holdSeconds: 600, units: 100 }));
  for (const unit of units) expect((await new Stager(planner).stage(unit)).state).toBe('staged');
  expect((await removeOrphans(store)).length).toBeGreaterThan(0);
  return { store, units, expected };
}

test('the run that reads them again may die at any call as well', async () => {
  const { store: start, expected } = await staged({ output: { fileRows: 1 } });
  const second = (store: MemoryStore) => run(machine('second', store, later));
  const view = start.copy().view();
  await second(view);
  for await (const { store, at } of deaths(start, view.calls, second)) {
    await removeOrphans(store);
    await run(machine('third', store, { clock: () => begun + 2 * 3_600_000 }));
    expect(await seen(store), at).toEqual(expected);
  }
});

/** As another engine may leave the tables: with the newest snapshot alone. */
async function forgetHistory(store: MemoryStore, of: readonly string[] = tables): Promise<void> {
  const { catalog, ...other } = machine('other', store);
  for (const name of of) {
    const nothing = { operation: 'append', add: [], remove: [], summary: {} } as const;
    for (let n = 0; n < 2; n++) await commitTable(commitContext({ ...other, catalog }), name, async () => nothing);
    const { metadata, ...loaded } = (await catalog.loadTable(name))!;
    const earlier = metadata.snapshots.map((snapshot) => snapshot['snapshot-id']);
    const gone = earlier.filter((id) => id !== metadata['current-snapshot-id']);
    await catalog.commitTable(name, { metadata, ...loaded }, removeSnapshots(metadata, gone));
  }
}

test('files of batches, and snapshots made since: what nothing shows to be committed is read again', async () => {
  const { store, expected } = await staged();
  await forgetHistory(store);
  await run(machine('second', store, later));
  expect(await seen(store)).toEqual(expected);
});

/** Of a source without numbers of records, whose objects grow. */
const okera = { sources: [{ name: 'okera', type: 'okera-audit', location: input, columns: {} } as const] };
const audited = ['okera_audit_logs', 'quarantine'];

test.each([
  ['not taken it', false],
  ['taken it', true],
])('files of a batch of grown objects, where no snapshot tells any more that a table has %s', async (_, isTaken) => {
  const start = new MemoryStore();
  const put = async (count: number, broken: string) => {
    for (let object = 0; object < objects; object++) {
      const lines = Array.from({ length: count }, (_, n) =>
        JSON.stringify({ request_time: '2026-01-01T00:00:00Z', request_id: `${object} ${n}`, connected_user: 'u' }),
      );
      await start.put(`${input}/${object}.log`, Buffer.from(`${[...lines, broken].join('\n')}\n`));
    }
  };
  const found = async (store: MemoryStore) => {
    const reader = machine('reader', store, okera);
    const rows = await Promise.all(audited.map((name) => sortedRows(reader, name, ['batch'])));
    return { rows, differences: (await verify(reader, { deep: true })).differences };
  };
  await put(perObject, '{');
  await run(machine('zeroth', start, okera));
  await put(perObject + 2, '{[');
  const undisturbed = start.copy();
  await run(machine('first', undisturbed, okera));
  const store = start.copy();
  const committing = isTaken ? /ingested_objects\/metadata\/v/ : /(okera_audit_logs|quarantine)\/metadata\/v/;
  let isStaged = false;
  const before = ({ operation, uri }: MemoryCall): void => {
    if (operation === 'put' && isStaged && committing.test(uri)) throw new Killed();
    isStaged ||= operation === 'put' && uri.includes('/_batches/');
  };
  const first = run(machine('first', store.view({ before }), { ...okera, batch: { objects } }));
  await expect(first).rejects.toThrow(Killed);
  if (isTaken) await compact(machine('compactor', store, { ...okera, ...later, compact: { smallFiles: 2 } }));
  await forgetHistory(store, audited);
  expect(await removeOrphans(store)).not.toEqual([]);
  await run(machine('second', store, { ...okera, ...later }));
  expect(await found(store)).toEqual(await found(undisturbed));
});

test('files of a unit: a commit leaves it to be staged again', async () => {
  const { store, units, expected } = await staged();
  const none = { committed: 0, givenBack: 0, open: units.length };
  expect((await commitUnits(machine('committer', store))).units).toEqual(none);
  for (const unit of units) expect((await new Stager(machine('other', store)).stage(unit)).state).toBe('staged');
  expect((await commitUnits(machine('committer', store))).units).toEqual({ ...none, committed: units.length, open: 0 });
  expect(await seen(store)).toEqual(expected);
});

test('files of a run that reads again killed at any call', async () => {
  const { start, expected } = await undisturbed();
  await run(machine('before', start));
  const again = (id: string, store: MemoryStore) => run(machine(id, store, later), { again: true });
  const view = start.copy().view();
  await again('first', view);
  for await (const { store, at } of deaths(start, view.calls, (of) => again('first', of))) {
    await removeOrphans(store);
    await run(machine('second', store, { clock: () => begun + 2 * 3_600_000 }));
    const { rows, ...rest } = await seen(store);
    // Numbers that have arrived are added once more.
    expect({ rows: rows.slice(0, 2), ...rest }, at).toEqual({ ...expected, rows: expected.rows.slice(0, 2) });
  }
});

test('files of a run that reads again, and snapshots made since: no row stays that its objects do not give any more', async () => {
  const start = new MemoryStore();
  for (const object of ['a', 'b']) {
    const long = decision({ id: `${object} long`, subject: 'x'.repeat(3000) });
    await putLines(start, `${object}.jsonl`, decision({ id: `${object} short` }), long);
  }
  await run(machine('before', start));
  const narrow = { ...later, limits: { recordBytes: 1000 } };
  const again = (store: MemoryStore) => run(machine('first', store, narrow), { again: true });
  const whole = start.copy();
  await again(whole);
  let isStaged = false;
  const before = ({ operation, uri }: MemoryCall): void => {
    if (operation === 'put' && isStaged && /metadata\/v/.test(uri)) throw new Killed();
    isStaged ||= operation === 'put' && uri.includes('/_batches/');
  };
  await expect(again(start.view({ before }))).rejects.toThrow(Killed);
  await forgetHistory(start, ['opa_decisions', 'quarantine']);
  expect(await removeOrphans(start)).not.toEqual([]);
  await run(machine('second', start, { ...narrow, clock: () => begun + 2 * 3_600_000 }));
  const expected = (await seen(whole)).rows.slice(0, 2);
  expect(expected.map(({ length }) => length)).toEqual([2, 2]);
  expect((await seen(start)).rows.slice(0, 2)).toEqual(expected);
});

test('files of a batch that a table has taken, whose objects give other records now, are named and not committed', async () => {
  const { start } = await undisturbed();
  const before = ({ operation, uri }: MemoryCall): void => {
    if (operation === 'put' && /opa_decisions\/metadata\/v/.test(uri)) throw new Killed();
  };
  const options = { batch: { objects } };
  await run(machine('zeroth', start, { ...options, sources: [{ ...opaSourceConfig, location: `${input}/none` }] }));
  await expect(run(machine('first', start.view({ before }), options))).rejects.toThrow(Killed);
  await removeOrphans(start);
  expect(await rowsOf(machine('reader', start), 'quarantine')).not.toEqual([]);
  const next = run(machine('second', start, { ...later, limits: { recordBytes: 10 } }));
  await expect(next).rejects.toThrow(/give other records than they did: once .*_batches.* is deleted/);
  expect(await rowsOf(machine('reader', start), 'opa_decisions')).toEqual([]);
});

test('files of a compaction killed at any call: its days are rewritten again', async () => {
  const start = await ingested();
  const whole = start.copy();
  const view = whole.view();
  const job = (store: MemoryStore) => compact(world(store), { tables: ['opa_decisions'] });
  await job(view);
  const expected = await state(world(whole));
  for await (const { store, at } of deaths(start, view.calls, job, { mayEnd: true })) {
    const removed = await removeOrphans(store);
    await job(store);
    const { removed: recorded, ...rest } = await state(world(store));
    // After a death right between the change and its record.
    const isLost = removed.some((uri) => uri.includes('/amendments/data/')) && recorded.length === 0;
    expect({ ...rest, removed: isLost ? expected.removed : recorded }, at).toEqual(expected);
  }
});

test('files of a day that is rewritten by a unit: the unit is given up, and its day planned again', async () => {
  const store = await ingested();
  const whole = store.copy();
  const options = { tables: ['opa_decisions'] };
  await compact(world(whole), options);
  const plan = () => collect(planCompaction(world(store), { ...options, holdSeconds: 3600, units: 100 }));
  const units = await plan();
  const stage = async () => {
    for (const unit of await plan()) expect((await new Stager(world(store)).stage(unit)).state).toBe('staged');
  };
  await stage();
  await removeOrphans(store);
  const overtaken = { committed: 0, overtaken: units.length };
  expect((await commitCompactions(world(store))).units).toMatchObject(overtaken);
  await stage();
  expect((await commitCompactions(world(store))).units).toMatchObject({ committed: units.length, overtaken: 0 });
  expect(await state(world(store))).toEqual(await state(world(whole)));
});
