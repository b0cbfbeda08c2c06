/** `replay`: quarantined records through the schema and limits of today. */
import type { Command } from 'commander';
import type { RejectionCode } from '../records/outcome.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { rangeOf, zoneOption } from './shared/times.ts';

interface Options extends GlobalOptions {
  readonly source?: readonly string[];
  readonly reason?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly tz?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse replay --dry-run
  audit-warehouse replay --reason record_too_large
  audit-warehouse replay --source eopa-prod --from 2026-01-01 --to 2026-01-31 --json

After the configuration was changed (a limit, a strict column) or with a newer version: what is accepted now becomes a
row and leaves the quarantine, in one step that a crash cannot halve. What is not stays, with the newer reason: nothing
leaves the quarantine without a row that holds it.`;

const collect = (value: string, all: string[] = []): string[] => [...all, value];

export function defineReplay(program: Command, run: RunAction): void {
  program
    .command('replay')
    .summary('try the records in quarantine again')
    .description('Takes quarantined records through the current schema and limits again.')
    .option('--source <name>', 'only records of this source; may be repeated', collect)
    .option('--reason <code>', 'only this reason; may be repeated', collect)
    .option('--from <day>', 'first day of the quarantine: 2026-11-27, yesterday, -7d')
    .option('--to <day>', 'last day, included')
    .option(...zoneOption)
    .option('--dry-run', 'say what would become of them; change nothing')
    .option('--json', 'print the report as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ replay }, { openConfigAndLog }, { parseDays }, { expectReasons }, { formatCount, plural }] =
    await Promise.all([
      import('../jobs/replay/replay.ts'),
      import('./shared/setup.ts'),
      import('../ingest/time-range.ts'),
      import('../jobs/quarantine/expect-known.ts'),
      import('../text/humanize.ts'),
    ]);
  expectReasons(options.reason);
  const range = rangeOf(context, options);
  parseDays(range, { now: context.clock() });
  const { config, log } = openConfigAndLog(context, options);
  const report = await replay(await context.openRuntime(config, log), {
    signal: context.signal,
    ...(options.source && { sources: options.source }),
    ...(options.reason && { reasons: options.reason as RejectionCode[] }),
    ...range,
    ...(options.dryRun && { dryRun: true }),
  });
  if (options.json) {
    await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
    return exitCodes.done;
  }
  const { examined, replayed, skipped, unchanged, changed, unreadable } = report;
  const lines = [
    `${options.dryRun ? 'would try' : 'tried'} ${plural(examined, 'record')}: ${formatCount(replayed)} ${options.dryRun ? 'would become' : 'became'} rows, ${formatCount(skipped + unchanged + changed + unreadable)} stay`,
    ...(changed > 0 ? [`${formatCount(changed)} of those that stay do so for another reason than before`] : []),
    ...(skipped > 0
      ? [`${formatCount(skipped)} of them look like lines of other programs now; nothing is dropped`]
      : []),
    ...(unreadable > 0 ? [`${formatCount(unreadable)} were cut, and their objects cannot be read again`] : []),
    ...Object.entries(report.tables).map(([table, rows]) => `  ${table}: ${plural(rows, 'row')}`),
    ...Object.entries(report.reasons).map(([reason, rows]) => `  stays: ${reason} ${formatCount(rows)}`),
  ];
  await context.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.done;
}
