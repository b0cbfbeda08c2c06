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
  for (let row = 0; row < rows; row++) {
    if (valid !== 0 && load<u8>(valid + row) === 0) continue;
    if (kind === Kind_String) {
      const entry = values === 0 ? row : load<i32>(values + ((<usize>row) << 2));
      const range = offsets + ((<usize>entry) << 2);
      const start = load<i32>(range);
      const length = load<i32>(range, 4) - start;
      if (lowerBytes >= 0 && compareBytes(text + start, length, lower, lowerBytes) < 0) return false;
      if (upperBytes >= 0 && compareBytes(text + start, length, upper, upperBytes) > 0) return false;
    } else if (kind === Kind_Double) {
      const value = load<f64>(values + ((<usize>row) << 3));
      if (lowerBytes >= 0 && value < load<f64>(lower)) return false;
      if (upperBytes >= 0 && value > load<f64>(upper)) return false;
    } else {
      let value: i64;
      if (kind === Kind_Boolean) value = <i64>load<u8>(values + row);
      else if (kind === Kind_Int) value = <i64>load<i32>(values + ((<usize>row) << 2));
      else value = load<i64>(values + ((<usize>row) << 3));
      if (lowerBytes >= 0 && value < load<i64>(lower)) return false;
      if (upperBytes >= 0 && value > load<i64>(upper)) return false;
    }
  }
  return true;
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
