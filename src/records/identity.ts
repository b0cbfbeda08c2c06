/**
 * What makes two rows the same record: that they are equal in every column but those that say where a row came from
 * (`provenance`) and those that repeat what other columns hold (`copies`). The wrapper around a record, `$envelope` in
 * `extra`, is provenance too. An id alone never makes two records the same: anyone who can write to a source could push
 * another's record out with it.
 *
 * `contentOf` writes these columns down, the same for a row just made from a record and for that row read back from
 * Parquet. The fast path writes the same bytes (kernel/assembly/scan/content.ts), so it is a format: per column that is
 * not null its number in the order of names (16 bits), then the value: numbers in 64 bits, little-endian; a text as its
 * length (32 bits) and its bytes; a list or a map as the text that it has in JSON, without spaces, where of all characters
 * only quotes and backslashes are escaped.
 */
import { hash } from 'node:crypto';
import { type ColumnType, isScalar, type ScalarType } from '../columns/types.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { compareText } from '../text/order.ts';
import { withoutEnvelope } from './extra.ts';

/** The column of what has no column of its own. */
export const extraColumn = 'extra';

/**
 * 32 hex digits of SHA-256 over `contentOf`: two rows have the same where they are the same record.
 *
 * `values` in the order of the declaration, in any form a reader gives: long and timestamp as bigint or number
 * (timestamp in microseconds), strings as text or UTF-8 bytes, maps as arrays of pairs, Map, or arrays of {key, value}.
 * undefined counts as null.
 */
export function rowIdentity(declaration: TableDeclaration, values: readonly unknown[]): string {
  return digest(write(comparedColumns(declaration), values));
}

export function contentOf(declaration: TableDeclaration, values: readonly unknown[]): Buffer {
  return Buffer.from(write(comparedColumns(declaration), values));
}

export interface ComparedColumn {
  /** In the order of names among those that are compared. */
  readonly number: number;
  readonly name: string;
  readonly type: ColumnType;
  /** In the declaration. */
  readonly index: number;
  /** Whether the envelope is left out of it. */
  readonly isUnwrapped: boolean;
}

/** The columns that decide whether two rows are the same record. */
export function comparedColumns(declaration: TableDeclaration): readonly ComparedColumn[] {
  let columns = compared.get(declaration);
  if (columns === undefined) {
    const left = new Set([...declaration.provenance, ...(declaration.copies ?? [])]);
    columns = declaration.columns
      .map(({ name, type }, index) => ({ name, type, index, isUnwrapped: name === extraColumn }))
      .filter(({ name }) => !left.has(name))
      .sort((a, b) => compareText(a.name, b.name))
      .map((column, number) => ({ ...column, number }));
    compared.set(declaration, columns);
  }
  return columns;
}

const compared = new WeakMap<TableDeclaration, readonly ComparedColumn[]>();

const DIGEST_HEX_CHARS = 32;
const digest = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex').slice(0, DIGEST_HEX_CHARS);

/** Good until the next call. */
function write(columns: readonly ComparedColumn[], values: readonly unknown[]): Uint8Array {
  used = 0;
  for (const { number, type, index, isUnwrapped } of columns) {
    let value = values[index];
    if (isUnwrapped && value !== null && value !== undefined) value = withoutEnvelope(bytesOf(value));
    if (value === null || value === undefined) continue;
    reserve(2);
    used = bytes.writeUInt16LE(number, used);
    writeValue(type, value);
  }
  return bytes.subarray(0, used);
}

let bytes = Buffer.alloc(64 << 10);
let used = 0;

function reserve(more: number): void {
  if (used + more <= bytes.length) return;
  const larger = Buffer.alloc((used + more) * 2);
  bytes.copy(larger, 0, 0, used);
  bytes = larger;
}

function writeValue(type: ColumnType, value: unknown): void {
  if (!isScalar(type)) writeText(nestedText(type, value));
  else if (type === 'string') writeText(bytesOf(value));
  else {
    reserve(8);
    if (type === 'boolean') used = bytes.writeUInt8(value ? 1 : 0, used);
    else if (type === 'double') used = bytes.writeDoubleLE(Number(value), used);
    else used = bytes.writeBigInt64LE(BigInt(value as bigint | number), used);
  }
}

function writeText(text: Uint8Array): void {
  reserve(text.length + 4);
  used = bytes.writeUInt32LE(text.length, used);
  bytes.set(text, used);
  used += text.length;
}

function nestedText(type: Exclude<ColumnType, ScalarType>, value: unknown): Buffer {
  if ('list' in type) {
    const elements = (value as readonly unknown[]).map((element) => elementText(type.list, element));
    return Buffer.from(`[${elements.join(',')}]`, 'latin1');
  }
  const entries = pairs(value).map(
    ([key, element]) => `${elementText('string', key)}:${elementText(type.map.value, element)}`,
  );
  return Buffer.from(`{${entries.join(',')}}`, 'latin1');
}

/** A character per byte. */
function elementText(type: ScalarType, value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (type !== 'string') return String(value);
  const text = Buffer.from(bytesOf(value)).toString('latin1');
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

const bytesOf = (value: unknown): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);

function pairs(value: unknown): (readonly [unknown, unknown])[] {
  if (value instanceof Map) return [...value.entries()];
  if (!Array.isArray(value)) return Object.entries(value as object);
  return value.map(
    (entry) => (Array.isArray(entry) ? [entry[0], entry[1]] : [entry.key, entry.value]) as [unknown, unknown],
  );
}
