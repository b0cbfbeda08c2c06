/**
 * A keyed hash of 128 bits for whole records. Every record of a batch goes through it, so it has to be fast; and a record
 * that passed for another would take its place, so nobody who writes records may be able to construct a collision.
 *
 * Blocks are compressed by NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC: Fast and Secure Message
 * Authentication"; RFC 4418, section 5.2), four times under one key that is moved on by 16 bytes each time: sums of
 * products, which the processor makes four at a time. Under a random key any two different blocks of one length are
 * compressed to the same 256 bits with a probability of 2^-128. All blocks of a text and its length then go through
 * SipHash, which makes them 128 bits fit for a hash table.
 */
import { allocate, grown, room } from './memory';
import { sipHash } from './siphash';

const blockBytes: usize = 1024;
/** Bytes that are multiplied with each other at a time. */
const stride: usize = 32;
/** What one block is compressed to. */
const compressedBytes: i32 = 32;
/** The key of a block, and three moves of 16 bytes. */
const keyBytes: i32 = 1024 + 48;
const key: usize = memory.data(1072, 16);
/** The last bytes of a text, filled up with zeros. */
const tail: usize = memory.data(32, 16);
let compressed: usize = 0;

/** How many random bytes `setContentKey` takes. */
export function contentKeyBytes(): i32 {
  return keyBytes;
}

export function setContentKey(bytes: usize): void {
  memory.copy(key, bytes, keyBytes);
}

/** Leaves the hash where sipHash leaves its own. */
export function contentHash(start: usize, length: i32): void {
  const blocks = <i32>((<usize>length + blockBytes - 1) / blockBytes);
  const bytes = blocks * compressedBytes + 8;
  if (bytes > room(compressed)) compressed = compressed === 0 ? allocate(bytes) : grown(compressed, 0, bytes);
  const end = start + length;
  let to = compressed;
  for (let at = start; at < end; at += blockBytes) {
    compress(at, min(at + blockBytes, end), to);
    to += compressedBytes;
  }
  store<u64>(to, <u64>length);
  sipHash(compressed, bytes);
}

function compress(start: usize, end: usize, target: usize): void {
  let sum0 = i64x2.splat(0);
  let sum1 = i64x2.splat(0);
  let sum2 = i64x2.splat(0);
  let sum3 = i64x2.splat(0);
  const whole = start + ((end - start) & ~(stride - 1));
  let at = start;
  let words = key;
  while (true) {
    if (at === whole) {
      if (whole === end) break;
      memory.fill(tail, 0, stride);
      memory.copy(tail, whole, end - whole);
      at = tail;
    }
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const key0 = v128.load(words);
    const key1 = v128.load(words, 16);
    const key2 = v128.load(words, 32);
    const key3 = v128.load(words, 48);
    const key4 = v128.load(words, 64);
    sum0 = i64x2.add(sum0, products(i32x4.add(a, key0), i32x4.add(b, key1)));
    sum1 = i64x2.add(sum1, products(i32x4.add(a, key1), i32x4.add(b, key2)));
    sum2 = i64x2.add(sum2, products(i32x4.add(a, key2), i32x4.add(b, key3)));
    sum3 = i64x2.add(sum3, products(i32x4.add(a, key3), i32x4.add(b, key4)));
    if (at === tail) break;
    at += stride;
    words += stride;
  }
  store<u64>(target, lanes(sum0));
  store<u64>(target, lanes(sum1), 8);
  store<u64>(target, lanes(sum2), 16);
  store<u64>(target, lanes(sum3), 24);
}

/** Of four pairs of words, added up in two lanes. */
function products(a: v128, b: v128): v128 {
  return i64x2.add(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b));
}

function lanes(sums: v128): u64 {
  return v128.extract_lane<u64>(sums, 0) + v128.extract_lane<u64>(sums, 1);
}
