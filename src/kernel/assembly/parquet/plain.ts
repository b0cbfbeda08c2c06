/** PLAIN values (parquet-format, Encodings.md "Plain: (PLAIN = 0)"). */
import { copy } from '../bytes';
import { packBits } from './bit-packing';
import { advance, reserve } from './byte-sink';
import { entries, entryNumbers, entryTexts } from './dictionary';
import { lengthOf, numbers, texts, width } from './values';

/** The chunk's texts[from, to). */
export function writePlainTexts(from: i32, to: i32): void {
  writeTexts(texts + ((<usize>from) << 3), to - from);
}

/** The chunk's numbers[from, to); those of one byte are booleans. */
export function writePlainNumbers(from: i32, to: i32): void {
  if (width === 1) {
    packBits(numbers + from, to - from);
    return;
  }
  const bytes = (to - from) * width;
  const at = reserve(bytes);
  memory.copy(at, numbers + <usize>(from * width), bytes);
  advance(at + bytes);
}

/** The values of the dictionary. */
export function writeEntryTexts(): void {
  writeTexts(entryTexts, entries);
}

export function writeEntryNumbers(): void {
  let at = reserve(entries * width);
  for (let i = 0; i < entries; i++, at += width) store<u64>(at, load<u64>(entryNumbers + ((<usize>i) << 3)));
  advance(at);
}

function writeTexts(list: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const text = list + ((<usize>i) << 3);
    const length = lengthOf(text);
    const at = reserve(length + 4);
    store<i32>(at, length);
    copy(at + 4, load<u32>(text), length);
    advance(at + 4 + length);
  }
}
