/**
 * The plainest decoder of Parquet's encodings (parquet-format, Encodings.md), which what the kernel writes and reads is
 * compared with. Numbers of every type are doubles: integers that are not exact as such are `Unsupported`.
 */
import { Encoding } from '../../src/parquet/format/footer.ts';

/** Numbers in order of their values, NaN and all. */
export interface Numbers {
  readonly kind: 'numbers';
  readonly values: Float64Array;
}
/** String i is bytes[starts[i], ends[i]). */
export interface Strings {
  readonly kind: 'strings';
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}
/** Value i is string codes[i] of the dictionary. */
export interface Coded {
  readonly kind: 'coded';
  readonly codes: Int32Array;
  readonly dictionary: Strings;
}
export type PageValues = Numbers | Strings | Coded;

export type PhysicalName = 'BOOLEAN' | 'INT32' | 'INT64' | 'DOUBLE' | 'BYTE_ARRAY';

/** Cannot be decoded here, which says nothing of whether it is valid. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}

const PLAIN_DICTIONARY = 2;

export function decodeValues(
  bytes: Uint8Array,
  encoding: number,
  type: PhysicalName,
  count: number,
  dictionary: Numbers | Strings | undefined,
): PageValues {
  if (count === 0) return type === 'BYTE_ARRAY' ? strings(bytes, 0) : { kind: 'numbers', values: new Float64Array(0) };
  switch (encoding) {
    case Encoding.PLAIN:
      return decodePlain(bytes, type, count);
    case Encoding.RLE_DICTIONARY:
    case PLAIN_DICTIONARY:
      return decodeDictionary(bytes, count, dictionary);
    case Encoding.RLE: {
      if (type !== 'BOOLEAN') break;
      const bits = new Uint8Array(count);
      readHybrid(bytes, 4, bytes.length, 1, bits, count);
      return { kind: 'numbers', values: Float64Array.from(bits) };
    }
    case Encoding.DELTA_BINARY_PACKED:
      if (type !== 'INT32' && type !== 'INT64') break;
      return { kind: 'numbers', values: readDeltas(bytes, 0, count, type === 'INT32').values };
    case Encoding.DELTA_LENGTH_BYTE_ARRAY: {
      const lengths = readDeltas(bytes, 0, count);
      return consecutive(bytes, lengths.end, lengths.values);
    }
    case Encoding.DELTA_BYTE_ARRAY:
      return decodeDeltaStrings(bytes, count);
  }
  throw new Unsupported(`encoding ${encoding} of ${type}`);
}

/** The values of a dictionary page, or of a page in PLAIN encoding. */
export function decodePlain(bytes: Uint8Array, type: PhysicalName, count: number): Numbers | Strings {
  if (type === 'BYTE_ARRAY') return decodePlainStrings(bytes, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float64Array(count);
  switch (type) {
    case 'BOOLEAN':
      for (let i = 0; i < count; i++) values[i] = (view.getUint8(i >> 3) >> (i & 7)) & 1;
      break;
    case 'INT32':
      for (let i = 0; i < count; i++) values[i] = view.getInt32(i * 4, true);
      break;
    case 'DOUBLE':
      for (let i = 0; i < count; i++) values[i] = view.getFloat64(i * 8, true);
      break;
    case 'INT64':
      for (let i = 0; i < count; i++)
        values[i] = exact(view.getInt32(i * 8 + 4, true) * 4294967296 + view.getUint32(i * 8, true));
  }
  return { kind: 'numbers', values };
}

function decodePlainStrings(bytes: Uint8Array, count: number): Strings {
  const result = strings(bytes, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const start = at + 4;
    at = start + view.getUint32(at, true);
    result.starts[i] = start;
    result.ends[i] = at;
  }
  inside(at, bytes);
  return result;
}

function decodeDictionary(bytes: Uint8Array, count: number, dictionary: Numbers | Strings | undefined): PageValues {
  if (dictionary === undefined) throw new RangeError('a page is coded by a dictionary that is not there');
  const codes = new Int32Array(count);
  const width = bytes[0]!;
  if (width > 0) readHybrid(bytes, 1, bytes.length, width, codes, count);
  const entries = dictionary.kind === 'strings' ? dictionary.starts.length : dictionary.values.length;
  for (let i = 0; i < count; i++)
    if (codes[i]! >= entries || codes[i]! < 0) throw new RangeError('a page has a code beyond its dictionary');
  if (dictionary.kind === 'strings') return { kind: 'coded', codes, dictionary };
  return { kind: 'numbers', values: Float64Array.from(codes, (code) => dictionary.values[code]!) };
}

/** Each string is a prefix of the one before it, and a suffix. */
function decodeDeltaStrings(bytes: Uint8Array, count: number): Strings {
  const prefixes = readDeltas(bytes, 0, count);
  const suffixes = readDeltas(bytes, prefixes.end, count);
  const source = consecutive(bytes, suffixes.end, suffixes.values);
  let size = 0;
  for (let i = 0; i < count; i++) size += prefixes.values[i]! + suffixes.values[i]!;
  const result = strings(new Uint8Array(size), count);
  const target = result.bytes;
  let at = 0;
  let previous = 0;
  for (let i = 0; i < count; i++) {
    result.starts[i] = at;
    const prefix = prefixes.values[i]!;
    if (prefix > at - previous) throw new RangeError('a string has a longer prefix than the one before it is long');
    target.copyWithin(at, previous, previous + prefix);
    target.set(bytes.subarray(source.starts[i], source.ends[i]), at + prefix);
    previous = at;
    at += prefix + suffixes.values[i]!;
    result.ends[i] = at;
  }
  return result;
}

function consecutive(bytes: Uint8Array, from: number, lengths: Float64Array): Strings {
  const result = strings(bytes, lengths.length);
  let at = from;
  for (let i = 0; i < lengths.length; i++) {
    result.starts[i] = at;
    at += lengths[i]!;
    result.ends[i] = at;
  }
  inside(at, bytes);
  return result;
}

const strings = (bytes: Uint8Array, count: number): Strings => ({
  kind: 'strings',
  bytes,
  starts: new Uint32Array(count),
  ends: new Uint32Array(count),
});

/** DELTA_BINARY_PACKED: blocks of miniblocks, each value the one before plus the block's least delta plus packed bits. */
function readDeltas(
  bytes: Uint8Array,
  from: number,
  count: number,
  isInt32 = false,
): { values: Float64Array; end: number } {
  const input = { at: from };
  const blockValues = varint(bytes, input);
  const miniblocks = varint(bytes, input);
  const stored = varint(bytes, input);
  if (stored < count) throw new RangeError(`a page of ${count} values holds ${stored}`);
  const values = new Float64Array(count);
  let value = zigzag(bytes, input);
  values[0] = value;
  const perMiniblock = blockValues / miniblocks;
  for (let i = 1; i < stored; ) {
    const least = zigzag(bytes, input);
    const widths = input.at;
    input.at += miniblocks;
    for (let miniblock = 0; miniblock < miniblocks && i < stored; miniblock++) {
      const width = bytes[widths + miniblock]!;
      if (width > 52) throw new Unsupported('deltas of more than 52 bits');
      const size = (perMiniblock / 8) * width;
      let bit = input.at * 8;
      inside(input.at + size, bytes);
      for (const end = Math.min(stored, i + perMiniblock); i < end; i++, bit += width) {
        const next = value + least + (width === 0 ? 0 : bitsAt(bytes, bit, width));
        // Writers let differences of 32 bits overflow.
        value = isInt32 ? next | 0 : exact(next);
        if (i < count) values[i] = value;
      }
      input.at += size;
    }
  }
  return { values, end: input.at };
}

/** `width` bits, the least significant first. */
function bitsAt(bytes: Uint8Array, bit: number, width: number): number {
  let at = bit >>> 3;
  const skip = bit & 7;
  let value = bytes[at++]! >> skip;
  let have = 8 - skip;
  let scale = 2 ** have;
  for (; have < width; have += 8, scale *= 256) value += bytes[at++]! * scale;
  return have > width ? value % 2 ** width : value;
}

/** RLE / bit-packing hybrid of `count` values in bytes[from, end). */
export function readHybrid(
  bytes: Uint8Array,
  from: number,
  end: number,
  width: number,
  into: Uint8Array | Int32Array,
  count: number,
): void {
  const input = { at: from };
  const mask = width === 32 ? -1 : (1 << width) - 1;
  for (let i = 0; i < count; ) {
    if (input.at >= end) throw new RangeError(`a page of ${count} values ends after ${i}`);
    const head = varint(bytes, input);
    if ((head & 1) === 0) {
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value |= bytes[input.at++]! << shift;
      const to = Math.min(count, i + (head >>> 1));
      if (to === i) throw new RangeError('a page has a run of no values');
      into.fill(value, i, to);
      i = to;
      continue;
    }
    const values = (head >>> 1) * 8;
    const to = Math.min(count, i + values);
    if (width > 24) throw new Unsupported(`codes of ${width} bits`);
    let [bits, have, at] = [0, 0, input.at];
    for (; i < to; i++) {
      for (; have < width; have += 8) bits |= bytes[at++]! << have;
      into[i] = bits & mask;
      bits >>>= width;
      have -= width;
    }
    input.at += (head >>> 1) * width;
  }
}

function varint(bytes: Uint8Array, input: { at: number }): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[input.at++];
    if (byte === undefined) throw new RangeError('a page ends inside a number');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return exact(value);
  }
}

function zigzag(bytes: Uint8Array, input: { at: number }): number {
  const value = varint(bytes, input);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function exact(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)
    throw new Unsupported('integers beyond 53 bits');
  return value;
}

function inside(at: number, bytes: Uint8Array): void {
  if (at > bytes.length) throw new RangeError('a page ends inside its values');
}
