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
import { clearHashTable, fillSlot, HashTable, newHashTable, slotOf } from './hash-table';
import { allocateZeros } from './memory';
import { high, low, sipHash } from './siphash';

@unmanaged
export class Identities {
  current: HashTable;
  earlier: HashTable;
  /** Pages of 64 KiB that each may have. */
  mostPages: i32;
}

export function newIdentities(): Identities {
  const set = changetype<Identities>(allocateZeros(offsetof<Identities>()));
  set.current = newHashTable();
  set.earlier = newHashTable();
  return set;
}

/** Forgets all members. Those that come take `bytes` at most, but at least two pages. */
export function emptyIdentities(set: Identities, bytes: i32): void {
  clearHashTable(set.current);
  clearHashTable(set.earlier);
  set.mostPages = max(1, bytes >> 17);
}

/** Adds a record by its id, a text that is not empty, and by its content; says what it is (`Record_…`). */
export function addRecord(set: Identities, id: usize, idLength: i32, content: usize, contentLength: i32): i32 {
  contentHash(content, contentLength);
  const contentLow = low;
  const contentHigh = high;
  sipHash(id, idLength);
  const found = findOrAdd(set, low, contentLow);
  if (found !== Record_Conflict) return found;
  return findOrAdd(set, high ^ contentHigh, contentLow) === Record_Duplicate ? Record_Duplicate : Record_Conflict;
}

/** The same for a record that has no id. */
export function addContent(set: Identities, content: usize, contentLength: i32): i32 {
  contentHash(content, contentLength);
  return findOrAdd(set, high, low) === Record_Duplicate ? Record_Duplicate : Record_New;
}

/** Record_Conflict: there is an entry with another value under the key; it stays. */
function findOrAdd(set: Identities, hash: u64, value: u64): i32 {
  const key = hash | 1;
  if (set.earlier.entries > 0) {
    const there = slotOf(set.earlier, key);
    if (load<u64>(there) === key) return load<u64>(there, 8) === value ? Record_Duplicate : Record_Conflict;
  }
  const slot = slotOf(set.current, key);
  if (load<u64>(slot) === key) return load<u64>(slot, 8) === value ? Record_Duplicate : Record_Conflict;
  if (fillSlot(set.current, slot, key, value, set.mostPages)) return Record_New;
  const full = set.current;
  set.current = set.earlier;
  set.earlier = full;
  clearHashTable(set.current);
  fillSlot(set.current, slotOf(set.current, key), key, value, set.mostPages);
  return Record_New;
}
