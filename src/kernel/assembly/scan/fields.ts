/**
 * The columns that a record becomes: from what the scanner found in a run of records into the columns, one after the
 * other, which is several times as fast as record by record.
 */

import { copy } from '../bytes';
import {
  Field_Boolean,
  Field_Int,
  Field_Json,
  Field_LongMap,
  Field_Number,
  Field_Numbers,
  Field_String,
  Field_Strings,
  Field_Time,
  Tag_Array,
  Tag_Escaped,
  Tag_False,
  Tag_Int,
  Tag_Null,
  Tag_Number,
  Tag_Object,
  Tag_String,
  Tag_True,
} from '../codes';
import { closeSlot, NestedColumn, pad } from '../columns/column';
import { isEntry } from '../columns/dictionary';
import { appendLong, appendNumber, FixedColumn } from '../columns/fixed';
import { Slots } from '../columns/slots';
import { appendCode, appendPlain, appendString, padStrings, repeatSlots, StringColumn } from '../columns/strings';
import { readTimestamp } from '../host';
import { allocate, grown, room } from '../memory';
import { Alternative } from './alternatives';
import { Member } from './program';
import { capacity, Elements, Rows } from './rows';
import { has } from './tags';
import { resolveEscapes } from './tokens';

@unmanaged
export class Field {
  kind: i32;
  /** The path that it is or is computed from; -1 for none. */
  slot: i32;
  /** Where the value of the slot is picked from; null where the slot is scanned. */
  alternatives: Alternative | null;
  /** Tags that the column holds; others are null and counted, or make the record doubtful. */
  holds: i32;
  isDoubtful: bool;
  /** Values of the open object that had another type. */
  mismatches: i32;
  column: Slots;
  /** Of columns that have the same value in all rows of an object. */
  isSet: bool;
  value: i64;
  text: usize;
  textLength: i32;
}

/** Where texts are put together; grown on demand. */
let scratch: usize = 0;

export function scratchOf(bytes: i32): usize {
  if (bytes > room(scratch)) scratch = grown(scratch, 0, bytes);
  return scratch;
}

/** Whether the value of the record in `row` is certain to be what its column makes of it. */
export function isCertain(field: Field, rows: Rows, row: i32): bool {
  const place = field.slot * capacity + row;
  const tag: i32 = load<u8>(rows.tags + place);
  if (!has(field.holds, tag)) return !field.isDoubtful && tag !== Tag_Number;
  if (tag <= Tag_Null) return true;
  if (field.kind === Field_Time) return readTimestampAt(rows, place, tag);
  if (field.kind !== Field_Int) return true;
  const value = load<f64>(rows.numbers + ((<usize>place) << 3));
  return value === <f64>(<i32>value);
}

/** Where readTimestampAt leaves the time. */
const timestamp: usize = memory.data(8, 8);

function readTimestampAt(rows: Rows, place: i32, tag: i32): bool {
  const start = load<usize>(rows.starts + ((<usize>place) << 2)) + 1;
  const end = load<usize>(rows.ends + ((<usize>place) << 2)) - 1;
  if (tag !== Tag_Escaped) return readTimestamp(start, <i32>(end - start), timestamp);
  const text = scratchOf(<i32>(end - start));
  return readTimestamp(text, resolveEscapes(start, end, text), timestamp);
}

/** Counts the value of the record in `row` where it has another type than its column. */
export function countMismatch(field: Field, rows: Rows, row: i32): void {
  if (!has(field.holds, load<u8>(rows.tags + field.slot * capacity + row))) field.mismatches++;
}

/** Appends the first `count` of the scanned rows, the first of which is the table's row `base`. */
export function appendField(field: Field, rows: Rows, elements: Elements, count: i32, base: i32): void {
  if (field.kind <= Field_String) appendTexts(field, rows, count, base);
  else if (field.kind === Field_Number || field.kind === Field_Int) appendNumbers(field, rows, count, base);
  else if (field.kind === Field_Boolean) appendBooleans(field, rows, count, base);
  else if (field.kind === Field_Time) appendTimes(field, rows, count, base);
  else if (field.kind === Field_Strings || field.kind === Field_Numbers)
    appendLists(field, rows, elements, count, base);
  else appendMaps(field, rows, elements, count, base);
}

function appendTexts(field: Field, rows: Rows, count: i32, base: i32): void {
  const column = changetype<StringColumn>(field.column);
  if (column.isPlain) {
    appendPlainTexts(field, rows, count, base);
    return;
  }
  const tags = rows.tags + field.slot * capacity;
  const starts = rows.starts + ((<usize>(field.slot * capacity)) << 2);
  const ends = rows.ends + ((<usize>(field.slot * capacity)) << 2);
  // JSON columns hold the text of any value, quotes and escapes as they stand.
  const inset = field.kind === Field_Json ? 0 : 1;
  let place: usize = 0;
  let code = -1;
  for (let i = 0; i < count; i++) {
    const tag: i32 = load<u8>(tags + i);
    if (inset === 0 ? tag <= Tag_Null : tag !== Tag_String && tag !== Tag_Escaped) continue;
    const start = load<usize>(starts + ((<usize>i) << 2));
    if (base + i !== column.length) padStrings(column, base + i);
    if (code >= 0 && (start === place || isSameEntry(column, code, start, ends, inset, i, tag)) && !column.isPlain) {
      place = start;
      appendCode(column, code);
      continue;
    }
    const length = <i32>(load<usize>(ends + ((<usize>i) << 2)) - start) - inset - inset;
    if (inset === 1 && tag === Tag_Escaped) {
      appendUnescaped(column, start + 1, length);
      code = -1;
      continue;
    }
    appendString(column, start + inset, length);
    place = start;
    code = column.isPlain ? -1 : load<i32>(column.codes + ((<usize>(base + i)) << 2));
  }
}

/** The same for a column that is plain, where nothing has to be looked up. */
function appendPlainTexts(field: Field, rows: Rows, count: i32, base: i32): void {
  const column = changetype<StringColumn>(field.column);
  const first = <usize>(field.slot * capacity);
  const inset = field.kind === Field_Json ? 0 : 1;
  for (let i = 0; i < count; i++) {
    const tag: i32 = load<u8>(rows.tags + first + i);
    if (inset === 0 ? tag <= Tag_Null : tag !== Tag_String && tag !== Tag_Escaped) continue;
    const start = load<usize>(rows.starts + ((first + i) << 2)) + inset;
    const length = <i32>(load<usize>(rows.ends + ((first + i) << 2)) - start) - inset;
    if (base + i !== column.length) padStrings(column, base + i);
    if (inset === 1 && tag === Tag_Escaped) appendUnescaped(column, start, length);
    else appendPlain(column, start, length);
  }
}

/** Whether row i has the text of a code: most repeat the row before. */
function isSameEntry(column: StringColumn, code: i32, start: usize, ends: usize, inset: i32, i: i32, tag: i32): bool {
  if (column.isPlain || (inset === 1 && tag === Tag_Escaped)) return false;
  const length = <i32>(load<usize>(ends + ((<usize>i) << 2)) - start) - inset - inset;
  return isEntry(column.dictionary, code, start + inset, length);
}

function appendUnescaped(column: StringColumn, start: usize, length: i32): void {
  const text = scratchOf(length);
  appendString(column, text, resolveEscapes(start, start + length, text));
}

function appendNumbers(field: Field, rows: Rows, count: i32, base: i32): void {
  const column = changetype<FixedColumn>(field.column);
  const first = field.slot * capacity;
  for (let i = 0; i < count; i++) {
    if (load<u8>(rows.tags + first + i) !== Tag_Int) continue;
    pad(column, base + i);
    appendNumber(column, load<f64>(rows.numbers + ((<usize>(first + i)) << 3)));
  }
}

function appendBooleans(field: Field, rows: Rows, count: i32, base: i32): void {
  const column = changetype<FixedColumn>(field.column);
  for (let i = 0; i < count; i++) {
    const tag: i32 = load<u8>(rows.tags + field.slot * capacity + i);
    if (tag !== Tag_True && tag !== Tag_False) continue;
    pad(column, base + i);
    appendNumber(column, tag === Tag_True ? 1 : 0);
  }
}

function appendTimes(field: Field, rows: Rows, count: i32, base: i32): void {
  const column = changetype<FixedColumn>(field.column);
  for (let i = 0; i < count; i++) {
    const place = field.slot * capacity + i;
    const tag: i32 = load<u8>(rows.tags + place);
    if ((tag !== Tag_String && tag !== Tag_Escaped) || !readTimestampAt(rows, place, tag)) continue;
    pad(column, base + i);
    appendLong(column, load<i64>(timestamp));
  }
}

function appendLists(field: Field, rows: Rows, elements: Elements, count: i32, base: i32): void {
  const column = changetype<NestedColumn>(field.column);
  for (let i = 0; i < count; i++) {
    const place = <usize>(field.slot * capacity + i);
    if (load<u8>(rows.tags + place) !== Tag_Array) continue;
    pad(column, base + i);
    const last = load<i32>(rows.lasts + (place << 2));
    for (let e = load<i32>(rows.firsts + (place << 2)); e < last; e++) {
      if (field.kind === Field_Strings) appendElement(changetype<StringColumn>(column.elements), elements, e);
      else appendElementNumber(changetype<FixedColumn>(column.elements), elements, e);
    }
    closeSlot(column);
  }
}

function appendElementNumber(column: FixedColumn, elements: Elements, element: i32): void {
  const tag: i32 = load<u8>(elements.tags + element);
  if (tag === Tag_Int) appendNumber(column, load<f64>(elements.numbers + ((<usize>element) << 3)));
  else appendNumber(column, tag === Tag_True ? 1 : 0);
}

function appendElement(column: StringColumn, elements: Elements, element: i32): void {
  const at = <usize>element;
  const start = load<usize>(elements.starts + (at << 2)) + 1;
  const length = <i32>(load<usize>(elements.ends + (at << 2)) - start) - 1;
  if (load<u8>(elements.tags + at) === Tag_Escaped) appendUnescaped(column, start, length);
  else appendString(column, start, length);
}

function appendMaps(field: Field, rows: Rows, elements: Elements, count: i32, base: i32): void {
  const column = changetype<NestedColumn>(field.column);
  const values = column.elements;
  const isLong = field.kind === Field_LongMap;
  let firstBefore = -1;
  let lastBefore = -1;
  for (let i = 0; i < count; i++) {
    const place = <usize>(field.slot * capacity + i);
    if (load<u8>(rows.tags + place) !== Tag_Object) continue;
    const first = load<i32>(rows.firsts + (place << 2));
    const last = load<i32>(rows.lasts + (place << 2));
    pad(column, base + i);
    if (
      firstBefore < 0 ||
      !haveSameKeys(elements, firstBefore, lastBefore, first, last) ||
      !repeatSlots(column.keys, last - first)
    ) {
      for (let e = first; e < last; e++) appendKey(column.keys, elements, e);
    }
    const isRepeated = firstBefore === first && lastBefore === last;
    if (isLong) {
      for (let e = first; e < last; e++) {
        appendNumber(changetype<FixedColumn>(values), load<f64>(elements.numbers + ((<usize>e) << 3)));
      }
    } else if (!isRepeated || !repeatSlots(changetype<StringColumn>(values), last - first)) {
      for (let e = first; e < last; e++) appendElement(changetype<StringColumn>(values), elements, e);
    }
    closeSlot(column);
    firstBefore = first;
    lastBefore = last;
  }
}

function haveSameKeys(elements: Elements, first: i32, last: i32, otherFirst: i32, otherLast: i32): bool {
  const count = last - first;
  if (otherLast - otherFirst !== count) return false;
  if (first === otherFirst) return true;
  const a = elements.members + ((<usize>first) << 2);
  const b = elements.members + ((<usize>otherFirst) << 2);
  for (let i: usize = 0; i < (<usize>count) << 2; i += 4) if (load<usize>(a + i) !== load<usize>(b + i)) return false;
  return true;
}

function appendKey(keys: StringColumn, elements: Elements, element: i32): void {
  const member = changetype<Member>(load<usize>(elements.members + ((<usize>element) << 2)));
  if (!keys.isPlain && member.keyGeneration === keys.generation) {
    appendCode(keys, member.keyCode);
    return;
  }
  appendString(keys, member.lead + 2, member.leadLength - 4);
  if (keys.isPlain) return;
  member.keyGeneration = keys.generation;
  member.keyCode = load<i32>(keys.codes + ((<usize>(keys.length - 1)) << 2));
}

/** Keeps a text of an object for its rows. */
export function setText(field: Field, start: usize, length: i32): void {
  if (length > room(field.text)) field.text = field.text === 0 ? allocate(length) : grown(field.text, 0, length);
  copy(field.text, start, length);
  field.textLength = length;
  field.isSet = true;
}

export function setLong(field: Field, value: i64): void {
  field.value = value;
  field.isSet = true;
}
