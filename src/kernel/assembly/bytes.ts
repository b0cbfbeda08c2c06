/** Ranges of bytes by whole words. The slack of a block has to follow wherever a range ends. */

/** Whether `length` bytes from a are those from b. */
export function isSame(a: usize, b: usize, length: i32): bool {
  if (length >= 16) {
    const last = a + length - 16;
    while (a < last) {
      if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false;
      a += 16;
      b += 16;
    }
    return !v128.any_true(v128.xor(v128.load(last), v128.load(b - (a - last))));
  }
  if (length >= 8) {
    const end = <usize>length - 8;
    return load<u64>(a) === load<u64>(b) && load<u64>(a + end) === load<u64>(b + end);
  }
  const bits = (<u64>length) << 3;
  return length === 0 || (load<u64>(a) ^ load<u64>(b)) << (64 - bits) === 0;
}

/** The same for at most 16 bytes, without a branch. */
export function isSameWord(a: usize, b: usize, length: i32): bool {
  const different = ~i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b)));
  return (different & ((1 << length) - 1)) === 0;
}

/** Copies; up to 15 bytes behind the target are overwritten. */
export function copy(target: usize, source: usize, length: i32): void {
  if (length > 256) {
    memory.copy(target, source, length);
    return;
  }
  const end = source + length;
  while (source < end) {
    v128.store(target, v128.load(source));
    source += 16;
    target += 16;
  }
}

/** A hash whose low bits may index a table. */
export function hashOf(start: usize, length: i32): u32 {
  let hash: u64 = 0x9e3779b97f4a7c15 ^ <u64>length;
  let at = start;
  const end = start + length;
  for (; at + 8 <= end; at += 8) hash = mix(hash ^ load<u64>(at));
  const left = end - at;
  if (left > 0) hash = mix(hash ^ (load<u64>(at) << (64 - ((<u64>left) << 3))));
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return <u32>(hash ^ (hash >> 32));
}

function mix(value: u64): u64 {
  value *= 0xff51afd7ed558ccd;
  return value ^ (value >> 29);
}
