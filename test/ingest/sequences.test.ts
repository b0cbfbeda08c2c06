import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { type NumberRange, NumberSet } from '../../src/sequences/number-set.ts';
import { rangesOfRow } from '../../src/sequences/rows.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { propertyRuns } from '../support/thorough.ts';
import { decision, input, opaSourceConfig, rowsOf, run, type TestDecision, testRuntime } from '../support/warehouse.ts';

type World = ReturnType<typeof testRuntime>;

/** What the table says has arrived, by day and instance. */
async function arrived(runtime: World): Promise<Record<string, readonly NumberRange[]>> {
  const sets = new Map<string, NumberSet>();
  for (const row of await rowsOf(runtime, 'sequences')) {
    const key = `${row.ymd} ${row.instance_id}`;
    const set = sets.get(key) ?? new NumberSet();
    sets.set(key, set);
    for (const [first, last] of rangesOfRow(row)) set.addRange(first, last);
  }
  return Object.fromEntries([...sets].sort().map(([key, set]) => [key, set.ranges()]));
}

async function world(objects: readonly (readonly (TestDecision | string)[])[], options = {}) {
  const store = new MemoryStore();
  const runtime = testRuntime({ store, ...options });
  for (const [i, records] of objects.entries()) await put(runtime, i, records);
  return runtime;
}

let ids = 0;
const put = (
  { store }: World,
  object: number | string,
  records: readonly (TestDecision | string)[],
): Promise<unknown> =>
  store.put(
    `${input}/${object}.jsonl`,
    Buffer.from(
      records.map((one) => (typeof one === 'string' ? one : decision({ id: `d${++ids}`, ...one }))).join('\n'),
    ),
  );

const numbered = (numbers: readonly number[], rest: TestDecision = {}): TestDecision[] =>
  numbers.map((number) => ({ number, ...rest }));

describe('the table sequences', () => {
  test('says which numbers came, of which instance and on which day, and names the batch', async () => {
    const runtime = await world([
      [...numbered([1, 2, 3, 7]), ...numbered([4, 4, 4], { instance: 'j' })],
      [...numbered([9, 8], { time: '2023-07-12T01:00:00Z' }), ...numbered([6])],
    ]);
    await run(runtime);
    expect(await arrived(runtime)).toEqual({
      '2023-07-11 i': [
        [1, 3],
        [6, 7],
      ],
      '2023-07-11 j': [[4, 4]],
      '2023-07-12 i': [[8, 9]],
    });
    const [ledger] = await rowsOf(runtime, 'ingested_objects');
    const rows = await rowsOf(runtime, 'sequences');
    expect(rows.find((row) => row.ymd === '2023-07-11' && row.instance_id === 'i')).toMatchObject({
      source: 'eopa',
      kind: 'decision',
      first: 1n,
      last: 7n,
      count: 5n,
      gaps: [4n, 2n],
      batch: ledger!.batch,
      first_time: BigInt(Date.UTC(2023, 6, 11, 16, 56, 0, 500)) * 1000n,
    });
  });

  test('has records without a number, or of no instance, as a row without numbers', async () => {
    const runtime = await world([[{}, {}, ...numbered([5], { instance: '' }), ...numbered([0, -4]), ...numbered([2])]]);
    await run(runtime);
    const rows = (await rowsOf(runtime, 'sequences')).map((row) => [row.instance_id, row.first, row.count]);
    expect(rows).toHaveLength(3);
    expect(rows).toEqual(
      expect.arrayContaining([
        [null, null, 0n],
        ['i', null, 0n],
        ['i', 2n, 1n],
      ]),
    );
  });

  test('counts what went to quarantine as arrived, where it tells its number, and replay adds nothing', async () => {
    const bad = JSON.stringify({
      decision_id: 'x',
      labels: { id: 'i' },
      path: 7,
      req_id: 2,
      timestamp: '2023-07-11T00:00:00Z',
    });
    const runtime = await world([[...numbered([1, 3]), bad, '{"broken":']]);
    await run(runtime);
    expect(await arrived(runtime)).toEqual({ '2023-07-11 i': [[1, 3]] });
    expect((await rowsOf(runtime, 'sequences')).map(({ kind }) => kind)).toContain('quarantined');
    await replay(runtime);
    expect(await arrived(runtime)).toEqual({ '2023-07-11 i': [[1, 3]] });
  });

  test('is the same after a late object, the same object again, an erased subject and compaction', async () => {
    const runtime = await world(
      [
        numbered([1, 2, 3, 4, 5]),
        numbered([8, 9]),
        numbered([12]),
        numbered([14], { subject: 'gone' }),
        numbered([15]),
      ],
      { batch: { objects: 1 } },
    );
    await run(runtime);
    await put(runtime, 'late', numbered([6, 7]));
    await put(runtime, 1, [...numbered([8, 9]), ...numbered([10])]);
    await run(runtime);
    const expected = {
      '2023-07-11 i': [
        [1, 10],
        [12, 12],
        [14, 15],
      ],
    };
    expect(await arrived(runtime)).toEqual(expected);
    await run(runtime, { again: true });
    expect(await arrived(runtime)).toEqual(expected);
    await erase(runtime, 'gone');
    const before = (await rowsOf(runtime, 'sequences')).length;
    expect(before).toBeGreaterThan(4);
    await compact(runtime);
    expect(await arrived(runtime)).toEqual(expected);
    expect(await rowsOf(runtime, 'sequences')).toMatchObject([
      { first: 1n, last: 15n, count: 13n, gaps: [11n, 1n, 13n, 1n], batch: null },
    ]);
    expect((await compact(runtime)).days).toEqual([]);
  });

  test('is the same however the rows of a batch are cut into files, also where they are spilled', async () => {
    const objects = Array.from({ length: 6 }, (_, o) =>
      Array.from({ length: 300 }, (_, i) => ({ number: (o * 300 + i) * 2 + 1, subject: 'x'.repeat(2000) })),
    );
    const whole = await world(objects, { batch: { bytes: 64 << 20 } });
    await run(whole);
    const cut = await world(objects, { batch: { bytes: 64 << 20, columnBytes: 1 << 20 } });
    await run(cut);
    const spilled = await world(objects, {
      batch: { bytes: 64 << 20, columnBytes: 1 << 20, spill: 'memory://test/put-aside' },
    });
    await run(spilled);
    expect((await rowsOf(cut, 'sequences')).length).toBeGreaterThan(0);
    expect(await arrived(cut)).toEqual(await arrived(whole));
    expect(await arrived(spilled)).toEqual(await arrived(whole));
    const rows = await rowsOf(whole, 'sequences');
    expect(rows.map(({ count }) => count)).toEqual([1001n, 799n]);
  });

  test('holds the numbers of any records, in any order, by any instance, and after any merge', async () => {
    const record = fc.record({
      number: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 52 })),
      instance: fc.constantFrom('a', 'b', 'ü'),
      time: fc.constantFrom('2023-07-11T23:59:59.9Z', '2023-07-12T00:00:00Z'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { maxLength: 40 }), { minLength: 1, maxLength: 5 }),
        async (objects) => {
          const runtime = await world(objects, { batch: { objects: 2 }, compact: { smallFiles: 2 } });
          await run(runtime);
          const expected = new Map<string, NumberSet>();
          for (const { number, instance, time } of objects.flat()) {
            const key = `${time.slice(0, 10)} ${instance}`;
            expected.set(key, expected.get(key) ?? new NumberSet());
            expected.get(key)!.add(number);
          }
          const wanted = Object.fromEntries([...expected].sort().map(([key, set]) => [key, set.ranges()]));
          expect(await arrived(runtime)).toEqual(wanted);
          await compact(runtime);
          expect(await arrived(runtime)).toEqual(wanted);
        },
      ),
      { numRuns: propertyRuns(10) },
    );
  });

  test('is made in a warehouse that is older than it, and not for sources that number nothing', async () => {
    const okera = await world([], { sources: [{ ...opaSourceConfig, type: 'okera-audit' }] });
    await run(okera);
    expect(await okera.catalog.listTables()).not.toContain('sequences');
    const runtime = await world([numbered([1])]);
    await run(runtime);
    expect(await runtime.catalog.listTables()).toContain('sequences');
  });
});
