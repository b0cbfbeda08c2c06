/** `connect`: prints what other tools need to reach the tables. */
import { Argument, type Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly output?: string;
}

const tools = ['duckdb', 'trino', 'athena', 'grafana', 'metabase', 'superset', 'notebook'] as const;
type Tool = (typeof tools)[number];

const examples = `
Examples:
  audit-warehouse connect duckdb --output audit.sql && duckdb -init audit.sql
  audit-warehouse connect trino                    # JDBC, SQLAlchemy, command line
  audit-warehouse connect athena
  audit-warehouse connect notebook --output audit.ipynb
  audit-warehouse connect grafana > datasource.yaml

duckdb: an init script with views over exactly the files of the current snapshots, the product's views and Trino's functions.
It is of the moment at which it was made: make it again to see what came later, and after expire. A glob over the folder of a
table is no substitute: files of older snapshots lie there too, so that rows count double after compact.

trino and athena: connection strings. grafana, metabase, superset: a data source to import. notebook: for Jupyter, on DuckDB.
Nothing that is printed holds a secret. docs/bi.md has a section for each tool.`;

export function defineConnect(program: Command, run: RunAction): void {
  program
    .command('connect')
    .addArgument(new Argument('<tool>', 'what is to be connected').choices(tools))
    .summary('print what other tools need to read the tables')
    .description('Prints connection strings, scripts and files by which other tools read the tables.')
    .option('-o, --output <file>', 'write to this file, which only you can read, instead of standard output')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, tool: Tool, options: Options): Promise<number> {
  const { openConfigAndLog, openReading } = await import('./shared/setup.ts');
  const { config, log } = openConfigAndLog(context, options);
  const text = await textFor(tool, config, async () => (await openReading(context, config, log)).runtime);
  if (options.output === undefined) {
    await context.stdout.writeData(text);
    return exitCodes.done;
  }
  const [{ writeText }, { resolve }, { printable }] = await Promise.all([
    import('./shared/whole-file.ts'),
    import('node:path'),
    import('../text/printable.ts'),
  ]);
  try {
    await writeText(resolve(context.cwd, options.output), text);
  } catch (error) {
    throw new Error(`${printable(options.output)} cannot be written (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
  await context.stdout.write(`wrote ${printable(options.output)}\n`);
  return exitCodes.done;
}

async function textFor(tool: Tool, config: Config, openRuntime: () => Promise<Runtime>): Promise<string> {
  if (tool === 'duckdb') {
    const [{ createDuckDbScript }, runtime] = await Promise.all([import('../wire.ts'), openRuntime()]);
    return createDuckDbScript(runtime);
  }
  const [{ athenaAddresses, trinoAddresses }, { grafana, metabase, notebook, superset }] = await Promise.all([
    import('../connect/address.ts'),
    import('../connect/tools.ts'),
  ]);
  const lines = (addresses: Readonly<Record<string, string>>): string =>
    Object.entries(addresses)
      .map(([name, address]) => `${name.padEnd(12)}  ${address}\n`)
      .join('');
  const texts: { readonly [Other in Exclude<Tool, 'duckdb'>]: () => string } = {
    trino: () => lines(trinoAddresses(config)),
    athena: () => lines(athenaAddresses(config)),
    grafana: () => grafana(config),
    metabase: () => metabase(config),
    superset: () => superset(config),
    notebook,
  };
  return texts[tool]();
}
