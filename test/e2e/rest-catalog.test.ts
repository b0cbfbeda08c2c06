/** Whole runs on a REST catalog: what is written is found by every command, and by another reader through the same server. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli, temporaryFolder } from '../support/cli.ts';
import { describeWith, type RigRest, rig } from '../support/rig.ts';
import { decisionLogs } from './support/logs.ts';

describeWith(['rest', 'readers'], 'a REST catalog', () => {
  const { folder, remove } = temporaryFolder();
  afterAll(remove);
  let server: RigRest;

  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(args, { cwd: folder });
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${stderr}`);
    return stdout;
  };
  const json = async (...args: string[]) => JSON.parse(await run(...args, '--json'));
  const put = (objects: ReturnType<typeof decisionLogs>): void => {
    for (const { key, body } of objects) {
      mkdirSync(dirname(join(folder, 'logs', key)), { recursive: true });
      writeFileSync(join(folder, 'logs', key), body);
    }
  };
  const readElsewhere = async (table: string) => {
    const answer = JSON.parse(await rig.python('rest_read.py', [server.uri, server.namespace, table]));
    return answer as { tables: string[]; rows: Record<string, Record<string, unknown>[]> };
  };
  const ids = (rows: readonly Record<string, unknown>[]) => rows.map((row) => row.decision_id).sort();

  beforeAll(async () => {
    server = await rig.rest();
    writeFileSync(
      join(folder, 'audit-warehouse.yaml'),
      `warehouse: ./warehouse
catalog: { type: rest, uri: ${server.uri}, namespace: ${server.namespace} }
sources: [{ name: a, type: opa, location: ./logs }]
batch: { objects: 2, threads: 1 }
compact: { small_files: 2 }
`,
    );
  });

  test('holds what backfill commits, once, for readers elsewhere too', async () => {
    const objects = decisionLogs(8, 20);
    put(objects.slice(0, 5));
    const first = await json('backfill');
    put(objects);
    const second = await json('backfill');
    expect((await json('backfill')).records.rows).toBe(0);
    const { tables, rows } = await readElsewhere('opa_decisions');
    expect(tables).toEqual(expect.arrayContaining(['ingested_objects', 'opa_decisions', 'quarantine', 'sequences']));
    expect(rows.opa_decisions).toHaveLength(first.records.rows + second.records.rows);
    expect(await json('verify')).toMatchObject({ differences: [] });
  });

  test('is compacted and expired, and every record is still there', async () => {
    const before = await readElsewhere('opa_decisions');
    await run('compact');
    await run('expire');
    const after = await readElsewhere('opa_decisions');
    expect(new Set(ids(after.rows.opa_decisions!))).toEqual(new Set(ids(before.rows.opa_decisions!)));
    expect(await json('verify')).toMatchObject({ differences: [] });
  });

  test('is looked at by doctor, tables and query', async () => {
    const { checks } = await json('doctor');
    expect(checks).toContainEqual(expect.objectContaining({ name: 'catalog', status: 'ok' }));
    expect(await run('tables')).toContain('opa_decisions');
    const answer = await run('query', 'decisions-by-policy', '--from', '2023-07-11', '--to', '2023-07-13');
    expect(answer).toContain('authz/allow');
  });

  test('that has lost tables is told them again by verify --repair, with their past', async () => {
    const before = await readElsewhere('opa_decisions');
    const tables = `${server.uri}/v1/namespaces/${server.namespace}/tables`;
    for (const table of ['opa_decisions', 'sequences'])
      expect((await fetch(`${tables}/${table}`, { method: 'DELETE' })).ok).toBe(true);
    expect(await json('verify', '--repair')).toMatchObject({ differences: [] });
    const after = await readElsewhere('opa_decisions');
    expect(ids(after.rows.opa_decisions!)).toEqual(ids(before.rows.opa_decisions!));
    expect((await json('backfill')).records.read).toBe(0);
  });

  test('takes a copy of the warehouse into a namespace of its own', async () => {
    cpSync(join(folder, 'warehouse'), join(folder, 'copy'), { recursive: true });
    const { code, stderr } = await cli(['relocate', '--set', 'warehouse=./copy'], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('catalog.namespace');
    const copy = ['--set', 'warehouse=./copy', '--set', `catalog.namespace=${server.namespace}_copy`];
    await run('relocate', ...copy);
    expect(await json('verify', '--deep', ...copy)).toMatchObject({ differences: [] });
    expect((await json('backfill', ...copy)).records.read).toBe(0);
    expect(await json('verify')).toMatchObject({ differences: [] });
  });
});
