/**
 * Columns with several places to come from: the first alternative with a usable value wins, by the rules of
 * tables/mapping.ts. The winner is copied into a slot of the column's own, where it stands as if it had been scanned.
 *
 * Picking happens column by column over a run of rows, as everything does that follows the scan.
 */

import { copy } from '../bytes';
import {
  Action_Empty,
  Action_False,
  Action_Join,
  Action_Present,
  Action_Take,
  Action_True,
  Field_String,
  Tag_Absent,
  Tag_Array,
  Tag_False,
  Tag_Null,
  Tag_Object,
  Tag_String,
  Tag_True,
} from '../codes';
import { allocate, allocateZeros, grown, room } from '../memory';
import { Field } from './fields';
import { capacity, Rows } from './rows';
import { has, stringTags } from './tags';
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, QUOTE, resolveEscapes } from './tokens';

const booleanTags: i32 = (1 << 2) | (1 << 3);
const BACKSLASH: i32 = 0x5c;

@unmanaged
export class Alternative {
  slot: i32;
  action: i32;
  /** Tags of values that are taken as they are. */
  usable: i32;
  /** Another alternative of the column lies below: objects are passed over, and no type is a mismatch. */
  isAbove: bool;
  /** Slot of the document that a missing member belongs to; -1 for none. Of Action_Present only. */
  document: i32;
  /** Of Action_Join: what stands between the elements, and in front of them. */
  join: usize;
  joinLength: i32;
  lead: usize;
  leadLength: i32;
  next: Alternative | null;
}

/** Adds the next alternative of a column whose own slot is `field.slot`. */
export function addAlternative(
  field: Field,
  slot: i32,
  action: i32,
  usable: i32,
  isAbove: bool,
  document: i32,
): Alternative {
  const alternative = changetype<Alternative>(allocateZeros(offsetof<Alternative>()));
  alternative.slot = slot;
  alternative.action = action;
  alternative.usable = usable;
  alternative.isAbove = isAbove;
  alternative.document = document;
  let last = field.alternatives;
  if (last === null) field.alternatives = alternative;
  else {
    while (last.next !== null) last = last.next!;
    last.next = alternative;
  }
  return alternative;
}

export function setJoin(alternative: Alternative, text: usize, length: i32): void {
  alternative.join = copyOf(text, length);
  alternative.joinLength = length;
}

export function setLead(alternative: Alternative, text: usize, length: i32): void {
  alternative.lead = copyOf(text, length);
  alternative.leadLength = length;
}

function copyOf(text: usize, length: i32): usize {
  const place = allocate(length);
  copy(place, text, length);
  return place;
}

/** Texts joined for the rows of a run; they stay until the next one begins. */
let joined: usize = 0;
let joinedUsed: i32 = 0;

/** How many bytes the joined texts of a column can come to, so that none moves once it is written. */
export function mostJoined(field: Field, rows: Rows, count: i32): i32 {
  let bytes = 0;
  for (let a: Alternative | null = field.alternatives; a !== null; a = a!.next) {
    if (a.action !== Action_Join) continue;
    for (let i = 0; i < count; i++) {
      const place = <usize>(a.slot * capacity + i);
      if (load<u8>(rows.tags + place) !== Tag_Array) continue;
      const length = <i32>(load<usize>(rows.ends + (place << 2)) - load<usize>(rows.starts + (place << 2)));
      // An element takes at least three bytes of the text: its quotes, and a comma or a bracket.
      bytes += length + a.leadLength + (length / 3) * a.joinLength + 2;
    }
  }
  return bytes;
}

/** Room for the joined texts of a run, which begins. */
export function holdJoined(bytes: i32): void {
  joinedUsed = 0;
  if (bytes > room(joined)) joined = grown(joined, 0, bytes);
}

/** Fills the column's slot for the first `count` rows and counts those without a value of a type that fits. */
export function pickAll(field: Field, rows: Rows, count: i32): void {
  let isMet = false;
  for (let i = 0; i < count; i++) if (pick(field, rows, i)) isMet = true;
  store<u8>(rows.met + field.slot, isMet ? 1 : 0);
}

/** Whether the row has a value. */
function pick(field: Field, rows: Rows, row: i32): bool {
  let isMismatch = false;
  let mayBeAbsent = false;
  for (let a: Alternative | null = field.alternatives; a !== null; a = a!.next) {
    const place = <usize>(a.slot * capacity + row);
    const tag: i32 = load<u8>(rows.tags + place);
    if (tag <= Tag_Null) {
      if (a.action === Action_Present && (a.document < 0 || tagOfRow(rows, a.document, row) > Tag_Null)) {
        mayBeAbsent = true;
      }
      continue;
    }
    if (a.isAbove && tag === Tag_Object) continue;
    const start = load<usize>(rows.starts + (place << 2));
    const end = load<usize>(rows.ends + (place << 2));
    if (a.action === Action_Take) {
      if (has(a.usable, tag)) {
        take(field, rows, row, place, tag, start, end);
        return true;
      }
    } else if (a.action === Action_Join) {
      if (tag === Tag_Array && join(a, start, end)) {
        if (joinedStart === joinedEnd) continue;
        // One byte in front and behind, where a string has its quotes.
        put(field, rows, row, Tag_String, joinedStart - 1, joinedEnd + 1);
        return true;
      }
    } else {
      const answer = answerOf(a.action, tag, start, end);
      if (answer !== Tag_Absent) {
        put(field, rows, row, answer, start, end);
        return true;
      }
    }
    if (!a.isAbove) isMismatch = true;
  }
  if (mayBeAbsent) {
    put(field, rows, row, Tag_False, 0, 0);
    return true;
  }
  if (isMismatch) field.mismatches++;
  return false;
}

function tagOfRow(rows: Rows, slot: i32, row: i32): i32 {
  return load<u8>(rows.tags + slot * capacity + row);
}

function put(field: Field, rows: Rows, row: i32, tag: i32, start: usize, end: usize): void {
  const to = <usize>(field.slot * capacity + row);
  store<u8>(rows.tags + to, tag);
  store<usize>(rows.starts + (to << 2), start);
  store<usize>(rows.ends + (to << 2), end);
}

/** The value at `place` as it is; a number or boolean as a text, which then has no quotes to leave out. */
function take(field: Field, rows: Rows, row: i32, place: usize, tag: i32, start: usize, end: usize): void {
  if (tag === Tag_Array) {
    put(field, rows, row, tag, start, end);
    const to = (<usize>(field.slot * capacity + row)) << 2;
    store<i32>(rows.firsts + to, load<i32>(rows.firsts + (place << 2)));
    store<i32>(rows.lasts + to, load<i32>(rows.lasts + (place << 2)));
  } else if (has(stringTags, tag) || field.kind !== Field_String) put(field, rows, row, tag, start, end);
  else put(field, rows, row, Tag_String, start - 1, end + 1);
}

/** A boolean as a tag; Tag_Absent where the value gives no answer. */
function answerOf(action: i32, tag: i32, start: usize, end: usize): i32 {
  if (action === Action_Present) return Tag_True;
  if (action === Action_Empty) {
    if (has(stringTags, tag)) return end - start === 2 ? Tag_True : Tag_False;
    if (tag !== Tag_Array && tag !== Tag_Object) return Tag_Absent;
    const first = load<u8>(behindSpace(start + 1));
    return first === CLOSE_BRACKET || first === CLOSE_BRACE ? Tag_True : Tag_False;
  }
  if (!has(booleanTags, tag)) return Tag_Absent;
  if (action === Action_False) return tag === Tag_True ? Tag_False : Tag_True;
  return action === Action_True ? tag : Tag_Absent;
}

/** Of a text that has been proved to be JSON, where nothing else is as small. */
function behindSpace(at: usize): usize {
  while (load<u8>(at) <= 0x20) at++;
  return at;
}

let joinedStart: usize = 0;
let joinedEnd: usize = 0;

/** Joins the elements of an array; false where they are not all strings. */
function join(a: Alternative, start: usize, end: usize): bool {
  const first = joined + joinedUsed + 1;
  let to = first;
  copy(to, a.lead, a.leadLength);
  to += a.leadLength;
  let at = behindSpace(start + 1);
  let isFirst = true;
  while (at < end - 1) {
    if (load<u8>(at) !== QUOTE) return false;
    const close = closingQuote(at + 1);
    if (!isFirst) {
      copy(to, a.join, a.joinLength);
      to += a.joinLength;
    }
    isFirst = false;
    to += resolveEscapes(at + 1, close, to);
    at = behindSpace(close + 1);
    if (load<u8>(at) === COMMA) at = behindSpace(at + 1);
  }
  joinedStart = first;
  joinedEnd = to;
  joinedUsed = <i32>(to + 1 - joined);
  return true;
}

/** After the opening quote of a string that has been proved to be one. */
function closingQuote(at: usize): usize {
  while (true) {
    const byte = load<u8>(at);
    if (byte === QUOTE) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
}
