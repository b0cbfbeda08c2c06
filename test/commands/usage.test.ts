import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { binary, cli, projectRoot, temporaryFolder } from '../support/cli.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);
const run = (...args: string[]) => cli(args, { cwd: folder });

describe('help', () => {
  const commands = ['backfill', 'worker', 'query', 'sql', 'report', 'serve', 'tables', 'doctor', 'validate', 'init'];

  it('names every command', async () => {
    const { code, stdout, stderr } = await run('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    const page = readFileSync(join(projectRoot, 'docs', 'cli.md'), 'utf8');
    const all = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!);
    expect(all).toEqual(expect.arrayContaining(commands));
    for (const command of all.filter((name) => name !== 'help'))
      expect(page).toMatch(new RegExp(`^\\| \`${command}\` `, 'm'));
  });

  it.each(commands)('of %s has examples and the options of the program', async (command) => {
    const { code, stdout } = await run(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:');
    expect(stdout).toMatch(new RegExp(`^  audit-warehouse ${command}`, 'm'));
    expect(stdout).toContain('--config <file>');
  });

  it.each(['', ...commands, 'verify', 'job plan'])(
    'of %s fits 80 columns, but for commands to copy',
    async (command) => {
      const { stdout } = await run(...command.split(' '), '--help');
      const long = stdout.split('\n').filter((line) => line.length > 80 && !/^ {2}(audit-warehouse|echo) /.test(line));
      expect(long).toEqual([]);
      expect(stdout).toMatch(/^[A-Z].{70,80}$/m);
    },
  );

  it('--version prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('a usage error exits 2, says what to write, and prints nothing on stdout', () => {
  it.each([
    ['help on an unknown command', ['help', 'backfil'], /Did you mean backfill\?/],
    ['an unknown command', ['backfil'], /Did you mean backfill\?/],
    ['an unknown option', ['backfill', '--jsn'], /Did you mean --json\?/],
    ['an option without its value', ['backfill', '--from'], /argument missing/],
    ['a time that is none', ['backfill', '--from', 'yesteryear'], /2023-07-11T16:55:00Z/],
    ['from after to', ['backfill', '--from', '2024-02-01', '--to', '2024-01-01'], /after/],
    ['a count that is none', ['backfill', '--max-quarantined', 'few'], /--max-quarantined takes a whole number/],
    ['neither question nor SQL', ['query'], /--sql TEXT/],
    ['question and SQL', ['query', 'decisions', '--sql', 'select 1'], /one of the two/],
    ['an unknown question', ['query', 'decision'], /did you mean decisions\?/],
    ['a parameter without value', ['query', 'decisions', '--param', 'from'], /name=value/],
    ['a word that is no parameter', ['query', 'decisions', 'dr_evil'], /name=value, not dr_evil/],
    ['a missing parameter', ['query', 'subject-activity'], /add subject=/],
    ['a range of a question that has none', ['query', 'okera-user-groups', '--last', '2h'], /has no range/],
    ['a range of SQL', ['query', '--sql', 'select 1', '--last', '2h'], /--last belongs to a named question/],
    ['two beginnings of a range', ['query', 'decisions', '--last', '2h', '--from', 'today'], /give one of them/],
    ['a range that is given twice', ['query', 'decisions', 'from=-2h', '--from', '-3h'], /from is given twice/],
    ['a time zone that is none', ['report', '--tz', 'Mars/Olympus'], /--tz must be the name of a time zone/],
    ...[['backfill'], ['job', 'plan'], ['compact'], ['quarantine'], ['replay']].map(
      (command): [string, string[], RegExp] => [
        `a time zone that is none, of ${command.join(' ')}`,
        [...command, '--tz', 'Mars/Olympus'],
        /--tz must be the name of a time zone/,
      ],
    ),
    ['an unknown format', ['query', 'decisions', '--format', 'xml'], /table, line, markdown, json, jsonl, csv/],
    ['a port that is none', ['serve', '--port', '70000'], /--port takes a number from 0 to 65535/],
    ['an unknown engine', ['query', 'decisions', '--engine', 'spark'], /duckdb, trino, athena/],
    ['an unknown log level', ['tables', '--log-level', 'loud'], /trace, debug/],
    ['a bucket that cannot be one', ['init', 's3://b/x', '--output', 'b.yaml'], /a bucket is named by 3 to 63/],
    ['nobody to investigate', ['investigate', ''], /not empty/],
    ['a source type that is none', ['quarantine', '--type', 'csv'], /there is no source type csv; there are: opa,/],
    ['no configuration', ['tables'], /audit-warehouse init/],
  ])('%s', async (_what, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('but for a variable that is empty, which counts as not set', async () => {
    const set = temporaryFolder();
    writeFileSync(
      join(set.folder, 'audit-warehouse.yaml'),
      'warehouse: w\nsources: [{ name: a, type: opa, location: logs }]\n',
    );
    const names = ['CONFIG', 'LOG_LEVEL', 'LOG_FORMAT', 'BATCH_THREADS', 'PAGER'];
    const env = Object.fromEntries(names.map((name) => [`AUDIT_WAREHOUSE_${name}`, '']));
    expect(await cli(['tables'], { cwd: set.folder, env })).toMatchObject({ code: 0, stderr: '' });
    expect(await cli(['query', '--list', 'decisions'], { cwd: set.folder, env })).toMatchObject({
      code: 0,
      stderr: '',
    });
    set.remove();
  });

  it('a mistake in the configuration, by key, file and line', async () => {
    writeFileSync(
      join(folder, 'bad.yaml'),
      'warehouse: w\nsources:\n  - { name: a, type: opa, location: l }\nlimit: {}\n',
    );
    const { code, stdout, stderr } = await run('backfill', '--config', 'bad.yaml');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe('audit-warehouse: bad.yaml:4: limit: unknown key; did you mean limits?\n');
  });
});

describe('init', () => {
  it('writes a configuration that is valid, and does not overwrite one unless forced', async () => {
    const file = join(folder, 'audit-warehouse.yaml');
    expect((await run('init')).code).toBe(0);
    const written = readFileSync(file, 'utf8');

    const again = await run('init');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('--force');

    const validated = await run('validate', '--json');
    expect(validated.code).toBe(0);
    expect(JSON.parse(validated.stdout)).toMatchObject({
      file,
      config: {
        warehouse: `file://${folder}/warehouse`,
        sources: [{ name: 'decisions', location: `file://${folder}/logs/opa/` }],
      },
    });

    writeFileSync(file, '# mine\n');
    expect((await run('init', '--force')).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(written);
  });

  it('every commented key of it is one that the configuration knows, with the default that it shows', async () => {
    await run('init', '--output', 'full.yaml');
    const text = readFileSync(join(folder, 'full.yaml'), 'utf8');
    const groups = text.slice(text.indexOf('# S3 or'));
    writeFileSync(
      join(folder, 'full.yaml'),
      text.slice(0, text.indexOf('# S3 or')) + groups.replace(/^# (\w+:)$/gm, '$1').replace(/^# {3}(\w+:)/gm, '  $1'),
    );
    const full = JSON.parse((await run('validate', '--json', '--config', 'full.yaml')).stdout) as {
      config: Record<string, unknown>;
    };
    const plain = JSON.parse((await run('validate', '--json')).stdout) as { config: Record<string, unknown> };
    for (const group of ['limits', 'output']) expect(full.config[group]).toEqual(plain.config[group]);
    // Without a default: what it shows is an example.
    expect(full.config.batch).toEqual({ ...(plain.config.batch as object), spill: 'file:///var/tmp' });
    expect(full.config.s3).toEqual({ endpoint: 'http://localhost:9000', region: 'eu-west-1', forcePathStyle: false });
  });

  it('validate shows a promoted column and an override by --set', async () => {
    writeFileSync(
      join(folder, 'promoted.yaml'),
      'warehouse: w\nsources:\n  - { name: a, type: opa, location: l, columns: { tenant: { path: input.tenant.id, type: string } } }\n',
    );
    const { code, stdout } = await run('validate', '--config', 'promoted.yaml', '--set', 'batch.bytes=64MiB');
    expect(code).toBe(0);
    expect(stdout).toContain('+ tenant string from input.tenant.id');
    expect(stdout).toMatch(/bytes +64\.0 MiB/);
  });

  it('a promoted column cannot take the name of a column that the table has', async () => {
    writeFileSync(
      join(folder, 'clash.yaml'),
      'warehouse: w\nsources:\n  - { name: a, type: opa, location: l, columns: { subject: { path: input.user, type: string } } }\n',
    );
    const { code, stderr } = await run('validate', '--config', 'clash.yaml');
    expect(code).toBe(2);
    expect(stderr).toMatch(/clash\.yaml:3: sources\[0\]\.columns\.subject: is a column that the table has already/);
  });
});

it('what cannot be written is named', async () => {
  const place = { cwd: mkdtempSync(join(folder, 'unwritable-')) };
  await cli(['init'], place);
  const file = await cli(['connect', 'notebook', '--output', 'nowhere/a.ipynb'], place);
  expect(file).toMatchObject({ code: 1, stdout: '' });
  expect(file.stderr).toMatch(/nowhere\/a\.ipynb cannot be written \(ENOENT\)/);
  const full = await cli(['-c', `"${binary}" connect notebook > /dev/full`], { ...place, command: 'sh' });
  expect(full).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/cannot be written to standard output \(ENOSPC\)/),
  });
});

describe('the launcher', () => {
  it('works through symbolic links, relative and absolute, and from a folder with spaces', async () => {
    const spaced = join(folder, 'with some spaces');
    mkdirSync(spaced);
    symlinkSync(binary, join(spaced, 'absolute'));
    symlinkSync('./absolute', join(spaced, 'relative'));
    const { code, stdout } = await cli(['--version'], { cwd: spaced, command: join(spaced, 'relative') });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('finds its own folder where CDPATH, as some shells export it, has another of that name', async () => {
    for (const place of ['mine', 'theirs']) mkdirSync(join(folder, place, 'bin'), { recursive: true });
    cpSync(binary, join(folder, 'mine/bin/audit-warehouse'));
    mkdirSync(join(folder, 'mine/dist'));
    writeFileSync(join(folder, 'mine/dist/main.js'), `console.log('mine');`);
    const PATH = `${join(projectRoot, 'node_modules/node/bin')}:${process.env.PATH}`;
    const env = { PATH, CDPATH: join(folder, 'theirs') };
    const launched = await cli(['bin/audit-warehouse'], { cwd: join(folder, 'mine'), command: '/bin/sh', env });
    expect(launched).toEqual({ code: 0, stdout: 'mine\n', stderr: '' });
  });

  it('runs the sources of a checkout, whatever an earlier build left there, and dist where there is nothing else', async () => {
    const root = join(folder, 'package');
    for (const path of ['bin', 'src', 'dist']) mkdirSync(join(root, path), { recursive: true });
    cpSync(binary, join(root, 'bin/audit-warehouse'));
    writeFileSync(join(root, 'src/main.ts'), `const from: string = 'sources'; console.log(from);`);
    writeFileSync(join(root, 'dist/main.js'), `console.log('dist');`);
    const PATH = `${join(projectRoot, 'node_modules/node/bin')}:${process.env.PATH}`;
    const launched = () => cli([], { cwd: folder, command: join(root, 'bin/audit-warehouse'), env: { PATH } });
    expect((await launched()).stdout).toBe('sources\n');
    rmSync(join(root, 'src'), { recursive: true });
    expect((await launched()).stdout).toBe('dist\n');
  });

  it('limits the heap of V8, unless the user has done so', async () => {
    const root = join(folder, 'elsewhere');
    for (const path of ['bin', 'dist', 'node']) mkdirSync(join(root, path), { recursive: true });
    cpSync(binary, join(root, 'bin/audit-warehouse'));
    const script = '#!/bin/sh\nif [ "$1" = --version ]; then echo v24.21.0; else echo "$@"; fi\n';
    writeFileSync(join(root, 'node/node'), script, { mode: 0o755 });
    const launchedWith = async (options: string): Promise<string> => {
      const env = { PATH: `${join(root, 'node')}:${process.env.PATH}`, NODE_OPTIONS: options };
      return (await cli(['--list'], { cwd: folder, command: join(root, 'bin/audit-warehouse'), env })).stdout;
    };
    const nursery = '--max-semi-space-size=4';
    const main = join(root, 'dist/main.js');
    expect(await launchedWith('')).toBe(`${nursery} --max-old-space-size=2000 ${main} --list\n`);
    for (const own of ['--max-old-space-size=8000', '--max_old_space_size=8000', '--max-heap-size=8000'])
      expect(await launchedWith(`--enable-source-maps ${own}`)).toBe(`${nursery} ${main} --list\n`);
  });

  it('passes arguments on as they are', async () => {
    const { stderr } = await run('query', 'decisions', '--param', 'from=a b "c" $HOME', '--param', 'to=*');
    expect(stderr).toContain('not a b "c" $HOME\n');
  });
});
