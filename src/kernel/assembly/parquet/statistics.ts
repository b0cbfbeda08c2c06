/**
 * Least and greatest values, in Parquet's column order TYPE_ORDER (parquet.thrift, union ColumnOrder): strings as
 * unsigned UTF-8 bytes, numbers as signed; NaN is never a bound. Values are told by the first slot that holds them.
 */
import { isSame } from '../bytes';
import { grown, room } from '../memory';
import { entries, entrySlots, entryTexts, indices } from './dictionary';
import { slots } from './levels';
import { lengthOf, numbers, texts } from './values';

let least: u32 = 0;
let greatest: u32 = 0;

/** By number: whether a page has the value. All 0 in between. */
let marks: usize = 0;
let pageTexts: usize = 0;
let pageSlots: usize = 0;

export function leastSlot(): u32 {
  return least;
}

export function greatestSlot(): u32 {
  return greatest;
}

function slotAt(value: i32): u32 {
  return load<u32>(slots + ((<usize>value) << 2));
}

export function minMaxOfBytes(from: i32, to: i32): bool {
  return minMaxOf<u8>(from, to);
}

export function minMaxOfInts(from: i32, to: i32): bool {
  return minMaxOf<i32>(from, to);
}

export function minMaxOfLongs(from: i32, to: i32): bool {
  return minMaxOf<i64>(from, to);
}

export function minMaxOfDoubles(from: i32, to: i32): bool {
  return minMaxOf<f64>(from, to);
}

/** Of numbers[from, to); false where there is none but NaN. */
function minMaxOf<T>(from: i32, to: i32): bool {
  let i = from;
  // Only NaN is not at most infinite.
  if (isFloat<T>()) while (i < to && !(load<T>(numbers + <usize>i * sizeof<T>()) <= <T>Infinity)) i++;
  if (i >= to) return false;
  let least_ = i;
  let greatest_ = i;
  let lowest = load<T>(numbers + <usize>i * sizeof<T>());
  let highest = lowest;
  for (; i < to; i++) {
    const value = load<T>(numbers + <usize>i * sizeof<T>());
    if (value < lowest) {
      lowest = value;
      least_ = i;
    } else if (value > highest) {
      highest = value;
      greatest_ = i;
    }
  }
  least = slotAt(least_);
  greatest = slotAt(greatest_);
  return true;
}

/** Of texts[from, to). */
export function minMaxOfTexts(from: i32, to: i32): bool {
  return minMaxAmong(texts + ((<usize>from) << 3), slots + ((<usize>from) << 2), to - from);
}

/** Of the values indices[from, to) of the dictionary, each looked at once. */
export function minMaxOfEntries(from: i32, to: i32): bool {
  const marked = (entries + 7) & ~7;
  if (room(marks) < marked) {
    marks = grown(marks, 0, marked);
    memory.fill(marks, 0, room(marks));
  }
  pageTexts = grown(pageTexts, 0, entries << 3);
  pageSlots = grown(pageSlots, 0, entries << 2);
  for (let index = indices + ((<usize>from) << 2), end = indices + ((<usize>to) << 2); index < end; index += 4)
    store<u8>(marks + load<u32>(index), 1);
  let used: usize = 0;
  for (let eight: usize = 0; eight < <usize>marked; eight += 8) {
    let some = load<u64>(marks + eight);
    if (some === 0) continue;
    store<u64>(marks + eight, 0);
    for (; some !== 0; some &= some - 1) {
      const entry = eight + (<usize>ctz(some) >> 3);
      store<u64>(pageTexts + (used << 3), load<u64>(entryTexts + (entry << 3)));
      store<u32>(pageSlots + (used << 2), load<u32>(entrySlots + (entry << 2)));
      used++;
    }
  }
  return minMaxAmong(pageTexts, pageSlots, <i32>used);
}

/**
 * Whatever lies between two strings starts with the bytes that both start with. So a string that lacks the prefix shared
 * by the least and the greatest so far is one of them, and others are told apart by the eight bytes after it as one
 * number; only ties are compared as strings. Text of one kind (JSON, times, paths) shares long prefixes.
 */
function minMaxAmong(list: usize, slotList: usize, count: i32): bool {
  if (count <= 0) return false;
  let low = list;
  let high = list;
  let prefix = <usize>load<u32>(list);
  let shared = lengthOf(list);
  let lowKey: u64 = 0;
  let highKey: u64 = 0;
  const end = list + ((<usize>count) << 3);
  for (let text = list + 8; text < end; text += 8) {
    if (lengthOf(text) >= shared && isSame(prefix, load<u32>(text), shared)) {
      const key = keyOf(text, shared);
      if (key >= highKey && (key > highKey || compare(text, high, shared) > 0)) high = text;
      else if (key <= lowKey && (key < lowKey || compare(text, low, shared) < 0)) low = text;
      else continue;
    } else if (compare(text, low, 0) < 0) low = text;
    else high = text;
    prefix = load<u32>(low);
    shared = commonPrefix(prefix, load<u32>(high), min(lengthOf(low), lengthOf(high)));
    lowKey = keyOf(low, shared);
    highKey = keyOf(high, shared);
  }
  least = load<u32>(slotList + ((low - list) >> 1));
  greatest = load<u32>(slotList + ((high - list) >> 1));
  return true;
}

/** How many of `length` bytes at a and b are the same before the first that is not. */
export function commonPrefix(a: usize, b: usize, length: i32): i32 {
  for (let i = 0; i < length; i += 8) {
    const difference = load<u64>(a + i) ^ load<u64>(b + i);
    if (difference !== 0) return min(length, i + (<i32>ctz(difference) >> 3));
  }
  return length;
}

/** Up to eight bytes behind the shared ones as a number, zeros for those that the string lacks. */
function keyOf(text: usize, shared: i32): u64 {
  const left = lengthOf(text) - shared;
  if (left <= 0) return 0;
  const key = bswap(load<u64>(<usize>load<u32>(text) + shared));
  return left >= 8 ? key : key & (~(<u64>0) << (64 - (left << 3)));
}

/** Negative where a comes first. */
function compare(a: usize, b: usize, shared: i32): i32 {
  const length = min(lengthOf(a), lengthOf(b));
  const aStart = <usize>load<u32>(a);
  const bStart = <usize>load<u32>(b);
  if (aStart === bStart && lengthOf(a) === lengthOf(b)) return 0;
  const common = shared + commonPrefix(aStart + shared, bStart + shared, length - shared);
  if (common === length) return lengthOf(a) - lengthOf(b);
  return <i32>load<u8>(aStart + common) - <i32>load<u8>(bStart + common);
}
