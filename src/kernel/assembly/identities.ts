/**
 * The records of a batch, to tell which of them was there before: about 24 bytes per record, whatever its length.
 *
 * An entry is a hash of the record's id and one of its content, both under secret keys, so nobody who writes records can
 * make two of them meet. The first content of an id stands under the id; further ones, which are conflicts, under id and
 * content together; contents without an id under themselves.
 *
 * Memory is bounded: entries go into a table that may take half of it. When that is full, it becomes the earlier one,
 * where records are still looked for, and what was the earlier one begins anew, empty. So a record is compared with at
 * least the last so many; compaction finds the duplicates that are further apart.
 */
import { Record_Conflict, Record_Duplicate, Record_New } from './codes';
import { contentHash } from './content-hash';
import { addEntry, clearHashTable, entryOf, fetchIndex, HashTable, newHashTable } from './hash-table';
import { allocateZeros } from './memory';
import { high, low, sipHash } from './siphash';

/** An entry, and its share of the index. */
const memberBytes: i32 = 24;

@unmanaged
export class Identities {
  current: HashTable;
  earlier: HashTable;
  /** Entries that each may have. */
  most: i32;
  /** As many came last time. */
  expected: i32;
}

export function newIdentities(): Identities {
  const set = changetype<Identities>(allocateZeros(offsetof<Identities>()));
  set.current = newHashTable();
  set.earlier = newHashTable();
  return set;
}

/** Forgets all members. Those that come take some `bytes` at most, but at least those of a thousand. */
export function emptyIdentities(set: Identities, bytes: i32): void {
  if (set.current.entries > 0) set.expected = set.current.entries;
  set.most = max(1000, bytes / (2 * memberBytes));
  clearHashTable(set.current, bytes > 0 ? set.expected : 0, set.most);
  clearHashTable(set.earlier, 0, 0);
}

/** What a record is known by: the key that its content stands under, the content, and the key of one that conflicts; 0 is none. */
export const identityBytes: i32 = 24;
const contentAt: usize = 8;
const conflictKeyAt: usize = 16;

/** Of a record with an id, a text that is not empty. */
export function identifyRecord(id: usize, idLength: i32, content: usize, contentLength: i32, target: usize): void {
  contentHash(content, contentLength);
  const contentHigh = high;
  store<u64>(target, low, contentAt);
  sipHash(id, idLength);
  store<u64>(target, low);
  store<u64>(target, high ^ contentHigh, conflictKeyAt);
}

/** Of one without. */
export function identifyContent(content: usize, contentLength: i32, target: usize): void {
  contentHash(content, contentLength);
  store<u64>(target, high);
  store<u64>(target, low, contentAt);
  store<u64>(target, 0, conflictKeyAt);
}

/** Of one that is always new. */
export function identifyNothing(target: usize): void {
  store<u64>(target, 0);
}

const single: usize = memory.data(identityBytes, 8);

/** Adds a record by its id, a text that is not empty, and by its content; says what it is (`Record_…`). */
export function addRecord(set: Identities, id: usize, idLength: i32, content: usize, contentLength: i32): i32 {
  identifyRecord(id, idLength, content, contentLength, single);
  return addIdentity(set, single);
}

/** The same for a record that has no id. */
export function addContent(set: Identities, content: usize, contentLength: i32): i32 {
  identifyContent(content, contentLength, single);
  return addIdentity(set, single);
}

/** Adds a record and says what it is (`Record_…`). */
export function addIdentity(set: Identities, identity: usize): i32 {
  const key = load<u64>(identity);
  if (key === 0) return Record_New;
  const content = load<u64>(identity, contentAt);
  const found = findOrAdd(set, key, content);
  if (found !== Record_Conflict) return found;
  const conflictKey = load<u64>(identity, conflictKeyAt);
  if (conflictKey === 0) return Record_New;
  return findOrAdd(set, conflictKey, content) === Record_Duplicate ? Record_Duplicate : Record_Conflict;
}

/** To be called before some dozens of records are added. */
export function fetchIdentities(set: Identities, identities: usize, count: i32): void {
  fetchIndex(set.current, identities, count, identityBytes);
  if (set.earlier.entries > 0) fetchIndex(set.earlier, identities, count, identityBytes);
}

/** Record_Conflict: there is an entry with another value under the key; it stays. */
function findOrAdd(set: Identities, key: u64, value: u64): i32 {
  let there = set.earlier.entries > 0 ? entryOf(set.earlier, key) : 0;
  if (there === 0) there = entryOf(set.current, key);
  if (there !== 0) return load<u64>(there, 8) === value ? Record_Duplicate : Record_Conflict;
  if (set.current.entries >= set.most) {
    const full = set.current;
    set.current = set.earlier;
    set.earlier = full;
    clearHashTable(set.current, set.most, set.most);
    entryOf(set.current, key);
  }
  addEntry(set.current, key, value);
  return Record_New;
}
