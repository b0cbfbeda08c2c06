/**
 * Shredding: from the slots of a column to the level and value streams of a leaf (parquet-format, README.md "Nested
 * Encoding"; the Dremel paper). There is one stream, of the chunk that is being written.
 */
import { grown } from '../memory';

/** One a level entry, unless all have the same. */
export let definition: usize = 0;
/** One a level entry, 0 where a row starts; only of lists and maps. */
export let repetition: usize = 0;
export let levels: i32 = 0;
/** The slots that hold the values, four bytes each. */
export let slots: usize = 0;
export let values: i32 = 0;

let slotBlock: usize = 0;

export function streamLevels(): i32 {
  return levels;
}

export function streamValues(): i32 {
  return values;
}

/** A column without a null slot. */
export function shredPresent(rows: usize, count: i32): void {
  levels = count;
  values = count;
  slots = rows;
}

/** A leaf of nothing but nulls. */
export function shredAbsent(count: i32): void {
  levels = count;
  values = 0;
  repetition = grown(repetition, 0, count);
  memory.fill(repetition, 0, count);
}

export function shredOptional(valid: usize, rows: usize, count: i32): void {
  definition = grown(definition, 0, count);
  slotBlock = grown(slotBlock, 0, count << 2);
  let to = slotBlock;
  for (let i = 0; i < count; i++) {
    const row = load<u32>(rows + ((<usize>i) << 2));
    const level = load<u8>(valid + row);
    store<u8>(definition + i, level);
    store<u32>(to, row);
    to += (<usize>level) << 2;
  }
  levels = count;
  slots = slotBlock;
  values = <i32>((to - slotBlock) >> 2);
}

/**
 * A list or map, by `valid` (0: no slot is null) and `offsets`; its elements by `elementValid` (0: all are there) unless
 * none is there at all. `empty` is the definition level of an empty one, `present` that of an element that is there.
 */
export function shredRepeated(
  valid: usize,
  offsets: usize,
  elementValid: usize,
  nonePresent: bool,
  rows: usize,
  count: i32,
  empty: i32,
  present: i32,
): void {
  let capacity = 0;
  for (let i = 0; i < count; i++) {
    const slot = offsets + ((<usize>load<u32>(rows + ((<usize>i) << 2))) << 2);
    capacity += max(1, load<i32>(slot + 4) - load<i32>(slot));
  }
  definition = grown(definition, 0, capacity);
  repetition = grown(repetition, 0, capacity);
  slotBlock = grown(slotBlock, 0, capacity << 2);
  let level: usize = 0;
  let to = slotBlock;
  for (let i = 0; i < count; i++) {
    const row = load<u32>(rows + ((<usize>i) << 2));
    const slot = offsets + ((<usize>row) << 2);
    let element = load<u32>(slot);
    const end = load<u32>(slot + 4);
    const isNull = valid !== 0 && load<u8>(valid + row) === 0;
    if (element === end || isNull) {
      store<u8>(definition + level, isNull ? 0 : empty);
      store<u8>(repetition + level++, 0);
      continue;
    }
    const first = level;
    if (nonePresent) {
      for (; element < end; element++) {
        store<u8>(repetition + level, 1);
        store<u8>(definition + level++, empty + 1);
      }
    } else if (elementValid === 0) {
      for (; element < end; element++) {
        store<u8>(repetition + level, 1);
        store<u8>(definition + level++, present);
        store<u32>(to, element);
        to += 4;
      }
    } else {
      for (; element < end; element++) {
        const isThere = load<u8>(elementValid + element);
        store<u8>(repetition + level, 1);
        store<u8>(definition + level++, isThere ? present : empty + 1);
        store<u32>(to, element);
        to += (<usize>isThere) << 2;
      }
    }
    store<u8>(repetition + first, 0);
  }
  levels = <i32>level;
  slots = slotBlock;
  values = <i32>((to - slotBlock) >> 2);
}

/** How many of definition[from, to) are `level`. */
export function countDefinition(from: i32, to: i32, level: i32): i32 {
  const same = i8x16.splat(<i8>level);
  let count = 0;
  let i = from;
  for (; i + 16 <= to; i += 16) count += popcnt(i8x16.bitmask(i8x16.eq(v128.load(definition + i), same)));
  for (; i < to; i++) count += i32(load<u8>(definition + i) === <u8>level);
  return count;
}

/** Whether some of the rows are null by `valid`. */
export function hasNull(valid: usize, rows: usize, count: i32): bool {
  for (let i = 0; i < count; i++) if (load<u8>(valid + load<u32>(rows + ((<usize>i) << 2))) === 0) return true;
  return false;
}
