/**
 * The reader of columns against the reader of rows: a file that is read into columns and written again holds the same
 * values, whoever wrote it, also without the rows that were to be dropped.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ColumnBatch } from '../../src/columns/batch.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import type { FileColumn } from '../../src/parquet/encoder.ts';
import { allRows } from '../../src/parquet/encoder.ts';
import { ColumnReader } from '../../src/parquet/read/column-reader.ts';
import { type ParquetFile, type Row, readRows } from '../../src/parquet/read/row-reader.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { ColumnarEncoder, ColumnarFileWriter } from '../../src/parquet/write/encoder.ts';
import type { ObjectStore } from '../../src/store/store.ts';
import { storeOf } from '../contract/encoder.ts';
import { collect } from '../support/collect.ts';
import { describeWith, rig } from '../support/rig.ts';
import { fileColumns } from './batches.ts';
import { cases, pseudoRandom, writeCase } from './cases.ts';

interface Place {
  readonly store: ObjectStore;
  readonly file: ParquetFile;
}

const tableOf = (columns: readonly FileColumn[]): KernelTable =>
  new KernelTable(columns.map((column) => ({ ...column, description: '' })));

async function readTable({ store, file }: Place, columns: readonly FileColumn[]): Promise<KernelTable> {
  const table = tableOf(columns);
  const byName = new Map(columns.map((column) => [column.name, column]));
  const reader = await ColumnReader.open(store, file);
  for (const index of reader.rowGroups.keys()) await reader.append(table, index, byName);
  return table;
}

const readColumns = async (place: Place, columns: readonly FileColumn[]): Promise<ColumnBatch> =>
  (await readTable(place, columns)).batch();

async function rowsOf({ store, file }: Place): Promise<Row[]> {
  return (await collect(readRows(store, file))).flat();
}

async function rowsOfBatch(batch: ColumnBatch, columns: readonly FileColumn[]): Promise<Row[]> {
  const optional = columns.map((column) => ({ ...column, required: false }));
  const { chunks } = await new ColumnarEncoder().encode({ columns: optional, batch, rowGroupRows: 1000 });
  return rowsOf(await storeOf(Buffer.concat(chunks)));
}

async function expectSame(place: Place, columns: readonly FileColumn[], name: string): Promise<void> {
  const rows = await rowsOf(place);
  const table = await readTable(place, columns);
  const batch = table.batch();
  expect(await rowsOfBatch(batch, columns), name).toEqual(rows);

  const next = pseudoRandom(rows.length);
  const kept = allRows(rows.length).filter(() => next() < 0.6);
  const some = tableOf(columns);
  some.appendRows(table, kept);
  expect(await rowsOfBatch(some.batch(), columns), `${name}, some dropped`).toEqual([...kept].map((row) => rows[row]));

  const order = allRows(rows.length).reverse();
  const copied = tableOf(columns);
  copied.appendRows(table, order.subarray(0, order.length >> 1));
  copied.appendRows(table, order.subarray(order.length >> 1));
  expect(await rowsOfBatch(copied.batch(), columns), `${name}, copied backwards`).toEqual([...rows].reverse());
  // The memory of a table that is begun anew gives the same columns.
  copied.renew();
  copied.appendRows(table, order);
  expect(await rowsOfBatch(copied.batch(), columns), `${name}, once more`).toEqual([...rows].reverse());
  for (const one of [table, some, copied]) one.release();
}

for (const encoder of [new ColumnarEncoder(), new ParquetJsEncoder()])
  describe(`files of the ${encoder.name} encoder`, () => {
    test.each(cases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
      const { bytes } = await writeCase(encoder, one);
      await expectSame(await storeOf(bytes), one.columns, name);
    });
  });

describeWith(['readers'], 'files that pyarrow and DuckDB wrote', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parquet-'));
    await rig.python('parquet_write.py', [folder]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('come out with the same values, in every codec, encoding and page version', async () => {
    const columns = fileColumns({
      flag: 'boolean',
      port: 'int',
      count: 'long',
      ratio: 'double',
      subject: 'string',
      event_time: 'timestamp',
      roles: { list: 'string' },
      metrics: { map: { key: 'string', value: 'long' } },
    });
    for (const name of await readdir(folder))
      await expectSame(await storeOf(await readFile(join(folder, name))), columns, name);
  });
});

describe('columns of another schema', () => {
  const written = fileColumns({ old: 'string', port: 'int', gone: 'string' });
  const rows = [
    ['a', 1, 'x'],
    ['b', 2, null],
  ];
  const place = async (): Promise<Place> =>
    storeOf((await writeCase(new ColumnarEncoder(), { name: '', columns: written, rows })).bytes);

  test('are found by field id, whatever their names; what the file lacks is null; int becomes long', async () => {
    const [old, port] = written;
    const columns: FileColumn[] = [
      { ...old!, name: 'renamed' },
      { ...port!, type: 'long' },
      { name: 'gone', type: 'string', required: false, id: 99 },
    ];
    expect(await rowsOfBatch(await readColumns(await place(), columns), columns)).toEqual([
      { renamed: 'a', port: 1n, gone: null },
      { renamed: 'b', port: 2n, gone: null },
    ]);
  });

  test('that cannot stand under the one asked for are refused by name', async () => {
    const columns: FileColumn[] = [{ ...written[0]!, type: 'long' }];
    await expect(readColumns(await place(), columns)).rejects.toThrow(/column old of .*file\.parquet.*long/s);
  });
});

describe('ColumnarFileWriter', () => {
  test('gives the bytes that the encoder gives, whether the rows come at once or row group by row group', async () => {
    const one = cases.find(({ rows, columns }) => rows.length > 500 && columns.length > 3)!;
    const { columns } = one;
    const table = await readTable(await storeOf((await writeCase(new ColumnarEncoder(), one)).bytes), columns);
    const batch = table.batch();
    const options = { columns, rowGroupRows: 100 };
    const whole = await new ColumnarEncoder().encode({ ...options, batch });
    const writer = new ColumnarFileWriter(options);
    for (let row = 0; row < batch.rows; row += 100) {
      const rows = Uint32Array.from({ length: Math.min(100, batch.rows - row) }, (_, i) => row + i);
      const part = tableOf(columns);
      part.appendRows(table, rows);
      await writer.add(row % 200 === 0 ? batch : part.batch(), row % 200 === 0 ? rows : undefined);
    }
    const parts = await writer.finish();
    expect(Buffer.concat(parts.chunks).equals(Buffer.concat(whole.chunks))).toBe(true);
    expect(parts.columns).toEqual(whole.columns);
  });
});
