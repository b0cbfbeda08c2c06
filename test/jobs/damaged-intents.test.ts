/** What a run has begun is named where somebody else has damaged its intent, and can be ended by what the message says. */
import { expect, test } from 'vitest';
import { compact } from '../../src/jobs/compact/compact.ts';
import { commitUnits } from '../../src/jobs/steps/commit.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { readWhole } from '../../src/store/read.ts';
import { collect } from '../support/collect.ts';
import { decision, objectUri, owner, rowsOf, run, testRuntime, warehouse } from '../support/warehouse.ts';

const table = 'opa_decisions';

/** A store with an object whose batch has an intent, after which its run has died; at the table, or before. */
async function open(isInTable: boolean) {
  const store = new MemoryStore();
  let now = Date.UTC(2026, 0, 1);
  // A run that waits for a claim lets time pass.
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  const world = testRuntime({ store, clock: () => now, sleep, owner: owner('next') });
  await store.put(objectUri('a'), Buffer.from(decision({ id: 'a' })));
  const dieAt = isInTable ? `/${table}/metadata/v2.` : '/_batches/';
  const dying = store.view({
    after: ({ operation, uri }) => {
      if (operation === 'put' && uri.includes(dieAt)) throw new Error('killed');
    },
  });
  await run(testRuntime({ store: dying, clock: () => now, owner: owner('dead') })).catch(() => {});
  now += 3_600_000;
  const [intent] = await collect(store.list(`${warehouse}/_batches/`));
  const body = await readWhole(store, intent!, { sleep: world.sleep });
  return { store, world, uri: intent!.uri, body };
}

test.each([
  ['cut off', (body: Buffer) => body.subarray(0, 100), 'is damaged'],
  ['empty', () => Buffer.alloc(0), 'is damaged'],
  ['something else', () => Buffer.from('{}'), 'is an intent of format undefined'],
])('an intent that is %s is named, and its last version can be put back', async (_, damage, message) => {
  const { store, world, uri, body } = await open(false);
  await store.put(uri, damage(body));
  await expect(run(world)).rejects.toThrow(`${uri} ${message}`);
  await expect(commitUnits(world)).rejects.toThrow(`${uri} ${message}`);
  await store.put(uri, body);
  await run(world);
  expect(await rowsOf(world, table)).toHaveLength(1);
  expect((await verify(world, {})).differences).toEqual([]);
});

test.each([
  ['nothing of it is visible', false],
  ['its rows are in their table', true],
])('where a damaged intent is removed, its objects are read again, and are there once: %s', async (_, isInTable) => {
  const { store, world, uri } = await open(isInTable);
  expect(await rowsOf(world, table)).toHaveLength(isInTable ? 1 : 0);
  await store.delete(uri);
  await run(world);
  expect(await rowsOf(world, table)).toHaveLength(1);
  expect((await verify(world, {})).differences).toEqual([]);
});

test.each(['_amendments', '_compactions'])('an intent of %s that is damaged is named', async (folder) => {
  const world = testRuntime({ store: new MemoryStore() });
  const uri = `${warehouse}/${folder}/${'0'.repeat(32)}.json`;
  await world.store.put(objectUri('a'), Buffer.from(decision({ id: 'a' })));
  await run(world);
  await world.store.put(uri, Buffer.from('{"format-version":1,'));
  await expect(folder === '_amendments' ? compact(world) : commitUnits(world)).rejects.toThrow(`${uri} is damaged`);
});

test('markers that other programs leave beside intents are none', async () => {
  const world = testRuntime({ store: new MemoryStore() });
  for (const folder of ['_batches', '_amendments', '_compactions'])
    for (const name of ['', '.DS_Store', 'x_$folder$'])
      await world.store.put(`${warehouse}/${folder}/${name}`, Buffer.alloc(0));
  await world.store.put(objectUri('a'), Buffer.from(decision({ id: 'a' })));
  await run(world);
  await compact(world);
  await commitUnits(world);
  expect((await verify(world, {})).differences).toEqual([]);
});
