/** `job plan | stage | commit`: the three steps of a backfill or a compaction, for schedulers and engines that bring the machines. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { UsageError } from '../config/errors.ts';
import { parseCount, parseDuration } from '../config/units.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { ZonedRange } from '../ingest/time-range.ts';
import type { Refusal } from '../jobs/compact/plan.ts';
import type { Unit } from '../jobs/steps/unit.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { rangeOf, zoneOption } from './shared/times.ts';

const examples = `
Examples:
  audit-warehouse job plan --manifest s3://acme-jobs/units.jsonl
  audit-warehouse job stage --manifest s3://acme-jobs/units.jsonl --unit 17
  audit-warehouse job commit

  audit-warehouse job plan --compact --table opa_decisions --from -7d --manifest days.jsonl

The same on one machine: audit-warehouse job plan | audit-warehouse job stage && audit-warehouse job commit

"plan" claims what is new, or with --compact finds the days to rewrite, and prints a unit of work per line; "stage" reads
units on any machine and writes their files;
"commit" makes everything visible that is staged. Each may be repeated, and run twice at the same time. All print JSON:
docs/jobs.md.`;

interface PlanOptions extends GlobalOptions {
  readonly source?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly tz?: string;
  readonly prefix?: string;
  readonly manifest?: string;
  readonly name?: string;
  readonly compact?: boolean;
  readonly table?: readonly string[];
  readonly hold: string;
  readonly units: string;
}

interface StageOptions extends GlobalOptions {
  readonly manifest?: string;
  readonly unit?: string;
}

export function defineJob(program: Command, run: RunAction): void {
  const job = program
    .command('job')
    .summary('a backfill or a compaction in three steps, for schedulers: job plan, job stage, job commit')
    .description('The three steps of a backfill or a compaction, for schedulers and engines that bring the machines.')
    .addHelpText('after', examples);
  job
    .command('plan')
    .summary('claim what is new, or find the days to compact, and print it as units')
    .description(
      `Claims what is new in the sources, and prints one unit per line. Planned again under the same name, units that are still open come again.
With --compact, prints the days that a compaction would rewrite instead; nothing is claimed.

Exit codes: 0 done, also where there is nothing to do; 1 failed, or a table to compact cannot be used; 2 usage or
configuration.`,
    )
    .option('--compact', 'units of a compaction: days of tables')
    .option('--table <name>', 'with --compact: only this table; may be repeated', several)
    .option('--source <name>', 'only this source; may be repeated', several)
    .option('--from <time>', 'only objects from this day or instant on, by what their keys say; or days to compact')
    .option('--to <time>', 'last day or instant, included')
    .option(...zoneOption)
    .option('--prefix <prefix>', 'only objects below this prefix of the source location')
    .option('--manifest <file>', 'file or s3://bucket/key for the units; a summary goes to stdout')
    .option('--name <name>', 'name of the job, which owns the claims; default: default')
    .option(
      '--hold <duration>',
      'how long claims hold before any run may take the units over, or days are committed',
      '1d',
    )
    .option('--units <count>', 'units at most; plan again for more', '10000')
    .option('--json', 'what it prints is JSON without it, too')
    .action(run(plan));
  job
    .command('stage')
    .summary('read units and write their files')
    .description(
      `Reads units, from stdin or one of the manifest, and prints a receipt for each. Commits nothing.

Exit codes: 0 every unit is staged, or nothing is left to do for it; 1 a unit failed, or was given back; 2 usage or configuration.`,
    )
    .option('--manifest <file>', 'file or s3://bucket/key with the units; without it they come from stdin')
    .option('--unit <number>', 'the one unit of the manifest to stage')
    .option('--json', 'what it prints is JSON without it, too')
    .action(run(stage));
  job
    .command('commit')
    .summary('make everything visible that is staged')
    .description(
      `Commits everything that is staged, many units in one snapshot, and prints what that was. Units that are not staged yet stay open.

Exit codes: 0 done; 1 failed, or an object could not be read (its receipt says why); 2 usage or configuration.`,
    )
    .option('--json', 'what it prints is JSON without it, too')
    .action(run(commit));
}

const several = (name: string, names: string[] = []): string[] => [...names, name];

async function plan(context: CommandContext, options: PlanOptions): Promise<number> {
  const { name = 'default' } = options;
  const misplaced = options.compact ? (['source', 'prefix', 'name'] as const) : (['table'] as const);
  for (const option of misplaced)
    if (options[option] !== undefined)
      throw new UsageError(`--${option} is for ${options.compact ? 'a backfill: leave --compact out' : '--compact'}`);
  const units = parseCount(options.units);
  if (units === undefined || units < 1 || units > 100_000)
    throw new UsageError(`--units takes a whole number up to 100,000, not ${options.units}`);
  const holdSeconds = parseDuration(options.hold);
  if (holdSeconds === undefined || holdSeconds < 60)
    throw new UsageError(`--hold takes a duration of a minute or more, such as 12h, not ${options.hold}`);
  const manifest = options.manifest === undefined ? undefined : placeOf(context, options.manifest);
  const range = rangeOf(context, options);

  const [{ unitLine }, opened] = await Promise.all([
    import('../jobs/steps/manifest.ts'),
    openRuntime(context, options),
  ]);
  const refused: Refusal[] = [];
  const planned = await unitsOf(context, opened, { ...options, range, name, holdSeconds, units }, refused);
  if (manifest === undefined) {
    for await (const unit of planned) await context.stdout.writeJson(unitLine(unit));
    return isFaulty(refused) ? exitCodes.failed : exitCodes.done;
  }
  const lines: string[] = [];
  const summary = { units: 0, objects: 0, files: 0, bytes: 0 };
  for await (const unit of planned) {
    lines.push(unitLine(unit));
    summary.units++;
    if (unit.kind === 'ingest') summary.objects += unit.objects;
    else summary.files += unit.files;
    summary.bytes += unit.bytes;
  }
  await opened.runtime.store.put(manifest, Buffer.from(lines.join('')), { contentType: 'application/jsonl' });
  const { objects, files, ...both } = summary;
  const counted = options.compact ? { files, refused } : { objects };
  const report = { ...both, ...counted, complete: summary.units < units, manifest: options.manifest };
  await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
  return isFaulty(refused) ? exitCodes.failed : exitCodes.done;
}

interface CheckedPlan extends Pick<PlanOptions, 'compact' | 'table' | 'source' | 'prefix'> {
  readonly range: ZonedRange;
  readonly name: string;
  readonly holdSeconds: number;
  readonly units: number;
}

async function unitsOf(
  { signal }: CommandContext,
  { runtime, log }: Opened,
  { compact, table, source, prefix, range, name, holdSeconds, units }: CheckedPlan,
  refused: Refusal[],
): Promise<AsyncIterable<Unit>> {
  const both = { ...range, holdSeconds, units, signal };
  if (compact) {
    const [{ planCompaction }, { logEvent }] = await Promise.all([
      import('../jobs/steps/compaction-plan.ts'),
      import('../telemetry/events.ts'),
    ]);
    const onRefused = (refusal: Refusal): void => {
      refused.push(refusal);
      logEvent(log, 'compaction-refused', { ...refusal });
    };
    return planCompaction(runtime, { ...both, onRefused, ...(table && { tables: table }) });
  }
  const { planUnits } = await import('../jobs/steps/plan.ts');
  return planUnits(runtime, {
    ...both,
    name,
    ...(source && { sources: source }),
    ...(prefix !== undefined && { prefix }),
  });
}

const isFaulty = (refused: readonly Refusal[]): boolean => refused.some(({ fault }) => fault === true);

async function stage(context: CommandContext, options: StageOptions): Promise<number> {
  const wanted = options.unit === undefined ? undefined : parseCount(options.unit);
  if (options.unit !== undefined && wanted === undefined)
    throw new UsageError(`--unit takes the number of a unit, not ${options.unit}`);
  if ((options.unit === undefined) !== (options.manifest === undefined))
    throw new UsageError('--manifest and --unit belong together; without both, units come from stdin');

  const [{ Stager }, { readUnit, readUnits }, { InFlight }, { runtime }] = await Promise.all([
    import('../jobs/steps/stage.ts'),
    import('../jobs/steps/manifest.ts'),
    import('../ingest/in-flight.ts'),
    openRuntime(context, options),
  ]);
  const stager = new Stager(runtime, context.signal);
  let exitCode: number = exitCodes.done;
  const stageOne = async (unit: Unit): Promise<void> => {
    const receipt = await stager.stage(unit);
    if (receipt.state === 'failed' || receipt.state === 'given-back') exitCode = exitCodes.failed;
    await context.stdout.writeJson(`${JSON.stringify(receipt)}\n`);
  };
  if (options.manifest !== undefined) {
    const { chunks } = await runtime.store.get(placeOf(context, options.manifest));
    await stageOne(await readUnit(chunks, wanted!));
    return exitCode;
  }
  const inFlight = new InFlight(runtime.ingester.threads);
  for await (const unit of readUnits(context.stdin)) {
    await inFlight.slot();
    inFlight.start(() => stageOne(unit));
  }
  await inFlight.drain();
  return exitCode;
}

async function commit(context: CommandContext, options: GlobalOptions): Promise<number> {
  const [{ commitUnits }, { runtime }] = await Promise.all([
    import('../jobs/steps/commit.ts'),
    openRuntime(context, options),
  ]);
  const report = await commitUnits(runtime);
  await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
  return report.objects.failed > 0 ? exitCodes.failed : exitCodes.done;
}

interface Opened {
  readonly runtime: Runtime;
  readonly log: Logger;
}

async function openRuntime(context: CommandContext, options: GlobalOptions): Promise<Opened> {
  const { openConfigAndLog } = await import('./shared/setup.ts');
  const { config, log } = openConfigAndLog(context, options);
  return { log, runtime: await context.openRuntime(config, log) };
}

/** A manifest is where a warehouse could be. */
const placeOf = ({ cwd }: CommandContext, place: string): string =>
  /^(s3|file):\/\//.test(place) ? place : `file://${resolve(cwd, place)}`;
