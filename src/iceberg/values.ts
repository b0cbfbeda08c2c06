import type { Scalar } from '../columns/types.ts';
import type { FieldType } from './metadata.ts';

/**
 * Single values in binary (Iceberg spec, Appendix D, "Binary single-value serialization") and the bounds made of them.
 * Types are Iceberg's names. A bound that this program cannot read is `undefined`, and counts as absent.
 */

const truncatedLength = 16;

/** Throws where the value is not of the type. */
export function encodeValue(type: FieldType, value: Scalar): Uint8Array {
  switch (type) {
    case 'boolean':
      return Uint8Array.of(value === true || value === 1 ? 1 : 0);
    case 'int':
    case 'date': {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(Number(value));
      return bytes;
    }
    case 'long':
    case 'timestamp':
    case 'timestamptz': {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt(value as bigint | number));
      return bytes;
    }
    case 'double': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(Number(value));
      return bytes;
    }
    case 'string':
      return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value as Uint8Array);
    default:
      throw new Error(`no bounds are written for values of type ${JSON.stringify(type)}`);
  }
}

/** long and timestamps as bigint, int, date and doubles as number, string as its UTF-8 bytes. */
export function decodeValue(type: FieldType, bytes: Uint8Array): Scalar | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (type) {
    case 'boolean':
      return buffer.length === 1 ? buffer[0] !== 0 : undefined;
    case 'int':
    case 'date':
      return buffer.length === 4 ? buffer.readInt32LE() : undefined;
    case 'long':
    case 'timestamp':
    case 'timestamptz':
      // Bounds written while a long column still was int have four bytes.
      if (buffer.length === 4) return BigInt(buffer.readInt32LE());
      return buffer.length === 8 ? buffer.readBigInt64LE() : undefined;
    case 'float':
      return buffer.length === 4 ? buffer.readFloatLE() : undefined;
    case 'double':
      if (buffer.length === 4) return buffer.readFloatLE();
      return buffer.length === 8 ? buffer.readDoubleLE() : undefined;
    case 'string':
      return buffer;
    default:
      return undefined;
  }
}

/** Order of values of one type; strings by their UTF-8 bytes, as Iceberg orders them. */
export function compareValues(a: Scalar, b: Scalar): number {
  if (isText(a) && isText(b)) return Buffer.compare(toBytes(a), toBytes(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The lower bound of a column: exact, or for a truncated string its first 16 code points. */
export function lowerBound(type: FieldType, min: Scalar, full: boolean): Uint8Array {
  if (type === 'double' && min === 0) return encodeValue(type, -0);
  const bytes = encodeValue(type, min);
  return type === 'string' && !full ? truncate(bytes) : bytes;
}

/**
 * The upper bound of a column: exact, or for a truncated string the least string of at most 16 code points that is
 * greater than every string with that beginning; undefined where there is none.
 */
export function upperBound(type: FieldType, max: Scalar, full: boolean): Uint8Array | undefined {
  if (type === 'double' && max === 0) return encodeValue(type, 0);
  const bytes = encodeValue(type, max);
  if (type !== 'string' || full) return bytes;
  const cut = truncate(bytes);
  return cut.length === bytes.length ? bytes : successor(cut);
}

/** The first 16 code points; a byte that does not continue one begins one, so invalid UTF-8 is cut too. */
function truncate(bytes: Uint8Array): Uint8Array {
  let points = 0;
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at]! & 0xc0) === 0x80) continue;
    if (points++ === truncatedLength) return bytes.subarray(0, at);
  }
  return bytes;
}

/** The last code point that has a successor is raised by one, and what follows it is dropped. */
function successor(bytes: Uint8Array): Uint8Array | undefined {
  let points: number[];
  try {
    points = Array.from(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
      (c) => c.codePointAt(0)!,
    );
  } catch {
    return undefined;
  }
  while (points.length > 0) {
    const last = points.pop()!;
    if (last === 0x10ffff) continue;
    // Surrogates are no characters: after U+D7FF comes U+E000.
    return Buffer.from(String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1));
  }
  return undefined;
}

const isText = (value: Scalar): value is string | Uint8Array =>
  typeof value === 'string' || value instanceof Uint8Array;
const toBytes = (value: string | Uint8Array): Uint8Array => (typeof value === 'string' ? Buffer.from(value) : value);
