/** `report`: one HTML page on a time range, its data beside it, and an index over many. */
import { type Command, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/index.ts';
import { withReceipt } from '../queries/with-receipt.ts';
import { printable } from '../text/printable.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { receiptOfEvents } from './shared/receipt.ts';
import { defineTimes, type TimeOptions, timeReading, timesHelp } from './shared/times.ts';

interface Options extends GlobalOptions, TimeOptions {
  readonly output?: string;
  readonly engine: EngineName;
  readonly title: string;
  readonly subject?: string;
  readonly path?: string;
  readonly source?: string;
  readonly lookBack: string;
  readonly data?: boolean;
  readonly index?: boolean;
  readonly json?: boolean;
}

const defaultOutput = 'audit-report.html';

const examples = `
Examples:
  audit-warehouse report
  audit-warehouse report --last 24h --output last-day.html
  audit-warehouse report --from 2023-07-01 --to 2023-07-31 --title "Access in July" --output july.html
  audit-warehouse report --from 2023-07-11T16:00:00Z --to 2023-07-11T18:00:00Z --subject dr_evil --output incident.html
  audit-warehouse report --from 2023-07-11 --to 2023-07-11 --output reports/2023-07-11.html --data --index
  audit-warehouse report --json > report.json
  audit-warehouse report --engine athena --output - | mail -a 'Content-Type: text/html' -s "Access" audit@example.com

The page is one file that needs no network: it can be mailed, printed and kept. Without --to the report goes to the end of the last day that has events (up to today), without --from over the seven
days up to its end. It is compared with the period of the same length just before.
${timesHelp}`;

export function defineReport(program: Command, run: RunAction): void {
  defineTimes(program.command('report'))
    .summary('write a page of charts and tables on a time range')
    .description(
      'Writes one self-contained HTML page: who was allowed and denied what, what is new, and how complete the records are.',
    )
    .option('--subject <text>', 'only this subject of decisions, and this user of Okera, exactly')
    .option('--path <text>', 'only decisions of this path of a policy, exactly; leaves Okera out')
    .option('--source <name>', 'only records of this source of the configuration')
    .option(
      '--look-back <days>',
      'what was seen in so many days before the range is not new; 0 turns the search off',
      '30',
    )
    .option('--output <file>', `where to write the page; "-" for stdout (default: ${defaultOutput})`)
    .option('--data', 'also write the data beside the page: NAME-data/report.json and a CSV file for each table')
    .option('--index', 'also write index.html beside the page, which lists all reports of the folder')
    .option('--json', 'print the data as JSON; no page unless --output says where')
    .addOption(new Option('--engine <engine>', 'what runs the queries').choices(engineNames).default('duckdb'))
    .option('--title <text>', 'title of the page', 'Audit report')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [
    { gatherReport },
    { lastDayWithEvents },
    { reportRange },
    { renderPage },
    { documentOf, jsonOf },
    { checkFilters },
    files,
    setup,
    { formatBytes },
  ] = await Promise.all([
    import('../report/gather.ts'),
    import('../queries/range.ts'),
    import('../report/range.ts'),
    import('../report/page.ts'),
    import('../report/data.ts'),
    import('../report/filters.ts'),
    import('./shared/report-files.ts'),
    import('./shared/setup.ts'),
    import('../text/humanize.ts'),
  ]);
  const { default: packageJson } = await import('../../package.json', { with: { type: 'json' } });
  const output = options.output ?? (options.json ? undefined : defaultOutput);
  const place = files.placeOf(context.cwd, output, options);
  const reading = timeReading(context, options);
  const lookBackDays = files.parseDays(options.lookBack);
  const { config, log } = setup.openConfigAndLog(context, options);
  const filters = { subject: options.subject, path: options.path, source: options.source };
  checkFilters(filters, config);
  const { runtime } = await setup.openReading(context, config, log, ({ tablesOfAnswers }) => tablesOfAnswers);
  const tables = await runtime.catalog.listTables();
  const now = context.clock();
  const range = await reportRange(options, (zone) => lastDayWithEvents(runtime, zone), reading);
  const engine = await context.openEngine(runtime, options.engine);
  try {
    const [receipt, data] = await withReceipt(
      options.engine,
      () => receiptOfEvents(context, runtime, { ...range, isDefault: false }),
      () => gatherReport({ engine, tables, signal: context.signal }, range, { filters, lookBackDays }),
    );
    const { warehouse } = config;
    const { version } = packageJson;
    const about = { title: options.title, now, engine: options.engine, version, receipt };
    const json = (): string => jsonOf(documentOf(data, about));
    if (place !== undefined) {
      const page = renderPage(data, { ...about, warehouse, files: place.links });
      if (place.file === '-') {
        await context.stdout.writeData(page);
      } else {
        await files.writeReport(place, page, () => ({ data, json: json() }));
        const days = range.fromDay === range.toDay ? range.fromDay : `${range.fromDay} to ${range.toDay}`;
        const written = `wrote ${printable(place.file)}: ${days}, ${formatBytes(Buffer.byteLength(page))}\n`;
        await (options.json ? context.stderr : context.stdout).write(written);
      }
    }
    if (options.json) await context.stdout.writeJson(json());
  } finally {
    await engine.close();
  }
  return exitCodes.done;
}
