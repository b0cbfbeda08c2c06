/** `worker`: follows the sources, by S3 events or by listing, until it is told to stop. */
import type { Command } from 'commander';
import { printable } from '../text/printable.ts';
import type { WorkerReport } from '../worker/worker.ts';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

interface Options extends GlobalOptions {
  readonly source?: readonly string[];
  readonly once?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  audit-warehouse worker
  audit-warehouse worker --source eopa-prod --source okera-prod
  audit-warehouse worker --once                      work off what is there and exit, for cron
  audit-warehouse worker --set worker.commit_interval=1m --set worker.listen=0.0.0.0:9464

A source with a queue is followed by the S3 events in it; a message is deleted only when all of its objects are
committed. Any other source is listed again and again. Any number of workers may follow the same sources.

SIGTERM or SIGINT: nothing new is taken, the batch in progress is finished (or given back after worker.shutdown), then the
worker exits. A second signal ends it at once. Nothing is lost either way.

/metrics, /healthz and /readyz are served at worker.listen, by default to this machine only, and not with --once.

Exit codes: 0 stopped in good order, or with --once all done; 1 failed, or with --once stopped, an object or a source
could not be read, or the table of a source cannot be used; 2 usage or configuration.`;

export function defineWorker(program: Command, run: RunAction): void {
  program
    .command('worker')
    .summary('follow the sources and keep the warehouse up to date')
    .description(
      'Follows the sources by S3 events or by listing, and commits what is new, exactly once, until stopped.',
    )
    .option('--source <name>', 'only this source; may be repeated', (name: string, names: string[] = []) => [
      ...names,
      name,
    ])
    .option('--once', 'work off what is there and exit')
    .option('--json', 'print the counts at the end as one JSON document')
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, options: Options): Promise<number> {
  const { openConfigAndLog } = await import('./shared/setup.ts');
  const { config, log } = openConfigAndLog(context, options);
  const once = options.once === true;
  const worker = context.openWorker(config, { log, once, ...(options.source && { sources: options.source }) });
  const report = await worker.run(context.signal);
  if (options.json) await context.stdout.writeJson(`${JSON.stringify(report)}\n`);
  else await context.stdout.write(`${summary(report)}\n`);
  const { objects, messages, clean } = report;
  const unfinished = once && (context.signal.aborted || objects.failed > 0 || messages.malformed > 0);
  const code = unfinished || !clean ? exitCodes.failed : exitCodes.done;
  if (!clean) {
    await context.stderr.write('the current batch could not be finished in time; another worker will finish it\n');
    context.exit(code);
  }
  return code;
}

function summary({ objects, records, batches, messages, warnings, seconds }: WorkerReport): string {
  const count = (value: number): string => value.toLocaleString('en-US');
  const parts = [
    `${count(objects.committed)} objects committed in ${count(batches.committed)} batches`,
    `${count(records.rows)} rows`,
    `${count(records.quarantined)} quarantined`,
    `${count(records.duplicates)} duplicates`,
  ];
  if (objects.failed > 0) parts.push(`${count(objects.failed)} objects failed`);
  if (objects.gone > 0) parts.push(`${count(objects.gone)} objects gone`);
  if (messages.received > 0) parts.push(`${count(messages.deleted)} of ${count(messages.received)} messages done`);
  const lines = warnings.map(({ source, message }) => `\nwarning: source ${source}: ${printable(message)}`);
  return `${parts.join(', ')}; ${seconds.toFixed(1)} s${lines.join('')}`;
}
