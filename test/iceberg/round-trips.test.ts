/** A store far away costs round trips: how many of them a table takes, whatever each one lasts. */
import { expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { inRounds } from '../support/rounds.ts';
import { append, events, madeUpFile, testContext } from './fixture.ts';

const root = 'memory://test/warehouse';

async function world() {
  const shared = new MemoryStore();
  const rounds = inRounds(shared);
  const catalog = new FileCatalog(rounds.store, root);
  const context = testContext(rounds.store, catalog);
  const commit = (name: string, on = context) =>
    commitTable(on, 'events', ({ metadata }) => append(madeUpFile(metadata, name)));
  await ensureTable(context, events);
  return { ...rounds, shared, catalog, context, commit };
}

test('a commit on a table that is known takes four round trips: ask, stage, swap, hint', async () => {
  const { count, commit } = await world();
  for (const name of ['a', 'b', 'c']) expect(await count(() => commit(name))).toBeLessThanOrEqual(4);
});

test('a table that is known and has not changed is loaded in one round trip, and one that is not in two', async () => {
  const { count, catalog, commit, store } = await world();
  await commit('a');
  expect(await count(() => catalog.loadTable('events'))).toBe(1);
  expect(await count(() => new FileCatalog(store, root).loadTable('events'))).toBe(2);
});

test('a table that others have committed to since is loaded anew', async () => {
  const { shared, catalog, commit } = await world();
  await commit('a');
  const others = testContext(shared, new FileCatalog(shared, root));
  for (const name of ['b', 'c', 'd']) await commit(name, others);
  const loaded = await catalog.loadTable('events');
  expect(loaded?.metadata.snapshots).toHaveLength(4);
  expect(catalog.lastLoaded('events')).toBe(loaded);
});

test('a table that was dropped, or dropped and made anew, is never taken for what it was', async () => {
  const { shared, catalog, context, commit } = await world();
  for (const name of ['a', 'b']) await commit(name);
  for await (const { uri } of shared.list(`${root}/events/`)) await shared.delete(uri);
  expect(await catalog.loadTable('events')).toBeUndefined();
  expect(catalog.lastLoaded('events')).toBeUndefined();
  await ensureTable(testContext(shared, new FileCatalog(shared, root)), events);
  const { loaded } = await commit('c', context);
  expect(loaded.version).toBe('2');
  expect(loaded.metadata.snapshots).toHaveLength(1);
});

test('the manifests that a commit builds on are not read again by the next one', async () => {
  const shared = new MemoryStore();
  const read: string[] = [];
  const store = shared.view({ before: ({ operation, uri }) => void (operation === 'get' && read.push(uri)) });
  const context = testContext(store, new FileCatalog(store, root));
  await ensureTable(context, events);
  read.length = 0;
  for (const name of ['a', 'b', 'c'])
    await commitTable(context, 'events', ({ metadata }) => append(madeUpFile(metadata, name)));
  expect(read).toEqual([]);
});
