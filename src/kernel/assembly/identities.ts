/**
 * Sets of record identities that take 24 to 48 bytes a member, whatever their length: 128 bits in an open-addressing
 * table. A UUID or 32 hex digits are these bits themselves, anything else is hashed under a secret key. Each form has a
 * table of its own: the same bits are another identity there.
 */
import { allocateZeros, grown, release, room } from './memory';
import { hexDigit } from './scan/tokens';
import { high, low, sipHash } from './siphash';

const firstTable: i32 = 1 << 10;

/** Members of 16 bytes each, in the order they came, and a hash table of their places. */
@unmanaged
class WordSet {
  size: i32;
  words: usize;
  /** Number of a member + 1, under the bits of its hash that the number leaves free; 0 where free. At most half full. */
  table: usize;
  tableSize: i32;
}

@unmanaged
export class Identities {
  uuids: WordSet;
  hex: WordSet;
  texts: WordSet;
  records: WordSet;
}

export function newIdentities(): Identities {
  const set = changetype<Identities>(allocateZeros(offsetof<Identities>()));
  set.uuids = newWordSet();
  set.hex = newWordSet();
  set.texts = newWordSet();
  set.records = newWordSet();
  return set;
}

function newWordSet(): WordSet {
  const words = changetype<WordSet>(allocateZeros(offsetof<WordSet>()));
  words.tableSize = firstTable;
  words.table = allocateZeros(firstTable << 2);
  return words;
}

/** Forgets all members and keeps the blocks. */
export function emptyIdentities(set: Identities): void {
  empty(set.uuids);
  empty(set.hex);
  empty(set.texts);
  empty(set.records);
}

function empty(words: WordSet): void {
  words.size = 0;
  memory.fill(words.table, 0, words.tableSize << 2);
}

/** Adds the identity that is the text at `start`; false where it was there already. */
export function addIdentity(set: Identities, start: usize, length: i32): bool {
  if (length === 36 && readUuid(start)) return addWords(set.uuids);
  if (length === 32 && readHex(start)) return addWords(set.hex);
  sipHash(start, length);
  return addHash(set.texts);
}

/** Adds the identity of a record that has none but all of itself, as a text that is its own. */
export function addRecord(set: Identities, start: usize, length: i32): bool {
  sipHash(start, length);
  return addHash(set.records);
}

function addHash(words: WordSet): bool {
  first = low;
  second = high;
  return addWords(words);
}

/** The identity read last. */
let first: u64 = 0;
let second: u64 = 0;

function addWords(words: WordSet): bool {
  const hash = mixed();
  const mask = words.tableSize - 1;
  let place = hash & mask;
  for (;;) {
    const entry = load<i32>(words.table + ((<usize>place) << 2));
    if (entry === 0) break;
    if (((entry ^ hash) & ~mask) === 0) {
      const at = words.words + ((<usize>((entry & mask) - 1)) << 4);
      if (load<u64>(at) === first && load<u64>(at, 8) === second) return false;
    }
    place = (place + 1) & mask;
  }
  const size = words.size;
  const bytes = (size + 1) << 4;
  if (bytes > room(words.words)) words.words = grown(words.words, size << 4, bytes);
  const at = words.words + ((<usize>size) << 4);
  store<u64>(at, first);
  store<u64>(at, second, 8);
  store<i32>(words.table + ((<usize>place) << 2), (hash & ~mask) | (size + 1));
  words.size = size + 1;
  if ((size + 1) << 1 >= words.tableSize) enlarge(words);
  return true;
}

function enlarge(words: WordSet): void {
  const size = words.tableSize << 1;
  const mask = size - 1;
  release(words.table);
  const table = allocateZeros(size << 2);
  for (let member = 0; member < words.size; member++) {
    const at = words.words + ((<usize>member) << 4);
    first = load<u64>(at);
    second = load<u64>(at, 8);
    const hash = mixed();
    let place = hash & mask;
    while (load<i32>(table + ((<usize>place) << 2)) !== 0) place = (place + 1) & mask;
    store<i32>(table + ((<usize>place) << 2), (hash & ~mask) | (member + 1));
  }
  words.table = table;
  words.tableSize = size;
}

/** Identities that differ in one part only (a counter, a clock) have to spread too. */
function mixed(): i32 {
  let hash = (first ^ rotl(second, 29)) * 0x9e3779b97f4a7c15;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return <i32>(hash >> 32) ^ <i32>hash;
}

/** 8-4-4-4-12 lower-case hex digits. */
function readUuid(at: usize): bool {
  if (load<u8>(at, 8) !== 0x2d || load<u8>(at, 13) !== 0x2d || load<u8>(at, 18) !== 0x2d || load<u8>(at, 23) !== 0x2d)
    return false;
  isHex = true;
  first = (hex(at, 8) << 32) | (hex(at + 9, 4) << 16) | hex(at + 14, 4);
  second = (hex(at + 19, 4) << 48) | hex(at + 24, 12);
  return isHex;
}

function readHex(at: usize): bool {
  isHex = true;
  first = hex(at, 16);
  second = hex(at + 16, 16);
  return isHex;
}

/** Whether all digits read so far were lower-case hex digits. */
let isHex: bool = true;

function hex(at: usize, digits: i32): u64 {
  let value: u64 = 0;
  for (let i: usize = 0; i < <usize>digits; i++) {
    const byte: i32 = load<u8>(at + i);
    const digit = hexDigit(byte);
    if (digit < 0 || (byte >= 0x41 && byte <= 0x46)) isHex = false;
    value = (value << 4) | <u64>(digit & 15);
  }
  return value;
}
