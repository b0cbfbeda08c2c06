/**
 * A run that dies at any moment leaves a warehouse that readers can trust, and the next run makes it whole: the job is
 * killed before and after its k-th call to the store, for every k that there is.
 */
import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { mortal } from '../support/mortal.ts';
import { killPoints } from '../support/thorough.ts';
import { owner, putDecisions, rowsOf, run, sortedRows, testRuntime, warehouse } from '../support/warehouse.ts';

const batch = { objects: 2 };
const objects = 4;
const perObject = 3;

async function undisturbed(
  threads: number,
): Promise<{ calls: number; decisions: string[]; quarantine: string[]; sequences: string[] }> {
  const store = new MemoryStore();
  await putDecisions(store, objects, perObject);
  const view = store.view();
  const runtime = testRuntime({ store: view, batch, threads });
  await run(runtime);
  return {
    calls: view.calls,
    decisions: await sortedRows(runtime, 'opa_decisions'),
    quarantine: await sortedRows(runtime, 'quarantine'),
    sequences: await sortedRows(runtime, 'sequences', ['batch']),
  };
}

describe.each([
  ['before', 1],
  ['after', 1],
  ['before', 2],
] as const)('a backfill killed %s its k-th call, with %i batches in work', (when, threads) => {
  test('leaves nothing half-visible, and the next run gives what an undisturbed one gives', async () => {
    const expected = await undisturbed(threads);
    expect(expected.calls).toBeGreaterThan(50);
    expect(expected.decisions).toHaveLength(objects * perObject);
    expect(expected.quarantine).toHaveLength(2);
    expect(expected.sequences).toHaveLength(4);

    for (const k of killPoints(expected.calls)) {
      const store = new MemoryStore();
      await putDecisions(store, objects, perObject);
      let now = Date.UTC(2026, 0, 1);
      const clock = (): number => now;
      const first = testRuntime({ store: mortal(store, k, when), batch, threads, clock, owner: owner('first') });
      await expect(run(first), `call ${k}`).rejects.toThrow();

      // What a reader sees now: only whole batches, each row once, and no object committed whose rows are missing.
      const reader = { store, catalog: new FileCatalog(store, warehouse) };
      const seen = await sortedRows(reader, 'opa_decisions');
      expect(new Set(seen).size, `call ${k}: no row twice`).toBe(seen.length);
      expect(expected.decisions, `call ${k}: no invented row`).toEqual(expect.arrayContaining(seen));
      const committed = (await rowsOf(reader, 'ingested_objects')).filter((row) => row.state === 'committed');
      const promised = committed.reduce((sum, row) => sum + Number(row.rows), 0);
      expect(seen.length, `call ${k}: the ledger promises no more than there is`).toBeGreaterThanOrEqual(promised);

      now += 3_600_000;
      const second = testRuntime({ store, batch, threads, clock, owner: owner('second') });
      await run(second);
      expect(await sortedRows(second, 'opa_decisions'), `call ${k}`).toEqual(expected.decisions);
      expect(await sortedRows(second, 'quarantine'), `call ${k}`).toEqual(expected.quarantine);
      expect(await sortedRows(second, 'sequences', ['batch']), `call ${k}`).toEqual(expected.sequences);
      const ledger = await rowsOf(second, 'ingested_objects');
      expect(
        ledger.map((row) => row.state),
        `call ${k}`,
      ).toEqual(new Array(objects).fill('committed'));

      const puts: string[] = [];
      const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
      const last = await run(testRuntime({ store: watched, batch, clock, owner: owner('third') }));
      expect(puts, `call ${k}: a last run writes nothing`).toEqual([]);
      expect(last.objects).toMatchObject({ listed: objects, skipped: objects, committed: 0, failed: 0, archived: 0 });
    }
  });
});
