/** `doctor`: whether everything that a run needs is there; and the rights that it needs, as IAM policies. */
import type { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Check } from '../jobs/doctor/check.ts';
import { printable } from '../text/printable.ts';
import { styled } from '../text/styles.ts';
import { wrapLines } from '../text/wrap.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly json?: boolean;
  /** true where no job is named. */
  readonly policy?: string | true;
}

const examples = `
Examples:
  audit-warehouse doctor
  audit-warehouse doctor --json | jq '.checks[] | select(.status != "ok")'
  audit-warehouse doctor --policy worker > worker-policy.json
  audit-warehouse doctor --policy                    every job's, as one document by job

Run it on the machine, and with the role, that will run the jobs. It leaves nothing behind: objects that it writes below
<warehouse>/_doctor/ are deleted again (those of a doctor that was killed, by the next one), folders that it made are removed,
and of Glue it asks only what must be refused. --policy asks nobody: it prints
what this configuration needs, with REGION, ACCOUNT and the like where the configuration does not say.

Exit codes: 0 all is well, or there are warnings only; 1 something failed; 2 usage.`;

export function defineDoctor(program: Command, run: RunAction): void {
  program
    .command('doctor')
    .summary('check what runs need: credentials, buckets, catalog, queues, clock, machine')
    .description('Checks what runs need of this machine, of AWS and of the engines, and says what to do.')
    .option('--policy [job]', 'print the least IAM policy of a job, or of all')
    .option('--json', 'print the checks as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  if (options.policy !== undefined) return printPolicy(context, options, options.policy);
  const { diagnosisOf } = await import('../jobs/doctor/doctor.ts');
  const diagnosis = diagnosisOf(await look(context, options));
  if (options.json) await context.stdout.writeJson(`${JSON.stringify(diagnosis)}\n`);
  else await context.stdout.writeStyled(wrapLines(render(diagnosis.checks), context.stdout.columns));
  const code = diagnosis.ok ? exitCodes.done : exitCodes.failed;
  // What did not answer may still hold the process.
  context.exit(code);
  return code;
}

/** A configuration that is wrong is a finding, not a usage error: it is what a doctor is called for. */
async function look(context: CommandContext, options: Options): Promise<Check[]> {
  const [{ diagnose }, { failed, ok, reasonOf }, { judgeNode }, { openLog, readConfig }] = await Promise.all([
    import('../jobs/doctor/doctor.ts'),
    import('../jobs/doctor/check.ts'),
    import('../jobs/doctor/machine.ts'),
    import('./shared/setup.ts'),
  ]);
  const log = openLog(context, options);
  const node: Check = { name: 'node', ...judgeNode(process.versions.node, packageJson.engines.node) };
  try {
    const { config, file } = readConfig(context, options);
    const runtime = await context.openRuntime(config, log);
    const count = config.sources.length + config.sideSources.length;
    const configuration: Check = {
      name: 'configuration',
      ...ok(
        `${file}: ${count} ${count === 1 ? 'source' : 'sources'}, warehouse ${config.warehouse}, catalog ${config.catalog.type}`,
      ),
    };
    return [node, configuration, ...(await diagnose(runtime, await context.openProbes(config)))];
  } catch (error) {
    return [
      node,
      {
        name: 'configuration',
        ...failed(reasonOf(error), 'mend it; "validate" checks it alone, everything else is checked after it'),
      },
    ];
  }
}

async function printPolicy(context: CommandContext, options: Options, named: string | true): Promise<number> {
  const [{ jobNames }, { placesOf, policyFor }, { readConfig }, { UsageError }] = await Promise.all([
    import('../iam/calls.ts'),
    import('../iam/policy.ts'),
    import('./shared/setup.ts'),
    import('../config/errors.ts'),
  ]);
  const job = jobNames.find((name) => name === named);
  if (job === undefined && named !== true)
    throw new UsageError(`--policy takes one of ${jobNames.join(', ')}, not ${named}`);
  const places = placesOf(readConfig(context, options).config);
  const document =
    job === undefined
      ? Object.fromEntries(jobNames.map((name) => [name, policyFor(name, places)]))
      : policyFor(job, places);
  await context.stdout.writeJson(`${JSON.stringify(document, null, 2)}\n`);
  return exitCodes.done;
}

const colors = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'dim' } as const;

/** One line a check, with what to do below. */
function render(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const line = (lead: string, text: string): string => `${lead}${printable(text)}\n`;
  const lines = checks.map(({ name, status, found, advice }) => {
    const rest = `${name.padEnd(width)}  `;
    const lead = `${styled(colors[status], status)}${' '.repeat(9 - status.length)}${rest}`;
    return line(lead, found) + (advice === null ? '' : line(' '.repeat(9 + rest.length), `-> ${advice}`));
  });
  const count = (status: Check['status']): number => checks.filter((check) => check.status === status).length;
  const [warnings, failures] = [count('warning'), count('failed')];
  const parts = [`${count('ok')} ok`];
  if (warnings > 0) parts.push(`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`);
  if (failures > 0) parts.push(`${failures} failed`);
  return `${lines.join('')}\n${parts.join(', ')}\n`;
}
