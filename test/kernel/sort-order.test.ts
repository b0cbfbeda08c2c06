import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scalar, ScalarType, Value } from '../../src/columns/types.ts';
import { sortOrder, splitByDay } from '../../src/kernel/sort-order.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { batchOf, fileColumns, type StringLayout, type TestRow } from '../parquet/batches.ts';

const long = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 1689094500000000n, max: 1689094500100000n }),
  fc.bigInt({ min: -70000n, max: 70000n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n),
);

function stableSort<T>(values: readonly T[], compare: (a: T, b: T) => number): number[] {
  return values.map((_, i) => i).sort((a, b) => compare(values[a]!, values[b]!) || a - b);
}

const nullsFirst =
  <T>(compare: (a: T, b: T) => number) =>
  (a: T | null, b: T | null): number =>
    a === null || b === null ? Number(b === null) - Number(a === null) : compare(a, b);

describe('row order', () => {
  test('by time: ascending, nulls first, ties as they came', () => {
    fc.assert(
      fc.property(fc.array(fc.option(long, { nil: null })), (times) => {
        const buffer = new KernelTable([{ name: 'at', type: 'timestamp', description: '' }]);
        for (const time of times) buffer.append([time]);
        const expected = stableSort(
          times,
          nullsFirst((a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0)),
        );
        expect([...sortOrder(buffer.batch(), ['at'])]).toEqual(expected);
      }),
    );
  });

  test('by text, then number: bytes of UTF-8 decide, not UTF-16 units', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom('', 'a', 'ab', '\uffff', '\u{10000}', 'é'), fc.option(fc.integer(), { nil: null })),
        ),
        (rows) => {
          const buffer = new KernelTable([
            { name: 'text', type: 'string', description: '' },
            { name: 'n', type: 'int', description: '' },
          ]);
          for (const row of rows) buffer.append(row);
          const expected = stableSort(
            rows,
            (a, b) =>
              Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])) ||
              nullsFirst((x: number, y: number) => x - y)(a[1], b[1]),
          );
          expect([...sortOrder(buffer.batch(), ['text', 'n'])]).toEqual(expected);
        },
      ),
    );
  });

  test('by keys of every type, in whole units where asked: what is sorted in parts is merged, ties as they came', () => {
    const value: Record<string, fc.Arbitrary<Value>> = {
      boolean: fc.boolean(),
      int: fc.oneof(fc.integer(), fc.nat(3)),
      long,
      timestamp: long,
      double: fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1)),
      string: fc.oneof(
        fc.constantFrom('', 'a', 'a\0', 'same prefix, a', 'same prefix, b', '\uffff', '\u{10000}'),
        fc.string(),
      ),
    };
    const types = Object.keys(value) as ScalarType[];
    const compare = (a: Scalar, b: Scalar): number => {
      if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
      if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
      return a < b ? -1 : a > b ? 1 : 0;
    };
    const floorBy = (unit: bigint, n: bigint): bigint => (n - (((n % unit) + unit) % unit)) / unit;
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...types), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(...types.map((type) => fc.option(value[type]!, { nil: null }))), { maxLength: 200 }),
        fc.nat(4),
        fc.constantFrom('plain', 'dictionary'),
        fc.constantFrom(undefined, 3600n),
        (keys, unsorted, runs, layout, unit) => {
          const order = (a: (typeof unsorted)[number], b: (typeof unsorted)[number]): number => {
            for (const key of keys) {
              const at = types.indexOf(key);
              const of = (row: typeof a): Scalar | null =>
                row[at] !== null && key === 'timestamp' && unit !== undefined
                  ? floorBy(unit, row[at] as bigint)
                  : (row[at] as Scalar | null);
              const difference = nullsFirst(compare)(of(a), of(b));
              if (difference !== 0) return difference;
            }
            return 0;
          };
          const size = Math.ceil(unsorted.length / (runs + 1));
          const rows =
            runs === 0
              ? unsorted
              : Array.from({ length: runs + 1 }, (_, i) =>
                  unsorted.slice(i * size, i * size + size).toSorted(order),
                ).flat();
          const batch = batchOf(
            fileColumns(Object.fromEntries(types.map((type) => [type, type]))),
            rows as TestRow[],
            layout as StringLayout,
          );
          const wanted = keys.map((column) =>
            column === 'timestamp' && unit !== undefined ? { column, unit } : { column },
          );
          expect([...sortOrder(batch, wanted)]).toEqual(stableSort(rows, order));
        },
      ),
    );
  });

  test('splits into days, each keeping its order', () => {
    const buffer = new KernelTable([
      { name: 'ymd', type: 'string', description: '' },
      { name: 'at', type: 'timestamp', description: '' },
    ]);
    for (const [ymd, at] of [
      ['2023-07-12', 5n],
      ['2023-07-11', 9n],
      ['2023-07-12', 1n],
      ['2023-07-11', 2n],
    ] as const)
      buffer.append([ymd, at]);
    const batch = buffer.batch();
    const days = splitByDay(batch, sortOrder(batch, ['at']), 'ymd');
    expect(days.map(({ day, order }) => [day, [...order]])).toEqual([
      ['2023-07-11', [3, 1]],
      ['2023-07-12', [2, 0]],
    ]);
  });

  test('splits any order by any days, whether they are coded or not', () => {
    const day = fc.integer({ min: 10, max: 31 }).map((number) => `2023-07-${number}`);
    fc.assert(
      fc.property(fc.array(day, { minLength: 1, maxLength: 100 }), fc.boolean(), (values, isPlain) => {
        const rows = values.map((value) => [value]);
        const columns = fileColumns({ ymd: 'string' });
        const batch = batchOf(columns, rows, isPlain ? 'plain' : 'dictionary');
        const order = Uint32Array.from(values, (_, row) => values.length - 1 - row);
        const expected = [...new Set(values)]
          .sort()
          .map((value) => [value, [...order].filter((row) => values[row] === value)]);
        expect(splitByDay(batch, order, 'ymd').map(({ day, order: some }) => [day, [...some]])).toEqual(expected);
      }),
    );
  });
});
