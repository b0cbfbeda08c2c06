/** The page index of our files: true bounds for every page, and a reader that skips by it finds the same rows. */
import { parquetReadObjects, readColumnIndex, readOffsetIndex } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { expect, test } from 'vitest';
import { readFooter } from '../../../src/parquet/read/row-reader.ts';
import { ColumnarEncoder } from '../../../src/parquet/write/encoder.ts';
import { storeOf } from '../../contract/encoder.ts';
import { fileColumns } from '../batches.ts';
import { cases, type EncoderCase, writeCase } from '../cases.ts';
import { compareScalars, leafTruths } from '../truth.ts';

const named = (name: string): EncoderCase => cases.find((testCase) => testCase.name === name)!;
const parsers = { timestampFromMicroseconds: (micros: bigint) => micros };

const indexed = [
  'every type',
  'some nulls',
  'many pages',
  'many pages and row groups',
  'distinct plain values in another order',
  'lists and maps over many pages',
  'sorted times',
  'odd doubles',
];

test.each(indexed)('pages end where rows end and have their own bounds and null counts: %s', async (name) => {
  const testCase = named(name);
  const { bytes, fileRows } = await writeCase(new ColumnarEncoder(), testCase);
  const { store, file } = await storeOf(bytes);
  const { row_groups: rowGroups, schema } = await readFooter(store, file);
  const leaves = schema.filter((element) => element.type !== undefined);
  let groupStart = 0;
  for (const rowGroup of rowGroups) {
    const groupRows = fileRows.slice(groupStart, groupStart + Number(rowGroup.num_rows));
    groupStart += groupRows.length;
    for (const [leaf, column] of rowGroup.columns.entries()) {
      const locations = readOffsetIndex(reader(bytes, column.offset_index_offset!, column.offset_index_length!));
      const starts = locations.page_locations.map((page) => Number(page.first_row_index));
      expect(starts[0]).toBe(0);
      const index = readColumnIndex(
        reader(bytes, column.column_index_offset!, column.column_index_length!),
        leaves[leaf]!,
        parsers as never,
      );
      expect(index.min_values).toHaveLength(starts.length);
      for (const [page, start] of starts.entries()) {
        const rows = groupRows.slice(start, starts[page + 1]);
        expect(rows.length).toBeGreaterThan(0);
        expect(rows.length).toBeLessThanOrEqual(20_000);
        const truth = leafTruths(testCase.columns, rows)[leaf]!;
        expect(index.null_pages[page]).toBe(truth.min === undefined);
        expect(Number(index.null_counts![page])).toBe(truth.nullCount);
        if (truth.min === undefined) continue;
        // Long strings are cut, so bounds may lie outside, never inside.
        expect(compareScalars(index.min_values[page] as never, truth.min)).toBeLessThanOrEqual(0);
        expect(compareScalars(index.max_values[page] as never, truth.max!)).toBeGreaterThanOrEqual(0);
        if (truth.type !== 'string') {
          // By ==, since zeros are bounded by -0 and +0.
          expect(index.min_values[page] === truth.min && index.max_values[page] === truth.max).toBe(true);
        }
      }
      expectOrder(index);
    }
  }
});

function expectOrder(index: ReturnType<typeof readColumnIndex>): void {
  const at = [...index.min_values.keys()].filter((page) => !index.null_pages[page]);
  const steps = at
    .slice(1)
    .flatMap((page, i) => [
      compareScalars(index.min_values[at[i]!] as never, index.min_values[page] as never),
      compareScalars(index.max_values[at[i]!] as never, index.max_values[page] as never),
    ]);
  if (index.boundary_order === 'ASCENDING') expect(steps.every((step) => step <= 0)).toBe(true);
  else if (index.boundary_order === 'DESCENDING') expect(steps.every((step) => step >= 0)).toBe(true);
  else expect(steps.some((step) => step > 0) && steps.some((step) => step < 0)).toBe(true);
}

test('a sorted column is declared so', async () => {
  const { bytes } = await writeCase(new ColumnarEncoder(), named('sorted times'));
  const { store, file } = await storeOf(bytes);
  const { row_groups: rowGroups, schema } = await readFooter(store, file);
  const column = rowGroups[0]!.columns[0]!;
  const element = schema.filter(({ type }) => type !== undefined)[0]!;
  const index = readColumnIndex(
    reader(bytes, column.column_index_offset!, column.column_index_length!),
    element,
    parsers as never,
  );
  expect(index.boundary_order).toBe('ASCENDING');
});

test.each([
  ['nothing but NaN', 'only NaN'],
  ['a string that has no short successor', 'odd strings, plain'],
])('a page with %s has no upper bound, so its column has no column index', async (_why, name) => {
  const { bytes } = await writeCase(new ColumnarEncoder(), named(name));
  const { store, file } = await storeOf(bytes);
  const [column] = (await readFooter(store, file)).row_groups[0]!.columns;
  expect(column!.column_index_offset).toBeUndefined();
  expect(column!.offset_index_offset).toBeDefined();
});

test('a reader that skips pages finds the same rows in fewer bytes', async () => {
  const { bytes } = await writeCase(new ColumnarEncoder(), named('many pages'));
  const footer = await (async () => {
    const { store, file } = await storeOf(bytes);
    return readFooter(store, file);
  })();
  const read = async (usePageIndex: boolean): Promise<{ rows: unknown[]; fetched: number }> => {
    let fetched = 0;
    const file = {
      byteLength: bytes.length,
      slice: (start: number, end = bytes.length): ArrayBuffer => {
        fetched += end - start;
        return new Uint8Array(bytes.subarray(start, end)).buffer;
      },
    };
    const filter = { l: { $gte: 45_000n * 1_000_003n } };
    const rows = await parquetReadObjects({
      file,
      metadata: footer,
      columns: ['l', 's'],
      filter,
      compressors,
      usePageIndex,
    });
    return { rows, fetched };
  };
  const whole = await read(false);
  const skipping = await read(true);
  expect(whole.rows.length).toBeGreaterThan(4000);
  expect(skipping.rows).toEqual(whole.rows);
  expect(skipping.fetched).toBeLessThan(whole.fetched * 0.6);
});

function reader(bytes: Uint8Array, offset: bigint, length: number): { view: DataView; offset: number } {
  return { view: new DataView(bytes.buffer, bytes.byteOffset + Number(offset), length), offset: 0 };
}

test('values of megabytes are in pages of their own, with the small ones before them', async () => {
  const columns = fileColumns({ s: 'string', l: { list: 'string' } });
  const large = (n: number): string => `${n} `.repeat(700_000);
  const rows = Array.from({ length: 7 }, (_, n) => [n % 3 === 2 ? 'small' : large(n), [`a ${n}`, large(n + 10)]]);
  const { bytes } = await writeCase(new ColumnarEncoder(), { name: '', columns, rows });
  const { store, file } = await storeOf(bytes);
  const [ofTexts, ofLists] = (await readFooter(store, file)).row_groups[0]!.columns.map((column) =>
    readOffsetIndex(reader(bytes, column.offset_index_offset!, column.offset_index_length!)).page_locations.map(
      (page) => Number(page.first_row_index),
    ),
  );
  expect(ofTexts).toEqual([0, 1, 2, 4, 5]);
  expect(ofLists).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(await parquetReadObjects({ file: new Uint8Array(bytes).buffer, compressors })).toEqual(
    rows.map(([s, l]) => ({ s, l })),
  );
});
