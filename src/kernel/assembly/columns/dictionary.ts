/**
 * Distinct byte strings and their codes: an open-addressing hash table over one block of text. Codes count from 0 in the
 * order of first appearance.
 */
import { copy, hashOf, isSame } from '../bytes';
import { allocateZeros, grown, release, room } from '../memory';

const maxEntries: i32 = 1 << 17;
/** How much is tried before judging whether values repeat, and whether they do at all. */
const trialEntries: i32 = 1 << 14;
const trialBytes: i32 = 1 << 20;
const firstTrialEntries: i32 = 1 << 12;
const firstTable: i32 = 1 << 8;

@unmanaged
export class Dictionary {
  entries: i32;
  usedBytes: i32;
  /** Entry e is text[offsets[e] .. offsets[e + 1]]. */
  offsets: usize;
  text: usize;
  /** A place has the code + 1, 0 where free, and behind it the hash; at most half full. */
  table: usize;
  tableSize: i32;
}

export function initDictionary(dictionary: Dictionary): void {
  dictionary.tableSize = firstTable;
  dictionary.table = allocateZeros(firstTable << 3);
  dictionary.offsets = allocateZeros(firstTable << 1);
  dictionary.text = 0;
}

/** Whether entry `code` is the text at `start`. */
export function isEntry(dictionary: Dictionary, code: i32, start: usize, length: i32): bool {
  const offsets = dictionary.offsets + ((<usize>code) << 2);
  const from = load<i32>(offsets);
  return load<i32>(offsets, 4) - from === length && isSame(dictionary.text + from, start, length);
}

/** The code of a text, new where it has not been seen. */
export function codeOf(dictionary: Dictionary, start: usize, length: i32): i32 {
  const hash = <i32>hashOf(start, length);
  const mask = dictionary.tableSize - 1;
  let slot = hash & mask;
  while (true) {
    const place = dictionary.table + ((<usize>slot) << 3);
    const code = load<i32>(place) - 1;
    if (code < 0) break;
    if (load<i32>(place, 4) === hash && isEntry(dictionary, code, start, length)) return code;
    slot = (slot + 1) & mask;
  }
  return add(dictionary, slot, hash, start, length);
}

function add(dictionary: Dictionary, slot: i32, hash: i32, start: usize, length: i32): i32 {
  const code = dictionary.entries;
  const used = dictionary.usedBytes;
  if (used + length > room(dictionary.text)) dictionary.text = grown(dictionary.text, used, used + length);
  const words = (code + 2) << 2;
  if (words > room(dictionary.offsets)) dictionary.offsets = grown(dictionary.offsets, words - 4, words);
  copy(dictionary.text + used, start, length);
  dictionary.usedBytes = used + length;
  store<i32>(dictionary.offsets + ((<usize>code) << 2), used + length, 4);
  store<i32>(dictionary.table + ((<usize>slot) << 3), code + 1);
  store<i32>(dictionary.table + ((<usize>slot) << 3), hash, 4);
  dictionary.entries = code + 1;
  if ((code + 1) << 1 > dictionary.tableSize) enlarge(dictionary);
  return code;
}

function enlarge(dictionary: Dictionary): void {
  const old = dictionary.table;
  const end = old + ((<usize>dictionary.tableSize) << 3);
  const mask = (dictionary.tableSize << 1) - 1;
  const table = allocateZeros((mask + 1) << 3);
  for (let place = old; place < end; place += 8) {
    if (load<i32>(place) === 0) continue;
    let slot = load<i32>(place, 4) & mask;
    while (load<i32>(table + ((<usize>slot) << 3)) !== 0) slot = (slot + 1) & mask;
    store<u64>(table + ((<usize>slot) << 3), load<u64>(place));
  }
  release(old);
  dictionary.table = table;
  dictionary.tableSize = mask + 1;
}

/** Whether so few of `values` repeat that coding them does not pay. */
export function isWasteful(dictionary: Dictionary, values: i32): bool {
  const entries = dictionary.entries;
  if (<i64>entries * 16 > <i64>values * 15 && entries > firstTrialEntries) return true;
  if (entries << 1 > values) return entries > trialEntries || dictionary.usedBytes > trialBytes;
  return entries > maxEntries;
}

/** Forgets all entries. The table shrinks to what they needed, since all of it has to be cleared. */
export function emptyDictionary(dictionary: Dictionary): void {
  let size = firstTable;
  while (size < dictionary.entries << 1) size <<= 1;
  dictionary.tableSize = size;
  memory.fill(dictionary.table, 0, size << 3);
  dictionary.entries = 0;
  dictionary.usedBytes = 0;
}

export function releaseDictionary(dictionary: Dictionary): void {
  release(dictionary.table);
  release(dictionary.offsets);
  release(dictionary.text);
  dictionary.text = 0;
  dictionary.entries = 0;
  dictionary.usedBytes = 0;
}
