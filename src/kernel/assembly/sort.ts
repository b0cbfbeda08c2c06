/** Row order without moving rows: permutations of row numbers, four bytes each. Results are good until the next call. */
import { allocateZeros, grown, release } from './memory';

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
