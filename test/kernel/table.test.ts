import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ColumnBatch, ColumnData, ScalarData } from '../../src/columns/batch.ts';
import type { ColumnType, Value } from '../../src/columns/types.ts';
import { KernelTable } from '../../src/kernel/table.ts';

const types: Record<string, ColumnType> = {
  flag: 'boolean',
  small: 'int',
  big: 'long',
  ratio: 'double',
  text: 'string',
  at: 'timestamp',
  tags: { list: 'string' },
  labels: { map: { key: 'string', value: 'string' } },
  metrics: { map: { key: 'string', value: 'long' } },
};

const declarations = Object.entries(types).map(([name, type]) => ({ name, type, description: name }));

function scalarAt(data: ScalarData, i: number): Value {
  if (data.nullCount === data.length || (data.valid !== null && data.valid[i] === 0)) return null;
  if (data.kind === 'string') {
    const entry = data.codes === null ? i : data.codes[i]!;
    return Buffer.from(data.bytes.subarray(data.offsets[entry]!, data.offsets[entry + 1]!)).toString('utf8');
  }
  const value = data.values![i]!;
  return data.type === 'boolean' ? value === 1 : value;
}

function valueAt(data: ColumnData, i: number): Value {
  if (data.kind === 'fixed' || data.kind === 'string') return scalarAt(data, i);
  if (data.nullCount === data.length || (data.valid !== null && data.valid[i] === 0)) return null;
  const slots = Array.from({ length: data.offsets[i + 1]! - data.offsets[i]! }, (_, k) => data.offsets[i]! + k);
  if (data.kind === 'list') return slots.map((slot) => scalarAt(data.elements, slot)) as Value;
  return slots.map((slot) => [scalarAt(data.keys, slot), scalarAt(data.values, slot)]) as unknown as Value;
}

const rowsOf = (batch: ColumnBatch) =>
  Array.from({ length: batch.rows }, (_, i) => batch.columns.map((column) => valueAt(column.data, i)));

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: 'grapheme', maxLength: 80 });
const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 3 });
const row = fc.tuple(
  nullable(fc.boolean()),
  nullable(fc.integer()),
  nullable(long),
  nullable(fc.double()),
  nullable(text),
  nullable(long),
  nullable(fc.array(nullable(text), { maxLength: 4 })),
  nullable(fc.array(fc.tuple(text, nullable(text)), { maxLength: 4 })),
  nullable(fc.array(fc.tuple(text, nullable(long)), { maxLength: 4 })),
);

describe('a table in the kernel', () => {
  test('gives back every value of every type, nulls where they were, also when it is used again', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), fc.array(row, { maxLength: 60 }), (first, second) => {
        const buffer = new KernelTable(declarations);
        for (const rows of [first, second]) {
          for (const values of rows) buffer.append(values as Value[]);
          expect(rowsOf(buffer.batch())).toEqual(rows);
          buffer.clear();
        }
      }),
    );
  });

  test('a string column turns from coded to plain when values stop repeating, and loses none', () => {
    const buffer = new KernelTable([{ name: 'id', type: 'string', description: '' }]);
    const ids = Array.from({ length: 40000 }, (_, i) => (i % 7 === 3 ? null : `id-${i}-é`));
    for (const id of ids) buffer.append([id]);
    const batch = buffer.batch();
    expect((batch.columns[0]!.data as { codes: unknown }).codes).toBeNull();
    expect(rowsOf(batch)).toEqual(ids.map((id) => [id]));
  });

  test('a repeating string column stays coded', () => {
    const buffer = new KernelTable([{ name: 'path', type: 'string', description: '' }]);
    for (let i = 0; i < 20000; i++) buffer.append([`path/${i % 1500}`]);
    const batch = buffer.batch();
    expect((batch.columns[0]!.data as { entries: number }).entries).toBe(1500);
    expect(rowsOf(batch)[19999]).toEqual([`path/${19999 % 1500}`]);
  });

  test('a column without values has no array of them', () => {
    const buffer = new KernelTable(declarations);
    for (let i = 0; i < 100000; i++) buffer.append([null, null, null, null, null, null, null, null, null]);
    const fixed = buffer.batch().columns[2]!.data as { values: unknown; valid: unknown };
    expect(fixed).toMatchObject({ values: null, valid: null });
  });

  test('safe integers written as numbers equal the same written as bigints', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger()), (numbers) => {
        const buffer = new KernelTable([{ name: 'n', type: 'long', description: '' }]);
        for (const n of numbers) buffer.append([n]);
        expect(rowsOf(buffer.batch())).toEqual(numbers.map((n) => [BigInt(n)]));
      }),
    );
  });
});
