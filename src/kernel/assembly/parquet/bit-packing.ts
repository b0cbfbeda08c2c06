/**
 * Bit packing from the least significant bit of each byte to the most significant one (parquet-format, Encodings.md
 * "Run Length Encoding / Bit-Packing Hybrid" and "Delta Encoding", which pack alike).
 */
import { advance, reserve } from './byte-sink';

/** Bits needed by values whose set bits are all in `bits`. */
export function bitWidth(bits: u64): i32 {
  return 64 - <i32>clz(bits);
}

/** Packs `count` values, each below 2^width and width at most 32, then zeros up to a multiple of eight values. */
export function pack<T>(values: usize, count: i32, width: i32): void {
  if (sizeof<T>() === 1 && width === 1) {
    packBits(values, count);
    return;
  }
  let at = reserve(((count + 7) >> 3) * width + 32);
  const end = at + ((count + 7) >> 3) * width;
  let pending: u64 = 0;
  let filled = 0;
  for (const to = values + <usize>count * sizeof<T>(); values < to; values += sizeof<T>()) {
    const value = <u64>load<T>(values);
    pending |= value << filled;
    filled += width;
    if (filled >= 64) {
      store<u64>(at, pending);
      at += 8;
      filled -= 64;
      pending = value >> (width - filled);
    }
  }
  // What is pending, and the zeros of up to seven values.
  store<u64>(at, pending);
  v128.store(at + 8, i64x2.splat(0));
  v128.store(at + 24, i64x2.splat(0));
  advance(end);
}

/** Packs bytes that are 0 or 1 in a bit each, then zeros up to a multiple of eight. */
export function packBits(values: usize, count: i32): void {
  const at = reserve((count + 7) >> 3);
  for (let i = 0; i < count; i += 16) {
    let bits = i8x16.bitmask(i8x16.shl(v128.load(values + i), 7));
    if (count - i < 16) bits &= (1 << (count - i)) - 1;
    store<u16>(at + (i >> 3), bits);
  }
  advance(at + ((count + 7) >> 3));
}

/** Packs 32 values of any width up to 64 bits; 16 bytes behind them are overwritten. Where the bytes end. */
export function packMiniblock(at: usize, values: usize, width: i32): usize {
  if (width === 0) return at;
  const end = at + ((<usize>width) << 2);
  let pending: u64 = 0;
  let filled = 0;
  for (const to = values + 256; values < to; values += 8) {
    const value = load<u64>(values);
    pending |= value << filled;
    filled += width;
    if (filled >= 64) {
      store<u64>(at, pending);
      at += 8;
      filled -= 64;
      // A shift by 64 would be one by 0.
      pending = filled === 0 ? 0 : value >> (width - filled);
    }
  }
  store<u64>(at, pending);
  return end;
}
