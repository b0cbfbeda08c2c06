/** Digests of rows against a map of what they stand for. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ScalarData } from '../../src/columns/batch.ts';
import { RowDigests } from '../../src/kernel/digests.ts';
import { batchOf, fileColumns, type StringLayout } from '../parquet/batches.ts';

const ids = fc.oneof(fc.constantFrom(null, '', 'a', 'b'), fc.uuid(), fc.string());

test.each(['plain', 'dictionary'] as StringLayout[])(
  'ids that come more than once, in any number of passes, without dead rows and empty ids: %s',
  (layout) => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.tuple(ids, fc.boolean()), { minLength: 1 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        (groups, passes) => {
          const parts = groups.map((rows) => ({
            columns: columnsOf(
              { id: 'string' },
              rows.map(([id]) => [id]),
              layout,
            ),
            dead: Uint8Array.from(rows, ([, isDead]) => Number(isDead)),
          }));
          const counts = new Map<string, number>();
          for (const [id, isDead] of groups.flat()) if (!isDead && id) counts.set(id, (counts.get(id) ?? 0) + 1);
          const digests = new RowDigests();
          for (let pass = 0; pass < passes; pass++) {
            for (const { columns, dead } of parts) digests.add(columns, dead, { passes, pass });
            digests.forgetSeen();
          }
          expect(digests.repeated).toBe([...counts.values()].filter((count) => count > 1).length);
          const numbers = new Map<string, number>();
          for (const [i, { columns, dead }] of parts.entries()) {
            const found = [...Array(passes).keys()].flatMap((pass) => digests.find(columns, dead, { passes, pass }));
            const expected = [...groups[i]!.keys()].filter((row) => {
              const [id, isDead] = groups[i]![row]!;
              return !isDead && id && counts.get(id)! > 1;
            });
            expect(found.map(([row]) => row).sort((a, b) => a - b)).toEqual(expected);
            for (const [row, number] of found) {
              const id = groups[i]![row]![0]!;
              expect(numbers.get(id) ?? number).toBe(number);
              numbers.set(id, number);
            }
          }
          expect(new Set(numbers.values()).size).toBe(numbers.size);
          digests.release();
        },
      ),
    );
  },
);

test('rows of several keys are told apart by all of them, and by where one ends', () => {
  const text = fc.constantFrom(null, '', 'a', 'aa', 'ab');
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text, fc.option(fc.nat(2), { nil: null })), { minLength: 1 }), (rows) => {
      const columns = columnsOf({ a: 'string', b: 'string', n: 'int' }, rows, 'plain');
      const digests = new RowDigests();
      digests.add(columns, undefined, { passes: 1, pass: 0 });
      const texts = rows.map((row) => JSON.stringify(row));
      const expected = [...rows.keys()].filter((row) => texts.filter((other) => other === texts[row]).length > 1);
      expect(digests.find(columns, undefined, { passes: 1, pass: 0 }).map(([row]) => row)).toEqual(expected);
      digests.release();
    }),
  );
});

function columnsOf(
  types: Parameters<typeof fileColumns>[0],
  rows: Parameters<typeof batchOf>[1],
  layout: StringLayout,
): ScalarData[] {
  return batchOf(fileColumns(types), rows, layout).columns.map(({ data }) => data as ScalarData);
}
