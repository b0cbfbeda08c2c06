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

/** Objects or files that are listed. */
const mostListed = 20;

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [
    { erase },
    { openConfigAndLog },
    { UsageError },
    { formatCount, plural },
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
  const list = async (uris: readonly string[]): Promise<void> => {
    for (const uri of uris.slice(0, mostListed)) await context.stdout.write(`  ${printable(uri)}\n`);
    if (uris.length > mostListed)
      await context.stdout.write(`  … and ${formatCount(uris.length - mostListed)} more: --json lists all\n`);
  };
  const verb = options.dryRun ? 'would erase' : 'erased';
  const lines = Object.entries(report.tables).map(
    ([table, { rows, files, days }]) =>
      `${verb} ${plural(rows, 'row')} of ${table}, in ${plural(files, 'file')} of ${plural(days, 'day')}`,
  );
  await context.stdout.write(`${lines.length > 0 ? lines.join('\n') : 'no row of that subject'}\n`);
  const { remains, mayGrow } = report;
  if (remains !== undefined) {
    for (const [table, { snapshots, refs, gcDisabled }] of Object.entries(remains.tables)) {
      if (snapshots === 0) continue;
      const kept =
        refs.length === 0
          ? ''
          : `; ${refs.join(', ')} ${refs.length === 1 ? 'keeps one until it is' : 'keep some until they are'} dropped`;
      await context.stdout.write(
        `${plural(snapshots, 'older snapshot')} of ${table} still ${snapshots === 1 ? 'shows' : 'show'} them${printable(kept)}\n`,
      );
      if (gcDisabled)
        await context.stdout.write(
          `expire leaves those of ${table} alone, since its table property gc.enabled is false\n`,
        );
    }
    await context.stdout.write(
      `expire removes those from ${remains.expiresFrom.slice(0, 16).replace('T', ' ')} UTC on, but for the newest ${config.expire.keepSnapshots} of each table (expire.keep_snapshots)\n`,
    );
  }
  if (remains !== undefined && remains.filesOutside.length > 0) {
    const { filesOutside } = remains;
    await context.stdout.write(
      `${plural(filesOutside.length, 'file')} outside of the warehouse, added by another engine, still ${filesOutside.length === 1 ? 'has' : 'have'} them, and nothing here deletes what is there: delete them once expire has removed the older snapshots\n`,
    );
    await list(filesOutside);
  }
  if (mayGrow.length > 0) {
    await context.stdout.write(
      `${plural(mayGrow.length, 'object')} may still grow, and give further rows of the subject: erase again when they are complete\n`,
    );
    await list(mayGrow);
  }
  for (const other of report.otherMappings) {
    const warning = `${describeOtherMapping(other)}: the subject may not be in its column there; ${adviceOnOtherMapping(other)}, then erase again`;
    await context.stdout.write(`${printable(warning)}\n`);
  }
  return exitCodes.done;
}
