/**
 * What S3's latency costs: `backfill` through the binary from a folder, from an S3 on loopback that answers as late as a
 * real one (lib/distant-s3.ts), input and warehouse both, and DuckDB's httpfs doing the bare conversion from there. The
 * places take turns, so that a noisy machine is noisy to all of them; what counts are the ratios. Prints Markdown.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { prices } from '../assumptions.ts';
import type { Asked } from './lib/distant-s3.ts';
import {
  count,
  counts,
  formatNumber,
  generate,
  type Input,
  type Measurement,
  machine,
  markdown,
  measureBackfill,
  median,
  note,
  root,
  run,
  serveDistantS3,
  settingsOption,
  spread,
  workFolder,
} from './lib/measured.ts';

interface Options {
  readonly records: number;
  readonly perObject: number;
  readonly runs: number;
  readonly latency: readonly number[];
  readonly python?: string;
  readonly peerThreads: number;
  readonly set: readonly string[];
  readonly folder: string;
  readonly json?: boolean;
}

/** Where a run reads from, and what it is. */
interface Place {
  readonly name: string;
  readonly measure: () => Promise<Run>;
}

interface Run extends Measurement {
  readonly asked?: Asked;
}

/** US dollars per thousand requests, by kind. Deleting is free. */
const pricePerThousand: Readonly<Record<string, number>> = {
  GET: prices.get,
  HEAD: prices.get,
  LIST: prices.put,
  PUT: prices.put,
  CREATE: prices.put,
  PART: prices.put,
  COMPLETE: prices.put,
};

const credentials = { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' };

async function bench(options: Options): Promise<void> {
  const work = workFolder(options.folder);
  note(`generating ${options.records} records`);
  const input = await generate(join(work, 'logs'), options.records, { days: 3, 'per-object': options.perObject });
  const places = await placesOf(work, input, options);
  const measured = places.map(({ name }) => ({ name, runs: [] as Run[] }));
  for (let turn = 1; turn <= options.runs; turn++) {
    for (const [at, { name, measure }] of places.entries()) {
      const one = await measure();
      measured[at]!.runs.push(one);
      note(`run ${turn} of ${options.runs}, ${name}: ${one.seconds.toFixed(2)} s`);
    }
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ machine: machine(), input, measured })}\n`);
  else process.stdout.write(report(input, measured));
}

async function placesOf(work: string, input: Input, options: Options): Promise<Place[]> {
  const settings = options.set;
  const source = (location: string) => [{ name: 'bench', type: 'opa', location }];
  const local = { warehouse: './warehouse', sources: source(input.folder) };
  const places: Place[] = [
    { name: 'local disk', measure: () => measureBackfill(work, local, input.records, { settings }) },
  ];
  for (const latency of options.latency) {
    const endpoint = await serveDistantS3(input.folder, latency);
    const config = {
      warehouse: 's3://warehouse/tables',
      s3: { endpoint, region: 'us-east-1', force_path_style: true },
      sources: source('s3://raw/'),
    };
    places.push({
      name: `S3, ${latency} ms`,
      measure: () =>
        watched(endpoint, () => measureBackfill(work, config, input.records, { settings, env: credentials })),
    });
    if (options.python !== undefined)
      places.push({
        name: `DuckDB httpfs, ${latency} ms`,
        measure: () => watched(endpoint, () => measureDuckDb(work, options, endpoint)),
      });
  }
  return places;
}

/** What was written before is gone, so that each run finds an empty warehouse. */
async function watched(endpoint: string, measure: () => Promise<Measurement>): Promise<Run> {
  await fetch(`${endpoint}/_reset`, { method: 'POST' });
  const measurement = await measure();
  return { ...measurement, asked: (await (await fetch(`${endpoint}/_asked`)).json()) as Asked };
}

async function measureDuckDb(work: string, { python, peerThreads }: Options, endpoint: string): Promise<Measurement> {
  const output = mkdtempSync(join(work, 'duckdb-'));
  const given = { source: 'opa', input: 's3://raw', output, threads: peerThreads, endpoint };
  const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const started = performance.now();
  const { stdout } = await run(python!, [join(root, 'scripts/bench/lib/peer_duckdb.py'), '--usage', ...args]);
  const seconds = (performance.now() - started) / 1000;
  rmSync(output, { recursive: true });
  const { cpu_seconds: cpuSeconds, peak_rss_bytes: peakRssBytes } = JSON.parse(stdout);
  return { seconds, cpuSeconds, peakRssBytes };
}

function report(input: Input, measured: readonly { readonly name: string; readonly runs: readonly Run[] }[]): string {
  const local = measured[0]!.runs;
  const ratio = (runs: readonly Run[], of: (one: Run) => number): string =>
    formatNumber(median(runs.map(of)) / median(local.map(of)), 2);
  const figures = measured.map(({ name, runs }) => [
    name,
    spread(
      runs.map(({ seconds }) => seconds),
      2,
    ),
    ratio(runs, ({ seconds }) => seconds),
    spread(
      runs.map(({ cpuSeconds }) => cpuSeconds),
      2,
    ),
    ratio(runs, ({ cpuSeconds }) => cpuSeconds),
    spread(
      runs.map(({ peakRssBytes }) => peakRssBytes / 1e6),
      0,
    ),
    formatNumber(input.objects / median(runs.map(({ seconds }) => seconds)), 0),
  ]);
  const millions = input.records / 1e6;
  const requests = measured.flatMap(({ name, runs }) => {
    const { asked } = runs.at(-1)!;
    if (asked === undefined) return [];
    const kinds = Object.entries(asked.requests).sort(([a], [b]) => (a < b ? -1 : 1));
    const price = kinds.reduce((sum, [kind, times]) => sum + (times / 1000) * (pricePerThousand[kind] ?? 0), 0);
    return [
      [
        name,
        kinds.map(([kind, times]) => `${times} ${kind}`).join(', '),
        formatNumber(kinds.reduce((sum, [, times]) => sum + times, 0) / millions, 0),
        `$${formatNumber(price / millions, 4)}`,
        formatNumber(asked.mostInFlight, 0),
        formatNumber(asked.bytesSent / 1e6, 1),
      ],
    ];
  });
  const titles = ['place', 'wall s', 'of local', 'CPU s', 'of local', 'peak RSS MB', 'objects/s'];
  const asked = ['place', 'requests', 'per million records', 'price per million records', 'most in flight', 'MB read'];
  return `${machine()}; ${formatNumber(input.records, 0)} records in ${formatNumber(input.objects, 0)} objects, ${formatNumber(input.bytes / 1e6, 1)} MB; ${local.length} interleaved runs, min / median / max; ratios of medians.

${markdown(titles, figures)}
${markdown(asked, requests)}`;
}

await new Command('bench/s3')
  .description(
    'Measures what S3 latency costs `backfill`: wall and CPU against a local disk, requests and their price.',
  )
  .option('--records <n>', 'a number, or such as 100k and 1m', count, 1_000_000)
  .option('--per-object <n>', 'records an object; 10 make objects of 7 KB', count, 2048)
  .option('--runs <n>', 'runs of each place', count, 3)
  .option('--latency <ms...>', 'latencies of a request', counts)
  .option('--python <path>', 'a Python with duckdb and duckdb-extension-httpfs (PyPI): DuckDB takes part')
  .option('--peer-threads <n>', 'threads of DuckDB, which hide its latency', count, 16)
  .addOption(settingsOption())
  .option('--folder <path>', 'where logs and warehouses are kept meanwhile', tmpdir())
  .option('--json', 'every measurement, as one JSON document')
  .action((options: Omit<Options, 'latency'> & { latency?: number[] }) =>
    bench({ ...options, latency: options.latency ?? [0, 30, 60] }),
  )
  .parseAsync();
// The servers are children that would keep it alive.
process.exit();
