/**
 * The command line. Each command loads its own modules when it runs, so that help and usage errors come at once; what a
 * command throws becomes a message on stderr and an exit code here, and nowhere else.
 */
import { writeSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Command, CommanderError, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { defineBackfill } from './commands/backfill.ts';
import { defineCompact } from './commands/compact.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineConnect } from './commands/connect.ts';
import { defineDoctor } from './commands/doctor.ts';
import { defineErase } from './commands/erase.ts';
import { defineExpire } from './commands/expire.ts';
import { defineInit } from './commands/init.ts';
import { defineInvestigate } from './commands/investigate.ts';
import { defineJob } from './commands/job.ts';
import { defineQuarantine } from './commands/quarantine.ts';
import { defineQuery } from './commands/query.ts';
import { defineRaw } from './commands/raw.ts';
import { defineRelocate } from './commands/relocate.ts';
import { defineReplay } from './commands/replay.ts';
import { defineReport } from './commands/report.ts';
import { defineServe } from './commands/serve.ts';
import type { CommandContext, RunAction } from './commands/shared/context.ts';
import { ClosedPipe, describeFailure, exitCodeOf, exitCodes, indented } from './commands/shared/exit.ts';
import { createOutput } from './commands/shared/output.ts';
import { openPager } from './commands/shared/pager.ts';
import { defineSql } from './commands/sql.ts';
import { defineTables } from './commands/tables.ts';
import { defineValidate } from './commands/validate.ts';
import { defineVerify } from './commands/verify.ts';
import { defineWorker } from './commands/worker.ts';
import { printableLines } from './text/printable.ts';
import { wrapParagraphs } from './text/wrap.ts';

// What logs say is nobody else's to read on this machine, whatever writes it: adapters say so too, DuckDB and Node do not.
process.umask(0o077);

// As container runtimes do it for users without a name, whose home neither Node nor the AWS SDK finds.
try {
  homedir();
} catch {
  process.env.HOME = '/';
}

// In a folder of the user's own: what is in there is run as code.
enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'audit-warehouse', 'compiled'));

const colorings = ['auto', 'always', 'never'] as const;

/** What an option does is broken into lines even where its name leaves little room beside it. */
const help = { showGlobalOptions: true, minWidthToWrap: 20 };

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  // Who writes to stdout hears of it from the write; logs and progress that nobody reads must not break a run off.
  process.stdout.on('error', () => {});
  process.stderr.on('error', workOnWithoutListener);
  process.on('uncaughtException', endOnBug);
  let exitCode: number = exitCodes.done;
  const display: Display = { color: 'auto', pager: true, isPaging: false };
  const context = processContext(display);
  const run: RunAction =
    (action) =>
    async (...given) => {
      // Commander appends the command itself; options of the program count like the command's own.
      const command = given.pop() as unknown as Command;
      const options = command.optsWithGlobals();
      Object.assign(display, { color: options.color, pager: options.pager });
      given[given.length - 1] = options as never;
      exitCode = await action(context, ...(given as never));
    };
  const program = defineProgram(run);
  try {
    // Of a command that there is not, Commander would show the help of all.
    const [first, name] = args;
    const isUnknown = first === 'help' && name !== undefined && !program.commands.some((one) => one.name() === name);
    await program.parseAsync(isUnknown ? args.slice(1) : args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof ClosedPipe) return exitCodes.done;
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const code = exitCodeOf(error);
    await context.stderr.write(`audit-warehouse: ${describeFailure(error)}\n`);
    return code;
  } finally {
    // Who writes to it may leave it open after the last thing that the command has read.
    display.input?.unref?.();
  }
}

function defineProgram(run: RunAction): Command {
  const program = new Command('audit-warehouse')
    .description(packageJson.description)
    .version(packageJson.version)
    .option('-c, --config <file>', 'configuration (default: audit-warehouse.yaml, or AUDIT_WAREHOUSE_CONFIG)')
    .option(
      '--set <key=value>',
      'override one key of the configuration; may be repeated',
      (given: string, all: string[] = []) => [...all, given],
    )
    .addOption(new Option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent (default: info)'))
    .addOption(new Option('--log-format <format>', 'auto, json or text (default: auto: text on a terminal)'))
    .addOption(
      new Option('--color <when>', 'auto: on a terminal, unless NO_COLOR is set').choices(colorings).default('auto'),
    )
    .option('--no-pager', 'do not show long answers in a pager (AUDIT_WAREHOUSE_PAGER, PAGER or less)')
    .addHelpText(
      'after',
      `
Examples:
  audit-warehouse init
  audit-warehouse validate
  audit-warehouse backfill --dry-run
  audit-warehouse backfill
  audit-warehouse compact --dry-run
  audit-warehouse tables
  audit-warehouse query --list
  audit-warehouse investigate dr_evil --last 24h

"audit-warehouse help COMMAND" explains one command, with examples.`,
    )
    .configureHelp(help)
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => process.stdout.write(wrapHelp(printableLines(text), process.stdout)),
      writeErr: (text) => process.stderr.write(wrapHelp(printableLines(text), process.stderr)),
      // It repeats what was given, and stays on its lines, for those who look for it in a log.
      outputError: (text) => process.stderr.write(printableLines(indented(text))),
    })
    .exitOverride();
  for (const define of [
    defineBackfill,
    defineWorker,
    defineQuery,
    defineSql,
    defineInvestigate,
    defineRaw,
    defineReport,
    defineServe,
    defineTables,
    defineCompact,
    defineVerify,
    defineQuarantine,
    defineReplay,
    defineExpire,
    defineErase,
    defineRelocate,
    defineDoctor,
    defineJob,
    defineValidate,
    defineInit,
    defineConnect,
    defineCompletion,
  ])
    define(program, run);
  for (const command of program.commands) for (const one of [command, ...command.commands]) explain(one);
  return program.showHelpAfterError('(see: audit-warehouse --help)');
}

/** As wide as Commander makes the rest of it. */
function wrapHelp(text: string, { isTTY, columns }: NodeJS.WriteStream): string {
  return wrapParagraphs(text, (isTTY && columns) || 80);
}

function explain(command: Command): void {
  const names = [command.parent?.parent ? command.parent.name() : '', command.name()].filter((name) => name !== '');
  command
    .exitOverride()
    .configureHelp(help)
    .showHelpAfterError(`(see: audit-warehouse ${names.join(' ')} --help)`);
}

/** A terminal that has no size or no kind is a program's, which presses no key in a pager. */
function hasReader({ isTTY, rows }: NodeJS.WriteStream): boolean {
  return isTTY && rows > 0 && ![undefined, '', 'dumb'].includes(process.env.TERM);
}

/** How the process shows itself, as the options of the program say. */
interface Display {
  color: (typeof colorings)[number];
  pager: boolean;
  /** The terminal is the pager's. */
  isPaging: boolean;
  /** Once a command has asked for it. */
  input?: NodeJS.ReadStream;
}

function processContext(display: Display): CommandContext {
  const throughPipe = (error: NodeJS.ErrnoException): never => {
    throw error.code === 'EPIPE'
      ? new ClosedPipe()
      : new Error(`the answer cannot be written to standard output (${error.code})`, { cause: error });
  };
  const isColored =
    ({ isTTY = false }: { readonly isTTY?: boolean }) =>
    (): boolean =>
      display.color === 'always' ||
      (display.color === 'auto' && isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb');
  const stdout = createOutput(process.stdout, throughPipe, isColored(process.stdout));
  return {
    env: process.env,
    cwd: process.cwd(),
    get stdin() {
      display.input = process.stdin;
      return display.input;
    },
    stdout,
    stderr: createOutput(process.stderr, () => {}, isColored(process.stderr)),
    page(onPager = () => {}) {
      if (!display.pager || !hasReader(process.stdout)) return { output: stdout, end: async () => {} };
      const onStart = (): void => {
        display.isPaging = true;
        onPager();
      };
      const pager = openPager({ terminal: process.stdout, env: process.env, onStart });
      return {
        output: createOutput(pager.stream, throughPipe, isColored(process.stdout)),
        end: () =>
          pager.end().finally(() => {
            display.isPaging = false;
          }),
      };
    },
    terminal: () =>
      process.stdin.isTTY && hasReader(process.stdout) ? { input: process.stdin, output: process.stdout } : undefined,
    clock: Date.now,
    signal: stopSignal(display),
    openRuntime: async (config, log) => (await import('./wire.ts')).createRuntime(config, { log }),
    openCatalog: async (config, store) => (await import('./wire.ts')).createCatalog(config, store),
    openWorker: (config, options) => ({
      run: async (signal) => (await import('./wire.ts')).createWorker(config, options).run(signal),
    }),
    exit: process.exit,
    openProbes: async (config) => (await import('./wire.ts')).createProbes(config),
    openStatementEngine: async (config, engine) => (await import('./wire.ts')).createStatementEngine(config, engine),
    openEngine: async (runtime, engine) => (await import('./wire.ts')).createQueryEngine(runtime, engine),
  };
}

/** The first SIGINT or SIGTERM asks the command to stop in good order; the second ends the process where it stands. */
function stopSignal(display: Display): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // While a pager has the terminal, signals are meant for it.
      if (controller.signal.aborted && !display.isPaging) process.exit(exitCodes.failed);
      if (!display.isPaging) process.stderr.write('stopping in good order; once more to stop at once\n');
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return controller.signal;
}

/** As Node does it, but that the message of the error may be an outsider's text. */
function endOnBug(error: unknown): void {
  writeSync(2, `${printableLines(inspect(error))}\n`);
  process.exit(exitCodes.failed);
}

function workOnWithoutListener(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
