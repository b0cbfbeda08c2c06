/**
 * What every query engine promises, in cells: the same tables asked in the same words give the same answer, whichever
 * engine is asked. Where the dialects differ, a question has a text for DuckDB and one for Trino and Athena.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { CellValue, QueryEngine, QueryRequest } from '../../src/engines/engine.ts';
import type { EngineName } from '../../src/engines/index.ts';
import { QueryError } from '../../src/sql/parameter.ts';

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly CellValue[])[];
  readonly bytesScanned: number;
}

export async function answerOf(engine: QueryEngine, request: QueryRequest): Promise<Answer> {
  const { columns, chunks, bytesScanned } = await engine.query(request);
  const rows: (readonly CellValue[])[] = [];
  for await (const chunk of chunks) rows.push(...chunk);
  return { columns: columns.map(({ name }) => name), rows, bytesScanned: bytesScanned() };
}

/** Text that tries to be more than text. */
export const hostile = `O'Brien "x" \\ \\0041 $subject -- ; /* U&'\n\t\r\u0001\u0085 é 😀 ?`;

/** The records of the warehouse, for rigWarehouse. */
export const decisions: readonly string[] = [
  {
    decision_id: 'a',
    timestamp: '2023-07-11T16:56:00.252749123Z',
    labels: { id: 'i', 'a, b': 'c=d', empty: '' },
    input: { subject: hostile, action: 'read', resource: 'r', client_ip: '192.168.0.7', roles: [] },
    result: { allowed: true, roles: ['x', 'y, z', ''] },
    metrics: { big: '9007199254740993n', small: -1 },
  },
  {
    decision_id: 'b',
    timestamp: '2023-07-11T16:56:01Z',
    labels: { id: 'i' },
    input: { subject: '', client_ip: '2001:db8::1' },
    result: { allowed: false, roles: [] },
    metrics: { timer_server_handler_ns: '9007199254740993n' },
  },
  { decision_id: 'c', timestamp: '2023-07-12T00:00:00.000001Z', labels: { id: 'i' }, result: false },
].map((record) => JSON.stringify(record).replace(/"(\d+)n"/g, '$1'));

type Text = string | Readonly<Record<'duckdb' | 'trino', string>>;

export function engineContract(name: EngineName, open: () => Promise<QueryEngine>): void {
  describe(`${name} as a query engine`, () => {
    let engine: QueryEngine;
    beforeAll(async () => {
      engine = await open();
      return () => engine.close();
    });

    const sqlOf = (text: Text): string =>
      typeof text === 'string' ? text : text[name === 'duckdb' ? 'duckdb' : 'trino'];
    const ask = (text: Text, parameters: QueryRequest['parameters'] = {}): Promise<Answer> =>
      answerOf(engine, { sql: sqlOf(text), parameters });

    it('gives the columns by name and the rows in order, with timestamps as ISO text and long integers as text', async () => {
      const columns = ['decision_id', 'event_time', 'timestamp', 'subject', 'action', 'client_ip', 'allowed', 'ymd'];
      const more = ['server_handler_ns', 'client_ip_key'];
      const answer = await ask(
        `SELECT ${[...columns, ...more].map((c) => `"${c}"`).join(', ')} FROM opa_decisions ORDER BY decision_id`,
      );
      expect(answer.columns).toEqual([...columns, ...more]);
      expect(answer.rows).toEqual([
        [
          'a',
          '2023-07-11T16:56:00.252749Z',
          '2023-07-11T16:56:00.252749123Z',
          hostile,
          'read',
          '192.168.0.7',
          true,
          '2023-07-11',
          null,
          '00000000000000000000ffffc0a80007',
        ],
        [
          'b',
          '2023-07-11T16:56:01.000000Z',
          '2023-07-11T16:56:01Z',
          '',
          null,
          '2001:db8::1',
          false,
          '2023-07-11',
          '9007199254740993',
          '20010db8000000000000000000000001',
        ],
        [
          'c',
          '2023-07-12T00:00:00.000001Z',
          '2023-07-12T00:00:00.000001Z',
          null,
          null,
          null,
          false,
          '2023-07-12',
          null,
          null,
        ],
      ]);
      expect(answer.bytesScanned).toBeGreaterThan(0);
    });

    it('gives values of every kind as what JSON can carry', async () => {
      const { rows } = await ask({
        trino: `SELECT NULL, true, 9007199254740991, 9007199254740992, -9007199254740992, DECIMAL '1.50', 0.5e0, 1e17,
            CAST('NaN' AS double), CAST('-Infinity' AS double), REAL '0.1', DATE '2024-02-29',
            TIMESTAMP '2023-07-11 16:56:00', TIMESTAMP '2023-07-11 16:56:00.25', TIMESTAMP '2024-01-01 01:30:00 +02:00',
            from_unixtime(0), CAST('x' AS varchar(3)), count(*), sum(n), avg(n), '', 'null'
          FROM (VALUES CAST(1 AS bigint), 2) AS t (n)`,
        duckdb: `SELECT NULL, true, 9007199254740991, 9007199254740992, -9007199254740992, 1.50::DECIMAL(3, 2), 0.5::DOUBLE, 1e17::DOUBLE,
            'NaN'::DOUBLE, '-Infinity'::DOUBLE, 0.1::REAL, DATE '2024-02-29',
            TIMESTAMP '2023-07-11 16:56:00', TIMESTAMP '2023-07-11 16:56:00.25', TIMESTAMPTZ '2024-01-01 01:30:00+02:00',
            to_timestamp(0), 'x', count(*), sum(n), avg(n), '', 'null'
          FROM (VALUES (1::BIGINT), (2)) AS t (n)`,
      });
      expect(JSON.parse(JSON.stringify(rows))).toEqual([
        [
          null,
          true,
          9007199254740991,
          '9007199254740992',
          '-9007199254740992',
          '1.50',
          0.5,
          1e17,
          'NaN',
          '-Infinity',
          Math.fround(0.1),
          '2024-02-29',
          '2023-07-11T16:56:00.000000Z',
          '2023-07-11T16:56:00.250000Z',
          '2023-12-31T23:30:00.000000Z',
          '1970-01-01T00:00:00.000000Z',
          'x',
          2,
          3,
          1.5,
          '',
          'null',
        ],
      ]);
    });

    const [a, b] = [
      [['x', 'y, z', ''], { id: 'i', 'a, b': 'c=d', empty: '' }, { big: '9007199254740993', small: -1 }],
      [[], { id: 'i' }, { timer_server_handler_ns: '9007199254740993' }],
    ];
    const complex = `SELECT roles, labels, metrics FROM opa_decisions ORDER BY decision_id`;

    if (name === 'athena') {
      it('gives lists and maps as the text of Athena', async () => {
        for (const row of (await ask(complex)).rows.slice(0, 2)) {
          expect(row.map((cell) => typeof cell)).toEqual(['string', 'string', 'string']);
        }
      });
    } else {
      it('gives lists as arrays, maps and structs as objects', async () => {
        expect((await ask(complex)).rows).toEqual([a, b, [null, { id: 'i' }, null]]);
        const struct = await ask({
          trino: `SELECT CAST(ROW(1, ARRAY[TIMESTAMP '2023-07-11 16:56:00'], NULL) AS ROW(a integer, b array(timestamp(6)), c varchar)),
          MAP(ARRAY[DATE '2024-01-01'], ARRAY[MAP(ARRAY[1], ARRAY[CAST(NULL AS bigint)])]), X'00ff41'`,
          duckdb: `SELECT {'a': 1, 'b': [TIMESTAMP '2023-07-11 16:56:00'], 'c': NULL},
          MAP {DATE '2024-01-01': MAP {1: NULL::BIGINT}}, '\\x00\\xFFA'::BLOB`,
        });
        expect(struct.rows).toEqual([
          [{ a: 1, b: ['2023-07-11T16:56:00.000000Z'], c: null }, { '2024-01-01': { 1: null } }, '\\x00\\xFFA'],
        ]);
      });
    }

    it('gives lists and maps as JSON text where that is asked for', async () => {
      const { rows } = await ask({
        trino: `SELECT json_format(CAST(roles AS JSON)), json_format(CAST(labels AS JSON)) FROM opa_decisions ORDER BY decision_id LIMIT 2`,
        duckdb: `SELECT CAST(roles AS JSON), CAST(labels AS JSON) FROM opa_decisions ORDER BY decision_id LIMIT 2`,
      });
      expect(rows.map((row) => row.map((cell) => JSON.parse(cell as string)))).toEqual([
        a!.slice(0, 2),
        b!.slice(0, 2),
      ]);
    });

    it('gives all rows of a long answer, in order', async () => {
      const { rows } = await ask({
        trino: `SELECT n, 'row ' || CAST(n AS varchar) FROM UNNEST(sequence(1, 2500)) AS t (n) ORDER BY n`,
        duckdb: `SELECT n, 'row ' || n FROM range(1, 2501) AS t (n) ORDER BY n`,
      });
      expect(rows).toEqual(Array.from({ length: 2500 }, (_, i) => [i + 1, `row ${i + 1}`]));
    });

    it('gives the columns where there are no rows', async () => {
      const answer = await ask(`SELECT subject AS who, allowed FROM opa_decisions WHERE ymd = '1999-01-01'`);
      expect(answer).toMatchObject({ columns: ['who', 'allowed'], rows: [] });
    });

    describe('takes values for $name', () => {
      it('of every kind, also in a LIMIT and more than once, in the order of the text', async () => {
        const { rows } = await ask(
          `SELECT decision_id FROM opa_decisions
            WHERE event_time BETWEEN $from AND $to AND allowed = $allowed AND (subject = $subject OR action = $subject)
              AND (server_handler_ns IS NULL OR server_handler_ns > $least) AND $allowed
            ORDER BY decision_id LIMIT $limit`,
          {
            limit: 5n,
            least: -9223372036854775808n,
            subject: hostile,
            allowed: true,
            to: { micros: 1_689_094_560_252_749n },
            from: { micros: 1_689_094_560_252_749n },
          },
        );
        expect(rows).toEqual([['a']]);
      });

      it('that try to be SQL, and finds nothing', async () => {
        const sql = 'SELECT count(*) FROM opa_decisions WHERE subject = $subject';
        expect((await ask(sql, { subject: `' OR '1'='1` })).rows).toEqual([[0]]);
        expect((await ask(sql, { subject: hostile })).rows).toEqual([[1]]);
        expect((await ask(sql, { subject: '' })).rows).toEqual([[1]]);
      });

      it('but not inside strings, quoted identifiers and comments', async () => {
        const { columns, rows } = await ask(
          `SELECT '$x ''$x' AS "$x", $x AS y -- $x ' "
          /* $x ' */ WHERE '--' <> $x`,
          { x: 'v' },
        );
        expect({ columns, rows }).toEqual({ columns: ['$x', 'y'], rows: [["$x '$x", 'v']] });
      });

      it('and refuses a statement whose values are not all there', async () => {
        await expect(ask('SELECT $x, $y', { x: 'v' })).rejects.toThrow();
      });
    });

    describe('says in its own words', () => {
      it.each<[what: string, sql: string, message: RegExp]>([
        ['a syntax error', 'SELECT FROM WHERE', /syntax|mismatched/i],
        ['an unknown table', 'SELECT * FROM nowhere', /nowhere/],
        ['an unknown column', 'SELECT nobody FROM opa_decisions', /nobody/],
        ['no statement', '  -- nothing\n ;', /no statement/],
        ['two statements', 'SELECT 1; SELECT 2', /one statement/],
        ['an error while running', `SELECT CAST(decision_id AS integer) FROM opa_decisions`, /cast|convert/i],
      ])('%s', async (_what, sql, message) => {
        const asked = ask(sql);
        await expect(asked).rejects.toThrow(QueryError);
        await expect(asked).rejects.toThrow(message);
      });
    });

    it.each([
      'DROP TABLE opa_decisions',
      'DELETE FROM opa_decisions',
      'CREATE TABLE copied AS SELECT * FROM opa_decisions',
      'INSERT INTO opa_decisions SELECT * FROM opa_decisions',
      `-- only\rDROP TABLE opa_decisions -- \nSELECT 1`,
    ])('refuses what does not read: %s', async (sql) => {
      await expect(ask(sql)).rejects.toThrow();
      expect((await ask('SELECT count(*) FROM opa_decisions')).rows).toEqual([[3]]);
    });

    it('takes a statement in parentheses, with a semicolon and a comment behind it', async () => {
      expect((await ask(`(SELECT 1 AS x) ; -- done\n`)).rows).toEqual([[1]]);
      expect((await ask(`WITH t AS (SELECT 1 AS x) SELECT x FROM t;`)).rows).toEqual([[1]]);
    });

    it('starts nothing for a caller who has left', async () => {
      const signal = AbortSignal.abort(new Error('gone'));
      await expect(answerOf(engine, { sql: 'SELECT 1', signal })).rejects.toThrow('gone');
    });

    it('ends with its reason for a caller who leaves', async () => {
      const controller = new AbortController();
      const sql = sqlOf({
        trino:
          'SELECT a.n FROM UNNEST(sequence(1, 10000)) AS a (n), UNNEST(sequence(1, 10000)) AS b (n), UNNEST(sequence(1, 10000)) AS c (n) WHERE a.n * b.n = c.n + 1',
        duckdb:
          'SELECT a.n FROM range(100000) AS a (n), range(100000) AS b (n), range(100000) AS c (n) WHERE a.n * b.n = c.n + 1',
      });
      const asked = answerOf(engine, { sql, signal: controller.signal });
      setTimeout(() => controller.abort(new Error('gone')), 500);
      await expect(asked).rejects.toThrow(name === 'duckdb' ? /gone|interrupt/i : 'gone');
    });
  });
}
