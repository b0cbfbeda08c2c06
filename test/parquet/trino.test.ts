/** Trino (and so Athena) reads every type and encoding of our files. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { type ColumnType, isScalar, type ScalarType } from '../../src/columns/types.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';
import { cases, writeCase } from './cases.ts';

const read = [
  'every type',
  'every type with dictionaries',
  'a row group a row',
  'only nulls',
  'some nulls',
  'required lists and maps',
  'odd strings, plain',
  'odd strings, dictionary',
  'integers at the ends of their ranges',
  'integers near the upper end',
  'odd doubles',
  'many pages and row groups',
  'more distinct values than a dictionary holds',
  'lists and maps in another order',
  'lists and maps over many pages',
  'sorted times',
];

describeWith(['s3', 'glue', 'trino'], 'as Trino reads it', () => {
  let trino: TrinoClient;
  let bucket: string;
  let database: string;
  let s3: S3Client;
  let tables = 0;

  beforeAll(async () => {
    const storage = await rig.s3();
    ({ bucket } = storage);
    ({ database } = await rig.glue());
    trino = await rig.trino();
    s3 = new S3Client({ endpoint: storage.endpoint, region: storage.region, forcePathStyle: true });
    await trino.query(`CREATE SCHEMA awsdatacatalog.${database} WITH (location = 's3://${bucket}/')`);
  });

  /** An external table over one file. */
  async function tableOf(bytes: Uint8Array, columns: readonly { name: string; type: ColumnType }[]): Promise<string> {
    const name = `t${tables++}`;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${name}/file.parquet`, Body: bytes }));
    const types = columns.map((column) => `"${column.name}" ${trinoType(column.type)}`).join(', ');
    const table = `awsdatacatalog.${database}.${name}`;
    const options = `external_location = 's3://${bucket}/${name}/', format = 'PARQUET'`;
    await trino.query(`CREATE TABLE ${table} (${types}) WITH (${options})`);
    return table;
  }

  test.each(read)('%s', async (name) => {
    const testCase = cases.find((candidate) => candidate.name === name)!;
    for (const encoder of [new ColumnarEncoder(), new ParquetJsEncoder()]) {
      if (encoder instanceof ParquetJsEncoder && testCase.rows.length > 1000) continue;
      const { bytes, expected } = await writeCase(encoder, testCase);
      const table = await tableOf(bytes, testCase.columns);
      const select = testCase.columns.map((column) => asJson(`"${column.name}"`, column.type)).join(', ');
      const { rows } = await trino.query(`SELECT ${select} FROM ${table}`);
      const wanted = expected.rows.map((row) =>
        row.map((value, index) => inMilliseconds(value, testCase.columns[index]!.type)),
      );
      expect(sorted(rows)).toEqual(sorted(wanted));
    }
  });
});

const sorted = (rows: readonly (readonly unknown[])[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

const trinoTypes: Record<ScalarType, string> = {
  boolean: 'boolean',
  int: 'integer',
  long: 'bigint',
  double: 'double',
  string: 'varchar',
  timestamp: 'timestamp',
};

function trinoType(type: ColumnType): string {
  if (isScalar(type)) return trinoTypes[type];
  return 'list' in type ? `array(${trinoTypes[type.list]})` : `map(varchar, ${trinoTypes[type.map.value]})`;
}

/** The value as toJson of cases.ts gives it. */
function asJson(value: string, type: ColumnType): string {
  if (type === 'long') return `CAST(${value} AS varchar)`;
  if (type === 'timestamp')
    return `CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', ${value}) AS varchar)`;
  if (type === 'double') return `IF(is_nan(${value}), 'nan', lower(to_hex(to_ieee754_64(${value}))))`;
  if (isScalar(type)) return value;
  if ('list' in type) return `transform(${value}, x -> ${asJson('x', type.list)})`;
  return `transform(map_entries(${value}), x -> ROW(x[1], ${asJson('x[2]', type.map.value)}))`;
}

/** The Hive connector rounds timestamps to milliseconds. */
function inMilliseconds(value: unknown, type: ColumnType): unknown {
  if (value === null) return null;
  if (type === 'timestamp')
    return String((BigInt(value as string) + 62_135_596_800_000_500n) / 1000n - 62_135_596_800_000n);
  if (isScalar(type)) return value;
  if ('list' in type) return (value as unknown[]).map((item) => inMilliseconds(item, type.list));
  return (value as [string, unknown][]).map(([key, item]) => [key, inMilliseconds(item, type.map.value)]);
}
