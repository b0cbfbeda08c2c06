/**
 * What more processes bring: one, two, four, … run `backfill` of the same source at the same time, from an S3 on loopback
 * that answers as late as a real one, into a new warehouse there. Prints how long that takes, and how many commits were
 * made and lost, as Markdown. The numbers of processes take turns, so that a noisy machine is noisy to all of them.
 */
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
  measureBackfill,
  median,
  note,
  serveDistantS3,
  settingsOption,
  spread,
  workFolder,
} from './lib/measured.ts';

interface Options {
  readonly objects: number;
  readonly perObject: number;
  readonly batches: number;
  readonly processes: readonly number[];
  readonly latency: number;
  readonly runs: number;
  readonly set: readonly string[];
  readonly folder: string;
  readonly json?: boolean;
}

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly asked: Asked;
}

const env = { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' };

async function bench(options: Options): Promise<void> {
  const { objects, perObject, batches, processes, latency } = options;
  const work = workFolder(options.folder);
  const records = objects * perObject;
  note(`generating ${objects} objects`);
  const input = await generate(join(work, 'logs'), records, { days: 3, 'per-object': perObject });
  const endpoint = await serveDistantS3(input.folder, latency);
  const config = {
    warehouse: 's3://warehouse/tables',
    s3: { endpoint, region: 'us-east-1', force_path_style: true },
    batch: { objects: Math.ceil(input.objects / batches) },
    sources: [{ name: 'bench', type: 'opa', location: 's3://raw/' }],
  };
  const measure = async (many: number): Promise<Run> => {
    await fetch(`${endpoint}/_reset`, { method: 'POST' });
    const begun = performance.now();
    // Each may have read all of it or nothing.
    const one = () => measureBackfill(work, config, 0, { settings: options.set, env });
    const all = await Promise.all(Array.from({ length: many }, one));
    const seconds = (performance.now() - begun) / 1000;
    const read = all.reduce((sum, { recordsRead }) => sum + recordsRead, 0);
    if (read !== records) throw new Error(`${records} records were generated, and ${read} read by ${many} processes`);
    const asked = (await (await fetch(`${endpoint}/_asked`)).json()) as Asked;
    return { seconds, cpuSeconds: all.reduce((sum, one) => sum + one.cpuSeconds, 0), asked };
  };

  const measured = processes.map((many) => ({ processes: many, runs: [] as Run[] }));
  for (let turn = 1; turn <= options.runs; turn++) {
    for (const { processes: many, runs } of measured) {
      const one = await measure(many);
      runs.push(one);
      note(`run ${turn} of ${options.runs}, ${many} processes: ${one.seconds.toFixed(2)} s`);
    }
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine: machine(), input, latency, measured })}\n`);
    return;
  }
  const first = median(measured[0]!.runs.map(({ seconds }) => seconds));
  const rows = measured.map(({ processes: many, runs }) => {
    const { commits, requests } = runs.at(-1)!.asked;
    const lost = (100 * commits.lost) / Math.max(1, commits.made + commits.lost);
    return [
      String(many),
      spread(
        runs.map(({ seconds }) => seconds),
        2,
      ),
      formatNumber(median(runs.map(({ seconds }) => seconds)) / first, 2),
      formatNumber(median(runs.map(({ cpuSeconds }) => cpuSeconds)), 1),
      String(commits.made),
      `${commits.lost} (${formatNumber(lost, 1)} %)`,
      String(Object.values(requests).reduce((sum, times) => sum + times, 0)),
    ];
  });
  const titles = ['processes', 'wall s', 'of the first', 'CPU s', 'commits', 'lost', 'requests'];
  process.stdout.write(`${machine()}; ${formatNumber(input.objects, 0)} objects, ${formatNumber(input.bytes / 1e6, 1)} MB, in ${batches} batches; ${latency} ms; ${options.runs} interleaved runs, min / median / max; commits, lost ones and requests of the last.

${markdown(titles, rows)}`);
}

await new Command('bench/fleet')
  .description('Measures several backfills of one source at the same time: wall, commits made and commits lost.')
  .option('--objects <n>', 'a number, or such as 5k', count, 5000)
  .option('--per-object <n>', 'records an object; 10 make objects of 7 KB', count, 10)
  .option('--batches <n>', 'batches that they make up', count, 26)
  .option('--processes <n...>', 'how many at a time', counts)
  .option('--latency <ms>', 'latency of a request', count, 30)
  .option('--runs <n>', 'runs of each', count, 3)
  .addOption(settingsOption())
  .option('--folder <path>', 'where logs are kept meanwhile', tmpdir())
  .option('--json', 'every measurement, as one JSON document')
  .action((options: Omit<Options, 'processes'> & { processes?: number[] }) =>
    bench({ ...options, processes: options.processes ?? [1, 2, 4, 8] }),
  )
  .parseAsync();
// The server is a child that would keep it alive.
process.exit();
