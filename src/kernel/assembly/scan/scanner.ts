/**
 * The byte scanner: one pass over the bytes of a JSON record (RFC 8259) that proves its grammar and notes where the
 * values of the wanted paths stand, without making a string or an object.
 *
 * It accepts only what it can prove: any other record (an odd escape, a duplicate key, a type that the schema does not
 * take, a number that a double does not hold) is doubted, and the reference path (parse.ts, validate.ts, flatten.ts)
 * decides. The bytes have to be valid UTF-8; the host checks that for whole pieces.
 *
 * Records resemble the one before: keys are predicted by its order, and a string, an object or an array whose text is
 * the same as its text there is not looked into again. That is safe since such a text tells its own end.
 */

import { isSame, isSameWord } from '../bytes';
import {
  Shape_List,
  Shape_Map,
  Shape_Raw,
  Tag_Absent,
  Tag_Array,
  Tag_Escaped,
  Tag_False,
  Tag_Int,
  Tag_Null,
  Tag_Object,
  Tag_String,
  Tag_True,
} from '../codes';
import { grown, room } from '../memory';
import { Member, memberOf, ObjectNode, predict } from './program';
import { addElement, capacity, Elements, Rows } from './rows';
import { has } from './tags';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  doubt,
  isEscaped,
  number,
  numeral,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  setTag,
  skipSpace,
  string,
  tag,
} from './tokens';

let root: ObjectNode = changetype<ObjectNode>(0);
let rows: Rows = changetype<Rows>(0);
let elements: Elements = changetype<Elements>(0);
let tags: usize;
let starts: usize;
let ends: usize;
let required: usize;
let requiredCount: i32;
let maxDepth: i32;

/** Where the record scanned last, or the next one, is in the rows. */
export let row: i32 = 0;
/** Whether a value may have another tag than all columns of its path hold in any case. */
export let isOdd: bool = false;
/** Members of the root object that the schema does not know, a word each, and where their values start and end. */
export let unknown: i32 = 0;
export let unknownMembers: usize = 0;
export let unknownRanges: usize = 0;

let epoch: i32 = 0;
/** Objects and arrays that are open. */
export let depth: i32 = 0;
/** Whether the row holds values of a record that was not kept. */
let isDirty: bool = false;
/** Of the rows that are kept: their elements, and whether the last one is odd. */
let kept: i32 = 0;
let wasOdd: bool = false;

/** Turns to another program, whose rows are empty. `requiredSlots`: slots that every record must have, a word each. */
export function turnTo(
  toRoot: ObjectNode,
  toRows: Rows,
  toElements: Elements,
  requiredSlots: usize,
  requiredSlotCount: i32,
  depthLimit: i32,
): void {
  root = toRoot;
  rows = toRows;
  elements = toElements;
  tags = rows.tags;
  starts = rows.starts;
  ends = rows.ends;
  required = requiredSlots;
  requiredCount = requiredSlotCount;
  maxDepth = depthLimit;
  row = 0;
  isDirty = true;
}

export function setDepth(open: i32): void {
  depth = open;
}

/** Whether one more may be open, which it is from now on. */
export function enter(): bool {
  return ++depth <= maxDepth;
}

export function leave(): void {
  depth--;
}

/** Scans the record at `at`; returns the place behind it, where white space has been passed over, or doubt. */
export function scan(at: usize): usize {
  depth = 0;
  return scanInside(at);
}

/** The same for a record inside of the objects that are open. */
export function scanInside(at: usize): usize {
  epoch++;
  unknown = 0;
  if (isDirty) clean();
  isDirty = true;
  isOdd = false;
  // Frames have no white space in front; where they had, sources might look for a wrapper there.
  if (load<u8>(at) !== OPEN_BRACE) return doubt;
  at = object(at + 1, root, null);
  if (at === doubt) return doubt;
  for (let i = 0; i < requiredCount; i++) {
    if (tagOf(load<i32>(required + ((<usize>i) << 2))) === Tag_Absent) return doubt;
  }
  return skipSpace(at);
}

/** The tag of a slot of the record scanned last. */
export function tagOf(slot: i32): i32 {
  return load<u8>(tags + slot * capacity + row);
}

export function startOf(slot: i32): usize {
  return load<usize>(starts + ((<usize>(slot * capacity + row)) << 2));
}

export function endOf(slot: i32): usize {
  return load<usize>(ends + ((<usize>(slot * capacity + row)) << 2));
}

/** Keeps the record scanned last; the next one is another row. */
export function keep(): void {
  kept = elements.count;
  wasOdd = isOdd;
  isDirty = false;
  row++;
}

/** Forgets all rows. */
export function clear(): void {
  if (row === 0 && !isDirty) return;
  row = 0;
  kept = 0;
  elements.count = 0;
  memory.fill(tags, 0, rows.slots * capacity);
  memory.fill(rows.met, 0, rows.slots);
  isDirty = false;
}

function clean(): void {
  const last = tags + rows.slots * capacity;
  for (let at = tags + row; at < last; at += capacity) store<u8>(at, Tag_Absent);
  elements.count = kept;
}

/**
 * After the opening brace; returns the place after the closing one. With a `map` the members are its pairs, besides
 * having slots of their own where they are known.
 */
function object(at: usize, node: ObjectNode, map: Member | null): usize {
  if (++depth > maxDepth) return doubt;
  const isRoot = node === root;
  if (load<u8>(at) <= 0x20) at = skipSpace(at);
  if (load<u8>(at) === CLOSE_BRACE) {
    depth--;
    return isRoot ? doubt : at + 1;
  }
  let position = 0;
  while (true) {
    // Behind the brace, or at a comma.
    const first = position === 0 ? 1 : 0;
    let member: Member | null = null;
    if (position < node.predictedCount) {
      const predicted = changetype<Member>(load<usize>(node.predicted + ((<usize>position) << 2)));
      const length = predicted.leadLength - first;
      if (length > 16 ? isSame(at, predicted.lead + first, length) : isSameWord(at, predicted.lead + first, length)) {
        member = predicted;
        at += length;
      }
    }
    if (member === null) {
      if (first === 0) {
        at++;
        if (load<u8>(at) <= 0x20) at = skipSpace(at);
      }
      if (load<u8>(at) !== QUOTE) return doubt;
      const close = string(at + 1);
      if (close === doubt || isEscaped) return doubt;
      member = memberOf(node, at + 1, <i32>(close - at) - 1);
      if (member !== null) predict(node, position, member);
      else if (node.isWhole) return doubt;
      at = behindColon(close + 1);
      if (at === doubt) return doubt;
    }
    if (load<u8>(at) <= 0x20) at = skipSpace(at);
    if (member === null) {
      at = value(at);
      if (at === doubt) return doubt;
    } else {
      if (member.epoch === epoch) return doubt;
      member.epoch = epoch;
      const start = at;
      if (map !== null) {
        at = value(at);
        if (at === doubt || !has(map.elements, tag)) return doubt;
        addElement(elements, changetype<usize>(member), tag, start, at, number);
        if (member.slot >= 0) note(member, start, at);
      } else {
        at = member.slot < 0 && member.node === null ? value(at) : memberValue(at, member);
        if (at === doubt || !has(member.accepts, tag)) return doubt;
        if (isRoot && !member.isKnown) noteUnknown(member, start, at);
      }
    }
    if (load<u8>(at) <= 0x20) at = skipSpace(at);
    const byte = load<u8>(at);
    if (byte === CLOSE_BRACE) {
      depth--;
      return at + 1;
    }
    if (byte !== COMMA) return doubt;
    // A predicted key stands right behind its comma; any other is found from the comma on.
    position++;
  }
}

/** Behind a key; returns the place behind its colon. */
export function behindColon(at: usize): usize {
  if (load<u8>(at) !== COLON) {
    at = skipSpace(at);
    if (load<u8>(at) !== COLON) return doubt;
  }
  return at + 1;
}

/** After the opening bracket; the elements of a `list` are noted. */
function array(at: usize, list: Member | null): usize {
  if (++depth > maxDepth) return doubt;
  at = skipSpace(at);
  if (load<u8>(at) === CLOSE_BRACKET) {
    depth--;
    return at + 1;
  }
  while (true) {
    const start = at;
    at = value(at);
    if (at === doubt) return doubt;
    if (list !== null) {
      if (!has(list.elements, tag)) return doubt;
      addElement(elements, 0, tag, start, at, number);
    }
    if (load<u8>(at) <= 0x20) at = skipSpace(at);
    const byte = load<u8>(at);
    if (byte === CLOSE_BRACKET) {
      depth--;
      return at + 1;
    }
    if (byte !== COMMA) return doubt;
    at = skipSpace(at + 1);
  }
}

/** The value of a member that has columns, itself or below. */
function memberValue(at: usize, member: Member): usize {
  const slot = member.slot;
  const start = at;
  const byte = load<u8>(at);
  if (slot >= 0 && row > 0 && (byte === QUOTE || byte === OPEN_BRACE || byte === OPEN_BRACKET)) {
    const end = repeated(at, member);
    if (end !== doubt) return end;
  }
  if (member.shape !== Shape_Raw && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) {
    const first = elements.count;
    const node = member.node;
    if (byte === OPEN_BRACKET) {
      if (node !== null && node.hasIndexes) return doubt;
      at = array(at + 1, member.shape === Shape_List ? member : null);
      setTag(Tag_Array);
    } else {
      at = node === null ? skipObject(at + 1) : object(at + 1, node, member.shape === Shape_Map ? member : null);
      setTag(Tag_Object);
    }
    if (at === doubt) return doubt;
    if (slot >= 0) {
      const place = (<usize>(slot * capacity + row)) << 2;
      store<i32>(rows.firsts + place, first);
      store<i32>(rows.lasts + place, elements.count);
    }
  } else {
    at = value(at);
    if (at === doubt) return doubt;
  }
  if (slot >= 0) note(member, start, at);
  return at;
}

/** The place after the value at `at` where its text is that of the row before, and it is noted as the same; else doubt. */
function repeated(at: usize, member: Member): usize {
  const before = <usize>(member.slot * capacity + row - 1);
  const tagBefore: i32 = load<u8>(tags + before);
  if (tagBefore < Tag_String) return doubt;
  const start = load<usize>(starts + (before << 2));
  const length = <i32>(load<usize>(ends + (before << 2)) - start);
  if (!isSame(at, start, length)) return doubt;
  const count = member.slotCount;
  for (let i = 0; i < count; i++) repeatSlot(load<i32>(member.slots + ((<usize>i) << 2)));
  isOdd = isOdd || wasOdd;
  setTag(tagBefore);
  return at + length;
}

/** The value of the row before again. */
function repeatSlot(slot: i32): void {
  const to = <usize>(slot * capacity + row);
  const from = to - 1;
  const tagBefore: i32 = load<u8>(tags + from);
  store<u8>(tags + to, tagBefore);
  store<usize>(starts + (to << 2), load<usize>(starts + (from << 2)));
  store<usize>(ends + (to << 2), load<usize>(ends + (from << 2)));
  if (tagBefore === Tag_Int) store<f64>(rows.numbers + (to << 3), load<f64>(rows.numbers + (from << 3)));
  if (tagBefore < Tag_Array) return;
  store<i32>(rows.firsts + (to << 2), load<i32>(rows.firsts + (from << 2)));
  store<i32>(rows.lasts + (to << 2), load<i32>(rows.lasts + (from << 2)));
}

function note(member: Member, start: usize, end: usize): void {
  const slot = member.slot;
  const place = <usize>(slot * capacity + row);
  store<u8>(tags + place, tag);
  store<usize>(starts + (place << 2), start);
  store<usize>(ends + (place << 2), end);
  if (tag === Tag_Int) store<f64>(rows.numbers + (place << 3), number);
  if (!has(member.plain, tag)) isOdd = true;
  store<u8>(rows.met + slot, 1);
}

function noteUnknown(member: Member, start: usize, end: usize): void {
  const at = <usize>unknown;
  const bytes = (unknown + 1) << 2;
  if (bytes > room(unknownMembers)) unknownMembers = grown(unknownMembers, unknown << 2, bytes);
  if (bytes << 1 > room(unknownRanges)) unknownRanges = grown(unknownRanges, unknown << 3, bytes << 1);
  store<usize>(unknownMembers + (at << 2), changetype<usize>(member));
  store<usize>(unknownRanges + (at << 3), start);
  store<usize>(unknownRanges + (at << 3), end, 4);
  unknown++;
}

/** Any value; returns the place after it and sets what it was. */
export function value(at: usize): usize {
  const byte = load<u8>(at);
  if (byte === QUOTE) {
    const close = string(at + 1);
    if (close === doubt) return doubt;
    setTag(isEscaped ? Tag_Escaped : Tag_String);
    return close + 1;
  }
  if (byte === OPEN_BRACE) {
    at = skipObject(at + 1);
    setTag(Tag_Object);
    return at;
  }
  if (byte === OPEN_BRACKET) {
    at = array(at + 1, null);
    setTag(Tag_Array);
    return at;
  }
  const word = load<u32>(at);
  if (word === 0x65757274) {
    setTag(Tag_True);
    return at + 4;
  }
  if (word === 0x6c6c756e) {
    setTag(Tag_Null);
    return at + 4;
  }
  if (word === 0x736c6166) {
    setTag(Tag_False);
    return load<u8>(at, 4) === 0x65 ? at + 5 : doubt;
  }
  return numeral(at);
}

/** After the opening brace of an object whose content does not matter: not even whether a key comes twice. */
function skipObject(at: usize): usize {
  if (++depth > maxDepth) return doubt;
  at = skipSpace(at);
  if (load<u8>(at) === CLOSE_BRACE) {
    depth--;
    return at + 1;
  }
  while (true) {
    if (load<u8>(at) !== QUOTE) return doubt;
    const close = string(at + 1);
    if (close === doubt) return doubt;
    at = behindColon(close + 1);
    if (at === doubt) return doubt;
    if (load<u8>(at) <= 0x20) at = skipSpace(at);
    at = value(at);
    if (at === doubt) return doubt;
    if (load<u8>(at) <= 0x20) at = skipSpace(at);
    const byte = load<u8>(at);
    if (byte === CLOSE_BRACE) {
      depth--;
      return at + 1;
    }
    if (byte !== COMMA) return doubt;
    at = skipSpace(at + 1);
  }
}
