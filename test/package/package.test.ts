/**
 * What a stranger gets: the package as npm packs it, installed with the real npm in an empty project with Node.js and nothing
 * else. It runs, it is imported, and a strict TypeScript project compiles against it. What is installed comes from the npm
 * registry.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { decisionLogs } from '../e2e/support/logs.ts';
import { cli, projectRoot } from '../support/cli.ts';

const run = promisify(execFile);

const folder = mkdtempSync(join(tmpdir(), 'aw-package-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// The PATH of a machine with the Node.js that the project supports: no other program of this checkout is on it.
const nodeFolder = join(folder, 'node-24');
mkdirSync(nodeFolder);
symlinkSync(join(projectRoot, 'node_modules/node/bin/node'), join(nodeFolder, 'node'));
const environment = {
  PATH: [nodeFolder, ...process.env.PATH!.split(':').filter((path) => !path.includes('node_modules'))].join(':'),
  HOME: process.env.HOME!,
  XDG_CACHE_HOME: join(folder, 'cache'),
};
// npm also needs to know how this machine reaches the registry, and nothing of the npm or Vitest that may run these tests.
const ofRunner = /^(?:npm_(?!config_)|INIT_CWD$|NODE_(?:ENV|OPTIONS)$|VITEST|TEST$)/;
const registryEnvironment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofRunner.test(name))),
  ...environment,
};
const npm = (cwd: string, ...args: string[]) => run('npm', args, { cwd, env: registryEnvironment, maxBuffer: 2 ** 26 });

const project = join(folder, 'project');
let tarball: string;
let packed: readonly string[];

beforeAll(async () => {
  const { stdout } = await npm(projectRoot, 'pack', '--json', '--pack-destination', folder);
  // The build prints nothing, yet npm may say what it runs.
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ];
  tarball = join(folder, filename);
  packed = files.map(({ path }) => path);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "stranger", "private": true, "type": "module" }\n');
  await npm(project, 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball, 'typescript@5.9.3');
});

test('packs what is run and what is read about it, and nothing else', () => {
  const others = packed.filter((path) => !/^(dist|bin|docs|schemas)\//.test(path));
  expect(others.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'NOTICE', 'README.md', 'SECURITY.md', 'package.json']);
  expect(packed.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
  const sources = readdirSync(join(projectRoot, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(projectRoot.length + 1));
  // Code lies flat; declarations and what the code reads have the folders of the sources. Nothing of an earlier build is left.
  const isBundled = (path: string) => /^dist\/[^/]+\.js$/.test(path) || path === 'dist/THIRD-PARTY-NOTICES.txt';
  const isFromSource = (path: string) =>
    [path, path.replace(/\.d\.ts$/, '.ts')].some((one) => sources.includes(one.replace(/^dist\//, 'src/')));
  const inDist = packed.filter((path) => path.startsWith('dist/'));
  expect(inDist.filter((path) => !isBundled(path) && !isFromSource(path))).toEqual([]);
  const read = sources.filter((path) => /\.(?:sql|wasm)$/.test(path)).map((path) => path.replace(/^src\//, 'dist/'));
  expect(read.filter((path) => !packed.includes(path))).toEqual([]);
});

test('has every page that README.md links to and that a message names, but what is for a checkout', () => {
  const links = [...readFileSync(join(projectRoot, 'README.md'), 'utf8').matchAll(/\]\(((?!https?:)[^)#]+)/g)];
  const code = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' });
  const named = code
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [...readFileSync(join(projectRoot, 'src', path), 'utf8').matchAll(/\b(docs\/[\w/-]+\.md)\b/g)]);
  expect(links.length).toBeGreaterThan(20);
  expect(named.length).toBeGreaterThan(5);
  const pages = new Set([...links, ...named].map(([, page]) => page!));
  const isThere = (page: string): boolean => packed.some((path) => path === page || path.startsWith(`${page}/`));
  expect([...pages].filter((page) => !isThere(page))).toEqual(['CONTRIBUTING.md']);
});

test('says whose code is in the bundle, and under which licence', () => {
  const notices = execFileSync('tar', ['-xzOf', tarball, 'package/dist/THIRD-PARTY-NOTICES.txt'], { encoding: 'utf8' });
  const installed = ['@duckdb/node-api', 'parquetjs-lite'];
  const imported = new Set(
    readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !path.startsWith('kernel/assembly/'))
      .flatMap((path) => [
        ...readFileSync(join(projectRoot, 'src', path), 'utf8').matchAll(
          /^import (?!type)[^'"]*'((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^']*)?';$|\bawait import\('((?:@[\w.-]+\/)?[\w-]+)(?:\/[^']*)?'\)/gm,
        ),
      ])
      .map(([, fixed, dynamic]) => (fixed ?? dynamic)!)
      .filter((name) => !name.startsWith('.') && !installed.includes(name)),
  );
  expect(imported).toContain('@aws-sdk/client-glue');
  const [, ...named] = notices.split(`\n\n${'-'.repeat(80)}\n\n`);
  const names = named.map((notice) => /^(\S+) \d\S* \([\w.-]+\)$/m.exec(notice)?.[1]);
  expect([...imported].filter((name) => !names.includes(name))).toEqual([]);
  // What they import is there too.
  expect(names).toContain('@smithy/core');
  expect(notices).toContain('Permission is hereby granted, free of charge');
});

describe('installed in an empty project', () => {
  const audit = (...args: string[]) =>
    cli(['--no-install', 'audit-warehouse', ...args], { cwd: project, env: environment, command: 'npx' });

  test('it helps, takes logs in and answers questions', async () => {
    const help = await audit('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Usage: audit-warehouse');
    expect((await audit('--version')).stdout).toBe(`${packageJson.version}\n`);

    for (const { key, body } of decisionLogs(2, 25)) {
      mkdirSync(dirname(join(project, 'logs', key)), { recursive: true });
      writeFileSync(join(project, 'logs', key), body);
    }
    writeFileSync(
      join(project, 'audit-warehouse.yaml'),
      'warehouse: ./warehouse\nsources: [{ name: eopa, type: opa, location: ./logs }]\nbatch: { threads: 2 }\n',
    );
    const backfill = await audit('backfill', '--json');
    expect(backfill).toMatchObject({ code: 0 });
    expect(JSON.parse(backfill.stdout)).toMatchObject({ objects: { committed: 2 }, records: { rows: 50 } });
    const query = await audit('query', '--sql', 'SELECT count(*) AS n FROM opa_decisions', '--format', 'json');
    expect(query).toMatchObject({ code: 0 });
    expect(JSON.parse(query.stdout)).toMatchObject({ columns: ['n'], rows: [[50]] });
    const named = await audit('query', '--list');
    expect(named.stdout).toContain('decisions');
  });

  test('a program fills a warehouse and asks it', async () => {
    const code = `
      import { open } from 'audit-warehouse';
      const warehouse = await open({ warehouse: './programs', sources: [{ name: 'eopa', type: 'opa', location: './logs' }] });
      const { records } = await warehouse.backfill({ from: '2000-01-01' });
      const rows = [];
      for await (const row of warehouse.query({ sql: 'SELECT count(*) AS n FROM opa_decisions' })) rows.push(row);
      await warehouse.close();
      console.log(JSON.stringify([records.rows, rows]));`;
    writeFileSync(join(project, 'fill.mjs'), code);
    const { stdout } = await run('node', ['fill.mjs'], { cwd: project, env: environment });
    expect(JSON.parse(stdout)).toEqual([50, [{ n: 50 }]]);
  });

  test('a program imports it, and requires it', async () => {
    const code = `
      import { createRequire } from 'node:module';
      import * as imported from 'audit-warehouse';
      const required = createRequire(import.meta.url)('audit-warehouse');
      console.log(JSON.stringify([Object.keys(imported), Object.keys(imported).every((name) => name in required)]));`;
    writeFileSync(join(project, 'use.mjs'), code);
    const { stdout } = await run('node', ['use.mjs'], { cwd: project, env: environment });
    // A bundle may not add names that its own files need.
    expect(JSON.parse(stdout)).toEqual([Object.keys(await import('../../src/index.ts')).sort(), true]);
  });

  test.each([
    ['with what a new project has', {}],
    ['without the DOM and without global types', { lib: ['es2023'], types: [] }],
  ])('a strict TypeScript 5 project compiles against it, %s', async (_, options) => {
    const folder = mkdtempSync(join(project, 'typed-'));
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      ...options,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    writeFileSync(
      join(folder, 'use.ts'),
      `import { type BackfillReport, ConfigError, open, type Warehouse } from 'audit-warehouse';
      export const run = async (): Promise<number> => {
        const warehouse: Warehouse = await open({ warehouse: './w', sources: [{ name: 'a', type: 'opa', location: './l' }] });
        for await (const row of warehouse.query({ question: 'decisions', parameters: { subject: 'a' } })) console.log(row['subject']);
        const { records } = await warehouse.backfill({ from: '2026-01-01' });
        await warehouse.close();
        return records.rows;
      };
      export const isWrong = (error: unknown): boolean => error instanceof ConfigError && error.problems.length > 0;
      // @ts-expect-error The types say something: a wrong use of them is refused.
      export const text = (report: BackfillReport): string => report.records.rows;
      `,
    );
    const compiled = await cli(['-p', folder], {
      cwd: project,
      env: environment,
      command: join(project, 'node_modules/.bin/tsc'),
    });
    expect(compiled).toMatchObject({ code: 0, stdout: '' });
  });
});

test('is as publint and "Are the types wrong?" want a package to be', async () => {
  const tool = (name: string, ...args: string[]) =>
    cli(args, { cwd: projectRoot, command: join(projectRoot, 'node_modules/.bin', name) });
  const publint = await tool('publint', 'run', tarball, '--strict');
  expect(publint.stdout).toContain('All good!');
  expect(publint.code).toBe(0);
  const attw = await tool('attw', tarball, '--no-color');
  expect(attw.stdout).toMatch(/node16 \(from ESM\).* 🟢 \(ESM\)/);
  expect(attw.code).toBe(0);
});

describe('the lock file', () => {
  const lock = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { integrity?: string; resolved?: string; optionalDependencies?: Record<string, string> }>;
  };

  test('has every optional package of every platform, each with its digest, and no address of a registry', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toEqual([]);
    const { '': root, ...installed } = lock.packages;
    expect(root).toBeDefined();
    expect(Object.entries(installed).filter(([, entry]) => !entry.integrity || entry.resolved)).toEqual([]);
  });

  // The newest npm when this was written: it refuses what older ones let pass.
  test.each(['12.2.2'])('is accepted by npm %s, for production and for work on the project', async (version) => {
    const tools = join(folder, `npm-${version}`);
    const locked = join(folder, 'locked');
    mkdirSync(tools);
    mkdirSync(locked, { recursive: true });
    await npm(tools, 'install', '--prefix', tools, '--no-audit', '--no-fund', '--prefer-offline', `npm@${version}`);
    for (const name of ['package.json', 'package-lock.json', '.npmrc'])
      cpSync(join(projectRoot, name), join(locked, name));
    const newest = (...args: string[]) =>
      cli([join(tools, 'node_modules/npm/bin/npm-cli.js'), ...args], {
        cwd: locked,
        env: registryEnvironment as Record<string, string>,
        command: join(nodeFolder, 'node'),
      });
    expect((await newest('--version')).stdout).toBe(`${version}\n`);
    for (const platform of [[], ['--os=linux', '--cpu=arm64', '--libc=glibc']]) {
      const production = await newest('ci', '--omit=dev', '--ignore-scripts', '--dry-run', ...platform);
      expect(production.stderr).not.toContain('npm error');
      expect(production).toMatchObject({ code: 0, stdout: expect.stringMatching(/added \d+ packages/) });
    }
    expect(await newest('ci', '--ignore-scripts', '--dry-run')).toMatchObject({ code: 0 });
  });
});
