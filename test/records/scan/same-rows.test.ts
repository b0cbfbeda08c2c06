/** One record through a fresh pair of paths: whatever it is, the fast path says what the reference path says. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { propertyRuns } from '../../support/thorough.ts';
import { fieldNames, mutate, mutations, records, recordWith, value } from './arbitraries.ts';
import { BothPaths } from './both-paths.ts';
import { addresses, times } from './odd-values.ts';
import { sources } from './promotions.ts';

const runs = propertyRuns(120);
const around = fc.constantFrom<readonly [string, string]>(
  ['', ''],
  ['{"', '"}'],
  ['[1', '2,"'],
  ['{"a":"', '","timestamp":"2023-07-11T17:01:42Z"}'],
  ['\\', '}}}]]]'],
  ['1', ' 0.5e7}'],
);

for (const type of ['opa', 'okera-audit'] as const) {
  for (const [columns, source] of sources[type]) {
    describe(`${type}, promoted columns: ${columns}`, () => {
      test('generated records, plain to odd', () => {
        let fast = 0;
        fc.assert(
          fc.property(records[type], around, (record, place) => {
            const both = new BothPaths(source);
            if (both.take(record, { around: place }) === 'fast') fast++;
            both.compareRows();
          }),
          { numRuns: runs },
        );
        // Or this would hold of a fast path that takes nothing.
        expect(fast).toBeGreaterThan(0);
      });

      test('generated records with bytes changed', () => {
        fc.assert(
          fc.property(records[type], mutations, around, (record, changes, place) => {
            const both = new BothPaths(source);
            both.take(mutate(record, changes), { around: place });
            both.compareRows();
          }),
          { numRuns: runs },
        );
      });

      test('any value in any known field, and every time and address in every form', () => {
        fc.assert(
          fc.property(fc.constantFrom(...fieldNames[type]), value, (field, text) => {
            const both = new BothPaths(source);
            both.take(recordWith(type, field, text));
            both.compareRows();
          }),
          { numRuns: runs },
        );
        const both = new BothPaths(source);
        let n = 0;
        for (const text of [
          'null',
          ...[...times.plain, ...times.odd, ...addresses].map((text) => JSON.stringify(text)),
        ]) {
          for (const field of fieldNames[type]) both.take(recordWith(type, field, text, n++));
          both.take(recordWith(type, 'input', `{"at":${text},"client_ip":${text}}`, n++));
        }
        both.compareRows();
      });
    });
  }
}
