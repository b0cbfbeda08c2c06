/**
 * xxHash64 with seed 0, the hash of Parquet's bloom filters (parquet-format, BloomFilter.md "Hash functions"; the
 * xxHash specification, "XXH64 algorithm description"). 64-bit words are pairs of 32-bit halves, since BigInt would
 * allocate for every step.
 */

/** The two halves of a hash, unsigned. */
export interface Hash64 {
  high: number;
  low: number;
}

// The five primes as halves.
const p1h = 0x9e3779b1 | 0;
const p1l = 0x85ebca87 | 0;
const p2h = 0xc2b2ae3d | 0;
const p2l = 0x27d4eb4f;
const p3h = 0x165667b1;
const p3l = 0x9e3779f9 | 0;
const p4h = 0x85ebca77 | 0;
const p4l = 0xc2b2ae63 | 0;
const p5h = 0x27d4eb2f;
const p5l = 0x165667c5;

// P1 + P2 and -P1, with which two of the four lanes start.
const p1p2h = 0x60ea27ee;
const p1p2l = 0xadc0b5d6 | 0;
const minusP1h = 0x61c8864e;
const minusP1l = 0x7a143579;

/** Upper half of the product or sum of halves that was computed last; its lower half is what the function returned. */
let upper = 0;

/** Upper 32 bits of the 64-bit product of unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const w1 = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) >>> 0;
  const w2 = (Math.imul(a0, b1) + (w1 & 0xffff)) >>> 0;
  return (Math.imul(a1, b1) + (w1 >>> 16) + (w2 >>> 16)) | 0;
}

/** The carry out of the addition of two lower halves whose sum, wrapped, is `sum`. */
const carry = (sum: number, part: number): number => (sum >>> 0 < part >>> 0 ? 1 : 0);

/** rotl(lane + word * P2, 31) * P1. */
function round(laneHigh: number, laneLow: number, wordHigh: number, wordLow: number): number {
  let low = Math.imul(wordLow, p2l);
  let high = multiplyHigh(wordLow, p2l) + Math.imul(wordHigh, p2l) + Math.imul(wordLow, p2h);
  low = (low + laneLow) | 0;
  high = (high + laneHigh + carry(low, laneLow)) | 0;
  const rotatedHigh = (high << 31) | (low >>> 1);
  const rotatedLow = (low << 31) | (high >>> 1);
  upper = (multiplyHigh(rotatedLow, p1l) + Math.imul(rotatedHigh, p1l) + Math.imul(rotatedLow, p1h)) | 0;
  return Math.imul(rotatedLow, p1l);
}

/** hash * P1 + P4. */
function multiplyP1AddP4(high: number, low: number): number {
  const product = Math.imul(low, p1l);
  const sum = (product + p4l) | 0;
  upper = (multiplyHigh(low, p1l) + Math.imul(high, p1l) + Math.imul(low, p1h) + p4h + carry(sum, p4l)) | 0;
  return sum;
}

function word32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Hashes bytes[start, end). */
export function hashBytes(bytes: Uint8Array, start: number, end: number, result: Hash64): void {
  const length = end - start;
  let at = start;
  let high = p5h;
  let low = p5l;
  if (length >= 32) {
    low = hashStripes(bytes, start, end);
    high = upper;
    at = start + (length & ~31);
  }
  low = (low + length) | 0;
  high = (high + carry(low, length)) | 0;
  for (; at + 8 <= end; at += 8) {
    const wordLow = round(0, 0, word32(bytes, at + 4), word32(bytes, at));
    const h = high ^ upper;
    const l = low ^ wordLow;
    low = multiplyP1AddP4((h << 27) | (l >>> 5), (l << 27) | (h >>> 5));
    high = upper;
  }
  if (at + 4 <= end) {
    low = mixWord(high, low, word32(bytes, at));
    high = upper;
    at += 4;
  }
  for (; at < end; at++) {
    const byte = bytes[at]!;
    // byte * P5 fits 64 bits without wrapping.
    const l = low ^ Math.imul(byte, p5l);
    const h = high ^ (multiplyHigh(byte, p5l) + Math.imul(byte, p5h));
    const rotatedHigh = (h << 11) | (l >>> 21);
    const rotatedLow = (l << 11) | (h >>> 21);
    high = (multiplyHigh(rotatedLow, p1l) + Math.imul(rotatedHigh, p1l) + Math.imul(rotatedLow, p1h)) | 0;
    low = Math.imul(rotatedLow, p1l);
  }
  finish(high, low, result);
}

/** Hashes eight bytes given as two little-endian halves. */
export function hashInt64(wordHigh: number, wordLow: number, result: Hash64): void {
  const mixed = round(0, 0, wordHigh, wordLow);
  const h = p5h ^ upper;
  const l = (p5l + 8) ^ mixed;
  const low = multiplyP1AddP4((h << 27) | (l >>> 5), (l << 27) | (h >>> 5));
  finish(upper, low, result);
}

/** Hashes four bytes given as one little-endian word. */
export function hashInt32(word: number, result: Hash64): void {
  const low = mixWord(p5h, p5l + 4, word);
  finish(upper, low, result);
}

/** rotl(hash ^ word * P1, 23) * P2 + P3. */
function mixWord(high: number, low: number, word: number): number {
  const l = low ^ Math.imul(word, p1l);
  const h = high ^ (multiplyHigh(word, p1l) + Math.imul(word, p1h));
  const rotatedHigh = (h << 23) | (l >>> 9);
  const rotatedLow = (l << 23) | (h >>> 9);
  const product = Math.imul(rotatedLow, p2l);
  const sum = (product + p3l) | 0;
  upper =
    (multiplyHigh(rotatedLow, p2l) + Math.imul(rotatedHigh, p2l) + Math.imul(rotatedLow, p2h) + p3h + carry(sum, p3l)) | 0;
  return sum;
}

/** The whole 32-byte stripes of an input, in four lanes, merged. */
function hashStripes(bytes: Uint8Array, start: number, end: number): number {
  let h1 = p1p2h;
  let l1 = p1p2l;
  let h2 = p2h;
  let l2 = p2l;
  let h3 = 0;
  let l3 = 0;
  let h4 = minusP1h;
  let l4 = minusP1l;
  for (let at = start; at + 32 <= end; at += 32) {
    l1 = round(h1, l1, word32(bytes, at + 4), word32(bytes, at));
    h1 = upper;
    l2 = round(h2, l2, word32(bytes, at + 12), word32(bytes, at + 8));
    h2 = upper;
    l3 = round(h3, l3, word32(bytes, at + 20), word32(bytes, at + 16));
    h3 = upper;
    l4 = round(h4, l4, word32(bytes, at + 28), word32(bytes, at + 24));
    h4 = upper;
  }
  let low = (l1 << 1) | (h1 >>> 31);
  let high = (h1 << 1) | (l1 >>> 31);
  let part = (l2 << 7) | (h2 >>> 25);
  low = (low + part) | 0;
  high = (high + ((h2 << 7) | (l2 >>> 25)) + carry(low, part)) | 0;
  part = (l3 << 12) | (h3 >>> 20);
  low = (low + part) | 0;
  high = (high + ((h3 << 12) | (l3 >>> 20)) + carry(low, part)) | 0;
  part = (l4 << 18) | (h4 >>> 14);
  low = (low + part) | 0;
  high = (high + ((h4 << 18) | (l4 >>> 14)) + carry(low, part)) | 0;
  low = merge(high, low, h1, l1);
  low = merge(upper, low, h2, l2);
  low = merge(upper, low, h3, l3);
  return merge(upper, low, h4, l4);
}

/** (hash ^ round(0, lane)) * P1 + P4. */
function merge(high: number, low: number, laneHigh: number, laneLow: number): number {
  const mixed = round(0, 0, laneHigh, laneLow);
  return multiplyP1AddP4(high ^ upper, low ^ mixed);
}

/** hash ^= hash >>> 33; hash *= P2; hash ^= hash >>> 29; hash *= P3; hash ^= hash >>> 32. */
function finish(high: number, low: number, result: Hash64): void {
  let l = low ^ (high >>> 1);
  let h = (multiplyHigh(l, p2l) + Math.imul(high, p2l) + Math.imul(l, p2h)) | 0;
  l = Math.imul(l, p2l);
  l ^= (l >>> 29) | (h << 3);
  h ^= h >>> 29;
  const productHigh = (multiplyHigh(l, p3l) + Math.imul(h, p3l) + Math.imul(l, p3h)) | 0;
  result.high = productHigh >>> 0;
  result.low = (Math.imul(l, p3l) ^ productHigh) >>> 0;
}
