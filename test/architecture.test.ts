import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * Who may import whom: main -> commands -> jobs -> {sources, records, columns, parquet, iceberg, ports}. The middle is
 * pure, effects enter through ports, and wire.ts alone knows which adapters stand behind them. Files are named by their
 * path below src/.
 */
const src = join(import.meta.dirname, '../src');

interface Import {
  readonly from: string;
  /** A path below src/ or what a package or a part of Node is called. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const statement =
  /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8').replace(/^\s*(\/\*\*?|\*|\/\/).*$/gm, '');
  return [...text.matchAll(statement)].map(([, typeOnly, fixed, dynamic]) => {
    const name = (fixed ?? dynamic)!;
    const to = name.startsWith('.') ? relative(src, join(src, dirname(file), name)) : name;
    return { from: file, to, typeOnly: typeOnly !== undefined };
  });
}

const files = globSync('**/*.ts', { cwd: src })
  // The kernel's own language is another one (src/kernel/asconfig.json).
  .filter((file) => !file.endsWith('.d.ts') && !file.startsWith('kernel/assembly/'))
  .sort();
const imports = files.flatMap(importsOf);
const internal = imports.filter(({ to }) => to.endsWith('.ts'));
const folderOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

/** Those of the imports that break a rule, as readable text. */
const broken = (some: readonly Import[]) => some.map(({ from, to }) => `${from} -> ${to}`);

const adapters = [
  /^store\/(s3|s3-errors|s3-multipart|local|local-lock|memory)\.ts$/,
  /^catalog\/(glue|file)(-\w+)*\.ts$/,
  /^catalog\/(glue|file)\//,
  /^engines\/(?!(engine|literals|mentions)\.ts$)/,
  /^probes\/(?!probes\.ts$)/,
];
const isAdapter = (file: string) => adapters.some((adapter) => adapter.test(file));

/** Contracts without an effect of their own, which all may know. */
const ports = ['store/store.ts', 'catalog/catalog.ts', 'config/config.ts', 'sources/source.ts', 'parquet/encoder.ts'];

/** Folders of the pure middle, and what each may import besides itself. */
const middle: Readonly<Record<string, readonly string[]>> = {
  kernel: ['columns'],
  columns: ['kernel'],
  tables: ['columns'],
  records: ['kernel', 'columns', 'tables'],
  parquet: ['kernel', 'columns', 'tables'],
  iceberg: ['columns', 'tables', 'parquet'],
  sources: ['columns', 'tables', 'records'],
};

describe('imports', () => {
  test('are found, and name files that exist', () => {
    expect(files).toContain('store/store.ts');
    expect(internal.length).toBeGreaterThan(20);
    expect(broken(internal.filter(({ to }) => !existsSync(join(src, to))))).toEqual([]);
  });

  test('of adapters are in wire.ts only', () => {
    const others = internal.filter(({ from, to, typeOnly }) => isAdapter(to) && !typeOnly && from !== 'wire.ts');
    expect(broken(others.filter(({ from }) => !isAdapter(from)))).toEqual([]);
  });

  test('go down from main over commands and jobs, never up', () => {
    const height = (file: string) => {
      if (['main.ts', 'index.ts', 'lambda.ts', 'ingest-worker.ts'].includes(file)) return 4;
      return { commands: 3, report: 3, worker: 2, jobs: 1 }[folderOf(file)] ?? 0;
    };
    const upwards = internal.filter(({ from, to }) => from !== 'wire.ts' && height(to) > height(from));
    expect(broken(upwards)).toEqual([]);
  });

  test('of wire.ts are in main, in the library face and in commands only', () => {
    const others = internal.filter(({ from, to, typeOnly }) => to === 'wire.ts' && !typeOnly && folderOf(from) !== '');
    expect(broken(others.filter(({ from }) => folderOf(from) !== 'commands'))).toEqual([]);
  });

  test('of the pure middle stay in it', () => {
    const allowed = (from: string, to: string) =>
      folderOf(from) === folderOf(to) || middle[folderOf(from)]!.includes(folderOf(to)) || ports.includes(to);
    const pure = internal.filter(({ from }) => folderOf(from) in middle);
    expect(broken(pure.filter(({ from, to }) => !allowed(from, to)))).toEqual([]);
  });
});

describe('effects', () => {
  const parts = /^node:(fs|net|http|https|http2|tls|dgram|dns|child_process|worker_threads|cluster)(\/|$)/;
  const clients = /^(@aws-sdk|@smithy|@duckdb)\//;

  test('files, networks, processes and AWS are reached by adapters, engines, commands, telemetry and loaders only', () => {
    // What is read from the disk before there is a store: the configuration, and what the package itself ships.
    const loaders = [
      'wire.ts',
      'main.ts',
      'config/load.ts',
      // Threads are started, and run, outside of the middle.
      'ingest-worker.ts',
      'jobs/ingest-pool.ts',
      'kernel/kernel.ts',
      'ledger/process-owner.ts',
      'queries/questions.ts',
      'report/questions.ts',
      'views/select.ts',
    ];
    const may = (file: string) =>
      isAdapter(file) || loaders.includes(file) || ['commands', 'telemetry', 'worker'].includes(folderOf(file));
    const reaching = imports.filter(({ to, typeOnly }) => !typeOnly && (parts.test(to) || clients.test(to)));
    expect(broken(reaching.filter(({ from }) => !may(from)))).toEqual([]);
  });

  test('no engine, AWS client or database driver shows in a command', () => {
    const commands = imports.filter(({ from, to }) => folderOf(from) === 'commands' && clients.test(to));
    expect(broken(commands)).toEqual([]);
  });

  test('the pure middle has no clock, no randomness and no environment', () => {
    const impure =
      /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|randomUUID|randomBytes|process\.(env|hrtime|cwd)|set(Timeout|Interval)|fetch)\b/;
    // The kernel draws a key for its hashes, which no result depends on.
    const found = files
      .filter((file) => folderOf(file) in middle && file !== 'kernel/kernel.ts')
      .filter((file) => impure.test(readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')));
    expect(found).toEqual([]);
  });
});
