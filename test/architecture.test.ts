import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * Who may import whom. `order` lists the folders of src/ from top to bottom; imports, type imports included, go down or
 * stay inside their folder. So no two folders can need each other, and a reader knows where to start.
 */
const order = [
  'main.ts',
  'lambda.ts',
  'ingest-thread.ts',
  'index.ts',
  'warehouse.ts',
  'commands',
  'wire.ts',
  'serve',
  'connect',
  'worker',
  'queue',
  'report',
  'queries',
  'jobs',
  'probes',
  'iam',
  'engines',
  'catalog',
  'ingest',
  'views',
  'ledger',
  'rewrite',
  'config',
  'sources',
  'records',
  'iceberg',
  'sequences',
  'tables',
  'parquet',
  'kernel',
  'columns',
  'store',
  'sql',
  'telemetry',
  'text',
];
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
/** The folder of src/ that a file is in; a file that stands there itself is its own. */
const folderOf = (file: string) => file.split('/', 1)[0]!;

const read = (file: string): string => readFileSync(join(src, file), 'utf8');

/** Those of the imports that break a rule, as readable text. */
const broken = (some: readonly Import[]) => some.map(({ from, to }) => `${from} -> ${to}`);

/** What is reached through a port: the registries and wire.ts alone know which of them stand behind it. */
const adapters = [
  /^store\/(aws-request|s3|s3-errors|s3-multipart|s3-requests|s3-signature|s3-sockets|local|local-lock|memory)\.ts$/,
  /^catalog\/(glue|file|rest)\//,
  /^engines\/(duckdb|trino|athena)\//,
  /^probes\/(?!probes\.ts$)/,
  /^queue\/sqs\.ts$/,
  // A configuration that no disk holds.
  /^config\/parameter\.ts$/,
];
const isAdapter = (file: string) => adapters.some((adapter) => adapter.test(file));

/** The pure middle: no clock, no randomness, no network, no files. */
const middle = ['sources', 'records', 'iceberg', 'sequences', 'tables', 'parquet', 'kernel', 'columns', 'sql', 'text'];

describe('imports', () => {
  test('are found, and name files that exist', () => {
    expect(files).toContain('store/store.ts');
    expect(internal.length).toBeGreaterThan(20);
    expect(broken(internal.filter(({ to }) => !existsSync(join(src, to))))).toEqual([]);
  });

  test('of adapters are in wire.ts and in the registries only', () => {
    const may = ['wire.ts', 'lambda.ts', 'engines/index.ts', 'catalog/index.ts'];
    const others = internal.filter(({ from, to, typeOnly }) => isAdapter(to) && !typeOnly && !may.includes(from));
    expect(broken(others.filter(({ from }) => !isAdapter(from)))).toEqual([]);
  });

  test('go down the order of folders, type imports included', () => {
    expect(files.map(folderOf).filter((folder) => !order.includes(folder))).toEqual([]);
    const height = (file: string) => order.length - order.indexOf(folderOf(file));
    expect(broken(internal.filter(({ from, to }) => height(to) > height(from)))).toEqual([]);
  });

  test('never lead back to the file they started from', () => {
    const next = Map.groupBy(internal, ({ from }) => from);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (path.includes(file) || done.has(file)) return;
      for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('of what reads rows of a file are in two files only, which say which of them are live', () => {
    const reading = files.filter((file) => /\bimport [^;]*\breadRows\b/.test(read(file)));
    expect(reading.filter((file) => folderOf(file) !== 'parquet')).toEqual([
      'iceberg/deleted-rows.ts',
      'iceberg/table-rows.ts',
    ]);
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
      'ingest-thread.ts',
      'ingest/thread-pool.ts',
      'kernel/kernel.ts',
      'ledger/process-owner.ts',
      // Whether two URIs are one folder, which symbolic links decide.
      'store/places.ts',
      'queries/own-questions.ts',
      // What one process puts aside for itself.
      'store/scratch-file.ts',
      'queries/questions.ts',
      'views/select.ts',
    ];
    const may = (file: string) =>
      isAdapter(file) ||
      loaders.includes(file) ||
      ['commands', 'serve', 'telemetry', 'worker'].includes(folderOf(file));
    const reaching = imports.filter(({ to, typeOnly }) => !typeOnly && (parts.test(to) || clients.test(to)));
    expect(broken(reaching.filter(({ from }) => !may(from)))).toEqual([]);
  });

  test('no engine, AWS client or database driver shows in a command', () => {
    const commands = imports.filter(({ from, to }) => folderOf(from) === 'commands' && clients.test(to));
    expect(broken(commands)).toEqual([]);
  });

  test('text leaves by one way, where what comes from outside is made harmless', () => {
    // The progress bar draws on the terminal itself; Lambda has nothing but a log of JSON lines; zlib's streams have a method of the name.
    const may = ['main.ts', 'lambda.ts', 'commands/shared/progress.ts', 'columns/zlib-handle.ts'];
    const writes = /\bprocess\.(stdout|stderr|_raw\w*)\b|\bconsole\.|\bwriteSync\b/;
    const writing = files.filter((file) => writes.test(read(file)));
    expect(writing).toEqual(may.toSorted());
  });

  test('the pure middle has no clock, no randomness and no environment', () => {
    const impure =
      /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|randomUUID|randomBytes|process\.(env|hrtime|cwd)|set(Timeout|Interval)|fetch)\b/;
    // The kernel draws a key for its hashes, which no result depends on.
    const found = files
      .filter((file) => middle.includes(folderOf(file)) && file !== 'kernel/kernel.ts')
      .filter((file) => impure.test(read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')));
    expect(found).toEqual([]);
  });
});
