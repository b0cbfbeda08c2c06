/** `erase`: the rows of one subject. */
import type { Command } from 'commander';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly subject: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse erase --subject dr_evil --dry-run
  audit-warehouse erase --subject dr_evil && audit-warehouse expire

Removes the decisions about the subject and the Okera events of that user, exactly that name. Older snapshots show the rows
until expire has removed them (expire.snapshots) and their files (expire.grace). The quarantine, side tables, what other
records say about the subject in their raw text, and the source objects stay as they are.`;

export function defineErase(program: Command, run: RunAction): void {
  program
    .command('erase')
    .summary("remove one subject's rows")
    .description('Removes the rows of one subject from the tables of events, with a record of how many went.')
    .requiredOption('--subject <name>', 'the subject or user, exactly')
    .option('--dry-run', 'count the rows; change nothing')
    .option('--json', 'print the report as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [
    { erase },
    { openConfigAndLog },
    { UsageError },
    { formatCount },
    { printable },
    { adviceOnOtherMapping, describeOtherMapping },
  ] = await Promise.all([
    import('../jobs/erase/erase.ts'),
    import('./shared/setup.ts'),
    import('../config/errors.ts'),
    import('../text/humanize.ts'),
    import('../text/printable.ts'),
    import('../ingest/other-mappings.ts'),
  ]);
  if (options.subject === '') throw new UsageError('--subject takes a name that is not empty');
  const { config, log } = openConfigAndLog(context, options);
  const report = await erase(await context.openRuntime(config, log), options.subject, {
    signal: context.signal,
    ...(options.dryRun && { dryRun: true }),
  });
  if (options.json) {
    await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
    return exitCodes.done;
  }
  const verb = options.dryRun ? 'would erase' : 'erased';
  const lines = Object.entries(report.tables).map(
    ([table, { rows, files, days }]) =>
      `${verb} ${formatCount(rows)} rows of ${table}, in ${formatCount(files)} files of ${formatCount(days)} days`,
  );
  await context.stdout.write(`${lines.length > 0 ? lines.join('\n') : 'no row of that subject'}\n`);
  if (lines.length > 0 && !options.dryRun)
    await context.stdout.write('older snapshots show them until expire has removed those and their files\n');
  for (const other of report.otherMappings) {
    const warning = `${describeOtherMapping(other)}: the subject may not be in its column there; ${adviceOnOtherMapping(other)}, then erase again`;
    await context.stdout.write(`${printable(warning)}\n`);
  }
  return exitCodes.done;
}
