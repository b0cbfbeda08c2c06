/** `query`: a named question, or SQL, over the current snapshots of the tables. */
import { type Command, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/index.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { type AnswerFormat, answerFormats } from './shared/render-answer.ts';

interface Options extends GlobalOptions {
  readonly sql?: string;
  readonly param?: readonly string[];
  readonly list?: boolean;
  readonly format: AnswerFormat;
  readonly csvSafe?: boolean;
  readonly engine: EngineName;
}

const examples = `
Examples:
  audit-warehouse query --list
  audit-warehouse query subject-activity --list
  audit-warehouse query subject-activity --param subject=dr_evil
  audit-warehouse query decisions --param from=2023-07-11T16:55:00Z --param to=2023-07-11T17:00:00Z --param subject=dr_evil
  audit-warehouse query decisions --param from=2023-07-11T16:55:00Z --param to=2023-07-11T17:00:00Z --param cidr=192.168.0.0/16
  audit-warehouse query --sql "select ymd, count(*) from opa_decisions group by ymd order by ymd"
  audit-warehouse query --sql "select reason, pointer, payload from quarantine" --format csv > quarantine.csv
  audit-warehouse query --sql "select reason, pointer, payload from quarantine" --format csv --csv-safe > for-excel.csv
  audit-warehouse query --sql - < question.sql
  audit-warehouse query --engine athena --sql "select subject, count(*) from opa_decisions group by subject"

SQL is one statement that reads, in the dialect of the engine: DuckDB here, or Trino or Athena, as "engines" of the
configuration says. Tables have their own names. With "-" it is read from stdin. A condition on ymd keeps other days unread.

Tables, and anything else on a terminal, show characters that cannot be seen or that act as \\u{…}. JSON and CSV in a pipe or
a file hold what the records hold; for a spreadsheet, which runs text such as =1+1 as a formula, add --csv-safe.`;

export function defineQuery(program: Command, run: RunAction): void {
  program
    .command('query')
    .argument('[question]', 'name of a question, see --list')
    .summary('ask a named question, or run SQL')
    .description('Answers a named question, or SQL, from the current snapshots of the tables.')
    .option('--sql <text>', 'SQL to run instead of a named question; "-" reads it from stdin')
    .option(
      '--param <name=value>',
      'parameter of the question; may be repeated',
      (given: string, all: string[] = []) => [...all, given],
    )
    .option('--csv-safe', "with --format csv: put ' before text that a spreadsheet would run as a formula")
    .option('--list', 'explain the questions, or the one named, and their parameters')
    .addOption(new Option('--format <format>', 'how to print the answer').choices(answerFormats).default('table'))
    .addOption(new Option('--engine <engine>', 'what runs the query').choices(engineNames).default('duckdb'))
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, question: string | undefined, options: Options): Promise<number> {
  const { allQuestions, ask, findQuestion } = await import('../queries/questions.ts');
  if (options.list) {
    const { renderQuestions } = await import('./shared/render-questions.ts');
    const listed = question === undefined ? allQuestions : [findQuestion(question)];
    const text = renderQuestions(listed, options.format);
    await (options.format === 'json' ? context.stdout.writeJson(text) : context.stdout.write(text));
    return exitCodes.done;
  }
  const [{ logEvent }, { openConfigAndLog }, { writeAnswer }, { UsageError }] = await Promise.all([
    import('../telemetry/events.ts'),
    import('./shared/setup.ts'),
    import('./shared/render-answer.ts'),
    import('../config/errors.ts'),
  ]);
  if ((question === undefined) === (options.sql === undefined)) {
    throw new UsageError('query takes the name of a question (see query --list) or --sql TEXT, one of the two');
  }
  if (options.csvSafe && options.format !== 'csv') throw new UsageError('--csv-safe belongs to --format csv');
  if (options.sql !== undefined && options.param)
    throw new UsageError('--param belongs to a named question, not to --sql');
  const request =
    question === undefined
      ? { sql: await sqlText(options.sql!) }
      : ask(question, parseParameters(options.param ?? [], UsageError));

  const { config, log } = openConfigAndLog(context, options);
  const engine = await context.openEngine(await context.openRuntime(config, log), options.engine);
  try {
    const started = context.clock();
    const answer = await engine.query({ ...request, signal: context.signal });
    const seconds = (): number => (context.clock() - started) / 1000;
    await writeAnswer(context, answer, options.format, seconds, { safe: options.csvSafe === true });
    logEvent(log, 'query-finished', { question, bytesScanned: answer.bytesScanned(), seconds: seconds() });
  } finally {
    await engine.close();
  }
  return exitCodes.done;
}

async function sqlText(sql: string): Promise<string> {
  if (sql !== '-') return sql;
  const { text } = await import('node:stream/consumers');
  return text(process.stdin);
}

function parseParameters(given: readonly string[], Failure: new (message: string) => Error): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf('=');
    if (at < 1) throw new Failure(`--param takes name=value, not ${text}`);
    const name = text.slice(0, at);
    if (parameters.has(name)) throw new Failure(`parameter ${name} is given twice`);
    parameters.set(name, text.slice(at + 1));
  }
  return parameters;
}
