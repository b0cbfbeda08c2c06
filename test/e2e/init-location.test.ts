/** `init LOCATION` looks at logs as they arrive and writes a configuration with which a backfill gives rows. */
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Look } from '../../src/jobs/look/look.ts';
import { cli, projectRoot, temporaryFolder } from '../support/cli.ts';

const { folder: root, remove } = temporaryFolder();
afterAll(remove);
let folders = 0;
/** Each test has a folder of its own. */
const place = (): string => join(root, String(folders++));

function folderOf(fixture: string, below = 'logs'): string {
  const folder = join(place(), fixture);
  mkdirSync(join(folder, below), { recursive: true });
  const from = join(projectRoot, 'fixtures', fixture);
  cpSync(from, join(folder, below), { recursive: true, filter: (path) => !/\/(expected|case)[^/]*$/.test(path) });
  return folder;
}

async function lookFrom(cwd: string, ...args: string[]): Promise<Look> {
  const { code, stdout, stderr } = await cli(['init', './logs', '--yes', '--json', ...args], { cwd });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

async function rowsWith(cwd: string, column: string): Promise<number> {
  expect(await cli(['backfill'], { cwd })).toMatchObject({ code: 0 });
  const sql = `select count("${column}") as n from opa_decisions`;
  const { stdout } = await cli(['query', '--sql', sql, '--format', 'json'], { cwd });
  return JSON.parse(stdout).rows[0][0];
}

describe('init LOCATION', () => {
  test.each([
    ['opa/shape-envoy', ['envoy']],
    ['opa/shape-kubernetes-admission', ['kubernetes-admission']],
    ['opa/shape-authzen', ['authzen']],
    ['opa/seed-lines', ['article']],
  ])('proposes the shape of %s, and the configuration runs', async (fixture, shapes) => {
    const folder = folderOf(fixture);
    const look = await lookFrom(folder);
    expect(look).toMatchObject({ type: 'opa', shapes, failures: [], objects: { isWhole: true } });
    expect(statSync(join(folder, 'audit-warehouse.yaml')).mode & 0o777).toBe(0o600);
    expect(await rowsWith(folder, 'subject')).toBe(Math.round(look.filled.subject! * look.records.rows));
  });

  test('sees what is around records, and proposes columns for where they came from', async () => {
    const folder = folderOf('opa/vector');
    const look = await lookFrom(folder);
    expect(look.envelope).toContain('kubernetes');
    expect(look.compressions).toEqual({ gzip: 1 });
    const [name] = Object.entries(look.columns).find(([, path]) => path.startsWith('$envelope.kubernetes.'))!;
    expect(await rowsWith(folder, name)).toBe(look.records.rows);
  });

  test('tells audit logs of Okera', async () => {
    const folder = folderOf('okera-audit/json-lines');
    expect(await lookFrom(folder)).toMatchObject({ type: 'okera-audit', shapes: [] });
    expect(readFileSync(join(folder, 'audit-warehouse.yaml'), 'utf8')).toContain('type: okera-audit');
    expect(await cli(['backfill'], { cwd: folder })).toMatchObject({ code: 0 });
  });

  test('finds members of a policy of your own by their names, and parts of keys', async () => {
    const folder = join(place(), 'own');
    const decision = (i: number) => ({
      decision_id: `d${i}`,
      timestamp: '2026-03-01T10:00:00Z',
      labels: { id: 'x' },
      input: { caller: { email: `u${i}@example.com` }, http: { verb: 'GET', route: `/r/${i}` } },
      result: { outcome: { denied: i % 2 === 0 ? [] : ['no'] } },
    });
    const lines = Array.from({ length: 40 }, (_, i) => `${JSON.stringify(decision(i))}\n`).join('');
    const logs = join(folder, 'logs/cluster=eu1');
    mkdirSync(logs, { recursive: true });
    writeFileSync(join(logs, 'a.jsonl.gz'), gzipSync(lines));
    const look = await lookFrom(folder);
    expect(look.fields).toEqual({
      subject: 'input.caller.email',
      action: 'input.http.verb',
      resource: 'input.http.route',
      allowed: { path: 'result.outcome.denied', is: 'empty' },
    });
    expect(look.columns).toEqual({ cluster: '$key.cluster' });
    expect(await rowsWith(folder, 'subject')).toBe(40);
    const sql = 'select allowed, count(*) as n, max(cluster) as c from opa_decisions group by 1 order by 1';
    const { stdout } = await cli(['query', '--sql', sql, '--format', 'json'], { cwd: folder });
    expect(JSON.parse(stdout).rows).toEqual([
      [false, 20, 'eu1'],
      [true, 20, 'eu1'],
    ]);
  });

  test('reads a bounded part of large objects', async () => {
    const folder = join(place(), 'large');
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const line = `${JSON.stringify({ decision_id: 'd', timestamp: '2026-03-01T10:00:00Z', labels: { id: 'x' }, input: { subject: 'a', padding: 'x'.repeat(900) } })}\n`;
    for (let i = 0; i < 30; i++) writeFileSync(join(folder, `logs/${i}.jsonl`), line.repeat(4000));
    const look = await lookFrom(folder);
    expect(look.objects).toMatchObject({ listed: 30, sampled: 16 });
    expect(look.bytesRead).toBeLessThanOrEqual(16 << 20);
    expect(look.reasons).toEqual({});
    expect(look.filled.subject).toBe(1);
  });

  test('reads more of an object in whose beginning no record ends', async () => {
    const folder = join(place(), 'batches');
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const decision = (padding: number): string =>
      JSON.stringify({
        decision_id: 'd',
        timestamp: '2026-03-01T10:00:00Z',
        input: { subject: 'a', padding: 'x'.repeat(padding) },
      });
    const batch = { metrics: Array.from({ length: 900 }, () => ({ fields: { value: decision(900) }, name: 'tail' })) };
    writeFileSync(join(folder, 'logs/batches.jsonl'), `${JSON.stringify(batch)}\n`.repeat(3));
    expect(await lookFrom(folder)).toMatchObject({ type: 'opa', reasons: {}, filled: { subject: 1 } });
    const { stdout } = await cli(['doctor'], { cwd: folder });
    expect(stdout).toMatch(/sample:decisions +\S+ of \S+ records .* would become rows, 0 are lines of other programs/);
  });

  test('does not count the record that it cuts, also behind lines of other programs', async () => {
    const folder = join(place(), 'wrapped');
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const wrapped = (log: string): string => `${JSON.stringify({ log: `${log}\n`, stream: 'stderr' })}\n`;
    const record = { decision_id: 'd', timestamp: '2026-03-01T10:00:00Z', input: { subject: 'x'.repeat(900) } };
    const lines = (wrapped('listening') + wrapped(JSON.stringify(record))).repeat(400);
    writeFileSync(join(folder, 'logs/container.log'), lines);
    expect((await lookFrom(folder)).reasons).toEqual({});
  });

  test('tells a folder that is not there from one without records', async () => {
    const run = await cli(['init', './lgos', '--yes'], { cwd: folderOf('opa/seed-lines') });
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain('/lgos');
    expect(run.stderr).toContain('make it, or correct the location');
  });

  test('writes nothing where no record is known, and never over a file that is there', async () => {
    const folder = join(place(), 'foreign');
    mkdirSync(join(folder, 'logs'), { recursive: true });
    writeFileSync(
      join(folder, 'logs/access.log'),
      '127.0.0.1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1\n',
    );
    const run = await cli(['init', './logs', '--yes'], { cwd: folder });
    expect(run.code).toBe(1);
    expect(run.stdout).toContain('none that any source knows');
    expect(() => statSync(join(folder, 'audit-warehouse.yaml'))).toThrow();

    const taken = folderOf('opa/seed-lines');
    writeFileSync(join(taken, 'audit-warehouse.yaml'), 'mine');
    expect(await cli(['init', './logs', '--yes'], { cwd: taken })).toMatchObject({ code: 2 });
  });
});
