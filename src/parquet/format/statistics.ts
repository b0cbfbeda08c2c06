/**
 * Least and greatest values, in Parquet's column order TYPE_ORDER (parquet.thrift, union ColumnOrder): strings as
 * unsigned UTF-8 bytes, numbers as signed, false before true. NaN is never a bound, and zeros are bounded by -0 and
 * +0, as the format asks of DOUBLE. The kernel finds them and tells their slots: nothing is copied until a bound is written.
 */

import type { FixedData, ScalarData, StringData } from '../../columns/batch.ts';
import type { Scalar } from '../../columns/types.ts';
import { kernel } from '../../kernel/kernel.ts';
import type { ColumnStats } from '../encoder.ts';
import type { LeafStream } from '../write/shred.ts';
import { compareValues, fixedBytes, textAbove } from './bounds.ts';
import type { Statistics } from './footer.ts';

/** The slots of the least and the greatest value. */
export interface MinMax {
  readonly least: number;
  readonly greatest: number;
}

/** String bounds of more bytes than this are cut (PageIndex.md leaves the length to the writer; 64 is customary). */
const maxBoundBytes = 64;

/** Of the gathered values from .. to of the chunk that the kernel holds; undefined where there is none but NaN. */
export function minMax(data: ScalarData, from: number, to: number): MinMax | undefined {
  if (from >= to) return undefined;
  const { call } = kernel();
  if (data.kind === 'string') return found(call.minMaxOfTexts(from, to));
  if (data.type === 'boolean') return found(call.minMaxOfBytes(from, to));
  if (data.type === 'int') return found(call.minMaxOfInts(from, to));
  return found(data.type === 'double' ? call.minMaxOfDoubles(from, to) : call.minMaxOfLongs(from, to));
}

/** The same of a chunk with a dictionary, by which each distinct string of the page is compared once. */
export function minMaxOfIndices(data: ScalarData, from: number, to: number): MinMax | undefined {
  if (data.kind !== 'string') return minMax(data, from, to);
  return found(kernel().call.minMaxOfEntries(from, to));
}

function found(some: number): MinMax | undefined {
  const { call } = kernel();
  return some ? { least: call.leastSlot(), greatest: call.greatestSlot() } : undefined;
}

/** The minMax of two ranges of the same data taken together. */
export function mergeMinMax(data: ScalarData, a: MinMax | undefined, b: MinMax | undefined): MinMax | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const compare = slotComparison(data);
  return {
    least: compare(b.least, a.least) < 0 ? b.least : a.least,
    greatest: compare(b.greatest, a.greatest) > 0 ? b.greatest : a.greatest,
  };
}

type Comparison = (a: number, b: number) => number;

/** Orders two slots that hold values, none of them NaN. */
export function slotComparison(data: ScalarData): Comparison {
  if (data.kind === 'string') {
    const { codes } = data;
    const compare = entryComparison(data);
    return codes === null ? compare : (a, b) => compare(codes[a]!, codes[b]!);
  }
  const values = data.values!;
  return (a, b) => (values[a]! < values[b]! ? -1 : values[a]! > values[b]! ? 1 : 0);
}

/** Orders two entries (slots where there is no dictionary) by their bytes, four at a time. */
export function entryComparison(data: StringData): Comparison {
  const { bytes, offsets } = data;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (a, b) => {
    let x = offsets[a]!;
    let y = offsets[b]!;
    const xEnd = offsets[a + 1]!;
    const yEnd = offsets[b + 1]!;
    const end = x + Math.min(xEnd - x, yEnd - y);
    for (; x + 4 <= end; x += 4, y += 4) {
      const difference = view.getUint32(x) - view.getUint32(y);
      if (difference !== 0) return difference;
    }
    while (x < end) {
      const difference = bytes[x++]! - bytes[y++]!;
      if (difference !== 0) return difference;
    }
    return xEnd - x - (yEnd - y);
  };
}

/** The value in a slot that is not null; strings as a copy of their bytes. */
export function valueAt(data: ScalarData, slot: number): Scalar {
  if (data.kind === 'string') return textAt(data, slot);
  const value = data.values![slot]!;
  return data.type === 'boolean' ? value !== 0 : value;
}

/** A copy of the bytes of a string, of so many at most. */
function textAt({ codes, offsets, bytes }: StringData, slot: number, most = Infinity): Uint8Array {
  const at = codes === null ? slot : codes[slot]!;
  const start = offsets[at]!;
  return Uint8Array.prototype.slice.call(bytes, start, Math.min(offsets[at + 1]!, start + most));
}

export interface Bound {
  readonly bytes: Uint8Array;
  readonly exact: boolean;
}

/** The lower bound as statistics and column indexes hold it. */
export function lowerBound(data: ScalarData, slot: number): Bound {
  const bytes = plainBytes(data, slot, -0);
  if (data.kind !== 'string' || bytes.length <= maxBoundBytes) return { bytes, exact: true };
  return { bytes: bytes.slice(0, characterEnd(bytes)), exact: false };
}

/** The upper bound; undefined where a long string has no short successor. */
export function upperBound(data: ScalarData, slot: number): Bound | undefined {
  const bytes = plainBytes(data, slot, 0);
  if (data.kind !== 'string' || bytes.length <= maxBoundBytes) return { bytes, exact: true };
  const successor = textAbove(bytes.subarray(0, characterEnd(bytes)));
  return successor && { bytes: successor, exact: false };
}

/** PLAIN encoding of one value, without the length prefix of strings, of which a byte more is given than a bound may have. */
function plainBytes(data: ScalarData, slot: number, zero: number): Uint8Array {
  if (data.kind === 'string') return textAt(data, slot, maxBoundBytes + 1);
  return plainNumber(data, slot, zero);
}

function plainNumber(data: FixedData, slot: number, zero: number): Uint8Array {
  const value = data.values![slot]!;
  if (data.type === 'double') return fixedBytes('double', value === 0 ? zero : value);
  return fixedBytes(data.type === 'timestamp' ? 'long' : data.type, value);
}

/** Where the last whole UTF-8 character within the limit ends. */
function characterEnd(bytes: Uint8Array): number {
  let end = maxBoundBytes;
  while (end > maxBoundBytes - 4 && (bytes[end]! & 0xc0) === 0x80) end--;
  return (bytes[end]! & 0xc0) === 0x80 ? maxBoundBytes : end;
}

/** Statistics of a column chunk or a page. */
export function statisticsOf(data: ScalarData | null, range: MinMax | undefined, nullCount: number): Statistics {
  const min = range && data ? lowerBound(data, range.least) : undefined;
  const max = range && data ? upperBound(data, range.greatest) : undefined;
  return {
    nullCount,
    ...(min && { min: min.bytes }),
    ...(max && { max: max.bytes }),
    minIsExact: min?.exact ?? false,
    maxIsExact: max?.exact ?? false,
  };
}

/** The least and the greatest value of a leaf in a row group, copied; absent where there is none. */
export interface LeafBounds {
  readonly min?: Scalar;
  readonly max?: Scalar;
}

export const leafBounds = (data: ScalarData | null, range: MinMax | undefined): LeafBounds =>
  data === null || range === undefined ? {} : { min: valueAt(data, range.least), max: valueAt(data, range.greatest) };

/** Gathers a leaf's ColumnStats over the row groups of one file. */
export class LeafTotals {
  #compressedSize = 0;
  #valueCount = 0;
  #nullCount = 0;
  #min: Scalar | undefined;
  #max: Scalar | undefined;

  add(stream: Pick<LeafStream, 'levels' | 'values'>, { min, max }: LeafBounds, compressedSize: number): void {
    this.#compressedSize += compressedSize;
    this.#valueCount += stream.levels;
    this.#nullCount += stream.levels - stream.values;
    if (min !== undefined && (this.#min === undefined || compareValues(min, this.#min) < 0)) this.#min = min;
    if (max !== undefined && (this.#max === undefined || compareValues(this.#max, max) < 0)) this.#max = max;
  }

  /** Bounds only for scalar columns, as Iceberg manifests have them. */
  stats(isScalar: boolean): ColumnStats {
    return {
      compressedSize: this.#compressedSize,
      valueCount: this.#valueCount,
      nullCount: this.#nullCount,
      ...(isScalar && this.#min !== undefined && { min: this.#min }),
      ...(isScalar && this.#max !== undefined && { max: this.#max }),
    };
  }
}
