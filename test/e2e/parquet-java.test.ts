/**
 * parquet-java, which Spark and most of the Java world read with, finds the values that were written, and prunes by all
 * that our files offer: statistics, dictionaries, bloom filters and, as no other engine here does, the page index.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ColumnType, Value } from '../../src/columns/types.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import { fileColumns, type TestRow } from '../parquet/batches.ts';
import { cases, pseudoRandom, toJson, writeCase } from '../parquet/cases.ts';
import { describeWith, rig } from '../support/rig.ts';

const groupRows = 60_000;
const pageRows = 20_000;

const types = {
  n: 'long',
  s: 'string',
  c: 'string',
  k: 'int',
  id: 'string',
  m: 'long',
  z: 'long',
  b: 'boolean',
  t: 'timestamp',
  roles: { list: 'string' },
  metrics: { map: { key: 'string', value: 'long' } },
} as const satisfies Record<string, ColumnType>;

type Row = { readonly [name in keyof typeof types]: Value };

/** Bounds are cut after the fourth of the eight digits. */
const text = (row: number): string =>
  `${'https://pdp.example/v1/data/'.padEnd(60, 'x')}${String(row).padStart(8, '0')}`;
const start = 1_700_000_000_123_456n;

/** Two row groups, sorted by n (and s, c, t), whose columns have their pages end at different rows. */
const sorted: readonly Row[] = (() => {
  const random = pseudoRandom(5);
  const hex = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return Array.from({ length: 2 * groupRows }, (_, row) => ({
    n: BigInt(row) * 3n,
    s: text(row),
    c: `region-${String(Math.floor(row / 5000)).padStart(2, '0')}`,
    k: Math.floor(random() * 50) * 2,
    id: `${hex()}${hex()}`,
    m: BigInt(Math.floor(random() * 2 ** 52)),
    z: row % groupRows < 25_000 || row % 10 === 0 ? null : BigInt(row),
    b: random() < 0.5,
    t: start + BigInt(row) * 1_000_003n,
    roles: row % 5 === 0 ? null : Array.from({ length: row % 4 }, (_, at) => (at === 2 ? null : `${row} ${text(at)}`)),
    metrics: row % 7 === 0 ? null : Array.from({ length: row % 3 }, (_, at) => [`k${at}`, BigInt(row)] as const),
  }));
})();
const mid = sorted[77_777]!;

const all = Object.keys(types) as (keyof Row)[];
const off = (what: string): Record<string, string> => ({ [`parquet.filter.${what}.enabled`]: 'false' });

interface Query {
  readonly where: string;
  readonly finds: (row: Row) => boolean;
  /** Rows that the reader may hand on to the filter: [at least, at most]. */
  readonly scanned: readonly [number, number];
  readonly options?: Readonly<Record<string, string>>;
  readonly columns?: readonly (keyof Row)[];
}

const narrow = (row: Row): boolean => (row.n as bigint) >= 190_000n && (row.n as bigint) < 190_900n;

const queries: Readonly<Record<string, Query>> = {
  'a narrow range of the sort key reads the pages it lies in': {
    where: 'n >= 190000 AND n < 190900',
    finds: narrow,
    scanned: [300, pageRows],
  },
  'without the page index the same range reads a row group': {
    where: 'n >= 190000 AND n < 190900',
    finds: narrow,
    scanned: [groupRows, groupRows],
    options: off('columnindex'),
  },
  'without statistics and page index it reads the file': {
    where: 'n >= 190000 AND n < 190900',
    finds: narrow,
    scanned: [2 * groupRows, 2 * groupRows],
    options: { ...off('columnindex'), ...off('stats'), ...off('dictionary') },
  },
  'columns alone, in another order': {
    where: 'n >= 190000 AND n < 190900',
    finds: narrow,
    scanned: [300, pageRows],
    columns: ['metrics', 'b', 'roles'],
  },
  'a range across row groups': {
    where: `n >= ${(groupRows - 50) * 3} AND n < ${(groupRows + 50) * 3}`,
    finds: (row) => (row.n as bigint) >= (groupRows - 50) * 3 && (row.n as bigint) < (groupRows + 50) * 3,
    scanned: [100, 2 * pageRows],
  },
  'a value between those of the sort key': { where: 'n = 190001', finds: () => false, scanned: [0, pageRows] },
  'values far apart read a page each': {
    where: 'n IN (3, 359997)',
    finds: (row) => row.n === 3n || row.n === 359_997n,
    scanned: [2, 2 * pageRows],
  },
  'a string by bounds that are cut': { where: `s = '${mid.s}'`, finds: (row) => row === mid, scanned: [1, 30_000] },
  // Greater than the bounds of their row groups and pages would be if they were cut and nothing more.
  'the last strings of row groups': {
    where: `s IN ('${text(groupRows - 1)}', '${text(2 * groupRows - 1)}')`,
    finds: (row) => row.n === BigInt(groupRows - 1) * 3n || row.n === BigInt(2 * groupRows - 1) * 3n,
    scanned: [2, 60_000],
  },
  'a range of strings by bounds that are cut': {
    where: `s > '${text(groupRows - 10)}' AND s <= '${text(groupRows + 10)}'`,
    finds: (row) => (row.s as string) > text(groupRows - 10) && (row.s as string) <= text(groupRows + 10),
    scanned: [20, 45_000],
  },
  'a prefix as long as the bounds': {
    where: `s LIKE '${text(30_000).slice(0, 65)}%' AND n < 90300`,
    finds: (row) => (row.s as string).startsWith(text(30_000).slice(0, 65)) && (row.n as bigint) < 90_300n,
    scanned: [100, 30_000],
  },
  'a string after all others': { where: `s > '${text(119_999)}'`, finds: () => false, scanned: [0, 20_000] },
  'a string of a dictionary': {
    where: "c = 'region-13' AND b AND n < 196000",
    finds: (row) => row.c === 'region-13' && row.b === true && (row.n as bigint) < 196_000n,
    scanned: [100, pageRows],
  },
  'rows of pages that are all null': {
    where: 'z IS NULL AND n >= 180000 AND n < 180600',
    finds: (row) => row.z === null && (row.n as bigint) >= 180_000n && (row.n as bigint) < 180_600n,
    scanned: [200, pageRows],
  },
  'a column with pages that are all null': {
    where: 'z >= 30000 AND z < 30100',
    finds: (row) => row.z !== null && (row.z as bigint) >= 30_000n && (row.z as bigint) < 30_100n,
    scanned: [90, pageRows],
  },
  'what is not null': {
    where: 'z IS NOT NULL AND n < 75300',
    finds: (row) => row.z !== null && (row.n as bigint) < 75_300n,
    scanned: [90, 2 * pageRows],
  },
  'either of two columns': {
    where: `n = 30 OR s = '${mid.s}'`,
    finds: (row) => row.n === 30n || row === mid,
    scanned: [2, 50_000],
  },
  'a number that no dictionary has': { where: 'k = 51', finds: () => false, scanned: [0, 0] },
  'the same without looking into dictionaries': {
    where: 'k = 51',
    finds: () => false,
    scanned: [2 * groupRows, 2 * groupRows],
    options: off('dictionary'),
  },
  'a string that bloom filters find in one row group': {
    where: `id = '${mid.id}'`,
    finds: (row) => row === mid,
    scanned: [groupRows, groupRows],
  },
  'the same without bloom filters': {
    where: `id = '${mid.id}'`,
    finds: (row) => row === mid,
    scanned: [2 * groupRows, 2 * groupRows],
    options: off('bloom'),
  },
  'a number that bloom filters find in one row group': {
    where: `m = ${mid.m}`,
    finds: (row) => row.m === mid.m,
    scanned: [groupRows, groupRows],
  },
  // Spark's own reader excludes nothing by times without zone; Iceberg's does.
  'a range of times, to the microsecond': {
    where: `t >= TIMESTAMP_NTZ '2023-11-14 22:13:20.123456' AND t < TIMESTAMP_NTZ '2023-11-14 22:13:23.123465'`,
    finds: (row) => (row.t as bigint) < start + 3n * 1_000_003n,
    scanned: [3, 2 * groupRows],
  },
  'a string that is in no bloom filter': { where: "id = 'abcdef'", finds: () => false, scanned: [0, 0] },
};

describeWith(['spark'], 'as parquet-java reads it', () => {
  let folder: string;
  let values: Record<string, unknown>;
  let answers: Map<string, { readonly rows: unknown[][]; readonly scanned: number }>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parquet-java-'));
    for (const encoder of [new ColumnarEncoder(), new ParquetJsEncoder()]) {
      for (const testCase of cases) {
        if (encoder instanceof ParquetJsEncoder && testCase.rows.length > 5000) continue;
        const { bytes, expected } = await writeCase(encoder, testCase);
        const name = join(folder, `${encoder.name} ${testCase.name}`.replaceAll(/\W+/g, '-'));
        await writeFile(`${name}.parquet`, bytes);
        await writeFile(`${name}.json`, JSON.stringify(expected));
      }
    }
    const file = join(folder, 'sorted');
    const rows = sorted.map((row): TestRow => all.map((name) => row[name]));
    const { bytes } = await writeCase(new ColumnarEncoder(), {
      name: 'sorted',
      columns: fileColumns(types),
      rows,
      rowGroupRows: groupRows,
      sortedBy: ['n'],
      bloomColumns: ['id', 'm'],
    });
    await writeFile(file, bytes);
    const asked = [true, false].flatMap((vectorized) =>
      Object.entries(queries).map(([name, { where, options = {}, columns = all }]) => ({
        name: `${name} ${vectorized}`,
        query: {
          file,
          where,
          options,
          vectorized,
          columns: columns.map((column) => ({ name: column, type: types[column] })),
        },
      })),
    );
    const output = await rig.spark('parquet_spark.py', [folder], JSON.stringify(asked.map(({ query }) => query)));
    const found = JSON.parse(output);
    values = found.values;
    answers = new Map(asked.map(({ name }, index) => [name, found.answers[index]]));
  }, 600_000);
  afterAll(() => rm(folder, { recursive: true }));

  test('every case of both encoders has the values that were written, read vectorized and by row', () => {
    expect(Object.keys(values).length).toBeGreaterThan(cases.length * 1.5);
    for (const [name, differences] of Object.entries(values)) {
      expect({ name, differences }).toEqual({ name, differences: { vectorized: [], 'by row': [] } });
    }
  });

  test.each(Object.keys(queries))('%s', (name) => {
    const { finds, scanned, columns = all } = queries[name]!;
    const expected = sorted.filter(finds).map((row) => columns.map((column) => toJson(row[column], types[column])));
    for (const vectorized of [true, false]) {
      const answer = answers.get(`${name} ${vectorized}`)!;
      expect(answer.rows).toEqual(expected);
      expect(answer.scanned).toBeGreaterThanOrEqual(scanned[0]);
      expect(answer.scanned).toBeLessThanOrEqual(scanned[1]);
    }
  });
});
