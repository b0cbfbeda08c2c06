/** `raw`: a record as it stands in its source object. */
import { type Command, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/index.ts';
import type { MissingRecord, RawRecord } from '../jobs/raw/raw.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { defineTimes, type TimeOptions, timeReading } from './shared/times.ts';

interface Options extends GlobalOptions, TimeOptions {
  readonly engine: EngineName;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse raw 16a6807b-0000-4000-8000-000000000719
  audit-warehouse raw 16a6807b-0000-4000-8000-000000000719 --from 2023-07-11 --to 2023-07-11 | jq .
  audit-warehouse raw s3://acme-logs/opa/2023/07/11/part-0001.gz#48211

An ID is a decision_id of OPA or a request_id of Okera; a range of time keeps other days unread. OBJECT#OFFSET is what the
columns source_uri and source_offset say, also those of the quarantine. Where several records have the id, all are printed, one a
line in a pipe. Only objects of the configured sources are read.`;

export function defineRaw(program: Command, run: RunAction): void {
  defineTimes(program.command('raw').argument('<id>', 'id of a decision or a request, or OBJECT#OFFSET'))
    .summary('print a record as it stands in its source object')
    .description('Fetches a record from its source object, by the place that its row names, and prints it as it is.')
    .option('--json', 'print one JSON document: the places and texts of the records')
    .addOption(new Option('--engine <engine>', 'what finds the id').choices(engineNames).default('duckdb'))
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, id: string, options: Options): Promise<number> {
  const [
    { idColumns, parsePlace, placesOf, readRaw },
    { openConfigAndLog, openReading },
    { parseMicros },
    { printable },
  ] = await Promise.all([
    import('../jobs/raw/raw.ts'),
    import('./shared/setup.ts'),
    import('../ingest/time-range.ts'),
    import('../text/printable.ts'),
  ]);
  const range = parseMicros(options, timeReading(context, options));
  const { config, log } = openConfigAndLog(context, options);
  const { runtime } = await openReading(context, config, log, () => Object.keys(idColumns));
  const place = parsePlace(id);
  let places = place === undefined ? [] : [place];
  if (place === undefined) {
    const engine = await context.openEngine(runtime, options.engine);
    try {
      places = await placesOf(runtime, engine, id, range);
    } finally {
      await engine.close();
    }
  }
  if (places.length === 0)
    throw new Error(
      `no row${range.from === undefined && range.to === undefined ? '' : ' of this time'} has the id ${id}; records in quarantine have none: ` +
        `look there for its text, such as by query --sql "SELECT source_uri, source_offset FROM quarantine WHERE payload LIKE '%…%'", and give raw the place as OBJECT#OFFSET`,
    );
  const found = await readRaw(runtime, places);
  if (options.json) await context.stdout.writeJson(`${JSON.stringify({ records: found.map(toJson) })}\n`);
  else await print(context, found, printable);
  return found.every(isFound) ? exitCodes.done : exitCodes.failed;
}

const isFound = (record: RawRecord | MissingRecord): record is RawRecord => 'bytes' in record;

function toJson(record: RawRecord | MissingRecord) {
  const { uri, offset } = record;
  if (!isFound(record)) return { uri, offset, problem: record.problem };
  return { uri, offset, isCut: record.isCut, text: Buffer.from(record.bytes).toString() };
}

/** Records go to stdout, everything about them to stderr. */
async function print(
  { stdout, stderr }: CommandContext,
  found: readonly (RawRecord | MissingRecord)[],
  printable: (text: string) => string,
): Promise<void> {
  for (const record of found) {
    const place = `${printable(record.uri)}#${record.offset}`;
    if (!isFound(record)) {
      await stderr.write(`${place}: ${printable(record.problem)}\n`);
      continue;
    }
    await stderr.write(
      `${place}${record.isCut ? ': only the first part; it is larger than limits.record_bytes' : ''}\n`,
    );
    await stdout.writeData(`${Buffer.from(record.bytes).toString()}\n`);
  }
}
