import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAvro, writeAvro } from '../../src/iceberg/avro.ts';
import { byteStrings, StoredMap, StoredRecords } from '../../src/iceberg/stored-map.ts';
import { propertyRuns } from '../support/thorough.ts';

const mapOf = (value: 'long' | 'bytes') => ({
  type: 'array',
  logicalType: 'map',
  items: {
    type: 'record',
    name: `k_${value}`,
    fields: [
      { name: 'key', type: 'int' },
      { name: 'value', type: value },
    ],
  },
});
const schema = {
  type: 'record',
  name: 'r',
  fields: [
    { name: 'counts', type: ['null', mapOf('long')] },
    { name: 'bounds', type: mapOf('bytes') },
  ],
};

type Entries = readonly (readonly [key: number, value: number | Uint8Array])[];
const records = (entries: Entries) => entries.map(([key, value]) => ({ key, value }));
const write = (counts: unknown, bounds: unknown) => writeAvro(schema, {}, [{ counts, bounds }]);
function read(bytes: Uint8Array) {
  const { counts, bounds } = readAvro(bytes, 'm.avro').records[0] as Record<string, StoredRecords | null>;
  return { counts: counts?.stored as StoredMap<number> | undefined, bounds: bounds!.stored as StoredMap<Uint8Array> };
}

const keys = fc.oneof(fc.nat(200), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
const values = {
  counts: fc.maxSafeInteger(),
  bounds: fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some)),
};
const entriesOf = <V>(value: fc.Arbitrary<V>) =>
  fc.uniqueArray(fc.tuple(keys, value), { selector: ([key]) => key, maxLength: 80 });

test('a stored map is the Map of its entries, and goes into another file as it is', () => {
  fc.assert(
    fc.property(fc.option(entriesOf(values.counts)), entriesOf(values.bounds), keys, (counts, bounds, other) => {
      const bytes = write(counts && records(counts), records(bounds));
      const found = read(bytes);
      expect(found.counts === undefined).toBe(counts === null);
      for (const [stored, entries] of [
        [found.counts ?? new Map(), counts ?? []],
        [found.bounds, bounds],
      ] as const) {
        const map = new Map<number, unknown>(entries);
        expect(stored.size).toBe(map.size);
        expect([...stored]).toEqual([...map]);
        expect([...stored.keys()]).toEqual([...map.keys()]);
        expect([...stored.values()]).toEqual([...map.values()]);
        for (const key of [other, ...map.keys()]) {
          expect(stored.get(key)).toEqual(map.get(key));
          expect(stored.has(key)).toBe(map.has(key));
        }
      }
      const again = write(found.counts ? new StoredRecords(found.counts) : null, new StoredRecords(found.bounds));
      // Where all entries are written as one group there is one way to write them.
      expect(Buffer.compare(again, bytes)).toBe(0);
    }),
    { numRuns: propertyRuns(500) },
  );
});

test.each([
  ['without an end', [2, 2]],
  ['with an entry that is cut off', [2, 2, 10, 65]],
  ['with more entries than there are bytes', [0xfe, 0xff, 0xff, 0xff, 0x0f, 2]],
  ['with a negative length', [2, 2, 3, 65, 0]],
  ['with a number without an end', Array.from({ length: 20 }, () => 0xff)],
])('bytes that are no map are refused: %s', (_, bytes) => {
  expect(() => new StoredMap(Buffer.from(bytes), 0, byteStrings)).toThrow(RangeError);
});

test('groups of entries may say their bytes', () => {
  const map = new StoredMap(Buffer.from([1, 6, 2, 2, 65, 2, 4, 2, 66, 0, 99]), 0, byteStrings);
  expect([...map].map(([key, value]) => [key, Buffer.from(value).toString()])).toEqual([
    [1, 'A'],
    [2, 'B'],
  ]);
  expect(map.end).toBe(10);
});

test('of a key that is there twice the last value counts', () => {
  const map = new StoredMap(Buffer.from([4, 2, 2, 65, 2, 2, 66, 0]), 0, byteStrings);
  expect(map.get(1)).toEqual(new Map(map).get(1));
  expect(map.get(1)).toEqual(Buffer.from('B'));
});

test('a map is not written where values are stored in another way', () => {
  const { counts, bounds } = read(write(records([[1, 2]]), records([])));
  expect(() => write(null, new StoredRecords(counts!))).toThrow(TypeError);
  expect(() => write(new StoredRecords(bounds), records([]))).toThrow(TypeError);
});

test('a map keeps a small block that it lies in, and of a large one a copy of itself', () => {
  const map = Buffer.from([4, 2, 2, 65, 4, 2, 66, 0]);
  for (const [padding, isKept] of [
    [1 << 10, true],
    [1 << 20, false],
  ] as const) {
    const block = Buffer.concat([Buffer.alloc(9), map, Buffer.alloc(padding)]);
    const found = new StoredMap(block, 9, byteStrings);
    expect([...found].map(([key, value]) => [key, Buffer.from(value).toString()])).toEqual([
      [1, 'A'],
      [2, 'B'],
    ]);
    expect([found.size, found.end, found.get(2)]).toEqual([2, 17, Buffer.from('B')]);
    expect(found.bytes).toEqual(map);
    expect(found.bytes.buffer === block.buffer).toBe(isKept);
  }
});
