/** Sorting what is larger than memory: whatever the runs, their cuts and the taker's mood, every row comes once and in order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ColumnDeclaration } from '../../src/columns/types.ts';
import { type RunCuts, SpilledRuns } from '../../src/ingest/spill/runs.ts';
import { sortOrder } from '../../src/kernel/sort-order.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import type { FileColumn } from '../../src/parquet/encoder.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { rowsOf } from '../records/scan/both-paths.ts';
import { collect } from '../support/collect.ts';
import { propertyRuns } from '../support/thorough.ts';

const declarations: ColumnDeclaration[] = [
  { name: 'key', type: 'long', description: 'What the rows are sorted by' },
  { name: 'id', type: 'string', description: 'Tells the rows apart', required: true },
];
const columns = new Map(
  declarations.map(({ name, type, required = false }, i): [string, FileColumn] => [
    name,
    { name, type, required, id: i + 1 },
  ]),
);
const prefix = 'memory://test/run';

type Key = number | null;
interface Row {
  readonly key: Key;
  readonly id: string;
}

const keys = fc.option(fc.integer({ min: 0, max: 9 }), { freq: 8 });
const runs = fc.array(fc.array(keys, { minLength: 1, maxLength: 14 }), { minLength: 1, maxLength: 7 });
const cuts = fc.record(
  { rowGroupRows: fc.integer({ min: 1, max: 5 }), fileRows: fc.integer({ min: 1, max: 9 }) },
  { requiredKeys: ['rowGroupRows'] },
);

/** Rows are told apart by the run and the place that they come from. */
const rowsIn = (all: readonly (readonly Key[])[]): Row[] =>
  all.flatMap((run, r) => run.map((key, i) => ({ key, id: `${r}-${i}` })));

async function spill(
  all: readonly (readonly Key[])[],
  cut: RunCuts,
): Promise<{ store: MemoryStore; runs: SpilledRuns }> {
  const store = new MemoryStore();
  const orderOf = (batch: Parameters<typeof sortOrder>[0]) => sortOrder(batch, ['key']);
  const spilled = new SpilledRuns({ store, prefix, declarations, columns, orderOf });
  for (const [r, run] of all.entries()) {
    const buffer = new KernelTable(declarations);
    for (const [i, key] of run.entries()) buffer.append([key === null ? null : BigInt(key), `${r}-${i}`]);
    await spilled.add(buffer.batch(), cut);
    buffer.release();
  }
  return { store, runs: spilled };
}

/** Merges, taking of each offer as many rows as `moods` says in turn, in tenths; of the last offer all. */
async function merge(spilled: SpilledRuns, moods: readonly number[]): Promise<Row[]> {
  const taken: Row[] = [];
  let offers = 0;
  let ends = 0;
  await spilled.merge(async (batch, order, isLast) => {
    const mood = isLast ? 10 : (moods[offers++ % moods.length] ?? 10);
    const count = Math.floor((order.length * mood) / 10);
    const rows = rowsOf(batch);
    for (const row of order.subarray(0, count)) {
      const { key = null, id } = rows[row]!;
      taken.push({ key: key === null ? null : Number(key), id: String(id) });
    }
    if (isLast) ends++;
    return count;
  });
  expect(ends).toBe(1);
  return taken;
}

const rank = (key: Key): number => key ?? -1;

function expectSorted(taken: readonly Row[], all: readonly (readonly Key[])[]): void {
  expect(taken.map(({ key }) => rank(key))).toEqual(taken.map(({ key }) => rank(key)).sort((a, b) => a - b));
  const byId = (rows: readonly Row[]): string[] => rows.map(({ key, id }) => `${id}: ${key}`).sort();
  expect(byId(taken)).toEqual(byId(rowsIn(all)));
}

test('a merge gives every row once, in order, however few of them are taken at a time', async () => {
  const moods = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(runs, cuts, moods, async (all, cut, some) => {
      const { store, runs: spilled } = await spill(all, cut);
      expect(spilled.count).toBe(all.length);
      expectSorted(await merge(spilled, some), all);
      await spilled.remove();
      expect(await collect(store.list(prefix))).toEqual([]);
    }),
    { numRuns: propertyRuns(80) },
  );
});

test('rows of one run stay in their order where their keys are the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(keys, { minLength: 2, maxLength: 30 }), cuts, async (run, cut) => {
      const { runs: spilled } = await spill([run], cut);
      const expected = rowsIn([run]).sort((a, b) => rank(a.key) - rank(b.key));
      expect(await merge(spilled, [10])).toEqual(expected);
    }),
    { numRuns: propertyRuns(30) },
  );
});

test('runs that were merged into fewer give the same rows, and leave no file of those before', async () => {
  const most = fc.integer({ min: 2, max: 4 });
  await fc.assert(
    fc.asyncProperty(runs, cuts, most, fc.integer({ min: 0, max: 9 }), async (all, cut, fanIn, leastRows) => {
      const { store, runs: spilled } = await spill(all, { rowGroupRows: cut.rowGroupRows });
      await spilled.narrow(fanIn, { rowGroupRows: cut.rowGroupRows }, leastRows);
      expect(spilled.count).toBe(Math.min(fanIn, all.length));
      expect(await collect(store.list(prefix))).toHaveLength(spilled.count);
      expectSorted(await merge(spilled, [10]), all);
    }),
    { numRuns: propertyRuns(60) },
  );
});
