/**
 * A compaction that dies at any moment loses nothing and doubles nothing: it is killed before and after its k-th call to
 * the store, for every k that there is; readers see the rows as they were or as they shall be, and the next run ends it.
 */
import { describe, expect, test } from 'vitest';
import { compact } from '../../src/jobs/compact/compact.ts';
import { copyOf, mortal } from '../support/mortal.ts';
import { killPoints } from '../support/thorough.ts';
import { sortedRows } from '../support/warehouse.ts';
import { ingested, state, world } from './compacted-world.ts';

const tables = ['opa_decisions'];

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

    for (const [i, k] of killPoints(view.calls).entries()) {
      const store = await copyOf(start);
      // Removing runs and losing files are tried, not insisted on: the last calls may fail unnoticed.
      await compact(world(mortal(store, k, when)), { tables }).catch((error: unknown) => error);
      const seen = await sortedRows(world(store), 'opa_decisions');
      expect([untouched.events, expected.events], `call ${k}`).toContainEqual(seen);

      await compact(world(store), { tables });
      expect(await state(world(store)), `call ${k}`).toEqual(expected);
      if (i % 4 > 0) continue;
      const puts: string[] = [];
      const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
      await compact(world(watched), { tables });
      expect(puts, `call ${k}: a last run writes nothing`).toEqual([]);
    }
  });
});
