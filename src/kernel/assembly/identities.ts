/**
 * Sets of record identities that take 24 to 48 bytes a member, whatever their length: 128 bits in an open-addressing
 * table. A UUID or 32 hex digits are these bits themselves, anything else is hashed under a secret key. Each form has a
 * table of its own: the same bits are another identity there.
 */
import { allocateZeros, grown, release, room } from './memory';
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
  const head = v128.load(at);
  const middle = v128.load(at, 16);
  const tail = v128.load(at, 20);
  return readDigits(
    i8x16.shuffle(head, middle, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17),
    i8x16.shuffle(middle, tail, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 28, 29, 30, 31),
  );
}

function readHex(at: usize): bool {
  return readDigits(v128.load(at), v128.load(at, 16));
}

/** 32 lower-case hex digits as the identity; false where one is none. */
function readDigits(a: v128, b: v128): bool {
  const values = i8x16.narrow_i16x8_u(pairs(a), pairs(b));
  first = v128.extract_lane<u64>(values, 0);
  second = v128.extract_lane<u64>(values, 1);
  return areHex(a) && areHex(b);
}

function areHex(digits: v128): bool {
  return i8x16.all_true(v128.or(isDecimal(digits), i8x16.lt_u(letters(digits), i8x16.splat(6))));
}

function isDecimal(digits: v128): v128 {
  return i8x16.lt_u(i8x16.sub(digits, i8x16.splat(0x30)), i8x16.splat(10));
}

/** From 0 for the letter a. */
function letters(digits: v128): v128 {
  return i8x16.sub(digits, i8x16.splat(0x61));
}

/** Of two digits each the value, in 16 bits. */
function pairs(digits: v128): v128 {
  const decimal = i8x16.sub(digits, i8x16.splat(0x30));
  const letter = i8x16.add(letters(digits), i8x16.splat(10));
  const values = v128.bitselect(decimal, letter, isDecimal(digits));
  const high = i16x8.shl(v128.and(values, i16x8.splat(0x0f)), 4);
  return v128.or(high, i16x8.shr_u(values, 8));
}
