/** `query`: a named question, or SQL, over the current snapshots of the tables. */
import { type Command, Option } from 'commander';
import type { QueryEngine, QueryRequest } from '../engines/engine.ts';
import { type EngineName, engineNames } from '../engines/index.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { Question } from '../queries/question.ts';
import type { Ranged } from '../queries/range.ts';
import type { Receipt } from '../queries/receipt.ts';
import { printable } from '../text/printable.ts';
import { wrapLines } from '../text/wrap.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { type AnswerFormat, answerFormats } from './shared/render-answer.ts';
import { defineTimes, type TimeOptions, timeOptionsOf, timeReading, timesHelp } from './shared/times.ts';

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
  const [{ logEvent }, { openConfigAndLog }, { withColumns, writeAnswer }, { UsageError }, { renderReceipt }] =
    await Promise.all([
      import('../telemetry/events.ts'),
      import('./shared/setup.ts'),
      import('./shared/render-answer.ts'),
      import('../config/errors.ts'),
      import('./shared/render-receipt.ts'),
    ]);
  if (options.list) return list(context, question, options.format);
  if ((question === undefined) === (options.sql === undefined)) {
    throw new UsageError('query takes the name of a question (see query --list) or --sql TEXT, one of the two');
  }
  if (options.csvSafe && options.format !== 'csv') throw new UsageError('--csv-safe belongs to --format csv');
  const columns = options.columns?.split(',').map((name) => name.trim());
  const parameters = parseParameters([...words, ...(options.param ?? [])], UsageError);
  const ask = await asker(context, question, parameters, options);

  const { config, log } = openConfigAndLog(context, options);
  const runtime = await context.openRuntime(config, log);
  const asked = await ask(runtime);
  const { request, range } = asked;
  const engine = await context.openEngine(runtime, options.engine);
  const { output, end } = context.page();
  try {
    const receipt = options.receipt ? await receiptOf(context, runtime, asked) : undefined;
    const started = context.clock();
    const found = await engine.query({ ...request, signal: context.signal });
    const answer = columns === undefined ? found : withColumns(found, columns);
    const seconds = (): number => (context.clock() - started) / 1000;
    let took = 0;
    const hintsFor = async (rows: number): Promise<string[]> => {
      took = seconds();
      return rows > 0 || !options.receipt
        ? []
        : hints(runtime, asked, options.engine === 'duckdb' ? engine : undefined);
    };
    const trailer = async (rows: number) => {
      const hint = await hintsFor(rows);
      return { seconds: took, ...(receipt && { receipt: { rows, ...receipt, hints: hint } }) };
    };
    const rows = await writeAnswer(output, answer, options.format, { safe: options.csvSafe === true, trailer });
    const { isTTY } = output;
    if (options.format !== 'json' && options.receipt) {
      const below = isTTY ? output : context.stderr;
      for (const hint of await hintsFor(rows)) await below.write(wrapLines(`${printable(hint)}\n`, below.columns));
      const reading = { rows, bytesScanned: answer.bytesScanned(), seconds: took };
      await below.writeStyled(renderReceipt(reading, receipt, range, below.columns));
    }
    logEvent(log, 'query-finished', { question, bytesScanned: answer.bytesScanned(), seconds: seconds() });
  } finally {
    await engine.close();
    await end();
  }
  return exitCodes.done;
}

/** Without one, an answer is still an answer: who asks another engine may not be let see the tables' metadata. */
async function receiptOf(
  { stderr }: CommandContext,
  runtime: Runtime,
  { request, range }: Asked,
): Promise<Receipt | undefined> {
  const { takeReceipt } = await import('../queries/receipt.ts');
  try {
    return await takeReceipt(runtime, request, range);
  } catch (error) {
    await stderr.write(`what the answer is of cannot be told: ${printable((error as Error).message)}\n`);
    return undefined;
  }
}

async function hints(
  runtime: Runtime,
  { question, given, request, range }: Asked,
  engine: QueryEngine | undefined,
): Promise<string[]> {
  if (question === undefined || given === undefined) return [];
  const { explainEmpty } = await import('../queries/empty.ts');
  return explainEmpty(runtime, { question, given, prune: request.prune, range }, engine);
}

interface Asked {
  readonly request: QueryRequest;
  readonly question?: Question;
  readonly given?: ReadonlyMap<string, string>;
  readonly range?: Ranged['range'];
}

/** Checks what was asked before anything is opened, and puts it to a warehouse. Throws ParameterError and UsageError. */
async function asker(
  context: CommandContext,
  name: string | undefined,
  parameters: ReadonlyMap<string, string>,
  options: Options,
): Promise<(runtime: Runtime) => Promise<Asked>> {
  const { UsageError } = await import('../config/errors.ts');
  if (name === undefined) {
    const given = [...parameters.keys(), ...timeOptionsOf(options)];
    if (given.length > 0) throw new UsageError(`${given[0]} belongs to a named question, not to --sql`);
    const sql = await sqlText(options.sql!);
    return async () => ({ request: { sql } });
  }
  const [{ ask, findQuestion }, { lastDayWithEvents, tablesOfRange, withRange }] = await Promise.all([
    import('../queries/questions.ts'),
    import('../queries/range.ts'),
  ]);
  const question = findQuestion(name);
  const sources = {
    options: { from: options.from, to: options.to, last: options.last },
    reading: timeReading(context, options),
  };
  const today = async (): Promise<string> => new Date(context.clock()).toISOString().slice(0, 10);
  ask(name, (await withRange(question, parameters, { ...sources, lastDay: today })).given);
  return async (runtime) => {
    const lastDay = (): Promise<string> => lastDayWithEvents(runtime, tablesOfRange(question));
    const { given, range } = await withRange(question, parameters, { ...sources, lastDay });
    return { request: ask(name, given), question, given, range };
  };
}

async function list(context: CommandContext, question: string | undefined, format: AnswerFormat): Promise<number> {
  const [{ allQuestions, findQuestion }, { renderQuestions }] = await Promise.all([
    import('../queries/questions.ts'),
    import('./shared/render-questions.ts'),
  ]);
  const text = renderQuestions(question === undefined ? allQuestions : [findQuestion(question)], format);
  const { output, end } = context.page();
  await (format === 'json' ? output.writeJson(text) : output.write(wrapLines(text, output.columns)));
  await end();
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
    if (at < 1) throw new Failure(`parameters are written as name=value, not ${text}`);
    const name = text.slice(0, at);
    if (parameters.has(name)) throw new Failure(`parameter ${name} is given twice`);
    parameters.set(name, text.slice(at + 1));
  }
  return parameters;
}
