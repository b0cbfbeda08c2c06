/**
 * Takes records out of what log shippers put around them. The host has learned the form of an envelope from a record that
 * the reference path took out of one (records/envelope/form.ts), and says here which members it has and of which types.
 * A line of the same form holds its record in the same place, in whatever order its members stand; any other line is
 * doubted.
 *
 * A record that is held as text is written out without its escapes, and stays there as long as its row is not settled.
 */

import { copy, isSame } from '../bytes';
import { Tag_Object } from '../codes';
import { allocate, allocateZeros, grown, release, room } from '../memory';
import { behindColon, depth, enter, leave, scanInside, setDepth, value } from './scanner';
import { has } from './tags';
import {
  BACKSLASH,
  CLOSE_BRACE,
  COMMA,
  doubt,
  escaped,
  isEscaped,
  newlineIsSpace,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  resolveEscapes,
  setLines,
  skipSpace,
  string,
  tag,
} from './tokens';

/** A member of an object around a record. */
@unmanaged
class FormMember {
  /** What stands in front of its value where nothing is spaced: a comma, the key, a colon. */
  lead: usize;
  leadLength: i32;
  /** Tags that its value may have. */
  accepts: i32;
  /** Whether the value, if it is an object, must not be a typed string, which would be a text that is looked into. */
  isGuarded: bool;
  /** Whether it holds the record, or what is around it. */
  isHolder: bool;
  /** The text that its value has to have; of length 0 where it may have any. */
  text: usize;
  textLength: i32;
  /** Of the line unwrapped last: where the value stands. */
  start: usize;
  end: usize;
}

/** What the holder is: the object itself, a string with its JSON text, a list of such objects. Of lists there is one. */
export const Holds_Object: i32 = 0;
export const Holds_Text: i32 = 1;
export const Holds_List: i32 = 2;

/** An object, one of whose members holds a record or another object around it. */
@unmanaged
export class FormObject {
  /** Their places, a word each, in the order of the line unwrapped last. */
  members: usize;
  count: i32;
  /** How the holder holds it (`Holds_…`). */
  holds: i32;
  /** What it holds; null for the record itself. */
  inner: FormObject | null;
}

@unmanaged
export class Form {
  /** Whether a line begins with the time, stream and tag that containerd and CRI-O write. */
  isCri: bool;
  object: FormObject | null;
  /** The object that holds a list; null where none does. */
  lister: FormObject | null;
  /** Of the line unwrapped last. */
  prefix: usize;
  prefixLength: i32;
  /** Where its list stands, and how many objects and arrays are open inside of that. */
  list: usize;
  listDepth: i32;
}

export function newForm(isCri: bool, object: FormObject | null): Form {
  const form = changetype<Form>(allocateZeros(offsetof<Form>()));
  form.isCri = isCri;
  form.object = object;
  form.lister = listerIn(object);
  return form;
}

function listerIn(object: FormObject | null): FormObject | null {
  return object === null || object.holds === Holds_List ? object : listerIn(object.inner);
}

export function newFormObject(holds: i32, inner: FormObject | null): FormObject {
  const object = changetype<FormObject>(allocateZeros(offsetof<FormObject>()));
  object.holds = holds;
  object.inner = inner;
  return object;
}

/** `lead`, and `text` if there is one, are blocks that belong to the form from now on. */
export function addFormMember(
  object: FormObject,
  lead: usize,
  leadLength: i32,
  accepts: i32,
  isHolder: bool,
  isGuarded: bool,
  text: usize,
  textLength: i32,
): void {
  const member = changetype<FormMember>(allocateZeros(offsetof<FormMember>()));
  member.lead = lead;
  member.leadLength = leadLength;
  member.accepts = accepts;
  member.isHolder = isHolder;
  member.isGuarded = isGuarded;
  member.text = text;
  member.textLength = textLength;
  const bytes = (object.count + 1) << 2;
  if (bytes > room(object.members)) object.members = grown(object.members, bytes - 4, bytes);
  store<usize>(object.members + bytes - 4, changetype<usize>(member));
  object.count++;
}

export function releaseForm(form: Form): void {
  releaseObject(form.object);
  release(changetype<usize>(form));
}

function releaseObject(object: FormObject | null): void {
  if (object === null) return;
  for (let i = 0; i < object.count; i++) {
    const member = memberAt(object, i);
    release(member.lead);
    release(member.text);
    release(changetype<usize>(member));
  }
  releaseObject(object.inner);
  release(object.members);
  release(changetype<usize>(object));
}

function memberAt(object: FormObject, index: i32): FormMember {
  return changetype<FormMember>(load<usize>(object.members + ((<usize>index) << 2)));
}

/** Texts of records, without escapes, that rows stand in which are not settled. */
let texts: usize = 0;
let textBytes: i32 = 0;
let usedBytes: i32 = 0;
const leastTextBytes: i32 = 128 << 10;
/** What is written past the end of a text. */
const spill: i32 = 32;
/** Whether the line unwrapped last was doubted only since there was no room for its texts. */
export let isOutOfRoom: bool = false;

/** No row stands in them any more. */
export function forgetTexts(): void {
  usedBytes = 0;
}

/** No row may stand in them. */
export function growTexts(): void {
  release(texts);
  texts = allocate(textBytes === 0 ? leastTextBytes : textBytes << 1);
  textBytes = room(texts);
  usedBytes = 0;
}

/**
 * Scans the record that the line at `at` holds; returns the place behind the line, past white space, or doubt. Of a line
 * with a list the list is proved to be one, and where it stands is noted.
 */
export function unwrap(form: Form, at: usize): usize {
  isOutOfRoom = false;
  setDepth(0);
  current = form;
  if (form.isCri) {
    form.prefix = at;
    at = behindCriPrefix(at);
    if (at === doubt) return doubt;
    form.prefixLength = <i32>(at - form.prefix);
  }
  return unwrapIn(form.object, at);
}

/** Where the first element of the list stands that was noted last, or its closing bracket. */
export function firstElement(form: Form): usize {
  return skipSpace(form.list + 1);
}

/** Scans the record that the element at `at` holds, as `unwrap` does. */
export function unwrapElement(form: Form, at: usize): usize {
  isOutOfRoom = false;
  setDepth(form.listDepth);
  return unwrapIn(form.lister!.inner, at);
}

/** The form that is being unwrapped. */
let current: Form = changetype<Form>(0);

/** The same for what stands inside of `object`, or is the record itself. */
function unwrapIn(object: FormObject | null, at: usize): usize {
  if (object === null) return scanInside(at);
  at = unwrapObject(object, at);
  return at === doubt ? doubt : skipSpace(at);
}

function unwrapObject(object: FormObject, at: usize): usize {
  if (load<u8>(at) !== OPEN_BRACE || !enter()) return doubt;
  at++;
  const count = object.count;
  for (let i = 0; i < count; i++) {
    at = nextMember(object, i, at);
    if (at === doubt) return doubt;
    const member = memberAt(object, i);
    if (load<u8>(at) <= 0x20) at = skipSpace(at);
    member.start = at;
    if (!member.isHolder) at = neighbour(member, at);
    else if (object.holds === Holds_Text) at = heldText(object.inner, at);
    else if (object.holds === Holds_List) at = heldList(at);
    else at = unwrapIn(object.inner, at);
    if (at === doubt) return doubt;
    member.end = at;
    if (load<u8>(at) <= 0x20) at = skipSpace(at);
  }
  if (load<u8>(at) !== CLOSE_BRACE) return doubt;
  leave();
  return at + 1;
}

/**
 * Finds the member that is the i-th of its line among those that have not been met there, and puts it in that place;
 * returns the place behind its colon. The order of the line before is tried first.
 */
function nextMember(object: FormObject, i: i32, at: usize): usize {
  for (let j = i; j < object.count; j++) {
    const member = memberAt(object, j);
    const behind = behindKey(member, at, i === 0);
    if (behind === doubt) continue;
    if (j > i) {
      store<usize>(object.members + ((<usize>j) << 2), changetype<usize>(memberAt(object, i)));
      store<usize>(object.members + ((<usize>i) << 2), changetype<usize>(member));
    }
    return behind;
  }
  return doubt;
}

/** Behind the brace of an object or the value before. */
function behindKey(member: FormMember, at: usize, isFirst: bool): usize {
  const comma: usize = isFirst ? 1 : 0;
  const length = member.leadLength - <i32>comma;
  if (isSame(at, member.lead + comma, length)) return at + length;
  if (!isFirst && load<u8>(at++) !== COMMA) return doubt;
  at = skipSpace(at);
  const keyLength = member.leadLength - 2;
  return isSame(at, member.lead + 1, keyLength) ? behindColon(at + keyLength) : doubt;
}

/** The value of a member that holds no record. */
function neighbour(member: FormMember, at: usize): usize {
  const start = at;
  at = value(at);
  if (at === doubt || !has(member.accepts, tag)) return doubt;
  if (member.isGuarded && tag === Tag_Object && mayBeTypedText(start)) return doubt;
  const length = member.textLength;
  if (length > 0 && (<i32>(at - start) !== length || !isSame(start, member.text, length))) return doubt;
  return at;
}

/** `"stringValue"` */
const typedTextKey: usize = memory.data<u8>([
  0x22, 0x73, 0x74, 0x72, 0x69, 0x6e, 0x67, 0x56, 0x61, 0x6c, 0x75, 0x65, 0x22,
]);

/** Whether the first key of an object, which has been scanned, is that of OpenTelemetry's typed strings, or has escapes. */
function mayBeTypedText(at: usize): bool {
  at = skipSpace(at + 1);
  if (load<u8>(at) !== QUOTE) return false;
  string(at + 1);
  return isEscaped || isSame(at, typedTextKey, 13);
}

/** A list, whose elements are unwrapped once all that is around it has been proved. */
function heldList(at: usize): usize {
  if (load<u8>(at) !== OPEN_BRACKET) return doubt;
  current.list = at;
  current.listDepth = depth + 1;
  return value(at);
}

/** A string that holds an object. */
function heldText(object: FormObject | null, at: usize): usize {
  if (load<u8>(at) !== QUOTE || load<u8>(at, 1) !== OPEN_BRACE) return doubt;
  const text = texts + usedBytes;
  const close = writeText(at + 1);
  if (close === doubt) return doubt;
  // The zero byte behind it.
  const end = texts + usedBytes - 1;
  const outerDepth = depth;
  const isLines = !newlineIsSpace;
  setDepth(0);
  setLines(false);
  const behind = unwrapIn(object, text);
  setLines(isLines);
  setDepth(outerDepth);
  return behind === end ? close + 1 : doubt;
}

/**
 * Writes the text of a string, from behind its opening quote, and a zero byte behind it; returns the place of the closing
 * quote.
 */
function writeText(at: usize): usize {
  let to = texts + usedBytes;
  const limit = texts + textBytes - spill;
  while (true) {
    if (textBytes === 0 || to > limit) {
      isOutOfRoom = true;
      return doubt;
    }
    const bytes = v128.load(at);
    v128.store(to, bytes);
    const special = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
      i8x16.lt_u(bytes, i8x16.splat(0x20)),
    );
    const mask = i8x16.bitmask(special);
    if (mask === 0) {
      at += 16;
      to += 16;
      continue;
    }
    const plain = ctz(mask);
    at += plain;
    to += plain;
    const byte = load<u8>(at);
    if (byte === QUOTE) break;
    if (byte !== BACKSLASH) return doubt;
    if (load<u8>(at, 1) === QUOTE) {
      store<u8>(to++, QUOTE);
      at += 2;
      continue;
    }
    const behind = escaped(at + 1);
    if (behind === doubt) return doubt;
    to += resolveEscapes(at, behind, to);
    at = behind;
  }
  store<u8>(to, 0);
  usedBytes = <i32>(to + 1 - texts);
  return at;
}

/** The most bytes that the prefix of a line may have, as on the reference path. */
const mostPrefixBytes: i32 = 128;

/** Behind `2026-03-02T10:00:00.1Z stderr F ` (records/envelope/kinds.ts), for whole lines without further tags. */
function behindCriPrefix(start: usize): usize {
  let at = start;
  for (let i = 0; i < 11; i++) {
    const byte: i32 = load<u8>(at++);
    const isRight = i === 4 || i === 7 ? byte === 0x2d : i === 10 ? byte === 0x54 : isDigit(byte);
    if (!isRight) return doubt;
  }
  const first = at;
  while (isDigit(load<u8>(at)) || load<u8>(at) === 0x3a || load<u8>(at) === 0x2e) {
    if (<i32>(at++ - start) === mostPrefixBytes) return doubt;
  }
  if (at === first) return doubt;
  const sign = load<u8>(at++);
  if (sign === 0x2b || sign === 0x2d) {
    if (!isDigit(load<u8>(at)) || !isDigit(load<u8>(at, 1)) || load<u8>(at, 2) !== 0x3a) return doubt;
    if (!isDigit(load<u8>(at, 3)) || !isDigit(load<u8>(at, 4))) return doubt;
    at += 5;
  } else if (sign !== 0x5a) return doubt;
  // ` stdout F ` or ` stderr F `, compared 8 bytes at a time.
  const name = load<u64>(at);
  if (name !== 0x2074756f64747320 && name !== 0x2072726564747320) return doubt;
  if (load<u16>(at, 8) !== 0x2046) return doubt;
  at += 10;
  return <i32>(at - start) <= mostPrefixBytes ? at : doubt;
}

function isDigit(byte: i32): bool {
  return <u32>(byte - 0x30) <= 9;
}

/** Whether nothing is around the record but the member that holds it. */
export function isEmptyAround(form: Form): bool {
  return !form.isCri && isEmptyObject(form.object);
}

function isEmptyObject(object: FormObject | null): bool {
  return object === null || (object.count === 1 && isEmptyObject(object.inner));
}

/** At least as many bytes as `writeAround` writes of the line unwrapped last. */
export function aroundBytes(form: Form): i32 {
  return form.prefixLength + 16 + bytesAround(form.object);
}

function bytesAround(object: FormObject | null): i32 {
  if (object === null) return 0;
  let bytes = 2 + bytesAround(object.inner);
  for (let i = 0; i < object.count; i++) {
    const member = memberAt(object, i);
    bytes += member.leadLength + (member.isHolder ? 0 : <i32>(member.end - member.start));
  }
  return bytes;
}

/** `{"prefix":"` */
const prefixLead: usize = memory.data<u8>([0x7b, 0x22, 0x70, 0x72, 0x65, 0x66, 0x69, 0x78, 0x22, 0x3a, 0x22]);

/** Writes what is around the record of the line unwrapped last, as `envelopeText` has it; returns the place behind. */
export function writeAround(form: Form, to: usize): usize {
  if (!form.isCri) return writeObject(form.object!, to);
  copy(to, prefixLead, 11);
  copy(to + 11, form.prefix, form.prefixLength);
  to += 11 + form.prefixLength;
  store<u8>(to++, QUOTE);
  const object = form.object;
  if (isEmptyObject(object)) {
    store<u8>(to, CLOSE_BRACE);
    return to + 1;
  }
  const behind = writeObject(object!, to);
  store<u8>(to, COMMA);
  return behind;
}

function writeObject(object: FormObject, to: usize): usize {
  let at = to;
  for (let i = 0; i < object.count; i++) {
    const member = memberAt(object, i);
    const isHolder = member.isHolder;
    if (isHolder && isEmptyObject(object.inner)) continue;
    copy(at, member.lead, member.leadLength);
    at += member.leadLength;
    if (isHolder) at = writeObject(object.inner!, at);
    else {
      const length = <i32>(member.end - member.start);
      copy(at, member.start, length);
      at += length;
    }
  }
  store<u8>(to, OPEN_BRACE);
  store<u8>(at, CLOSE_BRACE);
  return at + 1;
}
