/**
 * The hybrid of run lengths and bit packing that levels and dictionary indices are written in (parquet-format,
 * Encodings.md "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)").
 */
import { pack } from './bit-packing';
import { advance, reserve, sinkByte, sinkLength, sinkPlace, varint } from './byte-sink';
import { indices } from './dictionary';
import { definition, repetition } from './levels';

/** Runs of fewer values than a bit-packed group cost more as runs. */
const leastRun: i32 = 8;

/** Where the run that nextRun found ends. */
let runEnd: i32 = 0;

/** The bit width in a byte, then the dictionary indices of values[from, to). */
export function writeIndices(from: i32, to: i32, width: i32): void {
  sinkByte(width);
  writeHybrid<u32>(indices + ((<usize>from) << 2), to - from, width);
}

/** Levels as data pages V1 have them: the length in four bytes, then the hybrid. */
export function writeDefinition(from: i32, to: i32, width: i32): void {
  writeLevels(definition, from, to, width);
}

export function writeRepetition(from: i32, to: i32): void {
  writeLevels(repetition, from, to, 1);
}

function writeLevels(levels: usize, from: i32, to: i32, width: i32): void {
  const start = beginLevels();
  writeHybrid<u8>(levels + from, to - from, width);
  endLevels(start);
}

/** The same where all of `count` levels are one. */
export function writeLevelRun(level: i32, count: i32, width: i32): void {
  const start = beginLevels();
  writeRun(level, count, width);
  endLevels(start);
}

function beginLevels(): i32 {
  const start = sinkLength();
  advance(reserve(4) + 4);
  return start;
}

function endLevels(start: i32): void {
  store<i32>(sinkPlace() + start, sinkLength() - start - 4);
}

function writeHybrid<T>(values: usize, count: i32, width: i32): void {
  let packedFrom = 0;
  let at = 0;
  for (;;) {
    at = nextRun<T>(values, at, count);
    if (at >= count) break;
    // Bit-packed groups hold eight values, so those before a run take what they lack from it.
    const from = at + ((8 - ((at - packedFrom) & 7)) & 7);
    at = runEnd;
    if (at - from < leastRun) continue;
    writeGroups<T>(values, packedFrom, from, width);
    writeRun(load<T>(values + <usize>from * sizeof<T>()), at - from, width);
    packedFrom = at;
  }
  writeGroups<T>(values, packedFrom, count, width);
}

/**
 * The start of the next maximal run of at least eight equal values, or `count`; none reaches over `at` from before.
 * Such a run has seven pairs of equal neighbours, so among pairs that are looked at by four at least one whole four.
 */
function nextRun<T>(values: usize, at: i32, count: i32): i32 {
  for (let i = at; i + 4 < count; i += 4) {
    const four = values + <usize>i * sizeof<T>();
    if (!hasFourPairs<T>(four)) continue;
    const value = load<T>(four);
    let start = i;
    while (start > at && load<T>(values + <usize>(start - 1) * sizeof<T>()) === value) start--;
    const end = endOfRun<T>(values, i + 5, count, value);
    if (end - start >= leastRun) {
      runEnd = end;
      return start;
    }
  }
  return count;
}

function hasFourPairs<T>(four: usize): bool {
  if (sizeof<T>() === 1) return load<u32>(four) === load<u32>(four + 1);
  return i32x4.all_true(i32x4.eq(v128.load(four), v128.load(four + 4)));
}

function endOfRun<T>(values: usize, from: i32, count: i32, value: T): i32 {
  let i = from;
  if (sizeof<T>() === 1) {
    const same = i8x16.splat(<i8>value);
    while (i + 16 <= count && i8x16.all_true(i8x16.eq(v128.load(values + i), same))) i += 16;
  } else {
    const same = i32x4.splat(<i32>value);
    while (i + 4 <= count && i32x4.all_true(i32x4.eq(v128.load(values + ((<usize>i) << 2)), same))) i += 4;
  }
  while (i < count && load<T>(values + <usize>i * sizeof<T>()) === value) i++;
  return i;
}

/** A bit-packed run. */
function writeGroups<T>(values: usize, from: i32, to: i32, width: i32): void {
  if (from >= to) return;
  varint((((to - from + 7) >> 3) << 1) | 1);
  pack<T>(values + <usize>from * sizeof<T>(), to - from, width);
}

function writeRun(value: i32, count: i32, width: i32): void {
  varint(count << 1);
  for (let bits = 0; bits < width; bits += 8) sinkByte(value >> bits);
}
