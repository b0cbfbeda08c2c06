/** `init`: writes a commented configuration to start from, and fills it in for a location that it looks at first. */
import type { Command } from 'commander';
import type { Proposal } from '../config/example.ts';
import type { Look } from '../jobs/look/look.ts';
import { printable } from '../text/printable.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly output?: string;
  readonly force?: boolean;
  readonly name: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse init
  audit-warehouse init ./logs
  audit-warehouse init s3://acme-logs/opa/ --name mesh --yes
  audit-warehouse init --output prod.yaml

With a location, up to 16 objects below it are looked at (1 MiB of each at most): how they are compressed and framed, what
is around their records, and which shape gives subject, action, resource and allowed a value. The configuration that is
written runs as it stands. On a terminal it asks before it writes, unless --yes is given.

Exit codes: 0 done; 1 the location holds no record that any source knows; 2 usage.`;

export function defineInit(program: Command, run: RunAction): void {
  program
    .command('init')
    .argument('[location]', 'where the logs are: s3://bucket/prefix or a folder')
    .summary('write a configuration to start from, for a location if you name one')
    .description('Writes a commented configuration. An existing file is left as it is unless --force is given.')
    .option('--output <file>', 'where to write it (default: --config, or audit-warehouse.yaml)')
    .option('--force', 'overwrite an existing file')
    .option('--name <source>', 'name of the source', 'decisions')
    .option('--yes', 'write without asking')
    .option('--json', 'print what was found as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, location: string | undefined, options: Options): Promise<number> {
  const [{ defaultConfigFile }, { exampleConfig }] = await Promise.all([
    import('../config/load.ts'),
    import('../config/example.ts'),
  ]);
  const shown = options.output ?? options.config ?? defaultConfigFile;
  if (location === undefined) {
    await write(context, shown, exampleConfig(), options.force === true);
    await context.stdout.write(
      `wrote ${printable(shown)}: set warehouse and sources in it, then run "audit-warehouse validate" and "audit-warehouse backfill --dry-run"\n`,
    );
    return exitCodes.done;
  }
  const { look, proposal } = await lookAndPropose(context, location, options);
  const { renderLook } = await import('./shared/render-look.ts');
  if (options.json) await context.stdout.writeJson(`${JSON.stringify({ ...look, proposal })}\n`);
  else await context.stdout.write(renderLook(look, location));
  if (look.type === undefined) return exitCodes.failed;
  if (
    context.stdout.isTTY &&
    !options.yes &&
    !options.json &&
    !(await confirmed(context, `write ${printable(shown)}?`))
  ) {
    await context.stdout.write('nothing was written\n');
    return exitCodes.done;
  }
  await write(context, shown, exampleConfig(proposal), options.force === true);
  if (!options.json) await context.stdout.write(`wrote ${printable(shown)}; next: audit-warehouse backfill\n`);
  return exitCodes.done;
}

/** The store is opened as a run with this configuration would open it, so the same keys and variables count. */
async function lookAndPropose(
  context: CommandContext,
  location: string,
  options: Options,
): Promise<{ look: Look; proposal: Proposal }> {
  const [{ lookAt }, { requireFolders }, { loadConfig }, { reservedColumns }, { openLog }] = await Promise.all([
    import('../jobs/look/look.ts'),
    import('../ingest/require-sources.ts'),
    import('../config/load.ts'),
    import('../sources/index.ts'),
    import('./shared/setup.ts'),
  ]);
  const { config } = loadConfig({
    document: { warehouse: './warehouse', sources: [{ name: options.name, type: 'opa', location }] },
    settings: options.set,
    env: context.env,
    cwd: context.cwd,
    reserved: reservedColumns,
  });
  const runtime = await context.openRuntime(config, openLog(context, options));
  await requireFolders(runtime.store, config.sources);
  const look = await lookAt(runtime, config.sources[0]!.location, context.signal);
  const { shapes, fields, columns, type = 'opa' } = look;
  const { endpoint, region, forcePathStyle } = config.s3;
  const s3 = {
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(forcePathStyle && { forcePathStyle }),
  };
  const isDefault = shapes.length === 0 || (shapes.length === 1 && shapes[0] === 'article');
  return {
    look,
    proposal: {
      source: {
        name: options.name,
        type,
        location,
        ...(!isDefault && { shape: shapes.length === 1 ? shapes[0]! : shapes }),
        fields,
        columns: Object.fromEntries(Object.entries(columns).map(([name, path]) => [name, { path, type: 'string' }])),
      },
      ...(Object.keys(s3).length > 0 && { s3 }),
    },
  };
}

/** An end of the input is a no. */
async function confirmed(context: CommandContext, question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline');
  await context.stdout.write(`${question} [Y/n] `);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return /^(y(es)?)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}

async function write(context: CommandContext, shown: string, text: string, force: boolean): Promise<void> {
  const [{ writeText }, { lstat }, { resolve }, { UsageError }] = await Promise.all([
    import('./shared/whole-file.ts'),
    import('node:fs/promises'),
    import('node:path'),
    import('../config/errors.ts'),
  ]);
  const path = resolve(context.cwd, shown);
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere && !force)
    throw new UsageError(`${shown} exists already; add --force to overwrite it, or name another with --output`);
  try {
    await writeText(path, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${shown} cannot be written (${code ?? String(error)})`);
  }
}
