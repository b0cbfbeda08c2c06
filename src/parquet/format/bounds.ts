/** Single values as bytes, and what lies just above a text: for statistics, page indexes and bounds in manifests. */
import type { Scalar } from '../../columns/types.ts';

/** Little-endian, as Parquet's PLAIN encoding and Iceberg's single-value serialization have it. */
export function fixedBytes(type: 'boolean' | 'int' | 'long' | 'double', value: Exclude<Scalar, string | Uint8Array>) {
  if (type === 'boolean') return Uint8Array.of(Number(value));
  const bytes = Buffer.alloc(type === 'int' ? 4 : 8);
  if (type === 'int') bytes.writeInt32LE(Number(value));
  else if (type === 'double') bytes.writeDoubleLE(Number(value));
  else bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

/**
 * The least text, in code points, that is greater than every text with this prefix, and no longer in characters;
 * undefined where there is none, or where the prefix is not valid UTF-8.
 */
export function textAbove(prefix: Uint8Array): Uint8Array | undefined {
  let points: number[];
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(prefix);
    points = Array.from(text, (character) => character.codePointAt(0)!);
  } catch {
    return undefined;
  }
  while (points.length > 0) {
    const last = points.pop()!;
    if (last === 0x10ffff) continue;
    // Surrogates are not characters: after U+D7FF comes U+E000.
    return Buffer.from(String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1));
  }
  return undefined;
}

/** Order of values of one type; texts by their UTF-8 bytes. */
export function compareValues(a: Scalar, b: Scalar): number {
  if (isText(a) && isText(b)) return Buffer.compare(toBytes(a), toBytes(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

const isText = (value: Scalar): value is string | Uint8Array =>
  typeof value === 'string' || value instanceof Uint8Array;
const toBytes = (value: string | Uint8Array): Uint8Array => (typeof value === 'string' ? Buffer.from(value) : value);
