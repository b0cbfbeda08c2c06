import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CellValue, QueryEngine, StatementEngine } from '../../src/engines/engine.ts';
import { createTrinoEngine } from '../../src/engines/trino/engine.ts';
import { parseExact } from '../../src/engines/trino/protocol.ts';
import { cellReader, isoTimestamp } from '../../src/engines/trino/values.ts';
import { QueryError } from '../../src/sql/parameter.ts';
import { answerOf } from '../contract/engine.ts';
import { configure } from '../support/binary.ts';
import { cli } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import { type Gateway, gateway } from './gateway.ts';

const place = { catalog: 'system', schema: 'runtime' };

describeWith(['trino'], 'Trino behind a gateway', () => {
  let front: Gateway;
  let engine: StatementEngine;
  beforeEach(async () => {
    front = await gateway((await rig.trino()).url);
    engine = createTrinoEngine({ url: front.url, ...place, user: 'alice' });
  });
  afterEach(async () => {
    await engine.close();
    await front.close();
  });

  const rowsOf = async (of: QueryEngine, sql: string) => (await answerOf(of, { sql })).rows;
  const methods = () => front.requests.map(({ method }) => method);

  it.each([429, 502, 503, 504])(
    'that answers %d is asked again, for the statement and for its pages',
    async (status) => {
      let left = 2;
      front.intercept = (request, response) => {
        // The first two of each kind.
        if (front.requests.filter(({ method }) => method === request.method).length > left) return false;
        response.writeHead(status, status === 429 ? { 'retry-after': '0.05' } : {}).end('busy');
        return true;
      };
      expect(await rowsOf(engine, 'SELECT 1')).toEqual([[1]]);
      expect(methods().filter((method) => method === 'POST')).toHaveLength(++left);
    },
  );

  it('that breaks connections off is asked again', async () => {
    front.intercept = (request) => {
      if (front.requests.filter(({ method }) => method === request.method).length > 2) return false;
      request.socket.destroy();
      return true;
    };
    expect(await rowsOf(engine, 'SELECT 1')).toEqual([[1]]);
  });

  it.each<[what: string, status: number, body: string, message: RegExp]>([
    ['401', 401, 'Unauthorized', /answered 401 \(set engines\.trino\.user and TRINO_PASSWORD.+Unauthorized/],
    ['404', 404, 'nothing here', /answered 404 \(is engines\.trino\.url/],
    ['500', 500, 'oops', /answered 500: oops/],
    ['a redirect', 302, '', /answered 302, a redirect, which is not followed/],
    ['a page for people', 200, '<html>log in</html>', /answered 200, and not as Trino does.+<html>/],
  ])('that answers %s is not asked again', async (_what, status, body, message) => {
    front.intercept = (_request, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(body);
      return true;
    };
    await expect(rowsOf(engine, 'SELECT 1')).rejects.toThrow(message);
    expect(front.requests).toHaveLength(1);
  });

  it('that points to another place is not followed there', async () => {
    front.intercept = (_request, response) => {
      const page = { id: 'q', nextUri: 'http://127.0.0.1:1/v1/statement/queued/q/1', stats: {} };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page));
      return true;
    };
    await expect(rowsOf(engine, 'SELECT 1')).rejects.toThrow(/points to http:\/\/127\.0\.0\.1:1 .*process-forwarded/);
  });

  it('a reader who stops early, and an engine that is closed, end the statement', async () => {
    const sql = 'SELECT a.n FROM UNNEST(sequence(1, 10000)) AS a (n), UNNEST(sequence(1, 10000)) AS b (n)';
    for await (const rows of (await engine.query({ sql })).chunks) {
      expect(rows.length).toBeGreaterThan(0);
      break;
    }
    expect(methods().at(-1)).toBe('DELETE');
    await engine.query({ sql });
    expect(methods().at(-1)).toBe('GET');
    await engine.close();
    expect(methods().at(-1)).toBe('DELETE');
  });

  it('a statement that has ended is not cancelled', async () => {
    await rowsOf(engine, 'SELECT 1');
    await expect(rowsOf(engine, 'SELECT nobody')).rejects.toThrow(QueryError);
    await engine.close();
    expect(methods()).not.toContain('DELETE');
  });

  it('values are sent apart from the text', async () => {
    const request = { sql: `SELECT $b || '$a', $a`, parameters: { a: 1n, b: `it's` } };
    expect((await answerOf(engine, request)).rows).toEqual([[`it's$a`, 1]]);
  });
});

describeWith(['trino'], 'Trino that asks who is there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-tls-'));
  const file = (name: string): string => join(folder, name);
  let front: Gateway;
  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const files = ['-keyout', file('key.pem'), '-out', file('cert.pem')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files], {
      stdio: 'pipe',
    });
    const secure = { key: readFileSync(file('key.pem'), 'utf8'), cert: readFileSync(file('cert.pem'), 'utf8') };
    front = await gateway((await rig.trino()).url, secure);
    configure(folder, {
      warehouse: './warehouse',
      sources: [{ name: 'eopa', type: 'opa', location: './logs' }],
      engines: { trino: { url: front.url, ...place, user: 'alice' } },
    });
  });
  afterAll(async () => {
    await front.close();
    rmSync(folder, { recursive: true });
  });

  const query = (env: Readonly<Record<string, string>>) =>
    cli(['query', '--engine', 'trino', '--format', 'csv', '--no-receipt', '--sql', 'SELECT current_user AS who'], {
      cwd: folder,
      env,
    });
  const trusted = { NODE_EXTRA_CA_CERTS: file('cert.pem') };

  it.each([
    ['a password', { TRINO_PASSWORD: 'very secret: ü' }, `Basic ${btoa('alice:very secret: \u00c3\u00bc')}`],
    ['a token', { TRINO_ACCESS_TOKEN: 'very.secret.token' }, 'Bearer very.secret.token'],
  ])('is told by %s, over https, with every request', async (_what, secret, expected) => {
    front.intercept = (request, response) => {
      if (request.headers.authorization === expected) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic' }).end('who are you?');
      return true;
    };
    const { code, stdout, stderr } = await query({ ...trusted, ...secret });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'who\r\nalice\r\n', stderr: '' });

    const wrong = await query({ ...trusted, TRINO_PASSWORD: 'wrong secret' });
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('who are you?') });
    expect(wrong.stderr).not.toContain('wrong secret');
  });

  it('is not talked to where its certificate is not trusted', async () => {
    const before = front.requests.length;
    const { code, stderr } = await query({ TRINO_PASSWORD: 'very secret' });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/self-signed certificate/) });
    expect(front.requests).toHaveLength(before);
  });
});

describeWith(['s3', 'glue', 'trino'], 'for jobs, Trino also runs what writes', () => {
  it('DDL, DML and table maintenance, each to its end', async () => {
    const [{ bucket }, { database }, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
    const engine = createTrinoEngine({ url: trino.url, catalog: 'iceberg', schema: database });
    const files = async () =>
      (await trino.query(`SELECT count(*) FROM iceberg."${database}"."t$files"`)).rows[0]?.[0] as number;
    try {
      await engine.execute({ sql: `CREATE SCHEMA ${database} WITH (location = 's3://${bucket}/')` });
      await engine.execute({ sql: 'CREATE TABLE t (a bigint, b varchar)' });
      for (const a of [1n, 2n]) {
        await engine.execute({ sql: 'INSERT INTO t VALUES ($a, $b)', parameters: { a, b: `it's` } });
      }
      expect(await files()).toBe(2);
      const outcome = await engine.execute({ sql: 'ALTER TABLE t EXECUTE optimize' });
      expect(await files()).toBe(1);
      expect(outcome.queryId).toMatch(/^\d{8}_/);
      expect(outcome.bytesScanned).toBeGreaterThan(0);
      expect((await answerOf(engine, { sql: 'SELECT a, b FROM t ORDER BY a' })).rows).toEqual([
        [1, `it's`],
        [2, `it's`],
      ]);
      await expect(engine.execute({ sql: 'ALTER TABLE t EXECUTE nothing' })).rejects.toThrow(QueryError);
      await expect(engine.query({ sql: 'DROP TABLE t' })).rejects.toThrow(/only statements that read/);
    } finally {
      await engine.close();
    }
  });
});

describe('values of Trino', () => {
  const scalar = (rawType: string) => cellReader({ rawType, arguments: [] });

  it.each([
    ['2023-07-11 17:01:42', '2023-07-11T17:01:42.000000Z'],
    ['2023-07-11 17:01:42.252749', '2023-07-11T17:01:42.252749Z'],
    ['2023-07-11 17:01:42.252749123', '2023-07-11T17:01:42.252749123Z'],
    ['2023-07-11 17:01:42.252 UTC', '2023-07-11T17:01:42.252000Z'],
    ['2024-01-01 01:30:00.000001 +02:00', '2023-12-31T23:30:00.000001Z'],
    ['2023-12-31 20:00:00 -05:30', '2024-01-01T01:30:00.000000Z'],
    // Which of two instants this is, once a year, nobody can say: it stays as it was asked for.
    ['2023-10-29 02:30:00 Europe/Berlin', '2023-10-29 02:30:00 Europe/Berlin'],
    ['+12345-01-01 00:00:00', '+12345-01-01 00:00:00'],
  ])('the time %s is %s', (text, expected) => {
    expect(isoTimestamp(text)).toBe(expected);
  });

  it('integers past 2^53 keep every digit, wherever they stand', () => {
    const json = '{"a":[9007199254740993,-9007199254740992,9007199254740991,1.2345678901234567e3,"9007199254740993"]}';
    expect(parseExact(json)).toEqual({
      a: ['9007199254740993', '-9007199254740992', 9007199254740991, 1234.5678901234567, '9007199254740993'],
    });
  });

  it('rows without names have some, and null is null in every type', () => {
    const row = { kind: 'NAMED_TYPE' as const, value: { typeSignature: { rawType: 'bigint', arguments: [] } } };
    const read = cellReader({ rawType: 'row', arguments: [row, row] });
    expect(read([1, null])).toEqual({ field0: 1, field1: null });
    for (const type of ['timestamp', 'real', 'varbinary', 'bigint']) expect(scalar(type)(null)).toBeNull();
    const cell: CellValue = scalar('real')('NaN');
    expect(cell).toBe('NaN');
  });
});
