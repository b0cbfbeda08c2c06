/**
 * From decoded values into columns, many slots at a time. `defs`, a byte per slot, says which slots hold a value; 0: all
 * do. Values are those of read/values.ts, one for each slot that holds one.
 */
import { copy } from '../bytes';
import { Fault_Type, Kind_Boolean, Kind_Int, Kind_List, Kind_String } from '../codes';
import { codeOf, isWasteful } from '../columns/dictionary';
import { FixedColumn, shiftOf } from '../columns/fixed';
import { markSlots, padTo, Slots } from '../columns/slots';
import { padStrings, StringColumn, turnPlain } from '../columns/strings';
import { grown, room } from '../memory';
import { lengthOf } from '../parquet/values';
import { fail } from './input';
import { bytesOfTexts, entries, entryTexts, indices, isConsecutive, numbers, resolveIndices, texts } from './values';

/** By entry of the dictionary, its code in the column + 1; 0 where it is not known. */
let codeMap: usize = 0;

/** The chunk's dictionary, or column, is another one. */
export function forgetCodes(): void {
  if (entries <= 0) return;
  codeMap = grown(codeMap, 0, entries << 2);
  memory.fill(codeMap, 0, entries << 2);
}

/** Appends `count` slots, `present` of which hold values, to a column that is neither a list nor a map. */
export function appendScalars(column: Slots, defs: usize, count: i32, present: i32): void {
  if (count === 0) return;
  if (present === 0) {
    if (column.kind === Kind_String) padStrings(changetype<StringColumn>(column), column.length + count);
    else padTo(column, column.length + count);
    return;
  }
  if (present === count) defs = 0;
  if (column.kind === Kind_String) {
    const strings = changetype<StringColumn>(column);
    if (texts === 0 && indices === 0) {
      fail(Fault_Type);
      return;
    }
    if (indices !== 0 && strings.isPlain) resolveIndices(present);
    if (indices !== 0 && texts === 0) appendIndices(strings, defs, count, present);
    else if (strings.isPlain) appendPlainTexts(strings, defs, count, present, texts);
    else appendTexts(strings, defs, count, present);
    return;
  }
  if (numbers === 0 || column.kind >= Kind_List) {
    fail(Fault_Type);
    return;
  }
  appendNumbers(changetype<FixedColumn>(column), defs, count, present);
}

function appendNumbers(column: FixedColumn, defs: usize, count: i32, present: i32): void {
  const shift = <usize>shiftOf(column);
  const length = column.length;
  const bytes = (length + count) << (<i32>shift);
  if (bytes > room(column.values)) column.values = grown(column.values, length << (<i32>shift), bytes);
  let target = column.values + ((<usize>length) << shift);
  let value = numbers;
  // A slot without a value gets the next one, for nothing.
  if (shift === 3) {
    if (defs === 0) memory.copy(target, value, (<usize>count) << 3);
    else
      for (let i: usize = 0; i < <usize>count; i++, target += 8) {
        store<u64>(target, load<u64>(value));
        value += (<usize>load<u8>(defs + i)) << 3;
      }
  } else if (column.kind === Kind_Int)
    for (let i: usize = 0; i < <usize>count; i++, target += 4) {
      store<u32>(target, load<u32>(value));
      value += (defs === 0 ? 1 : <usize>load<u8>(defs + i)) << 3;
    }
  else if (column.kind === Kind_Boolean)
    for (let i: usize = 0; i < <usize>count; i++, target++) {
      store<u8>(target, load<u8>(value));
      value += (defs === 0 ? 1 : <usize>load<u8>(defs + i)) << 3;
    }
  markSlots(column, defs, count, present);
}

/** Of a column with a dictionary, which knows most entries of the chunk's already. */
function appendIndices(column: StringColumn, defs: usize, count: i32, present: i32): void {
  reserveCodes(column, count);
  const codes = column.codes + ((<usize>column.length) << 2);
  let index = indices;
  for (let i = 0; i < count; i++) {
    if (defs !== 0 && load<u8>(defs + i) === 0) continue;
    const known = codeMap + ((<usize>load<u32>(index)) << 2);
    index += 4;
    let code = load<i32>(known) - 1;
    if (code < 0) {
      const text = entryTexts + ((known - codeMap) << 1);
      code = codeOf(column.dictionary, load<u32>(text), lengthOf(text));
      store<i32>(known, code + 1);
      const done = <i32>((index - indices) >> 2);
      if (isWasteful(column.dictionary, column.length - column.nullCount + done)) {
        store<i32>(codes + ((<usize>i) << 2), code);
        resolveIndices(present);
        goOnPlain(column, defs, count, present, i + 1, done);
        return;
      }
    }
    store<i32>(codes + ((<usize>i) << 2), code);
  }
  markSlots(column, defs, count, present);
}

/** The same with texts. */
function appendTexts(column: StringColumn, defs: usize, count: i32, present: i32): void {
  reserveCodes(column, count);
  const codes = column.codes + ((<usize>column.length) << 2);
  const values = column.length - column.nullCount;
  let text = texts;
  for (let i = 0; i < count; i++) {
    if (defs !== 0 && load<u8>(defs + i) === 0) continue;
    store<i32>(codes + ((<usize>i) << 2), codeOf(column.dictionary, load<u32>(text), lengthOf(text)));
    text += 8;
    const done = <i32>((text - texts) >> 3);
    if (isWasteful(column.dictionary, values + done)) {
      goOnPlain(column, defs, count, present, i + 1, done);
      return;
    }
  }
  markSlots(column, defs, count, present);
}

/** The first `slots` slots have their codes; the column turns plain, and takes the rest so. */
function goOnPlain(column: StringColumn, defs: usize, count: i32, present: i32, slots: i32, done: i32): void {
  markSlots(column, defs, slots, done);
  turnPlain(column);
  const rest: usize = defs === 0 ? 0 : defs + slots;
  appendPlainTexts(column, rest, count - slots, present - done, texts + ((<usize>done) << 3));
}

function reserveCodes(column: StringColumn, count: i32): void {
  const words = (column.length + count) << 2;
  if (words > room(column.codes)) column.codes = grown(column.codes, column.length << 2, words);
}

/** Appends the `present` texts of a list to a column that is plain. */
function appendPlainTexts(column: StringColumn, defs: usize, count: i32, present: i32, list: usize): void {
  if (count === 0) return;
  const length = column.length;
  const words = (length + count + 1) << 2;
  if (words > room(column.offsets)) column.offsets = grown(column.offsets, (length + 1) << 2, words);
  let used = column.used;
  const all = <i64>used + bytesOfTexts(list, present);
  const bytes = <i32>min(all, <i64>(i32.MAX_VALUE - 64));
  if (bytes > room(column.text)) column.text = grown(column.text, used, bytes);
  let text = list;
  let offset = column.offsets + ((<usize>length) << 2);
  const end = offset + ((<usize>count) << 2);
  if (isConsecutive && present > 0) memory.copy(column.text + used, <usize>load<u32>(list), <usize>(bytes - used));
  for (let def = defs; offset < end; def++) {
    offset += 4;
    if (defs === 0 || load<u8>(def) !== 0) {
      const size = lengthOf(text);
      if (!isConsecutive) copy(column.text + used, load<u32>(text), size);
      used += size;
      text += 8;
    }
    store<i32>(offset, used);
  }
  column.used = used;
  markSlots(column, defs, count, present);
}
