/**
 * The records of a batch, to tell which of them was there before: 40 to 64 bytes per record, whatever its length.
 *
 * An id leads to the hash of the content of the first record that had it. Ids are 128 bits in an open-addressing table: a
 * UUID or 32 hex digits are these bits themselves, anything else is hashed under a secret key, and each form has a table
 * of its own, since the same bits are another id there. Contents without an id, and pairs of an id and a content that is
 * not its first, have tables of hashes too.
 */
import { Record_Conflict, Record_Duplicate, Record_New } from './codes';
import { contentHash } from './content-hash';
import { allocateZeros, grown, release, room } from './memory';
import { high, low, sipHash } from './siphash';

const firstTable: i32 = 1 << 10;

/** Members of 16 bytes each, in the order they came, and a hash table of their places. */
@unmanaged
class WordSet {
  size: i32;
  words: usize;
  /** Of sets of ids: the hash of the first content of each, 16 bytes. */
  contents: usize;
  /** Number of a member + 1, under the bits of its hash that the number leaves free; 0 where free. At most half full. */
  table: usize;
  tableSize: i32;
}

@unmanaged
export class Identities {
  uuids: WordSet;
  hex: WordSet;
  texts: WordSet;
  /** Contents of records that have no id. */
  records: WordSet;
  /** Ids with contents, of records whose id another record had first. */
  conflicts: WordSet;
}

export function newIdentities(): Identities {
  const set = changetype<Identities>(allocateZeros(offsetof<Identities>()));
  set.uuids = newWordSet();
  set.hex = newWordSet();
  set.texts = newWordSet();
  set.records = newWordSet();
  set.conflicts = newWordSet();
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
  empty(set.conflicts);
}

function empty(words: WordSet): void {
  words.size = 0;
  memory.fill(words.table, 0, words.tableSize << 2);
}

/** Adds a record by its id, a text that is not empty, and by its content; says what it is (`Record_…`). */
export function addRecord(set: Identities, id: usize, idLength: i32, content: usize, contentLength: i32): i32 {
  contentHash(content, contentLength);
  const contentLow = low;
  const contentHigh = high;
  let ids: WordSet;
  if (idLength === 36 && readUuid(id)) ids = set.uuids;
  else if (idLength === 32 && readHex(id)) ids = set.hex;
  else {
    sipHash(id, idLength);
    first = low;
    second = high;
    ids = set.texts;
  }
  const member = memberOf(ids);
  const at = (<usize>member) << 4;
  if (isAdded) {
    const bytes = ids.size << 4;
    if (bytes > room(ids.contents)) ids.contents = grown(ids.contents, bytes - 16, bytes);
    store<u64>(ids.contents + at, contentLow);
    store<u64>(ids.contents + at, contentHigh, 8);
    return Record_New;
  }
  if (load<u64>(ids.contents + at) === contentLow && load<u64>(ids.contents + at, 8) === contentHigh)
    return Record_Duplicate;
  store<u64>(pair, <u64>changetype<usize>(ids));
  store<u64>(pair, first, 8);
  store<u64>(pair, second, 16);
  store<u64>(pair, contentLow, 24);
  store<u64>(pair, contentHigh, 32);
  sipHash(pair, pairBytes);
  first = low;
  second = high;
  memberOf(set.conflicts);
  return isAdded ? Record_Conflict : Record_Duplicate;
}

/** An id and a content: where they are hashed together. */
const pairBytes: i32 = 40;
const pair: usize = memory.data(40, 16);

/** The same for a record that has no id. */
export function addContent(set: Identities, content: usize, contentLength: i32): i32 {
  contentHash(content, contentLength);
  first = low;
  second = high;
  memberOf(set.records);
  return isAdded ? Record_New : Record_Duplicate;
}

/** What is looked up. */
let first: u64 = 0;
let second: u64 = 0;
/** Whether the look-up has found nothing, and added it. */
let isAdded: bool = false;

/** The number of the member that is `first` and `second`, which is added where there is none. */
function memberOf(words: WordSet): i32 {
  const hash = mixed();
  const mask = words.tableSize - 1;
  let place = hash & mask;
  for (;;) {
    const entry = load<i32>(words.table + ((<usize>place) << 2));
    if (entry === 0) break;
    if (((entry ^ hash) & ~mask) === 0) {
      const number = (entry & mask) - 1;
      const at = words.words + ((<usize>number) << 4);
      if (load<u64>(at) === first && load<u64>(at, 8) === second) {
        isAdded = false;
        return number;
      }
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
  isAdded = true;
  return size;
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

/** Ids that differ in one part only (a counter, a clock) have to spread too. */
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

/** 32 lower-case hex digits as what is looked up; false where one of them is not one. */
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
