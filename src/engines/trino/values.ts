/**
 * Values as Trino's JSON has them, as cells: the same that DuckDB's values give (see values.ts), so that an answer does
 * not tell which engine gave it.
 */
import type { CellValue } from '../engine.ts';
import type { TypeSignature } from './protocol.ts';

export type ToCell = (value: unknown) => CellValue;

/** How to read the values of a type; made once a column. */
export function cellReader(type: TypeSignature): ToCell {
  const read = readerOf(type);
  return (value) => (value === null || value === undefined ? null : read(value));
}

function readerOf({ rawType, arguments: args }: TypeSignature): ToCell {
  switch (rawType) {
    case 'timestamp':
    case 'timestamp with time zone':
      return (value) => isoTimestamp(value as string);
    case 'real':
      // As the 32 bits that it is.
      return (value) => (typeof value === 'number' ? Math.fround(value) : (value as string));
    case 'varbinary':
      return (value) => printable(Buffer.from(value as string, 'base64'));
    case 'array': {
      const element = cellReader(args[0]!.value as TypeSignature);
      return (value) => (value as unknown[]).map(element);
    }
    case 'map': {
      const [key, entry] = args.map((argument) => cellReader(argument.value as TypeSignature)) as [ToCell, ToCell];
      return (value) =>
        Object.fromEntries(Object.entries(value as object).map(([name, item]) => [String(key(name)), entry(item)]));
    }
    case 'row': {
      const fields = args.map((argument, i) => {
        const named = argument as Extract<typeof argument, { kind: 'NAMED_TYPE' }>;
        return [named.value.fieldName?.name ?? `field${i}`, cellReader(named.value.typeSignature)] as const;
      });
      return (value) => Object.fromEntries(fields.map(([name, read], i) => [name, read((value as unknown[])[i])]));
    }
    default:
      // Booleans, numbers, and what Trino writes as text: char, decimal, date, time, uuid, interval, json, NaN.
      return (value) => value as CellValue;
  }
}

const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?(?: (UTC|Z|[+-]\d\d:\d\d))?$/;

/**
 * `2023-07-11T17:01:42.252749Z` of `2023-07-11 17:01:42.252749` or `2023-07-11 19:01:42.252 +02:00`. A time in a zone
 * with a name was asked for in that zone, and stays as it is; so do years that have no four digits.
 */
export function isoTimestamp(text: string): string {
  const [, day, time, fraction = '', zone = 'UTC'] = parts.exec(text) ?? [];
  if (day === undefined) return text;
  const end = `.${fraction.padEnd(6, '0')}Z`;
  if (zone === 'UTC' || zone === 'Z') return `${day}T${time}${end}`;
  return `${new Date(`${day}T${time}${zone}`).toISOString().slice(0, 19)}${end}`;
}

/** As DuckDB prints a blob: printable ASCII, all else as \xNN. */
export const printable = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x27
      ? `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
      : String.fromCharCode(byte),
  ).join('');
