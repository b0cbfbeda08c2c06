/**
 * SipHash-2-4 with 128 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF", and its reference code), under a key
 * that the host draws at random: whoever writes records cannot make two of them collide.
 */
let k0: u64 = 0;
let k1: u64 = 0;
let v0: u64;
let v1: u64;
let v2: u64;
let v3: u64;

/** The halves of the hash made last. */
export let low: u64 = 0;
export let high: u64 = 0;

/** 16 bytes. */
export function setHashKey(key: usize): void {
  k0 = load<u64>(key);
  k1 = load<u64>(key, 8);
}

export function sipHash(start: usize, length: i32): void {
  v0 = k0 ^ 0x736f6d6570736575;
  v1 = k1 ^ 0x646f72616e646f6d ^ 0xee;
  v2 = k0 ^ 0x6c7967656e657261;
  v3 = k1 ^ 0x7465646279746573;
  let at = start;
  const last = start + (length & ~7);
  for (; at < last; at += 8) absorb(load<u64>(at));
  const left = <u64>(length & 7);
  const tail = left === 0 ? 0 : load<u64>(at) & (~(<u64>0) >> (64 - (left << 3)));
  absorb(((<u64>length) << 56) | tail);
  v2 ^= 0xee;
  finish();
  low = v0 ^ v1 ^ v2 ^ v3;
  v1 ^= 0xdd;
  finish();
  high = v0 ^ v1 ^ v2 ^ v3;
}

function absorb(word: u64): void {
  v3 ^= word;
  round();
  round();
  v0 ^= word;
}

function finish(): void {
  round();
  round();
  round();
  round();
}

function round(): void {
  v0 += v1;
  v1 = rotl(v1, 13) ^ v0;
  v0 = rotl(v0, 32);
  v2 += v3;
  v3 = rotl(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl(v1, 17) ^ v2;
  v2 = rotl(v2, 32);
}

export function hashLow(): u64 {
  return low;
}

export function hashHigh(): u64 {
  return high;
}
