/** PLAIN values (parquet-format, Encodings.md "Plain: (PLAIN = 0)"). */
import type { FixedData, ScalarData, StringData } from '../../columns/batch.ts';
import type { ByteSink } from './byte-sink.ts';

/** The values at slots[from, to). */
export function writePlain(sink: ByteSink, data: ScalarData, slots: Uint32Array, from: number, to: number): void {
  if (data.kind === 'string') writeStrings(sink, data, slots, from, to);
  else if (data.type === 'boolean') writeBooleans(sink, data.values as Uint8Array, slots, from, to);
  else writeNumbers(sink, data, slots, from, to);
}

/** The width of a value of fixed length; booleans are counted as if they took a byte. */
export function plainWidth(data: FixedData): number {
  return data.values!.BYTES_PER_ELEMENT;
}

function writeBooleans(sink: ByteSink, values: Uint8Array, slots: Uint32Array, from: number, to: number): void {
  const length = (to - from + 7) >> 3;
  sink.reserve(length);
  const { buffer, position } = sink;
  buffer.fill(0, position, position + length);
  for (let i = from; i < to; i++) {
    const bit = i - from;
    buffer[position + (bit >> 3)]! |= values[slots[i]!]! << (bit & 7);
  }
  sink.position += length;
}

let gathered = new Int32Array(1 << 12);

/** By 32-bit halves: aligned copies, and no BigInt. */
function writeNumbers(sink: ByteSink, data: FixedData, slots: Uint32Array, from: number, to: number): void {
  const { buffer, byteOffset, byteLength } = data.values!;
  const words = new Int32Array(buffer, byteOffset, byteLength >> 2);
  const count = to - from;
  const wide = data.values!.BYTES_PER_ELEMENT === 8;
  if (gathered.length < count * 2) gathered = new Int32Array(count * 2);
  let at = 0;
  if (wide) {
    for (let i = from; i < to; i++) {
      const word = slots[i]! * 2;
      gathered[at] = words[word]!;
      gathered[at + 1] = words[word + 1]!;
      at += 2;
    }
  } else for (let i = from; i < to; i++) gathered[at++] = words[slots[i]!]!;
  const bytes = new Uint8Array(gathered.buffer, 0, at * 4);
  sink.copy(bytes, 0, bytes.length);
}

function writeStrings(sink: ByteSink, data: StringData, slots: Uint32Array, from: number, to: number): void {
  const { codes, offsets, bytes } = data;
  for (let i = from; i < to; i++) {
    const slot = slots[i]!;
    const entry = codes === null ? slot : codes[slot]!;
    const start = offsets[entry]!;
    const end = offsets[entry + 1]!;
    sink.uint32(end - start);
    sink.copy(bytes, start, end);
  }
}
