/**
 * Bit packing from the least significant bit of each byte to the most significant one (parquet-format, Encodings.md
 * "Run Length Encoding / Bit-Packing Hybrid" and "Delta Encoding", which pack alike).
 */
import type { ByteSink } from './byte-sink.ts';

/** Bits that values up to `greatest` (below 2^53) need. */
export function bitWidth(greatest: number): number {
  if (greatest > 0xffffffff) return 64 - Math.clz32(Math.floor(greatest / 4294967296));
  return 32 - Math.clz32(greatest);
}

/** Packs values[from, to) in `width` bits each, then zeros up to `slots` values; slots * width must be whole bytes. */
export function packBits(
  sink: ByteSink,
  values: Int32Array | Uint8Array | Float64Array,
  from: number,
  to: number,
  slots: number,
  width: number,
): void {
  const bytes = (slots * width) / 8;
  sink.reserve(bytes + 4);
  const end = sink.position + bytes;
  if (width > 32) packWide(sink, values as Float64Array, from, to, width);
  else if (width > 0) packNarrow(sink, values, from, to, width);
  sink.buffer.fill(0, sink.position, Math.max(sink.position, end));
  sink.position = end;
}

function packNarrow(
  sink: ByteSink,
  values: Int32Array | Uint8Array | Float64Array,
  from: number,
  to: number,
  width: number,
): void {
  const { buffer } = sink;
  let at = sink.position;
  let pending = 0;
  let filled = 0;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    pending |= value << filled;
    filled += width;
    if (filled >= 32) {
      buffer[at++] = pending;
      buffer[at++] = pending >>> 8;
      buffer[at++] = pending >>> 16;
      buffer[at++] = pending >>> 24;
      filled -= 32;
      pending = filled === 0 ? 0 : value >>> (width - filled);
    }
  }
  for (; filled > 0; filled -= 8) {
    buffer[at++] = pending;
    pending >>>= 8;
  }
  sink.position = at;
}

/** More than 32 bits, so each value goes in as two halves. */
function packWide(sink: ByteSink, values: Float64Array, from: number, to: number, width: number): void {
  const { buffer } = sink;
  let at = sink.position;
  let pending = 0;
  let filled = 0;
  const put = (bits: number, count: number): void => {
    pending |= bits << filled;
    filled += count;
    if (filled < 32) return;
    buffer[at++] = pending;
    buffer[at++] = pending >>> 8;
    buffer[at++] = pending >>> 16;
    buffer[at++] = pending >>> 24;
    filled -= 32;
    pending = filled === 0 ? 0 : bits >>> (count - filled);
  };
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    const high = Math.floor(value / 4294967296);
    put((value - high * 4294967296) | 0, 32);
    put(high, width - 32);
  }
  for (; filled > 0; filled -= 8) {
    buffer[at++] = pending;
    pending >>>= 8;
  }
  sink.position = at;
}
