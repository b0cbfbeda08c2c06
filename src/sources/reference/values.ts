/** Values of side tables, from JSON and from CSV text, or why a column cannot hold what is there. */
import type { Scalar } from '../../columns/types.ts';
import { convert } from '../../records/flatten.ts';
import { decimalOf, longOf, longOfNumber } from '../../records/numbers.ts';
import type { Rejection } from '../../records/outcome.ts';
import { reject, show } from '../../records/parse.ts';
import { dayOfMicros, millisToMicros, parseTime } from '../../records/time.ts';
import type { SideColumn } from './side-table.ts';

/** `digits`: the exact text of a number. */
export function fromJson(
  column: SideColumn,
  pointer: string,
  value: unknown,
  digits: () => string | null,
): Scalar | null | Rejection {
  if (value === null || value === undefined) return absent(column, pointer);
  const { type, reads } = column;
  if (typeof value === 'string' && (reads !== undefined || type === 'timestamp')) return read(column, pointer, value);
  const isInteger = typeof value === 'number' && reads !== undefined;
  const converted = isInteger ? longOfNumber(value, digits) : (convert(type, value, digits) as Scalar | undefined);
  if (converted === undefined || converted === null) return mistyped(column, pointer, value);
  return isInteger ? read(column, pointer, String(converted)) : converted;
}

/** `text` as csv-parse gives it: null where the field is empty without quotes. */
export function fromText(column: SideColumn, pointer: string, text: string | null): Scalar | null | Rejection {
  return text === null ? absent(column, pointer) : read(column, pointer, text);
}

function read(column: SideColumn, pointer: string, text: string): Scalar | Rejection {
  const value = column.reads === 'time' ? timeOf(text) : readers[column.type](text);
  if (value !== null) return value;
  const isTime = column.reads === 'time' || column.type === 'timestamp';
  const expected = isTime ? 'a time between the years 1 and 9999' : `a value of type ${column.type}`;
  return reject(isTime ? 'invalid_time' : 'invalid_value', pointer, `expected ${expected}, found ${show(text)}`);
}

const readers: Readonly<Record<SideColumn['type'], (text: string) => Scalar | null>> = {
  string: (text) => text.toWellFormed(),
  boolean: (text) => booleans.get(text.trim().toLowerCase()) ?? null,
  long: (text) => longOf(text.trim()),
  int: (text) => {
    const value = longOf(text.trim());
    return value !== null && BigInt.asIntN(32, value) === value ? Number(value) : null;
  },
  double: (text) => finite(decimalOf(text.trim())),
  timestamp: (text) => parseTime(text.trim(), 'utc'),
};

/** As databases write them: PostgreSQL gives t and f. */
const booleans = new Map([
  ['true', true],
  ['t', true],
  ['false', false],
  ['f', false],
]);

const finite = (value: number | null): number | null => (Number.isFinite(value) ? value : null);

/** Unix seconds have at most this many digits until the year 5138; what is longer is milliseconds. */
const SECONDS_DIGITS = 11;

/** `YYYY-MM-DD hh:mm:ss.ffffff` in UTC, of a time in RFC 3339 or without a zone (then UTC), or of Unix seconds or milliseconds. */
function timeOf(text: string): string | null {
  const trimmed = text.trim();
  if (!/^-?\d+$/.test(trimmed)) return textOf(parseTime(trimmed, 'utc'));
  const number = longOf(trimmed);
  if (number === null) return null;
  const isSeconds = trimmed.replace('-', '').length <= SECONDS_DIGITS;
  return textOf(millisToMicros(isSeconds ? number * 1000n : number));
}

const MICROS_PER_DAY = 86_400_000_000n;

function textOf(micros: bigint | null): string | null {
  if (micros === null) return null;
  const inDay = Number(((micros % MICROS_PER_DAY) + MICROS_PER_DAY) % MICROS_PER_DAY);
  const part = (unit: number, digits: number, of = 60): string =>
    String(Math.floor(inDay / unit) % of).padStart(digits, '0');
  return `${dayOfMicros(micros)} ${part(3.6e9, 2)}:${part(6e7, 2)}:${part(1e6, 2)}.${part(1, 6, 1e6)}`;
}

function absent(column: SideColumn, pointer: string): null | Rejection {
  return column.required ? reject('missing_field', pointer, `${pointer} is missing or null`) : null;
}

function mistyped(column: SideColumn, pointer: string, value: unknown): Rejection {
  return reject('invalid_type', pointer, `expected ${column.type}, found ${show(value)}`);
}

export const isRejected = (value: Scalar | null | Rejection): value is Rejection =>
  typeof value === 'object' && value !== null && 'kind' in value;
