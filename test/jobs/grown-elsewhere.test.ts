/**
 * An object that grows is compared with what the tables hold of it at that moment, whoever has put it there or taken it
 * away: a worker that has known a table for a while must ask for it again.
 */
import { expect, test } from 'vitest';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { type MemoryHooks, MemoryStore } from '../../src/store/memory.ts';
import { decision, input, objectUri, owner, rowsOf, run, testRuntime, warehouse } from '../support/warehouse.ts';

const table = 'opa_decisions';
const uri = objectUri('grows');
const bad = '{"decision_id":5}';
const object = (...ids: string[]): Buffer =>
  Buffer.from([bad, ...ids.map((id) => decision({ id, subject: id === 'b' ? 'eve' : 'bob' }))].join('\n'));
const idsOf = async (runtime: Runtime): Promise<string[]> =>
  (await rowsOf(runtime, table)).map((row) => String(row.decision_id)).sort();

/** A store in which `happens` once, when the sources are listed: the tables have been opened by then. */
function whileListing(store: MemoryStore, happens: () => Promise<unknown>): MemoryStore {
  let isDone = false;
  const hooks: MemoryHooks = {
    before: async ({ operation, uri: place }) => {
      if (isDone || operation !== 'list' || !place.startsWith(input)) return;
      isDone = true;
      await happens();
    },
  };
  return store.view(hooks);
}

test.each([
  ['a backfill', {}],
  ['backfill --again', { again: true }],
])('rows that another process has committed since %s began are not added a second time', async (_, options) => {
  const store = new MemoryStore();
  const other = testRuntime({ store, owner: owner('other') });
  await store.put(objectUri('first'), object('z'));
  await run(other);
  const beside = whileListing(store, async () => {
    await store.put(uri, object('a', 'b'));
    await run(other);
    await store.put(uri, object('a', 'b', 'c'));
  });
  await run(testRuntime({ store: beside }), options);
  const after = testRuntime({ store });
  expect(await idsOf(after)).toEqual(['a', 'b', 'c', 'z']);
  expect(await rowsOf(after, 'quarantine')).toHaveLength(2);
  expect((await verify(after, { deep: true })).differences).toEqual([]);
});

test('rows that an erasure has taken, which died before it could say so, do not come back', async () => {
  const store = new MemoryStore();
  const world = testRuntime({ store });
  await store.put(uri, object('a', 'b'));
  await run(world);
  const dying = store.view({
    before: ({ operation, uri: place }) => {
      if (operation === 'put' && place.startsWith(`${warehouse}/amendments/metadata/snap-`)) throw new Error('killed');
    },
  });
  await expect(erase(testRuntime({ store: dying }), 'eve')).rejects.toThrow('killed');
  expect(await idsOf(world)).toEqual(['a']);
  await store.put(uri, object('a', 'b', 'c'));
  await run(testRuntime({ store }));
  expect(await idsOf(world)).toEqual(['a', 'c']);
  expect((await verify(world, { deep: true })).differences).toEqual([]);
});

test('a record that has left the quarantine by a replay that died before it was a row, is one row', async () => {
  const store = new MemoryStore();
  const large = JSON.stringify({ ...JSON.parse(decision({ id: 'large' })), query: 'q'.repeat(2000) });
  await store.put(uri, Buffer.from(large));
  await run(testRuntime({ store, limits: { recordBytes: 1024 } }));
  const dying = store.view({
    before: ({ operation, uri: place }) => {
      if (operation === 'put' && place.startsWith(`${warehouse}/${table}/metadata/snap-`)) throw new Error('killed');
    },
  });
  await expect(replay(testRuntime({ store: dying }))).rejects.toThrow('killed');
  const world = testRuntime({ store });
  expect([await idsOf(world), await rowsOf(world, 'quarantine')]).toEqual([[], []]);
  await store.put(uri, Buffer.from([large, decision({ id: 'c' })].join('\n')));
  await run(testRuntime({ store }));
  expect(await idsOf(world)).toEqual(['c', 'large']);
  expect((await verify(world, { deep: true })).differences).toEqual([]);
});
