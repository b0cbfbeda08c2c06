/** `quarantine`: which records could not become rows, and why. */
import type { Command } from 'commander';
import { parseCount } from '../config/units.ts';
import type { QuarantineReport } from '../jobs/quarantine/explain.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { rangeOf, zoneOption } from './shared/times.ts';

interface Options extends GlobalOptions {
  readonly reason?: readonly string[];
  readonly type?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly tz?: string;
  readonly samples: string;
  readonly reveal?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse quarantine
  audit-warehouse quarantine --reason invalid_type --samples 5
  audit-warehouse quarantine --reason malformed_json --samples 1 --reveal
  audit-warehouse quarantine --json | jq '.reasons[] | {reason, records}'

Shows where records stood and why they were rejected, not what was in them: with --reveal it shows that too. Records that a
newer configuration or version accepts are taken in by: audit-warehouse replay`;

const collect = (value: string, all: string[] = []): string[] => [...all, value];

export function defineQuarantine(program: Command, run: RunAction): void {
  program
    .command('quarantine')
    .summary('list and explain the records that could not become rows')
    .description('Lists the records in quarantine by source and reason, and explains the reasons.')
    .option('--reason <code>', 'only this reason; may be repeated', collect)
    .option('--type <type>', 'only records of sources of this type; may be repeated', collect)
    .option('--from <day>', 'first day: 2026-11-27, yesterday, -7d')
    .option('--to <day>', 'last day, included')
    .option(...zoneOption)
    .option('--samples <count>', 'records shown of each reason', '3')
    .option('--reveal', 'show the detail and the payload of the samples')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [
    { describeQuarantine },
    { expectReasons, expectSourceTypes },
    { openConfigAndLog, openReading },
    { UsageError },
    { parseDays },
  ] = await Promise.all([
    import('../jobs/quarantine/explain.ts'),
    import('../jobs/quarantine/expect-known.ts'),
    import('./shared/setup.ts'),
    import('../config/errors.ts'),
    import('../ingest/time-range.ts'),
  ]);
  const samples = parseCount(options.samples);
  if (samples === undefined) throw new UsageError(`--samples takes a whole number, not ${options.samples}`);
  expectReasons(options.reason);
  expectSourceTypes(options.type);
  const range = rangeOf(context, options);
  parseDays(range, { now: context.clock() });
  const { config, log } = openConfigAndLog(context, options);
  const { runtime } = await openReading(context, config, log);
  const report = await describeQuarantine(runtime, {
    samples: Math.min(samples, 1000),
    reveal: options.reveal === true,
    ...(options.reason && { reasons: options.reason }),
    ...(options.type && { sourceTypes: options.type }),
    ...range,
  });
  if (options.json) await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
  else await show(context, report);
  return exitCodes.done;
}

async function show(context: CommandContext, report: QuarantineReport): Promise<void> {
  const { output, end } = context.page();
  await output.writeStyled(await render(report, output.columns));
  await end();
}

async function render({ records, reasons }: QuarantineReport, width: number | undefined): Promise<string> {
  if (records === 0) return 'nothing is in quarantine\n';
  const [{ formatBytes, formatCount }, { textTable }, { wrapLines }] = await Promise.all([
    import('../text/humanize.ts'),
    import('../text/text-table.ts'),
    import('../text/wrap.ts'),
  ]);
  const right = 'right' as const;
  let text = textTable(
    [
      { title: 'source type' },
      { title: 'reason' },
      { title: 'records', align: right },
      { title: 'objects', align: right },
      { title: 'first day' },
      { title: 'last day' },
      { title: 'meaning', rank: 1 },
    ],
    reasons.map((reason) => [
      reason.sourceType,
      reason.reason,
      formatCount(reason.records),
      formatCount(reason.objects),
      reason.firstDay,
      reason.lastDay,
      reason.meaning,
    ]),
    { width },
  );
  for (const { sourceType, reason, meaning, samples } of reasons) {
    if (samples.length === 0) continue;
    const isRevealed = samples.some((sample) => sample.payload !== undefined);
    text += `\n${reason} (${sourceType})${width === undefined ? '' : `: ${meaning}`}\n`;
    text += textTable(
      [
        { title: 'object' },
        { title: 'offset', align: right },
        { title: 'size', align: right },
        { title: 'pointer', most: 60 },
        ...(isRevealed
          ? [
              { title: 'detail', most: 80 },
              { title: 'payload', most: 400 },
            ]
          : []),
      ],
      samples.map((sample) => [
        sample.uri,
        String(sample.offset),
        formatBytes(sample.bytes),
        sample.pointer === '' ? '(the record)' : sample.pointer,
        ...(isRevealed ? [sample.detail ?? '', sample.payload ?? ''] : []),
      ]),
      { width },
    );
  }
  return wrapLines(text, width);
}
