/** `query --engine trino|athena` as a user meets it: the binary, a warehouse in S3 and Glue, the real engines. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AthenaClient, GetQueryExecutionCommand, ListQueryExecutionsCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RigWarehouse, rigWarehouse } from '../engines/rig-warehouse.ts';
import { configure, start } from '../support/binary.ts';
import { binary, cli } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';
import { decision } from '../support/warehouse.ts';

const engines = ['trino', 'athena'] as const;

/** Work for minutes that ends in nothing. */
const endless = `SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a (n), UNNEST(sequence(1, 10000)) AS b (n),
  UNNEST(sequence(1, 10000)) AS c (n) WHERE a.n * b.n = c.n * c.n + 1`;

describeWith(['s3', 'glue', 'trino'], 'query on other engines', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-query-engines-'));
  let warehouse: RigWarehouse;
  let trino: TrinoClient;
  let athena: AthenaClient;

  beforeAll(async () => {
    const subjects = Array.from({ length: 1500 }, (_, i) => (i % 3 === 0 ? 'dr_evil' : `user ${i}`));
    warehouse = await rigWarehouse(
      folder,
      subjects.map((subject, i) => decision({ id: `d-${String(i).padStart(4, '0')}`, subject })),
    );
    trino = await rig.trino();
    const { AWS_ENDPOINT_URL_ATHENA = '', AWS_REGION = '' } = warehouse.place.env;
    athena = new AthenaClient({ endpoint: AWS_ENDPOINT_URL_ATHENA, region: AWS_REGION });
  });
  afterAll(() => {
    athena.destroy();
    rmSync(folder, { recursive: true });
  });

  const run = (engine: string, ...args: string[]) => cli(['query', '--engine', engine, ...args], warehouse.place);
  const json = async (engine: string, sql: string) => {
    const { code, stdout, stderr } = await run(engine, '--sql', sql, '--format', 'json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as { columns: string[]; rows: unknown[][]; bytesScanned: number; seconds: number };
  };

  /** What Trino has on the statement with this text in it. */
  const ofTrino = async (mark: string) => {
    const [row] = (
      await trino.query(
        `SELECT query_id, state, error_code, source, "user" FROM system.runtime.queries
          WHERE query LIKE '%${mark}%' AND query NOT LIKE '%runtime.queries%'`,
      )
    ).rows;
    if (row === undefined) return undefined;
    const [id, state, error, source, user] = row as string[];
    return { id, state, error, source, user };
  };
  /** What Athena has on it. */
  const ofAthena = async (mark: string) => {
    const { QueryExecutionIds = [] } = await athena.send(new ListQueryExecutionsCommand({}));
    for (const QueryExecutionId of QueryExecutionIds) {
      const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
      if (QueryExecution?.Query?.includes(mark)) return QueryExecution;
    }
    return undefined;
  };
  const until = async <T>(look: () => Promise<T | undefined>, good: (found: T) => boolean): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== undefined && good(found)) return found;
      await sleep(100);
    }
  };
  let marks = 0;
  const mark = (): string => `mark-${process.pid}-${Date.now()}-${++marks}`;

  describe.each(engines)('%s', (engine) => {
    it('answers in the JSON that DuckDB gives', async () => {
      const sql = `SELECT subject, count(*) AS n, min(event_time) AS since FROM opa_decisions
        WHERE ymd = '2023-07-11' AND subject = 'dr_evil' GROUP BY subject`;
      const answer = await json(engine, sql);
      expect(answer).toMatchObject({
        columns: ['subject', 'n', 'since'],
        rows: [['dr_evil', 500, '2023-07-11T16:56:00.500000Z']],
      });
      expect(answer.bytesScanned).toBeGreaterThan(0);
      expect(answer.seconds).toBeGreaterThan(0);
      const { bytesScanned: _bytes, seconds: _seconds, ...same } = await json('duckdb', sql);
      expect(answer).toMatchObject(same);
    });

    it('gives every row of more than a page, in order', async () => {
      const { rows } = await json(engine, 'SELECT decision_id FROM opa_decisions ORDER BY decision_id');
      expect(rows).toEqual(Array.from({ length: 1500 }, (_, i) => [`d-${String(i).padStart(4, '0')}`]));
    });

    it('shows a table, with numbers to the right, and CSV', async () => {
      const sql = `SELECT allowed, count(*) AS n FROM opa_decisions GROUP BY allowed`;
      const table = await run(engine, '--sql', sql);
      expect(table).toMatchObject({ code: 0, stdout: 'allowed     n\n-------  ----\ntrue     1500\n' });
      expect(table.stderr).toMatch(
        /^1 row, .+ scanned of .+ s\nsnapshot {4}opa_decisions \d+ of .+\nup to {7}2023-07-11T/,
      );
      expect((await run(engine, '--sql', sql, '--format', 'csv')).stdout).toBe('allowed,n\r\ntrue,1500\r\n');
    });

    it('shows what SHOW and DESCRIBE give', async () => {
      const { rows } = await json(engine, 'SHOW TABLES');
      expect(rows).toContainEqual(['opa_decisions']);
      expect((await json(engine, 'DESCRIBE opa_decisions')).rows.map((row) => row[0])).toContain('event_time');
    });

    it('says what was wrong in the words of the engine', async () => {
      const { code, stdout, stderr } = await run(engine, '--sql', 'SELECT nobody FROM opa_decisions');
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^audit-warehouse: .*Column 'nobody' cannot be resolved \((Trino|Athena): .+\)\n$/);
    });

    it('says it without what would drive a terminal', async () => {
      const { code, stderr } = await run(engine, '--sql', `SELECT CAST('a\u001b[31m\u009b1m' AS integer)`);
      expect(code).toBe(1);
      expect(stderr).toContain(`'a\\u{1b}[31m\\u{9b}1m'`);
    });

    it('refuses what does not read before it is sent', async () => {
      const sign = mark();
      const { code, stderr } = await run(engine, '--sql', `DROP /* ${sign} */ TABLE opa_decisions`);
      expect(code).toBe(1);
      expect(stderr).toContain('only statements that read');
      expect([await ofTrino(sign), await ofAthena(sign)]).toEqual([undefined, undefined]);
    });

    it('is broken off by SIGINT, there too', async () => {
      const sign = mark();
      const child = start(['query', '--engine', engine, '--sql', `/* ${sign} */ ${endless}`], warehouse.place);
      await until(
        () => ofTrino(sign),
        ({ state }) => state === 'RUNNING',
      );
      child.kill('SIGINT');
      const { code, stdout, stderr } = await child.done;
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toBe('stopping in good order; once more to stop at once\naudit-warehouse: stopped by SIGINT\n');
      const ended = await until(
        () => ofTrino(sign),
        ({ state }) => state !== 'RUNNING',
      );
      expect(ended).toMatchObject({ state: 'FAILED', error: 'USER_CANCELED' });
      if (engine === 'athena') expect((await ofAthena(sign))?.Status?.State).toBe('CANCELLED');
    });
  });

  it('bytesScanned is what Trino counted, and what Athena bills', async () => {
    const select = (sign: string) => `SELECT /* ${sign} */ max(subject), max(event_time) FROM opa_decisions`;
    const [one, two] = [mark(), mark()];
    const byTrino = await json('trino', select(one));
    const { id, source, user } = (await ofTrino(one))!;
    expect({ source, user }).toEqual({ source: 'audit-warehouse', user: 'alice' });
    const response = await fetch(`${trino.url}/v1/query/${id}`, { headers: { 'x-trino-user': 'test' } });
    const { queryStats } = (await response.json()) as { queryStats: { physicalInputDataSize: string } };
    expect(`${byTrino.bytesScanned}B`).toBe(queryStats.physicalInputDataSize);

    const byAthena = await json('athena', select(two));
    expect(byAthena.bytesScanned).toBe((await ofAthena(two))?.Statistics?.DataScannedInBytes);
    expect(byAthena.bytesScanned).toBe(byTrino.bytesScanned);
  });

  it('a reader that leaves early ends the query', async () => {
    const sign = mark();
    const sql = `SELECT /* ${sign} */ a.n FROM UNNEST(sequence(1, 10000)) AS a (n), UNNEST(sequence(1, 10000)) AS b (n)`;
    const shell = `"${binary}" query --engine trino --sql "${sql}" --format csv | head -n 1; exit "\${PIPESTATUS[0]}"`;
    const { code, stdout, stderr } = await cli(['-c', shell], { ...warehouse.place, command: 'bash' });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'n\r\n', stderr: '' });
    const { error } = await until(
      () => ofTrino(sign),
      ({ state }) => state !== 'RUNNING',
    );
    expect(error).toBe('USER_CANCELED');
  });

  describe('without what an engine needs', () => {
    const bare = (engines: object) =>
      configure(mkdtempSync(join(folder, 'bare-')), {
        warehouse: './warehouse',
        sources: [{ name: 'eopa', type: 'opa', location: './logs' }],
        engines,
      });
    const query = (engine: string, settings: object, env: Readonly<Record<string, string>> = {}) =>
      cli(['query', '--engine', engine, '--sql', 'SELECT 1'], { cwd: bare(settings).cwd, env });

    it.each<[engine: string, settings: object, message: RegExp]>([
      ['trino', {}, /needs the key engines\.trino\.url/],
      ['trino', { trino: { user: 'a' } }, /engines\.trino\.url: is missing/],
      ['trino', { trino: { url: 'http://127.0.0.1:1', schema: 's' } }, /engines\.trino\.catalog: is missing/],
      ['trino', { trino: { url: 'http://127.0.0.1:1', catalog: 'c' } }, /engines\.trino\.schema: is missing/],
      ['athena', {}, /needs the key engines\.athena\.database/],
    ])('%s with %j: exit 2, and the name of the key', async (engine, settings, message) => {
      const { code, stdout, stderr } = await query(engine, settings);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(message);
    });

    it('the environment can have all of it', async () => {
      const { url } = trino;
      const { code, stdout } = await query(
        'trino',
        {},
        {
          AUDIT_WAREHOUSE_ENGINES_TRINO_URL: url,
          AUDIT_WAREHOUSE_ENGINES_TRINO_CATALOG: 'system',
          AUDIT_WAREHOUSE_ENGINES_TRINO_SCHEMA: 'runtime',
        },
      );
      expect({ code, stdout }).toEqual({ code: 0, stdout: '_col0\n-----\n    1\n' });
    });

    it('no secret goes in the clear, and none is shown', async () => {
      const settings = { trino: { url: 'http://127.0.0.1:1', catalog: 'c', schema: 's' } };
      for (const name of ['TRINO_PASSWORD', 'TRINO_ACCESS_TOKEN']) {
        const { code, stderr } = await query('trino', settings, { [name]: 'very secret' });
        expect(code).toBe(2);
        expect(stderr).toMatch(/engines\.trino\.url: must be https/);
        expect(stderr).not.toContain('very secret');
      }
    });

    it('a coordinator that is not there is said at once', async () => {
      const settings = { trino: { url: 'http://127.0.0.1:1', catalog: 'c', schema: 's' } };
      const { code, stderr } = await query('trino', settings);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/Trino at http:\/\/127\.0\.0\.1:1 cannot be reached: .+/),
      });
    });
  });
});
