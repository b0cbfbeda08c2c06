/**
 * Columns of strings: dictionary-coded while values repeat, plain once they do not. A column that turned plain stays
 * plain: ids and raw text would only pay for hashing again.
 */
import { copy } from '../bytes';
import { allocateZeros, grown, release, room } from '../memory';
import { codeOf, Dictionary, emptyDictionary, initDictionary, isWasteful, releaseDictionary } from './dictionary';
import { emptySlots, markValue, markValues, padTo, Slots } from './slots';

@unmanaged
export class StringColumn extends Slots {
  dictionary: Dictionary;
  isPlain: bool;
  /** Counts the times that codes became void. */
  generation: i32;
  /** By slot, unless it is plain. */
  codes: usize;
  /** Plain: slot i is text[offsets[i] .. offsets[i + 1]], and `used` bytes of the text are. */
  offsets: usize;
  text: usize;
  used: i32;
}

/** Nulls up to a row. */
export function padStrings(column: StringColumn, row: i32): void {
  const from = column.length;
  if (row <= from) return;
  padTo(column, row);
  if (!column.isPlain) return;
  const words = (row + 1) << 2;
  if (words > room(column.offsets)) column.offsets = grown(column.offsets, (from + 1) << 2, words);
  const used = column.used;
  for (let slot = from + 1; slot <= row; slot++) store<i32>(column.offsets + ((<usize>slot) << 2), used);
}

export function appendString(column: StringColumn, start: usize, length: i32): void {
  if (column.isPlain) {
    appendPlain(column, start, length);
    return;
  }
  appendCode(column, codeOf(column.dictionary, start, length));
  if (isWasteful(column.dictionary, column.length - column.nullCount)) turnPlain(column);
}

/** A code that the column gave for the same text, in this generation. */
export function appendCode(column: StringColumn, code: i32): void {
  const slot = column.length;
  const words = (slot + 1) << 2;
  if (words > room(column.codes)) column.codes = grown(column.codes, slot << 2, words);
  store<i32>(column.codes + ((<usize>slot) << 2), code);
  markValue(column);
}

/** Of a column that is plain. */
export function appendPlain(column: StringColumn, start: usize, length: i32): void {
  const slot = column.length;
  const used = column.used;
  const words = (slot + 2) << 2;
  if (words > room(column.offsets)) column.offsets = grown(column.offsets, (slot + 1) << 2, words);
  if (used + length > room(column.text)) column.text = grown(column.text, used, used + length);
  copy(column.text + used, start, length);
  column.used = used + length;
  store<i32>(column.offsets + ((<usize>slot) << 2), used + length, 4);
  markValue(column);
}

/** The same text, `count` times. */
export function appendStrings(column: StringColumn, start: usize, length: i32, count: i32): void {
  let left = count;
  for (; left > 0 && (left === count || column.isPlain); left--) appendString(column, start, length);
  if (left > 0) repeatCode(column, 1, left);
}

/** Appends the last `count` slots again; false where they are not codes without nulls: nothing was appended then. */
export function repeatSlots(column: StringColumn, count: i32): bool {
  if (column.isPlain || column.nullCount > 0 || count > column.length) return false;
  repeatCode(column, count, count);
  return true;
}

/** Appends `count` codes, each that of the slot `back` before it. */
function repeatCode(column: StringColumn, back: i32, count: i32): void {
  const length = column.length;
  const words = (length + count) << 2;
  if (words > room(column.codes)) column.codes = grown(column.codes, length << 2, words);
  for (let i = length; i < length + count; i++) {
    const at = column.codes + ((<usize>i) << 2);
    store<i32>(at, load<i32>(at - ((<usize>back) << 2)));
  }
  markValues(column, count);
}

export function turnPlain(column: StringColumn): void {
  const dictionary = column.dictionary;
  const length = column.length;
  let total = 0;
  column.offsets = grown(column.offsets, 0, (length + 1) << 3);
  store<i32>(column.offsets, 0);
  for (let slot = 0; slot < length; slot++) {
    if (!column.isTracked || load<u8>(column.valid + slot) === 1) {
      const offsets = dictionary.offsets + ((<usize>load<i32>(column.codes + ((<usize>slot) << 2))) << 2);
      const from = load<i32>(offsets);
      const size = load<i32>(offsets, 4) - from;
      if (total + size > room(column.text)) column.text = grown(column.text, total, total + size);
      copy(column.text + total, dictionary.text + from, size);
      total += size;
    }
    store<i32>(column.offsets + ((<usize>slot) << 2), total, 4);
  }
  column.used = total;
  column.isPlain = true;
  column.generation++;
  release(column.codes);
  column.codes = 0;
  releaseDictionary(dictionary);
}

export function emptyStrings(column: StringColumn): void {
  column.generation++;
  column.used = 0;
  if (!column.isPlain) emptyDictionary(column.dictionary);
  emptySlots(column);
}

/** Of a column that is empty. */
export function releaseStrings(column: StringColumn): void {
  release(column.codes);
  release(column.offsets);
  release(column.text);
  column.codes = 0;
  column.text = 0;
  // The first offset of a column that is plain already.
  column.offsets = column.isPlain ? allocateZeros(4) : 0;
  if (column.isPlain) return;
  releaseDictionary(column.dictionary);
  initDictionary(column.dictionary);
}

/** Goes by a dictionary again, whatever came so far. The column is empty. */
export function renewStrings(column: StringColumn): void {
  if (!column.isPlain) return;
  column.isPlain = false;
  initDictionary(column.dictionary);
}

/** Gives back all but the slots' own block. */
export function freeStrings(column: StringColumn): void {
  if (!column.isPlain) releaseDictionary(column.dictionary);
  release(changetype<usize>(column.dictionary));
  release(column.codes);
  release(column.offsets);
  release(column.text);
}

/** Near enough to hold a memory budget. */
export function bytesOfStrings(column: StringColumn): i32 {
  if (column.nullCount === column.length) return 0;
  return column.length * 5 + (column.isPlain ? column.used : column.dictionary.usedBytes);
}
