/** Processes that commit to the same tables take turns, and none waits for one that is gone. */
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { CommitConflict } from '../../src/iceberg/catalog.ts';
import { Turns } from '../../src/ledger/turns.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { StoreError } from '../../src/store/store.ts';
import { owner, putDecisions, rowsOf, run, testRuntime, warehouse } from '../support/warehouse.ts';

const uri = `${warehouse}/_commits/turn.json`;

/** Time passes by waiting for it alone. */
function process(store: MemoryStore, id: string, isDead: (owner: string) => boolean = () => false) {
  let slept = 0;
  const turns = new Turns(
    testRuntime({
      store,
      owner: { id, isDead },
      sleep: async (ms) => {
        slept += ms;
        await wait(1);
      },
    }),
  );
  return { turns, slept: () => slept };
}

/** Takes a turn and never gives it on. */
async function hang(store: MemoryStore, id: string): Promise<void> {
  const taken = Promise.withResolvers<void>();
  void process(store, id).turns.take(() => {
    taken.resolve();
    return new Promise(() => {});
  });
  await taken.promise;
}

describe('turns', () => {
  test('of several processes follow one after another, and each gets its own', async () => {
    const store = new MemoryStore();
    let holders = 0;
    const order: string[] = [];
    const work = async (id: string): Promise<void> => {
      const { turns } = process(store.view({ before: () => wait(1) }), id);
      for (let i = 0; i < 3; i++) {
        await turns.take(async ({ held }) => {
          await held;
          expect(++holders).toBe(1);
          order.push(id);
          await wait(3);
          holders--;
        });
      }
    };
    await Promise.all(['a', 'b', 'c'].map(work));
    expect([...order].sort()).toEqual(['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'c']);
  });

  test('tell whether others had one since the last', async () => {
    const store = new MemoryStore();
    const [one, two] = [process(store, 'one').turns, process(store, 'two').turns];
    const others = (turns: Turns) => turns.take(async ({ othersCommit }) => othersCommit);
    expect(await others(one)).toBe(false);
    expect(await others(one)).toBe(false);
    expect(await others(two)).toBe(true);
    // Where the turn is taken beside the work, that of the next one is told.
    expect(await others(one)).toBe(false);
    expect(await others(one)).toBe(true);
    expect(await others(one)).toBe(false);
  });

  test('begin beside their work where the next one is free as far as is known, and before it where it is not', async () => {
    const store = new MemoryStore();
    const slow = store.view({ before: () => wait(5) });
    const one = process(slow, 'one').turns;
    const isHeld = (turns: Turns): Promise<boolean> =>
      turns.take(async ({ held }) => {
        const first = await Promise.race([held.then(() => true), nextTurn(false)]);
        await held;
        return first;
      });
    // Nothing is known of the first one, unless it was prepared for.
    expect(await isHeld(one)).toBe(true);
    expect(await isHeld(one)).toBe(false);
    const two = process(slow, 'two').turns;
    two.prepare();
    expect(await isHeld(two)).toBe(false);
    // The other one has had a turn: to be expected only behind the next one.
    expect(await isHeld(one)).toBe(false);
    expect(await isHeld(one)).toBe(true);
    expect(await isHeld(one)).toBe(false);
  });

  test('that are not to be had fail their work, with nothing committed', async () => {
    const store = new MemoryStore();
    let isDown = false;
    const view = store.view({
      before: ({ operation }) => {
        if (isDown && operation === 'put') throw new StoreError('transient', uri, 'no answer');
      },
    });
    const { turns } = process(view, 'one');
    await turns.take(async ({ held }) => held);
    isDown = true;
    let committed = false;
    const work = turns.take(async ({ held }) => {
      await held;
      committed = true;
    });
    await expect(work).rejects.toThrow('no answer');
    expect(committed).toBe(false);
  });

  test('that could not be prepared for are taken all the same', async () => {
    const store = new MemoryStore();
    let isDown = true;
    const view = store.view({
      before: () => {
        if (isDown) throw new StoreError('transient', uri, 'no answer');
      },
    });
    const { turns } = process(view, 'one');
    turns.prepare();
    await expect(turns.take(async () => 'done')).rejects.toThrow('no answer');
    turns.prepare();
    await nextTurn();
    isDown = false;
    expect(await turns.take(async () => 'done')).toBe('done');
  });

  test('tell when each source was last committed, by whichever process', async () => {
    const store = new MemoryStore();
    const [one, two, three] = ['one', 'two', 'three'].map((id) => process(store, id).turns);
    const now = Date.UTC(2026, 0, 1);
    await one!.take(async () => one!.committed(['a', 'b']));
    await two!.take(async () => two!.committed(['c']));
    await two!.take(async () => {});
    expect(three!.lastCommit('a')).toBeUndefined();
    await three!.look();
    expect(['a', 'b', 'c', 'd'].map((source) => three!.lastCommit(source))).toEqual([now, now, now, undefined]);
  });

  test('are given on where the work fails, with its error', async () => {
    const store = new MemoryStore();
    const { turns } = process(store, 'one');
    await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await process(store, 'two').turns.take(async () => 'done')).toBe('done');
  });

  test('are taken at once from a process that is known to be dead', async () => {
    const store = new MemoryStore();
    await hang(store, 'dead');
    const { turns, slept } = process(store, 'two', (id) => id === 'dead');
    expect(await turns.take(async () => 'done')).toBe('done');
    expect(slept()).toBe(0);
  });

  test('are taken from a process of which nothing is heard for as long as a turn may take, and no sooner', async () => {
    const store = new MemoryStore();
    await hang(store, 'silent');
    const { turns, slept } = process(store, 'two');
    expect(await turns.take(async () => 'done')).toBe('done');
    expect(slept()).toBe(15_000);
  });

  test('end with the work where the store takes no word of their end', async () => {
    const store = new MemoryStore();
    let puts = 0;
    const failing = store.view({
      before: ({ operation }) => {
        if (operation === 'put' && ++puts > 1) throw new StoreError('transient', uri, 'no answer');
      },
    });
    expect(await process(failing, 'one').turns.take(async () => 'done')).toBe('done');
  });

  test('are begun anew where the object that tells of them is damaged', async () => {
    const store = new MemoryStore();
    await store.put(uri, Buffer.from('{"owner":'));
    expect(await process(store, 'one').turns.take(async () => 'done')).toBe('done');
  });
});

test('backfills side by side commit for each other: each object once, and next to no commit is lost', async () => {
  const store = new MemoryStore();
  const [processes, objects] = [4, 48];
  await putDecisions(store, objects, 3);
  const commits = { tried: 0, lost: 0 };
  const counted = (view: MemoryStore): FileCatalog => {
    const catalog = new FileCatalog(view, warehouse);
    const commitTable = catalog.commitTable.bind(catalog);
    catalog.commitTable = async (...given) => {
      commits.tried++;
      try {
        return await commitTable(...given);
      } catch (error) {
        if (error instanceof CommitConflict) commits.lost++;
        throw error;
      }
    };
    return catalog;
  };
  const runs = Array.from({ length: processes }, (_, index) => {
    const view = store.view({ before: () => wait(2) });
    const runtime = testRuntime({
      store: view,
      batch: { objects: 4 },
      owner: owner(`process ${index}`),
      threads: 2,
      clock: Date.now,
      sleep: (ms) => wait(ms),
    });
    return run({ ...runtime, catalog: counted(view) });
  });
  const reports = await Promise.all(runs);
  expect(reports.reduce((sum, report) => sum + report.objects.committed, 0)).toBeLessThanOrEqual(objects);
  const reader = { store, catalog: new FileCatalog(store, warehouse) };
  expect(await rowsOf(reader, 'opa_decisions')).toHaveLength(objects * 3);
  const ledger = await rowsOf(reader, 'ingested_objects');
  expect(ledger.map(({ state }) => state)).toEqual(new Array(objects).fill('committed'));
  expect(commits.lost / commits.tried).toBeLessThan(0.05);
  const { metadata } = (await reader.catalog.loadTable('opa_decisions'))!;
  expect(metadata.snapshots.length).toBeLessThan(objects / 4);
});
