/**
 * Digests of rows and of the rows of an object, as docs/row-digest.md defines them (version 1): the definition that the
 * kernel (kernel/row-digests.ts) is tested against, and what single rows are digested with.
 */
import { createHash, hash } from 'node:crypto';
import { type ColumnType, isScalar, type ScalarType } from '../columns/types.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { compareText } from '../text/order.ts';

/** The first line of what an object's digest is taken over; names the version of both digests. */
export const objectDigestHeader = 'audit-warehouse object digest 1\n';
const algorithm = 'blake2s256';

/** A column that is digested, and where it stands in the declaration. */
export interface DigestedColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly index: number;
  /** Four bytes in front of each value of the column, little-endian. */
  readonly tag: number;
}

/** Where a row came from: told by the object's digest, so no row repeats it. */
const places: ReadonlySet<string> = new Set(['source_uri', 'source_offset']);

/** The columns of a row digest in the order in which they are written. Throws where two of them have one tag. */
export function digestedColumns({
  name: table,
  columns,
}: Pick<TableDeclaration, 'name' | 'columns'>): DigestedColumn[] {
  const digested = columns
    .map(({ name, type }, index) => ({ name, type, index, tag: columnTag(name, type) }))
    .filter(({ name }) => !places.has(name))
    .sort((a, b) => compareText(a.name, b.name));
  const byTag = new Map<number, string>();
  for (const { name, tag } of digested) {
    const other = byTag.get(tag);
    if (other !== undefined)
      throw new Error(`table ${table}: columns ${other} and ${name} have the same tag in row digests; rename one`);
    byTag.set(tag, name);
  }
  return digested;
}

function columnTag(name: string, type: ColumnType): number {
  return hash(algorithm, Buffer.from(`${name}\0${typeName(type)}`), 'buffer').readUInt32LE(0);
}

/** int and long share a name: a column may be widened, and its values stay. */
function typeName(type: ColumnType): string {
  if (isScalar(type)) return type === 'int' || type === 'long' ? 'integer' : type;
  return 'list' in type ? `list<${typeName(type.list)}>` : `map<string,${typeName(type.map.value)}>`;
}

/** `values` in the order of the declaration, in the form of columns/types.ts or as readers give them; undefined is null. */
export function rowText(columns: readonly DigestedColumn[], values: readonly unknown[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { type, index, tag } of columns) {
    const value = values[index];
    if (value === null || value === undefined) continue;
    const head = Buffer.alloc(4);
    head.writeUInt32LE(tag);
    parts.push(head);
    if (isScalar(type)) writeScalar(parts, type, value);
    else if ('list' in type) {
      const elements = value as readonly unknown[];
      parts.push(length(elements.length));
      for (const element of elements) writeElement(parts, type.list, element);
    } else {
      const entries = pairs(value);
      parts.push(length(entries.length));
      for (const [key, element] of entries) {
        writeScalar(parts, 'string', key);
        writeElement(parts, type.map.value, element);
      }
    }
  }
  return Buffer.concat(parts);
}

export const rowDigest = (columns: readonly DigestedColumn[], values: readonly unknown[]): Buffer =>
  hash(algorithm, rowText(columns, values), 'buffer');

/** Takes the rows of one object in ascending order of offset, rows of one offset in that of their digests. */
export class ObjectDigest {
  readonly #hash = createHash(algorithm);

  constructor(table: string, uri: string) {
    const parts: Uint8Array[] = [Buffer.from(objectDigestHeader)];
    writeScalar(parts, 'string', table);
    writeScalar(parts, 'string', uri);
    for (const part of parts) this.#hash.update(part);
  }

  /** 40 bytes a row: its offset in 8 bytes, little-endian, and its digest. */
  add(rows: Uint8Array): void {
    this.#hash.update(rows);
  }

  digest(): Buffer {
    return this.#hash.digest();
  }
}

function writeElement(parts: Uint8Array[], type: ScalarType, value: unknown): void {
  const isThere = value !== null && value !== undefined;
  parts.push(Buffer.of(isThere ? 1 : 0));
  if (isThere) writeScalar(parts, type, value);
}

function writeScalar(parts: Uint8Array[], type: ScalarType, value: unknown): void {
  if (type === 'string') {
    const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
    parts.push(length(bytes.length), bytes);
    return;
  }
  if (type === 'boolean') {
    parts.push(Buffer.of(value ? 1 : 0));
    return;
  }
  const bytes = Buffer.alloc(8);
  if (type === 'double') bytes.writeDoubleLE(Number(value));
  else bytes.writeBigInt64LE(BigInt(value as bigint | number));
  parts.push(bytes);
}

/** LEB128, unsigned. */
function length(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left >>>= 7) bytes.push((left & 127) | 128);
  bytes.push(left);
  return Uint8Array.from(bytes);
}

function pairs(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (value instanceof Map) return [...value.entries()];
  return (value as readonly (readonly [unknown, unknown])[]).map((entry) =>
    Array.isArray(entry) ? [entry[0], entry[1]] : (Object.values(entry) as [unknown, unknown]),
  );
}
