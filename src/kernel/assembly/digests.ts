/**
 * Which rows may be the same record, by digests of their keys (keys.ts), which are hashes under a secret key. Where two
 * rows share a digest, what they hold has to be compared.
 */
import { contentHash } from './content-hash';
import { addEntry, clearHashTable, entryOf, HashTable, newHashTable, releaseHashTable } from './hash-table';
import { isNull, isText, Key, keyAt, keyCount, offsetsAt } from './keys';
import { allocateZeros, grown, release } from './memory';
import { high, low, sipHash } from './siphash';
import { numberAt } from './sort';

@unmanaged
export class Digests {
  seen: HashTable;
  /** Those that came more than once, with their number. */
  repeated: HashTable;
}

let content: usize = 0;
let found: usize = 0;

export function newDigests(): Digests {
  const digests = changetype<Digests>(allocateZeros(offsetof<Digests>()));
  digests.seen = newHashTable();
  digests.repeated = newHashTable();
  return digests;
}

/** Forgets what was seen, and keeps what came more than once. */
export function forgetSeen(digests: Digests): void {
  clearHashTable(digests.seen, 0, 0);
}

export function releaseDigests(digests: Digests): void {
  releaseHashTable(digests.seen);
  releaseHashTable(digests.repeated);
  release(changetype<usize>(digests));
}

export function repeatedDigests(digests: Digests): i32 {
  return digests.repeated.entries;
}

/**
 * Adds rows [0, rows) by the keys, without those that have a 1 in `dead` (0: none), and only digests that fall to `pass`
 * of `passes`.
 */
export function addDigests(digests: Digests, rows: i32, dead: usize, passes: i32, pass: i32): void {
  for (let row = 0; row < rows; row++) {
    if (dead !== 0 && load<u8>(dead + row) === 1) continue;
    if (!digestOf(row) || (passes > 1 && passOf(passes) !== pass)) continue;
    if (add(digests.seen, low)) continue;
    add(digests.repeated, low);
  }
}

/** false where it is there. */
function add(table: HashTable, key: u64): bool {
  if (entryOf(table, key) !== 0) return false;
  addEntry(table, key, <u64>table.entries);
  return true;
}

/** Finds the rows whose digest came more than once, in the same way; how many they are. */
export function findRepeated(digests: Digests, rows: i32, dead: usize, passes: i32, pass: i32): i32 {
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (dead !== 0 && load<u8>(dead + row) === 1) continue;
    if (!digestOf(row) || (passes > 1 && passOf(passes) !== pass)) continue;
    const there = entryOf(digests.repeated, low);
    if (there === 0) continue;
    found = grown(found, count << 3, (count + 1) << 3);
    store<i32>(found + ((<usize>count) << 3), row);
    store<i32>(found + ((<usize>count) << 3), load<i32>(there, 8), 4);
    count++;
  }
  return count;
}

/** What was found: rows, and behind each the number of its digest. */
export function repeatedRows(): usize {
  return found;
}

function passOf(passes: i32): i32 {
  return <i32>((high >> 32) % <u64>passes);
}

/** Makes the digest of a row; false where its only key is an empty text, or null. */
function digestOf(row: i32): bool {
  const first = keyAt(0);
  if (keyCount === 1 && isText(first)) {
    if (isNull(first, row)) return false;
    const offsets = offsetsAt(first, row);
    const length = load<i32>(offsets, 4) - load<i32>(offsets);
    if (length === 0) return false;
    sipHash(first.text + <usize>load<u32>(offsets), length);
    return true;
  }
  let used = 0;
  for (let i = 0; i < keyCount; i++) used = addContent(keyAt(i), row, used);
  contentHash(content, used);
  return true;
}

/** Length and bytes of a key, with -1 for null. */
function addContent(key: Key, row: i32, used: i32): i32 {
  if (isNull(key, row)) {
    content = grown(content, used, used + 4);
    store<i32>(content + used, -1);
    return used + 4;
  }
  if (!isText(key)) {
    content = grown(content, used, used + 12);
    store<i32>(content + used, 8);
    store<i64>(content + used, numberAt(key, row), 4);
    return used + 12;
  }
  const offsets = offsetsAt(key, row);
  const length = load<i32>(offsets, 4) - load<i32>(offsets);
  content = grown(content, used, used + 4 + length);
  store<i32>(content + used, length);
  memory.copy(content + used + 4, key.text + load<u32>(offsets), length);
  return used + 4 + length;
}
