/**
 * A run that dies at any moment leaves a warehouse that readers can trust, and the next run makes it whole: the job is
 * killed before and after its k-th call to the store, for every k that there is.
 */
import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { deaths } from '../support/mortal.ts';
import { owner, putDecisions, rowsOf, run, sortedRows, testRuntime, warehouse } from '../support/warehouse.ts';

const batch = { objects: 2 };
const objects = 4;
const perObject = 3;

async function undisturbed(threads: number) {
  const store = new MemoryStore();
  await putDecisions(store, objects, perObject);
  const start = store.copy();
  const view = store.view();
  const runtime = testRuntime({ store: view, batch, threads });
  await run(runtime);
  return {
    start,
    calls: view.calls,
    decisions: await sortedRows(runtime, 'opa_decisions'),
    quarantine: await sortedRows(runtime, 'quarantine'),
    sequences: await sortedRows(runtime, 'sequences', ['batch']),
  };
}

describe.each([1, 2])('a backfill killed at any call, with %i batches in work', (threads) => {
  test('leaves nothing half-visible, and the next run gives what an undisturbed one gives', async () => {
    const expected = await undisturbed(threads);
    expect(expected.calls).toBeGreaterThan(50);
    expect(expected.decisions).toHaveLength(objects * perObject);
    expect(expected.quarantine).toHaveLength(2);
    expect(expected.sequences).toHaveLength(4);

    const clock = (): number => Date.UTC(2026, 0, 1, 1);
    const dying = (store: MemoryStore) => run(testRuntime({ store, batch, threads, owner: owner('first') }));
    for await (const { store, at } of deaths(expected.start, expected.calls, dying)) {
      // What a reader sees now: only whole batches, each row once, and no object committed whose rows are missing.
      const reader = { store, catalog: new FileCatalog(store, warehouse) };
      const seen = await sortedRows(reader, 'opa_decisions');
      expect(new Set(seen).size, `${at}: no row twice`).toBe(seen.length);
      expect(expected.decisions, `${at}: no invented row`).toEqual(expect.arrayContaining(seen));
      const committed = (await rowsOf(reader, 'ingested_objects')).filter((row) => row.state === 'committed');
      const promised = committed.reduce((sum, row) => sum + Number(row.rows), 0);
      expect(seen.length, `${at}: the ledger promises no more than there is`).toBeGreaterThanOrEqual(promised);

      const second = testRuntime({ store, batch, threads, clock, owner: owner('second') });
      await run(second);
      expect(await sortedRows(second, 'opa_decisions'), at).toEqual(expected.decisions);
      expect(await sortedRows(second, 'quarantine'), at).toEqual(expected.quarantine);
      expect(await sortedRows(second, 'sequences', ['batch']), at).toEqual(expected.sequences);
      const ledger = await rowsOf(second, 'ingested_objects');
      expect(
        ledger.map((row) => row.state),
        at,
      ).toEqual(new Array(objects).fill('committed'));

      const puts: string[] = [];
      const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
      const last = await run(testRuntime({ store: watched, batch, clock, owner: owner('third') }));
      expect(puts, `${at}: a last run writes nothing`).toEqual([]);
      expect(last.objects).toMatchObject({ listed: objects, skipped: objects, committed: 0, failed: 0, archived: 0 });
    }
  });
});
