/**
 * Throughput and memory of `backfill` through the binary, from generated logs in a folder to a warehouse in a folder:
 * validation, provenance, quarantine and the ledger are on. The sizes take turns, so that a noisy machine is noisy to
 * all of them. Prints a Markdown table of min / median / max.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ResourceUsage } from './resource-usage.ts';

const root = resolve(import.meta.dirname, '../..');

interface Options {
  readonly records: readonly number[];
  readonly runs: number;
  readonly source: 'opa' | 'okera-audit';
  readonly forms: readonly Form[];
  readonly gzip?: boolean;
  readonly perObject: number;
  readonly days: number;
  readonly bad: number;
  readonly set: readonly string[];
  readonly folder: string;
  readonly json?: boolean;
}

/** What the logs look like: bare lines, lines in the envelopes of log shippers, decisions of opa-envoy-plugin. */
type Form = 'bare' | 'docker' | 'vector' | 'cri' | 'firehose' | 'cloudwatch' | 'envoy';
const forms: readonly Form[] = ['bare', 'docker', 'vector', 'cri', 'firehose', 'cloudwatch', 'envoy'];

interface Input {
  readonly form: Form;
  readonly records: number;
  readonly objects: number;
  /** Stored. */
  readonly bytes: number;
  readonly folder: string;
}

interface Measurement {
  /** Of the process, its start included. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly decompressedBytes: number;
  readonly writtenBytes: number;
  /** Records that were read on the reference path. */
  readonly fallbacks: number;
}

async function bench(options: Options): Promise<void> {
  const work = mkdtempSync(join(options.folder, 'audit-warehouse-bench-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

  const inputs: Input[] = [];
  for (const records of options.records) {
    for (const form of options.forms) {
      note(`generating ${records} records, ${form}`);
      inputs.push(await generate(join(work, `logs-${records}-${form}`), form, records, options));
    }
  }
  const measured = inputs.map((input) => ({ input, runs: [] as Measurement[] }));
  for (let run = 1; run <= options.runs; run++) {
    for (const { input, runs } of measured) {
      runs.push(await measure(work, input, options));
      note(
        `run ${run} of ${options.runs}, ${input.records} records, ${input.form}: ${runs.at(-1)!.seconds.toFixed(2)} s`,
      );
    }
  }
  if (options.json) {
    const results = measured.map(({ input: { folder: _, ...input }, runs }) => ({ ...input, runs }));
    process.stdout.write(`${JSON.stringify({ machine: machine(), results })}\n`);
  } else process.stdout.write(table(measured));
}

async function generate(folder: string, form: Form, records: number, options: Options): Promise<Input> {
  const { source, gzip, perObject, days, bad } = options;
  const wrap = form === 'bare' || form === 'envoy' ? 'none' : form;
  const policy = form === 'envoy' ? 'envoy' : 'article';
  const given = { records, source, days, bad, 'per-object': perObject, wrap, policy };
  const args = [folder, ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)])];
  const { stdout } = await run(join(root, 'scripts/generate'), gzip ? [...args, '--gzip'] : args);
  const { objects, bytes } = JSON.parse(stdout);
  return { form, records, objects, bytes, folder };
}

/** One backfill into a warehouse of its own, which is gone afterwards. */
async function measure(work: string, input: Input, { source, set }: Options): Promise<Measurement> {
  const folder = mkdtempSync(join(work, 'run-'));
  const usage = join(folder, 'usage.json');
  writeFileSync(
    join(folder, 'audit-warehouse.yaml'),
    // JSON is YAML.
    JSON.stringify({
      warehouse: './warehouse',
      sources: [
        { name: 'bench', type: source, location: input.folder, ...(input.form === 'envoy' && { shape: 'envoy' }) },
      ],
    }),
  );
  const preload = `--import=${join(root, 'scripts/bench/resource-usage.ts')}`;
  const env = {
    ...process.env,
    BENCH_RESOURCE_USAGE: usage,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${preload}`,
  };
  const settings = set.flatMap((setting) => ['--set', setting]);
  const started = performance.now();
  const { stdout } = await run(
    join(root, 'bin/audit-warehouse'),
    [...settings, 'backfill', '--json', '--log-level', 'warn'],
    {
      cwd: folder,
      env,
    },
  );
  const seconds = (performance.now() - started) / 1000;
  const { records, bytes, doubted } = JSON.parse(stdout);
  // A benchmark of work that was not done is worth nothing.
  if (records.read < input.records || records.rows + records.quarantined !== records.read) {
    throw new Error(`${input.records} records were generated, but the report says ${JSON.stringify(records)}`);
  }
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(usage, 'utf8')) as ResourceUsage;
  rmSync(folder, { recursive: true });
  return {
    seconds,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakRssBytes: maxRSS * 1024,
    decompressedBytes: bytes.decompressed,
    writtenBytes: bytes.written,
    fallbacks: doubted,
  };
}

function table(measured: readonly { input: Input; runs: readonly Measurement[] }[]): string {
  const titles = [
    'form',
    'records',
    'stored',
    'objects',
    'wall s',
    'records/s',
    'MB/s',
    'CPU s per million',
    'CPU to bare',
    'reference path',
    'peak RSS MB',
    'written MB',
  ];
  const rows = measured.map(({ input, runs }) => {
    const spread = (of: (run: Measurement) => number, digits: number): string => {
      const sorted = runs.map(of).sort((a, b) => a - b);
      const middle = sorted.length >> 1;
      const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
      return [sorted[0]!, median, sorted.at(-1)!].map((value) => number(value, digits)).join(' / ');
    };
    const bare = measured.find((other) => other.input.form === 'bare' && other.input.records === input.records);
    return [
      input.form,
      number(input.records, 0),
      `${number(input.bytes / 1e6, 1)} MB`,
      number(input.objects, 0),
      spread((run) => run.seconds, 2),
      spread((run) => input.records / run.seconds, 0),
      spread((run) => run.decompressedBytes / 1e6 / run.seconds, 1),
      spread((run) => (run.cpuSeconds / input.records) * 1e6, 2),
      bare === undefined ? '' : number(leastCpu(runs) / leastCpu(bare.runs), 2),
      `${number((runs[0]!.fallbacks / input.records) * 100, 3)} %`,
      spread((run) => run.peakRssBytes / 1e6, 0),
      number(runs[0]!.writtenBytes / 1e6, 1),
    ];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const runs = measured[0]?.runs.length ?? 0;
  return `${machine()}; ${runs} interleaved runs, min / median / max; MB/s are of decompressed logs.\n\n${[titles, titles.map(() => '---'), ...rows].map(line).join('')}`;
}

/** Other load on the machine adds to it and never takes away. */
const leastCpu = (runs: readonly Measurement[]): number => Math.min(...runs.map(({ cpuSeconds }) => cpuSeconds));

const number = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const machine = (): string =>
  `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} threads, ${Math.round(totalmem() / 1e9)} GB, Node ${process.version}`;

const note = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ stdout: string }> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) done({ stdout });
      else reject(new Error(`${command} ended with ${code ?? signal}: ${stdout.slice(0, 2000)}`));
    });
  });
}

const count = (text: string): number => {
  const value = Number(text.replaceAll(/[_,]/g, '').replace(/k$/i, '000').replace(/m$/i, '000000'));
  if (!(value >= 0)) throw new InvalidArgumentError('not a number above or equal to 0');
  return value;
};

await new Command('bench/ingest')
  .description('Measures `backfill` on generated logs: records/s, MB/s, CPU seconds per million records, peak RSS.')
  .option('--records <n...>', 'sizes: numbers, or such as 100k and 5m', (text, all: number[] | undefined) => [
    ...(all ?? []),
    count(text),
  ])
  .option('--runs <n>', 'runs of each size', count, 3)
  .option('--source <type>', 'opa or okera-audit', 'opa')
  .addOption(new Option('--forms <name...>', 'what the logs look like').choices(forms).default(['bare']))
  .option('--gzip', 'compressed objects')
  .option('--per-object <n>', 'records an object', count, 2048)
  .option('--days <n>', 'days that the records spread over', count, 3)
  .option('--bad <share>', 'share of records that belong into quarantine', count, 0)
  .option(
    '--set <key=value>',
    'a setting of the configuration, may be repeated',
    (text, all: string[]) => [...all, text],
    [],
  )
  .option('--folder <path>', 'where logs and warehouses are kept meanwhile', tmpdir())
  .option('--json', 'every measurement, as one JSON document')
  .action((options: Omit<Options, 'records'> & { records?: number[] }) =>
    bench({ ...options, records: options.records ?? [100_000, 1_000_000, 5_000_000] }),
  )
  .parseAsync();
