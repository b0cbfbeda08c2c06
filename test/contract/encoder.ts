/**
 * What every ParquetEncoder promises (src/parquet/encoder.ts), told by what readers find in its files. `cannot` says
 * which promises an encoder does not make, and why.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Value } from '../../src/columns/types.ts';
import type { ColumnStats, FileColumn, ParquetEncoder } from '../../src/parquet/encoder.ts';
import { readFooter, readRows } from '../../src/parquet/read/row-reader.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { fileColumns, type TestRow } from '../parquet/batches.ts';
import { cases, type EncoderCase, everyType, inputOf, toJson, type WrittenCase, writeCase } from '../parquet/cases.ts';
import { asBytes, compareScalars, type LeafTruth, leafTruths } from '../parquet/truth.ts';
import { anyCharacter } from '../support/any-character.ts';
import { describeWith, rig } from '../support/rig.ts';

export interface EncoderLimits {
  /** Reason why the encoder writes none. */
  readonly bloomFilters?: string;
  readonly pageIndex?: string;
  readonly dictionaries?: string;
}

export function encoderContract(create: () => ParquetEncoder, cannot: EncoderLimits): void {
  const encoder = create();
  const written = new Map<EncoderCase, Promise<WrittenCase>>();
  const write = (testCase: EncoderCase): Promise<WrittenCase> => {
    const earlier = written.get(testCase) ?? writeCase(encoder, testCase);
    written.set(testCase, earlier);
    return earlier;
  };

  describe(`${encoder.name} encoder`, () => {
    describe.each(cases.map((testCase) => [testCase.name, testCase] as const))('%s', (_name, testCase) => {
      test('is read back value by value', async () => {
        const { bytes, expected } = await write(testCase);
        expect(await readBack(bytes, testCase.columns)).toEqual(expected.rows);
      });

      test('has the statistics of its values', async () => {
        const { file, bytes, fileRows } = await write(testCase);
        for (const truth of leafTruths(testCase.columns, fileRows)) expectStats(file.columns.get(truth.id), truth);
        await expectFooterStatistics(bytes, testCase, fileRows);
      });

      test('gives the same bytes again', async () => {
        const first = await write(testCase);
        const again = await writeCase(create(), testCase);
        expect(again.bytes.equals(first.bytes)).toBe(true);
      });

      test('says where row groups start and what the file and its columns take', async () => {
        const { file, bytes } = await write(testCase);
        const footer = await footerOf(bytes);
        expect(file.size).toBe(bytes.length);
        expect(file.rows).toBe(Number(footer.num_rows));
        const starts = footer.row_groups.map(({ columns: [first] }) =>
          Number(first!.meta_data!.dictionary_page_offset ?? first!.meta_data!.data_page_offset),
        );
        expect(file.splitOffsets).toEqual(starts);
        const sizes = footer.row_groups.flatMap((group) => group.columns.map((column) => column.meta_data!));
        const taken = [...file.columns.values()].reduce((sum, stats) => sum + stats.compressedSize, 0);
        expect(taken).toBe(sizes.reduce((sum, column) => sum + Number(column.total_compressed_size), 0));
      });
    });

    test('random batches are read back', async () => {
      await fc.assert(
        fc.asyncProperty(randomCase, async (testCase) => {
          const { bytes, expected } = await writeCase(encoder, testCase);
          expect(await readBack(bytes, testCase.columns)).toEqual(expected.rows);
        }),
        { numRuns: 60 },
      );
    });

    test('encodings that run at the same time do not disturb each other', async () => {
      const some = cases.filter((testCase) => testCase.rows.length >= 3000 && testCase.rows.length <= 5000);
      const alone: Buffer[] = [];
      for (const testCase of some) alone.push((await write(testCase)).bytes);
      const together = await Promise.all(some.map((testCase) => writeCase(encoder, testCase)));
      for (const [index, { bytes }] of together.entries()) expect(bytes.equals(alone[index]!)).toBe(true);
    });

    test('a column that the batch lacks is all null', async () => {
      const [s, missing] = fileColumns({ s: 'string', missing: { list: 'long' } });
      const input = inputOf({ name: '', columns: [s!], rows: [['a'], ['b']] });
      const file = await encoder.encode({ ...input, columns: [s!, missing!] });
      expect(await readBack(Buffer.concat(file.chunks), [s!, missing!])).toEqual([
        ['a', null],
        ['b', null],
      ]);
      expect(file.columns.get(missing!.elementId!)).toMatchObject({ valueCount: 2, nullCount: 2 });
    });

    test('a null in a required column is refused by name', async () => {
      for (const type of ['string', 'long', { list: 'string' }] as const) {
        const columns = fileColumns({ needed: type }).map((column) => ({ ...column, required: true }));
        const rows = [[type === 'long' ? 1n : type === 'string' ? 'a' : []], [null]];
        await expect(encoder.encode(inputOf({ name: '', columns, rows }))).rejects.toThrow(/needed.*required/);
      }
    });

    test('field ids and logical types are those of Iceberg', async () => {
      const { bytes } = await writeCase(encoder, everyType);
      const { schema } = await footerOf(bytes);
      const ids = everyType.columns.flatMap(({ id, keyId, elementId }) => [id, keyId ?? [], elementId ?? []].flat());
      expect(schema.flatMap((element) => element.field_id ?? [])).toEqual(ids);
      expect(schema.find(({ name }) => name === 'event_time')!.logical_type).toEqual({
        type: 'TIMESTAMP',
        isAdjustedToUTC: false,
        unit: 'MICROS',
      });
    });

    test('the sort order is recorded', async () => {
      const columns = fileColumns({ s: 'string', labels: { map: { key: 'string', value: 'long' } }, t: 'timestamp' });
      const rows: TestRow[] = [['a', [], 1n]];
      const { bytes } = await writeCase(encoder, { name: '', columns, rows, sortedBy: ['t', 's'] });
      // By leaf: the map has two.
      expect((await footerOf(bytes)).row_groups[0]!.sorting_columns).toEqual([
        { column_idx: 3, descending: false, nulls_first: true },
        { column_idx: 0, descending: false, nulls_first: true },
      ]);
    });

    if (cannot.dictionaries === undefined) {
      test('values that repeat are stored once, in dictionaries', async () => {
        for (const layout of ['plain', 'dictionary'] as const) {
          const columns = fileColumns({ s: 'string', n: 'long', d: 'double' });
          const rows = Array.from({ length: 5000 }, (_, row) => [
            `value ${(row * 7) % 13}`,
            BigInt((row * 7) % 13),
            (row * 7) % 13,
          ]);
          const { bytes } = await writeCase(encoder, { name: '', columns, rows, layout });
          for (const column of (await footerOf(bytes)).row_groups[0]!.columns) {
            expect(column.meta_data!.encodings).toContain('RLE_DICTIONARY');
          }
        }
      });
    }

    describeWith(['readers'], 'as pyarrow and DuckDB read it', () => {
      let folder: string;
      beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), 'parquet-'));
      });
      afterAll(() => rm(folder, { recursive: true }));

      test('every case and random batches have the values that were written', { timeout: 120_000 }, async () => {
        const random = fc.sample(randomCase, { numRuns: 40, seed: 20_240_506 });
        const all = [...cases, ...random.map((testCase, index) => ({ ...testCase, name: `random ${index}` }))];
        for (const testCase of all) {
          const { bytes, expected } = await write(testCase);
          const name = join(folder, testCase.name.replaceAll(/\W+/g, '-'));
          await writeFile(`${name}.parquet`, bytes);
          await writeFile(`${name}.json`, JSON.stringify(expected));
        }
        const found = JSON.parse(await rig.python('parquet_values.py', [folder])) as Record<string, unknown>;
        expect(Object.keys(found)).toHaveLength(all.length);
        for (const [name, differences] of Object.entries(found)) {
          expect({ name, differences }).toEqual({ name, differences: { pyarrow: [], duckdb: [] } });
        }
      });
    });
  });
}

const uri = 'memory://test/file.parquet';

export async function storeOf(bytes: Uint8Array): Promise<{ store: MemoryStore; file: { uri: string; size: number } }> {
  const store = new MemoryStore();
  await store.put(uri, bytes);
  return { store, file: { uri, size: bytes.length } };
}

async function footerOf(bytes: Uint8Array): ReturnType<typeof readFooter> {
  const { store, file } = await storeOf(bytes);
  return readFooter(store, file);
}

/** The values as `toJson` gives them. */
async function readBack(bytes: Uint8Array, columns: readonly FileColumn[]): Promise<unknown[][]> {
  const { store, file } = await storeOf(bytes);
  const result: unknown[][] = [];
  for await (const rows of readRows(store, file)) {
    for (const row of rows) result.push(columns.map(({ name, type }) => toJson(row[name] as Value, type)));
  }
  return result;
}

function expectStats(stats: ColumnStats | undefined, truth: LeafTruth): void {
  expect(stats).toBeDefined();
  expect({ leaf: truth.path, values: stats!.valueCount, nulls: stats!.nullCount }).toEqual({
    leaf: truth.path,
    values: truth.valueCount,
    nulls: truth.nullCount,
  });
  for (const side of ['min', 'max'] as const) {
    const bound = stats![side];
    const wanted = truth.isNested ? undefined : truth[side];
    if (wanted === undefined) expect(bound).toBeUndefined();
    else expect(compareScalars(bound!, wanted)).toBe(0);
  }
}

/** Per row group: exact where marked so, and never inside the range of the values. */
async function expectFooterStatistics(
  bytes: Uint8Array,
  testCase: EncoderCase,
  rows: readonly TestRow[],
): Promise<void> {
  const footer = await footerOf(bytes);
  let from = 0;
  for (const rowGroup of footer.row_groups) {
    const groupRows = rows.slice(from, from + Number(rowGroup.num_rows));
    from += groupRows.length;
    for (const [index, truth] of leafTruths(testCase.columns, groupRows).entries()) {
      const { statistics, num_values, path_in_schema } = rowGroup.columns[index]!.meta_data!;
      expect(path_in_schema.join('.')).toBe(truth.path);
      expect(Number(num_values)).toBe(truth.valueCount);
      expect(Number(statistics!.null_count)).toBe(truth.nullCount);
      expectBound(statistics!.min_value as never, truth.min, statistics!.is_min_value_exact !== false, -1);
      expectBound(statistics!.max_value as never, truth.max, statistics!.is_max_value_exact !== false, 1);
    }
  }
  expect(from).toBe(rows.length);
}

function expectBound(bound: LeafTruth['min'], value: LeafTruth['min'], exact: boolean, side: number): void {
  // A string of 64 bytes and more has no short successor where it is all U+10FFFF.
  if (bound === undefined) {
    expect(value === undefined || (side > 0 && String(value).startsWith('\u{10ffff}'))).toBe(true);
    return;
  }
  if (exact) expect(compareScalars(bound, value!)).toBe(0);
  else {
    expect(Math.sign(compareScalars(bound, value!))).toBe(side);
    expect(asBytes(bound as string).length).toBeLessThanOrEqual(67);
  }
}

const randomText = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 8 }),
  fc.constantFrom('', 'a', 'b', 'alice', '💩', '￿', 'x'.repeat(100)),
);
const randomScalars = {
  boolean: fc.boolean(),
  int: fc.oneof(fc.integer(), fc.integer({ min: 0, max: 9 })),
  long: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -9n, max: 9n })),
  double: fc.oneof(fc.double(), fc.constantFrom(0, -0, 1)),
  string: randomText,
  timestamp: fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }),
};
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 3 });

/** Keys once each: DuckDB refuses maps that repeat one. */
const randomMap = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<[string, T | null][]> =>
  fc.uniqueArray(fc.tuple(randomText, orNull(value)), { maxLength: 4, selector: ([key]) => key });

const randomColumns = fileColumns({
  b: 'boolean',
  i: 'int',
  l: 'long',
  d: 'double',
  s: 'string',
  t: 'timestamp',
  ls: { list: 'string' },
  li: { list: 'int' },
  ms: { map: { key: 'string', value: 'string' } },
  ml: { map: { key: 'string', value: 'long' } },
});

const randomRow = fc.tuple(
  orNull(randomScalars.boolean),
  orNull(randomScalars.int),
  orNull(randomScalars.long),
  orNull(randomScalars.double),
  orNull(randomScalars.string),
  orNull(randomScalars.timestamp),
  orNull(fc.array(orNull(randomScalars.string), { maxLength: 5 })),
  orNull(fc.array(orNull(randomScalars.int), { maxLength: 5 })),
  orNull(randomMap(randomScalars.string)),
  orNull(randomMap(randomScalars.long)),
) as fc.Arbitrary<TestRow>;

const randomCase: fc.Arbitrary<EncoderCase> = fc.array(randomRow, { maxLength: 80 }).chain((rows) =>
  fc.record({
    name: fc.constant('random'),
    columns: fc.constant(randomColumns),
    rows: fc.constant(rows),
    layout: fc.constantFrom('plain', 'dictionary'),
    order: fc.shuffledSubarray(rows.map((_, row) => row)),
    rowGroupRows: fc.integer({ min: 1, max: 50 }),
  }),
);
