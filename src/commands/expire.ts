/** `expire`: old snapshots, days past their retention, files that nothing needs. */
import type { Command } from 'commander';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse expire --dry-run
  audit-warehouse expire
  audit-warehouse expire --json | jq '.tables.opa_decisions'

What stays how long is set by expire.* and retention.* in the configuration. The current snapshot, snapshots of branches
and tags, and whatever open work needs are never touched. --dry-run lists what would go, line by line.`;

export function defineExpire(program: Command, run: RunAction): void {
  program
    .command('expire')
    .summary('remove old snapshots, days past their retention, orphan files')
    .description('Removes snapshots and days that are past their retention, and the files that nothing needs any more.')
    .option('--dry-run', 'list what would be removed; change nothing')
    .option('--json', 'print the report as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [
    { expire },
    { endedWell, recordRun },
    { openConfigAndLog },
    { formatBytes, formatCount },
    { printable },
    { textTable },
  ] = await Promise.all([
    import('../jobs/expire/expire.ts'),
    import('../jobs/last-runs.ts'),
    import('./shared/setup.ts'),
    import('../text/humanize.ts'),
    import('../text/printable.ts'),
    import('../text/text-table.ts'),
  ]);
  const { config, log } = openConfigAndLog(context, options);
  const removals: string[] = [];
  const runtime = await context.openRuntime(config, log);
  const report = await expire(runtime, {
    ...(options.dryRun && { dryRun: true, onRemoval: ({ kind, name }) => void removals.push(`${kind} ${name}`) }),
  });
  if (!options.dryRun) await recordRun(runtime, 'expire', report);
  const code = endedWell.expire(report) ? exitCodes.done : exitCodes.failed;
  if (options.json) {
    await context.stdout.writeJson(`${JSON.stringify({ ...report, ...(options.dryRun && { removals }) })}\n`);
    return code;
  }
  for (const line of removals) await context.stdout.write(`would remove ${printable(line)}\n`);
  const right = 'right' as const;
  await context.stdout.writeStyled(
    textTable(
      [
        { title: 'table' },
        { title: 'snapshots', align: right },
        { title: 'days', align: right },
        { title: 'rows', align: right },
        { title: 'files', align: right },
        { title: 'size', align: right },
      ],
      Object.entries(report.tables).map(([name, { snapshots, days, rows, files, bytes }]) => [
        name,
        formatCount(snapshots),
        formatCount(days),
        formatCount(rows),
        formatCount(files),
        formatBytes(bytes),
      ]),
      { width: context.stdout.columns },
    ),
  );
  if (report.intents > 0) await context.stdout.write(`intents of settled batches: ${formatCount(report.intents)}\n`);
  if (report.manifests > 0)
    await context.stdout.write(`manifests of jobs that are over: ${formatCount(report.manifests)}\n`);
  if (report.leftovers > 0)
    await context.stdout.write(`files of writes that were cut off: ${formatCount(report.leftovers)}\n`);
  if (report.amendmentsFinished > 0)
    await context.stdout.write(`amendments of dead runs finished: ${formatCount(report.amendmentsFinished)}\n`);
  if (report.postponed !== undefined)
    await context.stderr.write(`no file was deleted: ${printable(report.postponed)}\n`);
  for (const table of report.gcDisabled)
    await context.stderr.write(
      `${printable(table)}: the table property gc.enabled is false, so its snapshots and files stay\n`,
    );
  for (const { table, reason } of report.refused) await context.stderr.write(`${printable(`${table}: ${reason}`)}\n`);
  return code;
}
