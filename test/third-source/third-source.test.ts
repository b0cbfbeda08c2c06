/**
 * A new source is one folder, one schema and one line of the registry. Here it is added to a copy of the program, and
 * every job has to know it: nothing else is touched, so whatever keeps a list of its own would be found out.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli } from '../support/cli.ts';

const root = join(import.meta.dirname, '../..');
const here = import.meta.dirname;

let folder: string;
let program: string;
let place: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-warehouse-third-source-'));
  program = join(folder, 'program');
  place = join(folder, 'place');
  for (const part of ['src', 'schemas', 'bin', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(program, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(program, 'node_modules'));
  cpSync(join(here, 'cedar'), join(program, 'src/sources/cedar'), { recursive: true });
  cpSync(join(here, 'cedar.schema.json'), join(program, 'schemas/cedar.schema.json'));
  const registry = join(program, 'src/sources/registry.ts');
  const text = readFileSync(registry, 'utf8');
  const line = "  'okera-audit': okeraAudit,\n";
  expect(text).toContain(line);
  writeFileSync(registry, `import { cedar } from './cedar/source.ts';\n${text.replace(line, `${line}  cedar,\n`)}`);
  mkdirSync(join(place, 'logs'), { recursive: true });
  const config = { warehouse: './warehouse', sources: [{ name: 'policies', type: 'cedar', location: './logs' }] };
  writeFileSync(join(place, 'audit-warehouse.yaml'), JSON.stringify({ ...config, compact: { small_files: 2 } }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = async (...args: string[]) => {
  const result = await cli(args, { cwd: place, command: join(program, 'bin/audit-warehouse') });
  expect(result, `${args.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout;
};
const json = async (...args: string[]) => JSON.parse(await run(...args, '--json'));
const ask = async (sql: string): Promise<unknown[][]> =>
  JSON.parse(await run('query', '--sql', sql, '--format', 'json')).rows;

const decisions = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return `${JSON.stringify({ id: `d${n}`, at: `2026-03-01T10:00:${String(n % 60).padStart(2, '0')}Z`, principal: n % 3 === 0 ? 'alice' : 'bob', action: 'view', decision: 'Allow', peer: `10.0.0.${n % 200}` })}\n`;
  }).join('');

describe('a source that is added as a folder, a schema and a line', () => {
  test('leaves nothing out that the compiler asks for', async () => {
    const config = { extends: './tsconfig.json', include: ['src'] };
    writeFileSync(join(program, 'tsconfig.src.json'), JSON.stringify(config));
    const tsc = promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', join(program, 'tsconfig.src.json')]);
    const { stdout } = await tsc.catch((error) => error);
    expect(stdout).toBe('');
  });

  test('is ingested, followed, compacted, verified, queried, reported on and erased', async () => {
    writeFileSync(join(place, 'logs/one.jsonl'), `${decisions(0, 30)}{"id":"x","at":"never"}\n`);
    expect(await json('backfill')).toMatchObject({ records: { read: 31, rows: 30, quarantined: 1 } });
    writeFileSync(join(place, 'logs/two.jsonl'), decisions(30, 30));
    await run('worker', '--once');
    expect(await ask('select count(*), count(distinct peer_key) from cedar_decisions')).toEqual([[60, 60]]);

    expect(await json('compact')).toMatchObject({ tables: { cedar_decisions: { files: { before: 2, after: 1 } } } });
    expect(await json('verify', '--deep')).toMatchObject({ ok: true, tables: { cedar_decisions: { rows: 60 } } });
    expect(JSON.stringify(await json('tables'))).toContain('cedar_decisions');

    await run('report', '--from', '2026-03-01', '--to', '2026-03-01', '--output', 'report.html');
    const page = readFileSync(join(place, 'report.html'), 'utf8');
    expect(page).toContain('policies');

    expect(await json('erase', '--subject', 'alice')).toMatchObject({ tables: { cedar_decisions: { rows: 20 } } });
    expect(await ask('select distinct principal from cedar_decisions')).toEqual([['bob']]);
    expect(await json('verify', '--deep')).toMatchObject({ ok: true, tables: { cedar_decisions: { rows: 40 } } });
  });
});
