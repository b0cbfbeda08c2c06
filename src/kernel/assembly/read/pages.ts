/**
 * Pages of a column chunk into a column: levels, then values (parquet-format, README.md "Data Pages", "Nested Encoding").
 * The host takes headers apart and decompresses bodies.
 */
import { Fault_Inside, Fault_Values } from '../codes';
import { NestedColumn, pad } from '../columns/column';
import { markSlots, Slots } from '../columns/slots';
import { grown, room } from '../memory';
import { appendScalars, forgetCodes } from './append';
import { at, end, fail, fault, left, open, seek } from './input';
import { beginChunk, pageSpace, readDictionary, readLevels, readValues } from './values';

/** Of the leaf: the definition level of a value, of a list that is there, and of an entry of one. */
let maxDefinition: i32 = 0;
let isRepeated: bool = false;
let presentFrom: i32 = 0;
let entryFrom: i32 = 0;
let isFirst: bool = false;

let definition: usize = 0;
let repetition: usize = 0;
let entryDefs: usize = 0;
let rowDefs: usize = 0;

/** The pages that follow are of a leaf of this shape (parquet/read/chunk.ts). */
export function beginLeaf(physical: i32, definitionMost: i32, repeated: bool, present: i32, entry: i32): void {
  beginChunk(physical);
  maxDefinition = definitionMost;
  isRepeated = repeated;
  presentFrom = present;
  entryFrom = entry;
  isFirst = true;
}

/** Takes the body in the dictionary's space; 0, or what is wrong with it (`Fault_…`). */
export function addDictionary(bytes: i32, count: i32): i32 {
  const wrong = readDictionary(bytes, count);
  forgetCodes();
  return wrong;
}

/**
 * Appends the page whose body is in the page's space. `column` gets the values; `owner`, unless it is 0, is the list or
 * map whose slots begin and end with them. Lengths of levels that have none of their own in front of them, else -1.
 * Returns 0, or what is wrong (`Fault_…`): the column is void then.
 */
export function appendPage(
  owner: usize,
  column: Slots,
  bytes: i32,
  count: i32,
  encoding: i32,
  repetitionBytes: i32,
  definitionBytes: i32,
): i32 {
  open(pageSpace(0), bytes);
  if (isRepeated) {
    repetition = grown(repetition, 0, count + 32);
    readLevels(repetition, count, 1, levelsEnd(repetitionBytes));
  }
  let defs: usize = 0;
  let present = count;
  if (maxDefinition > 0) {
    definition = grown(definition, 0, count + 32);
    readLevels(definition, count, 32 - clz(maxDefinition), levelsEnd(definitionBytes));
    defs = definition;
    present = countOf(definition, count, maxDefinition);
  }
  if (fault !== 0) return fault;
  readValues(encoding, present);
  if (fault !== 0) return fault;
  if (!isRepeated) {
    appendScalars(column, defs, count, present);
    return fault;
  }
  if (isFirst && count > 0 && load<u8>(repetition) !== 0) return Fault_Inside;
  isFirst = false;
  appendEntries(column, count, present);
  if (owner !== 0 && fault === 0) appendSlots(changetype<NestedColumn>(owner), count);
  return fault;
}

/** Where levels end: behind their length, or so many bytes. */
function levelsEnd(bytes: i32): usize {
  if (fault !== 0) return at;
  let length = <u64>(<u32>bytes);
  if (bytes < 0) {
    if (left() < 4) {
      fail(Fault_Values);
      return at;
    }
    length = <u64>load<u32>(at);
    seek(at + 4);
  }
  if (length > <u64>left()) {
    fail(Fault_Values);
    return end;
  }
  return at + <usize>length;
}

function countOf(levels: usize, count: i32, level: i32): i32 {
  const same = i8x16.splat(<i8>level);
  let some = 0;
  let i = 0;
  for (; i + 16 <= count; i += 16) some += popcnt(i8x16.bitmask(i8x16.eq(v128.load(levels + i), same)));
  for (; i < count; i++) some += i32(load<u8>(levels + i) === <u8>level);
  return some;
}

/** The entries among the levels, with a value or null. */
function appendEntries(column: Slots, count: i32, present: i32): void {
  entryDefs = grown(entryDefs, 0, count + 32);
  let some = 0;
  for (let i = 0; i < count; i++) {
    const level = <i32>load<u8>(definition + i);
    store<u8>(entryDefs + some, level === maxDefinition ? 1 : 0);
    some += i32(level >= entryFrom);
  }
  appendScalars(column, entryDefs, some, present);
}

/** The slots that start among the levels; the last one may go on in the next page. */
function appendSlots(owner: NestedColumn, count: i32): void {
  let rows = 0;
  for (let i = 0; i < count; i++) rows += i32(load<u8>(repetition + i) === 0);
  const length = owner.length;
  const words = (length + rows + 1) << 2;
  if (words > room(owner.offsets)) owner.offsets = grown(owner.offsets, (length + 1) << 2, words);
  rowDefs = grown(rowDefs, 0, rows + 32);
  let offset = owner.offsets + ((<usize>length) << 2);
  let entries = load<i32>(offset);
  let def = rowDefs;
  let present = 0;
  for (let i = 0; i < count; i++) {
    const level = <i32>load<u8>(definition + i);
    if (load<u8>(repetition + i) === 0) {
      offset += 4;
      const isThere = i32(level >= presentFrom);
      store<u8>(def++, isThere);
      present += isThere;
    }
    entries += i32(level >= entryFrom);
    store<i32>(offset, entries);
  }
  if (present === 0) pad(owner, length + rows);
  else markSlots(owner, rowDefs, rows, present);
}
