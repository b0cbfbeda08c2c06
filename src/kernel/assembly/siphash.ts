/**
 * SipHash-1-3 with 128 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF", and its reference code), under a key
 * that the host draws at random: the writer of records cannot make two of them collide. The hash tables of Rust and Python take the
 * same rounds; nobody sees a hash of ours, from which a key might be learned.
 */
let k0: u64 = 0;
let k1: u64 = 0;
/** The halves of the hash made last. */
export let low: u64 = 0;
export let high: u64 = 0;

/** 16 bytes. */
export function setHashKey(key: usize): void {
  k0 = load<u64>(key);
  k1 = load<u64>(key, 8);
}

export function sipHash(start: usize, length: i32): void {
  // Locals, and so the rounds in full: variables of the module would go through memory.
  let v0: u64 = k0 ^ 0x736f6d6570736575;
  let v1: u64 = k1 ^ 0x646f72616e646f6d ^ 0xee;
  let v2: u64 = k0 ^ 0x6c7967656e657261;
  let v3: u64 = k1 ^ 0x7465646279746573;
  let at = start;
  const last = start + (length & ~7);
  const left = <u64>(length & 7);
  const tail = left === 0 ? 0 : load<u64>(last) & (~(<u64>0) >> (64 - (left << 3)));
  for (; at <= last; at += 8) {
    const word = at < last ? load<u64>(at) : ((<u64>length) << 56) | tail;
    v3 ^= word;
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
    v0 ^= word;
  }
  v2 ^= 0xee;
  for (let half = 0; half < 2; half++) {
    for (let i = 0; i < 3; i++) {
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
    low = high;
    high = v0 ^ v1 ^ v2 ^ v3;
    v1 ^= 0xdd;
  }
}

export function hashLow(): u64 {
  return low;
}

export function hashHigh(): u64 {
  return high;
}
