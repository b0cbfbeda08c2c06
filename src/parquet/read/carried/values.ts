/**
 * The values of a page as the bytes that PLAIN encoding has of each (parquet-format, Encodings.md), for types that the kernel
 * does not know. Bytes come from anybody: what is not sound is a RangeError, and takes no more memory than its page explains.
 */
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import {
  Encoding_DeltaBinary,
  Encoding_DeltaLength,
  Encoding_DeltaStrings,
  Encoding_Dictionary,
  Encoding_OldDictionary,
  Encoding_Plain,
  Encoding_Rle,
} from '../../../kernel/assembly/codes.ts';

const Encoding_ByteStreamSplit = 9;

/** Value i is bytes[start(i) .. start(i) + length(i)]; booleans are bytes of 0 or 1. */
export interface Values {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Of values that have no width of their own. */
  readonly starts?: Uint32Array;
  readonly ends?: Uint32Array;
}

/** How a leaf is stored; `width` as in `Storage`. */
export interface LeafType {
  /** parquet.thrift, enum Type, by name. */
  readonly type: string;
  readonly width: number | undefined;
}

/** Strings that are made of prefixes of each other may take more than their page; this much at most. */
const mostBytes = 1 << 28;

export function decodeValues(
  page: Uint8Array,
  count: number,
  encoding: number,
  leaf: LeafType,
  dictionary: Values | undefined,
): Values {
  switch (encoding) {
    case Encoding_Plain:
      return plainValues(page, count, leaf);
    case Encoding_Dictionary:
    case Encoding_OldDictionary:
      return ofDictionary(page, count, leaf, dictionary);
    case Encoding_Rle:
      if (leaf.type === 'BOOLEAN') return { count, bytes: Uint8Array.from(lengthPrefixed(page, 1, count).values) };
      break;
    case Encoding_DeltaBinary:
      if (leaf.type === 'INT32' || leaf.type === 'INT64') return integers(reading(page), count, leaf.type);
      break;
    case Encoding_DeltaLength:
      if (leaf.type === 'BYTE_ARRAY') return deltaLengths(page, count);
      break;
    case Encoding_DeltaStrings:
      if (leaf.type === 'BYTE_ARRAY' || leaf.type === 'FIXED_LEN_BYTE_ARRAY') return deltaStrings(page, count, leaf);
      break;
    case Encoding_ByteStreamSplit:
      if (leaf.width !== undefined && leaf.type !== 'BOOLEAN') return byteStreamSplit(page, count, leaf.width);
  }
  throw new RangeError(`a page has values of type ${leaf.type} in encoding ${encoding}`);
}

export function plainValues(page: Uint8Array, count: number, { type, width }: LeafType): Values {
  if (type === 'BOOLEAN') {
    expectBytes(page, (count + 7) >> 3);
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = (page[i >> 3]! >> (i & 7)) & 1;
    return { count, bytes };
  }
  if (width !== undefined) {
    expectBytes(page, count * width);
    return { count, bytes: page };
  }
  expectBytes(page, count * 4);
  const view = viewOf(page);
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(at, true);
    starts[i] = at + 4;
    at += 4 + length;
    if (at > page.length) throw endsInside();
    ends[i] = at;
  }
  return { count, bytes: page, starts, ends };
}

/** The hybrid of runs and bit-packed groups, with its length before it in four bytes. `end`: where it ends in `page`. */
export function lengthPrefixed(page: Uint8Array, width: number, count: number): { values: Uint32Array; end: number } {
  expectBytes(page, 4);
  const end = 4 + viewOf(page).getUint32(0, true);
  expectBytes(page, end);
  return { values: hybrid(page.subarray(4, end), width, count), end };
}

export function hybrid(bytes: Uint8Array, width: number, count: number): Uint32Array {
  if (width > 32) throw new RangeError(`a page has codes of ${width} bits`);
  const values = new Uint32Array(count);
  if (width === 0) return values;
  let at = 0;
  const next = (): number => {
    const byte = bytes[at++];
    if (byte === undefined) throw endsInside();
    return byte;
  };
  for (let found = 0; found < count; ) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = next();
      if (shift > 28) throw new RangeError('a page has a run whose length does not end');
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const length = Math.floor(header / 2);
    if (length === 0) throw new RangeError('a page has a run of no values');
    if (header % 2 === 0) {
      let value = 0;
      for (let i = 0; i < (width + 7) >> 3; i++) value += next() * 2 ** (8 * i);
      const end = Math.min(count, found + length);
      values.fill(value, found, end);
      found = end;
      continue;
    }
    const end = Math.min(count, found + length * 8);
    for (let bit = at * 8; found < end; found++, bit += width) values[found] = bits(bytes, bit, width);
    at += length * width;
  }
  return values;
}

function bits(bytes: Uint8Array, bit: number, width: number): number {
  if (bit + width > bytes.length * 8) throw endsInside();
  let value = 0;
  for (let taken = 0; taken < width; ) {
    const offset = (bit + taken) & 7;
    const some = Math.min(8 - offset, width - taken);
    value += ((bytes[(bit + taken) >> 3]! >> offset) & ((1 << some) - 1)) * 2 ** taken;
    taken += some;
  }
  return value;
}

function ofDictionary(
  page: Uint8Array,
  count: number,
  { width = 0 }: LeafType,
  dictionary: Values | undefined,
): Values {
  if (dictionary === undefined) throw new RangeError('a page is coded by a dictionary that is not there');
  expectBytes(page, 1);
  const codes = hybrid(page.subarray(1), page[0]!, count);
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  for (let i = 0; i < count; i++) {
    const code = codes[i]!;
    if (code >= dictionary.count) throw new RangeError('a page has a code beyond its dictionary');
    starts[i] = dictionary.starts?.[code] ?? code * width;
    ends[i] = dictionary.ends?.[code] ?? (code + 1) * width;
  }
  return { count, bytes: dictionary.bytes, starts, ends };
}

interface Reading {
  readonly view: DataView<ArrayBuffer>;
  offset: number;
}

const reading = (page: Uint8Array): Reading => ({ view: viewOf(page), offset: 0 });

function integers(from: Reading, count: number, type: 'INT32' | 'INT64'): Values {
  const values = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
  if (count > 0) deltaBinaryUnpack(from, count, values);
  return { count, bytes: new Uint8Array(values.buffer) };
}

const lengths = (from: Reading, count: number): Int32Array =>
  new Int32Array(integers(from, count, 'INT32').bytes.buffer as ArrayBuffer);

function deltaLengths(page: Uint8Array, count: number): Values {
  const from = reading(page);
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  for (const [i, length] of lengths(from, count).entries()) {
    starts[i] = from.offset;
    from.offset += length;
    if (length < 0 || from.offset > page.length) throw endsInside();
    ends[i] = from.offset;
  }
  return { count, bytes: page, starts, ends };
}

function deltaStrings(page: Uint8Array, count: number, { width }: LeafType): Values {
  const from = reading(page);
  const prefixes = lengths(from, count);
  const suffixes = lengths(from, count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const known = i === 0 ? 0 : prefixes[i - 1]! + suffixes[i - 1]!;
    const length = prefixes[i]! + suffixes[i]!;
    if (prefixes[i]! < 0 || suffixes[i]! < 0 || (width !== undefined && length !== width)) throw endsInside();
    if (prefixes[i]! > known) throw new RangeError('a string has a longer prefix than the one before it is long');
    total += length;
    if (total > mostBytes) throw new RangeError(`a page of ${page.length} bytes has strings of more than ${mostBytes}`);
  }
  const bytes = new Uint8Array(total);
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const [prefix, suffix] = [prefixes[i]!, suffixes[i]!];
    if (from.offset + suffix > page.length) throw endsInside();
    const before = i === 0 ? 0 : starts[i - 1]!;
    starts[i] = at;
    bytes.copyWithin(at, before, before + prefix);
    bytes.set(page.subarray(from.offset, from.offset + suffix), at + prefix);
    from.offset += suffix;
    at += prefix + suffix;
    ends[i] = at;
  }
  return { count, bytes, starts, ends };
}

function byteStreamSplit(page: Uint8Array, count: number, width: number): Values {
  expectBytes(page, count * width);
  const bytes = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) for (let k = 0; k < width; k++) bytes[i * width + k] = page[k * count + i]!;
  return { count, bytes };
}

const viewOf = (bytes: Uint8Array): DataView<ArrayBuffer> =>
  new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);

function expectBytes(page: Uint8Array, bytes: number): void {
  if (page.length < bytes) throw endsInside();
}

const endsInside = (): RangeError => new RangeError('a page ends inside its values');
