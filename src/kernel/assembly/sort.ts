/** Row order without moving rows: permutations of row numbers, four bytes each. Results are good until the next call. */
import { Kind_Boolean, Kind_Double, Kind_Int } from './codes';
import { isNull, isText, Key, keyAt, keyCount, offsetsAt } from './keys';
import { allocateZeros, grown, release } from './memory';
import { commonPrefix } from './parquet/statistics';

const digitBits: i32 = 11;
const digits: i32 = 1 << digitBits;

const counts: usize = memory.data(2048 * 4, 16);
let order: usize = 0;
let other: usize = 0;
let keys: usize = 0;

/**
 * The rows by their 64-bit integers, ascending and stable, nulls (`valid` not 0, and 0 there) first; 0 where they are
 * in order as they stand. Radix sort, least digit first, of the distance from the least value.
 */
export function orderOfLongs(values: usize, valid: usize, rows: i32): usize {
  let least = i64.MAX_VALUE;
  let greatest = i64.MIN_VALUE;
  let previous = i64.MIN_VALUE;
  let hasValue = false;
  let isSorted = true;
  for (let row = 0; row < rows; row++) {
    if (valid !== 0 && load<u8>(valid + row) === 0) {
      if (hasValue) isSorted = false;
      continue;
    }
    const value = load<i64>(values + ((<usize>row) << 3));
    if (value < previous) isSorted = false;
    least = min(least, value);
    greatest = max(greatest, value);
    previous = value;
    hasValue = true;
  }
  if (isSorted) return 0;

  order = grown(order, 0, rows << 2);
  other = grown(other, 0, rows << 2);
  keys = grown(keys, 0, rows << 3);
  let nulls: usize = 0;
  if (valid !== 0)
    for (let row = 0; row < rows; row++) {
      if (load<u8>(valid + row) === 0) store<i32>(order + (nulls++ << 2), row);
    }
  let at = order + (nulls << 2);
  for (let row = 0; row < rows; row++) {
    if (valid !== 0 && load<u8>(valid + row) === 0) continue;
    store<u64>(keys + ((<usize>row) << 3), load<i64>(values + ((<usize>row) << 3)) - least);
    store<i32>(at, row);
    at += 4;
  }
  const count = <usize>rows - nulls;
  let from = order + (nulls << 2);
  let to = other + (nulls << 2);
  for (let shift = 0, bits = 64 - <i32>clz(<u64>(greatest - least)); shift < bits; shift += digitBits) {
    scatterByDigit(from, to, count, shift);
    const swap = from;
    from = to;
    to = swap;
  }
  const sorted = from - (nulls << 2);
  if (sorted !== order) memory.copy(sorted, order, nulls << 2);
  return sorted;
}

function scatterByDigit(from: usize, to: usize, count: usize, shift: i32): void {
  memory.fill(counts, 0, digits << 2);
  const end = from + (count << 2);
  for (let place = from; place < end; place += 4) {
    const counter = counterOf(load<u32>(place), shift);
    store<u32>(counter, load<u32>(counter) + 1);
  }
  let before: u32 = 0;
  for (let counter = counts, last = counts + ((<usize>digits) << 2); counter < last; counter += 4) {
    const some = load<u32>(counter);
    store<u32>(counter, before);
    before += some;
  }
  for (let place = from; place < end; place += 4) {
    const row = load<u32>(place);
    const counter = counterOf(row, shift);
    const target = load<u32>(counter);
    store<u32>(counter, target + 1);
    store<u32>(to + ((<usize>target) << 2), row);
  }
}

function counterOf(row: usize, shift: i32): usize {
  return counts + ((<usize>((load<u64>(keys + (row << 3)) >> shift) & (digits - 1))) << 2);
}

let byCode: usize = 0;

/** How many of the rows have each of `distinct` codes: four bytes a code, which scatterByCode takes for places. */
export function countCodes(codes: usize, rows: usize, count: i32, distinct: i32): usize {
  release(byCode);
  byCode = 0;
  byCode = allocateZeros(distinct << 2);
  for (let row = rows, end = rows + ((<usize>count) << 2); row < end; row += 4) {
    const counter = byCode + ((<usize>load<u32>(codes + ((<usize>load<u32>(row)) << 2))) << 2);
    store<u32>(counter, load<u32>(counter) + 1);
  }
  return byCode;
}

/** The rows parted by their codes; the places say where the first row of each goes. */
export function scatterByCode(codes: usize, rows: usize, count: i32): usize {
  order = grown(order, 0, count << 2);
  for (let place = rows, end = rows + ((<usize>count) << 2); place < end; place += 4) {
    const row = load<u32>(place);
    const counter = byCode + ((<usize>load<u32>(codes + ((<usize>row) << 2))) << 2);
    const target = load<u32>(counter);
    store<u32>(counter, target + 1);
    store<u32>(order + ((<usize>target) << 2), row);
  }
  return order;
}

/** The numbers or the first eight bytes of a row's first key, so that most comparisons are one of two words. */
let words: usize = 0;
/** Where runs that are sorted begin, and where the last one ends. */
let runs: usize = 0;
/** The keys that are compared. */
let fromKey: i32 = 0;
let toKey: i32 = 0;

/** A number of eight bytes as it stands: longs in their unit, doubles by their bits. */
export function numberAt(key: Key, row: i32): i64 {
  if (key.kind === Kind_Boolean) return load<u8>(key.values + row);
  if (key.kind === Kind_Int) return load<i32>(key.values + ((<usize>row) << 2));
  const value = load<i64>(key.values + ((<usize>row) << 3));
  if (key.unit === 0) return value;
  const quotient = value / key.unit;
  return value < 0 && quotient * key.unit !== value ? quotient - 1 : quotient;
}

/** A value that is not null as a word in the order of its values; of strings without ranks only their beginning. */
function wordAt(key: Key, row: i32): u64 {
  if (isText(key)) {
    if (key.ranks !== 0) return load<u32>(key.ranks + ((<usize>load<u32>(key.values + ((<usize>row) << 2))) << 2));
    const offsets = offsetsAt(key, row);
    const length = load<i32>(offsets, 4) - load<i32>(offsets);
    if (length === 0) return 0;
    const word = bswap(load<u64>(key.text + load<u32>(offsets)));
    return length >= 8 ? word : word & (~(<u64>0) << (<u64>(64 - (length << 3))));
  }
  if (key.kind !== Kind_Double) return <u64>numberAt(key, row) ^ ((<u64>1) << 63);
  const value = load<f64>(key.values + ((<usize>row) << 3));
  // Only NaN is not at most infinite.
  if (!(value <= Infinity)) return ~(<u64>0);
  // Both zeros are one value.
  const bits = reinterpret<u64>(value + 0);
  return bits >> 63 !== 0 ? ~bits : bits | ((<u64>1) << 63);
}

function compareByKey(key: Key, a: i32, b: i32): i32 {
  const isNullA = isNull(key, a);
  const isNullB = isNull(key, b);
  if (isNullA || isNullB) return i32(isNullB) === i32(isNullA) ? 0 : isNullA ? -1 : 1;
  const x = wordAt(key, a);
  const y = wordAt(key, b);
  if (x !== y) return x < y ? -1 : 1;
  if (!isText(key) || key.ranks !== 0) return 0;
  const aOffsets = offsetsAt(key, a);
  const bOffsets = offsetsAt(key, b);
  const aLength = load<i32>(aOffsets, 4) - load<i32>(aOffsets);
  const bLength = load<i32>(bOffsets, 4) - load<i32>(bOffsets);
  const aText = key.text + <usize>load<u32>(aOffsets);
  const bText = key.text + <usize>load<u32>(bOffsets);
  const length = min(aLength, bLength);
  const common = commonPrefix(aText, bText, length);
  if (common === length) return aLength - bLength;
  return <i32>load<u8>(aText + common) - <i32>load<u8>(bText + common);
}

/** Negative where row a comes first. */
function compare(a: i32, b: i32): i32 {
  const x = load<u64>(words + ((<usize>a) << 3));
  const y = load<u64>(words + ((<usize>b) << 3));
  if (x !== y) return x < y ? -1 : 1;
  for (let i = fromKey; i < toKey; i++) {
    const difference = compareByKey(keyAt(i), a, b);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The rows by the keys, ascending, nulls first, strings by unsigned bytes, NaN after all other doubles; 0 where they are in
 * order as they stand. Ties keep their order. A merge sort that starts from the runs that are sorted already, so that rows
 * of sorted files are only merged.
 */
export function orderOfKeys(rows: i32): usize {
  for (let i = 0; i < keyCount; i++) rankEntries(i);
  const sorted = mergeSort(rows, 0, keyCount);
  for (let i = 0; i < keyCount; i++) {
    const key = keyAt(i);
    release(key.ranks);
    key.ranks = 0;
  }
  return sorted;
}

/** Gives a key with a dictionary the ranks of its entries, which are sorted as rows of a key of their own. */
function rankEntries(index: i32): void {
  const key = keyAt(index);
  if (!isText(key) || key.values === 0 || key.entries === 0) return;
  const codes = key.values;
  const valid = key.valid;
  key.values = 0;
  key.valid = 0;
  const sorted = mergeSort(key.entries, index, index + 1);
  key.values = codes;
  key.valid = valid;
  const ranks = allocateZeros(key.entries << 2);
  for (let rank = 0; rank < key.entries; rank++) {
    const entry = sorted === 0 ? rank : load<i32>(sorted + ((<usize>rank) << 2));
    store<i32>(ranks + ((<usize>entry) << 2), rank);
  }
  key.ranks = ranks;
}

/** Rows [0, rows) by the keys [from, to); 0 where they are in order as they stand. */
function mergeSort(rows: i32, from: i32, to: i32): usize {
  if (from === to || rows === 0) return 0;
  fromKey = from;
  toKey = to;
  const first = keyAt(from);
  words = grown(words, 0, rows << 3);
  for (let row = 0; row < rows; row++)
    store<u64>(words + ((<usize>row) << 3), isNull(first, row) ? 0 : wordAt(first, row));
  let count = 0;
  runs = grown(runs, 0, 8);
  store<i32>(runs, 0);
  for (let row = 1; row < rows; row++) {
    if (compare(row - 1, row) <= 0) continue;
    count++;
    runs = grown(runs, count << 2, (count + 2) << 2);
    store<i32>(runs + ((<usize>count) << 2), row);
  }
  count++;
  if (count === 1) return 0;
  store<i32>(runs + ((<usize>count) << 2), rows);
  order = grown(order, 0, rows << 2);
  other = grown(other, 0, rows << 2);
  for (let row = 0; row < rows; row++) store<i32>(order + ((<usize>row) << 2), row);
  let source = order;
  let target = other;
  while (count > 1) {
    let merged = 0;
    for (let run = 0; run < count; run += 2) {
      const start = load<i32>(runs + ((<usize>run) << 2));
      const middle = load<i32>(runs + ((<usize>(run + 1)) << 2));
      const end = run + 1 === count ? middle : load<i32>(runs + ((<usize>(run + 2)) << 2));
      merge(source, target, start, middle, end);
      store<i32>(runs + ((<usize>merged) << 2), start);
      merged++;
    }
    store<i32>(runs + ((<usize>merged) << 2), rows);
    count = merged;
    const swap = source;
    source = target;
    target = swap;
  }
  return source;
}

/** Two runs into one; where rows are equal that of the first comes first. */
function merge(source: usize, target: usize, start: i32, middle: i32, end: i32): void {
  let left = start;
  let right = middle;
  let to = target + ((<usize>start) << 2);
  while (left < middle && right < end) {
    const a = load<i32>(source + ((<usize>left) << 2));
    const b = load<i32>(source + ((<usize>right) << 2));
    if (compare(a, b) <= 0) {
      store<i32>(to, a);
      left++;
    } else {
      store<i32>(to, b);
      right++;
    }
    to += 4;
  }
  memory.copy(to, source + ((<usize>left) << 2), (<usize>(middle - left)) << 2);
  to += (<usize>(middle - left)) << 2;
  memory.copy(to, source + ((<usize>right) << 2), (<usize>(end - right)) << 2);
}
