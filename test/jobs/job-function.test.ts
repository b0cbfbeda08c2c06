/** The three steps as a function: what a state machine hands from one to the next is all that they need. */
import { expect, test } from 'vitest';
import { createJobHandler, type PlannedManifest } from '../../src/jobs/steps/lambda.ts';
import { readUnits } from '../../src/jobs/steps/manifest.ts';
import type { Unit } from '../../src/jobs/steps/unit.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { putDecisions, run, sortedRows, testRuntime } from '../support/warehouse.ts';

const manifest = 'memory://test/warehouse/_jobs/one.jsonl';

async function world() {
  const store = new MemoryStore();
  await putDecisions(store, 6, 3);
  const machine = (view: MemoryStore = store) => testRuntime({ store: view, batch: { objects: 2 } });
  const invoke = createJobHandler(async () => machine());
  const plan = async (options = {}) => {
    const planned = (await invoke({ step: 'plan', manifest, options })) as PlannedManifest;
    const units = await collect(readUnits((await store.get(manifest)).chunks));
    return { planned, units };
  };
  const rows = () => sortedRows(machine(), 'opa_decisions');
  return { store, machine, invoke, plan, rows };
}

async function ofBackfill() {
  const { machine, rows } = await world();
  await run(machine());
  return rows();
}

test('rounds of a plan that is cut off give the rows of a backfill, and end', async () => {
  const { invoke, plan, rows } = await world();
  const rounds: number[] = [];
  for (let more = true; more; ) {
    const { planned, units } = await plan({ name: 'history', units: 2 });
    expect(planned).toEqual({
      units: units.length,
      bucket: 'test',
      key: 'warehouse/_jobs/one.jsonl',
      more: units.length === 2,
    });
    for (const unit of units) expect(await invoke({ step: 'stage', unit })).toMatchObject({ state: 'staged' });
    await invoke({ step: 'commit' });
    rounds.push(units.length);
    more = planned.more;
  }
  expect(rounds).toEqual([2, 1]);
  expect(await rows()).toEqual(await ofBackfill());
});

test('a compaction is planned once, since days without duplicates would come again', async () => {
  const { invoke, plan, machine, rows } = await world();
  await run(machine());
  const { planned, units } = await plan({ compact: true, tables: ['ingested_objects'], units: 1 });
  expect(planned).toMatchObject({ units: units.length, more: false });
  for (const unit of units) await invoke({ step: 'stage', unit });
  await invoke({ step: 'commit' });
  expect(await rows()).toEqual(await ofBackfill());
});

test('a unit that fails throws, to be tried again; anything but units and steps is refused', async () => {
  const { store, machine, plan } = await world();
  const { units } = await plan();
  const broken = store.view({
    before: ({ operation, uri }) => {
      if (operation === 'put' && uri.endsWith('.parquet')) throw new Error('no space left');
    },
  });
  const invoke = createJobHandler(async () => machine(broken));
  await expect(invoke({ step: 'stage', unit: units[0]! })).rejects.toThrow(/no space left/);
  await expect(invoke({ step: 'stage', unit: {} as Unit })).rejects.toThrow(/not a unit/);
  await expect(invoke({ step: 'start' } as never)).rejects.toThrow(/no step start/);
});
