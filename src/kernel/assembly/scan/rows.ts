/**
 * What the scanner found in a run of records, column by column: value `slot * capacity + row` of each array belongs to
 * that row's slot. The texts of all these records stand in one block.
 */
import { allocate, allocateZeros, grown, room } from '../memory';

/** So many that a column is a loop, so few that they and their texts stay in a processor's cache. */
export const capacity: i32 = 64;

@unmanaged
export class Rows {
  slots: i32;
  tags: usize;
  /** The whole text of a value, the quotes of a string included. */
  starts: usize;
  ends: usize;
  numbers: usize;
  /** Of maps and lists that were taken apart: which elements are theirs. */
  firsts: usize;
  lasts: usize;
  /** By slot: whether any of the rows has the path. */
  met: usize;
}

export function newRows(slots: i32): Rows {
  const rows = changetype<Rows>(allocateZeros(offsetof<Rows>()));
  const count = slots * capacity;
  rows.slots = slots;
  rows.tags = allocateZeros(count);
  rows.starts = allocate(count << 2);
  rows.ends = allocate(count << 2);
  rows.numbers = allocate(count << 3);
  rows.firsts = allocate(count << 2);
  rows.lasts = allocate(count << 2);
  rows.met = allocateZeros(slots);
  return rows;
}

/** Puts the values of a row into one before it. */
export function moveRow(rows: Rows, from: i32, to: i32): void {
  for (let slot = 0; slot < rows.slots; slot++) {
    const source = <usize>(slot * capacity + from);
    const target = <usize>(slot * capacity + to);
    store<u8>(rows.tags + target, load<u8>(rows.tags + source));
    moveWord<usize>(rows.starts, source, target);
    moveWord<usize>(rows.ends, source, target);
    moveWord<f64>(rows.numbers, source, target);
    moveWord<i32>(rows.firsts, source, target);
    moveWord<i32>(rows.lasts, source, target);
  }
}

/** Of an array of words. */
export function moveWord<T>(array: usize, from: usize, to: usize): void {
  store<T>(array + (to << alignof<T>()), load<T>(array + (from << alignof<T>())));
}

/** The elements of the lists and the pairs of the maps of these rows. */
@unmanaged
export class Elements {
  count: i32;
  /** Of pairs, a word each. */
  members: usize;
  tags: usize;
  starts: usize;
  ends: usize;
  numbers: usize;
}

/** Elements of lists and maps that are held before their rows go into the columns. */
export const manyElements: i32 = 1 << 14;

export function newElements(): Elements {
  return changetype<Elements>(allocateZeros(offsetof<Elements>()));
}

export function addElement(elements: Elements, member: usize, tag: i32, start: usize, end: usize, number: f64): void {
  const at = <usize>elements.count;
  if (<i32>at >= room(elements.tags)) growElements(elements);
  elements.count = <i32>at + 1;
  store<usize>(elements.members + (at << 2), member);
  store<u8>(elements.tags + at, tag);
  store<usize>(elements.starts + (at << 2), start);
  store<usize>(elements.ends + (at << 2), end);
  store<f64>(elements.numbers + (at << 3), number);
}

function growElements(elements: Elements): void {
  const count = elements.count;
  elements.tags = grown(elements.tags, count, count + 1024);
  const slots = room(elements.tags);
  elements.members = grown(elements.members, count << 2, slots << 2);
  elements.starts = grown(elements.starts, count << 2, slots << 2);
  elements.ends = grown(elements.ends, count << 2, slots << 2);
  elements.numbers = grown(elements.numbers, count << 3, slots << 3);
}
