/** An amendment is done once and whole, or not at all, wherever its run dies and whoever else is at work. */
import { describe, expect, test } from 'vitest';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { type Amendment, amend, finishAmendments, openAmendments } from '../../src/ledger/amendment.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { deaths } from '../support/mortal.ts';
import { putDecisions, rowsOf, run, testRuntime, warehouse } from '../support/warehouse.ts';

async function ingested(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await putDecisions(store, 1, 4);
  await run(testRuntime({ store }));
  return store;
}

/** Takes one file of a day out, and puts one quarantine file in a second time, as a stand-in for rows that move. */
async function removal(runtime: Runtime): Promise<Amendment> {
  const files = async (name: string) =>
    collect(liveFiles(runtime.store, (await runtime.catalog.loadTable(name))!.metadata));
  const [day] = (await files('opa_decisions')).sort((a, b) => (a.path < b.path ? -1 : 1));
  const [bad] = await files('quarantine');
  return {
    operation: 'retention',
    table: 'opa_decisions',
    change: { operation: 'delete', add: [], remove: [day!.path] },
    appends: new Map([['quarantine', [{ ...bad!, ymd: bad!.ymd! }]]]),
    entries: [{ table: 'opa_decisions', sourceUri: 'memory://test/a', rows: -2, detail: day!.ymd! }],
  };
}

describe('an amendment', () => {
  test('changes the tables and leaves its record, and no intent', async () => {
    const store = await ingested();
    const runtime = testRuntime({ store });
    expect(await amend(runtime, await removal(runtime))).toBe(true);
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(2);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(2);
    expect(await rowsOf(runtime, 'amendments')).toMatchObject([
      { operation: 'retention', table_name: 'opa_decisions', source_uri: 'memory://test/a', rows: -2n },
    ]);
    expect(await collect(store.list(`${warehouse}/_amendments/`))).toEqual([]);
    expect(await finishAmendments(runtime)).toBe(0);
  });

  test('whose files another writer has replaced changes nothing', async () => {
    const runtime = testRuntime({ store: await ingested() });
    const stale = await removal(runtime);
    expect(await amend(runtime, stale)).toBe(true);
    const other = { ...stale, operation: 'erase' as const };
    expect(await amend(runtime, other)).toBe(false);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(2);
    expect(await rowsOf(runtime, 'amendments')).toHaveLength(1);
    expect(await finishAmendments(runtime)).toBe(0);
  });

  test('killed at any of its calls is finished or undone by the next run', async () => {
    const start = await ingested();
    const amendment = await removal(testRuntime({ store: start }));
    const view = start.copy().view();
    await amend(testRuntime({ store: view }), amendment);
    expect(view.calls).toBeGreaterThan(20);
    let finished = 0;
    const dying = (on: MemoryStore) => amend(testRuntime({ store: on }), amendment);
    for await (const { store, at } of deaths(start, view.calls, dying, { mayEnd: true })) {
      const healthy = testRuntime({ store });
      const open = await openAmendments(healthy);
      const count = await finishAmendments(healthy);
      expect(open.size > 0, at).toBe(count > 0);
      finished += count;
      const [decisions, quarantined, record] = await Promise.all(
        ['opa_decisions', 'quarantine', 'amendments'].map(async (table) => (await rowsOf(healthy, table)).length),
      );
      // All of it or nothing of it. After its last call, the removal of the intent, all of it without a finisher.
      expect([decisions, quarantined, record], at).toEqual(decisions === 2 ? [2, 2, 1] : [4, 1, 0]);
      expect(await finishAmendments(healthy), at).toBe(0);
      // Planned and tried again, it is done.
      if (decisions === 4) expect(await amend(healthy, amendment), at).toBe(true);
      expect(await rowsOf(healthy, 'amendments'), at).toHaveLength(1);
    }
    expect(finished).toBeGreaterThan(0);
  });
});
