/**
 * Least and greatest values, in Parquet's column order TYPE_ORDER (parquet.thrift, union ColumnOrder): strings as
 * unsigned UTF-8 bytes, numbers as signed, false before true. NaN is never a bound, and zeros are bounded by -0 and
 * +0, as the format asks of DOUBLE. Values are told by their slots, so nothing is copied until a bound is written.
 */
import type { FixedData, ScalarData, StringData } from '../columns/batch.ts';
import type { Scalar } from '../columns/types.ts';
import type { ColumnStats } from './encoder.ts';
import type { Statistics } from './footer.ts';
import type { LeafStream } from './levels.ts';

/** The slots of the least and the greatest value. */
export interface Extremes {
  readonly least: number;
  readonly greatest: number;
}

/** String bounds of more bytes than this are cut (PageIndex.md leaves the length to the writer; 64 is customary). */
const maxBoundBytes = 64;

/** Of the values at slots[from .. to); undefined where there is none but NaN. */
export function extremes(data: ScalarData, slots: Uint32Array, from: number, to: number): Extremes | undefined {
  if (from >= to) return undefined;
  if (data.kind === 'string') return stringExtremes(data, slots, from, to);
  if (data.values instanceof BigInt64Array) return int64Extremes(data.values, slots, from, to);
  return numberExtremes(data.values as Uint8Array | Int32Array | Float64Array, slots, from, to);
}

/** The extremes of two ranges of the same data taken together. */
export function widest(data: ScalarData, a: Extremes | undefined, b: Extremes | undefined): Extremes | undefined {
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

/**
 * Two passes: what prefix all strings share, then the four bytes after it as one number, by which most strings are
 * told apart; only ties are compared as strings. Text of one kind (JSON, times, paths) shares long prefixes.
 */
function stringExtremes(data: StringData, slots: Uint32Array, from: number, to: number): Extremes {
  const { codes, offsets, bytes } = data;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compare = entryComparison(data);
  let least = slots[from]!;
  let greatest = least;
  let leastEntry = codes === null ? least : codes[least]!;
  let greatestEntry = leastEntry;
  const shared = sharedPrefix(data, view, slots, from, to);
  let leastKey = keyAt(view, offsets[leastEntry]! + shared, offsets[leastEntry + 1]!);
  let greatestKey = leastKey;
  for (let i = from + 1; i < to; i++) {
    const slot = slots[i]!;
    const at = codes === null ? slot : codes[slot]!;
    const start = offsets[at]! + shared;
    const end = offsets[at + 1]!;
    const key = start + 4 <= end ? view.getUint32(start) : keyAt(view, start, end);
    if (key >= greatestKey) {
      if (key > greatestKey || (at !== greatestEntry && compare(at, greatestEntry) > 0)) {
        greatest = slot;
        greatestEntry = at;
        greatestKey = key;
      }
    }
    if (key <= leastKey) {
      if (key < leastKey || (at !== leastEntry && compare(at, leastEntry) < 0)) {
        least = slot;
        leastEntry = at;
        leastKey = key;
      }
    }
  }
  return { least, greatest };
}

/** Bytes that all strings start with, a multiple of four. */
function sharedPrefix(data: StringData, view: DataView, slots: Uint32Array, from: number, to: number): number {
  const { codes, offsets } = data;
  const first = codes === null ? slots[from]! : codes[slots[from]!]!;
  const firstStart = offsets[first]!;
  let shared = (offsets[first + 1]! - firstStart) & ~3;
  for (let i = from + 1; i < to && shared > 0; i++) {
    const at = codes === null ? slots[i]! : codes[slots[i]!]!;
    const start = offsets[at]!;
    const length = Math.min(shared, (offsets[at + 1]! - start) & ~3);
    let same = 0;
    while (same < length && view.getUint32(firstStart + same) === view.getUint32(start + same)) same += 4;
    shared = same;
  }
  return shared;
}

/** Up to four bytes as a number, zeros for those that the string lacks. */
function keyAt(view: DataView, start: number, end: number): number {
  let key = 0;
  for (let i = 0; i < 4; i++) key = key * 256 + (start + i < end ? view.getUint8(start + i) : 0);
  return key;
}

function numberExtremes(
  values: Uint8Array | Int32Array | Float64Array,
  slots: Uint32Array,
  from: number,
  to: number,
): Extremes | undefined {
  let i = from;
  while (i < to && Number.isNaN(values[slots[i]!]!)) i++;
  if (i === to) return undefined;
  let least = slots[i]!;
  let greatest = least;
  let min = values[least]!;
  let max = min;
  for (; i < to; i++) {
    const slot = slots[i]!;
    const value = values[slot]!;
    if (value < min) {
      min = value;
      least = slot;
    } else if (value > max) {
      max = value;
      greatest = slot;
    }
  }
  return { least, greatest };
}

/** By halves, since reading a BigInt64Array makes a BigInt each time. */
function int64Extremes(values: BigInt64Array, slots: Uint32Array, from: number, to: number): Extremes {
  const high = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const low = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  let least = slots[from]!;
  let greatest = least;
  let minHigh = high[least * 2 + 1]!;
  let minLow = low[least * 2]!;
  let maxHigh = minHigh;
  let maxLow = minLow;
  for (let i = from + 1; i < to; i++) {
    const slot = slots[i]!;
    const h = high[slot * 2 + 1]!;
    const l = low[slot * 2]!;
    if (h > maxHigh || (h === maxHigh && l > maxLow)) {
      maxHigh = h;
      maxLow = l;
      greatest = slot;
    } else if (h < minHigh || (h === minHigh && l < minLow)) {
      minHigh = h;
      minLow = l;
      least = slot;
    }
  }
  return { least, greatest };
}

/** The value in a slot that is not null; strings as a copy of their bytes. */
export function valueAt(data: ScalarData, slot: number): Scalar {
  if (data.kind === 'string') {
    const at = data.codes === null ? slot : data.codes[slot]!;
    return Uint8Array.prototype.slice.call(data.bytes, data.offsets[at]!, data.offsets[at + 1]!);
  }
  const value = data.values![slot]!;
  return data.type === 'boolean' ? value !== 0 : value;
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
  const successor = incremented(bytes.subarray(0, characterEnd(bytes)));
  return successor && { bytes: successor, exact: false };
}

/** PLAIN encoding of one value, without the length prefix of strings. */
function plainBytes(data: ScalarData, slot: number, zero: number): Uint8Array {
  if (data.kind === 'string') return valueAt(data, slot) as Uint8Array;
  return plainNumber(data, slot, zero);
}

function plainNumber(data: FixedData, slot: number, zero: number): Uint8Array {
  const value = data.values![slot]!;
  switch (data.type) {
    case 'boolean':
      return Uint8Array.of(Number(value));
    case 'int': {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(Number(value));
      return bytes;
    }
    case 'double': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value === 0 ? zero : Number(value));
      return bytes;
    }
    default: {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value as bigint);
      return bytes;
    }
  }
}

/** Where the last whole UTF-8 character within the limit ends. */
function characterEnd(bytes: Uint8Array): number {
  let end = maxBoundBytes;
  while (end > maxBoundBytes - 4 && (bytes[end]! & 0xc0) === 0x80) end--;
  return (bytes[end]! & 0xc0) === 0x80 ? maxBoundBytes : end;
}

/** The least string, in code points, that is greater than all strings with this prefix, and no longer in characters. */
function incremented(prefix: Uint8Array): Uint8Array | undefined {
  const characters = Array.from(Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length).toString('utf8'));
  while (characters.length > 0) {
    const last = characters.pop()!.codePointAt(0)!;
    if (last === 0x10ffff) continue;
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return Buffer.from(characters.join('') + String.fromCodePoint(next), 'utf8');
  }
  return undefined;
}

/** Statistics of a column chunk or a page. */
export function statisticsOf(data: ScalarData | null, range: Extremes | undefined, nullCount: number): Statistics {
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

/** Gathers a leaf's ColumnStats over the row groups of one file, whose data may differ from one to the next. */
export class LeafTotals {
  #compressedSize = 0;
  #valueCount = 0;
  #nullCount = 0;
  #min: Scalar | undefined;
  #max: Scalar | undefined;

  add(
    data: ScalarData | null,
    stream: Pick<LeafStream, 'levels' | 'values'>,
    range: Extremes | undefined,
    compressedSize: number,
  ): void {
    this.#compressedSize += compressedSize;
    this.#valueCount += stream.levels;
    this.#nullCount += stream.levels - stream.values;
    if (data === null || range === undefined) return;
    const min = valueAt(data, range.least);
    const max = valueAt(data, range.greatest);
    if (this.#min === undefined || isLess(min, this.#min)) this.#min = min;
    if (this.#max === undefined || isLess(this.#max, max)) this.#max = max;
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

const isLess = (a: Scalar, b: Scalar): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) < 0 : a < b;
