/** `connect`: what it prints is used by the tools that it is for, as far as they can run here; the rest is compared as text. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { binary } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';

const decision = (id: string, subject: string) =>
  JSON.stringify({
    decision_id: id,
    input: { subject, action: "O'Brien", resource: '/a' },
    labels: { id: 'i' },
    result: { allowed: id < 'b' },
    timestamp: '2023-07-11T16:56:00Z',
  });

async function said(place: Place, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(['connect', ...args], place).done;
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

describeWith(['readers', 's3', 'glue'], 'connect', () => {
  let folder: string;
  let place: Place;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "aw-connect-it's-"));
    mkdirSync(join(folder, 'logs'));
    writeFileSync(join(folder, 'logs/a.jsonl'), `${decision('a', 'eve')}\n${decision('c', 'bob')}\n`);
    place = configure(folder, {
      warehouse: './warehouse',
      sources: [{ name: 'eopa', type: 'opa', location: './logs' }],
    });
    expect((await backfill(place)).code).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What DuckDB answers after the script, which may be run twice in one database. */
  const inDuckDb = async (script: string, sql: string): Promise<unknown> =>
    JSON.parse(await rig.python('run_init_script.py', [script, sql]));

  test('the script for DuckDB has the tables, the views and the functions, also where a table is compacted', async () => {
    const file = join(folder, 'audit.sql');
    writeFileSync(file, 'of before', { mode: 0o644 });
    expect(await said(place, 'duckdb', '--output', 'audit.sql')).toBe('wrote audit.sql\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const rows = [
      ['a', 'eve', "O'Brien", true],
      ['c', 'bob', "O'Brien", false],
    ];
    const sql = 'SELECT decision_id, subject, action, allowed FROM opa_decisions ORDER BY 1';
    expect(await inDuckDb(file, sql)).toEqual(rows);
    // More files, of which compaction leaves the old ones lying about.
    writeFileSync(join(folder, 'logs/b.jsonl'), `${decision('b', 'ann')}\n`);
    expect((await backfill(place)).code).toBe(0);
    const settings = ['--set', 'compact.small_files=2', '--set', 'compact.unsorted_percent=1'];
    expect((await start(['compact', ...settings], place).done).code).toBe(0);
    await said(place, 'duckdb', '--output', 'audit.sql');
    expect(await inDuckDb(file, 'SELECT count(*) FROM opa_decisions')).toEqual([[3]]);
    expect(await inDuckDb(file, "SELECT count(*) FROM audit_events WHERE system = 'opa'")).toEqual([[3]]);
    expect(
      await inDuckDb(file, `SELECT json_extract_scalar(input, '$.subject') FROM opa_decisions ORDER BY 1`),
    ).toEqual([['ann'], ['bob'], ['eve']]);
    const [[comment]] = (await inDuckDb(
      file,
      "SELECT comment FROM duckdb_columns() WHERE table_name = 'opa_decisions' AND column_name = 'subject'",
    )) as [[string]];
    expect(comment).not.toBe('');
  });

  test('the cells of the notebook run one after another', async () => {
    expect(await said(place, 'notebook', '--output', 'audit.ipynb')).toBe('wrote audit.ipynb\n');
    const args = [join(folder, 'audit.ipynb'), folder, dirname(binary)];
    expect(await rig.python('run_notebook.py', args)).toContain("'2023-07-11'");
  });

  test('a warehouse in S3 is signed in to by the default chain, and no secret is printed', async () => {
    const s3 = await rig.s3();
    const glue = await rig.glue();
    const remote = configure(
      join(folder, 'remote'),
      {
        warehouse: `s3://${s3.bucket}/warehouse`,
        catalog: { type: 'glue', database: glue.database, endpoint: glue.endpoint, region: glue.region },
        s3: { endpoint: s3.endpoint, region: s3.region, forcePathStyle: true },
        sources: [{ name: 'eopa', type: 'opa', location: '../logs' }],
        engines: {
          trino: { url: 'https://trino.example.com', catalog: 'lake', user: 'ann' },
          athena: { workgroup: 'audit', output: 's3://results/athena/' },
        },
      },
      s3.env,
    );
    expect((await backfill(remote)).code).toBe(0);
    const script = await said(remote, 'duckdb');
    const host = new URL(s3.endpoint).host;
    expect(script).toContain(
      `CREATE OR REPLACE SECRET audit_warehouse (TYPE s3, PROVIDER credential_chain, REGION '${s3.region}', ENDPOINT '${host}', USE_SSL false, URL_STYLE 'path');`,
    );
    expect(script).toContain(`read_parquet(['s3://${s3.bucket}/warehouse/opa_decisions/data/`);
    const outputs = [script];
    const trino = await said(remote, 'trino');
    expect(trino).toContain(`jdbc:trino://trino.example.com:443/lake/${glue.database}?SSL=true\n`);
    expect(trino).toContain(`trino://ann@trino.example.com:443/lake/${glue.database}\n`);
    const athena = await said(remote, 'athena');
    expect(athena).toContain(`Database=${glue.database};WorkGroup=audit;OutputLocation=s3://results/athena/;`);
    expect(athena).toContain(
      `awsathena+rest://@athena.${s3.region}.amazonaws.com:443/${glue.database}?work_group=audit`,
    );
    const grafana = await said(remote, 'grafana');
    expect(parse(grafana)).toMatchObject({
      datasources: [{ type: 'trino-datasource', url: 'https://trino.example.com', jsonData: { catalog: 'lake' } }],
    });
    const metabase = await said(remote, 'metabase');
    expect(JSON.parse(metabase)).toMatchObject({ engine: 'starburst', details: { port: 443, ssl: true, user: 'ann' } });
    const superset = await said(remote, 'superset');
    expect(parse(superset)).toMatchObject({
      sqlalchemy_uri: expect.stringContaining('trino://ann@'),
      allow_csv_upload: false,
      extra: {},
    });
    outputs.push(trino, athena, grafana, metabase, superset);
    for (const output of outputs) expect(output).not.toContain(s3.env.AWS_SECRET_ACCESS_KEY);
  });

  test('what the configuration does not say is an error that names the key', async () => {
    for (const [tool, message] of [
      ['trino', 'engines.trino.url is missing'],
      ['athena', 'catalog.type is not glue'],
      ['excel', 'Allowed choices are duckdb, trino'],
    ]) {
      const { code, stderr } = await start(['connect', tool!], place).done;
      expect(code).toBe(2);
      expect(stderr).toContain(message);
    }
    expect(readFileSync(join(folder, 'audit.sql'), 'utf8')).toContain('count double after compact');
  });
});
