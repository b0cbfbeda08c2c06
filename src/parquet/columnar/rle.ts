/**
 * The hybrid of run lengths and bit packing that levels and dictionary indices are written in (parquet-format,
 * Encodings.md "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)").
 */
import { packBits } from './bit-packing.ts';
import type { ByteSink } from './byte-sink.ts';

/** Runs of fewer values than a bit-packed group cost more as runs. */
const leastRun = 8;

/** values[from, to), each below 2^width, without a length prefix. */
export function writeHybrid(
  sink: ByteSink,
  values: Int32Array | Uint8Array,
  from: number,
  to: number,
  width: number,
): void {
  let packedFrom = from;
  let at = from;
  while (at < to) {
    const value = values[at]!;
    let end = at + 1;
    while (end < to && values[end] === value) end++;
    // Bit-packed groups hold eight values, so those before the run take what they lack from it.
    const lacking = (8 - ((at - packedFrom) & 7)) & 7;
    if (end - at - lacking >= leastRun) {
      if (at + lacking > packedFrom) writePacked(sink, values, packedFrom, at + lacking, width);
      writeRun(sink, value, end - at - lacking, width);
      packedFrom = end;
    }
    at = end;
  }
  if (packedFrom < to) writePacked(sink, values, packedFrom, to, width);
}

export function writeRun(sink: ByteSink, value: number, count: number, width: number): void {
  sink.varint(count * 2);
  for (let bits = 0; bits < width; bits += 8) sink.byte(value >>> bits);
}

function writePacked(sink: ByteSink, values: Int32Array | Uint8Array, from: number, to: number, width: number): void {
  const groups = Math.ceil((to - from) / 8);
  sink.varint(groups * 2 + 1);
  packBits(sink, values, from, to, groups * 8, width);
}

/** Levels as data pages V1 have them: the length in four bytes, then the hybrid. One level for all may be given. */
export function writeLevels(
  sink: ByteSink,
  levels: Uint8Array | number,
  from: number,
  to: number,
  maxLevel: number,
): void {
  const width = 32 - Math.clz32(maxLevel);
  const start = sink.position;
  sink.uint32(0);
  if (typeof levels === 'number') writeRun(sink, levels, to - from, width);
  else writeHybrid(sink, levels, from, to, width);
  sink.setUint32(start, sink.position - start - 4);
}
