/**
 * The canonical text of rows, which row digests are taken over (docs/row-digest.md): per column that is not null its tag,
 * then its value. Columns come as the host describes them, in the order in which they are written.
 */
import { copy } from '../bytes';
import { Kind_Boolean, Kind_Int, Kind_List, Kind_Map, Kind_String } from '../codes';
import { contentHash } from '../content-hash';
import { allocate, grown, room } from '../memory';
import { high, low } from '../siphash';
import { digestTexts } from './blake2s';

/** The values of one leaf, as columns/batch.ts has them; 0 for an array that is not there. */
@unmanaged
class Leaf {
  kind: i32;
  valid: usize;
  /** Fixed values, or the codes of strings. */
  values: usize;
  offsets: usize;
  text: usize;
}

/** A column as the host writes it down, a word each. */
@unmanaged
class DigestColumn {
  tag: u32;
  kind: i32;
  valid: usize;
  /** Of lists and maps: where the elements of each slot begin. */
  offsets: usize;
  /** Of maps. */
  keyCodes: usize;
  keyOffsets: usize;
  keyText: usize;
  /** The values themselves, or the elements of lists and maps. */
  leafKind: i32;
  leafValid: usize;
  leafValues: usize;
  leafOffsets: usize;
  leafText: usize;
}

/** Words that the host writes per column. */
export function digestColumnWords(): i32 {
  return offsetof<DigestColumn>() >> 2;
}

/** Rows whose texts are written before they are hashed; texts grow to more bytes than this only where a row does. */
const rowsAtATime: i32 = 1024;
const textsAtATime: i32 = 256 << 10;

/** What a tag, a length and a number take, and what copies may write behind themselves. */
const headroom: usize = 32;

let text: usize = 0;
/** Where the block of texts ends. */
let limit: usize = 0;
let ends: usize = 0;

/**
 * Digests of rows, 32 bytes each, to `target`. `rows`: their numbers, a word each; 0: rows from `first` on.
 */
export function digestRows(columns: usize, columnCount: i32, rows: usize, first: i32, count: i32, target: usize): void {
  if (ends === 0) ends = allocate(rowsAtATime << 2);
  let done = 0;
  while (done < count) {
    let used = 0;
    let written = 0;
    while (written < rowsAtATime && used < textsAtATime && done + written < count) {
      used = writeRow(columns, columnCount, numberOf(rows, first, done + written), used);
      store<i32>(ends + ((<usize>written) << 2), used);
      written++;
    }
    digestTexts(text, ends, written, target + ((<usize>done) << 5));
    done += written;
  }
}

/** The keyed hash (content-hash.ts) of each row's text, 16 bytes each, to `target`; rows as `digestRows` takes them. */
export function hashRows(columns: usize, columnCount: i32, rows: usize, first: i32, count: i32, target: usize): void {
  for (let index = 0; index < count; index++) {
    const length = writeRow(columns, columnCount, numberOf(rows, first, index), 0);
    contentHash(text, length);
    store<u64>(target, low);
    store<u64>(target, high, 8);
    target += 16;
  }
}

function numberOf(rows: usize, first: i32, index: i32): i32 {
  return rows === 0 ? first + index : load<i32>(rows + ((<usize>index) << 2));
}

/** Writes the text of a row behind `used` bytes of others; how many they are then. */
function writeRow(columns: usize, count: i32, row: i32, used: i32): i32 {
  if (text === 0) reserve(0, textsAtATime << 1);
  const size = offsetof<DigestColumn>();
  let to = text + used;
  for (let at = columns, end = columns + <usize>count * size; at < end; at += size) {
    const column = changetype<DigestColumn>(at);
    if (column.valid !== 0 && load<u8>(column.valid + row) === 0) continue;
    if (to + headroom > limit) to = reserve(to, headroom);
    store<u32>(to, column.tag);
    to += 4;
    const leaf = changetype<Leaf>(at + offsetof<DigestColumn>('leafKind'));
    if (column.kind < Kind_List) {
      to = writeValue(leaf, row, to);
      continue;
    }
    const range = column.offsets + ((<usize>row) << 2);
    const start = load<i32>(range);
    const stop = load<i32>(range, 4);
    to = writeLength(stop - start, to);
    for (let element = start; element < stop; element++) {
      if (column.kind === Kind_Map) to = writeString(column.keyCodes, column.keyOffsets, column.keyText, element, to);
      if (to + headroom > limit) to = reserve(to, headroom);
      if (leaf.valid !== 0 && load<u8>(leaf.valid + element) === 0) {
        store<u8>(to++, 0);
        continue;
      }
      store<u8>(to++, 1);
      to = writeValue(leaf, element, to);
    }
  }
  return <i32>(to - text);
}

/** There is room for a number. */
function writeValue(leaf: Leaf, slot: i32, to: usize): usize {
  const kind = leaf.kind;
  if (kind === Kind_String) return writeString(leaf.values, leaf.offsets, leaf.text, slot, to);
  if (kind === Kind_Boolean) {
    store<u8>(to, load<u8>(leaf.values + slot));
    return to + 1;
  }
  if (kind === Kind_Int) store<i64>(to, <i64>load<i32>(leaf.values + ((<usize>slot) << 2)));
  else store<u64>(to, load<u64>(leaf.values + ((<usize>slot) << 3)));
  return to + 8;
}

function writeString(codes: usize, offsets: usize, bytes: usize, slot: i32, to: usize): usize {
  const entry = codes === 0 ? slot : load<i32>(codes + ((<usize>slot) << 2));
  const range = offsets + ((<usize>entry) << 2);
  const start = load<u32>(range);
  const length = load<u32>(range, 4) - start;
  const needed = <usize>length + headroom;
  if (to + needed > limit) to = reserve(to, needed);
  to = writeLength(length, to);
  copy(to, bytes + start, length);
  return to + length;
}

/** LEB128, unsigned. */
function writeLength(length: i32, to: usize): usize {
  let left = <u32>length;
  while (left >= 128) {
    store<u8>(to++, <u8>(left | 128));
    left >>= 7;
  }
  store<u8>(to++, <u8>left);
  return to;
}

/** Makes room for so many bytes at `to`, and says where that is then. */
function reserve(to: usize, bytes: usize): usize {
  const used = text === 0 ? 0 : <i32>(to - text);
  text = grown(text, used, used + <i32>bytes);
  limit = text + room(text);
  return text + used;
}
