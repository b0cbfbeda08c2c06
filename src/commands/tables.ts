/** `tables`: what exists in the warehouse. */
import type { Command } from 'commander';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse tables
  audit-warehouse tables --json | jq '.tables[] | {name, rows, lastCommit}'`;

export function defineTables(program: Command, run: RunAction): void {
  program
    .command('tables')
    .summary('list the tables: rows, files, bytes, days, last commit')
    .description('Lists the tables of the warehouse as their current snapshots have them. No data file is read.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [
    { describeTables },
    { openConfigAndLog, openReading },
    { formatBytes, formatCount },
    { printable },
    { textTable },
  ] = await Promise.all([
    import('../jobs/tables/describe.ts'),
    import('./shared/setup.ts'),
    import('../text/humanize.ts'),
    import('../text/printable.ts'),
    import('../text/text-table.ts'),
  ]);
  const { config, log } = openConfigAndLog(context, options);
  const tables = await describeTables((await openReading(context, config, log)).runtime);
  const faulty = tables.filter(({ error }) => error !== undefined);
  const code = faulty.length > 0 ? exitCodes.failed : exitCodes.done;
  if (options.json) {
    await context.stdout.writeJson(`${JSON.stringify({ tables })}\n`);
    return code;
  }
  if (tables.length === 0) {
    await context.stdout.write(
      `no tables in ${printable(config.warehouse)} yet; "audit-warehouse backfill" makes them\n`,
    );
    return exitCodes.done;
  }
  const right = 'right' as const;
  await context.stdout.writeStyled(
    textTable(
      [
        { title: 'table' },
        { title: 'rows', align: right },
        { title: 'files', align: right, rank: 2 },
        { title: 'size', align: right },
        { title: 'days', align: right, rank: 1 },
        { title: 'first day' },
        { title: 'last day' },
        { title: 'last commit' },
      ],
      tables.map((table) => [
        table.name,
        formatCount(table.rows),
        formatCount(table.files),
        formatBytes(table.bytes),
        formatCount(table.days),
        table.firstDay ?? '-',
        table.lastDay ?? '-',
        table.lastCommit ?? 'never',
      ]),
      { width: context.stdout.columns },
    ),
  );
  for (const { name, error } of faulty) await context.stderr.write(`${printable(`${name}: ${error}`)}\n`);
  return code;
}
