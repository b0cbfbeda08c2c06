import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AthenaOptions, createAthenaEngine } from '../../src/engines/athena/engine.ts';
import { QueryError } from '../../src/sql/parameter.ts';
import { answerOf } from '../contract/engine.ts';
import { describeWith, rig } from '../support/rig.ts';

describeWith(['s3', 'glue', 'trino'], 'Athena', () => {
  let options: AthenaOptions;
  beforeAll(async () => {
    const [{ bucket, env }, { database, region }, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
    await trino.query(`CREATE SCHEMA iceberg.${database} WITH (location = 's3://${bucket}/')`);
    options = {
      client: { endpoint: env.AWS_ENDPOINT_URL_ATHENA!, region },
      catalog: 'AwsDataCatalog',
      database,
      output: `s3://${bucket}/results/`,
    };
  });

  it('runs what writes, for jobs, and reads it back by SELECT, SHOW and EXPLAIN', async () => {
    const engine = createAthenaEngine(options);
    const table = `iceberg.${options.database}.t`;
    await engine.execute({ sql: `CREATE TABLE ${table} (a bigint, b varchar)` });
    const parameters = { a: -1n, b: `it's; \\ \n` };
    const written = await engine.execute({ sql: `INSERT INTO ${table} VALUES ($a, $b)`, parameters });
    expect(written.queryId).toMatch(/^[\w-]{36}$/);
    expect((await answerOf(engine, { sql: 'SELECT a, b FROM t' })).rows).toEqual([[-1, parameters.b]]);
    expect((await answerOf(engine, { sql: 'SHOW TABLES' })).rows).toEqual([['t']]);
    expect((await answerOf(engine, { sql: 'EXPLAIN SELECT a FROM t' })).rows).toHaveLength(1);
    await expect(engine.query({ sql: 'DROP TABLE t' })).rejects.toThrow(/only statements that read/);
    await expect(engine.execute({ sql: `DROP TABLE ${table}_none` })).rejects.toThrow(QueryError);
    await engine.close();
  });

  it('an answer of exactly one page, and one row more', async () => {
    const engine = createAthenaEngine(options);
    // The names of the columns are a row of the first page.
    for (const count of [998, 999, 1000, 1001, 1998, 1999, 2000]) {
      const sql = `SELECT n FROM UNNEST(sequence(1, ${count})) AS t (n) ORDER BY n`;
      const { rows } = await answerOf(engine, { sql });
      expect(rows).toEqual(Array.from({ length: count }, (_, i) => [i + 1]));
    }
    await engine.close();
  });

  it('a row that says what the header says is still a row', async () => {
    const engine = createAthenaEngine(options);
    expect((await answerOf(engine, { sql: `SELECT 'n' AS n` })).rows).toEqual([['n']]);
    await engine.close();
  });

  it('a work group that does not exist is said', async () => {
    const engine = createAthenaEngine({ ...options, workgroup: 'nobody' });
    await expect(engine.query({ sql: 'SELECT 1' })).rejects.toThrow(/WorkGroup/i);
    await engine.close();
  });
});

/** moto asks for no place for results; the text is that of the service. */
describe('a refusal for want of a place for results', () => {
  const message =
    'No output location provided. An output location is required either through the Workgroup result configuration';
  const server = createServer((_request, response) => {
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ __type: 'InvalidRequestException', message }));
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => void server.close());

  it('names the keys that give one', async () => {
    const { port } = server.address() as AddressInfo;
    const credentials = { accessKeyId: 'a', secretAccessKey: 's' };
    const client = { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials };
    const engine = createAthenaEngine({ client, catalog: 'AwsDataCatalog', database: 'd' });
    await expect(engine.query({ sql: 'SELECT 1' })).rejects.toThrow(
      /No output location provided.+; set engines\.athena\.output, or engines\.athena\.workgroup/,
    );
    await engine.close();
  });
});
