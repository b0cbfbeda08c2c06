/** A day with duplicates and one without, to be compacted by runs that die. */
import type { Runtime } from '../../src/ingest/runtime.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { decision, input, rowsOf, run, sortedRows, testRuntime } from '../support/warehouse.ts';

class Killed extends Error {}

const compactOptions = { memoryBytes: 512, rowGroupRows: 4, smallFiles: 2 };

/** Dies at the k-th call and stays dead, as a process does. */
export function mortal(store: MemoryStore, at: number, when: 'before' | 'after'): MemoryStore {
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

export async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { uri } of store.list('memory://test/')) {
    const { chunks } = await store.get(uri);
    await copy.put(uri, Buffer.concat(await collect(chunks)));
  }
  return copy;
}

/** One day with duplicates and one without, in three batches. */
export async function ingested(): Promise<MemoryStore> {
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

export const world = (store: MemoryStore): Runtime => testRuntime({ store, compact: compactOptions });

export const state = async (runtime: Runtime) => ({
  events: await sortedRows(runtime, 'opa_decisions'),
  ledger: await sortedRows(runtime, 'ingested_objects'),
  removed: (await rowsOf(runtime, 'amendments')).map((row) => [row.source_uri, row.rows]),
});
