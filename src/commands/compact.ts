/** `compact`: few large sorted files a day out of many small ones, and each record once. */
import { type Command, Option } from 'commander';
import { type WritingEngineName, writingEngineNames } from '../engines/index.ts';
import type { CompactedDay, CompactReport } from '../jobs/compact/compact.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { rangeOf, zoneOption } from './shared/times.ts';

interface Options extends GlobalOptions {
  readonly table?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly tz?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly engine?: WritingEngineName;
}

const examples = `
Examples:
  audit-warehouse compact --dry-run
  audit-warehouse compact
  audit-warehouse compact --table opa_decisions --from 2026-01-01 --to 2026-01-31
  audit-warehouse compact --set compact.target_bytes=128MiB --json > report.json
  audit-warehouse compact --engine trino --table opa_decisions --from 2026-01-01

A day is rewritten where it has many small files, files in another order, or records that are there twice; the keys of
"compact" in the configuration say how many. Run it every night: a day that is compact already is left alone. It may
run beside backfill, workers, other compactions and other engines.

SIGINT or SIGTERM: the days that are rewritten are committed, and the run ends; a second one ends it at once.

Exit codes: 0 done; 1 failed, stopped, a table cannot be used (the others are done), or other writers kept changing a day while it
was being rewritten (the next run takes it); 2 usage or configuration.`;

export function defineCompact(program: Command, run: RunAction): void {
  program
    .command('compact')
    .summary('merge and sort the files of each day, and drop duplicates')
    .description('Rewrites days with many small or unsorted files into few sorted ones, and keeps each record once.')
    .option('--table <name>', 'only this table; may be repeated', (name: string, names: string[] = []) => [
      ...names,
      name,
    ])
    .option('--from <day>', 'first day: 2026-11-27, yesterday, -7d')
    .option('--to <day>', 'last day, included')
    .option(...zoneOption)
    .addOption(
      new Option('--engine <engine>', 'have another engine merge the files (OPTIMIZE): it drops no duplicates').choices(
        writingEngineNames,
      ),
    )
    .option('--dry-run', 'print what would be rewritten; read no data file, write nothing')
    .option('--json', 'print the report as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

const stopped = 'stopped; what was committed stays, and the same command goes on from there\n';

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [
    { compact },
    { endedWell, recordRun },
    { parseDays },
    { compactByEngine },
    { logEvent },
    { openConfigAndLog },
  ] = await Promise.all([
    import('../jobs/compact/compact.ts'),
    import('../jobs/last-runs.ts'),
    import('../ingest/time-range.ts'),
    import('../jobs/compact/by-engine.ts'),
    import('../telemetry/events.ts'),
    import('./shared/setup.ts'),
  ]);
  const range = rangeOf(context, options);
  parseDays(range, { now: context.clock() });
  const { config, log } = openConfigAndLog(context, options);
  const runtime = await context.openRuntime(config, log);
  let report: CompactReport;
  try {
    const work = {
      signal: context.signal,
      ...(options.table && { tables: options.table }),
      ...range,
      ...(options.dryRun && { dryRun: true }),
      onDay: (day: CompactedDay) => logEvent(log, 'day-compacted', { ...day }),
    };
    report =
      options.engine === undefined
        ? await compact(runtime, work)
        : await compactByEngine(
            runtime,
            options.engine,
            await context.openStatementEngine(config, options.engine),
            work,
          );
  } catch (error) {
    if (!context.signal.aborted) throw error;
    await context.stderr.write(stopped);
    return exitCodes.failed;
  }
  if (report.stopped) await context.stderr.write(stopped);
  else if (!options.dryRun && options.table === undefined) await recordRun(runtime, 'compact', report);
  const { renderCompact } = await import('./shared/render-compact.ts');
  if (options.json) await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
  else await context.stdout.writeStyled(renderCompact(report, options.dryRun === true, context.stdout.columns));
  return endedWell.compact(report) ? exitCodes.done : exitCodes.failed;
}
