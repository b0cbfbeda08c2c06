/**
 * CPU time of the way of a record from framed bytes into columns, on one thread and without files: what the scanner
 * takes, what identities and columns add, and JSON.parse of the same bytes as the measure of this machine. Values repeated
 * from record to record are passed over by the last step only, since only records that become rows count for that. The
 * steps take turns, so that a noisy machine is noisy to all of them; of a step the least and the median round are told.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { discard } from '../../src/columns/batch.ts';
import { TableBuffer } from '../../src/columns/table-buffer.ts';
import { IdentitySet } from '../../src/records/identity-set.ts';
import { createSource } from '../../src/sources/index.ts';
import type { SourceType } from '../../src/sources/source.ts';

const root = resolve(import.meta.dirname, '../..');
const NEWLINE = 0x0a;
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

/** How far a record goes. */
const steps = ['JSON.parse', 'scan', 'scan + identity', 'scan + identity + columns'] as const;
type Step = (typeof steps)[number];

function bench({ records, rounds, source }: Options): void {
  const objects = generate(records, source);
  const times = new Map<Step, number[]>(steps.map((step) => [step, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const step of steps) times.get(step)!.push(run(step, objects, source));
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
function run(step: Step, objects: readonly LogObject[], type: SourceType): number {
  const source = createSource(type, {}, limits);
  const buffer = new TableBuffer(source.table.columns);
  const writer = source.rowWriter(buffer);
  const identities = new IdentitySet();
  let records = 0;
  const before = process.cpuUsage();
  for (const { uri, bytes } of objects) {
    writer.open(uri, source.describeObject(uri).columns);
    for (let start = 0, end = bytes.indexOf(NEWLINE); end >= 0; start = end + 1, end = bytes.indexOf(NEWLINE, start)) {
      records++;
      if (step === 'JSON.parse') {
        JSON.parse(bytes.toString('utf8', start, end));
        continue;
      }
      // A benchmark of work that was not done is worth nothing.
      if (!writer.accept(bytes, start, end)) throw new Error(`not certain: ${bytes.toString('utf8', start, end)}`);
      if (step === 'scan') continue;
      if (!writer.addIdentity(identities)) throw new Error(`twice: ${bytes.toString('utf8', start, end)}`);
      if (step === 'scan + identity + columns') writer.write(start);
    }
    // As jobs/ingest.ts does at batch.column_bytes.
    if (buffer.bytes > 48 << 20) discard(buffer.take());
  }
  const { user } = process.cpuUsage(before);
  discard(buffer.take());
  identities.release();
  return user / records;
}

const count = (text: string): number => {
  const value = Number(text.replace(/k$/i, '000').replace(/m$/i, '000000'));
  if (!(Number.isInteger(value) && value > 0)) throw new InvalidArgumentError('not a whole number above 0');
  return value;
};

new Command('bench/scan')
  .description('Measures the CPU time of scanning records, of their identities and of appending them to columns.')
  .option('--records <n>', 'records, such as 100k', count, 200_000)
  .option('--rounds <n>', 'rounds of each step', count, 8)
  .option('--source <type>', 'opa or okera-audit', 'opa')
  .addHelpText(
    'after',
    '\nExamples:\n  $ scripts/bench/scan\n  $ scripts/bench/scan --source okera-audit --records 100k',
  )
  .action(bench)
  .parse();
