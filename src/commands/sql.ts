/** `sql`: a shell over the current snapshots of the tables, on a terminal or for a script on stdin. */
import { type Command, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/index.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { type AnswerFormat, answerFormats } from './shared/render-answer.ts';

interface Options extends GlobalOptions {
  readonly format: AnswerFormat;
  readonly engine: EngineName;
  readonly receipt: boolean;
}

const examples = `
Examples:
  audit-warehouse sql
  audit-warehouse sql --engine trino
  echo "select ymd, count(*) from opa_decisions group by ymd; .inspect quarantine" | tr ';' '\\n' | audit-warehouse sql
  audit-warehouse sql --format csv --no-receipt < statements.sql > answers.csv

On a terminal: statements end with ; and may take several lines. The tab key completes tables, columns, questions and
their parameters; the arrow keys go through the history, which is kept in a private file of your own
($XDG_STATE_HOME/audit-warehouse/sql-history). Ctrl-C ends a statement that runs, or clears the line; Ctrl-D leaves.
A named question is one line: decisions subject=dr_evil --last 2h. ".help" lists the commands.

Of a remote warehouse, what one statement has fetched is there for the next.
From a pipe or a file, statements run one after the other, and the first that fails ends it with exit code 1.`;

export function defineSql(program: Command, run: RunAction): void {
  program
    .command('sql')
    .summary('ask in a shell: SQL and named questions, with completion')
    .description('A shell over the current snapshots of the tables: SQL, named questions, completion and history.')
    .option('--no-receipt', 'do not say below an answer what it is of, and what it may lack')
    .addOption(new Option('--format <format>', 'how to print answers').choices(answerFormats).default('table'))
    .addOption(new Option('--engine <engine>', 'what runs the statements').choices(engineNames).default('duckdb'))
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ openConfigAndLog, openReading }, { Session }, { allQuestions }, { ownQuestions }] = await Promise.all([
    import('./shared/setup.ts'),
    import('./shell/session.ts'),
    import('../queries/questions.ts'),
    import('../queries/own-questions.ts'),
  ]);
  const { config, log } = openConfigAndLog(context, options);
  const questions = [...allQuestions, ...ownQuestions(config)];
  const { runtime, during } = await openReading(context, config, log, ({ tablesOfAnswers }) => tablesOfAnswers);
  const engine = await context.openEngine(runtime, options.engine);
  const terminal = context.terminal();
  const loop = terminal && new (await import('./shell/terminal.ts')).TerminalLoop(terminal);
  const session = new Session({
    context,
    runtime,
    during,
    engine,
    engineName: options.engine,
    questions,
    format: options.format,
    receipt: options.receipt,
    page: () => {
      const { output, end } = context.page(() => loop?.lend());
      return { output, end: () => end().finally(() => loop?.takeBack()) };
    },
  });
  try {
    if (loop === undefined) return await script(context, session);
    context.signal.throwIfAborted();
    const [{ History, historyFile }, { printable }] = await Promise.all([
      import('./shell/history.ts'),
      import('../text/printable.ts'),
    ]);
    await context.stdout.write(`${printable(config.warehouse)}; .help says what can be typed\n`);
    await loop.run({ context, session, questions, history: new History(historyFile(context.env)) });
  } finally {
    await session.close();
    await engine.close();
  }
  return exitCodes.done;
}

async function script(
  { stdin, signal }: CommandContext,
  session: import('./shell/session.ts').Session,
): Promise<number> {
  const { createInterface } = await import('node:readline');
  const { Readable } = await import('node:stream');
  for await (const line of createInterface({ input: Readable.from(stdin), signal })) {
    signal.throwIfAborted();
    await session.take(line, signal);
    if (session.isOver) return exitCodes.done;
  }
  signal.throwIfAborted();
  await session.finish(signal);
  return exitCodes.done;
}
