/** Rows of one column into another of the same type. */
import { Kind_List, Kind_Map, Kind_String } from '../codes';
import { grown } from '../memory';
import { textOf } from '../parquet/values';
import { appendScalars, forgetCodes } from '../read/append';
import { takeDictionary, takeIndices, takeNumbers, takeTexts } from '../read/values';
import { NestedColumn, pad } from './column';
import { FixedColumn, shiftOf } from './fixed';
import { markSlots, Slots } from './slots';
import { StringColumn } from './strings';

let defs: usize = 0;
let values: usize = 0;
let entryTexts: usize = 0;
let nestedDefs: usize = 0;
let elementRows: usize = 0;

/** Appends the slots `rows`, four bytes each, of `source`, which is another column of the type of `column`. */
export function appendRows(column: Slots, source: Slots, rows: usize, count: i32): void {
  if (source.nullCount === source.length) {
    pad(column, column.length + count);
    return;
  }
  if (source.kind < Kind_List) appendScalarRows(column, source, rows, count);
  else appendNestedRows(changetype<NestedColumn>(column), changetype<NestedColumn>(source), rows, count);
}

/** Writes which of the rows hold a value; how many they are. */
function defsOf(target: usize, source: Slots, rows: usize, count: i32): i32 {
  if (!source.isTracked) {
    memory.fill(target, 1, count);
    return count;
  }
  let present = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const def = load<u8>(source.valid + load<u32>(rows + (i << 2)));
    store<u8>(target + i, def);
    present += def;
  }
  return present;
}

function appendScalarRows(column: Slots, source: Slots, rows: usize, count: i32): void {
  // An element column that has only ever had nulls lacks what values would lie in.
  if (source.nullCount === source.length) {
    pad(column, column.length + count);
    return;
  }
  defs = grown(defs, 0, count + 16);
  const present = defsOf(defs, source, rows, count);
  values = grown(values, 0, (count << 3) + 16);
  let to = values;
  if (source.kind === Kind_String) {
    const strings = changetype<StringColumn>(source);
    if (strings.isPlain) {
      for (let i: usize = 0; i < <usize>count; i++) {
        store<u64>(to, textOf(strings.offsets, strings.text, load<u32>(rows + (i << 2))));
        to += (<usize>load<u8>(defs + i)) << 3;
      }
      takeTexts(values);
    } else {
      const dictionary = strings.dictionary;
      entryTexts = grown(entryTexts, 0, dictionary.entries << 3);
      for (let entry: usize = 0; entry < <usize>dictionary.entries; entry++)
        store<u64>(entryTexts + (entry << 3), textOf(dictionary.offsets, dictionary.text, entry));
      for (let i: usize = 0; i < <usize>count; i++) {
        store<u32>(to, load<u32>(strings.codes + ((<usize>load<u32>(rows + (i << 2))) << 2)));
        to += (<usize>load<u8>(defs + i)) << 2;
      }
      takeDictionary(entryTexts, dictionary.entries);
      forgetCodes();
      takeIndices(values);
    }
  } else {
    const fixed = changetype<FixedColumn>(source);
    const shift = shiftOf(fixed);
    for (let i: usize = 0; i < <usize>count; i++) {
      const row = <usize>load<u32>(rows + (i << 2));
      if (shift === 3) store<u64>(to, load<u64>(fixed.values + (row << 3)));
      else if (shift === 2) store<u64>(to, load<u32>(fixed.values + (row << 2)));
      else store<u64>(to, load<u8>(fixed.values + row));
      to += (<usize>load<u8>(defs + i)) << 3;
    }
    takeNumbers(values);
  }
  appendScalars(column, defs, count, present);
}

function appendNestedRows(column: NestedColumn, source: NestedColumn, rows: usize, count: i32): void {
  nestedDefs = grown(nestedDefs, 0, count + 16);
  const present = defsOf(nestedDefs, source, rows, count);
  if (present === 0) {
    pad(column, column.length + count);
    return;
  }
  const length = column.length;
  column.offsets = grown(column.offsets, (length + 1) << 2, (length + count + 1) << 2);
  let offset = column.offsets + ((<usize>length) << 2);
  const first = load<i32>(offset);
  let end = first;
  for (let i: usize = 0; i < <usize>count; i++) {
    const slot = source.offsets + ((<usize>load<u32>(rows + (i << 2))) << 2);
    if (load<u8>(nestedDefs + i) !== 0) end += load<i32>(slot, 4) - load<i32>(slot);
    offset += 4;
    store<i32>(offset, end);
  }
  const elements = end - first;
  elementRows = grown(elementRows, 0, elements << 2);
  let to = elementRows;
  for (let i: usize = 0; i < <usize>count; i++) {
    if (load<u8>(nestedDefs + i) === 0) continue;
    const slot = source.offsets + ((<usize>load<u32>(rows + (i << 2))) << 2);
    for (let element = load<u32>(slot), last = load<u32>(slot, 4); element < last; element++, to += 4)
      store<u32>(to, element);
  }
  markSlots(column, nestedDefs, count, present);
  if (column.kind === Kind_Map) appendScalarRows(column.keys, source.keys, elementRows, elements);
  appendScalarRows(column.elements, source.elements, elementRows, elements);
}
