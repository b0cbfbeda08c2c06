/** The kernel digests rows as records/row-digest.ts does, and both as docs/row-digest.md says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ColumnDeclaration, ColumnType, Value } from '../../src/columns/types.ts';
import { DigestedBatch, keyedHash } from '../../src/kernel/row-digests.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { digestedColumns, ObjectDigest, rowDigest, rowText } from '../../src/records/row-digest.ts';

const types: readonly ColumnType[] = [
  ...(['boolean', 'int', 'long', 'double', 'string', 'timestamp'] as const),
  { list: 'string' },
  { list: 'long' },
  { map: { key: 'string', value: 'string' } },
  { map: { key: 'string', value: 'long' } },
];
const columns = types.map((type, i): ColumnDeclaration => ({ name: `c${types.length - i}`, type, description: '' }));
const table = { name: 't', columns };

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: 'grapheme', maxLength: 90 });
const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 3 });
const row: fc.Arbitrary<Value[]> = fc.tuple(
  nullable(fc.boolean()),
  nullable(fc.integer()),
  nullable(long),
  nullable(fc.double({ noNaN: true })),
  nullable(text),
  nullable(long),
  nullable(fc.array(nullable(text), { maxLength: 5 })),
  nullable(fc.array(nullable(long), { maxLength: 5 })),
  nullable(fc.array(fc.tuple(text, nullable(text)), { maxLength: 5 })),
  nullable(fc.array(fc.tuple(text, nullable(long)), { maxLength: 5 })),
);

function batchOf(rows: readonly (readonly Value[])[]): DigestedBatch {
  const buffer = new KernelTable(columns);
  for (const values of rows) buffer.append(values);
  return new DigestedBatch(buffer.batch());
}

const hex = (words: Uint32Array, size = 8): string[] =>
  Array.from({ length: words.length / size }, (_, i) =>
    Buffer.from(words.slice(i * size, (i + 1) * size).buffer).toString('hex'),
  );

test('the kernel gives each row the digest of the definition, and the keyed hash of the same text, whichever rows are asked for', () => {
  const digested = digestedColumns(table);
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
      const batch = batchOf(rows);
      const wanted = rows.map((values) => rowDigest(digested, values).toString('hex'));
      expect(hex(batch.hash('digest', digested, { from: 0, to: rows.length }))).toEqual(wanted);
      const some = Uint32Array.from(rows.keys())
        .filter((i) => i % 2 === 0)
        .reverse();
      expect(hex(batch.hash('digest', digested, some))).toEqual(Array.from(some, (i) => wanted[i]));
      const keyed = rows.map((values) => hex(keyedHash(rowText(digested, values)), 4)[0]);
      expect(hex(batch.hash('keyed', digested, { from: 0, to: rows.length }), 4)).toEqual(keyed);
      expect(hex(batch.hash('keyed', digested, some), 4)).toEqual(Array.from(some, (i) => keyed[i]));
      expect(new Set(keyed).size).toBe(new Set(wanted).size);
      batch.release();
    }),
    { numRuns: 30 },
  );
});

test('rows of any length are hashed as BLAKE2s does it, also beside others', () => {
  const digested = digestedColumns(table);
  const rows = Array.from({ length: 400 }, (_, i): Value[] => [
    ...columns.map(({ type }) => (type === 'string' ? 'é'.repeat((i * 7) % 4000) : null)),
  ]);
  const batch = batchOf(rows);
  expect(hex(batch.hash('digest', digested, { from: 0, to: rows.length }))).toEqual(
    rows.map((values) => rowDigest(digested, values).toString('hex')),
  );
  batch.release();
});

test('no two rows share a text', () => {
  const digested = digestedColumns(table);
  fc.assert(
    fc.property(row, row, (a, b) => {
      const key = (values: readonly Value[]): string =>
        JSON.stringify(values, (_, value) =>
          typeof value === 'bigint'
            ? `${value}n`
            : Object.is(value, -0)
              ? '-0'
              : typeof value === 'number'
                ? String(value)
                : value,
        );
      expect(rowText(digested, a).equals(rowText(digested, b))).toBe(key(a) === key(b));
    }),
    { numRuns: 200 },
  );
});

test('values are told to be outside of bounds, and only those', () => {
  const at = (type: ColumnType): string => columns[types.indexOf(type)]!.name;
  const values = (i: number): Value[] =>
    types.map((type) => (type === 'string' ? `m${i}` : type === 'long' ? BigInt(i) : null));
  const batch = batchOf([values(5), types.map(() => null), values(-7)]);
  const bits = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  };
  expect(batch.isWithin(at('long'), bits(-7n), bits(5n))).toBe(true);
  expect(batch.isWithin(at('long'), bits(-6n), bits(5n))).toBe(false);
  expect(batch.isWithin(at('long'), undefined, bits(4n))).toBe(false);
  expect(batch.isWithin(at('string'), Buffer.from('m'), Buffer.from('m5'))).toBe(true);
  expect(batch.isWithin(at('string'), Buffer.from('m-70'), undefined)).toBe(false);
  expect(batch.isWithin(at('string'), undefined, Buffer.from('m4zzzzzzzzzzzzzzzzz'))).toBe(false);
  expect(batch.isWithin(at('string'), Buffer.from('m-7'), Buffer.from('m5'))).toBe(true);
  expect(batch.isWithin(at('double'), bits(0n), bits(0n))).toBe(true);
  batch.release();
});

test('the example of docs/row-digest.md', () => {
  const example = digestedColumns({
    name: 'opa_decisions',
    columns: [
      { name: 'subject', type: 'string', description: '' },
      { name: 'allowed', type: 'boolean', description: '' },
      { name: 'roles', type: { list: 'string' }, description: '' },
      { name: 'metrics', type: { map: { key: 'string', value: 'long' } }, description: '' },
      { name: 'message', type: 'string', description: '' },
      { name: 'source_uri', type: 'string', description: '' },
      { name: 'source_offset', type: 'long', description: '' },
    ],
  });
  const values = ['alice', true, ['admin', null], [['timer_ns', 1500n]], null, 's3://acme/a.jsonl', 0n];
  expect(rowText(example, values).toString('hex')).toBe(
    '0baf098101ed1a6a98010874696d65725f6e7301dc05000000000000407ecab802010561646d696e002dde6a2305616c696365',
  );
  const digest = rowDigest(example, values);
  expect(digest.toString('hex')).toBe('fbf76046bd8c958c7cbd1bcf16a3940c74486a8724e2e171faa0e7bdda4dd2b4');
  const object = new ObjectDigest('opa_decisions', 's3://acme/a.jsonl');
  object.add(Buffer.concat([Buffer.alloc(8), digest]));
  expect(object.digest().toString('hex')).toBe('645394f3061c8cc38c96fb0a310de1653379a559847fdf03148c02df0e6dca64');
});
