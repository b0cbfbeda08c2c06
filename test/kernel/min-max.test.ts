/** Least and greatest values of any range of a chunk, as sorting them tells. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Scalar, ScalarType } from '../../src/columns/types.ts';
import { minMax, minMaxOfIndices, valueAt } from '../../src/parquet/format/statistics.ts';
import { makeDictionary } from '../../src/parquet/write/dictionary.ts';
import type { StringLayout } from '../parquet/batches.ts';
import { asBytes, compareScalars } from '../parquet/truth.ts';
import { propertyRuns } from '../support/thorough.ts';
import { doubles, ints, longs, texts } from './arbitraries.ts';
import { inChunk } from './chunk.ts';

const cases: [ScalarType, StringLayout, fc.Arbitrary<Scalar[]>][] = [
  ['boolean', 'plain', fc.array(fc.boolean())],
  ['int', 'plain', ints],
  ['long', 'plain', longs],
  ['double', 'plain', doubles],
  ['string', 'plain', texts],
  ['string', 'dictionary', texts],
];

test.each(cases)('%s (%s)', (type, layout, arbitrary) => {
  fc.assert(
    fc.property(arbitrary, fc.nat(), fc.nat(), fc.boolean(), (values, start, length, byDictionary) => {
      const from = values.length === 0 ? 0 : start % values.length;
      const to = Math.min(values.length, from + (length % (values.length + 1)));
      const use: Parameters<typeof inChunk>[2] = ({ data, stream }) => {
        const dictionary = byDictionary ? makeDictionary(data, stream) : undefined;
        const found =
          dictionary === undefined || to === from ? minMax(data, from, to) : minMaxOfIndices(data, from, to);
        const sorted = values
          .slice(from, to)
          .filter((value) => !Number.isNaN(value))
          .sort(compareScalars);
        if (sorted.length === 0) {
          expect(found).toBeUndefined();
          return;
        }
        expect(compareScalars(bytesOf(valueAt(data, found!.least)), bytesOf(sorted[0]!))).toBe(0);
        expect(compareScalars(bytesOf(valueAt(data, found!.greatest)), bytesOf(sorted.at(-1)!))).toBe(0);
      };
      inChunk(type, values, use, { layout });
    }),
    { numRuns: propertyRuns(200) },
  );
});

const bytesOf = (value: Scalar): Scalar => (typeof value === 'string' ? asBytes(value) : value);
