/**
 * Trino's Iceberg connector, which Athena's is a relative of, reads every value of the files in our tables to the
 * microsecond, and leaves out the row groups that statistics, dictionaries and bloom filters exclude.
 *
 * It reads files under 3 MB as a whole and closes gaps under 1 MB, so pruning is shown on a file with row groups of 3 MB.
 */
import { createCipheriv } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { GlueCatalog } from '../../src/catalog/glue/catalog.ts';
import { type ColumnDeclaration, type ColumnType, isScalar, type Value } from '../../src/columns/types.ts';
import { type CommitContext, commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { dayFilesRequest, storeDataFile } from '../../src/iceberg/write.ts';
import { dayFiles } from '../../src/parquet/write/day-files.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import { S3Store } from '../../src/store/s3.ts';
import { partitionColumn, type TableDeclaration } from '../../src/tables/declaration.ts';
import { batchOf, fileColumns, type StringLayout, type TestRow } from '../parquet/batches.ts';
import { cases, pseudoRandom, toJson } from '../parquet/cases.ts';
import { collect } from '../support/collect.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';

const day = '2024-05-06';

type Columns = readonly Pick<ColumnDeclaration, 'name' | 'type' | 'required'>[];

/** A table of the day and these columns; sorting and bloom filters as `more` says. */
const tableOf = (name: string, columns: Columns, more: Partial<TableDeclaration> = {}): TableDeclaration => ({
  name,
  description: name,
  columns: [{ name: partitionColumn, type: 'string' as const, required: true }, ...columns].map(
    ({ name: column, type, required = false }) => ({ name: column, type, required, description: column }),
  ),
  sortedBy: [],
  bloomColumns: [],
  fullBounds: [],
  provenance: [],
  ...more,
});

describeWith(['glue', 's3', 'trino'], "as Trino's Iceberg connector reads it", () => {
  let context: CommitContext;
  let trino: TrinoClient;
  let database: string;

  beforeAll(async () => {
    const glue = await rig.glue();
    const s3 = await rig.s3();
    database = glue.database;
    trino = await rig.trino();
    const store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    const client = { endpoint: glue.endpoint, region: glue.region };
    const catalog = new GlueCatalog({ client, database, warehouse: `s3://${s3.bucket}/warehouse`, store });
    let tables = 0;
    context = {
      store,
      catalog,
      now: Date.now,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      uuid: () => `00000000-0000-4000-8000-${String(++tables).padStart(12, '0')}`,
    };
  });

  /** One file with all rows, of one day. Gives its size. */
  async function write(
    declaration: TableDeclaration,
    rows: readonly TestRow[],
    options: { readonly rowGroupRows?: number; readonly layout?: StringLayout | undefined } = {},
  ): Promise<number> {
    const table = await ensureTable(context, declaration);
    const types = Object.fromEntries(declaration.columns.map(({ name, type }) => [name, type]));
    const ofDay = rows.map((row) => [day, ...row]);
    const batch = batchOf(fileColumns(types), ofDay, options.layout);
    const { rowGroupRows = 100_000 } = options;
    const request = dayFilesRequest(table, declaration, batch, { fileRows: 1e9, rowGroupRows, compressionLevel: 1 });
    const [file] = await collect(dayFiles(new ColumnarEncoder(), request));
    const stored = await storeDataFile({ store: context.store, table, declaration, label: 'test' }, file!);
    await commitTable(context, declaration.name, () => ({
      operation: 'append',
      add: [stored],
      remove: [],
      summary: {},
    }));
    return file!.encoded.size;
  }

  const written = cases.filter(({ rows, order }) => rows.length > 0 && order === undefined);
  test.each(written.map((testCase) => [testCase.name, testCase] as const))('%s', async (name, testCase) => {
    const { columns, rows, layout, rowGroupRows = 100_000, bloomColumns = [] } = testCase;
    const declaration = tableOf(name.replaceAll(/\W+/g, '_'), columns, { bloomColumns });
    await write(declaration, rows, { rowGroupRows, layout });
    const select = columns.map((column) => asText(`"${column.name}"`, column.type)).join(', ');
    const found = await trino.query(`SELECT ${select} FROM iceberg."${database}"."${declaration.name}"`);
    const wanted = rows.map((row) => columns.map(({ type }, index) => withTimes(row[index] ?? null, type)));
    expect(sorted(found.rows)).toEqual(sorted(wanted));
  });

  describe('row groups of 3 MB', () => {
    const rowGroupRows = 10_000;
    const columns = [
      { name: 'n', type: 'long' },
      { name: 'event_time', type: 'timestamp' },
      { name: 'k', type: 'int' },
      { name: 'id', type: 'string' },
      { name: 'm', type: 'long' },
      { name: 'payload', type: 'string' },
    ] as const;
    /** Sorted by n and event_time; k has even numbers, id and m any; payload does not compress. */
    const rows = (() => {
      const random = pseudoRandom(3);
      const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
      return Array.from({ length: 4 * rowGroupRows }, (_, row) => ({
        n: BigInt(row) * 2n,
        event_time: 1_714_953_600_000_000n + BigInt(row) * 1_000_001n,
        k: Math.floor(random() * 100) * 2,
        id: (Math.floor(random() * 2 ** 32) + 2 ** 32).toString(16) + row.toString(16),
        m: BigInt(Math.floor(random() * 2 ** 48)),
        payload: noise.update(Buffer.alloc(300)).toString('base64'),
      }));
    })();
    type Row = (typeof rows)[number];
    const wanted = rows[25_000]!;
    const from = wanted.event_time;
    const to = from + 9_000_009n;

    beforeAll(async () => {
      const values = rows.map((row): TestRow => columns.map(({ name }) => row[name]));
      const declared = { sortedBy: ['n'] };
      const size = await write(tableOf('with_bloom', columns, { ...declared, bloomColumns: ['id', 'm'] }), values, {
        rowGroupRows,
      });
      expect(size).toBeGreaterThan(4 * (3 << 20));
      await write(tableOf('without_bloom', columns, declared), values, { rowGroupRows });
    });

    /** Some rows of a table, as [n, payload], and what was read of the file. */
    async function read(table: string, where: string): Promise<{ rows: unknown; bytes: number }> {
      const found = await trino.query(
        `SELECT n, payload FROM iceberg."${database}".${table} WHERE ${where} ORDER BY n`,
      );
      return { rows: found.rows, bytes: found.stats.physicalInputBytes };
    }
    const expected = (finds: (row: Row) => boolean) => rows.filter(finds).map(({ n, payload }) => [Number(n), payload]);

    test.each<[string, string, (row: Row) => boolean]>([
      ['a number', 'n BETWEEN 42000 AND 42100', ({ n }) => n >= 42_000n && n <= 42_100n],
      [
        'a time, to the microsecond',
        `event_time >= TIMESTAMP '${timeText(from)}' AND event_time < TIMESTAMP '${timeText(to)}'`,
        ({ event_time }) => event_time >= from && event_time < to,
      ],
    ])('statistics: a narrow range of %s reads one row group of four', async (_what, where, finds) => {
      const found = await read('without_bloom', where);
      expect(found.rows).toEqual(expected(finds));
      expect(found.bytes).toBeGreaterThan(0);
      const table = `iceberg."${database}".without_bloom`;
      const all = await trino.query(
        `SELECT max(n), max(event_time), max(k), max(id), max(m), max(payload) FROM ${table}`,
      );
      expect(found.bytes).toBeLessThan(all.stats.physicalInputBytes * 0.3);
    });

    test('dictionaries: a number between those that there are reads no row group', async () => {
      expect(await read('without_bloom', 'k = 101')).toEqual({ rows: [], bytes: 0 });
      expect((await read('without_bloom', 'k = 102 AND n < 300')).rows).toEqual(
        expected(({ k, n }) => k === 102 && n < 300n),
      );
    });

    test.each([
      ['a string', `id = '${wanted.id}'`],
      ['a number', `m = ${wanted.m}`],
    ])('bloom filters: %s that is there reads one row group of four', async (_what, where) => {
      const without = await read('without_bloom', where);
      const found = await read('with_bloom', where);
      expect(found.rows).toEqual(expected((row) => row === wanted));
      expect(found.rows).toEqual(without.rows);
      expect(found.bytes).toBeLessThan(without.bytes * 0.3);
    });

    test.each([
      ['a string', "id = '17fffffff'"],
      ['a number', `m = ${wanted.m + 1n}`],
    ])('bloom filters: %s that is nowhere reads none', async (_what, where) => {
      const without = await read('without_bloom', where);
      expect(without.bytes).toBeGreaterThan(4 << 20);
      expect(await read('with_bloom', where)).toEqual({ rows: [], bytes: 0 });
    });
  });
});

const sorted = (rows: readonly (readonly unknown[])[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

/** SQL for a value as `withTimes` has it. */
function asText(value: string, type: ColumnType): string {
  if (type === 'long' || type === 'timestamp') return `CAST(${value} AS varchar)`;
  if (type === 'double') return `IF(is_nan(${value}), 'nan', lower(to_hex(to_ieee754_64(${value}))))`;
  if (isScalar(type)) return value;
  if ('list' in type) return `transform(${value}, x -> ${asText('x', type.list)})`;
  return `transform(map_entries(${value}), x -> ROW(x[1], ${asText('x[2]', type.map.value)}))`;
}

/** As `toJson` of cases.ts gives it, but times as Trino writes them. */
function withTimes(value: Value, type: ColumnType): unknown {
  if (value === null || isScalar(type))
    return type === 'timestamp' && value !== null ? timeText(value as bigint) : toJson(value, type as 'long');
  if ('list' in type) return (value as readonly (bigint | null)[]).map((item) => withTimes(item, type.list));
  return (value as readonly (readonly [string, bigint | null])[]).map(([key, item]) => [
    key,
    withTimes(item, type.map.value),
  ]);
}

function timeText(micros: bigint): string {
  const second = (micros - (((micros % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
  const text = new Date(Number(second) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return `${text}.${String(micros - second * 1_000_000n).padStart(6, '0')}`;
}
