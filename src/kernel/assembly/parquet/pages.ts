/** Cutting a column chunk into data pages (parquet-format, README.md "Data Pages"). */
import { grown } from '../memory';
import { countDefinition, levels, repetition } from './levels';
import { texts } from './values';

const maxRows: i32 = 20_000;
/** Of values, before compression; passed by at most one step. */
const maxBytes: i64 = 1 << 20;
/** Rows after which the size is looked at; records may have megabytes of text. */
const textStepRows: i32 = 8;
const stepRows: i32 = 1000;

/** A page: its first row, level and value, and the level and value behind its last ones. */
const rangeBytes: i32 = 20;
let ranges: usize = 0;

export function pageRanges(): usize {
  return ranges;
}

/**
 * Cuts after at most 20,000 rows or about 1 MiB. `uniform` is the definition level that all entries have, or -1;
 * `isText`: the values are texts, not numbers or dictionary indices. Gives the number of pages.
 */
export function cutPages(rows: i32, uniform: i32, maxDefinition: i32, isRepeated: bool, isText: bool): i32 {
  const step = isText ? textStepRows : stepRows;
  let pages = 0;
  let rowFrom = 0;
  let levelFrom = 0;
  let valueFrom = 0;
  let bytes: i64 = 0;
  // The position so far; a step is as many rows as surely fit.
  let row = 0;
  let level = 0;
  let value = 0;
  while (row < rows) {
    let rowTo = min(row + step, rows);
    let levelTo = 0;
    let found = 0;
    let more: i64 = 0;
    for (;;) {
      levelTo = isRepeated ? levelAfterRows(level, rowTo - row) : rowTo;
      if (uniform < 0) found = countDefinition(level, levelTo, maxDefinition);
      else found = uniform === maxDefinition ? levelTo - level : 0;
      more = isText ? textBytes(value, value + found) : (<i64>found) << 3;
      // Rows of megabytes: a page of a whole step of them would be held beside their column.
      if (!isText || more <= maxBytes || rowTo - row < 2) break;
      rowTo = row + ((rowTo - row) >> 1);
    }
    bytes += more;
    row = rowTo;
    level = levelTo;
    value += found;
    if (row - rowFrom < maxRows && bytes < maxBytes && row < rows) continue;
    ranges = grown(ranges, pages * rangeBytes, (pages + 1) * rangeBytes);
    const range = ranges + <usize>(pages++ * rangeBytes);
    store<i32>(range, rowFrom);
    store<i32>(range, levelFrom, 4);
    store<i32>(range, level, 8);
    store<i32>(range, valueFrom, 12);
    store<i32>(range, value, 16);
    rowFrom = row;
    levelFrom = level;
    valueFrom = value;
    bytes = 0;
  }
  return pages;
}

/** The level at which the row after the next `rows` starts. */
function levelAfterRows(from: i32, rows: i32): i32 {
  let level = from;
  let left = rows;
  for (; level + 16 <= levels; level += 16) {
    const starts = popcnt(i8x16.bitmask(i8x16.eq(v128.load(repetition + level), i8x16.splat(0))));
    if (starts > left) break;
    left -= starts;
  }
  for (; level < levels; level++) {
    if (load<u8>(repetition + level) === 0 && left-- === 0) break;
  }
  return level;
}

function textBytes(from: i32, to: i32): i64 {
  let sum: i64 = (<i64>(to - from)) << 2;
  for (let i = from; i < to; i++) sum += load<i32>(texts + ((<usize>i) << 3), 4);
  return sum;
}
