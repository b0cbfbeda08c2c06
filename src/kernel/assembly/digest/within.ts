/** Whether the values of a column lie within bounds, as the manifest of its file promises. */
import { Kind_Boolean, Kind_Double, Kind_Int, Kind_String } from '../codes';

/**
 * Numbers: the bounds are their bits, 8 bytes each, doubles as doubles and all others as signed integers; texts: bytes in
 * their order. A side of -1 bytes is open. NaN is never outside.
 */
export function isWithin(
  kind: i32,
  valid: usize,
  values: usize,
  offsets: usize,
  text: usize,
  rows: i32,
  lower: usize,
  lowerBytes: i32,
  upper: usize,
  upperBytes: i32,
): bool {
  const least = lowerBytes >= 0;
  const most = upperBytes >= 0;
  if (kind === Kind_String) {
    const lowest = least ? wordOf(lower, lowerBytes) : 0;
    const highest = most ? wordOf(upper, upperBytes) : ~(<u64>0);
    for (let row = 0; row < rows; row++) {
      if (valid !== 0 && load<u8>(valid + row) === 0) continue;
      const entry = values === 0 ? row : load<i32>(values + ((<usize>row) << 2));
      const range = offsets + ((<usize>entry) << 2);
      const start = load<i32>(range);
      const length = load<i32>(range, 4) - start;
      const word = wordOf(text + start, length);
      // Most are told by their first bytes.
      if (word > lowest && word < highest) continue;
      if (least && compareBytes(text + start, length, lower, lowerBytes) < 0) return false;
      if (most && compareBytes(text + start, length, upper, upperBytes) > 0) return false;
    }
    return true;
  }
  if (kind === Kind_Double) {
    const lowest = least ? load<f64>(lower) : -Infinity;
    const highest = most ? load<f64>(upper) : Infinity;
    for (let row = 0; row < rows; row++) {
      if (valid !== 0 && load<u8>(valid + row) === 0) continue;
      const value = load<f64>(values + ((<usize>row) << 3));
      if (value < lowest || value > highest) return false;
    }
    return true;
  }
  const lowest = least ? load<i64>(lower) : i64.MIN_VALUE;
  const highest = most ? load<i64>(upper) : i64.MAX_VALUE;
  if (kind === Kind_Boolean) return integersWithin<u8>(valid, values, rows, lowest, highest);
  if (kind === Kind_Int) return integersWithin<i32>(valid, values, rows, lowest, highest);
  return integersWithin<i64>(valid, values, rows, lowest, highest);
}

function integersWithin<T>(valid: usize, values: usize, rows: i32, lowest: i64, highest: i64): bool {
  for (let row = 0; row < rows; row++) {
    if (valid !== 0 && load<u8>(valid + row) === 0) continue;
    const value = <i64>load<T>(values + <usize>row * sizeof<T>());
    if (value < lowest || value > highest) return false;
  }
  return true;
}

/** The first eight bytes as a number, zeros for those that are not there. */
function wordOf(start: usize, length: i32): u64 {
  if (length === 0) return 0;
  const word = bswap<u64>(load<u64>(start));
  return length >= 8 ? word : word & (~(<u64>0) << (64 - (length << 3)));
}

function compareBytes(a: usize, aBytes: i32, b: usize, bBytes: i32): i32 {
  const shared = min(aBytes, bBytes);
  let at = 0;
  while (at + 8 <= shared) {
    const x = bswap<u64>(load<u64>(a + at));
    const y = bswap<u64>(load<u64>(b + at));
    if (x !== y) return x < y ? -1 : 1;
    at += 8;
  }
  for (; at < shared; at++) {
    const difference = <i32>load<u8>(a + at) - <i32>load<u8>(b + at);
    if (difference !== 0) return difference;
  }
  return aBytes - bBytes;
}
