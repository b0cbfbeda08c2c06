/** A day with duplicates and one without, to be compacted by runs that die. */
import type { Config } from '../../src/config/config.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { decision, input, rowsOf, run, sortedRows, testRuntime } from '../support/warehouse.ts';

const compactOptions = { memoryBytes: 512, rowGroupRows: 4, smallFiles: 2 };

/** One day with duplicates and one without, in three batches. */
export async function ingested(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (let n = 1; n <= 3; n++) {
    const lines = [
      decision({ id: `own-${n}`, time: `2023-07-11T0${n}:00:00Z` }),
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

export const world = (store: MemoryStore, compact: Partial<Config['compact']> = {}): Runtime =>
  testRuntime({ store, compact: { ...compactOptions, ...compact } });

export const state = async (runtime: Runtime) => ({
  events: await sortedRows(runtime, 'opa_decisions'),
  ledger: await sortedRows(runtime, 'ingested_objects'),
  removed: (await rowsOf(runtime, 'amendments')).map((row) => [row.source_uri, row.rows]),
});
