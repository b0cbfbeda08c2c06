/**
 * What every encoder must be able to write, and what readers must find in the file: `writeCase` gives both, so that
 * any engine can be asked for the values of a file and compared.
 */
import type { ColumnType, Scalar, Value } from '../../src/columns/types.ts';
import type { EncodedFile, EncodeInput, FileColumn, ParquetEncoder } from '../../src/parquet/encoder.ts';
import { batchOf, fileColumns, type StringLayout, type TestRow } from './batches.ts';

export interface EncoderCase {
  readonly name: string;
  readonly columns: readonly FileColumn[];
  readonly rows: readonly TestRow[];
  readonly layout?: StringLayout;
  readonly order?: readonly number[];
  readonly rowGroupRows?: number;
  readonly sortedBy?: readonly string[];
  readonly bloomColumns?: readonly string[];
}

/** Values as JSON: see `toJson`. Rows are in the order of the file. */
export interface ExpectedFile {
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[];
  readonly rows: readonly unknown[][];
}

export interface WrittenCase {
  readonly file: EncodedFile;
  readonly bytes: Buffer;
  readonly fileRows: readonly TestRow[];
  readonly expected: ExpectedFile;
}

export async function writeCase(encoder: ParquetEncoder, testCase: EncoderCase): Promise<WrittenCase> {
  const { columns, rows, order } = testCase;
  const file = await encoder.encode(inputOf(testCase));
  const fileRows = order === undefined ? rows : order.map((row) => rows[row]!);
  const expected: ExpectedFile = {
    columns: columns.map(({ name, type }) => ({ name, type })),
    rows: fileRows.map((row) => columns.map(({ type }, index) => toJson(row[index] ?? null, type))),
  };
  return { file, bytes: Buffer.concat(file.chunks), fileRows, expected };
}

export function inputOf({ columns, rows, layout, order, ...rest }: EncoderCase): EncodeInput {
  return {
    columns,
    batch: batchOf(columns, rows, layout),
    rowGroupRows: rest.rowGroupRows ?? 100_000,
    ...(order && { order: Uint32Array.from(order) }),
    ...(rest.sortedBy && { sortedBy: rest.sortedBy }),
    ...(rest.bloomColumns && { bloomColumns: rest.bloomColumns }),
  };
}

/** long and timestamp (microseconds) as decimal digits, double as the hex of its bits (any NaN as `nan`). */
export function toJson(value: Value, type: ColumnType): unknown {
  if (value === null) return null;
  if (type === 'long' || type === 'timestamp') return String(value);
  if (type === 'double') return doubleBits(value as number);
  if (typeof type === 'string') return value;
  if ('list' in type) return (value as (Scalar | null)[]).map((item) => toJson(item, type.list));
  return (value as [string, Scalar | null][]).map(([key, item]) => [key, toJson(item, type.map.value)]);
}

function doubleBits(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
}

const allTypes: Record<string, ColumnType> = {
  flag: 'boolean',
  port: 'int',
  count: 'long',
  ratio: 'double',
  subject: 'string',
  event_time: 'timestamp',
  flags: { list: 'boolean' },
  ports: { list: 'int' },
  counts: { list: 'long' },
  ratios: { list: 'double' },
  roles: { list: 'string' },
  times: { list: 'timestamp' },
  labels: { map: { key: 'string', value: 'string' } },
  metrics: { map: { key: 'string', value: 'long' } },
  switches: { map: { key: 'string', value: 'boolean' } },
  levels: { map: { key: 'string', value: 'int' } },
  shares: { map: { key: 'string', value: 'double' } },
  seen: { map: { key: 'string', value: 'timestamp' } },
};

const newYear9999 = 253_370_764_800_000_000n;

/** Every column type with values, nulls, and empty and null lists and maps. */
export const everyType: EncoderCase = {
  name: 'every type',
  columns: fileColumns(allTypes),
  rows: [
    [
      true, 443, 9_007_199_254_740_993n, 0.5, 'alice', 1_700_000_000_123_456n,
      [true, null, false], [1, null, -1], [null, 2n ** 62n], [1.5, null], ['admin', null, ''], [0n, null, -1n],
      [['env', 'prod'], ['zone', null]], [['ns', 123n], ['z', null]], [['on', true], ['off', false]], [['a', -5]],
      [['half', 0.5], ['none', null]], [['first', 1n]],
    ],
    Object.keys(allTypes).map(() => null),
    [
      false, -2_147_483_648, -(2n ** 63n), -0, '', -62_135_596_800_000_000n,
      [], [], [], [], [], [],
      [], [], [], [], [], [],
    ],
    [
      null, 2_147_483_647, 2n ** 63n - 1n, Number.POSITIVE_INFINITY, 'zoë 💩', newYear9999,
      [null], [null], [null], [null], [null], [null],
      [['', '']], [['', null]], [['x', null]], [['y', null]], [['z', null]], [['w', null]],
    ],
  ] as TestRow[], // biome-ignore format: one line a group of columns
};

const scalars = fileColumns({ b: 'boolean', i: 'int', l: 'long', d: 'double', s: 'string', t: 'timestamp' });

/** Numbers that look random and are the same in every run. */
export function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

function scalarRows(count: number, nullShare: number): TestRow[] {
  const random = pseudoRandom(count);
  const unless = <T>(value: T): T | null => (random() < nullShare ? null : value);
  return Array.from({ length: count }, (_, row) => [
    unless(random() < 0.3),
    unless(Math.floor(random() * 50)),
    unless(BigInt(row) * 1_000_003n - 7n),
    unless(Math.round(random() * 8) / 4),
    unless(`subject-${Math.floor(random() * 20)}`),
    unless(1_700_000_000_000_000n + BigInt(row * 1000) + BigInt(Math.floor(random() * 900))),
  ]);
}

const oneString = fileColumns({ s: 'string' });
const strings = (values: readonly (string | null)[]): TestRow[] => values.map((value) => [value]);

/** U+FFFD sorts after astral characters in UTF-16 code units, and before them in UTF-8 and code points. */
const oddStrings = [
  '�', '💩', '', '\u0000', 'a\u0000b', '﻿marked', 'é', 'é', 'zz', '𐀀', '', '"\\\n\t', '퟿', '',
  'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(65), `${'a'.repeat(63)}é`, `${'a'.repeat(62)}💩`, '􏿿'.repeat(40),
]; // biome-ignore format: short values

function distinctRows(count: number): TestRow[] {
  const random = pseudoRandom(7);
  const hex = (): string =>
    Math.floor(random() * 4_294_967_296)
      .toString(16)
      .padStart(8, '0');
  return Array.from({ length: count }, (_, row) => [
    `${hex()}-${hex()}`,
    BigInt(Math.floor(random() * 2 ** 50)),
    random() < 0.2 ? null : `2024-05-06T07:${String(row % 60).padStart(2, '0')}:00.${hex()}Z`,
    Math.floor(random() * 2 ** 32) - 2 ** 31,
    random(),
  ]);
}

function listRows(count: number): TestRow[] {
  const random = pseudoRandom(11);
  const size = (): number => Math.floor(random() * 4);
  return Array.from({ length: count }, (_, row) => [
    random() < 0.2 ? null : Array.from({ length: size() }, () => (random() < 0.1 ? null : `role-${size()}`)),
    random() < 0.2 ? null : Array.from({ length: size() }, (_, at) => [`k${at}`, random() < 0.1 ? null : BigInt(row)]),
  ]) as TestRow[];
}

/** A column of every encoding; rows 20,000 to 42,000, among them a whole page, are null. */
const gaps = fileColumns({
  n: 'long',
  i: 'int',
  id: 'string',
  at: 'string',
  d: 'double',
  b: 'boolean',
  c: 'string',
  ids: { list: 'string' },
  counts: { map: { key: 'string', value: 'long' } },
});

function rowsWithGap(count: number): TestRow[] {
  const random = pseudoRandom(13);
  return Array.from({ length: count }, (_, row): TestRow => {
    if (row >= 20_000 && row < 42_000) return gaps.map(() => null);
    const id = `${Math.floor(random() * 2 ** 32)}-${row}`;
    return [
      BigInt(row) * 3n,
      row * 7,
      id,
      `2024-05-06T07:08:09.${String(row).padStart(9, '0')}Z`,
      random(),
      random() < 0.5,
      `subject-${row % 20}`,
      [id, null],
      [[id, BigInt(row)]],
    ];
  });
}

const permutation = (count: number): number[] => {
  const random = pseudoRandom(count + 1);
  const rows = Array.from({ length: count }, (_, row) => row);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  return rows;
};

const spread = fileColumns({ id: 'string', n: 'long', at: 'string', i: 'int', d: 'double' });
const nested = fileColumns({ roles: { list: 'string' }, metrics: { map: { key: 'string', value: 'long' } } });

export const cases: readonly EncoderCase[] = [
  everyType,
  { ...everyType, name: 'every type with dictionaries', layout: 'dictionary' },
  { ...everyType, name: 'no rows', rows: [] },
  { ...everyType, name: 'one row', rows: everyType.rows.slice(0, 1) },
  { ...everyType, name: 'only nulls', rows: [everyType.rows[1]!, everyType.rows[1]!, everyType.rows[1]!] },
  { ...everyType, name: 'a row group a row', rowGroupRows: 1 },
  { name: 'no nulls', columns: scalars, rows: scalarRows(3000, 0) },
  { name: 'some nulls', columns: scalars, rows: scalarRows(3000, 0.4) },
  { name: 'few values', columns: scalars, rows: scalarRows(3000, 0.99) },
  {
    name: 'required columns',
    columns: scalars.map((column) => ({ ...column, required: true })),
    rows: scalarRows(500, 0),
  },
  {
    name: 'required lists and maps',
    columns: everyType.columns.map((column) => ({ ...column, required: true })),
    rows: [everyType.rows[0]!, everyType.rows[2]!, everyType.rows[0]!],
  },
  { name: 'odd strings, plain', columns: oneString, rows: strings([null, ...oddStrings, null]) },
  { name: 'odd strings, dictionary', columns: oneString, rows: strings([null, ...oddStrings]), layout: 'dictionary' },
  { name: 'long strings', columns: oneString, rows: strings(['x'.repeat(3 << 20), null, 'é'.repeat(70_000), '']) },
  {
    name: 'integers at the ends of their ranges',
    columns: fileColumns({ i: 'int', l: 'long' }),
    rows: Array.from({ length: 400 }, (_, row) =>
      row % 2 === 0
        ? [2_147_483_647 - row, 2n ** 63n - 1n - BigInt(row)]
        : [-2_147_483_648 + row, -(2n ** 63n) + BigInt(row)],
    ),
  },
  {
    name: 'integers near the upper end',
    columns: fileColumns({ i: 'int', l: 'long' }),
    rows: Array.from({ length: 400 }, (_, row) => [2_147_483_647 - row * 3, 2n ** 63n - 1n - BigInt(row) ** 5n]),
  },
  {
    name: 'odd doubles',
    columns: fileColumns({ d: 'double' }),
    rows: [
      Number.NaN,
      -0,
      0,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      5e-324,
      1.7976931348623157e308,
      null,
    ].map((value) => [value]),
  },
  { name: 'only NaN', columns: fileColumns({ d: 'double' }), rows: [[Number.NaN], [Number.NaN]] },
  { name: 'only zeros', columns: fileColumns({ d: 'double' }), rows: [[-0], [0], [-0]] },
  { name: 'a permutation', columns: scalars, rows: scalarRows(3000, 0.2), order: permutation(3000), rowGroupRows: 700 },
  {
    name: 'a subset with repeats',
    columns: scalars,
    rows: scalarRows(3000, 0.2),
    order: [...permutation(3000).slice(0, 1000), 5, 5, 5],
    layout: 'dictionary',
  },
  { name: 'an empty subset', columns: scalars, rows: scalarRows(10, 0.2), order: [] },
  { name: 'many pages', columns: scalars, rows: scalarRows(50_000, 0.1), layout: 'dictionary' },
  { name: 'many pages and row groups', columns: scalars, rows: scalarRows(50_000, 0.1), rowGroupRows: 30_000 },
  {
    name: 'more distinct values than a dictionary holds',
    columns: spread,
    rows: distinctRows(70_000),
    layout: 'dictionary',
    bloomColumns: ['id', 'n', 'i'],
  },
  {
    name: 'distinct plain values in another order',
    columns: spread,
    rows: distinctRows(30_000),
    order: permutation(30_000),
  },
  { name: 'a page of nulls between pages of values', columns: gaps, rows: rowsWithGap(45_000) },
  { name: 'lists and maps over many pages', columns: nested, rows: listRows(45_000) },
  {
    name: 'lists and maps in another order',
    columns: nested,
    rows: listRows(5000),
    order: permutation(5000),
    layout: 'dictionary',
    rowGroupRows: 2000,
  },
  {
    name: 'sorted times',
    columns: fileColumns({ t: 'timestamp', text: 'string' }),
    rows: Array.from({ length: 25_000 }, (_, row) => {
      const micros = 1_700_000_000_000_000n + BigInt(row) * 123_457n;
      return [micros, new Date(Number(micros / 1000n)).toISOString()];
    }),
    sortedBy: ['t'],
  },
];
