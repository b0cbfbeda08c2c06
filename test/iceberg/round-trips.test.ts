/** A store far away costs round trips: how many of them a table takes, whatever each one lasts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { LoadedTable } from '../../src/iceberg/catalog.ts';
import { catalogWith } from '../../src/iceberg/catalog-with.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { readFile } from '../../src/iceberg/files.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { readRows } from '../../src/parquet/read/row-reader.ts';
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

test('a commit on a table that is known takes three round trips: stage while asking, swap, hint', async () => {
  const { count, commit } = await world();
  for (const name of ['a', 'b', 'c']) expect(await count(() => commit(name))).toBe(3);
});

test('what is left to do once a commit holds can be waited for elsewhere, and its hints never go back', async () => {
  const { count, commit, context, shared } = await world();
  const rest: Promise<void>[] = [];
  const hasty = { ...context, later: (left: Promise<void>) => void rest.push(left) };
  for (const name of ['a', 'b', 'c']) expect(await count(() => commit(name, hasty))).toBe(2);
  await Promise.all(rest);
  const hint = await readFile(shared, `${root}/events/metadata/version-hint.text`);
  expect(hint.toString()).toBe('4');
});

test('where others commit in between, nothing is staged ahead of asking until they are seen to have stopped', async () => {
  const { shared, catalog, context, commit } = await world();
  const others = testContext(shared, new FileCatalog(shared, root));
  await commit('a');
  const staged: number[] = [];
  const counted = (name: string) =>
    commitTable(context, 'events', ({ metadata }) => {
      staged.push(metadata['last-sequence-number']);
      return append(madeUpFile(metadata, name));
    });
  await commit('b', others);
  await counted('c');
  expect(staged.splice(0)).toEqual([1, 2]);
  await commit('d', others);
  await counted('e');
  expect(staged.splice(0)).toEqual([4]);
  await counted('f');
  await counted('g');
  expect(staged).toEqual([5, 6]);
  const loaded = (await catalog.loadTable('events'))!;
  expect(loaded.metadata.snapshots).toHaveLength(7);
  const lists = new Set<string>();
  for await (const { uri } of shared.list(`${root}/events/metadata/snap-`)) lists.add(uri);
  expect(lists).toEqual(new Set(loaded.metadata.snapshots.map((snapshot) => snapshot['manifest-list'])));
});

test('nothing is swapped before what it waits for, nor where that fails', async () => {
  const { context, commit, catalog } = await world();
  await commit('a');
  const gate = Promise.withResolvers<void>();
  const prepare = ({ metadata }: LoadedTable) => append(madeUpFile(metadata, 'b'));
  const committed = commitTable(context, 'events', prepare, { swapAfter: gate.promise });
  await sleep(200);
  expect((await catalog.loadTable('events'))?.metadata.snapshots).toHaveLength(1);
  gate.resolve();
  expect((await committed).loaded.metadata.snapshots).toHaveLength(2);
  const refused = commitTable(context, 'events', prepare, { swapAfter: Promise.reject(new Error('no')) });
  await expect(refused).rejects.toThrow('no');
  expect((await catalog.loadTable('events'))?.metadata.snapshots).toHaveLength(2);
});

test('a swap that is known to be lost by the time it may be made is not tried', async () => {
  const { shared, context, commit, catalog } = await world();
  await commit('a');
  const gate = Promise.withResolvers<void>();
  const tried: string[] = [];
  const watched = catalogWith(catalog, {
    commitTable: (name, base, ...rest) => {
      tried.push(base.version);
      return catalog.commitTable(name, base, ...rest);
    },
  });
  const prepare = ({ metadata }: LoadedTable) => append(madeUpFile(metadata, 'b'));
  const committed = commitTable({ ...context, catalog: watched }, 'events', prepare, { swapAfter: gate.promise });
  await sleep(200);
  await commit('c', testContext(shared, new FileCatalog(shared, root)));
  await catalog.loadTable('events');
  gate.resolve();
  expect((await committed).loaded.metadata.snapshots).toHaveLength(3);
  expect(tried).toEqual(['3']);
  // What was staged in vain is gone.
  const lists: string[] = [];
  for await (const { uri } of shared.list(`${root}/events/metadata/snap-`)) lists.push(uri);
  expect(lists).toHaveLength(3);
});

test('tables that are not there are found missing in one round trip, all of them together, and made in three', async () => {
  const shared = new MemoryStore();
  const { store, count } = inRounds(shared);
  const catalog = new FileCatalog(store, root);
  const names = ['events', 'other', 'third'];
  let lists = 0;
  const counting = shared.view({ before: ({ operation }) => void (operation === 'list' && lists++) });
  expect(await count(() => Promise.all(names.map((name) => catalog.loadTable(name))))).toBe(1);
  await Promise.all(names.map((name) => new FileCatalog(counting, root).loadTable(name)));
  expect(lists).toBe(names.length);
  lists = 0;
  const one = new FileCatalog(counting, root);
  await Promise.all(names.map((name) => one.loadTable(name)));
  expect(lists).toBe(1);
  // Whether files of a lost one are there, its metadata, and the pointer to it.
  expect(await count(() => ensureTable(testContext(store, catalog), events))).toBe(3);
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
  expect(catalog.lastLoaded('events')).toBeNull();
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

test('of very many small files so many are opened ahead that none is waited for, and no more', async () => {
  const { shared, context, catalog } = await world();
  await commitTable(context, 'events', ({ metadata }) => ({
    ...append(madeUpFile(metadata, 'a')),
    add: Array.from({ length: 1000 }, (_, i) => madeUpFile(metadata, `small-${i}`)),
  }));
  let opened = 0;
  const silent = shared.view({
    before: ({ operation, uri }) => {
      if (operation !== 'get' || !uri.endsWith('.parquet')) return;
      opened++;
      return new Promise(() => {});
    },
  });
  const rows = scanRows(silent, (await catalog.loadTable('events'))!);
  void rows.next();
  await vi.waitFor(() => expect(opened).toBeGreaterThan(100));
  await sleep(100);
  expect(opened).toBeLessThan(200);
});

test('a file whose rows nobody asks for is not opened', async () => {
  const gets: string[] = [];
  const store = new MemoryStore().view({ before: ({ uri }) => void gets.push(uri) });
  await readRows(store, { uri: 'memory://test/none.parquet', size: 100 }).return(undefined);
  expect(gets).toEqual([]);
});
