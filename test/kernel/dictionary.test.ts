/** Dictionaries: every distinct value once, by first use, and only where that is smaller. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scalar, ScalarType } from '../../src/columns/types.ts';
import { kernel } from '../../src/kernel/kernel.ts';
import { makeDictionary } from '../../src/parquet/write/dictionary.ts';
import type { StringLayout } from '../parquet/batches.ts';
import { doubles, ints, longs, texts } from './arbitraries.ts';
import { inChunk, written } from './chunk.ts';
import { decodePlain, readHybrid } from './plain-decoding.ts';

const { call } = kernel();

/** Of few values, often. */
const repeated = (values: fc.Arbitrary<Scalar[]>): fc.Arbitrary<Scalar[]> =>
  values.chain((all) => {
    const few = all.slice(0, 20);
    return few.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...few), { maxLength: 300, size: 'max' });
  });

test.each<[ScalarType, StringLayout, fc.Arbitrary<Scalar[]>]>([
  ['int', 'plain', ints],
  ['long', 'plain', longs],
  ['double', 'plain', doubles],
  ['string', 'plain', texts],
  ['string', 'dictionary', texts],
])('%s (%s): distinct values by first use, and for each value which', (type, layout, values) => {
  fc.assert(
    fc.property(fc.oneof(values, repeated(values)), (all) => {
      const use: Parameters<typeof inChunk>[2] = ({ data, stream }) => {
        const dictionary = makeDictionary(data, stream);
        if (dictionary === undefined) return;
        const distinct: Scalar[] = [];
        for (const value of all) if (!distinct.some((other) => Object.is(other, value))) distinct.push(value);
        expect(dictionary.entries).toBe(distinct.length);
        const page = written(type === 'string' ? call.writeEntryTexts : call.writeEntryNumbers);
        const indices = new Int32Array(all.length);
        const bytes = written(() => call.writeIndices(0, all.length, dictionary.bitWidth));
        readHybrid(bytes, 1, bytes.length, dictionary.bitWidth, indices, all.length);
        expect(Array.from(indices, (index) => distinct[index])).toEqual(all);
        expect(entriesOf(page, type, distinct.length)).toEqual(distinct);
      };
      inChunk(type, all, use, { layout });
    }),
  );
});

function entriesOf(page: Uint8Array, type: ScalarType, count: number): unknown[] {
  if (type === 'long') return [...new BigInt64Array(page.buffer)];
  const decoded = decodePlain(page, type === 'string' ? 'BYTE_ARRAY' : type === 'int' ? 'INT32' : 'DOUBLE', count);
  if (decoded.kind === 'numbers') return [...decoded.values];
  return Array.from(decoded.starts, (start, i) =>
    Buffer.from(decoded.bytes.subarray(start, decoded.ends[i])).toString(),
  );
}

describe('are made', () => {
  const isMade = (type: ScalarType, values: readonly Scalar[], layout: StringLayout): boolean =>
    inChunk(type, values, ({ data, stream }) => makeDictionary(data, stream) !== undefined, { layout });
  const numbered = (count: number, distinct: number): string[] =>
    Array.from({ length: count }, (_, i) => `value ${(i * 7919) % distinct}`);

  test.each(['plain', 'dictionary'] as const)('of strings that repeat, not of distinct ones (%s)', (layout) => {
    expect(isMade('string', numbered(10_000, 100), layout)).toBe(true);
    expect(isMade('string', numbered(10_000, 10_000), layout)).toBe(false);
    expect(isMade('string', numbered(100, 100), layout)).toBe(false);
  });

  test.each(['plain', 'dictionary'] as const)('up to 2 MiB (%s)', (layout) => {
    const long = (distinct: number): string[] =>
      numbered(4 * distinct, distinct).map((text) => text.padEnd(10_000, '.'));
    expect(isMade('string', long(205), layout)).toBe(true);
    expect(isMade('string', long(213), layout)).toBe(false);
  });

  test('of numbers that repeat, not of booleans', () => {
    const longs = Array.from({ length: 10_000 }, (_, i) => BigInt((i * 7919) % 500) << 40n);
    expect(isMade('long', longs, 'plain')).toBe(true);
    expect(
      isMade(
        'long',
        longs.map((value, i) => value + BigInt(i)),
        'plain',
      ),
    ).toBe(false);
    expect(isMade('boolean', [true, true, true], 'plain')).toBe(false);
  });
});
