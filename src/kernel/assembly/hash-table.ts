/**
 * An extendible hash table (Fagin, Nievergelt, Pippenger, Strong: "Extendible hashing - a fast access method for dynamic
 * files"): pages of one size, which split one by one, so nothing is copied as a whole or left behind as it grows.
 *
 * Entries are two words of 64 bits. The first is the key; it has to be as good as random, and its lowest bit is set.
 */
import { allocate, allocateZeros, grown, release, room } from './memory';

/** The size of a page's block. */
const blockBytes: i32 = 1 << 16;
const headBytes: usize = 16;
const slots: i32 = (blockBytes - 64) >> 4;
/** A look-up has to come to a free slot soon. */
const mostEntries: i32 = (slots * 7) >> 3;
const mostDepth: i32 = 20;

@unmanaged
export class HashTable {
  /** Pages by the leading bits of a key; a page whose entries share fewer of them stands there repeatedly. */
  directory: usize;
  /** How many bits those are. */
  depth: i32;
  pages: i32;
  entries: i32;
}

/** Slots follow its head. The first word of a free one is 0. */
@unmanaged
class Page {
  entries: i32;
  /** How many leading bits the keys of its entries share. */
  depth: i32;
}

export function newHashTable(): HashTable {
  const table = changetype<HashTable>(allocateZeros(offsetof<HashTable>()));
  table.directory = allocate(sizeof<usize>());
  begin(table);
  return table;
}

/** Forgets all entries, and gives back all pages but one. */
export function clearHashTable(table: HashTable): void {
  releasePages(table);
  begin(table);
}

/** Gives all blocks back, and the table itself. */
export function releaseHashTable(table: HashTable): void {
  releasePages(table);
  release(table.directory);
  release(changetype<usize>(table));
}

function releasePages(table: HashTable): void {
  const all = 1 << table.depth;
  for (let index = 0; index < all; ) {
    const page = changetype<Page>(load<usize>(entryAt(table, index)));
    index += 1 << (table.depth - page.depth);
    release(changetype<usize>(page));
  }
}

function begin(table: HashTable): void {
  table.depth = 0;
  table.pages = 1;
  table.entries = 0;
  store<usize>(table.directory, changetype<usize>(newPage(0)));
}

function newPage(depth: i32): Page {
  const page = changetype<Page>(allocateZeros(<i32>headBytes + (slots << 4)));
  page.depth = depth;
  return page;
}

/** The slot of the entry with this key, or where it belongs: its first word says which. */
export function slotOf(table: HashTable, key: u64): usize {
  return slotIn(pageOf(table, key), key);
}

function pageOf(table: HashTable, key: u64): Page {
  return changetype<Page>(load<usize>(entryAt(table, indexOf(key, table.depth))));
}

function indexOf(key: u64, depth: i32): i32 {
  // A shift by 64 would be one by 0.
  return <i32>((key >> 1) >> (63 - depth));
}

function entryAt(table: HashTable, index: i32): usize {
  return table.directory + ((<usize>index) << alignof<usize>());
}

function slotIn(page: Page, key: u64): usize {
  const start = changetype<usize>(page) + headBytes;
  const end = start + ((<usize>slots) << 4);
  let slot = start + ((<usize>(((key & 0xffffffff) * slots) >> 32)) << 4);
  let there = load<u64>(slot);
  while (there !== key && there !== 0) {
    slot += 16;
    if (slot === end) slot = start;
    there = load<u64>(slot);
  }
  return slot;
}

/** Fills the free slot of a key; false where its page is full, and the table has `mostPages` already. */
export function fillSlot(table: HashTable, slot: usize, key: u64, value: u64, mostPages: i32): bool {
  let page = pageOf(table, key);
  let free = slot;
  while (page.entries === mostEntries) {
    if (table.pages >= mostPages || page.depth === mostDepth) return false;
    split(table, page, key);
    page = pageOf(table, key);
    free = slotIn(page, key);
  }
  store<u64>(free, key);
  store<u64>(free, value, 8);
  page.entries++;
  table.entries++;
  return true;
}

/** Makes two pages of the one that holds `key`. */
function split(table: HashTable, page: Page, key: u64): void {
  const depth = page.depth;
  if (depth === table.depth) doubleDirectory(table);
  const left = newPage(depth + 1);
  const right = newPage(depth + 1);
  const start = changetype<usize>(page) + headBytes;
  const end = start + ((<usize>slots) << 4);
  for (let slot = start; slot < end; slot += 16) {
    const entry = load<u64>(slot);
    if (entry === 0) continue;
    const target = (indexOf(entry, depth + 1) & 1) === 0 ? left : right;
    const free = slotIn(target, entry);
    store<u64>(free, entry);
    store<u64>(free, load<u64>(slot, 8), 8);
    target.entries++;
  }
  // Where the page stood: as many times as its bits are fewer than the directory's.
  const half = 1 << (table.depth - depth - 1);
  const first = indexOf(key, depth) << (table.depth - depth);
  for (let i = 0; i < half; i++) {
    store<usize>(entryAt(table, first + i), changetype<usize>(left));
    store<usize>(entryAt(table, first + half + i), changetype<usize>(right));
  }
  release(changetype<usize>(page));
  table.pages++;
}

function doubleDirectory(table: HashTable): void {
  const all = 1 << table.depth;
  const bytes = (all << alignof<usize>()) << 1;
  if (bytes > room(table.directory)) table.directory = grown(table.directory, bytes >> 1, bytes);
  for (let index = all - 1; index >= 0; index--) {
    const page = load<usize>(entryAt(table, index));
    store<usize>(entryAt(table, index << 1), page);
    store<usize>(entryAt(table, (index << 1) + 1), page);
  }
  table.depth++;
}
