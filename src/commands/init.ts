/** `init`: writes a commented configuration to start from. */
import type { Command } from 'commander';
import { printable } from '../text/printable.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly output?: string;
  readonly force?: boolean;
}

const examples = `
Examples:
  audit-warehouse init
  audit-warehouse init --output prod.yaml`;

export function defineInit(program: Command, run: RunAction): void {
  program
    .command('init')
    .summary('write a commented configuration to start from')
    .description('Writes a commented configuration. An existing file is left as it is unless --force is given.')
    .option('--output <file>', 'where to write it (default: --config, or audit-warehouse.yaml)')
    .option('--force', 'overwrite an existing file')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ chmodSync, writeFileSync }, { resolve }, { defaultConfigFile }, { exampleConfig }, { UsageError }] =
    await Promise.all([
      import('node:fs'),
      import('node:path'),
      import('../config/load.ts'),
      import('../config/example.ts'),
      import('../config/errors.ts'),
    ]);
  const shown = options.output ?? options.config ?? defaultConfigFile;
  try {
    const path = resolve(context.cwd, shown);
    writeFileSync(path, exampleConfig(), { flag: options.force ? 'w' : 'wx', mode: 0o600 });
    // A file that was there has kept its mode.
    chmodSync(path, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new UsageError(`${shown} exists already; add --force to overwrite it, or name another with --output`);
    throw new UsageError(`${shown} cannot be written (${code ?? String(error)})`);
  }
  await context.stdout.write(
    `wrote ${printable(shown)}: set warehouse and sources in it, then run "audit-warehouse validate" and "audit-warehouse backfill --dry-run"\n`,
  );
  return exitCodes.done;
}
