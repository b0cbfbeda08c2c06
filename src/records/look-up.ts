/** Values and digits at a path of a record. */
import { digitsAt } from './numbers.ts';
import { type JsonRecord, rawMember } from './parse.ts';

/** The value at a path, undefined where there is none. */
export function lookUp(record: JsonRecord, { path }: { readonly path: readonly string[] }): unknown {
  let value: unknown = record.value;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    if (Array.isArray(value) && !/^\d+$/.test(segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

/** The number at a path as the record spells it; null where there is none. */
export function exactDigits(record: JsonRecord, path: readonly string[]): string | null {
  const raw = rawMember(record, path[0] as string);
  return raw === undefined ? null : digitsAt(raw.toString(), path.slice(1));
}
