/** A growing run of bytes: the body of one page while it is written. There is one, since pages are made one by one. */
import { grown, release, room } from '../memory';

/** What most pages fit into; memory that is not written to costs nothing. */
const usualBytes: i32 = (1 << 21) - 64;
/** What single huge values have made larger than this is not kept. */
const maxIdleBytes: i32 = 1 << 22;

let start: usize = 0;
let end: usize = 0;

/** Starts a new run; the bytes of the last one are void. */
export function clearSink(): void {
  if (room(start) > maxIdleBytes) {
    release(start);
    start = 0;
  }
  start = grown(start, 0, usualBytes);
  end = start;
}

export function sinkPlace(): usize {
  return start;
}

export function sinkLength(): i32 {
  return <i32>(end - start);
}

/** Where the next byte goes, with room for `bytes` and the slack of a block behind them. */
export function reserve(bytes: i32): usize {
  const used = end - start;
  start = grown(start, <i32>used, <i32>used + bytes);
  end = start + used;
  return end;
}

/** Takes what was written up to `at` for part of the run. */
export function advance(at: usize): void {
  end = at;
}

export function sinkByte(value: i32): void {
  const at = reserve(1);
  store<u8>(at, value);
  end = at + 1;
}

/** ULEB128. */
export function varint(value: u64): void {
  let at = reserve(10);
  while (value >= 0x80) {
    store<u8>(at++, <u8>value | 0x80);
    value >>= 7;
  }
  store<u8>(at, <u8>value);
  end = at + 1;
}

/** Zigzag, then ULEB128. */
export function zigzag(value: i64): void {
  varint((value << 1) ^ (value >> 63));
}
