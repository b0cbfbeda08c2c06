/**
 * CPU time of the way of a record from lines of bytes into columns, its identity included, on one thread and without
 * files, and of JSON.parse of the same bytes as the measure of this machine. The steps take turns, so that a noisy machine
 * is noisy to both; of a step the least and the median round are told.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { RowWriter } from '../../src/records/scan/row-writer.ts';
import { createSource } from '../../src/sources/index.ts';
import type { SourceType } from '../../src/sources/registry.ts';
import type { Source } from '../../src/sources/source.ts';

const root = resolve(import.meta.dirname, '../..');
const NEWLINE = 0x0a;
const pieceBytes = 256 << 10;
const limits = { recordBytes: 16 << 20, nestingDepth: 512 };

interface Options {
  readonly records: number;
  readonly rounds: number;
  readonly source: SourceType;
}

interface LogObject {
  readonly uri: string;
  readonly bytes: Buffer;
}

const steps = ['JSON.parse', 'fast path'] as const;
type Step = (typeof steps)[number];

function bench({ records, rounds, source }: Options): void {
  const objects = generate(records, source);
  const of = createSource(source, {}, limits);
  const times = new Map<Step, number[]>(steps.map((step) => [step, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const step of steps) times.get(step)!.push(run(step, objects, of));
    process.stderr.write(`bench: round ${round} of ${rounds}\n`);
  }
  const bytes = objects.reduce((sum, object) => sum + object.bytes.length, 0) / records;
  process.stdout.write(`${records} records of ${source}, ${Math.round(bytes)} bytes each; CPU µs a record.\n\n`);
  process.stdout.write('| step | least | median |\n| --- | --- | --- |\n');
  for (const [step, all] of times) {
    const sorted = all.sort((a, b) => a - b);
    process.stdout.write(`| ${step} | ${sorted[0]!.toFixed(2)} | ${sorted[sorted.length >> 1]!.toFixed(2)} |\n`);
  }
}

function generate(records: number, source: SourceType): LogObject[] {
  const folder = mkdtempSync(join(tmpdir(), 'audit-warehouse-bench-'));
  try {
    const args = [folder, '--records', String(records), '--source', source];
    execFileSync(join(root, 'scripts/generate'), args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const paths = globSync('**/*.{jsonl,log}', { cwd: folder }).sort();
    return paths.map((path) => ({ uri: `s3://logs/${path}`, bytes: readFileSync(join(folder, path)) }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** User CPU of the whole process in microseconds a record. */
function run(step: Step, objects: readonly LogObject[], source: Source): number {
  const writer = source.writers.acquire(() => true);
  let records = 0;
  const before = process.cpuUsage();
  for (const { uri, bytes } of objects) {
    if (step === 'JSON.parse') records += parseLines(bytes);
    else {
      writer.open(uri, source.describeObject(uri).columns);
      takeLines(writer, bytes);
      writer.settle();
      records += writer.taken.rows;
      // As jobs/ingest.ts does at batch.column_bytes.
      if (writer.bytes > 16 << 20) writer.clear();
    }
  }
  const { user } = process.cpuUsage(before);
  source.writers.release(writer);
  return user / records;
}

function parseLines(bytes: Buffer): number {
  let lines = 0;
  for (let start = 0, end = bytes.indexOf(NEWLINE); end >= 0; start = end + 1, end = bytes.indexOf(NEWLINE, start)) {
    JSON.parse(bytes.toString('utf8', start, end));
    lines++;
  }
  return lines;
}

/** In pieces, as records/frame does. */
function takeLines(writer: RowWriter, bytes: Buffer): void {
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.lastIndexOf(NEWLINE, start + pieceBytes) + 1;
    if (end <= start) return; // A last line without an end.
    const taken = writer.takeLines(bytes, start, end, start, limits.recordBytes);
    // A benchmark of work that was not done is worth nothing.
    if (taken < end) throw new Error(`not certain: ${bytes.toString('utf8', taken, taken + 1000)}`);
    start = end;
  }
}

const count = (text: string): number => {
  const value = Number(text.replace(/k$/i, '000').replace(/m$/i, '000000'));
  if (!(Number.isInteger(value) && value > 0)) throw new InvalidArgumentError('not a whole number above 0');
  return value;
};

new Command('bench/scan')
  .description('Measures the CPU time of records from lines into columns.')
  .option('--records <n>', 'records, such as 100k', count, 200_000)
  .option('--rounds <n>', 'rounds of each step', count, 8)
  .option('--source <type>', 'opa or okera-audit', 'opa')
  .addHelpText(
    'after',
    '\nExamples:\n  $ scripts/bench/scan\n  $ scripts/bench/scan --source okera-audit --records 100k',
  )
  .action(bench)
  .parse();
