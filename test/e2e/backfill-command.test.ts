import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackfillReport } from '../../src/jobs/backfill/report.ts';
import { backfillCounters } from '../../src/telemetry/counters.ts';
import { binary, cli, temporaryFolder } from '../support/cli.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);
const run = (...args: string[]) => cli(args, { cwd: folder });

const decision = (id: string, time: string, input: object, allowed = true) =>
  JSON.stringify({
    decision_id: id,
    timestamp: time,
    labels: { id: 'l' },
    path: 'authz/decision',
    input,
    result: { allowed },
  });

function write(name: string, lines: readonly string[]): void {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
}

const config = (source: string, more = ''): string =>
  `warehouse: ./warehouse-${source}\nsources:\n  - { name: ${source}, type: opa, location: ./${source} }\n${more}`;

beforeAll(() => {
  write('audit-warehouse.yaml', [config('logs')]);
  write('logs/a.jsonl', [
    decision('d1', '2023-07-11T16:57:42.252749Z', { subject: 'dr_evil', client_ip: '192.168.1.7' }),
    decision('d2', '2023-07-11T16:58:00Z', { subject: 'dr_evil', client_ip: '10.0.0.1' }, false),
    '{"oops":',
  ]);
  write('logs/b.jsonl', [decision('d3', '2023-07-12T00:00:00Z', { subject: 'sarah', client_ip: '' })]);
});

describe.sequential('one warehouse from first run to first answer', () => {
  it('--dry-run says what would be read and writes nothing', async () => {
    const { code, stdout } = await run('backfill', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      objects: { listed: 2, skipped: 0, committed: 0, failed: 0, archived: 0 },
      plan: { batches: 1, objects: 2 },
    });
    expect(JSON.parse((await run('tables', '--json')).stdout)).toEqual({ tables: [] });
  });

  it('refuses a source that there is not before anything is said to have started', async () => {
    const { code, stderr } = await run('backfill', '--source', 'nope');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'audit-warehouse: no source nope in the configuration; there are: logs\n',
    });
  });

  it('backfill --json prints one document of the documented shape, and nothing else on stdout', async () => {
    const { code, stdout, stderr } = await run('backfill', '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as BackfillReport;
    expect(report).toMatchObject({
      objects: { listed: 2, skipped: 0, committed: 2, failed: 0, archived: 0 },
      records: { read: 4, rows: 3, quarantined: 1, skipped: 0, duplicates: 0 },
      tables: { opa_decisions: { rows: 3, files: 2, days: 2 }, quarantine: { rows: 1 } },
      failures: [],
      quarantine: { malformed_json: 1 },
    });
    for (const part of ['objects', 'records', 'bytes'] as const) {
      expect(Object.keys(report[part])).toEqual(Object.keys(backfillCounters[part]));
    }
    expect(report.seconds).toBeGreaterThan(0);
    for (const line of stderr.split('\n')) if (line.startsWith('{')) expect(() => JSON.parse(line)).not.toThrow();
  });

  it('a second run reads nothing', async () => {
    const { code, stdout } = await run('backfill', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      objects: { listed: 2, skipped: 2, committed: 0, failed: 0, archived: 0 },
      records: { read: 0, rows: 0 },
      bytes: { read: 0, written: 0 },
      tables: {},
    });
  });

  it('tables shows what is there', async () => {
    const { tables } = JSON.parse((await run('tables', '--json')).stdout) as { tables: Record<string, unknown>[] };
    expect(tables.map((table) => [table.name, table.rows])).toEqual([
      ['ingested_objects', 2],
      ['opa_decisions', 3],
      ['quarantine', 1],
      ['sequences', 2],
    ]);
    expect(tables[1]).toMatchObject({ days: 2, firstDay: '2023-07-11', lastDay: '2023-07-12' });
    expect((await run('tables')).stdout).toMatch(/^opa_decisions +3 +2 /m);
  });

  const question = ['query', 'decisions', '--param', 'from=2023-07-11T16:55:00Z', '--param', 'to=2023-07-11T17:00:00Z'];

  it('the named question answers as JSON, CSV and table', async () => {
    const asked = [
      ...question,
      '--param',
      'subject=dr_evil',
      '--param',
      'cidr=192.168.0.0/16',
      '--param',
      'allowed=true',
    ];
    const { code, stdout } = await run(...asked, '--format', 'json');
    expect(code).toBe(0);
    const { columns, rows, bytesScanned, seconds } = JSON.parse(stdout);
    expect(columns.slice(0, 3)).toEqual(['event_time', 'decision_id', 'subject']);
    expect(rows.map((row: unknown[]) => row.slice(0, 3))).toEqual([['2023-07-11T16:57:42.252749Z', 'd1', 'dr_evil']]);
    expect(bytesScanned).toBeGreaterThan(0);
    expect(seconds).toBeGreaterThan(0);

    const csv = (await run(...asked, '--format', 'csv')).stdout.split('\r\n');
    expect(csv).toHaveLength(3);
    expect(csv[1]).toMatch(/^2023-07-11T16:57:42\.252749Z,d1,dr_evil,/);

    const table = await run(...question);
    expect(table.stdout.split('\n').map((line) => line.split(/ +/)[1])).toEqual([
      'decision_id',
      expect.any(String),
      'd1',
      'd2',
      undefined,
    ]);
    expect(table.stderr).toMatch(/^2 rows, .* scanned/);
  });

  it('SQL comes as an argument or on stdin, and a mistake in it exits 1', async () => {
    const sql = 'select subject, count(*) as n from opa_decisions group by subject order by subject';
    const expected = {
      columns: ['subject', 'n'],
      rows: [
        ['dr_evil', 2],
        ['sarah', 1],
      ],
    };
    expect(JSON.parse((await run('query', '--sql', sql, '--format', 'json')).stdout)).toMatchObject(expected);
    const piped = await cli(['query', '--sql', '-', '--format', 'json'], { cwd: folder, stdin: sql });
    expect(JSON.parse(piped.stdout)).toMatchObject(expected);

    const wrong = await run('query', '--sql', 'select nobody from opa_decisions', '--format', 'json');
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 1, stdout: '' });
    expect(wrong.stderr).toContain('nobody');
  });

  it('a reader that goes away early is no error', async () => {
    const shell = `"${binary}" query --sql "select i from range(1000000) t(i)" --format csv | head -n 1; exit "\${PIPESTATUS[0]}"`;
    const { code, stdout, stderr } = await cli(['-c', shell], { cwd: folder, command: 'bash' });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'i\r\n', stderr: '' });
  });
});

describe('exit codes of backfill', () => {
  it('3 where more is quarantined than allowed, with the work done', async () => {
    write('bad/a.jsonl', ['{}', '[]', decision('x', '2024-01-01T00:00:00Z', {})]);
    write('bad.yaml', [config('bad')]);
    expect((await run('backfill', '-c', 'bad.yaml', '--dry-run', '--max-quarantined', '0')).code).toBe(0);
    const { code, stdout, stderr } = await run('backfill', '-c', 'bad.yaml', '--json', '--max-quarantined', '1');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ records: { rows: 1, quarantined: 2 }, objects: { committed: 1 } });
    expect(stderr).toContain('more than --max-quarantined 1');
  });

  it('1 where an object could not be read; the others are committed, and it is named', async () => {
    write('caps/a.jsonl', [decision('x', '2024-01-01T00:00:00Z', {})]);
    write('caps/big.jsonl', [decision('y', '2024-01-01T00:00:00Z', { pad: 'x'.repeat(5000) })]);
    write('caps.yaml', [config('caps', 'limits: { object_bytes: 2KiB }\n')]);
    const { code, stdout } = await run('backfill', '-c', 'caps.yaml', '--json');
    expect(code).toBe(1);
    const report = JSON.parse(stdout) as BackfillReport;
    expect(report.objects).toEqual({ listed: 2, skipped: 0, committed: 1, failed: 1, archived: 0 });
    expect(report.failures.map((failure) => failure.uri)).toEqual([`file://${folder}/caps/big.jsonl`]);
    expect((await run('backfill', '-c', 'caps.yaml')).stdout).toContain(`file://${folder}/caps/big.jsonl`);
  });

  it('1, with what to do, where an id or the folder of a report is not there; 0 where nothing has to be relocated', async () => {
    const raw = await run('raw', 'nope', '--from', '2023-07-11');
    expect(raw).toMatchObject({ code: 1, stderr: expect.stringMatching(/no row of this time.*FROM quarantine/) });
    const report = await run('report', '--output', 'nowhere/report.html');
    expect(report).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no such folder; make it') });
    const relocate = await run('relocate', '--from', '/nowhere');
    expect(relocate).toMatchObject({ code: 0, stdout: expect.stringMatching(/^nothing to relocate/) });
  });

  it('1 where the table of a source cannot be written to', async () => {
    write('upgraded/a.jsonl', [decision('u', '2023-07-11T16:57:42Z', {})]);
    write('upgraded.yaml', [config('upgraded')]);
    expect((await run('backfill', '-c', 'upgraded.yaml')).code).toBe(0);
    const metadata = join(folder, 'warehouse-upgraded/opa_decisions/metadata/v2.metadata.json');
    writeFileSync(metadata, readFileSync(metadata, 'utf8').replace(/"format-version": ?2/, '"format-version":3'));
    const { code, stdout } = await run('backfill', '-c', 'upgraded.yaml', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ objects: { failed: 0 }, failures: [{ code: 'table-unusable' }] });
    expect(code).toBe(1);
  });

  it('2 for a source that is not in the configuration', async () => {
    const { code, stdout, stderr } = await run('backfill', '--source', 'nope');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('logs');
  });
});

describe('a signal', () => {
  it('stops a run in good order, exits 1, and the same command goes on from there', async () => {
    const objects = 12;
    for (let i = 0; i < objects; i++) write(`many/${i}.jsonl`, [decision(`m${i}`, '2024-01-01T00:00:00Z', {})]);
    write('many.yaml', [config('many', 'batch: { objects: 1 }\n')]);
    const child = spawn(binary, ['backfill', '-c', 'many.yaml', '--log-level', 'debug'], { cwd: folder });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (!stderr.includes('"batch-') && `${stderr}${text}`.includes('"batch-')) child.kill('SIGINT');
      stderr += text;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toContain('stopping in good order');
    expect(stderr).toContain('the same command goes on from there');
    expect(code).toBe(1);

    const after = await run('backfill', '-c', 'many.yaml', '--json');
    expect(after.code).toBe(0);
    const counted = await run(
      'query',
      '-c',
      'many.yaml',
      '--sql',
      'select count(*), count(distinct decision_id) from opa_decisions',
      '--format',
      'json',
    );
    expect(JSON.parse(counted.stdout).rows).toEqual([[objects, objects]]);
  }, 60_000);
});
