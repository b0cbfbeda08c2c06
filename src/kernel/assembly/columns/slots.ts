/**
 * What all columns share: how many slots they have, and which of them hold a value. Nulls are written only when a later
 * value comes (`padTo`), so a column that never gets one costs nothing. Blocks stay with a column that is emptied.
 */
import { grown, room } from '../memory';

@unmanaged
export class Slots {
  kind: i32;
  length: i32;
  nullCount: i32;
  /** Whether `valid` counts: it does not while there is no null, nor while there is nothing else. */
  isTracked: bool;
  /** A byte a slot: 1 where it holds a value. */
  valid: usize;
}

function track(column: Slots, slots: i32): void {
  column.valid = grown(column.valid, column.length, slots);
}

/** Nulls up to a row. */
export function padTo(column: Slots, row: i32): void {
  const from = column.length;
  if (row <= from) return;
  if (column.isTracked) {
    if (row > room(column.valid)) track(column, row);
    memory.fill(column.valid + from, 0, row - from);
  } else if (column.nullCount < from) {
    if (row > room(column.valid)) track(column, row);
    memory.fill(column.valid, 1, from);
    memory.fill(column.valid + from, 0, row - from);
    column.isTracked = true;
  }
  column.nullCount += row - from;
  column.length = row;
}

/** Counts values that are in their slots already. */
export function markValues(column: Slots, count: i32): void {
  const length = column.length;
  if (column.isTracked) {
    if (length + count > room(column.valid)) track(column, length + count);
    memory.fill(column.valid + length, 1, count);
  } else if (column.nullCount > 0) {
    track(column, length + count);
    memory.fill(column.valid, 0, length);
    memory.fill(column.valid + length, 1, count);
    column.isTracked = true;
  }
  column.length = length + count;
}

/** Counts `count` slots whose values are in place, those with a 1 in `defs` (0: all), which are `present`. */
export function markSlots(column: Slots, defs: usize, count: i32, present: i32): void {
  if (present === count) {
    markValues(column, count);
    return;
  }
  const length = column.length;
  if (length + count > room(column.valid)) track(column, length + count);
  if (!column.isTracked) {
    memory.fill(column.valid, column.nullCount === 0 ? 1 : 0, length);
    column.isTracked = true;
  }
  memory.copy(column.valid + length, defs, count);
  column.nullCount += count - present;
  column.length = length + count;
}

/** The same for one value. */
export function markValue(column: Slots): void {
  if (column.isTracked || column.nullCount > 0) markValues(column, 1);
  else column.length++;
}

export function emptySlots(column: Slots): void {
  column.length = 0;
  column.nullCount = 0;
  column.isTracked = false;
}
