/**
 * Bit packing from the least significant bit of each byte to the most significant one (parquet-format, Encodings.md
 * "Run Length Encoding / Bit-Packing Hybrid" and "Delta Encoding", which pack alike). Each kind of source has a
 * function of its own, since a loop over one type of array runs several times faster than one over three.
 */
import type { ByteSink } from './byte-sink.ts';

/** Bits that values up to `greatest` (below 2^53) need. */
export function bitWidth(greatest: number): number {
  if (greatest > 0xffffffff) return 64 - Math.clz32(Math.floor(greatest / 4294967296));
  return 32 - Math.clz32(greatest);
}

/** Packs values[from, to) in `width` bits each, then zeros up to a multiple of eight values. */
export function packIndices(sink: ByteSink, values: Int32Array, from: number, to: number, width: number): void {
  const end = begin(sink, Math.ceil((to - from) / 8) * width);
  const { buffer } = sink;
  let at = sink.position;
  let pending = 0;
  let filled = 0;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    pending |= value << filled;
    filled += width;
    if (filled >= 32) {
      buffer[at] = pending;
      buffer[at + 1] = pending >>> 8;
      buffer[at + 2] = pending >>> 16;
      buffer[at + 3] = pending >>> 24;
      at += 4;
      filled -= 32;
      pending = filled === 0 ? 0 : value >>> (width - filled);
    }
  }
  finish(sink, at, pending, filled, end);
}

/** The same for levels, whose width is at most two bits. */
export function packLevels(sink: ByteSink, levels: Uint8Array, from: number, to: number, width: number): void {
  const end = begin(sink, Math.ceil((to - from) / 8) * width);
  const { buffer } = sink;
  let at = sink.position;
  let pending = 0;
  let filled = 0;
  for (let i = from; i < to; i++) {
    pending |= levels[i]! << filled;
    filled += width;
    // Widths of one and two divide eight, so a level is never cut.
    if (filled === 8) {
      buffer[at++] = pending;
      filled = 0;
      pending = 0;
    }
  }
  finish(sink, at, pending, filled, end);
}

/** Packs values[from, to), below 2^53, in `width` bits each, then zeros up to `slots` values, a multiple of eight. */
export function packDeltas(
  sink: ByteSink,
  values: Float64Array,
  from: number,
  to: number,
  slots: number,
  width: number,
): void {
  const end = begin(sink, (slots / 8) * width);
  const { buffer } = sink;
  let at = sink.position;
  let pending = 0;
  let filled = 0;
  const isWide = width > 32;
  const lowWidth = isWide ? 32 : width;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    const low = value | 0;
    pending |= low << filled;
    filled += lowWidth;
    if (filled >= 32) {
      buffer[at] = pending;
      buffer[at + 1] = pending >>> 8;
      buffer[at + 2] = pending >>> 16;
      buffer[at + 3] = pending >>> 24;
      at += 4;
      filled -= 32;
      pending = filled === 0 ? 0 : low >>> (lowWidth - filled);
    }
    if (isWide) {
      // What is above 32 bits, which is at most 21 bits.
      const high = Math.floor(value / 4294967296);
      pending |= high << filled;
      filled += width - 32;
      if (filled >= 32) {
        buffer[at] = pending;
        buffer[at + 1] = pending >>> 8;
        buffer[at + 2] = pending >>> 16;
        buffer[at + 3] = pending >>> 24;
        at += 4;
        filled -= 32;
        pending = filled === 0 ? 0 : high >>> (width - 32 - filled);
      }
    }
  }
  finish(sink, at, pending, filled, end);
}

/** Makes room, with four bytes to spare for whole words, and says where the packed bytes will end. */
function begin(sink: ByteSink, bytes: number): number {
  sink.reserve(bytes + 4);
  return sink.position + bytes;
}

function finish(sink: ByteSink, at: number, pending: number, filled: number, end: number): void {
  const { buffer } = sink;
  for (; filled > 0; filled -= 8) {
    buffer[at++] = pending;
    pending >>>= 8;
  }
  if (at < end) buffer.fill(0, at, end);
  sink.position = end;
}
