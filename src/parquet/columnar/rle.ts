/**
 * The hybrid of run lengths and bit packing that levels and dictionary indices are written in (parquet-format,
 * Encodings.md "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)").
 */
import { packIndices, packLevels } from './bit-packing.ts';
import type { ByteSink } from './byte-sink.ts';

/** Runs of fewer values than a bit-packed group cost more as runs. */
const leastRun = 8;

/**
 * indices[from, to), each below 2^width, without a length prefix. One loop and no loop inside, since what runs for long
 * at its first calls already is compiled from the loop on, and compiled again at each way out of an inner one.
 */
export function writeIndices(sink: ByteSink, indices: Int32Array, from: number, to: number, width: number): void {
  let packedFrom = from;
  let start = from;
  let value = indices[from]!;
  for (let at = from + 1; at <= to; at++) {
    if (at < to && indices[at] === value) continue;
    if (at - start >= leastRun) {
      const runFrom = start + lacking(start - packedFrom);
      if (at - runFrom >= leastRun) {
        packSome(sink, indices, packedFrom, runFrom, width);
        writeRun(sink, value, at - runFrom, width);
        packedFrom = at;
      }
    }
    if (at === to) break;
    start = at;
    value = indices[at]!;
  }
  packSome(sink, indices, packedFrom, to, width);
}

function packSome(sink: ByteSink, indices: Int32Array, from: number, to: number, width: number): void {
  if (from >= to) return;
  writeGroups(sink, to - from);
  packIndices(sink, indices, from, to, width);
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
  let start = from;
  let value = levels[from]!;
  for (let at = from + 1; at <= to; at++) {
    if (at < to && levels[at] === value) continue;
    if (at - start >= leastRun) {
      const runFrom = start + lacking(start - packedFrom);
      if (at - runFrom >= leastRun) {
        packSomeLevels(sink, levels, packedFrom, runFrom, width);
        writeRun(sink, value, at - runFrom, width);
        packedFrom = at;
      }
    }
    if (at === to) break;
    start = at;
    value = levels[at]!;
  }
  packSomeLevels(sink, levels, packedFrom, to, width);
}

function packSomeLevels(sink: ByteSink, levels: Uint8Array, from: number, to: number, width: number): void {
  if (from >= to) return;
  writeGroups(sink, to - from);
  packLevels(sink, levels, from, to, width);
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
