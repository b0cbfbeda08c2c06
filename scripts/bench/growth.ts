/**
 * How commits, plans and jobs grow with the number of snapshots and with the number of data files. A backfill of one decision
 * a day makes the warehouse; from there the metadata is written by the program's own writers: snapshots that repeat the
 * last one, and commits of data files that are hard links to those that are there. Prints CPU and wall time of each step
 * and how it grew from size to size, and fails where something grew more than its size did.
 */
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { loadConfig } from '../../src/config/load.ts';
import { commitTable, updateTable } from '../../src/iceberg/commit.ts';
import type { DataFile } from '../../src/iceberg/data-file.ts';
import { currentSnapshot, type Snapshot, type TableMetadata } from '../../src/iceberg/metadata.ts';
import { type LiveFile, liveFiles } from '../../src/iceberg/scan.ts';
import { backfill } from '../../src/jobs/backfill/backfill.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { describeTables } from '../../src/jobs/tables/describe.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { reservedColumns } from '../../src/sources/index.ts';
import { createRuntime, type OpenRuntime } from '../../src/wire.ts';
import { count, counts, formatNumber, machine, markdown, note, workFolder } from './lib/measured.ts';

interface Options {
  readonly snapshots: readonly number[];
  readonly files: readonly number[];
  readonly days: number;
  readonly folder: string;
  readonly json?: boolean;
}

interface Step {
  readonly step: string;
  readonly cpuSeconds: number;
  readonly seconds: number;
}

interface Size {
  readonly of: 'snapshots' | 'files';
  readonly size: number;
  /** Of the table's current metadata file. */
  readonly metadataBytes: number;
  readonly steps: readonly Step[];
}

const table = 'opa_decisions';
/** So much may a step grow for each time that its size does, noise included, once it takes this long. */
const mostGrowth = 1.5;
const leastSeconds = 0.2;

async function bench(options: Options): Promise<void> {
  const work = workFolder(options.folder);
  const sizes: Size[] = [];
  for (const [of, numbers] of [
    ['snapshots', options.snapshots],
    ['files', options.files],
  ] as const)
    for (const size of numbers) {
      note(`${size} ${of}`);
      const measured = await measure(join(work, `${of}-${size}`), of, size, options.days);
      // The next size may be more than the machine can take.
      note(measured.steps.map(({ step, cpuSeconds }) => `${step} ${cpuSeconds.toFixed(2)}`).join(', '));
      sizes.push(measured);
    }
  if (options.json) process.stdout.write(`${JSON.stringify({ machine: machine(), sizes })}\n`);
  else process.stdout.write(`${machine()}\n\n${report(sizes, 'snapshots')}\n${report(sizes, 'files')}`);
  const steep = [...growths(sizes)].filter(
    ({ growth, cpuSeconds }) => growth > mostGrowth && cpuSeconds > leastSeconds,
  );
  for (const { of, size, step, growth } of steep)
    note(`${step} at ${size} ${of} grew ${growth.toFixed(2)} times as much as their number`);
  process.exitCode = steep.length > 0 ? 1 : 0;
}

async function measure(folder: string, of: Size['of'], size: number, days: number): Promise<Size> {
  const runtime = await warehouseOf(folder, days);
  try {
    if (of === 'snapshots') await growSnapshots(runtime, size);
    else await growFiles(runtime, size);
    const steps: Step[] = [];
    const step = async (name: string, run: () => Promise<unknown>): Promise<void> => {
      const [cpu, started] = [process.cpuUsage(), performance.now()];
      await run();
      const { user, system } = process.cpuUsage(cpu);
      steps.push({ step: name, cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - started) / 1000 });
    };
    const filesOf = async (day?: string): Promise<LiveFile[]> => {
      const { metadata } = (await runtime.catalog.loadTable(table))!;
      return all(liveFiles(runtime.store, metadata, day === undefined ? {} : { ymd: { from: day, to: day } }));
    };
    const [first] = await filesOf();
    await step('plan of a day', () => filesOf(first!.ymd!));
    await step('plan of all', () => filesOf());
    await step('commit', () => append(runtime, [linked(first!, 'last')]));
    await step('tables', () => describeTables(runtime));
    await step('verify', () => verify(runtime));
    await step('compact --dry-run', () => compact(runtime, { dryRun: true }));
    await step('expire --dry-run', () => expire(runtime, { dryRun: true }));
    const { metadataLocation } = (await runtime.catalog.loadTable(table))!;
    const metadataBytes = (await runtime.store.head(metadataLocation))!.size;
    if (of === 'snapshots') await step('expire', () => expire(runtime));
    return { of, size, metadataBytes, steps };
  } finally {
    await runtime.close();
    rmSync(folder, { recursive: true });
  }
}

/** One decision a day, whose id is empty so that none is a duplicate of its copies. */
async function warehouseOf(folder: string, days: number): Promise<OpenRuntime> {
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const lines = Array.from({ length: days }, (_, i) => {
    const timestamp = new Date(Date.UTC(2025, 0, 1 + i)).toISOString();
    return JSON.stringify({ decision_id: '', labels: { id: 'i' }, input: {}, result: true, timestamp });
  });
  writeFileSync(join(folder, 'logs/a.jsonl'), lines.join('\n'));
  const source = { name: 'growth', type: 'opa', location: './logs' };
  const expiring = { snapshots: '1d', keep_snapshots: 1 };
  const document = { warehouse: './warehouse', sources: [source], expire: expiring, batch: { threads: 1 } };
  const { config } = loadConfig({ document, cwd: folder, env: {}, reserved: reservedColumns });
  const runtime = await createRuntime(config);
  await backfill(runtime, {}, { update: () => {} });
  return runtime;
}

/** The snapshot of the backfill, over and over, each the parent of the next. */
async function growSnapshots(runtime: OpenRuntime, size: number): Promise<void> {
  await updateTable(commitContext(runtime), table, ({ metadata }): TableMetadata => {
    const current = currentSnapshot(metadata)!;
    // Long ago, so that `expire` has everything to do.
    const start = current['timestamp-ms'] - 30 * 86_400_000;
    const snapshots = Array.from({ length: size - 1 }, (_, i): Snapshot => {
      const { 'parent-snapshot-id': _parent, ...rest } = current;
      const parent = i > 0 && { 'parent-snapshot-id': BigInt(i) };
      return { ...rest, ...parent, 'snapshot-id': BigInt(i + 1), 'sequence-number': 0, 'timestamp-ms': start + i };
    });
    const log = snapshots.map((one) => ({ 'timestamp-ms': one['timestamp-ms'], 'snapshot-id': one['snapshot-id'] }));
    return {
      ...metadata,
      snapshots: [...snapshots, current],
      'snapshot-log': [...log, ...metadata['snapshot-log'].slice(-1)],
    };
  });
}

const filesPerCommit = 1000;

async function growFiles(runtime: OpenRuntime, size: number): Promise<void> {
  const { metadata } = (await runtime.catalog.loadTable(table))!;
  const originals = await all(liveFiles(runtime.store, metadata));
  for (let made = originals.length; made < size; ) {
    const some = Math.min(filesPerCommit, size - made);
    const files = Array.from({ length: some }, (_, i) => {
      const number = made + i;
      return linked(originals[number % originals.length]!, String(number));
    });
    await append(runtime, files);
    made += some;
  }
}

/** The file under another name. */
function linked(original: LiveFile, name: string): DataFile {
  const path = original.path.replace(/[^/]+$/, `${name}.parquet`);
  linkSync(original.path.slice('file://'.length), path.slice('file://'.length));
  return { ...original, path, ymd: original.ymd! };
}

async function all(files: AsyncIterable<LiveFile>): Promise<LiveFile[]> {
  const found: LiveFile[] = [];
  for await (const file of files) found.push(file);
  return found;
}

const append = (runtime: OpenRuntime, add: readonly DataFile[]) =>
  commitTable(commitContext(runtime), table, () => ({ operation: 'append', add, remove: [], summary: {} }));

function* growths(sizes: readonly Size[]) {
  for (const [i, { of, size, steps }] of sizes.entries()) {
    const smaller = sizes[i - 1];
    if (smaller?.of !== of) continue;
    for (const { step, cpuSeconds } of steps) {
      const before = smaller.steps.find((other) => other.step === step)!.cpuSeconds;
      yield { of, size, step, cpuSeconds, growth: cpuSeconds / before / (size / smaller.size) };
    }
  }
}

function report(sizes: readonly Size[], of: Size['of']): string {
  const some = sizes.filter((size) => size.of === of);
  const names = some[0]?.steps.map(({ step }) => step) ?? [];
  const rows = some.map(({ size, metadataBytes, steps }) => [
    formatNumber(size, 0),
    formatNumber(metadataBytes / 1e6, 2),
    ...steps.map(({ cpuSeconds, seconds }) => `${formatNumber(cpuSeconds, 2)} (${formatNumber(seconds, 2)})`),
  ]);
  return markdown([of, 'metadata MB', ...names], rows);
}

await new Command('bench/growth')
  .description(
    'Measures commits, plans and jobs at more and more snapshots and data files: CPU seconds (wall seconds).',
  )
  .option('--snapshots <n...>', 'numbers of snapshots', counts)
  .option('--files <n...>', 'numbers of data files', counts)
  .option('--days <n>', 'days that the files spread over', count, 100)
  .option('--folder <path>', 'where the warehouses are kept meanwhile', tmpdir())
  .option('--json', 'every measurement, as one JSON document')
  .action((options: Partial<Options> & Pick<Options, 'days' | 'folder'>) =>
    bench({
      ...options,
      snapshots: options.snapshots ?? [10, 100, 1000, 10_000],
      files: options.files ?? [1000, 10_000, 50_000, 200_000],
    }),
  )
  .parseAsync();
