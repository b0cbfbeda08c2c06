/** Two batches on one thread: bodies of the second come while the first is still read, in the memory of one. */
import { expect, test } from 'vitest';
import { type FetchOptions, fetchObjects } from '../../src/ingest/fetch.ts';
import { Lane } from '../../src/ingest/lane.ts';
import { nextTurn } from '../../src/store/event-loop.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { begun } from '../../src/store/prefetch.ts';
import type { ObjectInfo } from '../../src/store/store.ts';
import { defaultLimits } from '../support/fixture.ts';

const limits = { ...defaultLimits, rejectedRecords: 1000, daysPerBatch: 100 };
const size = 1000;
const room = 4 * size;

async function world(batches: number, objects: number) {
  const store = new MemoryStore();
  const lists: ObjectInfo[][] = [];
  for (let batch = 0; batch < batches; batch++) {
    for (let n = 0; n < objects; n++) await store.put(`memory://raw/${batch}/${n}`, Buffer.alloc(size, 65 + n));
    const infos: ObjectInfo[] = [];
    for await (const info of store.list(`memory://raw/${batch}/`)) infos.push(info);
    lists.push(infos);
  }
  return { store, lists };
}

const optionsOf = (lane: Lane, onAllAcquired?: () => void): FetchOptions => ({
  ...{ downloads: 2, downloadBytes: room, limits, sleep: async () => {} },
  budget: lane.budget,
  onAllAcquired,
});

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
};

test('the second begins when nothing more of the first has to wait for memory, and both are whole', async () => {
  const { store, lists } = await world(2, 10);
  const lane = new Lane(room);
  const order: string[] = [];
  let most = 0;
  const watch = store.view({ before: ({ uri }) => void order.push(uri) });
  let second: AsyncGenerator<unknown> | undefined;
  let used = 0;
  const onAllAcquired = (): void => {
    order.push('all acquired');
    second = begun(fetchObjects(watch, lists[1]!, optionsOf(lane)));
  };
  for await (const { body } of fetchObjects(watch, lists[0]!, optionsOf(lane, onAllAcquired))) {
    if ('error' in body) throw body.error;
    for await (const chunk of body) used += chunk.length;
    await settle();
    most = Math.max(most, lane.budget.used);
    order.push('used');
  }
  expect(used).toBe(10 * size);
  const firstOfSecond = order.findIndex((each) => each.startsWith('memory://raw/1/'));
  expect(order.indexOf('all acquired')).toBeLessThan(firstOfSecond);
  expect(firstOfSecond).toBeLessThan(order.lastIndexOf('used'));
  expect(most).toBeLessThanOrEqual(room);
  let others = 0;
  for await (const _ of second!) others++;
  expect(others).toBe(10);
  expect(lane.budget.used).toBe(0);
});

test('one that is left, before or while it is read, gives all memory back', async () => {
  const { store, lists } = await world(1, 10);
  const lane = new Lane(room);
  const untouched = begun(fetchObjects(store, lists[0]!, optionsOf(lane)));
  await settle();
  expect(lane.budget.used).toBeGreaterThan(0);
  await untouched.return(undefined);
  for await (const _ of fetchObjects(store, lists[0]!, optionsOf(lane))) break;
  await settle();
  expect(lane.budget.used).toBe(0);
});

test('batches are read one after another, in order, also behind one that fails', async () => {
  const lane = new Lane(room);
  const order: string[] = [];
  const work = (name: string, fails = false) =>
    lane.read(async () => {
      order.push(`${name} begins`);
      await settle();
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const results = await Promise.allSettled([work('a', true), work('b')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});
