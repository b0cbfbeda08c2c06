/** Footers taken apart and put together again, of our own files and of another writer's. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { parquetMetadata } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KernelTable } from '../../src/kernel/table.ts';
import type { FileColumn } from '../../src/parquet/encoder.ts';
import { readStruct, ThriftList, ThriftType, writeStruct } from '../../src/parquet/format/thrift-tree.ts';
import { FooterParts } from '../../src/parquet/read/footer-parts.ts';
import { constantFile } from '../../src/parquet/write/constant-file.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';

const folder = mkdtempSync(join(tmpdir(), 'aw-footer-'));
let connection: DuckDBConnection;
let close: () => void;
const files: Record<string, Buffer> = {};

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  const theirs = join(folder, 'theirs.parquet');
  await connection.run(`COPY (SELECT i AS n, 'text' || i % 10 AS text, -i::INTEGER AS small, i % 2 = 0 AS flag, [i] AS list,
    TIMESTAMP '1969-12-31' + to_seconds(i) AS at, CASE WHEN i < 5000 THEN NULL ELSE i END AS late FROM range(10000) t(i))
    TO '${theirs}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
  files.theirs = readFileSync(theirs);
  files.ours = await ours();
});

afterAll(() => {
  close();
  rmSync(folder, { recursive: true });
});

async function ours(): Promise<Buffer> {
  const columns: FileColumn[] = [
    { name: 'n', type: 'long', id: 1, required: false },
    { name: 'text', type: 'string', id: 2, required: false },
    { name: 'flag', type: 'boolean', id: 3, required: false },
  ];
  const buffer = new KernelTable(columns.map(({ name, type }) => ({ name, type, description: name })));
  for (let i = 0; i < 3000; i++) buffer.append([BigInt(i), `text${i % 10}`, i % 2 === 0]);
  const { chunks } = await new ColumnarEncoder().encode({
    columns,
    batch: buffer.batch(),
    sortedBy: ['n'],
    rowGroupRows: 1000,
    bloomColumns: ['n'],
  });
  buffer.release();
  return Buffer.concat(chunks);
}

function metadataOf(bytes: Buffer): Uint8Array {
  const end = bytes.length - 8;
  return bytes.subarray(end - bytes.readUInt32LE(end), end);
}

const partsOf = (name: string): FooterParts => new FooterParts(metadataOf(files[name]!));
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

describe.each(['ours', 'theirs'])('a footer of %s', (name) => {
  it('is written as it was read', () => {
    const metadata = metadataOf(files[name]!);
    expect(Buffer.from(writeStruct(readStruct(metadata).struct)).equals(metadata)).toBe(true);
  });

  it('of some row groups says the same of them, but for indexes and bloom filters', () => {
    const whole = parquetMetadata(buffer(files[name]!));
    const some = parquetMetadata(buffer(partsOf(name).subset([0, 2])));
    expect(some.schema).toEqual(whole.schema);
    expect(some.num_rows).toBe(whole.row_groups[0]!.num_rows + whole.row_groups[2]!.num_rows);
    const plain = (group: (typeof whole.row_groups)[number]) => ({
      ...group,
      columns: group.columns.map((column) => {
        const {
          column_index_offset: _,
          column_index_length: __,
          offset_index_offset: ___,
          offset_index_length: ____,
          ...rest
        } = column;
        const { bloom_filter_offset: _____, bloom_filter_length: ______, ...metadata } = rest.meta_data!;
        return { ...rest, meta_data: metadata };
      }),
    });
    expect(some.row_groups.map(plain)).toEqual([plain(whole.row_groups[0]!), plain(whole.row_groups[2]!)]);
    expect(some.row_groups[0]!.columns.every(({ meta_data: data }) => data!.bloom_filter_offset === undefined)).toBe(
      true,
    );
  });

  it('tells the bounds of values', () => {
    const parts = partsOf(name);
    const column = [...parts.columns.values()].find((one) => one.name === 'n')!;
    const rows = parts.rowGroups.map((group) => group.rows);
    expect(parts.bounds(1, column)).toEqual({
      rows: rows[1],
      nulls: 0,
      least: BigInt(rows[0]!),
      greatest: BigInt(rows[0]! + rows[1]! - 1),
    });
    const text = parts.bounds(0, [...parts.columns.values()].find((one) => one.name === 'text')!)!;
    expect([text.least, text.greatest].map(String)).toEqual(['text0', 'text9']);
  });

  it('shows DuckDB the chunks that are there, and DuckDB fails at any other', async () => {
    const bytes = files[name]!;
    const parts = partsOf(name);
    const start = bytes.length - 8 - metadataOf(bytes).length;
    const copy = Buffer.alloc(start);
    copy.write('PAR1');
    for (const group of [0, 2])
      for (const { column, range } of parts.rowGroups[group]!.chunks)
        if (column === 'n' || (column === 'text' && group === 0)) bytes.copy(copy, range.start, range.start, range.end);
    const path = join(folder, `${name}-copy.parquet`);
    writeFileSync(path, Buffer.concat([copy, parts.subset([0, 2])]));
    const sums = (await connection.runAndReadAll(`SELECT count(*), sum(n) FROM '${path}'`)).getRows();
    const rows = parts.rowGroups.map((group) => group.rows);
    const numbers = [...Array(rows[0]).keys(), ...Array.from({ length: rows[2]! }, (_, i) => rows[0]! + rows[1]! + i)];
    expect(sums.map((row) => row.map(Number))).toEqual([[numbers.length, numbers.reduce((sum, n) => sum + n, 0)]]);
    for (const what of ['count(DISTINCT text)', 'max(length(text))', 'count(DISTINCT flag)'])
      await expect(connection.runAndReadAll(`SELECT ${what} FROM '${path}'`), what).rejects.toThrow(
        /TProtocolException/,
      );
  });
});

describe('a file of one text', () => {
  it.each([1, 2048, 5_000_000, 2_000_000_000])('of %i rows is read as such', async (rows) => {
    const bytes = constantFile('day', '2023-07-11', rows);
    expect(bytes.length).toBeLessThan(300);
    const path = join(folder, `constant-${rows}.parquet`);
    writeFileSync(path, bytes);
    const counted = await connection.runAndReadAll(`SELECT count(*) FROM '${path}'`);
    expect(counted.getRows().map((row) => row.map(Number))).toEqual([[rows]]);
    if (rows > 5_000_000) return;
    const shown = await connection.runAndReadAll(
      `SELECT day, count(*), max(file_row_number) FROM read_parquet('${path}', file_row_number = true) GROUP BY day`,
    );
    expect(shown.getRows().map((row) => row.map(String))).toEqual([['2023-07-11', String(rows), String(rows - 1)]]);
  });
});

describe('a struct', () => {
  it('keeps numbers of any size, booleans, doubles and far field ids', () => {
    const fields = [
      { id: 1, type: ThriftType.i64, value: -(2n ** 63n) },
      { id: 2, type: ThriftType.i64, value: 2n ** 63n - 1n },
      { id: 3, type: ThriftType.i32, value: -1 },
      { id: 4, type: ThriftType.true, value: true },
      { id: 40, type: ThriftType.double, value: Buffer.from('0102030405060708', 'hex') },
      { id: 41, type: ThriftType.list, value: new ThriftList(ThriftType.true, [1, 2, 1]) },
      { id: 300, type: ThriftType.i64, value: Number.MAX_SAFE_INTEGER },
    ];
    expect(readStruct(writeStruct(fields)).struct).toEqual(fields);
  });

  it.each([
    ['ends early', '15'],
    ['is not closed', '1501'],
    ['has a list that is longer than the file', '19fcffffffff0f'],
    ['has a text that is longer than the file', '18ffffffff0f'],
    ['nests without an end', '1c'.repeat(64)],
    ['has a map', '1b00'],
  ])('that %s is refused', (_what, hex) => {
    expect(() => readStruct(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  });
});
