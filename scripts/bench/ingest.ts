/**
 * Throughput and memory of `backfill` through the binary, from generated logs in a folder to a warehouse in a folder:
 * validation, provenance, quarantine and the ledger are on. The sizes take turns, so that a noisy machine is noisy to
 * all of them. Prints a Markdown table of min / median / max.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import {
  count,
  counts,
  formatNumber,
  generate,
  type Input,
  type MeasuredBackfill,
  machine,
  markdown,
  measureBackfill,
  note,
  settingsOption,
  spread,
  workFolder,
} from './lib/measured.ts';

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

/** What the logs look like: bare lines, lines in the envelopes of log shippers, arrays, printed values, decisions of opa-envoy-plugin. */
const forms = ['bare', 'docker', 'vector', 'cri', 'firehose', 'cloudwatch', 'array', 'printed', 'envoy'] as const;
type Form = (typeof forms)[number];

/** Logs of one form. */
interface FormedInput extends Input {
  readonly form: Form;
}

async function bench(options: Options): Promise<void> {
  const work = workFolder(options.folder);

  const inputs: FormedInput[] = [];
  for (const records of options.records) {
    for (const form of options.forms) {
      note(`generating ${records} records, ${form}`);
      inputs.push(await generateForm(join(work, `logs-${records}-${form}`), form, records, options));
    }
  }
  const measured = inputs.map((input) => ({ input, runs: [] as MeasuredBackfill[] }));
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

async function generateForm(folder: string, form: Form, records: number, options: Options): Promise<FormedInput> {
  const { source, gzip, perObject, days, bad } = options;
  const wrap = form === 'bare' || form === 'envoy' ? 'none' : form;
  const policy = form === 'envoy' ? 'envoy' : 'article';
  const given = { source, days, bad, 'per-object': perObject, wrap, policy };
  return { form, ...(await generate(folder, records, given, gzip ? ['--gzip'] : [])) };
}

/** One backfill into a warehouse of its own, which is gone afterwards. */
function measure(
  work: string,
  { folder, form, records }: FormedInput,
  { source, set }: Options,
): Promise<MeasuredBackfill> {
  const shape = form === 'envoy' ? { shape: 'envoy' } : {};
  const sources = [{ name: 'bench', type: source, location: folder, ...shape }];
  return measureBackfill(work, { warehouse: './warehouse', sources }, records, { settings: set });
}

function table(measured: readonly { input: FormedInput; runs: readonly MeasuredBackfill[] }[]): string {
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
    const over = (of: (run: MeasuredBackfill) => number, digits: number): string => spread(runs.map(of), digits);
    const bare = measured.find((other) => other.input.form === 'bare' && other.input.records === input.records);
    return [
      input.form,
      formatNumber(input.records, 0),
      `${formatNumber(input.bytes / 1e6, 1)} MB`,
      formatNumber(input.objects, 0),
      over((run) => run.seconds, 2),
      over((run) => input.records / run.seconds, 0),
      over((run) => run.decompressedBytes / 1e6 / run.seconds, 1),
      over((run) => (run.cpuSeconds / input.records) * 1e6, 2),
      bare === undefined ? '' : formatNumber(leastCpu(runs) / leastCpu(bare.runs), 2),
      `${formatNumber((runs[0]!.fallbacks / input.records) * 100, 3)} %`,
      over((run) => run.peakRssBytes / 1e6, 0),
      formatNumber(runs[0]!.writtenBytes / 1e6, 1),
    ];
  });
  const runs = measured[0]?.runs.length ?? 0;
  return `${machine()}; ${runs} interleaved runs, min / median / max; MB/s are of decompressed logs.\n\n${markdown(titles, rows)}`;
}

/** Other load on the machine adds to it and never takes away. */
const leastCpu = (runs: readonly MeasuredBackfill[]): number => Math.min(...runs.map(({ cpuSeconds }) => cpuSeconds));

await new Command('bench/ingest')
  .description('Measures `backfill` on generated logs: records/s, MB/s, CPU seconds per million records, peak RSS.')
  .option('--records <n...>', 'sizes: numbers, or such as 100k and 5m', counts)
  .option('--runs <n>', 'runs of each size', count, 3)
  .option('--source <type>', 'opa or okera-audit', 'opa')
  .addOption(new Option('--forms <name...>', 'what the logs look like').choices(forms).default(['bare']))
  .option('--gzip', 'compressed objects')
  .option('--per-object <n>', 'records an object', count, 2048)
  .option('--days <n>', 'days that the records spread over', count, 3)
  .option('--bad <share>', 'share of records that belong into quarantine', count, 0)
  .addOption(settingsOption())
  .option('--folder <path>', 'where logs and warehouses are kept meanwhile', tmpdir())
  .option('--json', 'every measurement, as one JSON document')
  .action((options: Omit<Options, 'records'> & { records?: number[] }) =>
    bench({ ...options, records: options.records ?? [100_000, 1_000_000, 5_000_000] }),
  )
  .parseAsync();
