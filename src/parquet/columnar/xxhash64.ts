/**
 * xxHash64 with seed 0, the hash of Parquet's bloom filters (parquet-format, BloomFilter.md "Hash functions"; the
 * xxHash specification, "XXH64 algorithm description"). 64-bit words are pairs of 32-bit halves, since BigInt would
 * allocate for every step. The result is left in `high` and `low`.
 */

/** Upper half of the hash that was computed last. */
export let high = 0;
/** Lower half. */
export let low = 0;

// The five primes as halves.
const p1h = 0x9e3779b1;
const p1l = 0x85ebca87;
const p2h = 0xc2b2ae3d;
const p2l = 0x27d4eb4f;
const p3h = 0x165667b1;
const p3l = 0x9e3779f9;
const p4h = 0x85ebca77;
const p4l = 0xc2b2ae63;
const p5h = 0x27d4eb2f;
const p5l = 0x165667c5;

// The accumulator of `multiply`, `add` and `rotate`; module variables, since JavaScript returns one number only.
let ah = 0;
let al = 0;
// The four lanes of long inputs.
const lanes = new Int32Array(8);

/** a = a * b mod 2^64. */
function multiply(bh: number, bl: number): void {
  const a0 = al & 0xffff;
  const a1 = al >>> 16;
  const b0 = bl & 0xffff;
  const b1 = bl >>> 16;
  const t0 = Math.imul(a0, b0);
  const t1 = Math.imul(a1, b0) >>> 0;
  const t2 = Math.imul(a0, b1) >>> 0;
  const middle = (t0 >>> 16) + (t1 & 0xffff) + (t2 & 0xffff);
  const carry = Math.imul(a1, b1) + (t1 >>> 16) + (t2 >>> 16) + (middle >>> 16);
  ah = (carry + Math.imul(ah, bl) + Math.imul(al, bh)) | 0;
  al = (t0 & 0xffff) | (middle << 16);
}

function add(bh: number, bl: number): void {
  const sum = (al >>> 0) + (bl >>> 0);
  al = sum | 0;
  ah = (ah + bh + (sum > 0xffffffff ? 1 : 0)) | 0;
}

/** Rotates a left by 1 to 31 bits. */
function rotate(bits: number): void {
  const h = ah;
  ah = (h << bits) | (al >>> (32 - bits));
  al = (al << bits) | (h >>> (32 - bits));
}

/** a = the word after a step of the given lane value: rotl(lane + word * P2, 31) * P1. */
function round(laneHigh: number, laneLow: number, wordHigh: number, wordLow: number): void {
  ah = wordHigh;
  al = wordLow;
  multiply(p2h, p2l);
  add(laneHigh, laneLow);
  rotate(31);
  multiply(p1h, p1l);
}

function word32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Hashes bytes[start, end). */
export function hashBytes(bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  let at = start;
  if (length >= 32) at = hashStripes(bytes, start, end);
  else {
    ah = p5h;
    al = p5l;
  }
  add(0, length);
  for (; at + 8 <= end; at += 8) {
    const h = ah;
    const l = al;
    round(0, 0, word32(bytes, at + 4), word32(bytes, at));
    ah ^= h;
    al ^= l;
    rotate(27);
    multiply(p1h, p1l);
    add(p4h, p4l);
  }
  if (at + 4 <= end) {
    const h = ah;
    const l = al;
    ah = 0;
    al = word32(bytes, at);
    multiply(p1h, p1l);
    ah ^= h;
    al ^= l;
    rotate(23);
    multiply(p2h, p2l);
    add(p3h, p3l);
    at += 4;
  }
  for (; at < end; at++) {
    const h = ah;
    const l = al;
    ah = 0;
    al = bytes[at]!;
    multiply(p5h, p5l);
    ah ^= h;
    al ^= l;
    rotate(11);
    multiply(p1h, p1l);
  }
  avalanche();
}

/** Hashes eight bytes given as two little-endian halves. */
export function hashInt64(wordHigh: number, wordLow: number): void {
  round(0, 0, wordHigh, wordLow);
  const h = ah;
  const l = al;
  ah = p5h;
  al = p5l;
  add(0, 8);
  ah ^= h;
  al ^= l;
  rotate(27);
  multiply(p1h, p1l);
  add(p4h, p4l);
  avalanche();
}

/** Hashes four bytes given as one little-endian word. */
export function hashInt32(word: number): void {
  ah = 0;
  al = word;
  multiply(p1h, p1l);
  const h = ah;
  const l = al;
  ah = p5h;
  al = p5l;
  add(0, 4);
  ah ^= h;
  al ^= l;
  rotate(23);
  multiply(p2h, p2l);
  add(p3h, p3l);
  avalanche();
}

function hashStripes(bytes: Uint8Array, start: number, end: number): number {
  // Seeds: P1 + P2, P2, 0, -P1.
  ah = p1h;
  al = p1l;
  add(p2h, p2l);
  lanes[0] = ah;
  lanes[1] = al;
  lanes[2] = p2h;
  lanes[3] = p2l;
  lanes[4] = 0;
  lanes[5] = 0;
  ah = ~p1h;
  al = ~p1l;
  add(0, 1);
  lanes[6] = ah;
  lanes[7] = al;
  let at = start;
  for (; at + 32 <= end; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const word = at + lane * 8;
      round(lanes[lane * 2]!, lanes[lane * 2 + 1]!, word32(bytes, word + 4), word32(bytes, word));
      lanes[lane * 2] = ah;
      lanes[lane * 2 + 1] = al;
    }
  }
  let h = 0;
  let l = 0;
  for (let lane = 0; lane < 4; lane++) {
    ah = lanes[lane * 2]!;
    al = lanes[lane * 2 + 1]!;
    rotate(lane === 0 ? 1 : lane === 1 ? 7 : lane === 2 ? 12 : 18);
    add(h, l);
    h = ah;
    l = al;
  }
  for (let lane = 0; lane < 4; lane++) {
    round(0, 0, lanes[lane * 2]!, lanes[lane * 2 + 1]!);
    ah ^= h;
    al ^= l;
    multiply(p1h, p1l);
    add(p4h, p4l);
    h = ah;
    l = al;
  }
  return at;
}

function avalanche(): void {
  // a ^= a >>> 33; a *= P2; a ^= a >>> 29; a *= P3; a ^= a >>> 32
  al ^= ah >>> 1;
  multiply(p2h, p2l);
  const h = ah;
  ah ^= h >>> 29;
  al ^= (al >>> 29) | (h << 3);
  multiply(p3h, p3l);
  al ^= ah;
  high = ah >>> 0;
  low = al >>> 0;
}
