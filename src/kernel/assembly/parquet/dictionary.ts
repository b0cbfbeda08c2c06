/**
 * Dictionary encoding (parquet-format, Encodings.md "Dictionary Encoding (PLAIN_DICTIONARY = 2 and
 * RLE_DICTIONARY = 8)"): which distinct values a chunk has, numbered by first use. There is one dictionary, of the
 * chunk that is being written. Makers say whether the values repeat enough for one, and it is not too large.
 */
import { hashOf, isSame } from '../bytes';
import { allocate, grown, release, room } from '../memory';
import { slots, values } from './levels';
import { lengthOf, numbers, textOf, texts, width } from './values';

/** Readers hold the whole dictionary to read any page, and fetch it first. */
const maxBytes: i32 = 2 << 20;
const maxEntries: i32 = 1 << 17;
const sampleValues: i32 = 1024;

/** By value, its number. */
export let indices: usize = 0;
export let entries: i32 = 0;
/** By number: a slot that holds the value, and the value as a text or as a number. */
export let entrySlots: usize = 0;
export let entryTexts: usize = 0;
export let entryNumbers: usize = 0;

/** What the values take in PLAIN encoding. */
let bytes: i32 = 0;
/** By code: number + 1 while a chunk is gone through, else 0. */
let byCode: usize = 0;
/** Open addressing: number + 1, 0 where free, and behind it the hash of a text. */
let table: usize = 0;
let mask: i32 = 0;

export function dictionaryEntries(): i32 {
  return entries;
}

export function dictionaryBytes(): i32 {
  return bytes;
}

function begin(): void {
  entries = 0;
  bytes = 0;
  indices = grown(indices, 0, values << 2);
}

/** Room for so many entries; the first `used` are kept. */
function reserveEntries(used: i32, count: i32): void {
  entrySlots = grown(entrySlots, used << 2, count << 2);
  entryNumbers = grown(entryNumbers, used << 3, count << 3);
  entryTexts = grown(entryTexts, used << 3, count << 3);
}

/** Of a column with a dictionary of its own, of `distinct` entries: numbers those that this chunk uses. */
export function dictionaryOfCodes(codes: usize, offsets: usize, source: usize, distinct: i32): bool {
  begin();
  if (room(byCode) < distinct << 2) {
    const larger = allocate(distinct << 2);
    memory.fill(larger, 0, room(larger));
    release(byCode);
    byCode = larger;
  }
  // Nothing may fail while numbers are noted by code.
  reserveEntries(0, min(distinct, values));
  let size = 0;
  let used = 0;
  for (let i: usize = 0, count = <usize>values; i < count; i++) {
    const slot = load<u32>(slots + (i << 2));
    const code = <usize>load<u32>(codes + ((<usize>slot) << 2));
    let number = load<i32>(byCode + (code << 2));
    if (number === 0) {
      if (size > maxBytes) break;
      const text = textOf(offsets, source, code);
      store<u32>(entrySlots + ((<usize>used) << 2), slot);
      store<u64>(entryTexts + ((<usize>used) << 3), text);
      number = ++used;
      store<i32>(byCode + (code << 2), number);
      size += 4 + <i32>(text >> 32);
    }
    store<i32>(indices + (i << 2), number - 1);
  }
  // Zero again for the next chunk; a file of few rows may come from a column of many entries.
  for (let entry = 0; entry < used; entry++) {
    const slot = <usize>load<u32>(entrySlots + ((<usize>entry) << 2));
    store<i32>(byCode + ((<usize>load<u32>(codes + (slot << 2))) << 2), 0);
  }
  entries = used;
  bytes = size;
  return size <= maxBytes;
}

/** Of texts: hashes them, unless a sample says that they hardly repeat. */
export function dictionaryOfTexts(): bool {
  begin();
  if (values > sampleValues * 2) {
    const step = values / sampleValues;
    clearTable(sampleValues << 1, 8);
    for (let n = 0, i = 0; n < sampleValues; n++, i += step) codeOfText(i);
    if (entries * 2 > sampleValues) return false;
  }
  begin();
  clearTable(sampleValues << 1, 8);
  for (let i = 0; i < values; i++) {
    const before = entries;
    const code = codeOfText(i);
    if (code === before && (bytes + 4 * code > maxBytes || code >= maxEntries)) return false;
    store<i32>(indices + ((<usize>i) << 2), code);
  }
  bytes += 4 * entries;
  return true;
}

function codeOfText(value: i32): i32 {
  const text = texts + ((<usize>value) << 3);
  const place = <usize>load<u32>(text);
  const length = lengthOf(text);
  const hash = hashOf(place, length);
  let at = <i32>hash & mask;
  for (;;) {
    const slot = table + ((<usize>at) << 3);
    const code = load<i32>(slot) - 1;
    if (code < 0) break;
    if (load<u32>(slot, 4) === hash) {
      const entry = entryTexts + ((<usize>code) << 3);
      if (lengthOf(entry) === length && isSame(load<u32>(entry), place, length)) return code;
    }
    at = (at + 1) & mask;
  }
  reserveEntries(entries, entries + 1);
  store<u32>(entrySlots + ((<usize>entries) << 2), load<u32>(slots + ((<usize>value) << 2)));
  store<u64>(entryTexts + ((<usize>entries) << 3), load<u64>(text));
  store<i32>(table + ((<usize>at) << 3), entries + 1);
  store<u32>(table + ((<usize>at) << 3), hash, 4);
  bytes += length;
  if (++entries * 2 > mask) growTextTable();
  return entries - 1;
}

function clearTable(size: i32, slotBytes: i32): void {
  table = grown(table, 0, size * slotBytes);
  mask = size - 1;
  memory.fill(table, 0, size * slotBytes);
}

function growTextTable(): void {
  const old = table;
  const end = old + ((<usize>(mask + 1)) << 3);
  const size = (mask + 1) << 1;
  const larger = allocate(size << 3);
  memory.fill(larger, 0, size << 3);
  table = larger;
  mask = size - 1;
  for (let slot = old; slot < end; slot += 8) {
    if (load<i32>(slot) === 0) continue;
    let at = load<i32>(slot, 4) & mask;
    while (load<i32>(table + ((<usize>at) << 3)) !== 0) at = (at + 1) & mask;
    store<u64>(table + ((<usize>at) << 3), load<u64>(slot));
  }
  release(old);
}

/** Of numbers of 4 or 8 bytes. That they do not repeat enough shows within the first ones. */
export function dictionaryOfNumbers(): bool {
  begin();
  const isWide = width === 8;
  const limit = min(min(maxEntries, maxBytes / width), max(256, values >> 2));
  clearTable(1 << 10, 4);
  for (let i = 0; i < values; i++) {
    const value = isWide ? load<u64>(numbers + ((<usize>i) << 3)) : <u64>load<u32>(numbers + ((<usize>i) << 2));
    let at = hashOfNumber(value) & mask;
    let number = load<i32>(table + ((<usize>at) << 2));
    while (number !== 0 && load<u64>(entryNumbers + ((<usize>(number - 1)) << 3)) !== value) {
      at = (at + 1) & mask;
      number = load<i32>(table + ((<usize>at) << 2));
    }
    if (number === 0) {
      if (entries >= limit || (i < 2048 && entries > 512)) return false;
      reserveEntries(entries, entries + 1);
      store<u32>(entrySlots + ((<usize>entries) << 2), load<u32>(slots + ((<usize>i) << 2)));
      store<u64>(entryNumbers + ((<usize>entries) << 3), value);
      number = ++entries;
      store<i32>(table + ((<usize>at) << 2), number);
      if (number * 2 > mask) growNumberTable();
    }
    store<i32>(indices + ((<usize>i) << 2), number - 1);
  }
  bytes = entries * width;
  return true;
}

function growNumberTable(): void {
  clearTable((mask + 1) << 1, 4);
  for (let entry = 0; entry < entries; entry++) {
    let at = hashOfNumber(load<u64>(entryNumbers + ((<usize>entry) << 3))) & mask;
    while (load<i32>(table + ((<usize>at) << 2)) !== 0) at = (at + 1) & mask;
    store<i32>(table + ((<usize>at) << 2), entry + 1);
  }
}

function hashOfNumber(value: u64): i32 {
  value *= 0x9e3779b97f4a7c15;
  return <i32>((value ^ (value >> 29)) >> 24);
}
