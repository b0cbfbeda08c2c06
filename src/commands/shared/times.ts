/** The options of commands that take a range of time. */
import type { Command } from 'commander';
import { UsageError } from '../../config/errors.ts';
import type { ZonedRange } from '../../ingest/time-range.ts';
import { checkZone, TimeError, type TimeReading } from '../../text/time.ts';
import type { CommandContext } from './context.ts';

export interface TimeOptions {
  readonly from?: string;
  readonly to?: string;
  readonly last?: string;
  readonly tz?: string;
}

export const zoneOption = [
  '--tz <zone>',
  'time zone of days and of times without an offset, such as Europe/Berlin; "local" is that of this machine (default: UTC)',
] as const;

export const defineTimes = (command: Command): Command =>
  command
    .option('--from <time>', 'first day, or instant: 2026-11-27, 2026-11-27T16:55:00Z, yesterday, -2h')
    .option('--to <time>', 'last day, or instant, included')
    .option('--last <length>', 'so long up to --to, or up to now: 90s, 30m, 2h, 7d, 2w')
    .option(...zoneOption);

export const timesHelp = `
Times are days (2026-11-27, today, yesterday), which stand for the whole of themselves, instants (2026-11-27T16:55:00Z,
with an offset such as +02:00, or without one in the zone of --tz), "now", or times ago (-90s, -30m, -2h, -7d, -2w).`;

/** The options of a range that were given. */
export const timeOptionsOf = (options: TimeOptions): string[] =>
  (['from', 'to', 'last', 'tz'] as const).filter((name) => options[name] !== undefined).map((name) => `--${name}`);

/** What times are read by. Throws UsageError for a zone that does not exist. */
export function timeReading(context: CommandContext, { tz }: TimeOptions): TimeReading {
  const now = context.clock();
  if (tz === undefined) return { now };
  try {
    return { now, zone: tz === 'local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : checkZone(tz) };
  } catch (error) {
    throw error instanceof TimeError ? new UsageError(`--tz ${error.message}`) : error;
  }
}

/** --from, --to and --tz as jobs take them. */
export function rangeOf(context: CommandContext, options: TimeOptions): ZonedRange {
  const { from, to } = options;
  const { zone } = timeReading(context, options);
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }), ...(zone !== undefined && { zone }) };
}
