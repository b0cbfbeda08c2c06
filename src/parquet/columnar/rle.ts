/**
 * The hybrid of run lengths and bit packing that levels and dictionary indices are written in (parquet-format,
 * Encodings.md "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)").
 */
import { packIndices, packLevels } from './bit-packing.ts';
import type { ByteSink } from './byte-sink.ts';

/** Runs of fewer values than a bit-packed group cost more as runs. */
const leastRun = 8;

/** indices[from, to), each below 2^width, without a length prefix. */
export function writeIndices(sink: ByteSink, indices: Int32Array, from: number, to: number, width: number): void {
  let packedFrom = from;
  let at = from;
  while (at < to) {
    const value = indices[at]!;
    let end = at + 1;
    while (end < to && indices[end] === value) end++;
    if (end - at >= leastRun) {
      const runFrom = at + lacking(at - packedFrom);
      if (end - runFrom >= leastRun) {
        if (runFrom > packedFrom) {
          writeGroups(sink, runFrom - packedFrom);
          packIndices(sink, indices, packedFrom, runFrom, width);
        }
        writeRun(sink, value, end - runFrom, width);
        packedFrom = end;
      }
    }
    at = end;
  }
  if (packedFrom < to) {
    writeGroups(sink, to - packedFrom);
    packIndices(sink, indices, packedFrom, to, width);
  }
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
  else writeLevelRuns(sink, levels, from, to, width);
  sink.setUint32(start, sink.position - start - 4);
}

/** As writeIndices; apart from it so that either loop sees one type of array. */
function writeLevelRuns(sink: ByteSink, levels: Uint8Array, from: number, to: number, width: number): void {
  let packedFrom = from;
  let at = from;
  while (at < to) {
    const value = levels[at]!;
    let end = at + 1;
    while (end < to && levels[end] === value) end++;
    if (end - at >= leastRun) {
      const runFrom = at + lacking(at - packedFrom);
      if (end - runFrom >= leastRun) {
        if (runFrom > packedFrom) {
          writeGroups(sink, runFrom - packedFrom);
          packLevels(sink, levels, packedFrom, runFrom, width);
        }
        writeRun(sink, value, end - runFrom, width);
        packedFrom = end;
      }
    }
    at = end;
  }
  if (packedFrom < to) {
    writeGroups(sink, to - packedFrom);
    packLevels(sink, levels, packedFrom, to, width);
  }
}

/** Bit-packed groups hold eight values, so those before a run take what they lack from it. */
const lacking = (packed: number): number => (8 - (packed & 7)) & 7;

function writeRun(sink: ByteSink, value: number, count: number, width: number): void {
  sink.varint(count * 2);
  for (let bits = 0; bits < width; bits += 8) sink.byte(value >>> bits);
}

/** The header of a bit-packed run. */
function writeGroups(sink: ByteSink, values: number): void {
  sink.varint(Math.ceil(values / 8) * 2 + 1);
}
