/**
 * A compaction that dies at any moment loses nothing and doubles nothing: it is killed before and after its k-th call to
 * the store, for every k that there is; readers see the rows as they were or as they shall be, and the next run ends it.
 */
import { expect, test } from 'vitest';
import { compact } from '../../src/jobs/compact/compact.ts';
import type { MemoryStore } from '../../src/store/memory.ts';
import { deaths } from '../support/mortal.ts';
import { sortedRows } from '../support/warehouse.ts';
import { ingested, state, world } from './compacted-world.ts';

const tables = ['opa_decisions'];

test('a compaction killed at any call leaves rows that readers can trust, and the next run gives what an undisturbed one gives', async () => {
  const start = await ingested();
  const untouched = await state(world(start));
  const whole = start.copy();
  const view = whole.view();
  await compact(world(view), { tables });
  const expected = await state(world(whole));
  expect(expected.events).toHaveLength(untouched.events.length - 2);
  expect(expected.removed).toHaveLength(2);
  expect(view.calls).toBeGreaterThan(50);

  // Removing runs and losing files are tried, not insisted on: the last calls may fail unnoticed.
  const dying = (store: MemoryStore) => compact(world(store), { tables });
  for await (const { store, at } of deaths(start, view.calls, dying, { mayEnd: true })) {
    const seen = await sortedRows(world(store), 'opa_decisions');
    expect([untouched.events, expected.events], at).toContainEqual(seen);

    await compact(world(store), { tables });
    expect(await state(world(store)), at).toEqual(expected);
    const puts: string[] = [];
    const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
    await compact(world(watched), { tables });
    expect(puts, `${at}: a last run writes nothing`).toEqual([]);
  }
});
