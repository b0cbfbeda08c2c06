/**
 * From log objects in S3 to tables in Glue through the binary, and every value of every row and column read back by
 * Trino, PyIceberg, DuckDB and pyarrow, against what the raw JSON says. Then other engines write, and we go on.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backfilled, backfill, configure, type Place, start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';
import { type Row, rowOf, type TableName, tables, trinoSelect } from './support/columns.ts';
import { makeWorld, type World } from './support/engines-world.ts';
import { decisionLogs } from './support/logs.ts';

interface Reading {
  readonly schema: Readonly<Record<'pyiceberg' | 'pyarrow' | 'duckdb', Readonly<Record<string, string>>>>;
  readonly rows: Readonly<Record<'pyiceberg' | 'pyarrow' | 'duckdb', readonly unknown[][]>>;
  readonly files: Readonly<Record<string, number>>;
  readonly ids: Readonly<Record<string, number>>;
}

const names = Object.keys(tables) as TableName[];
/** Of the ledger: what a run brings in from its clock and its process. */
const ofTheRun = ['ymd', 'batch', 'owner', 'claimed_at', 'claimed_until', 'committed_at'];

describeWith(['s3', 'glue', 'trino', 'readers'], 'a backfill, to every engine', () => {
  let folder: string;
  let world: World;
  let place: Place;
  let trino: TrinoClient;
  let database: string;
  let bucket: string;
  let first: Backfilled;
  let types: Record<TableName, Readonly<Record<string, string>>>;
  let readings: Record<TableName, Reading>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-engines-'));
    const [s3, glue] = [await rig.s3(), await rig.glue()];
    ({ database } = glue);
    ({ bucket } = s3);
    trino = await rig.trino();
    world = await makeWorld(s3, glue);
    types = { ...tables, opa_decisions: { ...tables.opa_decisions, ...world.promoted } };
    place = configure(folder, world.config, s3.env);
    first = await backfill(place);
    readings = await read();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = async (): Promise<Record<TableName, Reading>> =>
    JSON.parse(await rig.python('warehouse_read.py', [database], JSON.stringify(types)));
  const sql = async (text: string) => (await trino.query(text)).rows;
  const meta = (table: string, kind: string): string => `iceberg."${database}"."${table}$${kind}"`;
  const ofTrino = async (table: TableName): Promise<Row[]> =>
    rowsFrom(table, await sql(`SELECT ${trinoSelect(types[table])} FROM iceberg."${database}".${table}`));
  const rowsFrom = (table: TableName, rows: readonly (readonly unknown[])[]): Row[] => {
    const columns = Object.keys(types[table]);
    return rows.map((row) => rowOf(types[table], Object.fromEntries(columns.map((name, i) => [name, row[i]]))));
  };

  test('the report counts what the logs hold', () => {
    const { opa_decisions, okera_audit_logs, quarantine } = world.expected;
    const rows = opa_decisions.length + okera_audit_logs.length;
    expect({ code: first.code, failures: first.report.failures }).toEqual({ code: 0, failures: [] });
    expect(first.report.objects).toEqual({
      listed: world.objects,
      skipped: 0,
      committed: world.objects,
      failed: 0,
      archived: 0,
    });
    expect(first.report.records).toEqual({
      read: rows + quarantine.length + world.skipped + world.duplicates,
      rows,
      quarantined: quarantine.length,
      skipped: world.skipped,
      duplicates: world.duplicates,
    });
    expect(rows).toBeGreaterThan(2000);
  });

  test('what Enterprise OPA, OPA and the articles wrote: both computations of the truth agree', () => {
    expect(world.samples.length).toBeGreaterThan(8);
    for (const [name, byTruth, byFixture] of world.samples) expect([name, byTruth]).toEqual([name, byFixture]);
  });

  for (const table of names) {
    describe(`${table}: every value of every row`, () => {
      const compare = (found: readonly Row[]): void => {
        // How many lines of OPA's own log there are is held by the tests of its reader.
        const dropped = table === 'ingested_objects' ? [...ofTheRun, 'mapping', 'request_lines', 'response_lines'] : [];
        const keep = (row: Row): Row =>
          Object.fromEntries(Object.entries(row).filter(([name]) => !dropped.includes(name)));
        const [theirs, ours] = [inOrder(found.map(keep)), inOrder(world.expected[table].map(keep))];
        expect(theirs.length).toBe(ours.length);
        // One row at a time, for a difference that can be read.
        for (const [i, row] of theirs.entries()) expect(row).toEqual(ours[i]);
        for (const name of dropped) {
          // Records of Okera have one shape only.
          const none = found.filter((row) => row[name] === null && (name !== 'mapping' || row.source_type === 'opa'));
          expect(none).toEqual([]);
        }
      };
      test('by Trino', async () => compare(await ofTrino(table)));
      test('by PyIceberg', () => compare(rowsFrom(table, readings[table].rows.pyiceberg)));
      test('by DuckDB, from the data files', () => compare(rowsFrom(table, readings[table].rows.duckdb)));
      test('by pyarrow, from the data files', () =>
        compare(
          rowsFrom(
            table,
            readings[table].rows.pyarrow.map(([, ...row]) => row),
          ),
        ));

      test('in columns of the documented names and types, with descriptions', async () => {
        const shown = await sql(`SHOW COLUMNS FROM iceberg."${database}".${table}`);
        expect(Object.fromEntries(shown.map(([name, type]) => [name, type]))).toEqual(types[table]);
        expect(shown.filter((column) => !column[3])).toEqual([]);
        // As Athena sees it.
        const hive = await sql(`SHOW COLUMNS FROM awsdatacatalog."${database}".${table}`);
        expect(hive).toEqual(shown);
        const { schema } = readings[table];
        for (const [reader, spelling] of Object.entries(spellings)) {
          const wanted = Object.entries(types[table]).map(([name, type]) => [name, spelling[type]]);
          const got = schema[reader as keyof typeof schema];
          // Files written before a column was promoted lack it.
          expect([reader, { ...Object.fromEntries(wanted), ...got }]).toEqual([reader, Object.fromEntries(wanted)]);
        }
      });

      test('in files whose partition, counts and bounds are those of their rows', async () => {
        await expectTrueFiles(table);
      });
    });
  }

  /** Compares `$files` with the rows that pyarrow read of each file. */
  const expectTrueFiles = async (table: TableName): Promise<void> => {
    const { rows, ids, files } = readings[table];
    const listed = await sql(`
      SELECT file_path, record_count, partition.ymd, json_format(CAST(null_value_counts AS json)),
        json_format(CAST(lower_bounds AS json)), json_format(CAST(upper_bounds AS json)) FROM ${meta(table, 'files')}`);
    expect(Object.fromEntries(listed.map(([path, count]) => [path, count]))).toEqual(files);
    for (const [path, , ymd, ...json] of listed) {
      const [nulls, lower, upper] = json.map((text) => JSON.parse(String(text)));
      const own = rowsFrom(
        table,
        rows.pyarrow.filter(([file]) => file === path).map(([, ...row]) => row),
      );
      expect(new Set(own.map((row) => row.ymd))).toEqual(new Set([ymd]));
      for (const [name, type] of Object.entries(types[table])) {
        if (type.includes('(') && !type.startsWith('timestamp')) continue;
        const id = String(ids[name]);
        const values = own.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
        const [least, greatest] = extremes(type, values as (string | number | boolean)[]);
        const where = [path, name];
        // Files written before the column was there say nothing of it.
        if (values.length > 0 || id in nulls)
          expect([...where, nulls[id]]).toEqual([...where, own.length - values.length]);
        if (values.length === 0) {
          expect([...where, lower[id], upper[id]]).toEqual([...where, undefined, undefined]);
        } else {
          expect([...where, 'lower', isLowerBound(type, lower[id], least!)]).toEqual([...where, 'lower', true]);
          expect([...where, 'upper', isUpperBound(type, upper[id], greatest!)]).toEqual([...where, 'upper', true]);
        }
      }
    }
  };

  describe('pruning in Trino', () => {
    const cost = async (where: string) => {
      const { rows, stats } = await trino.query(
        `SELECT count(*), max(server_handler_ns) FROM iceberg."${database}".opa_decisions WHERE ${where}`,
      );
      return { count: rows[0]![0], bytes: stats.physicalInputBytes };
    };
    test('a day reads its own files only, a time range, an object and an unknown day less still or nothing', async () => {
      const rows = world.expected.opa_decisions;
      const everything = await cost('server_handler_ns > 0');
      const day = '2023-07-12';
      const ofDay = rows.filter((row) => row.ymd === day).length;
      expect(ofDay).toBeGreaterThan(100);
      const one = await cost(`ymd = '${day}'`);
      expect(one.count).toBe(ofDay);
      expect(one.bytes).toBeGreaterThan(0);
      expect(one.bytes).toBeLessThan(everything.bytes * 0.6);
      const between = await cost(
        `event_time BETWEEN TIMESTAMP '${day} 00:00:00' AND TIMESTAMP '${day} 23:59:59.999999'`,
      );
      expect(between).toEqual(one);
      expect(await cost("ymd = '2031-01-01'")).toEqual({ count: 0, bytes: 0 });
      const uri = String(rows.find((row) => String(row.source_uri).includes('/generated-gz/'))!.source_uri);
      const object = await cost(`source_uri = '${uri}'`);
      expect(object.count).toBe(rows.filter((row) => row.source_uri === uri).length);
      expect(object.bytes).toBeLessThan(everything.bytes * 0.6);
    });

    test('$partitions has the rows of each day', async () => {
      for (const table of ['opa_decisions', 'okera_audit_logs', 'quarantine'] as const) {
        const days = new Map<unknown, number>();
        for (const { ymd } of world.expected[table]) days.set(ymd, (days.get(ymd) ?? 0) + 1);
        const found = await sql(`SELECT partition.ymd, record_count FROM ${meta(table, 'partitions')}`);
        expect(new Map(found.map(([ymd, count]) => [ymd, count]))).toEqual(days);
      }
    });
  });

  describe.sequential('after Trino has written', () => {
    const ask = async (text: string): Promise<unknown[][]> => {
      const { stdout, stderr } = await start(['query', '--sql', text, '--format', 'json'], place).done;
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout).rows;
    };
    const countedByBinary = async (): Promise<Record<string, number>> => {
      const { stdout } = await start(['tables', '--json'], place).done;
      return Object.fromEntries(
        JSON.parse(stdout).tables.map((table: { name: string; rows: number }) => [table.name, table.rows]),
      );
    };
    const ingested = (): number => world.expected.opa_decisions.length;
    const table = (): string => `iceberg."${database}".opa_decisions`;

    test('INSERT: its row is counted and found by tables and query', async () => {
      await sql(`INSERT INTO ${table()} (ymd, event_time, decision_id, "timestamp", subject, roles, labels, source_uri, source_offset)
        VALUES ('2023-07-12', TIMESTAMP '2023-07-12 10:00:00.123456', 'by-trino', '2023-07-12T10:00:00.123456Z', 'trino', ARRAY['r'],
          MAP(ARRAY['k'], ARRAY['v']), 'trino', 7)`);
      expect(await countedByBinary()).toMatchObject({ opa_decisions: ingested() + 1 });
      expect(
        await ask("select event_time, subject, roles, source_offset from opa_decisions where decision_id = 'by-trino'"),
      ).toEqual([['2023-07-12T10:00:00.123456Z', 'trino', ['r'], 7]]);
    });

    test('OPTIMIZE of decisions and of the ledger: every value is still there, and nothing is read again', async () => {
      const files = async () => Number((await sql(`SELECT count(*) FROM ${meta('opa_decisions', 'files')}`))[0]![0]);
      const many = await files();
      await sql(`ALTER TABLE ${table()} EXECUTE optimize`);
      await sql(`ALTER TABLE iceberg."${database}".ingested_objects EXECUTE optimize`);
      expect(await files()).toBeLessThan(many);
      const rows = await ofTrino('opa_decisions');
      const ours = inOrder(rows.filter((row) => row.decision_id !== 'by-trino'));
      expect(ours).toEqual(inOrder(world.expected.opa_decisions));
      expect(await countedByBinary()).toMatchObject({ opa_decisions: ingested() + 1, ingested_objects: world.objects });
      expect((await ask('select count(*), count(distinct source_uri) from opa_decisions'))[0]![0]).toBe(ingested() + 1);

      const again = await backfill(place);
      expect(again.code).toBe(0);
      expect(again.report).toMatchObject({
        objects: { listed: world.objects, skipped: world.objects, committed: 0, failed: 0, archived: 0 },
        bytes: { read: 0, written: 0 },
      });
    });

    test('new objects are appended, and every engine sees all of it', async () => {
      const logs = decisionLogs(3, 20);
      for (const { key, body } of logs) await world.store.put(`s3://${bucket}/opa/later/${key}`, body);
      const later = await backfill(place);
      expect(later.code).toBe(0);
      expect(later.report).toMatchObject({
        objects: { committed: 3, failed: 0 },
        records: { rows: 60, quarantined: 6, duplicates: 3 },
      });
      const total = ingested() + 1 + 60;
      expect(await sql(`SELECT count(*), count(DISTINCT (source_uri, source_offset)) FROM ${table()}`)).toEqual([
        [total, total],
      ]);
      expect(
        (await ask("select count(*) from opa_decisions where ymd between '2023-07-10' and '2023-07-12'"))[0],
      ).toEqual((await sql(`SELECT count(*) FROM ${table()} WHERE ymd BETWEEN '2023-07-10' AND '2023-07-12'`))[0]);
      readings = await read();
      expect(readings.opa_decisions.rows.pyiceberg).toHaveLength(total);
      expect(readings.ingested_objects.rows.pyiceberg).toHaveLength(world.objects + 3);
      expect(inOrder(rowsFrom('opa_decisions', readings.opa_decisions.rows.pyiceberg))).toEqual(
        inOrder(await ofTrino('opa_decisions')),
      );
    });
  });
});

const inOrder = (rows: readonly Row[]): Row[] => {
  const place = (row: Row): string =>
    `${row.source_uri ?? row.uri} ${String(row.source_offset ?? '').padStart(12, '0')}`;
  return [...rows].sort((a, b) => (place(a) < place(b) ? -1 : 1));
};

/** How each reader spells the types. */
const spellings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  pyiceberg: {
    varchar: 'string', bigint: 'long', integer: 'int', boolean: 'boolean', double: 'double', 'timestamp(6)': 'timestamp',
    'array(varchar)': 'list<string>', 'array(bigint)': 'list<long>', 'array(double)': 'list<double>', 'array(boolean)': 'list<boolean>',
    'map(varchar, varchar)': 'map<string, string>', 'map(varchar, bigint)': 'map<string, long>',
  },
  pyarrow: {
    varchar: 'string', bigint: 'int64', integer: 'int32', boolean: 'bool', double: 'double', 'timestamp(6)': 'timestamp[us]',
    'array(varchar)': 'list<element: string>', 'array(bigint)': 'list<element: int64>', 'array(double)': 'list<element: double>',
    'array(boolean)': 'list<element: bool>', 'map(varchar, varchar)': "map<string, string ('labels')>", 'map(varchar, bigint)': "map<string, int64 ('metrics')>",
  },
  duckdb: {
    varchar: 'VARCHAR', bigint: 'BIGINT', integer: 'INTEGER', boolean: 'BOOLEAN', double: 'DOUBLE', 'timestamp(6)': 'TIMESTAMP',
    'array(varchar)': 'VARCHAR[]', 'array(bigint)': 'BIGINT[]', 'array(double)': 'DOUBLE[]', 'array(boolean)': 'BOOLEAN[]',
    'map(varchar, varchar)': 'MAP(VARCHAR, VARCHAR)', 'map(varchar, bigint)': 'MAP(VARCHAR, BIGINT)',
  },
}; // biome-ignore format: a table

type Scalar = string | number | boolean;

function compareAs(type: string): (a: Scalar, b: Scalar) => number {
  if (type === 'varchar') return (a, b) => Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
  if (type === 'bigint') return (a, b) => (BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0);
  return (a, b) => (a < b ? -1 : a > b ? 1 : 0);
}

function extremes(type: string, values: readonly Scalar[]): [Scalar | undefined, Scalar | undefined] {
  const sorted = [...values].sort(compareAs(type));
  return [sorted[0], sorted.at(-1)];
}

/** Characters that a bound of a string keeps, unless the table asks for whole ones. */
const boundChars = 16;
const head = (text: string): string => [...text].slice(0, boundChars).join('');

/** Exactly the least value, or for strings its first characters. */
function isLowerBound(type: string, bound: unknown, least: Scalar): boolean {
  if (type === 'varchar') return bound === least || bound === head(String(least));
  return boundText(type, bound) === boundText(type, least);
}

/** Exactly the greatest value, or for strings something above that shares all but the last of its first characters. */
function isUpperBound(type: string, bound: unknown, greatest: Scalar): boolean {
  if (type !== 'varchar') return boundText(type, bound) === boundText(type, greatest);
  if (bound === greatest) return true;
  const chars = [...String(bound)];
  return (
    chars.length <= boundChars &&
    compareAs(type)(String(bound), greatest) > 0 &&
    String(greatest).startsWith(chars.slice(0, -1).join(''))
  );
}

/** Trino writes times of bounds with a T, and without what is zero at their end. */
function boundText(type: string, value: unknown): string {
  if (type === 'double') return String(Number(value));
  if (!type.startsWith('timestamp')) return String(value);
  const [, day, clock, seconds = ':00', fraction = ''] =
    /^(\S{10})[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d+))?$/.exec(String(value)) ?? [];
  return `${day} ${clock}${seconds}.${fraction.padEnd(6, '0')}`;
}
