/** `backfill`: everything of the sources that is not in the warehouse yet. */
import type { Command } from 'commander';
import { parseCount } from '../config/units.ts';
import type { BackfillReport } from '../jobs/backfill/report.ts';
import { printable } from '../text/printable.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { rangeOf, zoneOption } from './shared/times.ts';

interface Options extends GlobalOptions {
  readonly source?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly tz?: string;
  readonly prefix?: string;
  readonly again?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly maxQuarantined?: string;
  readonly progress: boolean;
}

const examples = `
Examples:
  audit-warehouse backfill
  audit-warehouse backfill --dry-run
  audit-warehouse backfill --source eopa-prod --from 2026-01-01 --to 2026-01-31
  audit-warehouse backfill --prefix ymd=2026-01-15/ --source okera-prod
  audit-warehouse backfill --again --source eopa-prod
  audit-warehouse backfill --json --max-quarantined 100 > report.json

Objects that are in the warehouse already are not read again, but with --again: then their rows, quarantined records
and ledger entries are replaced, in one snapshot per table and batch. A run that was stopped or killed goes on where it
was by running the same command. --from and --to choose objects by what their keys say (with a margin), never records.

Exit codes: 0 done; 1 failed, an object could not be read, or a source has nothing as new as its "expect" says; 2 usage or configuration; 3 more records were
quarantined than --max-quarantined allows.`;

export function defineBackfill(program: Command, run: RunAction): void {
  program
    .command('backfill')
    .summary('read what is not in the warehouse yet')
    .description('Reads every object of the sources that is not in the warehouse yet, and commits it exactly once.')
    .option('--source <name>', 'only this source; may be repeated', (name: string, names: string[] = []) => [
      ...names,
      name,
    ])
    .option('--from <time>', 'first day, or instant: 2026-11-27, 2026-11-27T16:55:00Z, yesterday, -2h')
    .option('--to <time>', 'last day or instant, included')
    .option(...zoneOption)
    .option('--prefix <prefix>', 'only objects below this prefix of the source location')
    .option('--again', 'read objects again that are in the warehouse already, and replace their rows')
    .option('--dry-run', 'list and plan only; read no object, write nothing')
    .option('--max-quarantined <count>', 'exit 3 where more records than this are quarantined')
    .option('--json', 'print the report as one JSON document')
    .option('--no-progress', 'do not show progress')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ parseRange }, { UsageError }, { logEvent }, { openConfigAndLog }, { showProgress }] = await Promise.all([
    import('../ingest/time-range.ts'),
    import('../config/errors.ts'),
    import('../telemetry/events.ts'),
    import('./shared/setup.ts'),
    import('./shared/progress.ts'),
  ]);
  const range = rangeOf(context, options);
  parseRange(range, { now: context.clock() });
  const most = options.maxQuarantined === undefined ? undefined : parseCount(options.maxQuarantined);
  if (options.maxQuarantined !== undefined && most === undefined) {
    throw new UsageError(`--max-quarantined takes a whole number, not ${options.maxQuarantined}`);
  }

  const progress = showProgress(context, options.progress);
  let report: BackfillReport;
  try {
    const { config, log } = openConfigAndLog(context, options, progress.log);
    const { backfill, selectedConfig } = await import('../jobs/backfill/backfill.ts');
    // Refused before anything is said to have started.
    const chosen = {
      ...(options.source && { sources: options.source }),
      ...(options.prefix !== undefined && { prefix: options.prefix }),
    };
    const selected = selectedConfig(config, chosen);
    logEvent(log, 'run-started', {
      warehouse: config.warehouse,
      sources: [...selected.sources, ...selected.sideSources].map(({ name }) => name),
    });
    const runtime = await context.openRuntime(config, log);
    report = await backfill(
      runtime,
      {
        signal: context.signal,
        ...chosen,
        ...range,
        ...(options.again && { again: true }),
        ...(options.dryRun && { dryRun: true }),
      },
      progress,
    );
    logEvent(log, 'run-finished', { objects: report.objects, records: report.records, seconds: report.seconds });
  } catch (error) {
    if (context.signal.aborted) {
      progress.stop();
      await context.stderr.write('stopped; what was committed stays, and the same command goes on from there\n');
      return exitCodes.failed;
    }
    throw error;
  } finally {
    progress.stop();
  }

  const { renderBackfill } = await import('./shared/render-backfill.ts');
  if (options.json) await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
  else await context.stdout.writeStyled(renderBackfill(report, context.stdout.columns));
  const stale = report.warnings.filter(({ code }) => code === 'source-stale');
  // The report for people has them among its warnings.
  if (options.json)
    for (const { source, message } of stale) await context.stderr.write(`source ${source}: ${printable(message)}\n`);
  // A source that was left out as a whole has no object that failed.
  if (report.failures.length > 0 || stale.length > 0) return exitCodes.failed;
  if (most !== undefined && report.records.quarantined > most) {
    await context.stderr.write(
      `${report.records.quarantined} records were quarantined, more than --max-quarantined ${most}; see: audit-warehouse query --sql "select reason, count(*) from quarantine group by reason"\n`,
    );
    return exitCodes.tooManyQuarantined;
  }
  return exitCodes.done;
}
