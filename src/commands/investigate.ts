/** `investigate`: one timeline of what an actor did, over both systems. */
import { type Command, Option } from 'commander';
import type { QueryEngine } from '../engines/engine.ts';
import { type EngineName, engineNames } from '../engines/index.ts';
import type { Runtime } from '../ingest/runtime.ts';
import type { Timeline, TimelineEntry } from '../queries/investigate.ts';
import type { Receipt } from '../queries/receipt.ts';
import { withReceipt } from '../queries/with-receipt.ts';
import { printable } from '../text/printable.ts';
import { timeText } from '../text/time.ts';
import type { CommandContext, GlobalOptions, Output, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';
import { receiptOfEvents } from './shared/receipt.ts';
import { defineTimes, type TimeOptions, timeReading, timesHelp } from './shared/times.ts';

interface Options extends GlobalOptions, TimeOptions {
  readonly engine: EngineName;
  readonly format: 'text' | 'jsonl' | 'html';
  readonly lookBack: string;
  readonly minutes: string;
  readonly limit: string;
}

const examples = `
Examples:
  audit-warehouse investigate dr_evil --last 24h
  audit-warehouse investigate dr_evil --from 2023-07-11 --to 2023-07-11
  audit-warehouse investigate dr_evil --last 7d --format jsonl | jq 'select(.marks != [])'
  audit-warehouse investigate dr_evil --last 24h --format html > dr_evil.html

Shows decisions of OPA and statements in Okera in order of time, and marks what is denied, allowed soon after it was denied, the
first of its network, country or resource for this actor, and what changes permissions. Each line names its record and the command
that prints it. Without a range it is of the last day with events.
${timesHelp}`;

export function defineInvestigate(program: Command, run: RunAction): void {
  defineTimes(program.command('investigate').argument('<actor>', 'subject of decisions and user of Okera, exactly'))
    .summary('show what an actor did, in order of time, over both systems')
    .description('Shows what one actor did, over OPA and Okera, in order of time, and what of it is worth a look.')
    .addOption(new Option('--format <format>', 'how to print it').choices(['text', 'jsonl', 'html']).default('text'))
    .option('--look-back <days>', 'what was seen in so many days before the range is not new', '30')
    .option('--minutes <count>', 'how soon after a denial an approval counts as following it', '5')
    .option('--limit <count>', 'records of each system at most, the earliest first', '1000')
    .addOption(new Option('--engine <engine>', 'what runs the queries').choices(engineNames).default('duckdb'))
    .addHelpText('after', examples)
    .action(run(execute));
}

async function execute(context: CommandContext, actor: string, options: Options): Promise<number> {
  const [
    { investigate },
    { lastDayWithEvents },
    { reportRange },
    { openConfigAndLog, openReading },
    { UsageError },
    { parseCount },
  ] = await Promise.all([
    import('../queries/investigate.ts'),
    import('../queries/range.ts'),
    import('../report/range.ts'),
    import('./shared/setup.ts'),
    import('../config/errors.ts'),
    import('../config/units.ts'),
  ]);
  if (actor === '') throw new UsageError('the actor is a name that is not empty');
  const whole = (name: string, text: string, most: number): number => {
    const count = parseCount(text);
    if (count !== undefined && count <= most) return count;
    throw new UsageError(`--${name} takes a whole number up to ${most}, not ${text}`);
  };
  const numbers = {
    lookBackDays: whole('look-back', options.lookBack, 36_500),
    minutes: whole('minutes', options.minutes, 100_000),
    limit: whole('limit', options.limit, 100_000),
  };
  const reading = timeReading(context, options);
  const { config, log } = openConfigAndLog(context, options);
  const { runtime } = await openReading(context, config, log, ({ tablesOfAnswers }) => tablesOfAnswers);
  const isGiven = options.from !== undefined || options.to !== undefined || options.last !== undefined;
  const lastDay = (zone: string | undefined): Promise<string> => lastDayWithEvents(runtime, zone);
  const range = await reportRange(isGiven ? options : { from: await lastDay(reading.zone) }, lastDay, reading);
  const engine = await context.openEngine(runtime, options.engine);
  const { output, end } = context.page();
  try {
    const { from, to } = range;
    const [receipt, timeline] = await withReceipt(
      options.engine,
      () => receiptOfEvents(context, runtime, { from, to, isDefault: !isGiven }),
      () => investigate(runtime, engine, actor, { from, to, ...numbers, signal: context.signal }),
    );
    await write(output, timeline, range, options.format, receipt);
    if (timeline.entries.length === 0) {
      for (const hint of await hintsFor(runtime, actor, { from, to }, options.engine === 'duckdb' ? engine : undefined))
        await context.stderr.write(`${printable(hint)}\n`);
    }
    for (const system of timeline.cut)
      await context.stderr.write(`of ${system} the first ${numbers.limit} only; --limit shows more\n`);
    if (receipt !== undefined && options.format === 'text') {
      const { renderReceiptLines } = await import('./shared/render-receipt.ts');
      const below = output.isTTY ? output : context.stderr;
      await below.writeStyled(renderReceiptLines(receipt, range, below.columns));
    }
  } finally {
    await engine.close();
    await end();
  }
  return exitCodes.done;
}

/** Names that are nearly the one asked for, and days that there are. */
async function hintsFor(
  runtime: Runtime,
  actor: string,
  range: { readonly from: bigint; readonly to: bigint },
  engine: QueryEngine | undefined,
): Promise<string[]> {
  const [{ explainEmpty }, { ask, findQuestion }] = await Promise.all([
    import('../queries/empty.ts'),
    import('../queries/questions.ts'),
  ]);
  const question = findQuestion('actor-events');
  const given = new Map([
    ['actor', actor],
    ['from', timeText(range.from)],
    ['to', timeText(range.to)],
  ]);
  return explainEmpty(runtime, { question, given, prune: ask(question.name, given).prune, range }, engine);
}

async function write(
  output: Output,
  timeline: Timeline,
  range: { readonly from: bigint; readonly to: bigint },
  format: Options['format'],
  receipt: Receipt | undefined,
): Promise<void> {
  if (format === 'html') {
    const { renderTimeline } = await import('../report/timeline.ts');
    return output.writeData(renderTimeline(timeline, range, receipt));
  }
  if (format === 'jsonl') {
    return output.writeJson(timeline.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }
  const [{ styled }, { rangeText }, { wrapLines }, { plural, formatBytes }] = await Promise.all([
    import('../text/styles.ts'),
    import('../text/time.ts'),
    import('../text/wrap.ts'),
    import('../text/humanize.ts'),
  ]);
  const { actor, entries, bytesScanned } = timeline;
  const head = `${printable(actor)}, ${rangeText(range)} (UTC): ${plural(entries.length, 'record')}, ${formatBytes(bytesScanned)} scanned`;
  const lines = (entry: TimelineEntry): string => {
    const { time, system, action, resource, allowed, clientIp, country, detail, marks, command } = entry;
    const verdict = allowed === null ? 'no verdict' : allowed ? 'allowed' : styled('red', 'denied');
    const what = [action, resource].map((part) => printable(part ?? '-', 200)).join(' ');
    const from = [clientIp, country].flatMap((part) => (part === null ? [] : [printable(part, 60)])).join(', ');
    const text = [
      `${styled('bold', time.replace('T', ' ').replace('Z', ''))}  ${system}  ${verdict}  ${what}${from === '' ? '' : `  from ${from}`}`,
      ...(marks.length === 0 ? [] : [`  ${styled('yellow', printable(marks.join('; ')))}`]),
      ...(detail === null || detail === '' ? [] : [`  ${printable(detail, 300)}`]),
    ];
    // A command stays in one line, so that it can be copied.
    return `\n${wrapLines(text.join('\n'), output.columns)}\n${styled('dim', `  ${command}`)}\n`;
  };
  await output.writeStyled(`${wrapLines(head, output.columns)}\n${entries.map(lines).join('')}`);
}
