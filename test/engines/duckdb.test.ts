import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDuckDb, queryErrorOf } from '../../src/engines/duckdb/connection.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { checkStatement } from '../../src/engines/duckdb/plan-statement.ts';
import type { CellValue, QueryEngine, QueryRequest } from '../../src/engines/engine.ts';
import { QueryError } from '../../src/sql/parameter.ts';
import { LocalStore } from '../../src/store/local.ts';
import { column, type TestWarehouse, testWarehouse } from './fixture.ts';

async function answer(engine: QueryEngine, request: string | QueryRequest) {
  const { columns, chunks, bytesScanned } = await engine.query(
    typeof request === 'string' ? { sql: request } : request,
  );
  const rows: (readonly CellValue[])[] = [];
  for await (const chunk of chunks) rows.push(...chunk);
  return { columns: columns.map((c) => `${c.name} ${c.type}`), rows, bytesScanned: bytesScanned() };
}

const columns = [
  column('event_time', 'timestamp'),
  column('subject', 'string'),
  column('allowed', 'boolean'),
  column('size', 'long'),
  column('roles', { list: 'string' }),
  column('metrics', { map: { key: 'string', value: 'long' } }),
  column('ratio', 'double'),
  column('port', 'int'),
];

let warehouse: TestWarehouse;
let engine: QueryEngine;

beforeAll(async () => {
  warehouse = testWarehouse((folder) => ({ store: new LocalStore(), root: `file://${folder}` }));
  await warehouse.table('events', columns);
  await warehouse.table('empty_one', columns);
  await warehouse.add(
    'events',
    '2023-07-11',
    `SELECT '2023-07-11' AS ymd, TIMESTAMP '2023-07-11 17:01:42.252749' AS event_time, 'dr_evil' AS subject, true AS allowed,
      9007199254740993::BIGINT AS size, ['a', NULL] AS roles, MAP {'x': 1::BIGINT, 'big': 9223372036854775807} AS metrics,
      0.5::DOUBLE AS ratio, 8080::INTEGER AS port`,
  );
  // A file from before most columns, in another order, with a narrower integer and times adjusted to UTC.
  await warehouse.add(
    'events',
    '2023-07-10',
    `SELECT 7::INTEGER AS size, TIMESTAMPTZ '2023-07-10 23:59:59.5+00' AS event_time, '2023-07-10' AS ymd`,
  );
  engine = createDuckDbEngine({ store: warehouse.store, catalog: warehouse.catalog, threads: 2 });
});

afterAll(async () => {
  await engine.close();
  rmSync(warehouse.folder, { recursive: true });
});

describe('a view shows the current snapshot of its table', () => {
  it('with all columns of the schema, in order, typed, and null where a file has none', async () => {
    const { columns: shown, rows } = await answer(engine, 'SELECT * FROM events ORDER BY ymd');
    expect(shown).toEqual([
      'ymd VARCHAR',
      'event_time TIMESTAMP',
      'subject VARCHAR',
      'allowed BOOLEAN',
      'size BIGINT',
      'roles VARCHAR[]',
      'metrics MAP(VARCHAR, BIGINT)',
      'ratio DOUBLE',
      'port INTEGER',
    ]);
    expect(rows).toEqual([
      ['2023-07-10', '2023-07-10T23:59:59.500000Z', null, null, 7, null, null, null, null],
      [
        '2023-07-11',
        '2023-07-11T17:01:42.252749Z',
        'dr_evil',
        true,
        '9007199254740993',
        ['a', null],
        { x: 1, big: '9223372036854775807' },
        0.5,
        8080,
      ],
    ]);
  });

  it('and not a file that lies in the folder of the table without being committed', async () => {
    writeFileSync(join(warehouse.folder, 'events', 'data', 'ymd=2023-07-11', 'stray.parquet'), 'PAR1 not committed');
    expect((await answer(engine, 'SELECT count(*) FROM events')).rows).toEqual([[2]]);
  });

  it('an empty table has all its columns and no row', async () => {
    const { columns: shown, rows } = await answer(engine, 'SELECT * FROM empty_one');
    expect(shown).toHaveLength(9);
    expect(shown).toContain('metrics MAP(VARCHAR, BIGINT)');
    expect(rows).toEqual([]);
  });

  it('under its name in any case, quoted, joined, in a CTE and in a subquery', async () => {
    const sql = `WITH e AS (SELECT * FROM EVENTS) SELECT count(*) FROM e JOIN "events" USING (ymd)
      WHERE ymd IN (SELECT ymd FROM main.events) AND ymd NOT IN (SELECT ymd FROM empty_one)`;
    expect((await answer(engine, sql)).rows).toEqual([[2]]);
  });

  it('a commit between two queries shows in the second', async () => {
    await warehouse.table('growing', [column('n', 'long')]);
    await warehouse.add('growing', '2024-01-01', `SELECT '2024-01-01' AS ymd, 1::BIGINT AS n`);
    expect((await answer(engine, 'SELECT sum(n) FROM growing')).rows).toEqual([[1]]);
    await warehouse.add('growing', '2024-01-02', `SELECT '2024-01-02' AS ymd, 2::BIGINT AS n`);
    expect((await answer(engine, 'SELECT sum(n) FROM growing')).rows).toEqual([[3]]);
  });

  it('files that the caller rules out are not opened', async () => {
    const request = { sql: 'SELECT ymd FROM events', prune: { events: { ymd: { from: '2023-07-11' } } } };
    expect((await answer(engine, request)).rows).toEqual([['2023-07-11']]);
  });
});

describe('values', () => {
  it('are bound, never pasted', async () => {
    const request = (subject: string) => ({
      sql: 'SELECT count(*) FROM events WHERE subject = $subject',
      parameters: { subject },
    });
    expect((await answer(engine, request('dr_evil'))).rows).toEqual([[1]]);
    expect((await answer(engine, request(`dr_evil' OR '1'='1`))).rows).toEqual([[0]]);
  });

  it('of every kind are safe for JSON', async () => {
    const { rows } = await answer(
      engine,
      `SELECT NULL, 'NaN'::DOUBLE, '-Infinity'::DOUBLE, 9007199254740991, -9007199254740992, 1.50::DECIMAL(9, 2), DATE '2024-02-29',
        TIMESTAMP '0001-01-01 00:00:00', TIMESTAMPTZ '2024-01-01 02:00:00+02', {'a': [1]}, 170141183460469231731687303715884105727,
        TIMESTAMP '0044-03-15 (BC) 12:00:00', TIMESTAMP 'infinity'`,
    );
    expect(JSON.parse(JSON.stringify(rows))).toEqual([
      [
        null,
        'NaN',
        '-Infinity',
        9007199254740991,
        '-9007199254740992',
        '1.50',
        '2024-02-29',
        '0001-01-01T00:00:00.000000Z',
        '2024-01-01T00:00:00.000000Z',
        { a: [1] },
        '170141183460469231731687303715884105727',
        '0044-03-15 (BC) 12:00:00',
        'infinity',
      ],
    ]);
  });

  it('that outgrow the memory limit spill into a folder that goes away, not into the current one', async () => {
    const small = createDuckDbEngine({
      store: warehouse.store,
      catalog: warehouse.catalog,
      memoryBytes: 0,
      threads: 2,
    });
    const sql =
      'SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY md5(i::VARCHAR)) AS n FROM range(1500000) t(i))';
    expect((await answer(small, sql)).rows).toEqual([[1_500_000]]);
    await small.close();
    expect(existsSync('.tmp')).toBe(false);
  });

  it('leave room for the rest of the process in a small container, and say what to do where that is too little', async () => {
    const small = createDuckDbEngine({
      store: warehouse.store,
      catalog: warehouse.catalog,
      memoryBytes: 512 << 20,
      threads: 2,
    });
    expect((await answer(small, `SELECT current_setting('memory_limit')`)).rows).toEqual([['281.5 MiB']]);
    const sql = `SELECT length(string_agg(repeat('x', 1000), '')) FROM range(1000000)`;
    await expect(answer(small, sql)).rejects.toThrow(
      new QueryError(
        'the statement needs more memory than there is: narrow it by time (ymd), name columns instead of *, or give the process more memory',
      ),
    );
    await small.close();
  });

  it('that outgrow the disk as well say where room is to be made', async () => {
    const duckdb = await openDuckDb({
      memory_limit: '64MB',
      threads: '2',
      temp_directory: join(warehouse.folder, 'spill'),
    });
    await duckdb.connection.run(`SET max_temp_directory_size = '1MB'`);
    const sql = `SELECT max(x) FROM (SELECT DISTINCT repeat(md5(i::VARCHAR), 9) AS x FROM range(500000) t(i))`;
    const asked = duckdb.connection.run(sql);
    const { message } = await asked.then(() => expect.unreachable(), queryErrorOf);
    expect(message).toContain('more room for temporary files');
    expect(message).toContain('TMPDIR');
    duckdb.close();
  });

  it('ends when it is stopped, at whatever moment', async () => {
    const sql = 'SELECT count(*) FROM range(100000000) a, range(100000000) b';
    for (let ms = 0; ms < 30; ms += 3) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(new Error('stopped')), ms);
      await expect(answer(engine, { sql, signal: stop.signal })).rejects.toThrow(/stopped|interrupt/i);
    }
  });

  it('an answer larger than one chunk comes whole', async () => {
    const { rows } = await answer(engine, 'SELECT i FROM range(10000) t(i)');
    expect(rows).toHaveLength(10_000);
    expect(rows.at(-1)).toEqual([9999]);
  });
});

describe('functions of Trino are there', () => {
  it.each([
    [`date_format(TIMESTAMP '2023-07-11 17:01:42', '%H:%i')`, '17:01'],
    [`DATE_DIFF('day', DATE '2023-07-10', DATE '2023-07-12')`, 2],
    [`"date_diff"('day', DATE '2023-07-10', DATE '2023-07-12')`, 2],
    [`json_extract_scalar('{"a b":"c"}', '$["a b"]')`, 'c'],
    [`regexp_replace('Aa', 'a', 'b', 'gi')`, 'bb'],
    [`contains('10.0.0.0/8', CAST('::ffff:10.1.2.3' AS IPADDRESS))`, true],
    [`(SELECT '10.1.2.3' IN block FROM (VALUES ('10.0.0.0/8')) t(block))`, true],
    [`(SELECT n FROM query('SELECT to_unix' || 'time(to_timestamp(7)) AS n'))`, 7],
    [`(SELECT n FROM "query" /* of it */ ('SELECT to_unix' || 'time(to_timestamp(7)) AS n'))`, 7],
    [`(SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE 'to\\_unixtim_' ESCAPE '\\')`, 1],
    [`7 / 2`, 3],
  ])('in a statement that means %s and no other', async (expression, value) => {
    expect((await answer(engine, `SELECT ${expression}`)).rows).toEqual([[value]]);
  });
});

describe("DuckDB's arrows beside Trino's json_extract", () => {
  const json = `'{"a":{"b":"c"}}'`;
  it.each([
    [`${json} -> 'a' -> '$.b'`, '"c"'],
    [`${json} -> 'a' ->> 'b'`, 'c'],
    [`CAST(${json} AS JSON) -> ['a']`, ['{"b":"c"}']],
    [`list_transform([1], x -> x + 1)`, [2]],
    [`list_transform([${json}], x -> (x -> 'a'))`, ['{"b":"c"}']],
    [`system.main.json_extract(${json}, '$.a.b')`, '"c"'],
    [`'json_extract(x -> y)'`, 'json_extract(x -> y)'],
    [`(SELECT count(*) FROM information_schema.tables WHERE (${json} -> 'a') IS NULL)`, 0],
  ])('%s', async (expression, value) => {
    for (const name of ['json_extract', '"json_extract"', 'JSON_EXTRACT '])
      expect((await answer(engine, `SELECT ${expression}, ${name}(${json}, '$.a.b')`)).rows).toEqual([[value, 'c']]);
    await checkStatement(
      { sql: `SELECT ${expression}, json_extract(${json}, '$.a')` },
      { tables: [], views: [], user: '' },
    );
  });

  it.each([
    [`SELECT json_extract(${json}, '$.a.b'), ${json} -> 'x'`, ['c', null]],
    [
      `SELECT 1, ${json} -> 'x' WHERE json_extract(${json}, '$.a.b') = 'c' AND JSON_EXTRACT(${json}, '$.a.b') = 'c'`,
      [1, null],
    ],
    [
      `SELECT CASE WHEN "json_extract"(${json}, '$.a.b') = 'c' THEN json_extract('no JSON', '$') END, ${json} -> 'x'`,
      [null, null],
    ],
    [`SELECT system . main\n. json_extract(${json}, '$.a.b'), ${json} -> 'x'`, ['"c"', null]],
  ])('behind a word and behind the name of a schema: %s', async (sql, row) => {
    expect((await answer(engine, sql)).rows).toEqual([row]);
  });

  it('in a statement over a column of that name', async () => {
    const sql = `SELECT json_extract -> 'a', t.json_extract, json_extract(json_extract, '$.a.b') FROM (SELECT ${json}) t(json_extract)`;
    expect((await answer(engine, sql)).rows).toEqual([['{"b":"c"}', '{"a":{"b":"c"}}', 'c']]);
  });
});

describe('a statement cannot leave the database', () => {
  const own = () => join(warehouse.folder, 'secret.csv');
  it.each([
    ['read another file', () => `SELECT * FROM read_csv('${own()}')`],
    ['read a file by its bare name', () => `SELECT * FROM '${own()}'`],
    ['list a folder', () => `SELECT * FROM glob('${warehouse.folder}/*')`],
    [
      'read an uncommitted file of a table',
      () => `SELECT * FROM read_parquet('${warehouse.folder}/events/data/*/*.parquet')`,
    ],
    ['fetch from the network', () => `SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')`],
    ['write a file', () => `COPY (SELECT 1) TO '${warehouse.folder}/out.csv'`],
    ['attach a database', () => `ATTACH '${warehouse.folder}/x.db'`],
    ['install an extension', () => 'INSTALL httpfs'],
    ['change a setting', () => 'SET enable_external_access = true'],
    ['change a table', () => 'DELETE FROM events'],
    ['make a table', () => 'CREATE TABLE mine AS SELECT 1'],
  ])('to %s', async (_what, sql) => {
    writeFileSync(own(), 'a,b\n1,2\n');
    await expect(answer(engine, sql())).rejects.toThrow(QueryError);
    expect(existsSync(join(warehouse.folder, 'out.csv'))).toBe(false);
  });

  it.each([
    'EXPLAIN ANALYZE COPY (SELECT 1) TO',
    '-- mine\n explain\n(ANALYZE, FORMAT json) COPY events TO',
    'EXPLAIN ANALYZE /* /* */ SELECT 1 -- */ COPY events TO',
    '/* /* */ EXPLAIN SELECT 1 -- */ EXPLAIN ANALYZE COPY events TO',
    'EXPLAIN (ANALYZE) WITH a AS (SELECT 1) COPY events TO',
  ])('to write over a file of a table by %s', async (copy) => {
    const folder = join(warehouse.folder, 'events/data');
    const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
      /[0-9a-f]\.parquet$/.test(name),
    )!;
    const path = join(folder, file);
    const before = readFileSync(path);
    await expect(answer(engine, `${copy} '${path}' (USE_TMP_FILE false)`)).rejects.toThrow(QueryError);
    expect(readFileSync(path)).toEqual(before);
  });

  it('but it can look at a table and at its own plan', async () => {
    expect((await answer(engine, 'DESCRIBE events')).rows[0]?.[0]).toBe('ymd');
    for (const explain of [
      'EXPLAIN',
      'explain analyze',
      '-- so\nEXPLAIN /* * */ (FORMAT json)',
      'EXPLAIN (ANALYZE, FORMAT json)',
    ]) {
      expect((await answer(engine, `${explain} SELECT subject FROM events`)).rows).toHaveLength(1);
      expect((await answer(engine, `${explain}(SELECT subject FROM events)`)).rows).toHaveLength(1);
    }
    expect((await answer(engine, 'SUMMARIZE SELECT size FROM events')).rows).toHaveLength(1);
  });
});

describe('a mistake in the SQL', () => {
  it.each([
    ['a syntax error', 'SELEC 1', /syntax error/],
    ['an unknown table', 'SELECT * FROM event', /no table event in the warehouse; there are: empty_one, events/],
    ['an unknown column', 'SELECT nobody FROM events', /nobody/],
    ['no statement', '  -- nothing', /no statement/],
    ['two statements', 'SELECT 1; SELECT 2', /one statement/],
    ['an error while running', `SELECT CAST(subject AS INTEGER) FROM events`, /dr_evil/],
  ])('%s is told in its own words', async (_what, sql, message) => {
    const asked = answer(engine, sql);
    await expect(asked).rejects.toThrow(QueryError);
    await expect(asked).rejects.toThrow(message);
  });
});

it("where a table does not exist, none of DuckDB's own is proposed", async () => {
  const error = await answer(engine, 'SELECT * FROM event').catch((thrown) => thrown);
  expect(error.cause.message).toMatch(/LINE 1: SELECT \* FROM event/);
  expect(error.cause.message).not.toContain('Did you mean');
});

describe('bytesScanned', () => {
  it('of local files counts what was read: little for one narrow column, more for a wide one', async () => {
    await warehouse.table('wide', [column('n', 'long'), column('text', 'string')]);
    const uri = await warehouse.add(
      'wide',
      '2024-01-01',
      `SELECT '2024-01-01' AS ymd, (i % 3)::BIGINT AS n, sha256(i::VARCHAR) AS text FROM range(50000) t(i)`,
    );
    const size = (await warehouse.store.head(uri))!.size;
    const narrow = await answer(engine, 'SELECT sum(n) FROM wide');
    const broad = await answer(engine, 'SELECT max(text) FROM wide');
    expect(broad.bytesScanned).toBeGreaterThan(size / 2);
    if (process.platform === 'linux') expect(narrow.bytesScanned).toBeLessThan(size / 10);
  });
});
