/**
 * A compaction in steps, on machines that die at any moment: killed before and after the k-th call to the store of its
 * plan, its stages or its commit. Readers see a day as it was or as it shall be, and the next run ends it: the
 * same steps again, or a commit beside an ordinary compaction.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { commitCompactions } from '../../src/jobs/steps/compaction-commit.ts';
import { compactionPrefix } from '../../src/jobs/steps/compaction-intent.ts';
import { planCompaction } from '../../src/jobs/steps/compaction-plan.ts';
import { Stager } from '../../src/jobs/steps/stage.ts';
import type { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { deaths } from '../support/mortal.ts';
import { numberedIds, sortedRows } from '../support/warehouse.ts';
import { ingested, state, world } from './compacted-world.ts';

const tables = ['opa_decisions'];

describe.each([
  ['of days', 1 << 30],
  ['of parts of days', 8000],
] as const)('a compaction %s in steps, killed at any call', (units, partBytes) => {
  const machine = (store: MemoryStore, uuid: () => string = randomUUID): Runtime => ({
    ...world(store, { partBytes }),
    uuid,
  });
  const plan = (runtime: Runtime) => collect(planCompaction(runtime, { tables, holdSeconds: 3600, units: 100 }));

  async function steps(store: MemoryStore, uuid?: () => string): Promise<void> {
    const stager = new Stager(machine(store, uuid));
    for (const unit of await plan(machine(store, uuid))) await stager.stage(unit);
    await commitCompactions(machine(store, uuid));
  }

  test('leaves days that readers can trust, and the next run gives what an undisturbed one gives', async () => {
    const start = await ingested();
    const untouched = await state(world(start));
    const compacted = start.copy();
    await compact(world(compacted), { tables });
    const expected = await state(world(compacted));
    const undisturbed = start.copy();
    expect((await plan(machine(undisturbed))).some(({ part }) => part !== undefined)).toBe(
      units === 'of parts of days',
    );
    const view = undisturbed.view();
    await steps(view);
    expect(await state(world(undisturbed))).toEqual(expected);
    expect(view.calls).toBeGreaterThan(50);
    const day = (row: string) => row.includes('2023-07-12');
    const parts = (rows: readonly string[]) => [rows.filter(day), rows.filter((row) => !day(row))];

    const dying = (store: MemoryStore) => steps(store, numberedIds('dying'));
    const whole = async (store: MemoryStore) => {
      await compact(machine(store), { tables });
      await commitCompactions(machine(store));
    };
    for await (const { store: left, at } of deaths(start, view.calls, dying, { mayEnd: true })) {
      // The days are two units, and a commit may have died between them.
      const seen = parts(await sortedRows(world(left), 'opa_decisions'));
      for (const [part, rows] of seen.entries())
        expect([parts(untouched.events)[part], parts(expected.events)[part]], at).toContainEqual(rows);

      for (const next of [steps, whole]) {
        const store = left.copy();
        await next(store);
        expect(await state(world(store)), at).toEqual(expected);
        const intents = await collect(store.list(compactionPrefix('memory://test/warehouse')));
        expect(intents, `${at}: no intent is left`).toEqual([]);
      }
    }
  });
});
