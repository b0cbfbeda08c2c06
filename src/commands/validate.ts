/** `validate`: reads the configuration, and says what it means or what is wrong with it. */
import type { Command } from 'commander';
import { type CatalogConfig, catalogKeys, type RestAuth } from '../config/catalogs.ts';
import type { Config } from '../config/config.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse validate
  audit-warehouse validate --config prod.yaml --json
  audit-warehouse validate --set batch.bytes=64MiB

Nothing but the file and the questions that it names is read: no bucket, no catalog. Exit code 2 where something is wrong, with key, file and line.`;

export function defineValidate(program: Command, run: RunAction): void {
  program
    .command('validate')
    .summary('check the configuration and print what it means')
    .description('Checks the configuration and prints it with all defaults filled in.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const { readConfig } = await import('./shared/setup.ts');
  const { config, file, values } = readConfig(context, options);
  const [{ ownQuestions }, { checkOwnQuestions }] = await Promise.all([
    import('../queries/own-questions.ts'),
    import('../queries/check-own.ts'),
  ]);
  const questions = ownQuestions(config);
  await checkOwnQuestions(config, questions);
  if (options.json) {
    await context.stdout.writeJson(`${JSON.stringify({ file, config, values })}\n`);
    return exitCodes.done;
  }
  const [{ textTable }, { printable }] = await Promise.all([
    import('../text/text-table.ts'),
    import('../text/printable.ts'),
  ]);
  const { output, end } = context.page();
  await output.write(await render(config, file));
  for (const [i, { name, summary }] of questions.entries())
    await output.write(`${i === 0 ? '\nquestions\n' : ''}  ${name.padEnd(19)} ${printable(summary)}\n`);
  await output.write('\neach value, and where it comes from\n\n');
  const rows = values.map(({ key, value, from }) => [key, value, from]);
  const columns = [{ title: 'key' }, { title: 'value' }, { title: 'from' }];
  await output.writeStyled(textTable(columns, rows, { width: output.columns }));
  await end();
  return exitCodes.done;
}

const chain = 'by the AWS default chain';

/** Its type and what it was told; a region that is not given is found by the AWS SDK. */
function describeCatalog({ type, ...given }: CatalogConfig): string {
  const values = Object.keys(catalogKeys[type]).flatMap((key) => {
    const value = (given as Readonly<Record<string, string | RestAuth>>)[key] ?? (key === 'region' ? chain : undefined);
    if (typeof value === 'object') return [`${key} ${value.type}`];
    return value === undefined ? [] : [`${key} ${value}`];
  });
  return [type, ...values].join(', ');
}

async function render(config: Config, file: string): Promise<string> {
  const [{ formatBytes, formatCount, formatSeconds }, { printable }] = await Promise.all([
    import('../text/humanize.ts'),
    import('../text/printable.ts'),
  ]);
  const { catalog, s3, limits, batch, output } = config;
  const { encryption } = s3;
  const encrypted =
    encryption === undefined ? '' : `, encrypted by ${encryption.type} ${encryption.key ?? ''}`.trimEnd();
  const row = (name: string, value: string): string => `  ${name.padEnd(19)} ${printable(value)}\n`;
  const lines = [
    `${printable(file)} is valid\n\n`,
    `warehouse             ${printable(config.warehouse)}\n`,
    `catalog               ${describeCatalog(catalog)}\n`,
    `s3                    ${s3.endpoint ?? 'AWS'}, region ${s3.region ?? chain}${s3.forcePathStyle ? ', path style' : ''}${encrypted}\n`,
    '\nsources\n',
  ];
  for (const source of config.sources) {
    lines.push(row(source.name, `${source.type}, ${source.location}`));
    for (const [name, column] of Object.entries(source.columns)) {
      lines.push(row('', `+ ${name} ${column.type} from ${column.path}${column.strict ? ', strict' : ''}`));
    }
  }
  for (const source of config.sideSources) {
    if (source.type === 'okera-identities') {
      lines.push(row(source.name, `${source.type}, ${source.location}`));
      const tables = Object.entries(source.tables ?? {});
      for (const [prefix, table] of tables) lines.push(row('', `+ ${prefix} to ${table}`));
      continue;
    }
    lines.push(row(source.name, `${source.type}, ${source.location} to ${source.table}`));
    for (const [name, { type, from, required }] of Object.entries(source.columns)) {
      lines.push(
        row('', `+ ${name} ${type}${from === undefined ? '' : ` from ${from}`}${required ? ', required' : ''}`),
      );
    }
  }
  lines.push(
    '\nlimits\n',
    row('record_bytes', formatBytes(limits.recordBytes)),
    row('nesting_depth', formatCount(limits.nestingDepth)),
    row('object_bytes', formatBytes(limits.objectBytes)),
    row('compression_ratio', formatCount(limits.compressionRatio)),
    row('rejected_records', formatCount(limits.rejectedRecords)),
    row('days_per_batch', formatCount(limits.daysPerBatch)),
    '\nbatch\n',
    row('bytes', formatBytes(batch.bytes)),
    row('objects', formatCount(batch.objects)),
    row('claim', formatSeconds(batch.claimSeconds)),
    row('downloads', formatCount(batch.downloads)),
    row('download_bytes', formatBytes(batch.downloadBytes)),
    row('column_bytes', formatBytes(batch.columnBytes)),
    row('identity_bytes', formatBytes(batch.identityBytes)),
    row('threads', formatCount(batch.threads)),
    '\noutput\n',
    row('encoder', output.encoder),
    row('row_group_rows', formatCount(output.rowGroupRows)),
    row('file_rows', formatCount(output.fileRows)),
    row('compression_level', formatCount(output.compressionLevel)),
  );
  return lines.join('');
}
