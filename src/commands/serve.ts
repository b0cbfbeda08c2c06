/** `serve`: the report and the questions as pages in a browser, on this machine. */
import { type Command, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/index.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly port: string;
  readonly engine: EngineName;
}

const examples = `
Examples:
  audit-warehouse serve
  audit-warehouse serve --port 8080
  audit-warehouse serve --engine trino

Open the link that is printed: it works once, in one browser. Only this machine can reach the pages, and they only read.
On another machine, forward the port: ssh -L 8080:127.0.0.1:8080 HOST. Ctrl-C ends it.`;

export function defineServe(program: Command, run: RunAction): void {
  program
    .command('serve')
    .summary('show the report and ask questions in a browser on this machine')
    .description(
      'Serves pages on the loopback address: the report, the named questions as forms, their answers as tables and charts.',
    )
    .option('--port <number>', 'port to listen on; 0 takes a free one', '0')
    .addOption(new Option('--engine <engine>', 'what runs the queries').choices(engineNames).default('duckdb'))
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ servePages }, { openConfigAndLog, openReading }, { UsageError }, { describeFailure }] = await Promise.all([
    import('../serve/server.ts'),
    import('./shared/setup.ts'),
    import('../config/errors.ts'),
    import('./shared/exit.ts'),
  ]);
  if (!/^\d{1,5}$/.test(options.port) || Number(options.port) > 65_535) {
    throw new UsageError(`--port takes a number from 0 to 65535, not ${options.port}`);
  }
  const { config, log } = openConfigAndLog(context, options);
  const { runtime, during } = await openReading(context, config, log, ({ tablesOfAnswers }) => tablesOfAnswers);
  const server = await servePages({
    runtime,
    during,
    engineName: options.engine,
    openEngine: () => context.openEngine(runtime, options.engine),
    clock: context.clock,
    port: Number(options.port),
    onError: (error) => void context.stderr.write(`audit-warehouse: ${describeFailure(error)}\n`),
  });
  try {
    await context.stdout.write(`open ${server.link}\n`);
    await new Promise<void>((resolve) => {
      if (context.signal.aborted) resolve();
      context.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await server.close();
  }
  return exitCodes.done;
}
