/** Bounds hold what they bound, and the order of slots is that of the values in them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ScalarData } from '../../src/columns/batch.ts';
import type { Scalar, ScalarType } from '../../src/columns/types.ts';
import { lowerBound, mergeMinMax, slotComparison, upperBound } from '../../src/parquet/format/statistics.ts';
import { batchOf, fileColumns, type StringLayout } from './batches.ts';

const dataOf = (type: ScalarType, values: readonly Scalar[], layout: StringLayout = 'plain'): ScalarData =>
  batchOf(
    fileColumns({ c: type }),
    values.map((value) => [value]),
    layout,
  ).columns[0]!.data as ScalarData;

/** Few characters of one to four bytes, so that beginnings are often the same. */
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '区', '😀'), maxLength: 7 });
const layouts = fc.constantFrom<StringLayout>('plain', 'dictionary');
const sign = (n: number): number => Math.sign(n);

describe('the order of slots', () => {
  test('of texts is that of their bytes, also where one begins with the other', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 2, maxLength: 8 }), layouts, (texts, layout) => {
        const compare = slotComparison(dataOf('string', texts, layout));
        for (const [a, x] of texts.entries())
          for (const [b, y] of texts.entries())
            expect(sign(compare(a, b))).toBe(sign(Buffer.compare(Buffer.from(x), Buffer.from(y))));
      }),
    );
  });

  test('of numbers is that of the numbers, signed', () => {
    const longs = [-(2n ** 63n), -1n, 0n, 1n, 2n ** 63n - 1n];
    const compare = slotComparison(dataOf('long', longs));
    for (let a = 0; a < longs.length; a++)
      for (let b = 0; b < longs.length; b++) expect(sign(compare(a, b))).toBe(sign(a - b));
  });

  test('makes the minMax of two ranges those of both', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 4, maxLength: 4 }), layouts, (texts, layout) => {
        const data = dataOf('string', texts, layout);
        const bytes = texts.map((some) => Buffer.from(some));
        const range = (from: number) => {
          const slots = [from, from + 1].sort((a, b) => Buffer.compare(bytes[a]!, bytes[b]!));
          return { least: slots[0]!, greatest: slots[1]! };
        };
        const both = mergeMinMax(data, range(0), range(2))!;
        const sorted = bytes.toSorted(Buffer.compare);
        expect([bytes[both.least], bytes[both.greatest]]).toEqual([sorted[0], sorted[3]]);
        expect(mergeMinMax(data, undefined, range(2))).toEqual(range(2));
        expect(mergeMinMax(data, range(0), undefined)).toEqual(range(0));
      }),
    );
  });
});

describe('bounds of texts', () => {
  const long = fc.string({ unit: fc.constantFrom('a', 'é', '区', '😀', '\u{10ffff}'), maxLength: 80 });

  test('are the text itself up to 64 bytes, else as many whole characters, below and above it', () => {
    fc.assert(
      fc.property(long, layouts, (value, layout) => {
        const data = dataOf('string', [value], layout);
        const bytes = Buffer.from(value);
        const [lower, upper] = [lowerBound(data, 0), upperBound(data, 0)];
        expect(lower.exact).toBe(bytes.length <= 64);
        expect(Buffer.compare(lower.bytes, bytes)).toBe(lower.exact ? 0 : -1);
        expect(lower.bytes.length).toBeLessThanOrEqual(64);
        expect(Buffer.from(lower.bytes).toString()).not.toContain('\ufffd');
        expect(bytes.subarray(0, lower.bytes.length).equals(lower.bytes)).toBe(true);
        if (upper === undefined) expect(value).toMatch(/^\u{10ffff}{16}/u);
        else {
          expect(upper.exact).toBe(lower.exact);
          expect(Buffer.compare(upper.bytes, bytes)).toBe(upper.exact ? 0 : 1);
          // Above everything that begins as the text does.
          if (!upper.exact)
            expect(Buffer.compare(upper.bytes, Buffer.concat([lower.bytes, Buffer.alloc(80, 0xf4)]))).toBe(1);
        }
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    [63, true],
    [64, true],
    [65, false],
  ])('of %i bytes are exact: %s', (length, exact) => {
    const data = dataOf('string', ['x'.repeat(length)]);
    expect([lowerBound(data, 0).exact, upperBound(data, 0)!.exact]).toEqual([exact, exact]);
    expect([lowerBound(data, 0).bytes.length, upperBound(data, 0)!.bytes.length]).toEqual(
      Array(2).fill(Math.min(64, length)),
    );
  });
});

test('zeros are bounded by both of them, as the format asks', () => {
  for (const zero of [0, -0]) {
    const data = dataOf('double', [zero]);
    const read = (bytes: Uint8Array): number => Buffer.from(bytes).readDoubleLE();
    expect([read(lowerBound(data, 0).bytes), read(upperBound(data, 0)!.bytes)]).toEqual([-0, 0]);
  }
});
