/** The hybrid of run lengths and bit packing (parquet-format, Encodings.md "Run Length Encoding / Bit-Packing Hybrid"). */
import { Fault_EmptyRun, Fault_Values } from '../codes';
import { at, end, fail, fault, left, seek, varint } from './input';

/** Reads `count` values of `width` bits, 32 at most, up to `stop`, into an array of T; writes up to 16 bytes behind it. */
export function readHybrid<T>(target: usize, count: i32, width: i32, stop: usize): void {
  const bytes = (<usize>width + 7) >> 3;
  const mask: u64 = ((<u64>1) << (<u64>width)) - 1;
  for (let i = 0; i < count; ) {
    if (at >= stop) {
      fail(Fault_Values);
      return;
    }
    const head = varint();
    if (fault !== 0) return;
    if ((head & 1) === 0) {
      const run = head >> 1;
      if (run === 0) {
        fail(Fault_EmptyRun);
        return;
      }
      if (at + bytes > stop) {
        fail(Fault_Values);
        return;
      }
      let value: u32 = 0;
      for (let byte: usize = 0; byte < bytes; byte++) value |= (<u32>load<u8>(at + byte)) << (<u32>(byte << 3));
      seek(at + bytes);
      const to = <i32>min(<u64>count, <u64>i + run);
      if (sizeof<T>() === 1) memory.fill(target + i, <u8>value, to - i);
      else for (; i < to; i++) store<u32>(target + ((<usize>i) << 2), value);
      i = to;
      continue;
    }
    const groups = head >> 1;
    if (groups === 0) {
      fail(Fault_EmptyRun);
      return;
    }
    const some = <i32>min(<u64>(count - i), groups << 3);
    // Some writers leave out what the last group would be filled up with.
    if ((<u64>some * <u64>width + 7) >> 3 > <u64>(stop - at)) {
      fail(Fault_Values);
      return;
    }
    let bit: u64 = 0;
    for (const to = i + some; i < to; i++, bit += width) {
      const value = (load<u64>(at + <usize>(bit >> 3)) >> (bit & 7)) & mask;
      if (sizeof<T>() === 1) store<u8>(target + i, <u8>value);
      else store<u32>(target + ((<usize>i) << 2), <u32>value);
    }
    seek(at + <usize>min(groups * <u64>width, <u64>(stop - at)));
  }
}

/** The rest of the page. */
export function readIndices(target: usize, count: i32, width: i32): void {
  if (left() < 0) {
    fail(Fault_Values);
    return;
  }
  readHybrid<u32>(target, count, width, end);
}
