/** The range of a question: as options give it, or a sensible one where nobody does. */
import { liveFiles } from '../iceberg/scan.ts';
import { fieldsByName } from '../iceberg/schema.ts';
import { decodeValue } from '../iceberg/values.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { eventTables } from '../sources/registry.ts';
import {
  dayOf,
  endOfDay,
  type OpenRange,
  type RangeOptions,
  readRange,
  readTime,
  startOfDay,
  TimeError,
  type TimeReading,
  timeText,
} from '../text/time.ts';
import { ParameterError, parseInstant } from './parameters.ts';
import type { Question } from './question.ts';

export interface Ranged {
  /** All times are instants in RFC 3339, so that the same values mean the same tomorrow. */
  readonly given: ReadonlyMap<string, string>;
  /** Undefined for a question that has no range, or was asked without one. */
  readonly range: (OpenRange & { readonly isDefault: boolean }) | undefined;
}

/**
 * The values of a question with its range, from parameters or from options. A range that a question needs and nobody
 * gives is the last day with events; one without its end goes to the end of that day, one without its beginning is the
 * day of its end; days are of the zone of the reading. Throws ParameterError.
 */
export async function withRange(
  { name, parameters }: Question,
  given: ReadonlyMap<string, string>,
  { options = {}, reading, lastDay }: RangeSources,
): Promise<Ranged> {
  const values = new Map(given);
  for (const parameter of parameters) {
    const text = values.get(parameter.name) ?? parameter.default;
    if (parameter.type !== 'instant' || text === undefined) continue;
    values.set(parameter.name, timeText(parseInstant(parameter.name, text, reading)));
  }
  const ends = parameters.filter((parameter) => parameter.name === 'from' || parameter.name === 'to');
  const optional = parse(options, reading);
  if (ends.length < 2) {
    if (Object.keys(optional).length === 0) return { given: values, range: undefined };
    throw new ParameterError(`question ${name} has no range: leave out --from, --to and --last`);
  }
  for (const [end, micros] of Object.entries(optional)) {
    if (given.has(end)) throw new ParameterError(`${end} is given twice, as a parameter and by an option`);
    values.set(end, timeText(micros));
  }
  const read = (end: string): bigint | undefined => {
    const text = values.get(end);
    return text === undefined ? undefined : parseInstant(end, text, reading);
  };
  let [from, to] = [read('from'), read('to')];
  const isDefault = from === undefined && to === undefined;
  if (ends.some(({ required }) => required) && (from === undefined || to === undefined)) {
    to ??= await endOfEvents(from, lastDay, reading);
    from ??= startOfDay(to, reading.zone);
    values.set('from', timeText(from)).set('to', timeText(to));
  } else if (isDefault) return { given: values, range: undefined };
  return { given: values, range: { ...(from !== undefined && { from }), ...(to !== undefined && { to }), isDefault } };
}

/** The last day with events, YYYY-MM-DD, of UTC or of a zone. */
export type LastDay = (zone: string | undefined) => Promise<string>;

export interface RangeSources {
  readonly options?: RangeOptions | undefined;
  readonly reading: TimeReading;
  /** Asked for only where it matters. */
  readonly lastDay: LastDay;
}

function parse(options: RangeOptions, reading: TimeReading): OpenRange {
  try {
    return readRange(options, reading);
  } catch (error) {
    throw error instanceof TimeError ? new ParameterError(error.message) : error;
  }
}

/** The end of the last day that has events, or of the first one of the range if that is later. */
export async function endOfEvents(start: bigint | undefined, lastDay: LastDay, { zone }: TimeReading): Promise<bigint> {
  const { last } = readTime(await lastDay(zone), { zone });
  return start !== undefined && start > last ? endOfDay(start, zone) : last;
}

/**
 * The last day, up to today, that has events in one of `names`; today where none has. It is a day of UTC,
 * or of `zone`. Only metadata of tables is read.
 */
export async function lastDayWithEvents(
  { store, catalog, clock }: Pick<Runtime, 'store' | 'catalog' | 'clock'>,
  zone?: string,
  names: readonly string[] = eventTables,
): Promise<string> {
  const now = BigInt(clock()) * 1000n;
  const today = dayOf(now);
  const existing = await catalog.listTables();
  const tables = names.filter((name) => eventTables.includes(name) && existing.includes(name));
  let last: bigint | undefined;
  for (const name of tables) {
    const table = await catalog.loadTable(name);
    if (table === undefined) continue;
    const field = fieldsByName(table.metadata).get('event_time');
    for await (const { ymd, upperBounds } of liveFiles(store, table.metadata, { ymd: { to: today } })) {
      if (ymd === null || ymd > today) continue;
      const bound = field && upperBounds.get(field.id);
      const time = bound && decodeValue(field.type, bound);
      // Without a bound, its day says what no event of the file can be later than.
      const end = typeof time === 'bigint' ? time : readTime(ymd).last;
      const newest = end < now ? end : now;
      if (last === undefined || newest > last) last = newest;
    }
  }
  return dayOf(last ?? now, zone);
}

/** The tables of events that the range of a question is about; all of them where it is about none in particular. */
export function tablesOfRange({ parameters }: Question): readonly string[] {
  const limits = parameters.filter(({ name }) => name === 'from' || name === 'to').flatMap(({ limits = [] }) => limits);
  const tables = eventTables.filter((table) => limits.some((limit) => limit.table === table));
  return tables.length > 0 ? tables : eventTables;
}
