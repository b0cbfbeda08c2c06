/**
 * What a verification costs against the backfill that wrote the warehouse: CPU, wall time and peak memory of `backfill`, `verify`
 * and `verify --deep` through the binary, in turns on the same input. Prints a Markdown table of medians, and fails where the deep
 * one takes more than 1.5 times the CPU of the backfill, or more memory than it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import {
  count,
  counts,
  formatNumber,
  generate,
  type Input,
  type Measurement,
  machine,
  markdown,
  measureBinary,
  median,
  note,
  workFolder,
} from './lib/measured.ts';

interface Options {
  readonly records: readonly number[];
  readonly runs: number;
  readonly source: 'opa' | 'okera-audit';
  readonly days: number;
  readonly bad: number;
  readonly folder: string;
  readonly json?: boolean;
}

const jobs = {
  backfill: ['backfill', '--json', '--log-level', 'warn'],
  verify: ['verify', '--json'],
  'verify --deep': ['verify', '--deep', '--json'],
} as const;
type Job = keyof typeof jobs;
const names = Object.keys(jobs) as Job[];

const mostCpu = 1.5;
/** Beside what the backfill takes: a few pages more or less are noise. */
const mostMemory = 1.1;

async function bench(options: Options): Promise<void> {
  const work = workFolder(options.folder);
  const results: { readonly records: number; readonly medians: Record<Job, Measurement> }[] = [];
  for (const records of options.records) {
    note(`generating ${records} records`);
    const { source, days, bad } = options;
    const input = await generate(join(work, `logs-${records}`), records, { source, days, bad });
    const runs: Record<Job, Measurement>[] = [];
    for (let i = 1; i <= options.runs; i++) {
      runs.push(await measure(work, input, options));
      note(
        `run ${i} of ${options.runs}: ${names.map((job) => runs.at(-1)![job].cpuSeconds.toFixed(1)).join(', ')} CPU s`,
      );
    }
    rmSync(input.folder, { recursive: true });
    const of = (job: Job, what: keyof Measurement): number => median(runs.map((one) => one[job][what]));
    const medians = Object.fromEntries(
      names.map((job) => [
        job,
        { seconds: of(job, 'seconds'), cpuSeconds: of(job, 'cpuSeconds'), peakRssBytes: of(job, 'peakRssBytes') },
      ]),
    ) as Record<Job, Measurement>;
    results.push({ records, medians });
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ machine: machine(), results })}\n`);
  else {
    const titles = ['records', 'job', 'wall s', 'CPU s', 'CPU to backfill', 'peak RSS MB'];
    const rows = results.flatMap(({ records, medians }) =>
      names.map((job) => [
        formatNumber(records, 0),
        job,
        formatNumber(medians[job].seconds, 1),
        formatNumber(medians[job].cpuSeconds, 1),
        formatNumber(medians[job].cpuSeconds / medians.backfill.cpuSeconds, 2),
        formatNumber(medians[job].peakRssBytes / 1e6, 0),
      ]),
    );
    process.stdout.write(`${machine()}; medians of ${options.runs}.\n\n${markdown(titles, rows)}`);
  }
  const isMissed = results.some(
    ({ medians: { backfill, 'verify --deep': deep } }) =>
      deep.cpuSeconds > mostCpu * backfill.cpuSeconds || deep.peakRssBytes > mostMemory * backfill.peakRssBytes,
  );
  process.exitCode = isMissed ? 1 : 0;
}

async function measure(work: string, input: Input, { source }: Options): Promise<Record<Job, Measurement>> {
  const folder = mkdtempSync(join(work, 'run-'));
  const sources = [{ name: 'bench', type: source, location: input.folder }];
  // JSON is YAML.
  writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify({ warehouse: './warehouse', sources }));
  const measured = new Map<Job, Measurement>();
  // A job that finds a difference ends with another code, and the benchmark with it.
  for (const job of names) {
    const { stdout: _, ...measurement } = await measureBinary(folder, jobs[job]);
    measured.set(job, measurement);
  }
  rmSync(folder, { recursive: true });
  return Object.fromEntries(measured) as Record<Job, Measurement>;
}

await new Command('bench/verify')
  .description('Measures `verify` and `verify --deep` against the backfill: CPU, wall time, peak RSS.')
  .option('--records <n...>', 'sizes: numbers, or such as 100k and 5m', counts)
  .option('--runs <n>', 'runs of each size', count, 3)
  .option('--source <type>', 'opa or okera-audit', 'opa')
  .option('--days <n>', 'days that the records spread over', count, 3)
  .option('--bad <share>', 'share of records that belong into quarantine', Number, 0)
  .option('--folder <path>', 'where logs and warehouses are kept meanwhile', tmpdir())
  .option('--json', 'every median, as one JSON document')
  .action((options: Omit<Options, 'records'> & { records?: number[] }) =>
    bench({ ...options, records: options.records ?? [1_000_000, 5_000_000] }),
  )
  .parseAsync();
