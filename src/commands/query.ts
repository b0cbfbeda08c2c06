/** `query`: a named question, or SQL, over the current snapshots of the tables. */
import { type Command, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/index.ts';
import type { Asker } from './shared/asking.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { type AnswerFormat, answerFormats } from './shared/render-answer.ts';
import { defineTimes, type TimeOptions, timeOptionsOf, timesHelp } from './shared/times.ts';

interface Options extends GlobalOptions, TimeOptions {
  readonly sql?: string;
  readonly param?: readonly string[];
  readonly list?: boolean;
  readonly receipt: boolean;
  readonly format: AnswerFormat;
  readonly columns?: string;
  readonly csvSafe?: boolean;
  readonly engine: EngineName;
}

const examples = `
Examples:
  audit-warehouse query --list
  audit-warehouse query subject-activity --list
  audit-warehouse query subject-activity subject=dr_evil
  audit-warehouse query decisions subject=dr_evil --last 2h
  audit-warehouse query decisions --from yesterday --to now --tz Europe/Berlin cidr=192.168.0.0/16
  audit-warehouse query decisions from=2023-07-11T16:55:00Z to=2023-07-11T17:00:00Z subject=dr_evil
  audit-warehouse query --sql "select ymd, count(*) from opa_decisions group by ymd order by ymd"
  audit-warehouse query --sql "select reason, pointer, payload from quarantine" --format csv > quarantine.csv
  audit-warehouse query --sql "select reason, pointer, payload from quarantine" --format csv --csv-safe > for-excel.csv
  audit-warehouse query --sql - < question.sql
  audit-warehouse query --engine athena --sql "select subject, count(*) from opa_decisions group by subject"

SQL is one statement that reads, in the dialect of the engine: DuckDB here, or Trino or Athena, as "engines" of the
configuration says. Tables have their own names. With "-" it is read from stdin. A condition on ymd keeps other days unread.

A question that needs a range is asked about the last day with events where none is given; the answer says so.
${timesHelp}

Tables, and anything else on a terminal, show characters that cannot be seen or that act as \\u{…}. JSON and CSV in a pipe or
a file hold what the records hold; for a spreadsheet, which runs text such as =1+1 as a formula, add --csv-safe.`;

export function defineQuery(program: Command, run: RunAction): void {
  defineTimes(
    program
      .command('query')
      .argument('[question]', 'name of a question, see --list')
      .argument('[name=value...]', 'parameters of the question'),
  )
    .summary('ask a named question, or run SQL')
    .description('Answers a named question, or SQL, from the current snapshots of the tables.')
    .option('--sql <text>', 'SQL to run instead of a named question; "-" reads it from stdin')
    .addOption(
      new Option('--param <name=value>', 'the same as name=value')
        .argParser((given: string, all: string[] = []) => [...all, given])
        .hideHelp(),
    )
    .option('--columns <names>', 'only these columns of the answer, in this order: a,b')
    .option('--csv-safe', "with --format csv: put ' before text that a spreadsheet would run as a formula")
    .option('--no-receipt', 'do not say below the answer what it is of, and what it may lack')
    .option('--list', 'explain the questions, or the one named, and their parameters')
    .addOption(new Option('--format <format>', 'how to print the answer').choices(answerFormats).default('table'))
    .addOption(new Option('--engine <engine>', 'what runs the query').choices(engineNames).default('duckdb'))
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(
  context: CommandContext,
  question: string | undefined,
  words: readonly string[],
  options: Options,
): Promise<number> {
  const [
    { logEvent },
    { openConfigAndLog, openReading },
    { asker, parseParameters, questionNamed },
    { UsageError },
    { showAnswer },
  ] = await Promise.all([
    import('../telemetry/events.ts'),
    import('./shared/setup.ts'),
    import('./shared/asking.ts'),
    import('../config/errors.ts'),
    import('./shared/show-answer.ts'),
  ]);
  if (options.list) return list(context, question, options);
  if ((question === undefined) === (options.sql === undefined)) {
    throw new UsageError('query takes the name of a question (see query --list) or --sql TEXT, one of the two');
  }
  if (options.csvSafe && options.format !== 'csv') throw new UsageError('--csv-safe belongs to --format csv');
  const columns = options.columns?.split(',').map((name) => name.trim());
  const parameters = parseParameters([...words, ...(options.param ?? [])]);
  const { statement, put } =
    question === undefined
      ? await sqlAsker(context, parameters, options)
      : await asker(context, questionNamed(context, question, options), parameters, options);

  const { config, log } = openConfigAndLog(context, options);
  const { runtime } = await openReading(context, config, log, ({ tablesOfAnswer }) =>
    tablesOfAnswer(statement, config, options.receipt),
  );
  const asked = await put(runtime);
  const engine = await context.openEngine(runtime, options.engine);
  const { output, end } = context.page();
  try {
    const { format, receipt, csvSafe = false, engine: name } = options;
    const shown = { format, receipt, csvSafe, columns, engine: name, output, signal: context.signal };
    const { bytesScanned, seconds } = await showAnswer(context, { runtime, engine }, asked, shown);
    logEvent(log, 'query-finished', { question, bytesScanned, seconds });
  } finally {
    await engine.close();
    await end();
  }
  return exitCodes.done;
}

async function sqlAsker(
  context: CommandContext,
  parameters: ReadonlyMap<string, string>,
  options: Options,
): Promise<Asker> {
  const { UsageError } = await import('../config/errors.ts');
  const given = [...parameters.keys(), ...timeOptionsOf(options)];
  if (given.length > 0) throw new UsageError(`${given[0]} belongs to a named question, not to --sql`);
  const sql = await sqlText(context, options.sql!);
  return { statement: { sql }, put: async () => ({ request: { sql } }) };
}

async function list(context: CommandContext, question: string | undefined, options: Options): Promise<number> {
  const { format } = options;
  const [{ allQuestions }, { ownQuestionsOf, questionNamed }, { renderQuestions }] = await Promise.all([
    import('../queries/questions.ts'),
    import('./shared/asking.ts'),
    import('./shared/render-questions.ts'),
  ]);
  const questions =
    question === undefined
      ? [...allQuestions, ...ownQuestionsOf(context, options)]
      : [questionNamed(context, question, options)];
  const text = renderQuestions(questions, format);
  const { output, end } = context.page();
  await (format === 'json' ? output.writeJson(text) : output.write(text));
  await end();
  return exitCodes.done;
}

async function sqlText({ stdin, signal }: CommandContext, sql: string): Promise<string> {
  if (sql !== '-') return sql;
  const { text } = await import('node:stream/consumers');
  const stopped = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([text(stdin), stopped]);
}
