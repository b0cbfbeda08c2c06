import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ColumnDeclaration } from '../../src/columns/types.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { SequenceCollector } from '../../src/sequences/collector.ts';
import { rangesOfRow } from '../../src/sequences/rows.ts';
import { sequences } from '../../src/tables/sequences.ts';
import { propertyRuns } from '../support/thorough.ts';

interface Row {
  readonly ymd: string;
  readonly instance: string | null;
  readonly object: string;
  readonly number: bigint | null;
  readonly time: bigint;
}

const columns: ColumnDeclaration[] = [
  { name: 'ymd', type: 'string' },
  { name: 'instance_id', type: 'string' },
  { name: 'source_uri', type: 'string' },
  { name: 'req_id', type: 'long' },
  { name: 'event_time', type: 'timestamp' },
].map((column) => ({ ...column, doc: '' }) as unknown as ColumnDeclaration);

/** What the rows of the table say, by day, kind and instance: numbers one by one. */
function gathered(batches: readonly (readonly Row[])[]): Record<string, unknown> {
  const collector = new SequenceCollector({ number: 'req_id', instance: 'instance_id' }, 'opa', 'batch');
  for (const rows of batches) {
    const table = new KernelTable(columns);
    for (const { ymd, instance, object, number, time } of rows) table.append([ymd, instance, object, number, time]);
    collector.take(table.batch());
    table.release();
  }
  const said: Record<string, unknown> = {};
  for (const values of collector.rows()) {
    const row = Object.fromEntries(sequences.columns.map(({ name }, i) => [name, values[i]]));
    const key = JSON.stringify([row.ymd, row.instance_id, row.first === null]);
    expect(said[key]).toBeUndefined();
    const numbers = rangesOfRow(row).flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i),
    );
    said[key] = { numbers, times: [row.first_time, row.last_time], count: row.count };
  }
  return said;
}

/** The same, record by record. */
function model(batches: readonly (readonly Row[])[]): Record<string, unknown> {
  const all = new Map<
    string,
    { named: string | null; ymd: string; numbers: Set<number>; bare: boolean; times: bigint[] }
  >();
  for (const { ymd, instance, number, time } of batches.flat()) {
    const named = instance === null || instance === '' || instance.length > 200 ? null : instance;
    const key = JSON.stringify([ymd, named]);
    const one = all.get(key) ?? { named, ymd, numbers: new Set<number>(), bare: false, times: [] };
    all.set(key, one);
    one.times.push(time);
    if (named !== null && number !== null && number >= 1n && number < 2n ** 53n - 1n) one.numbers.add(Number(number));
    else one.bare = true;
  }
  const said: Record<string, unknown> = {};
  for (const { named, ymd, numbers, bare, times } of all.values()) {
    const sorted = times.sort((a, b) => Number(a - b));
    const span = { times: [sorted[0], sorted.at(-1)] };
    if (bare) said[JSON.stringify([ymd, named, true])] = { numbers: [], ...span, count: 0n };
    const ascending = [...numbers].sort((a, b) => a - b);
    if (ascending.length > 0) {
      said[JSON.stringify([ymd, named, false])] = { numbers: ascending, ...span, count: BigInt(ascending.length) };
    }
  }
  return said;
}

const instance = fc.constantFrom(
  'a',
  'b',
  'ü',
  '',
  null,
  'x'.repeat(200),
  'x'.repeat(201),
  '😀'.repeat(100),
  '😀'.repeat(101),
  '界'.repeat(300),
);
const number = fc.oneof(
  fc.bigInt(-3n, 60n),
  fc.bigInt(2n ** 53n - 6n, 2n ** 53n + 6n),
  fc.constantFrom(null, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, 2n ** 32n - 1n),
);
/** Rows of one instance, day and object, whose numbers count on, stand still or have none. */
const run = fc
  .record({
    ymd: fc.constantFrom('2026-01-01', '2026-01-02'),
    instance,
    object: fc.constantFrom('o1', 'o2'),
    number,
    step: fc.constantFrom(1n, 1n, 1n, 0n, 2n, -1n),
    length: fc.integer({ min: 1, max: 12 }),
    times: fc.array(fc.bigInt(0n, 1000n), { minLength: 12, maxLength: 12 }),
  })
  .map(({ number, step, length, times, ...row }) =>
    Array.from({ length }, (_, i): Row => {
      const next = number === null ? null : number + step * BigInt(i);
      return { ...row, number: next === null ? null : BigInt.asIntN(64, next), time: times[i]! };
    }),
  );

describe('numbers of records, by runs of rows', () => {
  test('are those of the records one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.array(run, { maxLength: 12 }), { minLength: 1, maxLength: 3 }), (runs) => {
        const batches = runs.map((ones) => ones.flat());
        expect(gathered(batches)).toEqual(model(batches));
      }),
      { numRuns: propertyRuns(1000) },
    );
  });

  test('are the same of columns that have too many different texts for a dictionary', () => {
    const many = Array.from(
      { length: 60_000 },
      (_, i): Row => ({
        ymd: i % 7 === 0 ? '2026-01-02' : '2026-01-01',
        instance: i % 11 === 0 ? null : `pod-${i % 3 === 0 ? (i * 7919) % 40_000 : (i >> 3) % 30_000}`,
        object: `o${i >> 1}`,
        number: i % 13 === 0 ? null : BigInt(i % 5),
        time: BigInt((i * 31) % 1000),
      }),
    );
    expect(gathered([many, many.slice(0, 100)])).toEqual(model([many, many.slice(0, 100)]));
  });
});
