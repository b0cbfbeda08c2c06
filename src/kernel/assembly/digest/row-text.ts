/**
 * The canonical text of rows, which row digests are taken over (docs/row-digest.md): per column that is not null its tag,
 * then its value. Columns come as the host describes them, in the order in which they are written.
 */
import { copy } from '../bytes';
import { Kind_Boolean, Kind_Int, Kind_List, Kind_Map, Kind_String } from '../codes';
import { allocate, grown, room } from '../memory';
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

let text: usize = 0;
let used: i32 = 0;
let ends: usize = 0;

/**
 * Digests of rows, 32 bytes each, to `target`. `rows`: their numbers, a word each; 0: rows from `first` on.
 */
export function digestRows(columns: usize, columnCount: i32, rows: usize, first: i32, count: i32, target: usize): void {
  if (ends === 0) ends = allocate(rowsAtATime << 2);
  let done = 0;
  while (done < count) {
    used = 0;
    let written = 0;
    while (written < rowsAtATime && used < textsAtATime && done + written < count) {
      const index = <usize>(done + written);
      writeRow(columns, columnCount, rows === 0 ? first + <i32>index : load<i32>(rows + (index << 2)));
      store<i32>(ends + ((<usize>written) << 2), used);
      written++;
    }
    digestTexts(text, ends, written, target + ((<usize>done) << 5));
    done += written;
  }
}

/** The text of one row, for the host to look at: its place, and its length by `rowTextLength`. */
export function rowText(columns: usize, columnCount: i32, row: i32): usize {
  used = 0;
  writeRow(columns, columnCount, row);
  return text;
}

export function rowTextLength(): i32 {
  return used;
}

function writeRow(columns: usize, count: i32, row: i32): void {
  const size = offsetof<DigestColumn>();
  for (let at = columns, end = columns + <usize>count * size; at < end; at += size) {
    const column = changetype<DigestColumn>(at);
    if (column.valid !== 0 && load<u8>(column.valid + row) === 0) continue;
    reserve(16);
    store<u32>(text + used, column.tag);
    used += 4;
    const leaf = changetype<Leaf>(at + offsetof<DigestColumn>('leafKind'));
    if (column.kind < Kind_List) {
      writeValue(leaf, row);
      continue;
    }
    const range = column.offsets + ((<usize>row) << 2);
    const start = load<i32>(range);
    const stop = load<i32>(range, 4);
    writeLength(stop - start);
    for (let element = start; element < stop; element++) {
      if (column.kind === Kind_Map) writeString(column.keyCodes, column.keyOffsets, column.keyText, element);
      reserve(16);
      if (leaf.valid !== 0 && load<u8>(leaf.valid + element) === 0) {
        store<u8>(text + used++, 0);
        continue;
      }
      store<u8>(text + used++, 1);
      writeValue(leaf, element);
    }
  }
}

/** There is room for a number. */
function writeValue(leaf: Leaf, slot: i32): void {
  const kind = leaf.kind;
  if (kind === Kind_String) {
    writeString(leaf.values, leaf.offsets, leaf.text, slot);
  } else if (kind === Kind_Boolean) {
    store<u8>(text + used, load<u8>(leaf.values + slot));
    used += 1;
  } else if (kind === Kind_Int) {
    store<i64>(text + used, <i64>load<i32>(leaf.values + ((<usize>slot) << 2)));
    used += 8;
  } else {
    store<u64>(text + used, load<u64>(leaf.values + ((<usize>slot) << 3)));
    used += 8;
  }
}

function writeString(codes: usize, offsets: usize, bytes: usize, slot: i32): void {
  const entry = codes === 0 ? slot : load<i32>(codes + ((<usize>slot) << 2));
  const range = offsets + ((<usize>entry) << 2);
  const start = load<i32>(range);
  const length = load<i32>(range, 4) - start;
  reserve(length + 16);
  writeLength(length);
  copy(text + used, bytes + start, length);
  used += length;
}

/** LEB128, unsigned. */
function writeLength(length: i32): void {
  let left = <u32>length;
  while (left >= 128) {
    store<u8>(text + used++, <u8>(left | 128));
    left >>= 7;
  }
  store<u8>(text + used++, <u8>left);
}

function reserve(bytes: i32): void {
  if (used + bytes > room(text)) text = text === 0 ? allocate(textsAtATime << 1) : grown(text, used, used + bytes);
}
