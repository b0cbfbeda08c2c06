/** `relocate`: makes a warehouse whole that was copied or moved. */
import type { Command } from 'commander';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly from?: string;
  readonly repoint?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  aws s3 sync s3://acme-audit/lake s3://acme-copy/lake
  audit-warehouse relocate --dry-run --set warehouse=s3://acme-copy/lake
  audit-warehouse relocate --set warehouse=s3://acme-copy/lake

Iceberg names every file by an absolute URI, so a warehouse that was copied or moved goes on naming the old place, and
no command writes to it. Copy it whole, while nothing writes to it; set warehouse to the new place; then relocate writes
its metadata, manifests, position deletes and intents anew. Data files stay as they are, and nothing is changed in the
old place. Files that were not copied, or that lie elsewhere, are named before anything is written. A run that was
broken off is finished by the next one.

With AWS Glue a copy needs a database of its own (catalog.database); where the warehouse was moved and the old place
still holds metadata, --repoint makes the tables of the database those of the new place.`;

export function defineRelocate(program: Command, run: RunAction): void {
  program
    .command('relocate')
    .summary('make a warehouse whole that was copied or moved')
    .description('Rewrites the metadata of a warehouse for the place that the configuration names.')
    .option('--from <place>', 'where the warehouse was (default: found from its metadata)')
    .option('--repoint', 'let tables of the catalog that are still in the old place point to the new one')
    .option('--dry-run', 'look at everything; change nothing')
    .option('--json', 'print the report as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ relocate }, { openConfigAndLog }, { formatCount, plural }, { printable }, { textTable }] = await Promise.all(
    [
      import('../jobs/relocate/relocate.ts'),
      import('./shared/setup.ts'),
      import('../text/humanize.ts'),
      import('../text/printable.ts'),
      import('../text/text-table.ts'),
    ],
  );
  const { config, log } = openConfigAndLog(context, options);
  const runtime = await context.openRuntime(config, log);
  const report = await relocate(runtime, (store) => context.openCatalog(config, store), {
    ...(options.from !== undefined && { from: options.from }),
    ...(options.repoint && { repoint: true }),
    ...(options.dryRun && { dryRun: true }),
    onPhase: (phase) => log.debug({ phase }, 'relocating'),
  });
  if (options.json) {
    await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
    return exitCodes.done;
  }
  if (report.from === undefined || (Object.keys(report.tables).length === 0 && report.intents === 0)) {
    await context.stdout.write(`nothing to relocate: all tables are at home in ${printable(report.to)}\n`);
    return exitCodes.done;
  }
  const right = 'right' as const;
  const count = ['snapshots', 'manifests', 'files'] as const;
  await context.stdout.write(
    `${options.dryRun ? 'would relocate' : 'relocated'} from ${printable(report.from)}\n${options.dryRun ? '                 ' : '          '}to ${printable(report.to)}\n\n`,
  );
  await context.stdout.writeStyled(
    textTable(
      [{ title: 'table' }, ...count.map((title) => ({ title, align: right }))],
      Object.entries(report.tables).map(([name, sums]) => [name, ...count.map((key) => formatCount(sums[key]))]),
      { width: context.stdout.columns },
    ),
  );
  if (report.intents > 0) await context.stdout.write(`${plural(report.intents, 'intent')} rewritten\n`);
  return exitCodes.done;
}
