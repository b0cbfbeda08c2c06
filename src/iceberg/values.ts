import type { Scalar } from '../columns/types.ts';
import { fixedBytes, textAbove } from '../parquet/format/bounds.ts';
import type { FieldType } from './metadata.ts';

/**
 * Single values in binary (Iceberg spec, Appendix D, "Binary single-value serialization") and the bounds made of them.
 * Types are Iceberg's names. A bound that this program cannot read is `undefined`, and counts as absent.
 */

const truncatedLength = 16;

const withBounds = new Set(['boolean', 'int', 'date', 'long', 'timestamp', 'timestamptz', 'double', 'string']);

/** Whether `encodeValue` takes values of the type. */
export const hasBounds = (type: string): boolean => withBounds.has(type);

/** Throws where the value is not of the type. The bytes of a string are returned as they are, not copied. */
export function encodeValue(type: FieldType, value: Scalar): Uint8Array {
  switch (type) {
    case 'boolean':
      return fixedBytes('boolean', value === true || value === 1);
    case 'int':
    case 'date':
      return fixedBytes('int', value as number);
    case 'long':
    case 'timestamp':
    case 'timestamptz':
      return fixedBytes('long', value as bigint);
    case 'double':
      return fixedBytes('double', value as number);
    case 'string':
      return typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
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

/** The lower bound of a column: exact, or for a truncated string its first 16 code points. */
export function manifestLowerBound(type: FieldType, min: Scalar, full: boolean): Uint8Array {
  if (type === 'double' && min === 0) return encodeValue(type, -0);
  const bytes = encodeValue(type, min);
  return type === 'string' && !full ? truncate(bytes) : bytes;
}

/**
 * The upper bound of a column: exact, or for a truncated string the least string of at most 16 code points that is
 * greater than every string with that beginning; undefined where there is none.
 */
export function manifestUpperBound(type: FieldType, max: Scalar, full: boolean): Uint8Array | undefined {
  if (type === 'double' && max === 0) return encodeValue(type, 0);
  const bytes = encodeValue(type, max);
  if (type !== 'string' || full) return bytes;
  const cut = truncate(bytes);
  return cut.length === bytes.length ? bytes : textAbove(cut);
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
