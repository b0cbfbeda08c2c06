/**
 * xxHash64 with seed 0, the hash of Parquet's bloom filters (parquet-format, BloomFilter.md "Hash functions"; the
 * xxHash specification, "XXH64 algorithm description").
 */
const p1: u64 = 0x9e3779b185ebca87;
const p2: u64 = 0xc2b2ae3d27d4eb4f;
const p3: u64 = 0x165667b19e3779f9;
const p4: u64 = 0x85ebca77c2b2ae63;
const p5: u64 = 0x27d4eb2f165667c5;

export function xxhash64(start: usize, length: i32): u64 {
  let at = start;
  const end = start + length;
  let hash: u64 = p5;
  if (length >= 32) {
    let lane1 = p1 + p2;
    let lane2 = p2;
    let lane3: u64 = 0;
    let lane4: u64 = 0 - p1;
    for (; at + 32 <= end; at += 32) {
      lane1 = round(lane1, load<u64>(at));
      lane2 = round(lane2, load<u64>(at, 8));
      lane3 = round(lane3, load<u64>(at, 16));
      lane4 = round(lane4, load<u64>(at, 24));
    }
    hash = rotl(lane1, 1) + rotl(lane2, 7) + rotl(lane3, 12) + rotl(lane4, 18);
    hash = merged(hash, lane1);
    hash = merged(hash, lane2);
    hash = merged(hash, lane3);
    hash = merged(hash, lane4);
  }
  hash += <u64>length;
  for (; at + 8 <= end; at += 8) hash = rotl(hash ^ round(0, load<u64>(at)), 27) * p1 + p4;
  if (at + 4 <= end) {
    hash = rotl(hash ^ (<u64>load<u32>(at) * p1), 23) * p2 + p3;
    at += 4;
  }
  for (; at < end; at++) hash = rotl(hash ^ (<u64>load<u8>(at) * p5), 11) * p1;
  hash = (hash ^ (hash >> 33)) * p2;
  hash = (hash ^ (hash >> 29)) * p3;
  return hash ^ (hash >> 32);
}

function round(lane: u64, word: u64): u64 {
  return rotl(lane + word * p2, 31) * p1;
}

function merged(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * p1 + p4;
}
