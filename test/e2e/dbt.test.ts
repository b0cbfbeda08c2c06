/**
 * The dbt package (deploy/dbt) in a user's project, by dbt on Trino over tables in Glue and on DuckDB over what `connect duckdb` writes: its
 * tests pass, and its figures are those of `query` on the same warehouse.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { projectRoot } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import { audit } from '../views/world.ts';

const subjects = ['eve', "O'Brien", '{{ 1/0 }}', '"a"; DROP TABLE x --', '漢字 😀', undefined, "x' OR '1'='1"];
const decisions = (day: number, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({
    decision_id: `d-${day}-${from + i}`,
    timestamp: `2023-07-${day}T16:${String(10 + from + i).padStart(2, '0')}:00Z`,
    path: i % 5 === 0 ? 'authz/{{ x }}' : 'authz/allow',
    input: { subject: subjects[i % subjects.length], action: 'GET', resource: '/a' },
    result: { allowed: i % 4 === 0 },
    labels: { id: 'i' },
  }));
const users = ['alice', "O'Brien"];
const audits = Array.from({ length: 8 }, (_, i) =>
  audit('2023-07-11 08:00:00', { user: users[i % 2]!, ae_table: 'm.{{ t }}', auth_failure: i % 3 === 0 }),
);
const identities = {
  users: users.map((user_name, id) => ({ id, user_name })),
  groups: [{ group_id: 1, group_name: "it's" }],
  user_group_mappings: [{ user_name_id: 1, group_name_id: 1, last_observed: '2020-11-01T00:00:00Z' }],
};
const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join('\n');

const figures = {
  audit_daily_decisions: `SELECT ymd, subject, path, allowed, count(*) AS decisions FROM opa_decisions GROUP BY 1, 2, 3, 4`,
  audit_subjects: `SELECT subject, count(*) AS decisions, count(CASE WHEN allowed = false THEN 1 END) AS denied FROM opa_decisions
    WHERE subject IS NOT NULL GROUP BY 1`,
  audit_daily_okera_accesses: `SELECT ymd, CASE WHEN "user" = 'O''Brien' THEN 'it''s' END AS group_name, statement_type, ae_table, count(*) AS events,
    count(CASE WHEN auth_failure THEN 1 END) AS denied FROM okera_audit_logs GROUP BY 1, 2, 3, 4`,
};
type Model = keyof typeof figures;
const models = Object.keys(figures) as Model[];
const columns: Readonly<Record<Model, string>> = {
  audit_daily_decisions: 'ymd, subject, path, allowed, decisions',
  audit_subjects: 'subject, decisions, denied',
  audit_daily_okera_accesses: 'ymd, group_name, statement_type, ae_table, events, denied',
};
const sorted = (rows: readonly (readonly unknown[])[]): string[] =>
  rows.map((row) => row.map((cell) => String(cell)).join(' | ')).sort();

describeWith(['s3', 'glue', 'trino', 'dbt'], 'the dbt package', () => {
  let folder: string;
  let [here, there]: Place[] = [];
  let database: string;
  let reports: string;
  let bucket: string;

  const dbt = async (...commands: string[][]): Promise<Record<string, string>[]> =>
    JSON.parse(
      (
        await rig.dbt(
          'python',
          [join(projectRoot, 'test/support/python/run_dbt.py')],
          join(folder, 'project'),
          JSON.stringify(commands),
        )
      )
        .trimEnd()
        .split('\n')
        .at(-1)!,
    );
  const onTrino = (command: string, ...select: string[]): string[] => {
    const vars = JSON.stringify({ audit_warehouse_schema: database });
    return [command, '--target', 'trino', '--target-path', 'target-trino', '--vars', vars, ...select];
  };
  const asked = async (place: Place, sql: string): Promise<string[]> => {
    const { code, stdout, stderr } = await start(['query', '--format', 'json', '--sql', sql], place).done;
    expect(code, stderr).toBe(0);
    return sorted(JSON.parse(stdout).rows);
  };
  const inDuckDb = async (...statements: string[]): Promise<unknown[][]> => {
    const script = join(projectRoot, 'test/support/python/ask_duckdb_file.py');
    return JSON.parse(await rig.dbt('python', [script, join(folder, 'audit.duckdb'), ...statements], folder));
  };
  const inTrino = async (sql: string): Promise<readonly (readonly unknown[])[]> =>
    (await (await rig.trino()).query(sql.replace('$schema', `iceberg.${reports}`))).rows;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-dbt-'));
    const put = (name: string, rows: readonly object[]) => {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), lines(rows));
    };
    put('logs/a.jsonl', [
      ...decisions(11, 30),
      ...decisions(12, 20),
      { ...decisions(13, 1)[0], input: { subject: 'solo' } },
    ]);
    put('audit/ymd=2023-07-11/planner-10.1.10.181-0-731c5cf0-4917-4947-b199-7fb257efcfba_audit.log', audits);
    for (const [name, rows] of Object.entries(identities)) put(`identities/${name}.jsonl`, rows);
    const sources = [
      { name: 'eopa', type: 'opa', location: join(folder, 'logs') },
      { name: 'okera', type: 'okera-audit', location: join(folder, 'audit') },
      { name: 'identities', type: 'okera-identities', location: join(folder, 'identities') },
    ];
    here = configure(join(folder, 'here'), { warehouse: './warehouse', sources });
    const [s3, glue, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
    const { endpoint, region } = s3;
    bucket = s3.bucket;
    const config = {
      warehouse: `s3://${bucket}/warehouse`,
      catalog: { type: 'glue', database: glue.database, endpoint: glue.endpoint, region },
      s3: { endpoint, region, forcePathStyle: true },
      sources,
    };
    there = configure(join(folder, 'there'), config, s3.env);
    for (const { code } of await Promise.all([backfill(here), backfill(there)])) expect(code).toBe(0);
    expect((await start(['connect', 'duckdb', '--output', '../audit.sql'], here).done).code).toBe(0);

    database = glue.database;
    reports = `${database}_reports`;
    await inTrino(`CREATE SCHEMA $schema WITH (location = 's3://${bucket}/reports')`);
    const url = new URL(trino.url);
    const project = join(folder, 'project');
    mkdirSync(project);
    const yaml = (name: string, document: object) => writeFileSync(join(project, name), stringify(document));
    const tables = ['opa_decisions', 'okera_audit_logs', 'ingested_objects', ...Object.keys(identities)];
    yaml('packages.yml', { packages: [{ local: join(projectRoot, 'deploy/dbt') }] });
    yaml('dbt_project.yml', {
      name: 'reports',
      version: '1.0.0',
      profile: 'reports',
      vars: {
        audit_warehouse_tables: tables,
        audit_warehouse_schema: 'main',
        audit_warehouse_days: 40_000,
      },
    });
    yaml('profiles.yml', {
      reports: {
        target: 'duckdb',
        outputs: {
          duckdb: { type: 'duckdb', path: join(folder, 'audit.duckdb'), schema: 'reports' },
          trino: {
            type: 'trino',
            method: 'none',
            user: 'dbt',
            host: url.hostname,
            port: Number(url.port),
            http_scheme: 'http',
            database: 'iceberg',
            schema: reports,
            threads: 2,
          },
        },
      },
    });
    await inDuckDb(`@${join(folder, 'audit.sql')}`);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is built on DuckDB and on Trino: its tests pass, and its figures are those of query', async () => {
    const [, duckdb, fresh, trino] = await dbt(
      ['deps'],
      ['build', '--target', 'duckdb'],
      ['source', 'freshness'],
      onTrino('build'),
    );
    expect(fresh).toMatchObject({ ingested_objects: 'pass', opa_decisions: 'warn' });
    for (const statuses of [duckdb!, trino!]) {
      expect(statuses).toMatchObject({
        audit_denied_then_allowed: 'success',
        audit_nothing_is_missing: 'pass',
        audit_ledger_adds_up: 'pass',
        opa_decisions_is_complete: 'pass',
        opa_decisions_decision_id_is_unique: 'pass',
        user_group_mappings_user_name_id_is_in_users: 'pass',
      });
      expect(statuses).not.toHaveProperty('quarantine_is_complete');
    }
    for (const model of models) {
      const expected = await asked(here!, figures[model]);
      expect(expected.length).toBeGreaterThan(1);
      expect(sorted(await inDuckDb(`SELECT ${columns[model]} FROM reports.${model}`))).toEqual(expected);
      expect(sorted(await inTrino(`SELECT ${columns[model]} FROM $schema.${model}`))).toEqual(expected);
    }
    const pairs = [
      'query',
      'denied-then-allowed',
      'from=2023-07-11',
      'to=2023-07-13',
      'minutes=60',
      '--format',
      'json',
    ];
    const { rows } = JSON.parse((await start(pairs, here!).done).stdout);
    const ids = (rows as string[][]).map((row) => [row[5], row[6]]);
    expect(ids.length).toBeGreaterThan(3);
    const sql = 'denied_id, allowed_id FROM';
    expect(sorted(await inDuckDb(`SELECT ${sql} reports.audit_denied_then_allowed`))).toEqual(sorted(ids));
    expect(sorted(await inTrino(`SELECT ${sql} $schema.audit_denied_then_allowed`))).toEqual(sorted(ids));
  }, 300_000);

  test('has metrics that MetricFlow answers', async () => {
    const project = join(folder, 'project');
    const args = ['--metrics', 'decisions,denied_decisions_share,okera_events', '--group-by', 'metric_time__day'];
    await rig.dbt('mf', ['query', ...args, '--order', 'metric_time__day', '--csv', 'figures.csv'], project);
    expect(readFileSync(join(project, 'figures.csv'), 'utf8').trim().split(/\r?\n/)).toEqual([
      'metric_time__day,decisions,denied_decisions_share,okera_events',
      expect.stringMatching(/^2023-07-11.*,30,0\.73\d*,8$/),
      expect.stringMatching(/^2023-07-12.*,20,0\.75,$/),
      expect.stringMatching(/^2023-07-13.*,1,0(\.0)?,$/),
    ]);
  }, 120_000);

  test('reads again only the days that have changed: by what came late, and by what was erased', async () => {
    writeFileSync(join(folder, 'logs/late.jsonl'), lines(decisions(12, 9, 30)));
    expect((await backfill(there!)).code).toBe(0);
    // The only decision of its day.
    const { code, stdout } = await start(['erase', '--subject', 'solo'], there!).done;
    expect([code, stdout]).toEqual([0, expect.stringContaining('erased 1 row of opa_decisions')]);
    await dbt(onTrino('run', '--select', 'audit_daily_decisions+'));
    const compiled = 'target-trino/compiled/audit_warehouse/models/audit_daily_decisions.sql';
    expect(readFileSync(join(folder, 'project', compiled), 'utf8')).toContain(
      `where ymd in ('2023-07-12', '2023-07-13')`,
    );
    for (const model of ['audit_daily_decisions', 'audit_subjects'] as const) {
      const expected = await asked(there!, figures[model]);
      expect(sorted(await inTrino(`SELECT ${columns[model]} FROM $schema.${model}`))).toEqual(expected);
    }
  }, 300_000);
});
