/**
 * Split-block bloom filters (parquet-format, BloomFilter.md): blocks of 256 bits; a value sets one bit in each
 * of eight words, hashed by xxHash64 over the value's PLAIN encoding without length.
 */
import { grown } from '../memory';
import { entries, entryNumbers, entryTexts } from './dictionary';
import { values } from './levels';
import { lengthOf, numbers, texts, width } from './values';
import { xxhash64 } from './xxhash64';

let bits: usize = 0;
let blocks: u64 = 0;

/** Fills a filter of `bytes` bytes, a power of two, with the chunk's texts, or those of its dictionary. */
export function bloomFilterOfTexts(bytes: i32, hasDictionary: bool): usize {
  clear(bytes);
  const list = hasDictionary ? entryTexts : texts;
  const end = list + ((<usize>(hasDictionary ? entries : values)) << 3);
  for (let text = list; text < end; text += 8) insert(xxhash64(load<u32>(text), lengthOf(text)));
  return bits;
}

/** The same with numbers. */
export function bloomFilterOfNumbers(bytes: i32, hasDictionary: bool): usize {
  clear(bytes);
  const step = hasDictionary ? 8 : width;
  let number = hasDictionary ? entryNumbers : numbers;
  for (let left = hasDictionary ? entries : values; left > 0; left--, number += step) insert(xxhash64(number, width));
  return bits;
}

function clear(bytes: i32): void {
  bits = grown(bits, 0, bytes);
  memory.fill(bits, 0, bytes);
  blocks = bytes >> 5;
}

/** The upper half of the hash picks the block, the lower one the bits. */
function insert(hash: u64): void {
  const block = bits + ((<usize>(((hash >> 32) * blocks) >> 32)) << 5);
  const key = <u32>hash;
  set(block, key * 0x47b6137b);
  set(block + 4, key * 0x44974d91);
  set(block + 8, key * 0x8824ad5b);
  set(block + 12, key * 0xa2b7289d);
  set(block + 16, key * 0x705495c7);
  set(block + 20, key * 0x2df1424b);
  set(block + 24, key * 0x9efc4947);
  set(block + 28, key * 0x5c6bfb31);
}

function set(word: usize, salted: u32): void {
  store<u32>(word, load<u32>(word) | (1 << (salted >> 27)));
}
