/**
 * The three steps of a job: one plan, then one, two, four, … processes that stage its units, then one commit, from an S3 on
 * loopback that answers as late as a real one, into a new warehouse there. Prints what each step takes, as Markdown: what
 * docs/scale.md multiplies. Each process has one thread; compare the wall times of no more processes than there are CPUs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Asked } from './lib/distant-s3.ts';
import {
  count,
  counts,
  formatNumber,
  generate,
  machine,
  markdown,
  measureBinary,
  note,
  serveDistantS3,
  workFolder,
} from './lib/measured.ts';

interface Options {
  readonly records: number;
  readonly units: number;
  readonly processes: readonly number[];
  readonly latency: number;
  readonly folder: string;
}

type Step = Awaited<ReturnType<typeof measureBinary>>;

const credentials = { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' };

async function bench(options: Options): Promise<void> {
  const work = workFolder(options.folder);
  note(`generating ${options.records} records`);
  const input = await generate(join(work, 'logs'), options.records, { days: 3 });
  const endpoint = await serveDistantS3(input.folder, options.latency);
  const config = {
    warehouse: 's3://warehouse/tables',
    s3: { endpoint, region: 'us-east-1', force_path_style: true },
    batch: { objects: Math.ceil(input.objects / options.units), threads: 1 },
    sources: [{ name: 'bench', type: 'opa', location: 's3://raw/' }],
  };
  mkdirSync(join(work, 'run'));
  writeFileSync(join(work, 'run/audit-warehouse.yaml'), JSON.stringify(config));
  const asked = async (): Promise<number> =>
    Object.values(((await (await fetch(`${endpoint}/_asked`)).json()) as Asked).requests).reduce(
      (sum, n) => sum + n,
      0,
    );
  const rows: string[][] = [];
  for (const many of options.processes) {
    await fetch(`${endpoint}/_reset`, { method: 'POST' });
    const plan = await step(work, ['plan']);
    const units = plan.stdout.trim().split('\n');
    const planned = await asked();
    const begun = performance.now();
    const shares = Array.from({ length: many }, (_, i) => units.filter((_unit, u) => u % many === i).join('\n'));
    const stages = await Promise.all(shares.map((share) => step(work, ['stage'], share)));
    const seconds = (performance.now() - begun) / 1000;
    const receipts = stages.flatMap(({ stdout }) =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
    if (receipts.length !== units.length || receipts.some(({ state }) => state !== 'staged'))
      throw new Error(`${units.length} units were planned, and the receipts say ${JSON.stringify(receipts)}`);
    const staged = await asked();
    const commit = await step(work, ['commit']);
    const { records } = JSON.parse(commit.stdout).counts;
    if (records.read !== input.records)
      throw new Error(`${input.records} records are there, and ${records.read} committed`);
    const cpu = stages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    rows.push([
      String(many),
      formatNumber(seconds, 1),
      formatNumber(input.bytes / 1e6 / seconds, 0),
      formatNumber(cpu / (input.bytes / 1e9), 1),
      formatNumber(Math.max(...stages.map(({ peakRssBytes }) => peakRssBytes)) / 1e6, 0),
      formatNumber(plan.seconds, 1),
      formatNumber(commit.seconds, 1),
      `${planned} + ${staged - planned} + ${(await asked()) - staged}`,
    ]);
    note(`${many} processes: ${seconds.toFixed(1)} s`);
  }
  const titles = [
    'processes',
    'stage s',
    'MB/s',
    'CPU s per GB',
    'peak MB',
    'plan s',
    'commit s',
    'requests of each step',
  ];
  process.stdout.write(
    `${machine()}; ${formatNumber(input.objects, 0)} objects, ${formatNumber(input.bytes / 1e6, 0)} MB in ${options.units} units; ${options.latency} ms a request; the start of each process is included.\n\n${markdown(titles, rows)}`,
  );
}

const step = (work: string, args: readonly string[], input = ''): Promise<Step> =>
  measureBinary(join(work, 'run'), ['--log-level', 'warn', 'job', ...args], { env: credentials, input });

await new Command('bench/stages')
  .description('Measures job plan, several job stage side by side, and job commit: seconds, CPU, memory and requests.')
  .option('--records <n>', 'a number, or such as 500k', count, 500_000)
  .option('--units <n>', 'units that they make up', count, 16)
  .option('--processes <n...>', 'how many stage at a time', counts)
  .option('--latency <ms>', 'latency of a request', count, 30)
  .option('--folder <path>', 'where logs are kept meanwhile', tmpdir())
  .action((options: Omit<Options, 'processes'> & { processes?: number[] }) =>
    bench({ ...options, processes: options.processes ?? [1, 2, 4] }),
  )
  .parseAsync();
// The server is a child that would keep it alive.
process.exit();
