/** From the texts that a person gives to the values that are bound and the files that are left out. */
import type { Scalar } from '../columns/types.ts';
import type { FileFilter, Range } from '../iceberg/scan.ts';
import { compareValues } from '../parquet/format/bounds.ts';
import type { ParameterValue } from '../sql/parameter.ts';
import { dayOf, microsOfDay, type TimeReading } from '../text/time.ts';
import {
  ParameterError,
  parseCidr,
  parseInstant,
  parseNumber,
  parseRequest,
  parseTexts,
  parseTruth,
  parseUnit,
} from './parameters.ts';
import type { Limit, Parameter, ParameterType } from './question.ts';

export interface Bound {
  /** By placeholder; a list has a value for each of its entries. */
  readonly values: ReadonlyMap<string, ParameterValue | readonly string[]>;
  /** Names for "-- when NAME" that come from values: units, and `instants` where the range is not made of whole days. */
  readonly when: ReadonlySet<string>;
  readonly prune: Readonly<Record<string, FileFilter>>;
}

/** `given` has only parameters of the list, and all required ones. Throws ParameterError. */
export function bindParameters(
  parameters: readonly Parameter[],
  given: ReadonlyMap<string, string>,
  times: TimeReading = {},
): Bound {
  const values = new Map<string, ParameterValue | readonly string[]>();
  const filters = new Map<string, TableLimits>();
  const readings = new Map<string, Reading>();
  for (const { name, type, limits = [] } of parameters) {
    const text = given.get(name);
    if (text === undefined) continue;
    const reading = readers[type](name, text, times);
    readings.set(name, reading);
    for (const [placeholder, value] of Object.entries(reading.values)) values.set(placeholder, value);
    for (const limit of limits) narrow(filters, limit, reading);
  }
  const [from, to] = [readings.get('from')?.least, readings.get('to')?.least];
  if (from !== undefined && to !== undefined && compareValues(from, to) > 0) {
    throw new ParameterError(`parameter from (${given.get('from')}) is after to (${given.get('to')})`);
  }
  const when = new Set([...readings.values()].flatMap((reading) => reading.when ?? []));
  if (!isWholeDays(from, to)) when.add('instants');
  return { values, when, prune: Object.fromEntries([...filters].map(([table, limits]) => [table, toFilter(limits)])) };
}

interface Reading {
  readonly values: Readonly<Record<string, ParameterValue | readonly string[]>>;
  /** What a column can have in rows that fit; without them the value limits nothing. */
  readonly least?: Scalar;
  readonly greatest?: Scalar;
  readonly when?: string;
}

/** Then `ymd` alone says what is in the range. */
const isWholeDays = (from: Scalar | undefined, to: Scalar | undefined): boolean =>
  typeof from === 'bigint' && typeof to === 'bigint' && from % microsOfDay === 0n && (to + 1n) % microsOfDay === 0n;

const exactly = <T extends Scalar>(value: T): { least: T; greatest: T } => ({ least: value, greatest: value });

const readers: Readonly<Record<ParameterType, (name: string, text: string, times: TimeReading) => Reading>> = {
  instant(name, text, times) {
    const micros = parseInstant(name, text, times);
    return { values: { [name]: { micros }, [`${name}_ymd`]: dayOf(micros) }, ...exactly(micros) };
  },
  text: (name, text) => ({ values: { [name]: text }, ...exactly(text) }),
  texts(name, text) {
    const texts = parseTexts(name, text);
    const [least, greatest] = [texts.reduce(lesser), texts.reduce((a, b) => (lesser(a, b) === a ? b : a))];
    return { values: { [name]: texts }, least, greatest };
  },
  cidr(name, text) {
    const { first, last } = parseCidr(name, text);
    return { values: { [`${name}_first`]: first, [`${name}_last`]: last }, least: first, greatest: last };
  },
  truth: (name, text) => ({ values: { [name]: parseTruth(name, text) } }),
  number: (name, text) => ({ values: { [name]: parseNumber(name, text) } }),
  request(name, text) {
    const prefix = parseRequest(name, text);
    return { values: { [name]: prefix }, ...exactly(prefix) };
  },
  unit: (name, text) => ({ values: {}, when: parseUnit(name, text) }),
};

const lesser = (a: string, b: string): string => (compareValues(a, b) <= 0 ? a : b);

interface TableLimits {
  ymd: Range<string>;
  readonly columns: Map<string, Range<Scalar>>;
}

function narrow(filters: Map<string, TableLimits>, { table, column, side }: Limit, { least, greatest }: Reading): void {
  if (least === undefined || greatest === undefined) return;
  const filter = filters.get(table) ?? { ymd: {}, columns: new Map<string, Range<Scalar>>() };
  filters.set(table, filter);
  const range = { ...(side !== 'to' && { from: least }), ...(side !== 'from' && { to: greatest }) };
  if (column !== 'ymd') filter.columns.set(column, { ...filter.columns.get(column), ...range });
  // ymd is the UTC day of event_time.
  if (column === 'event_time' || column === 'ymd') filter.ymd = { ...filter.ymd, ...daysOf(range) };
}

const daysOf = ({ from, to }: Range<Scalar>): Range<string> => ({
  ...(from !== undefined && { from: dayText(from) }),
  ...(to !== undefined && { to: dayText(to) }),
});

const dayText = (value: Scalar): string => (typeof value === 'bigint' ? dayOf(value) : String(value));

const toFilter = ({ ymd, columns }: TableLimits): FileFilter => ({
  ...(ymd.from !== undefined || ymd.to !== undefined ? { ymd } : {}),
  bounds: [...columns].map(([column, range]) => ({ column, ...range })),
});
