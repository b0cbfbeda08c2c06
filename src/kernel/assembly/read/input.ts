/**
 * The bytes of a page that is being read. Pages come from anywhere: nothing is read behind their end but the slack of
 * their block, and what is wrong with one is noted as a fault (codes.ts), whose first one counts.
 */
import { Fault_Varint } from '../codes';

export let at: usize = 0;
export let end: usize = 0;
export let fault: i32 = 0;

export function open(start: usize, length: i32): void {
  at = start;
  end = start + length;
  fault = 0;
}

/** Goes on at `place`. */
export function seek(place: usize): void {
  at = place;
}

export function fail(code: i32): void {
  if (fault === 0) fault = code;
}

export function left(): i32 {
  return <i32>(end - at);
}

/** ULEB128; 0 where there is none. */
export function varint(): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 64; shift += 7) {
    if (at >= end) break;
    const byte = load<u8>(at++);
    value |= (<u64>(byte & 0x7f)) << shift;
    if (byte < 0x80) return value;
  }
  fail(Fault_Varint);
  return 0;
}

/** Zigzag, then ULEB128. */
export function zigzag(): i64 {
  const value = varint();
  return <i64>(value >> 1) ^ -(<i64>(value & 1));
}
