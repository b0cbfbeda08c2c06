/**
 * What OPA's own lines prove is written with the batch that read them, or not at all: a run that dies at any call, and the
 * next one, prove the same as an undisturbed one.
 */
import { expect, test } from 'vitest';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { producers } from '../../src/jobs/producers/producers.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { deaths } from '../support/mortal.ts';
import { decisionOf, numbersFrom, sentResponse } from '../support/opa-lines.ts';
import { owner, putLines, run, sortedRows, testRuntime } from '../support/warehouse.ts';

const lost = [3, 14];
const line = (number: number): string[] =>
  number % 5 === 0
    ? [sentResponse(number, { method: 'GET', path: '/health' })]
    : [...(lost.includes(number) ? [] : [decisionOf(number)]), sentResponse(number)];

async function logs(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await putLines(store, 'a.log', ...numbersFrom(1, 8).flatMap(line));
  await putLines(store, 'b.log', ...numbersFrom(9, 16).flatMap(line));
  return store;
}

const said = async (runtime: Runtime) => ({
  rows: await sortedRows(runtime, 'sequences', ['batch']),
  days: (await producers(runtime)).days.map(({ grade, proved, absent }) => ({ grade, proved, absent })),
});

test('a backfill of console logs killed at any call proves what an undisturbed one proves', async () => {
  const start = await logs();
  const counted = start.copy().view();
  const undisturbed = testRuntime({ store: counted, batch: { objects: 1 } });
  await run(undisturbed);
  const { calls } = counted;
  const expected = await said(undisturbed);
  expect(expected.days).toEqual([
    {
      grade: 'missing',
      proved: [
        [3, 3],
        [14, 14],
      ],
      absent: 2,
    },
  ]);
  const world = (id: string, store: MemoryStore, hour: number) =>
    testRuntime({ store, batch: { objects: 1 }, clock: () => Date.UTC(2026, 0, 1, hour), owner: owner(id) });
  for await (const { store, at } of deaths(start, calls, (on) => run(world('first', on, 0)))) {
    const second = world('second', store, 1);
    await run(second);
    expect(await said(second), at).toEqual(expected);
  }
});
