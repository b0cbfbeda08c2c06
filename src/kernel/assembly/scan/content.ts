/**
 * The content of a record: what makes it the same as another, byte for byte as records/identity.ts writes it down from
 * the values of a row. Only its hash is kept.
 */

import { copy } from '../bytes';
import { Tag_Array, Tag_Escaped, Tag_Int, Tag_Null, Tag_Object, Tag_String, Tag_True } from '../codes';
import { grown, room } from '../memory';
import { scratchOf } from './fields';
import { Member } from './program';
import { capacity, Elements, Rows } from './rows';
import { row } from './scanner';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  resolveEscapes,
} from './tokens';

/** A column that is compared takes three words: its number, its slot (-1 for `extra`), and whether it holds raw JSON. */
const columnBytes: usize = 12;

/** Where the content stands that was written last. */
export let content: usize = 0;

/** Writes the content of the record scanned last, whose `extra` is given, and returns its length. */
export function writeContent(
  columns: usize,
  count: i32,
  rows: Rows,
  elements: Elements,
  extra: usize,
  extraLength: i32,
): i32 {
  let to = content;
  let limit = content + room(content);
  const end = columns + <usize>count * columnBytes;
  for (let column = columns; column < end; column += columnBytes) {
    const slot = load<i32>(column, 4);
    let start = extra;
    let length = extraLength;
    let tag = Tag_Object;
    let place: usize = 0;
    if (slot < 0) {
      if (length === 0) continue;
    } else {
      place = <usize>(slot * capacity + row);
      tag = load<u8>(rows.tags + place);
      if (tag <= Tag_Null) continue;
      start = load<usize>(rows.starts + (place << 2));
      length = <i32>(load<usize>(rows.ends + (place << 2)) - start);
    }
    if (to + length + headroom > limit) {
      const used = <i32>(to - content);
      content = grown(content, used, used + length + headroom);
      limit = content + room(content);
      to = content + used;
    }
    store<u16>(to, load<i32>(column));
    to += 2;
    if (load<i32>(column, 8) === 0) {
      if (tag === Tag_String) {
        start++;
        length -= 2;
      } else if (tag < Tag_Array || !isPlain(elements, rows, place, length, tag)) {
        to = writeOther(to, tag, start, length, rows, elements, place);
        continue;
      }
    }
    store<i32>(to, length);
    to += 4;
    // Most are short, and a loop would be mispredicted.
    v128.store(to, v128.load(start));
    v128.store(to, v128.load(start, 16), 16);
    v128.store(to, v128.load(start, 32), 32);
    if (length > 48) copy(to + 48, start + 48, length - 48);
    to += length;
  }
  return <i32>(to - content);
}

/** What a value may need beside its own length: number and length, and what is written past its end. */
const headroom: i32 = 64;

/** A value that is not the text as it stands. */
function writeOther(
  to: usize,
  tag: i32,
  start: usize,
  length: i32,
  rows: Rows,
  elements: Elements,
  place: usize,
): usize {
  if (tag === Tag_Int) {
    store<i64>(to, <i64>load<f64>(rows.numbers + (place << 3)));
    return to + 8;
  }
  if (tag >= Tag_Array) return writeElements(to, elements, rows, place, tag);
  if (tag !== Tag_Escaped) return writeByte(to, tag === Tag_True ? 1 : 0);
  const unescaped = resolveEscapes(start + 1, start + length - 1, to + 4);
  store<i32>(to, unescaped);
  return to + 4 + unescaped;
}

/** Whether a list or a map of so many bytes has no space and no escape in it, and so stands as it is written. */
function isPlain(elements: Elements, rows: Rows, place: usize, length: i32, tag: i32): bool {
  const first = load<i32>(rows.firsts + (place << 2));
  const last = load<i32>(rows.lasts + (place << 2));
  if (first === last) return length === 2;
  // The bracket at the end, and in front of each value a comma, or what stands before the first one.
  let bytes = 1;
  for (let e: usize = first; e < <usize>last; e++) {
    const valueTag: i32 = load<u8>(elements.tags + e);
    const valueLength = <i32>(load<usize>(elements.ends + (e << 2)) - load<usize>(elements.starts + (e << 2)));
    if (valueTag === Tag_Escaped || (valueTag === Tag_Int && isNegativeZero(elements, e, valueLength))) return false;
    bytes += valueLength + (tag === Tag_Array ? 1 : memberAt(elements, e).leadLength);
  }
  return bytes === length;
}

function isNegativeZero(elements: Elements, element: usize, length: i32): bool {
  return length === 2 && load<f64>(elements.numbers + (element << 3)) === 0;
}

function memberAt(elements: Elements, element: usize): Member {
  return changetype<Member>(load<usize>(elements.members + (element << 2)));
}

/** Never more bytes than the list or map has. */
function writeElements(to: usize, elements: Elements, rows: Rows, place: usize, tag: i32): usize {
  const first = load<i32>(rows.firsts + (place << 2));
  const last = load<i32>(rows.lasts + (place << 2));
  const text = to + 4;
  let at = writeByte(text, tag === Tag_Array ? OPEN_BRACKET : OPEN_BRACE);
  for (let e: usize = first; e < <usize>last; e++) {
    if (<i32>e > first) at = writeByte(at, COMMA);
    if (tag === Tag_Object) {
      // Without the comma that it begins with.
      const member = memberAt(elements, e);
      copy(at, member.lead + 1, member.leadLength - 1);
      at += member.leadLength - 1;
    }
    const valueTag: i32 = load<u8>(elements.tags + e);
    const start = load<usize>(elements.starts + (e << 2));
    const length = <i32>(load<usize>(elements.ends + (e << 2)) - start);
    if (valueTag === Tag_Escaped) at = writeQuoted(at, start + 1, length - 2);
    else if (valueTag === Tag_Int && isNegativeZero(elements, e, length)) at = writeByte(at, 0x30);
    else {
      copy(at, start, length);
      at += length;
    }
  }
  at = writeByte(at, tag === Tag_Array ? CLOSE_BRACKET : CLOSE_BRACE);
  store<i32>(to, <i32>(at - text));
  return at;
}

/** A string with escapes; only those of quotes and backslashes stay. */
function writeQuoted(to: usize, start: usize, length: i32): usize {
  const text = scratchOf(length);
  const end = text + resolveEscapes(start, start + length, text);
  to = writeByte(to, QUOTE);
  for (let at = text; at < end; at++) {
    const byte: i32 = load<u8>(at);
    if (byte === QUOTE || byte === BACKSLASH) to = writeByte(to, BACKSLASH);
    to = writeByte(to, byte);
  }
  return writeByte(to, QUOTE);
}

function writeByte(to: usize, value: i32): usize {
  store<u8>(to, value);
  return to + 1;
}
