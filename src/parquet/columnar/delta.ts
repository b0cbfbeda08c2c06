/**
 * The delta encodings (parquet-format, Encodings.md "Delta Encoding (DELTA_BINARY_PACKED = 5)", "Delta-length byte
 * array: (DELTA_LENGTH_BYTE_ARRAY = 6)", "Delta Strings: (DELTA_BYTE_ARRAY = 7)").
 */
import type { FixedData, StringData } from '../../columns/batch.ts';
import { bitWidth, packDeltas } from './bit-packing.ts';
import type { ByteSink } from './byte-sink.ts';

const blockValues = 128;
const miniblocks = 4;
const miniblockValues = blockValues / miniblocks;

const deltas = new Float64Array(blockValues);
let distances = new Float64Array(1 << 12);
let lengths = new Float64Array(1 << 12);
let prefixes = new Float64Array(1 << 12);

/**
 * Integers at slots[from, to). `least` is the slot of the least of them (or of more): values are taken as distances
 * from it, which are exact doubles as long as `fitsDelta` says so.
 */
export function writeDeltaIntegers(
  sink: ByteSink,
  data: FixedData,
  slots: Uint32Array,
  from: number,
  to: number,
  least: number,
): void {
  const count = to - from;
  if (distances.length < count) distances = new Float64Array(count * 2);
  const values = data.values!;
  if (values instanceof BigInt64Array) {
    const low = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    const high = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
    const leastLow = low[least * 2]!;
    const leastHigh = high[least * 2 + 1]!;
    for (let i = 0; i < count; i++) {
      const word = slots[from + i]! * 2;
      distances[i] = (high[word + 1]! - leastHigh) * 4294967296 + (low[word]! - leastLow);
    }
  } else {
    const base = values[least] as number;
    for (let i = 0; i < count; i++) distances[i] = (values[slots[from + i]!] as number) - base;
  }
  const first = count === 0 ? 0n : BigInt(values[slots[from]!]!);
  writeBinaryPacked(sink, distances, count, first);
}

/** Whether integers with these extremes are apart by less than what the arithmetic and the physical type allow. */
export function fitsDelta(data: FixedData, least: number, greatest: number): boolean {
  const values = data.values!;
  if (values instanceof BigInt64Array) return values[greatest]! - values[least]! < 1n << 51n;
  return values instanceof Int32Array && values[greatest]! - values[least]! < 2 ** 31;
}

/** Header, then blocks of a least delta, the bit widths of the miniblocks, and the packed differences from the least. */
function writeBinaryPacked(sink: ByteSink, values: Float64Array, count: number, first: bigint): void {
  sink.varint(blockValues);
  sink.varint(miniblocks);
  sink.varint(count);
  sink.bigZigzag(first);
  for (let start = 1; start < count; start += blockValues) {
    const size = Math.min(blockValues, count - start);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < size; i++) {
      const delta = values[start + i]! - values[start + i - 1]!;
      deltas[i] = delta;
      if (delta < least) least = delta;
    }
    sink.zigzag(least);
    const widthsAt = sink.position;
    for (let i = 0; i < miniblocks; i++) sink.byte(0);
    for (let block = 0; block * miniblockValues < size; block++) {
      const from = block * miniblockValues;
      const to = Math.min(from + miniblockValues, size);
      let greatest = 0;
      for (let i = from; i < to; i++) {
        const difference = deltas[i]! - least;
        deltas[i] = difference;
        if (difference > greatest) greatest = difference;
      }
      const width = bitWidth(greatest);
      packDeltas(sink, deltas, from, to, miniblockValues, width);
      sink.buffer[widthsAt + block] = width;
    }
  }
}

/** Lengths by DELTA_BINARY_PACKED, then the bytes of all strings. */
export function writeDeltaLength(sink: ByteSink, data: StringData, slots: Uint32Array, from: number, to: number): void {
  const { codes, offsets, bytes } = data;
  const count = to - from;
  if (lengths.length < count) lengths = new Float64Array(count * 2);
  for (let i = 0; i < count; i++) {
    const slot = slots[from + i]!;
    const entry = codes === null ? slot : codes[slot]!;
    lengths[i] = offsets[entry + 1]! - offsets[entry]!;
  }
  writeBinaryPacked(sink, lengths, count, BigInt(count === 0 ? 0 : lengths[0]!));
  // Neighbours in the source are copied together.
  let start = 0;
  let end = 0;
  for (let i = from; i < to; i++) {
    const slot = slots[i]!;
    const entry = codes === null ? slot : codes[slot]!;
    if (offsets[entry] !== end) {
      sink.copy(bytes, start, end);
      start = offsets[entry]!;
    }
    end = offsets[entry + 1]!;
  }
  sink.copy(bytes, start, end);
}

/** Lengths of the prefix shared with the string before, then what follows it by DELTA_LENGTH_BYTE_ARRAY. */
export function writeDeltaStrings(
  sink: ByteSink,
  data: StringData,
  slots: Uint32Array,
  from: number,
  to: number,
): void {
  const { codes, offsets, bytes } = data;
  const count = to - from;
  if (lengths.length < count) lengths = new Float64Array(count * 2);
  if (prefixes.length < count) prefixes = new Float64Array(count * 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let previousStart = 0;
  let previousEnd = 0;
  for (let i = 0; i < count; i++) {
    const slot = slots[from + i]!;
    const entry = codes === null ? slot : codes[slot]!;
    const start = offsets[entry]!;
    const end = offsets[entry + 1]!;
    const limit = Math.min(end - start, previousEnd - previousStart);
    let shared = 0;
    while (shared + 4 <= limit && view.getUint32(start + shared) === view.getUint32(previousStart + shared))
      shared += 4;
    while (shared < limit && bytes[start + shared] === bytes[previousStart + shared]) shared++;
    prefixes[i] = shared;
    lengths[i] = end - start - shared;
    previousStart = start;
    previousEnd = end;
  }
  writeBinaryPacked(sink, prefixes, count, 0n);
  writeBinaryPacked(sink, lengths, count, BigInt(count === 0 ? 0 : lengths[0]!));
  for (let i = 0; i < count; i++) {
    const slot = slots[from + i]!;
    const entry = codes === null ? slot : codes[slot]!;
    const end = offsets[entry + 1]!;
    sink.copy(bytes, end - lengths[i]!, end);
  }
}
