/**
 * What tells a row from all others where no id does: a digest over its values, the same for a row just made from a
 * record and for that row read back from Parquet.
 */
import { createHash } from 'node:crypto';
import { type ColumnType, isScalar, type ScalarType } from '../columns/types.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { compareText } from '../text/order.ts';

const DIGEST_HEX_CHARS = 32;

/**
 * 32 hex digits of SHA-256 over `rowText`.
 *
 * `values` in the order of the declaration, in any form a reader gives: long and timestamp as bigint or number
 * (timestamp in microseconds), strings as text or UTF-8 bytes, maps as arrays of pairs, Map, or arrays of {key, value}.
 * undefined counts as null. The order of columns does not matter, so that a row keeps its identity when the table grows.
 */
export function rowIdentity(declaration: TableDeclaration, values: readonly unknown[]): string {
  const hash = createHash('sha256');
  write(hash, declaration, values);
  return hash.digest('hex').slice(0, DIGEST_HEX_CHARS);
}

/** The names and values of all columns that are not null and not provenance, so that no two rows have one text. */
export function rowText(declaration: TableDeclaration, values: readonly unknown[]): Uint8Array {
  const pieces: Buffer[] = [];
  const sink: Sink = {
    update(piece) {
      pieces.push(
        typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.length),
      );
      return sink;
    },
  };
  write(sink, declaration, values);
  return Buffer.concat(pieces);
}

interface Sink {
  update(piece: string | Uint8Array): Sink;
}

function write(sink: Sink, declaration: TableDeclaration, values: readonly unknown[]): void {
  const provenance = new Set(declaration.provenance);
  for (const { name, type, index } of sortedColumns(declaration)) {
    const value = values[index];
    if (value === null || value === undefined || provenance.has(name)) continue;
    sink.update(`${name}\n`);
    update(sink, type, value);
  }
}

const orders = new WeakMap<TableDeclaration, { name: string; type: ColumnType; index: number }[]>();

function sortedColumns(declaration: TableDeclaration): { name: string; type: ColumnType; index: number }[] {
  let order = orders.get(declaration);
  if (!order) {
    order = declaration.columns.map(({ name, type }, index) => ({ name, type, index }));
    order.sort((a, b) => compareText(a.name, b.name));
    orders.set(declaration, order);
  }
  return order;
}

function update(hash: Sink, type: ColumnType, value: unknown): void {
  if (isScalar(type)) {
    updateScalar(hash, type, value);
  } else if ('list' in type) {
    const elements = value as readonly unknown[];
    hash.update(`[${elements.length}\n`);
    for (const element of elements) updateScalar(hash, type.list, element);
  } else {
    const entries = pairs(value);
    hash.update(`{${entries.length}\n`);
    for (const [key, element] of entries) {
      updateScalar(hash, 'string', key);
      updateScalar(hash, type.map.value, element);
    }
  }
}

/** Length first, so that no two sequences of values have one encoding. */
function updateScalar(hash: Sink, type: ScalarType, value: unknown): void {
  if (value === null || value === undefined) {
    hash.update('-\n');
    return;
  }
  if (type === 'string') {
    const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
    hash.update(`${bytes.length}:`).update(bytes);
    return;
  }
  const text = type === 'boolean' ? (value ? '1' : '0') : String(value);
  hash.update(`${text.length}:${text}`);
}

function pairs(value: unknown): (readonly [unknown, unknown])[] {
  if (value instanceof Map) return [...value.entries()];
  if (!Array.isArray(value)) return Object.entries(value as object);
  return value.map(
    (entry) => (Array.isArray(entry) ? [entry[0], entry[1]] : [entry.key, entry.value]) as [unknown, unknown],
  );
}
