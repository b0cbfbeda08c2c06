/**
 * Whatever the umask, everything that the binary writes on this machine is its user's alone: warehouses, what is put aside
 * while rows are sorted, reports, the configuration, compiled code.
 */
import { spawn } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { binary, cli } from '../support/cli.ts';

const decision = (id: number): string =>
  JSON.stringify({
    decision_id: `d${id}`,
    timestamp: `2023-07-1${id % 3}T16:57:42Z`,
    labels: {},
    input: { subject: `user${id % 7}`, noise: Array.from({ length: 20 }, (_, i) => Math.sin(id * 100 + i)) },
    result: { allowed: true },
  });

/** Everything below the folder but the logs, with what others may do to it. */
function open(folder: string): { seen: string[]; toOthers: string[] } {
  const seen = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => !name.startsWith('logs'));
  const toOthers = seen.flatMap((name) => {
    const stats = lstatSync(join(folder, name));
    // A lock is a symbolic link, whose mode means nothing.
    return stats.isSymbolicLink() || (stats.mode & 0o077) === 0 ? [] : [`${name} ${(stats.mode & 0o777).toString(8)}`];
  });
  return { seen, toOthers };
}

describe.each(['022', '000'])('under umask %s', (umask) => {
  const set = (): {
    folder: string;
    run: (...args: string[]) => ReturnType<typeof cli>;
    env: Record<string, string>;
  } => {
    const folder = mkdtempSync(join(tmpdir(), 'aw-private-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'logs'));
    mkdirSync(join(folder, 'tmp'), { mode: 0o700 });
    for (let file = 0; file < 6; file++) {
      const lines = Array.from({ length: 1500 }, (_, i) => decision(file * 10_000 + i));
      writeFileSync(join(folder, 'logs', `${file}.jsonl`), `${lines.join('\n')}\n{"broken"`);
    }
    const env = { XDG_CACHE_HOME: join(folder, 'home/cache'), TMPDIR: join(folder, 'tmp') };
    const run = (...args: string[]) =>
      cli(['-c', `umask ${umask}; exec "$0" "$@"`, binary, ...args], { cwd: folder, env, command: '/bin/sh' });
    return { folder, run, env };
  };

  const config = {
    warehouse: './data/audit/warehouse',
    sources: [{ name: 'opa', type: 'opa', location: './logs' }],
    batch: { objects: 2, spill: './spill/ingest', column_bytes: '1MiB', threads: 1 },
    compact: { memory: '1MiB', spill: './spill/compact', small_files: 2 },
  };

  test('no command leaves anything that others may read or change', async () => {
    const { folder, run } = set();
    const commands = [
      ['init', '--output', 'made.yaml'],
      ['init', '--force'],
      ['validate'],
      ['backfill', '--no-progress', '--source', 'opa'],
      ['worker', '--once'],
      ['tables'],
      ['query', '--sql', 'select count(*) from opa_decisions'],
      ['report', '--from', '2023-07-10', '--to', '2023-07-12'],
      ['quarantine'],
      ['replay'],
      ['compact'],
      ['verify', '--deep'],
      ['erase', '--subject', 'user3'],
      ['expire'],
      ['doctor'],
    ];
    // One that is there with another mode is closed too.
    writeFileSync(join(folder, 'audit-warehouse.yaml'), '', { mode: 0o644 });
    for (const args of commands) {
      if (args[0] === 'validate') writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify(config));
      const { code, stderr } = await run(...args);
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
    }
    const { seen, toOthers } = open(folder);
    expect(toOthers).toEqual([]);
    for (const temporary of ['tmp', 'spill/ingest', 'spill/compact'])
      expect(readdirSync(join(folder, temporary), { recursive: true })).toEqual([]);
    for (const made of [
      /^audit-warehouse\.yaml$/,
      /^made\.yaml$/,
      /^audit-report\.html$/,
      /^data\/audit\/warehouse\/opa_decisions\/metadata\/v\d+\.metadata\.json$/,
      /^data\/audit\/warehouse\/opa_decisions\/data\/.*\.parquet$/,
      /^home\/cache\/audit-warehouse\/compiled\/.+\/.+$/,
    ])
      expect(seen.filter((name) => made.test(name))).not.toEqual([]);
  });

  test.each(['ingest', 'compact'] as const)('what %s puts aside is closed while it is there', async (job) => {
    const { folder, run, env } = set();
    writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify(config), { mode: 0o600 });
    mkdirSync(join(folder, 'spill', job), { recursive: true, mode: 0o700 });
    if (job === 'compact') expect((await run('backfill')).code).toBe(0);
    const args = ['-c', `umask ${umask}; exec "$0" "$@"`, binary, job === 'compact' ? 'compact' : 'backfill'];
    const child = spawn('/bin/sh', args, {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
    // Killed as soon as it puts rows aside, so that they stay.
    const watched = watch(join(folder, 'spill', job), { recursive: true }, (_, name) => {
      if (name?.endsWith('.parquet')) child.kill('SIGKILL');
    });
    const signal = await ended;
    watched.close();
    const { seen, toOthers } = open(folder);
    expect({ signal, aside: seen.filter((name) => name.startsWith(`spill/${job}/`)) }).toEqual({
      signal: 'SIGKILL',
      aside: expect.arrayContaining([expect.stringMatching(/audit-warehouse-/)]),
    });
    expect(toOthers).toEqual([]);
  });
});

test('a folder of compiled code that others could write to is closed before anything in it is run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-private-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const compiled = join(folder, 'audit-warehouse/compiled');
  mkdirSync(compiled, { recursive: true });
  chmodSync(compiled, 0o777);
  expect((await cli(['--version'], { cwd: folder, env: { XDG_CACHE_HOME: folder } })).code).toBe(0);
  expect((lstatSync(compiled).mode & 0o777).toString(8)).toBe('700');
});
