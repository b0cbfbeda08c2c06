/** `verify`: whether the warehouse holds exactly what the sources gave. */
import type { Command } from 'commander';
import { parseDuration } from '../config/units.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { AcceptOptions, AcceptReport } from '../jobs/verify/accept.ts';
import type { VerifyReport } from '../jobs/verify/verify.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly source?: readonly string[];
  readonly deep?: boolean;
  readonly digests?: string;
  readonly repair?: boolean;
  readonly accept?: boolean;
  readonly reason?: string;
  readonly by?: string;
  readonly table?: readonly string[];
  readonly object?: readonly string[];
  readonly day?: readonly string[];
  readonly producers?: boolean;
  readonly ignoreNewer?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse verify
  audit-warehouse verify --deep --source eopa-prod
  audit-warehouse verify --deep --digests evidence.jsonl
  audit-warehouse verify --ignore-newer 15m        # beside a running worker
  audit-warehouse verify --repair
  audit-warehouse verify --accept --table opa_decisions --reason 'ticket 4711: test tenant deleted in Athena'
  audit-warehouse verify --accept --deep --object s3://acme-opa/eopa=a/1.jsonl --reason 'ticket 4712: names corrected'
  audit-warehouse verify --producers
  audit-warehouse verify --json | jq '.differences[] | select(.kind == "rows-missing")'

Compares what the sources list with the ledger, the ledger with the rows of each object in the tables, every data file
with its manifest, and the catalog with the metadata in the warehouse. --deep reads every object again and compares its
records with the rows; --digests keeps digests of them, which docs/row-digest.md defines. --repair does again what can be done again, then verifies once more;
it deletes nothing. Data files that are gone or damaged are taken out of their tables, and the objects of their rows are read
again. What no source has any more is named as rows-lost, and can be accepted.

--accept settles rows that another engine has deleted or added on purpose: the differences rows-missing,
rows-unexpected and rows-lost of --table, --object and --day, or all of them, become rows of the table amendments with the reason and who
accepted them, and the next verification finds no difference there. One row less after that is a difference again. Rows
of a table with missing or damaged files are not accepted. Run verify first: it lists what --accept would accept.
What is accepted is a number of rows, not which they are: an object that still gives them brings them back when it is
read again, because it has grown or by backfill --again. What erase removes stays away. With --deep, rows whose values were
changed (content-differs) are accepted too, each as it is now: changed once more, it is a difference again.

--producers judges each instance and day by the numbers that OPA gives its requests (docs/completeness.md): more missing than
sources[].sequence.tolerate is a failure.

Rows that share an id and differ are reported, but are not a difference: nothing is lost by them.

Exit codes: 0 no difference; 1 failed; 2 usage or configuration; 4 differences were found (and are left), or
more is missing of an instance than is tolerated.`;

export function defineVerify(program: Command, run: RunAction): void {
  program
    .command('verify')
    .summary('prove that the tables hold exactly what the sources gave')
    .description('Verifies sources, ledger, tables, files and catalog against each other.')
    .option('--source <name>', 'only objects of this source; may be repeated', collected)
    .option('--deep', 'read every object again and compare its records with the rows')
    .option('--digests <file>', 'with --deep: write the digest of the rows of each object to this file, as JSON lines')
    .option('--repair', 'do again what was lost, then verify once more')
    .option('--accept', 'settle missing and unexpected rows, with --deep changed ones too, as wanted; needs --reason')
    .option('--reason <text>', 'why the differences are accepted')
    .option('--by <name>', 'who accepts them (default: the user of this machine)')
    .option('--table <name>', 'accept only differences of this table; may be repeated', collected)
    .option(
      '--object <uri>',
      'accept only differences of this object, or of those below one that ends in /; may be repeated',
      collected,
    )
    .option(
      '--day <day>',
      'accept only differences of objects with events of this UTC day (2026-11-27, yesterday, -3d); may be repeated',
      collected,
    )
    .option('--producers', 'say what instances made and never delivered, by the numbers of their requests')
    .option('--ignore-newer <duration>', 'objects younger than this need not be ingested yet', '0s')
    .option('--json', 'print the report as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

const collected = (text: string, texts: readonly string[] = []): string[] => [...texts, text];

async function execute(context: CommandContext, options: Options): Promise<number> {
  const [{ verify }, { recordRun }, { openConfigAndLog }, { UsageError }] = await Promise.all([
    import('../jobs/verify/verify.ts'),
    import('../jobs/last-runs.ts'),
    import('./shared/setup.ts'),
    import('../config/errors.ts'),
  ]);
  const ignoreNewer = parseDuration(options.ignoreNewer ?? '0s');
  if (ignoreNewer === undefined)
    throw new UsageError(`--ignore-newer takes a duration such as 15m, not ${options.ignoreNewer}`);
  if (options.digests !== undefined && !options.deep) throw new UsageError('--digests goes with --deep');
  checkAcceptance(options, UsageError);
  const { config, log } = openConfigAndLog(context, options);
  const runtime = await context.openRuntime(config, log);
  const settings = {
    ...(options.source && { sources: options.source }),
    ...(options.deep && { deep: true }),
    ...(options.producers && { producers: true }),
    ignoreNewerMs: ignoreNewer * 1000,
    onPhase: (phase: string) => log.debug({ phase }, 'verifying'),
  };
  const acceptance = options.accept ? await acceptAs(runtime, options, settings) : undefined;
  const proved = async (): Promise<VerifyReport> => {
    try {
      if (options.digests === undefined) return await untilStopped(context, verify(runtime, settings));
      const { writeLines } = await import('./shared/whole-file.ts');
      return await writeLines(options.digests, (write) =>
        untilStopped(context, verify(runtime, { ...settings, onDigest: write })),
      );
    } catch (error) {
      // What it still reads would hold the process, and changes nothing.
      if (context.signal.aborted) context.exit(exitCodes.failed);
      const { syscall, message } = error as NodeJS.ErrnoException;
      if (syscall === undefined) throw error;
      throw new Error(`the digests cannot be written to ${options.digests}: ${message}`, { cause: error });
    }
  };
  let report = await proved();
  let repaired: string[] | undefined;
  if (options.repair && !report.ok) {
    const { repair } = await import('../jobs/verify/repair.ts');
    repaired = await repair(runtime, report.differences, options.source);
    report = await proved();
  }
  if (options.source === undefined) await recordRun(runtime, 'verify', report);
  if (options.json)
    await context.stdout.writeJson(
      `${JSON.stringify({ ...report, ...(repaired && { repaired }), ...(acceptance && { acceptance }) })}\n`,
    );
  else {
    if (acceptance !== undefined) await context.stdout.writeStyled(await renderAcceptance(acceptance));
    await context.stdout.writeStyled(await render(report, repaired, context.stdout.columns));
  }
  return report.ok ? exitCodes.done : exitCodes.verifyDifference;
}

/** Rejects at the first signal: nothing has been changed that would have to be brought into order. */
async function untilStopped<T>({ signal }: CommandContext, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop);
  return Promise.race([work, stopped]).finally(() => signal.removeEventListener('abort', stop));
}

/** Throws UsageError. */
function checkAcceptance(
  { accept, repair, digests, reason, by, table, object, day, source }: Options,
  UsageError: typeof import('../config/errors.ts').UsageError,
): void {
  if (!accept) {
    const [stray] = Object.entries({ reason, by, table, object, day }).find(([, value]) => value !== undefined) ?? [];
    if (stray !== undefined) throw new UsageError(`--${stray} goes with --accept`);
    return;
  }
  if (repair) throw new UsageError('--accept and --repair exclude each other: repair first, then accept what is left');
  if (digests !== undefined)
    throw new UsageError('--digests and --accept exclude each other: accept first, then prove');
  if (source !== undefined)
    throw new UsageError('--accept settles rows by table and object: choose by --table, --object and --day');
  if (reason === undefined || reason.trim() === '')
    throw new UsageError("--accept needs --reason, such as --reason 'ticket 4711: test tenant deleted in Athena'");
}

async function acceptAs(
  runtime: Runtime,
  { reason = '', by, table, object, day, deep }: Options,
  settings: Pick<AcceptOptions, 'ignoreNewerMs' | 'onPhase'>,
): Promise<AcceptReport> {
  const [{ accept }, { userName }] = await Promise.all([
    import('../jobs/verify/accept.ts'),
    import('../store/user-name.ts'),
  ]);
  return accept(runtime, {
    ...settings,
    reason: reason.trim(),
    by: by?.trim() || userName(),
    ...(deep && { deep }),
    ...(table && { tables: table }),
    ...(object && { objects: object }),
    ...(day && { days: day }),
  });
}

async function renderAcceptance({ tables, refused }: AcceptReport): Promise<string> {
  const [{ plural }, { printable }] = await Promise.all([
    import('../text/humanize.ts'),
    import('../text/printable.ts'),
  ]);
  let text = Object.keys(tables).length === 0 ? 'nothing was accepted\n' : '';
  for (const [table, { objects, missing, unexpected, altered }] of Object.entries(tables)) {
    const what = [
      missing > 0 ? plural(missing, 'missing row') : '',
      unexpected > 0 ? plural(unexpected, 'unexpected row') : '',
      altered > 0 ? plural(altered, 'changed row') : '',
    ];
    text += `accepted: ${what.filter(Boolean).join(', ')} of ${plural(objects, 'object')} in ${printable(table)}\n`;
  }
  for (const { difference, reason } of refused)
    text += `not accepted: ${printable(`${difference.table} ${difference.uri}`)}: ${printable(reason)}\n`;
  if (Object.values(tables).some(({ missing }) => missing > 0))
    text +=
      'an object that still gives the missing rows brings them back when it grows or is read again; what erase removes stays away\n';
  return text;
}

async function render(
  report: VerifyReport,
  repaired: readonly string[] | undefined,
  width: number | undefined,
): Promise<string> {
  const [
    { formatCount, plural },
    { printable },
    { textTable },
    { differenceKinds },
    { adviceOnOtherMapping, describeOtherMapping },
    { wrapLines },
  ] = await Promise.all([
    import('../text/humanize.ts'),
    import('../text/printable.ts'),
    import('../text/text-table.ts'),
    import('../jobs/verify/difference.ts'),
    import('../ingest/other-mappings.ts'),
    import('../text/wrap.ts'),
  ]);
  const { objects, tables, differences, differencesTotal } = report;
  const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0);
  const files = Object.values(tables).reduce((sum, table) => sum + table.files, 0);
  const waiting = objects.waiting > 0 ? `, ${formatCount(objects.waiting)} in work or too young` : '';
  const again = objects.readAgain > 0 ? `, ${formatCount(objects.readAgain)} read again` : '';
  let text = (repaired ?? []).map((line) => `repaired: ${printable(line)}\n`).join('');
  text += `objects: ${formatCount(objects.listed)} listed, ${formatCount(objects.ingested)} ingested${waiting}${again}\n`;
  text += `tables: ${Object.keys(tables).length} with ${plural(rows, 'row')} in ${plural(files, 'file')}\n`;
  for (const other of report.otherMappings)
    text += `${printable(describeOtherMapping(other))}; ${printable(adviceOnOtherMapping(other))}\n`;
  for (const { source, message } of report.warnings) text += `warning: source ${source}: ${printable(message)}\n`;
  text += acceptedBefore(report, textTable, width);
  text += conflicts(report, textTable, plural);
  if (report.producers !== undefined) {
    const { renderProducers } = await import('./shared/render-producers.ts');
    text += renderProducers(report.producers, width);
  }
  if (differencesTotal === 0) return `${wrapLines(text, width)}no differences\n`;
  text += `${plural(differencesTotal, 'difference')}\n\n`;
  const { renderDifferences } = await import('./shared/render-differences.ts');
  text += renderDifferences(differences, width);
  for (const kind of new Set(differences.map((difference) => difference.kind)))
    text += `\n${kind}: ${differenceKinds[kind]}`;
  return `${wrapLines(text, width)}\n`;
}

type Tools = typeof import('../text/text-table.ts') & typeof import('../text/humanize.ts');

function acceptedBefore({ accepted }: VerifyReport, textTable: Tools['textTable'], width: number | undefined): string {
  if (accepted.length === 0) return '';
  const right = 'right' as const;
  const lines = textTable(
    [
      { title: 'accepted at' },
      { title: 'by' },
      { title: 'table' },
      { title: 'objects', align: right },
      { title: 'missing', align: right },
      { title: 'unexpected', align: right },
      { title: 'changed', align: right },
      { title: 'reason' },
    ],
    accepted.map(({ at, by, table, objects, missing, unexpected, altered, reason }) => [
      at.slice(0, 16).replace('T', ' '),
      by,
      table,
      String(objects),
      String(missing),
      String(unexpected),
      String(altered),
      reason,
    ]),
    { width },
  );
  return `\n${lines}\n`;
}

function conflicts({ findings }: VerifyReport, textTable: Tools['textTable'], plural: Tools['plural']): string {
  if (findings.length === 0) return '';
  const ids = findings.reduce((sum, { found }) => sum + found, 0);
  const days = textTable(
    [{ title: 'table' }, { title: 'day' }, { title: 'ids', align: 'right' }],
    findings.map(({ table, ymd, found }) => [table, ymd, String(found)]),
  );
  return `\n${plural(ids, 'id')} with records of different content, all kept:\n\n${days}
query conflicting-decisions lists the records: somebody may have written some under ids of others\n\n`;
}
