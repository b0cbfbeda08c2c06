import { expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { readManifest, readManifestList } from '../../src/iceberg/scan.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { StoreError } from '../../src/store/store.ts';
import { events, liveNames, madeUpFile, memoryContext, testContext } from './fixture.ts';

/** A small generator of pseudo-random numbers in [0, 1), so that a failing seed can be run again. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const batchProperty = 'batch';

/**
 * Workers on a store where any call may be slow, or fail with or without effect. Each batch is given to two workers at
 * once, which keep trying until it is done; one worker keeps rewriting two files into one, one keeps its history short.
 */
async function storm(seed: number): Promise<void> {
  const store = new MemoryStore();
  await ensureTable(memoryContext(store), events);
  const next = random(seed);
  const view = () =>
    store.view({
      before: async ({ uri }) => {
        for (let turns = Math.floor(next() * 4); turns > 0; turns--)
          await new Promise((resolve) => setImmediate(resolve));
        if (next() < 0.02) throw new StoreError('transient', uri, 'made up, before');
      },
      after: async ({ uri }) => {
        if (next() < 0.02) throw new StoreError('transient', uri, 'made up, after');
        if (next() < 0.2) await new Promise((resolve) => setImmediate(resolve));
      },
    });
  const context = () => {
    const own = view();
    return testContext(own, new FileCatalog(own, 'memory://warehouse/tables'));
  };
  const untilDone = async (attempt: () => Promise<unknown>): Promise<void> => {
    for (;;) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (!String(error).includes('made up') && !String((error as Error).cause).includes('made up')) throw error;
      }
    }
  };
  const add = (batch: string) =>
    untilDone(() =>
      commitTable(context(), 'events', ({ metadata }) =>
        metadata.snapshots.some((snapshot) => snapshot.summary[batchProperty] === batch)
          ? undefined
          : {
              operation: 'append',
              add: [madeUpFile(metadata, batch)],
              remove: [],
              summary: { [batchProperty]: batch },
            },
      ),
    );
  const rewrite = (name: string, old: readonly string[]) =>
    untilDone(() =>
      commitTable(context(), 'events', ({ metadata }) =>
        metadata.snapshots.some((snapshot) => snapshot.summary[batchProperty] === name)
          ? undefined
          : {
              operation: 'replace',
              add: [madeUpFile(metadata, name, { rows: 20 })],
              remove: old.map((batch) => madeUpFile(metadata, batch).path),
              summary: { [batchProperty]: name },
            },
      ),
    );
  const batches = Array.from({ length: 6 }, (_, index) => `batch-${index}`);
  const worker = async (order: readonly string[]) => {
    for (const batch of order) await add(batch);
  };
  const compactor = async () => {
    await Promise.all([add('batch-0'), add('batch-1')]);
    await Promise.all([rewrite('compacted', ['batch-0', 'batch-1']), rewrite('compacted', ['batch-0', 'batch-1'])]);
  };
  await Promise.all([worker(batches), worker([...batches].reverse()), compactor()]);

  const clean = new FileCatalog(store, 'memory://warehouse/tables');
  const loaded = (await clean.loadTable('events'))!;
  expect(await liveNames(store, loaded)).toEqual([...batches.slice(2), 'compacted']);
  // Every snapshot of the history can still be read: no clean-up took a file that belongs to one.
  for (const snapshot of loaded.metadata.snapshots) {
    const manifests = await readManifestList(store, snapshot);
    for (const manifest of manifests) await readManifest(store, manifest);
    const rows = manifests.reduce((sum, manifest) => sum + manifest.addedRows! + manifest.existingRows!, 0);
    expect(String(rows)).toBe(snapshot.summary['total-records']);
  }
  const ids = loaded.metadata.snapshots.map((snapshot) => snapshot.summary[batchProperty]);
  expect([...ids].sort()).toEqual([...batches, 'compacted']);
}

test('whatever fails and whoever else is at it, every batch is there once, and no file in use is removed', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    await storm(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
  }
});

test('a worker that dies before or after any of its calls leaves a table that reads whole, and can be taken over', async () => {
  for (const when of ['before', 'after'] as const) {
    for (let deadly = 1; ; deadly++) {
      const store = new MemoryStore();
      await ensureTable(memoryContext(store), events);
      await commitTable(memoryContext(store), 'events', ({ metadata }) => ({
        operation: 'append',
        add: [madeUpFile(metadata, 'old')],
        remove: [],
        summary: {},
      }));
      let dead = false;
      const mortal = store.view({
        [when]: ({ index }: { index: number }) => {
          dead ||= index >= deadly;
          if (dead) throw new Error('killed');
        },
      });
      const change = (name: string) => (context: ReturnType<typeof memoryContext>) =>
        commitTable(context, 'events', ({ metadata }) =>
          metadata.snapshots.some((snapshot) => snapshot.summary[batchProperty] === name)
            ? undefined
            : {
                operation: 'overwrite',
                add: [madeUpFile(metadata, name)],
                remove: [madeUpFile(metadata, 'old').path],
                summary: { [batchProperty]: name },
              },
        );
      const died = await change('new')(memoryContext(mortal)).then(
        () => false,
        () => true,
      );
      const context = memoryContext(store);
      expect([['new'], ['old']]).toContainEqual(await liveNames(store, (await context.catalog.loadTable('events'))!));
      const { loaded } = await change('new')(context);
      expect(await liveNames(store, loaded)).toEqual(['new']);
      expect((await change('new')(context)).committed).toBe(false);
      if (!died) break;
    }
  }
});
