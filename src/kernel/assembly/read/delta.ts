/** DELTA_BINARY_PACKED (parquet-format, Encodings.md): each value is the one before, a block's least delta and packed bits. */
import { Fault_Count, Fault_Values } from '../codes';
import { at, end, fail, fault, seek, varint, zigzag } from './input';

/** Reads `count` integers, at least one, into 8 bytes each. `isNarrow`: of 32 bits, whose differences may overflow. */
export function readDeltas(target: usize, count: i32, isNarrow: bool): void {
  const blockValues = varint();
  const miniblocks = varint();
  const stored = varint();
  let value = zigzag();
  if (fault !== 0) return;
  const perMiniblock = miniblocks === 0 ? 0 : blockValues / miniblocks;
  if (stored !== <u64>count || perMiniblock === 0 || (perMiniblock & 7) !== 0 || blockValues > 1 << 24) {
    fail(Fault_Count);
    return;
  }
  store<i64>(target, value);
  for (let i = 1; i < count; ) {
    const least = zigzag();
    const widths = at;
    if (fault !== 0 || <u64>(end - at) < miniblocks) {
      fail(Fault_Values);
      return;
    }
    seek(at + <usize>miniblocks);
    for (let miniblock: usize = 0; miniblock < <usize>miniblocks && i < count; miniblock++) {
      const width = <u64>load<u8>(widths + miniblock);
      const size = (perMiniblock >> 3) * width;
      if (width > 64 || size > <u64>(end - at)) {
        fail(Fault_Values);
        return;
      }
      const to = <i32>min(<u64>count, <u64>i + perMiniblock);
      if (width === 0)
        for (; i < to; i++) {
          value += least;
          if (isNarrow) value = <i64>(<i32>value);
          store<i64>(target + ((<usize>i) << 3), value);
        }
      else {
        const mask: u64 = ~(<u64>0) >> (64 - width);
        for (let bit: u64 = 0; i < to; i++, bit += width) {
          const place = at + <usize>(bit >> 3);
          const skip = bit & 7;
          let bits = load<u64>(place) >> skip;
          if (skip + width > 64) bits |= (<u64>load<u8>(place, 8)) << (64 - skip);
          value += least + <i64>(bits & mask);
          if (isNarrow) value = <i64>(<i32>value);
          store<i64>(target + ((<usize>i) << 3), value);
        }
      }
      seek(at + <usize>size);
    }
  }
}
