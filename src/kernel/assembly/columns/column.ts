/** Columns of any type: made, emptied, measured and described to the host. */
import { Kind_List, Kind_Map, Kind_String } from '../codes';
import { allocateZeros, grown, release, room } from '../memory';
import { Dictionary, initDictionary } from './dictionary';
import { FixedColumn, shiftOf } from './fixed';
import { emptySlots, markValue, padTo, Slots } from './slots';
import {
  bytesOfStrings,
  emptyStrings,
  freeStrings,
  padStrings,
  releaseStrings,
  renewStrings,
  StringColumn,
} from './strings';

/** Lists, whose elements are a column, and maps, whose keys are another. */
@unmanaged
export class NestedColumn extends Slots {
  /** Slot i is the elements offsets[i] .. offsets[i + 1]. */
  offsets: usize;
  keys: StringColumn;
  elements: Slots;
}

/** An empty column; `elementKind` is that of the elements of a list and of the values of a map. */
export function newColumn(kind: i32, elementKind: i32): Slots {
  if (kind === Kind_String) return newStrings();
  if (kind !== Kind_List && kind !== Kind_Map) {
    const fixed = changetype<FixedColumn>(allocateZeros(offsetof<FixedColumn>()));
    fixed.kind = kind;
    return fixed;
  }
  const nested = changetype<NestedColumn>(allocateZeros(offsetof<NestedColumn>()));
  nested.kind = kind;
  nested.offsets = allocateZeros(4);
  nested.elements = newColumn(elementKind, 0);
  if (kind === Kind_Map) nested.keys = newStrings();
  return nested;
}

function newStrings(): StringColumn {
  const column = changetype<StringColumn>(allocateZeros(offsetof<StringColumn>()));
  column.kind = Kind_String;
  column.dictionary = changetype<Dictionary>(allocateZeros(offsetof<Dictionary>()));
  initDictionary(column.dictionary);
  return column;
}

/** Nulls up to a row. */
export function pad(column: Slots, row: i32): void {
  if (column.kind === Kind_String) padStrings(changetype<StringColumn>(column), row);
  else if (column.kind < Kind_List) padTo(column, row);
  else padNested(changetype<NestedColumn>(column), row);
}

function padNested(column: NestedColumn, row: i32): void {
  const from = column.length;
  if (row <= from) return;
  const words = (row + 1) << 2;
  if (words > room(column.offsets)) column.offsets = grown(column.offsets, (from + 1) << 2, words);
  const end = load<i32>(column.offsets + ((<usize>from) << 2));
  for (let slot = from + 1; slot <= row; slot++) store<i32>(column.offsets + ((<usize>slot) << 2), end);
  padTo(column, row);
}

/** Ends the slot that the elements since the last one belong to. */
export function closeSlot(column: NestedColumn): void {
  const slot = column.length;
  const words = (slot + 2) << 2;
  if (words > room(column.offsets)) column.offsets = grown(column.offsets, (slot + 1) << 2, words);
  if (column.kind === Kind_Map) pad(column.elements, column.keys.length);
  store<i32>(column.offsets + ((<usize>slot) << 2), column.elements.length, 4);
  markValue(column);
}

/** Forgets all slots and keeps the blocks. */
export function emptyColumn(column: Slots): void {
  if (column.kind === Kind_String) {
    emptyStrings(changetype<StringColumn>(column));
    return;
  }
  if (column.kind >= Kind_List) {
    const nested = changetype<NestedColumn>(column);
    emptyColumn(nested.elements);
    if (column.kind === Kind_Map) emptyStrings(nested.keys);
  }
  emptySlots(column);
}

/** Forgets all slots and gives the blocks back. */
export function releaseColumn(column: Slots): void {
  emptyColumn(column);
  release(column.valid);
  column.valid = 0;
  if (column.kind === Kind_String) releaseStrings(changetype<StringColumn>(column));
  else if (column.kind >= Kind_List) {
    const nested = changetype<NestedColumn>(column);
    release(nested.offsets);
    nested.offsets = allocateZeros(4);
    releaseColumn(nested.elements);
    if (column.kind === Kind_Map) releaseColumn(nested.keys);
  } else {
    const fixed = changetype<FixedColumn>(column);
    release(fixed.values);
    fixed.values = 0;
  }
}

/** Forgets all slots and what was learned of their values, and keeps the blocks. */
export function renewColumn(column: Slots): void {
  emptyColumn(column);
  if (column.kind === Kind_String) renewStrings(changetype<StringColumn>(column));
  if (column.kind < Kind_List) return;
  const nested = changetype<NestedColumn>(column);
  renewColumn(nested.elements);
  if (column.kind === Kind_Map) renewColumn(nested.keys);
}

/** Gives all blocks of a column back, and the column itself. */
export function freeColumn(column: Slots): void {
  release(column.valid);
  if (column.kind === Kind_String) freeStrings(changetype<StringColumn>(column));
  else if (column.kind < Kind_List) release(changetype<FixedColumn>(column).values);
  else {
    const nested = changetype<NestedColumn>(column);
    freeColumn(nested.elements);
    if (column.kind === Kind_Map) freeColumn(nested.keys);
    release(nested.offsets);
  }
  release(changetype<usize>(column));
}

/** Near enough to hold a memory budget. */
export function bytesOf(column: Slots): i32 {
  if (column.nullCount === column.length) return 0;
  if (column.kind === Kind_String) return bytesOfStrings(changetype<StringColumn>(column));
  if (column.kind < Kind_List) return ((1 << shiftOf(changetype<FixedColumn>(column))) + 1) * column.length;
  const nested = changetype<NestedColumn>(column);
  const keys = column.kind === Kind_Map ? bytesOfStrings(nested.keys) : 0;
  return column.length * 5 + keys + bytesOf(nested.elements);
}

/**
 * Writes what the host needs to see a column as arrays, a word each: slots, nulls, valid (0: all slots hold values),
 * codes or values (0: none), entries, offsets, text, bytes of text, elements, keys.
 */
export function describe(column: Slots, target: usize): void {
  memory.fill(target, 0, 40);
  store<i32>(target, column.length);
  store<i32>(target, column.nullCount, 4);
  if (column.isTracked && column.nullCount < column.length) store<usize>(target, column.valid, 8);
  if (column.kind === Kind_String) {
    const strings = changetype<StringColumn>(column);
    const dictionary = strings.dictionary;
    const isPlain = strings.isPlain;
    store<usize>(target, isPlain ? 0 : strings.codes, 12);
    store<i32>(target, isPlain ? column.length : dictionary.entries, 16);
    store<usize>(target, isPlain ? strings.offsets : dictionary.offsets, 20);
    store<usize>(target, isPlain ? strings.text : dictionary.text, 24);
    store<i32>(target, isPlain ? strings.used : dictionary.usedBytes, 28);
  } else if (column.kind >= Kind_List) {
    const nested = changetype<NestedColumn>(column);
    store<usize>(target, nested.offsets, 20);
    store<usize>(target, changetype<usize>(nested.elements), 32);
    if (column.kind === Kind_Map) store<usize>(target, changetype<usize>(nested.keys), 36);
  } else store<usize>(target, changetype<FixedColumn>(column).values, 12);
}
