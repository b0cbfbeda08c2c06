/**
 * A compaction that dies at any moment loses nothing and doubles nothing: it is killed before and after its k-th call to
 * the store, for every k that there is; readers see the rows as they were or as they shall be, and the next run ends it.
 */
import { describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { killPoints } from '../support/kill-points.ts';
import { decision, input, rowsOf, run, sortedRows, testRuntime } from '../support/warehouse.ts';

const tables = ['opa_decisions'];

class Killed extends Error {}

const compactOptions = { memoryBytes: 512, rowGroupRows: 4, smallFiles: 2 };

/** Dies at the k-th call and stays dead, as a process does. */
function mortal(store: MemoryStore, at: number, when: 'before' | 'after'): MemoryStore {
  let calls = 0;
  const die = (): void => {
    throw new Killed();
  };
  return store.view(
    when === 'before'
      ? { before: () => (++calls >= at ? die() : undefined) }
      : { before: () => (++calls > at ? die() : undefined), after: () => (calls >= at ? die() : undefined) },
  );
}

async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { uri } of store.list('memory://test/')) {
    const { chunks } = await store.get(uri);
    await copy.put(uri, Buffer.concat(await collect(chunks)));
  }
  return copy;
}

/** One day with duplicates and one without, in three batches. */
async function ingested(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (let n = 1; n <= 3; n++) {
    const lines = [
      decision({ id: `own-${n}` }),
      decision({ id: 'shared' }),
      decision({ id: `next-${n}`, time: '2023-07-12T01:00:00Z' }),
    ];
    await store.put(
      `${input}/eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=000${n}.jsonl`,
      Buffer.from(lines.join('\n')),
    );
  }
  await run(testRuntime({ store, batch: { objects: 1 } }));
  return store;
}

const world = (store: MemoryStore): Runtime => testRuntime({ store, compact: compactOptions });

const state = async (runtime: Runtime) => ({
  events: await sortedRows(runtime, 'opa_decisions'),
  ledger: await sortedRows(runtime, 'ingested_objects'),
  removed: (await rowsOf(runtime, 'amendments')).map((row) => [row.source_uri, row.rows]),
});

describe.each(['before', 'after'] as const)('a compaction killed %s its k-th call', (when) => {
  test('leaves rows that readers can trust, and the next run gives what an undisturbed one gives', async () => {
    const start = await ingested();
    const untouched = await state(world(start));
    const whole = await copyOf(start);
    const view = whole.view();
    await compact(world(view), { tables });
    const expected = await state(world(whole));
    expect(expected.events).toHaveLength(untouched.events.length - 2);
    expect(expected.removed).toHaveLength(2);
    expect(view.calls).toBeGreaterThan(50);

    for (const k of killPoints(view.calls)) {
      const store = await copyOf(start);
      // Removing runs and losing files are tried, not insisted on: the last calls may fail unnoticed.
      await compact(world(mortal(store, k, when)), { tables }).catch((error: unknown) => error);
      const seen = await sortedRows(world(store), 'opa_decisions');
      expect([untouched.events, expected.events], `call ${k}`).toContainEqual(seen);

      await compact(world(store), { tables });
      expect(await state(world(store)), `call ${k}`).toEqual(expected);
      if (k % 10 > 0) continue;
      const puts: string[] = [];
      const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
      await compact(world(watched), { tables });
      expect(puts, `call ${k}: a last run writes nothing`).toEqual([]);
    }
  });
});
