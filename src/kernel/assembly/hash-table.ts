/**
 * A hash table whose entries stand one behind the other as they came, beside an index that says where each is (as Python's dict:
 * Hettinger, "More compact dictionaries with faster iteration"). Nearly all keys are new, and of what is only added nothing has to be
 * fetched from memory but a word of the index, which `fetchIndex` does for many at a time.
 *
 * Entries are two words of 64 bits, a key and its value. Keys have to be as good as random.
 */
import { allocate, allocateZeros, grown, release } from './memory';

const entryBytes: i32 = 16;
/** Entries that take 8 MiB. */
const mostReserved: i32 = 500_000;
/** Of the smallest index. */
const leastBits: i32 = 10;

@unmanaged
export class HashTable {
  entries: i32;
  /** The index has 2^bits words. */
  bits: i32;
  first: usize;
  /**
   * A word is 0, or has the number of an entry, from 1 on, in its lowest `bits`, and above them the lowest bits of its key. An entry
   * has the first word from where the highest bits of its key point to that was free.
   */
  index: usize;
}

/** Where the key that was looked for last, and not found, belongs in the index. */
let vacant: usize = 0;

export function newHashTable(): HashTable {
  const table = changetype<HashTable>(allocateZeros(offsetof<HashTable>()));
  clearHashTable(table, 0, 0);
  return table;
}

/**
 * Forgets all entries, and gives their memory back. From now on the index is large enough for so many as are expected, and `most` have
 * their room, so that they need not move; what nothing is written to costs nothing.
 */
export function clearHashTable(table: HashTable, expected: i32, most: i32): void {
  release(table.first);
  release(table.index);
  table.entries = 0;
  table.first = allocate(min(most, mostReserved) * entryBytes);
  let bits = leastBits;
  while (mostEntries(bits) <= expected) bits++;
  beginIndex(table, bits);
}

/** Gives all blocks back, and the table itself. */
export function releaseHashTable(table: HashTable): void {
  release(table.first);
  release(table.index);
  release(changetype<usize>(table));
}

function beginIndex(table: HashTable, bits: i32): void {
  table.bits = bits;
  table.index = allocateZeros(4 << bits);
}

/** The entry with this key, or 0. */
export function entryOf(table: HashTable, key: u64): usize {
  const bits = table.bits;
  const index = table.index;
  const numbers: u32 = (1 << bits) - 1;
  const tag = (<u32>key) << bits;
  let at = <u32>(key >> (64 - bits));
  while (true) {
    const word = load<u32>(index + ((<usize>at) << 2));
    if (word === 0) break;
    if ((word & ~numbers) === tag) {
      const entry = table.first + ((<usize>(word & numbers) - 1) << 4);
      if (load<u64>(entry) === key) return entry;
    }
    at = (at + 1) & numbers;
  }
  vacant = index + ((<usize>at) << 2);
  return 0;
}

/** What is read for nothing would not be read. */
const fetched: usize = memory.data(4, 4);

/**
 * Has the processor fetch the words of the index that look-ups of these keys begin with, the first of `stride` bytes each. Side by
 * side they take as long as one of them, where each look-up by itself would wait for memory.
 */
export function fetchIndex(table: HashTable, keys: usize, count: i32, stride: usize): void {
  const index = table.index;
  const shift = <u64>(64 - table.bits);
  const end = keys + <usize>count * stride;
  let sum: u32 = 0;
  for (let key = keys; key < end; key += stride) sum += load<u32>(index + ((<usize>(load<u64>(key) >> shift)) << 2));
  store<u32>(fetched, sum);
}

/** Adds an entry with the key that entryOf has just not found here. */
export function addEntry(table: HashTable, key: u64, value: u64): void {
  const used = table.entries * entryBytes;
  table.first = grown(table.first, used, used + entryBytes);
  const entry = table.first + used;
  store<u64>(entry, key);
  store<u64>(entry, value, 8);
  store<u32>(vacant, wordOf(table, key, ++table.entries));
  if (table.entries >= mostEntries(table.bits)) growIndex(table);
}

/** Three quarters full a free word is still found soon. */
function mostEntries(bits: i32): i32 {
  return 3 << (bits - 2);
}

function wordOf(table: HashTable, key: u64, number: u32): u32 {
  return ((<u32>key) << table.bits) | number;
}

function growIndex(table: HashTable): void {
  release(table.index);
  beginIndex(table, table.bits + 1);
  const index = table.index;
  const numbers: u32 = (1 << table.bits) - 1;
  let entry = table.first;
  for (let number = 1; number <= table.entries; number++) {
    const key = load<u64>(entry);
    let at = <u32>(key >> (64 - table.bits));
    while (load<u32>(index + ((<usize>at) << 2)) !== 0) at = (at + 1) & numbers;
    store<u32>(index + ((<usize>at) << 2), wordOf(table, key, number));
    entry += entryBytes;
  }
}
