/** Columns of booleans, numbers and times: values of one width. */
import { Kind_Boolean, Kind_Double, Kind_Int } from '../codes';
import { grown, room } from '../memory';
import { markValue, markValues, Slots } from './slots';

@unmanaged
export class FixedColumn extends Slots {
  values: usize;
}

/** log2 of the bytes of a value. */
export function shiftOf(column: FixedColumn): i32 {
  return column.kind === Kind_Boolean ? 0 : column.kind === Kind_Int ? 2 : 3;
}

function reserve(column: FixedColumn, slots: i32): void {
  const shift = shiftOf(column);
  if (slots << shift > room(column.values)) {
    column.values = grown(column.values, column.length << shift, slots << shift);
  }
}

/** A boolean, an int, a double, or a whole number within +-2^53. */
export function appendNumber(column: FixedColumn, value: f64): void {
  const slot = column.length;
  reserve(column, slot + 1);
  const values = column.values;
  if (column.kind === Kind_Boolean) store<u8>(values + slot, <u8>value);
  else if (column.kind === Kind_Int) store<i32>(values + ((<usize>slot) << 2), <i32>value);
  else if (column.kind === Kind_Double) store<f64>(values + ((<usize>slot) << 3), value);
  else store<i64>(values + ((<usize>slot) << 3), <i64>value);
  markValue(column);
}

/** A 64-bit integer. */
export function appendLong(column: FixedColumn, value: i64): void {
  const slot = column.length;
  reserve(column, slot + 1);
  store<i64>(column.values + ((<usize>slot) << 3), value);
  markValue(column);
}

/** The same 64-bit integer, `count` times. */
export function appendLongs(column: FixedColumn, value: i64, count: i32): void {
  const slot = column.length;
  reserve(column, slot + count);
  for (let i = 0; i < count; i++) store<i64>(column.values + ((<usize>(slot + i)) << 3), value);
  markValues(column, count);
}
