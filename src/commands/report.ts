/** `report`: one HTML page on a time range. */
import { type Command, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/index.ts';
import { printable } from '../text/printable.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly from?: string;
  readonly to?: string;
  readonly output: string;
  readonly engine: EngineName;
  readonly title: string;
}

const examples = `
Examples:
  audit-warehouse report
  audit-warehouse report --from 2023-07-01 --to 2023-07-31 --title "Access in July" --output july.html
  audit-warehouse report --from 2023-07-11T16:00:00Z --to 2023-07-11T18:00:00Z --output incident.html
  audit-warehouse report --engine athena --output - | mail -a 'Content-Type: text/html' -s "Access" audit@example.com

The page is one file that needs no network: it can be mailed, printed and kept. Days stand for the whole of themselves, in
UTC. Without --to the report goes to the end of the last day that has events (up to today), without --from over the seven
days up to its end.`;

export function defineReport(program: Command, run: RunAction): void {
  program
    .command('report')
    .summary('write a page of charts and tables on a time range')
    .description(
      'Writes one self-contained HTML page: who was allowed and denied what, and how complete the records are.',
    )
    .option('--from <time>', 'first day, or instant (RFC 3339)')
    .option('--to <time>', 'last day, or instant, included')
    .option('--output <file>', 'where to write the page; "-" for stdout', 'audit-report.html')
    .addOption(new Option('--engine <engine>', 'what runs the queries').choices(engineNames).default('duckdb'))
    .option('--title <text>', 'title of the page', 'Audit report')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ gatherReport, lastDayWithEvents }, { reportRange }, { renderPage }, { openConfigAndLog }, { formatBytes }] =
    await Promise.all([
      import('../report/gather.ts'),
      import('../report/range.ts'),
      import('../report/page.ts'),
      import('./shared/setup.ts'),
      import('../text/humanize.ts'),
    ]);
  const { default: packageJson } = await import('../../package.json', { with: { type: 'json' } });
  const { config, log } = openConfigAndLog(context, options);
  const runtime = await context.openRuntime(config, log);
  const tables = await runtime.catalog.listTables();
  const now = context.clock();
  const today = new Date(now).toISOString().slice(0, 10);
  const range = await reportRange(options, () => lastDayWithEvents(runtime, tables, today));
  const engine = await context.openEngine(runtime, options.engine);
  try {
    const data = await gatherReport({ engine, tables, signal: context.signal }, range);
    const { warehouse } = config;
    const page = renderPage(data, {
      title: options.title,
      now,
      warehouse,
      engine: options.engine,
      version: packageJson.version,
    });
    if (options.output === '-') {
      await context.stdout.writeData(page);
    } else {
      await writeWhole(context.cwd, options.output, page);
      const days = range.fromDay === range.toDay ? range.fromDay : `${range.fromDay} to ${range.toDay}`;
      await context.stdout.write(
        `wrote ${printable(options.output)}: ${days}, ${formatBytes(Buffer.byteLength(page))}\n`,
      );
    }
  } finally {
    await engine.close();
  }
  return exitCodes.done;
}

/** A page that cannot be written whole leaves an older one as it is. It shows what logs say, so only its user may read it. */
async function writeWhole(cwd: string, file: string, page: string): Promise<void> {
  const [{ randomUUID }, { rename, rm, writeFile }, { resolve }] = await Promise.all([
    import('node:crypto'),
    import('node:fs/promises'),
    import('node:path'),
  ]);
  const path = resolve(cwd, file);
  const part = `${path}.part-${randomUUID()}`;
  try {
    await writeFile(part, page, { mode: 0o600, flag: 'wx' });
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw new Error(`the report cannot be written to ${file}: ${(error as Error).message}`, { cause: error });
  }
}
