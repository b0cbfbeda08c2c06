/**
 * The delta encodings (parquet-format, Encodings.md "Delta Encoding (DELTA_BINARY_PACKED = 5)", "Delta-length byte
 * array: (DELTA_LENGTH_BYTE_ARRAY = 6)", "Delta Strings: (DELTA_BYTE_ARRAY = 7)").
 */
import { copy } from '../bytes';
import { grown } from '../memory';
import { bitWidth, packMiniblock } from './bit-packing';
import { advance, reserve, varint, zigzag } from './byte-sink';
import { commonPrefix } from './statistics';
import { lengthOf, numbers, texts, width } from './values';

const blockValues: i32 = 128;
const miniblocks: i32 = 4;
const miniblockValues: i32 = 32;

/** Of the current block. */
const deltas: usize = memory.data(128 * 8, 16);
/** Eight bytes each, as binary packing takes them. */
let lengths: usize = 0;
let prefixes: usize = 0;

/** The chunk's numbers[from, to). */
export function writeDeltaNumbers(from: i32, to: i32): void {
  if (width === 8) {
    writeBinaryPacked(numbers + ((<usize>from) << 3), to - from);
    return;
  }
  lengths = grown(lengths, 0, (to - from) << 3);
  for (let i = from; i < to; i++)
    store<i64>(lengths + ((<usize>(i - from)) << 3), load<i32>(numbers + ((<usize>i) << 2)));
  writeBinaryPacked(lengths, to - from);
}

/** Lengths by DELTA_BINARY_PACKED, then the bytes of all strings. */
export function writeDeltaLength(from: i32, to: i32): void {
  const count = to - from;
  lengths = grown(lengths, 0, count << 3);
  const list = texts + ((<usize>from) << 3);
  let bytes = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const length = lengthOf(list + (i << 3));
    store<i64>(lengths + (i << 3), length);
    bytes += length;
  }
  writeBinaryPacked(lengths, count);
  let at = reserve(bytes);
  // Neighbours in the source are copied together.
  let start: usize = 0;
  let end: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const place = <usize>load<u32>(list + (i << 3));
    if (place !== end) {
      copy(at, start, <i32>(end - start));
      at += end - start;
      start = place;
    }
    end = place + lengthOf(list + (i << 3));
  }
  copy(at, start, <i32>(end - start));
  advance(at + (end - start));
}

/** Lengths of the prefix shared with the string before, then what follows it by DELTA_LENGTH_BYTE_ARRAY. */
export function writeDeltaStrings(from: i32, to: i32): void {
  const count = to - from;
  lengths = grown(lengths, 0, count << 3);
  prefixes = grown(prefixes, 0, count << 3);
  const list = texts + ((<usize>from) << 3);
  let previous: usize = 0;
  let previousLength = 0;
  let bytes = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const place = <usize>load<u32>(list + (i << 3));
    const length = lengthOf(list + (i << 3));
    const shared = commonPrefix(place, previous, min(length, previousLength));
    store<i64>(prefixes + (i << 3), shared);
    store<i64>(lengths + (i << 3), length - shared);
    bytes += length - shared;
    previous = place;
    previousLength = length;
  }
  writeBinaryPacked(prefixes, count);
  writeBinaryPacked(lengths, count);
  let at = reserve(bytes);
  for (let i: usize = 0; i < <usize>count; i++) {
    const length = load<i32>(lengths + (i << 3));
    copy(at, <usize>load<u32>(list + (i << 3)) + load<u32>(prefixes + (i << 3)), length);
    at += length;
  }
  advance(at);
}

/** Header, then blocks of a least delta, the bit widths of the miniblocks, and the packed differences from the least. */
function writeBinaryPacked(values: usize, count: i32): void {
  varint(blockValues);
  varint(miniblocks);
  varint(count);
  zigzag(count === 0 ? 0 : load<i64>(values));
  for (let start = 1; start < count; start += blockValues) {
    const size = min(blockValues, count - start);
    let least = i64.MAX_VALUE;
    let before = load<i64>(values + ((<usize>(start - 1)) << 3));
    for (let i: usize = 0; i < <usize>size; i++) {
      const value = load<i64>(values + ((<usize>start + i) << 3));
      const delta = value - before;
      store<i64>(deltas + (i << 3), delta);
      least = min(least, delta);
      before = value;
    }
    // What a block lacks is packed as zeros.
    for (let i = size; (i & (miniblockValues - 1)) !== 0; i++) store<i64>(deltas + ((<usize>i) << 3), least);
    zigzag(least);
    const widths = reserve(miniblocks + blockValues * 8);
    store<u32>(widths, 0);
    let at = widths + miniblocks;
    for (let block = 0; block * miniblockValues < size; block++) {
      const miniblock = deltas + ((<usize>(block * miniblockValues)) << 3);
      let bits: u64 = 0;
      for (let i: usize = 0; i < (<usize>miniblockValues) << 3; i += 8) {
        const difference = <u64>(load<i64>(miniblock + i) - least);
        store<u64>(miniblock + i, difference);
        bits |= difference;
      }
      const width = bitWidth(bits);
      at = packMiniblock(at, miniblock, width);
      store<u8>(widths + block, width);
    }
    advance(at);
  }
}
