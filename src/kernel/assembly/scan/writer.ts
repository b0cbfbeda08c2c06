/**
 * From lines of JSON straight into the columns of a table: the fast path of a source. It gives the same rows as the
 * reference path for every record that it takes, and takes only what that path would make a row of, or know as one that
 * was there before.
 *
 * The values of records go into the columns some dozens of records at a time and column by column; until they are
 * settled the text that they stand in has to stay as it is.
 */

import {
  Field_EventTime,
  Field_Extra,
  Field_LastOfPath,
  Field_ObjectLong,
  Field_ObjectText,
  Field_Offset,
  Record_Conflict,
  Record_Duplicate,
  Tag_String,
} from '../codes';
import { bytesOf, emptyColumn, pad, releaseColumn } from '../columns/column';
import { Slots } from '../columns/slots';
import { admitDay } from '../host';
import {
  addIdentity,
  fetchIdentities,
  Identities,
  identifyContent,
  identifyNothing,
  identifyRecord,
  identityBytes,
} from '../identities';
import { allocate, allocateZeros, grown, room } from '../memory';
import { holdJoined, mostJoined, pickAll } from './alternatives';
import { appendComputed, appendOfObject, appendOfRows } from './computed';
import { content, writeContent } from './content';
import {
  Form,
  firstElement,
  forgetTexts,
  growTexts,
  isEmptyAround,
  isOutOfRoom,
  releaseForm,
  unwrap,
  unwrapElement,
} from './envelope';
import { day, micros, readTime } from './event-time';
import {
  appendExtras,
  dropExtras,
  Extras,
  extraLengthOf,
  extraOf,
  moveExtra,
  newExtras,
  noteAround,
  noteUnknown,
  releaseExtras,
} from './extras';
import { appendField, countMismatch, Field, isCertain } from './fields';
import { forgetKeys, ObjectNode } from './program';
import { capacity, Elements, manyElements, moveRow, moveWord, newElements, newRows, Rows } from './rows';
import { clear, endOf, isOdd, keep, row, scan, startOf, tagOf, turnTo, unknown } from './scanner';
import { CLOSE_BRACKET, COMMA, doubt, NEWLINE, OPEN_BRACE, setLines, skipSpace } from './tokens';

@unmanaged
export class Writer {
  root: ObjectNode;
  rows: Rows;
  elements: Elements;
  required: usize;
  requiredCount: i32;
  maxDepth: i32;
  timeSlot: i32;
  isZoneRequired: bool;
  /** Slot of the member that names a record; -1 where nothing does. */
  idSlot: i32;
  /** The columns by which records are compared, as content.ts has them. */
  compared: usize;
  comparedCount: i32;
  fields: usize;
  fieldCount: i32;
  /** Forms of envelopes, a word each. */
  forms: usize;
  formCount: i32;
  /** Which of them a new one takes the place of, once there are enough. */
  oldestForm: i32;
  /** What is around the record taken last; null for nothing. */
  form: Form | null;
  /** Records that have been taken of the list of the line that was doubted last. */
  begun: i32;
  identities: Identities;
  /** Whether records are compared with those before them; otherwise each one is new. */
  isComparing: bool;
  /** Rows whose values are in the columns. */
  settled: i32;
  /** By row of the run. */
  known: usize;
  areOdd: usize;
  times: usize;
  offsets: usize;
  extras: Extras;
  /** The days that rows of the batch have. */
  days: usize;
  dayCount: i32;
  lastDay: i32;
  /** Of the open object. */
  taken: i32;
  duplicates: i32;
  conflicts: i32;
  least: i64;
  greatest: i64;
}

const noDay: i32 = i32.MIN_VALUE;

export function newWriter(
  root: ObjectNode,
  slots: i32,
  maxDepth: i32,
  timeSlot: i32,
  isZoneRequired: bool,
  idSlot: i32,
  identities: Identities,
): Writer {
  const writer = changetype<Writer>(allocateZeros(offsetof<Writer>()));
  writer.root = root;
  writer.rows = newRows(slots);
  writer.elements = newElements();
  writer.maxDepth = maxDepth;
  writer.timeSlot = timeSlot;
  writer.isZoneRequired = isZoneRequired;
  writer.idSlot = idSlot;
  writer.identities = identities;
  writer.isComparing = true;
  writer.known = allocate(capacity * identityBytes);
  writer.areOdd = allocate(capacity);
  writer.times = allocate(capacity << 3);
  writer.offsets = allocate(capacity << 3);
  writer.extras = newExtras();
  writer.forms = allocate(maxForms << 2);
  writer.lastDay = noDay;
  return writer;
}

/** Blocks of words, which belong to the writer from now on: slots that are required, and what is compared. */
export function setRequired(writer: Writer, slots: usize, count: i32): void {
  writer.required = slots;
  writer.requiredCount = count;
}

export function setComparing(writer: Writer, isComparing: bool): void {
  writer.isComparing = isComparing;
}

export function setCompared(writer: Writer, columns: usize, count: i32): void {
  writer.compared = columns;
  writer.comparedCount = count;
}

export function addField(writer: Writer, kind: i32, slot: i32, holds: i32, isDoubtful: bool, column: Slots): Field {
  const field = changetype<Field>(allocateZeros(offsetof<Field>()));
  field.kind = kind;
  field.slot = slot;
  field.holds = holds;
  field.isDoubtful = isDoubtful;
  field.column = column;
  const bytes = (writer.fieldCount + 1) << 2;
  if (bytes > room(writer.fields)) writer.fields = grown(writer.fields, bytes - 4, bytes);
  store<usize>(writer.fields + bytes - 4, changetype<usize>(field));
  writer.fieldCount++;
  return field;
}

/** So many forms of envelopes are looked for in a line. */
const maxForms: i32 = 16;

export function mostForms(): i32 {
  return maxForms;
}

/** Records may stand in an envelope of this form, which belongs to the writer from now on. */
export function addForm(writer: Writer, form: Form): void {
  let index = writer.formCount;
  if (index < maxForms) writer.formCount++;
  else {
    index = writer.oldestForm;
    const former = formAt(writer, index);
    if (writer.form === former) writer.form = null;
    releaseForm(former);
    writer.oldestForm = (index + 1) % maxForms;
  }
  store<usize>(writer.forms + ((<usize>index) << 2), changetype<usize>(form));
}

function formAt(writer: Writer, index: i32): Form {
  return changetype<Form>(load<usize>(writer.forms + ((<usize>index) << 2)));
}

function fieldAt(writer: Writer, index: i32): Field {
  return changetype<Field>(load<usize>(writer.fields + ((<usize>index) << 2)));
}

/** Counts start anew: another object is read. */
export function openObject(writer: Writer): void {
  writer.taken = 0;
  writer.begun = 0;
  writer.duplicates = 0;
  writer.conflicts = 0;
  writer.least = i64.MAX_VALUE;
  writer.greatest = i64.MIN_VALUE;
  for (let i = 0; i < writer.fieldCount; i++) {
    const field = fieldAt(writer, i);
    field.isSet = false;
    field.mismatches = 0;
  }
}

/** The batch may have rows of no day yet. */
export function forgetDays(writer: Writer): void {
  writer.dayCount = 0;
  writer.lastDay = noDay;
}

let turned: usize = 0;

function turn(writer: Writer): void {
  if (turned === changetype<usize>(writer)) return;
  if (turned !== 0) settle(changetype<Writer>(turned));
  turned = changetype<usize>(writer);
  turnTo(writer.root, writer.rows, writer.elements, writer.required, writer.requiredCount, writer.maxDepth);
}

/**
 * Takes lines of [start, end), which are valid UTF-8 and stand at `offset` of their object, and objects that another one
 * follows on their line. Returns the place of the first one that is in doubt, or does not end here; `end` where none is.
 */
export function takeLines(writer: Writer, start: usize, end: usize, offset: f64, recordBytes: i32): usize {
  turn(writer);
  setLines(true);
  const shift = <i64>offset - <i64>start;
  let at = start;
  while (at < end) {
    const behind = scanLine(writer, at);
    if (behind === doubt || behind >= end || <i32>(behind - at) > recordBytes) return at;
    const isLine = load<u8>(behind) === NEWLINE;
    // Behind a prefix all objects of the line are one record's affair.
    if (!isLine && (load<u8>(behind) !== OPEN_BRACE || load<u8>(at) !== OPEN_BRACE)) return at;
    if (!takeScanned(writer, at, shift)) return at;
    at = isLine ? behind + 1 : behind;
  }
  return end;
}

/**
 * Takes the objects that follow the value which ends at `start`, elements of the same array or values of their own, as far as
 * another value, a comma or the end of the array stands behind each inside of [start, end), which is valid UTF-8 and stands at
 * `offset` of its object. Returns the place behind the last one taken, past white space; `start` where none is.
 */
export function takeValues(
  writer: Writer,
  start: usize,
  end: usize,
  offset: f64,
  recordBytes: i32,
  inArray: bool,
): usize {
  turn(writer);
  setLines(false);
  const shift = <i64>offset - <i64>start;
  let at = start;
  while (true) {
    let next = skipSpace(at);
    if (inArray) {
      if (load<u8>(next) !== COMMA) return at;
      next = skipSpace(next + 1);
    }
    if (next >= end || load<u8>(next) !== OPEN_BRACE) return at;
    const behind = scanLine(writer, next);
    if (behind === doubt || behind >= end || <i32>(behind - next) > recordBytes) return at;
    const byte = load<u8>(behind);
    if (inArray ? byte !== COMMA && byte !== CLOSE_BRACKET : byte !== OPEN_BRACE) return at;
    if (!takeScanned(writer, next, shift)) return at;
    at = behind;
  }
}

/** Takes [start, end), behind which a zero byte has to stand, as one record; false where it is in doubt. */
export function takeRecord(writer: Writer, start: usize, end: usize, offset: f64): bool {
  // A list that takeValues has begun: what it has taken of it is not to be taken twice.
  if (writer.begun > 0) return false;
  turn(writer);
  setLines(false);
  return scanLine(writer, start) === end && takeScanned(writer, start, <i64>offset - <i64>start);
}

/** How many records of the list of the line that was doubted last are rows or duplicates all the same; told once. */
export function begunOf(writer: Writer): i32 {
  const begun = writer.begun;
  writer.begun = 0;
  return begun;
}

/** What was scanned at `at`: a record, or a list of them. `shift`: from places to offsets. */
function takeScanned(writer: Writer, at: usize, shift: i64): bool {
  const form = writer.form;
  return form !== null && form.lister !== null ? takeList(writer, form, shift) : take(writer, shift + <i64>at);
}

/** Each element for itself, up to the first that is in doubt. */
function takeList(writer: Writer, form: Form, shift: i64): bool {
  let at = firstElement(form);
  if (load<u8>(at) === CLOSE_BRACKET) return false;
  writer.begun = 0;
  while (true) {
    const behind = scanElement(writer, form, at);
    if (behind === doubt || !take(writer, shift + <i64>at)) return false;
    writer.begun++;
    if (load<u8>(behind) === CLOSE_BRACKET) break;
    at = skipSpace(behind + 1);
  }
  writer.begun = 0;
  return true;
}

/**
 * Scans the record at `at`, or the one in the envelope there, and notes which it was; returns the place behind, past white
 * space, or doubt. What was there last is looked for first.
 */
function scanLine(writer: Writer, at: usize): usize {
  const last = writer.form;
  let behind = scanAs(writer, last, at);
  if (behind !== doubt || writer.formCount === 0) return behind;
  for (let i = 0; i < writer.formCount; i++) {
    const form = formAt(writer, i);
    if (form === last) continue;
    behind = scanAs(writer, form, at);
    if (behind !== doubt) {
      writer.form = form;
      return behind;
    }
  }
  if (last === null) return doubt;
  behind = scanAs(writer, null, at);
  if (behind !== doubt) writer.form = null;
  return behind;
}

/** The same for one form. */
function scanAs(writer: Writer, form: Form | null, at: usize): usize {
  if (form === null) return scan(at);
  if (row === 0) forgetTexts();
  let behind = unwrap(form, at);
  while (behind === doubt && isOutOfRoom) {
    makeRoom(writer);
    behind = unwrap(form, at);
  }
  return behind;
}

/** The same for an element of a list. */
function scanElement(writer: Writer, form: Form, at: usize): usize {
  if (row === 0) forgetTexts();
  let behind = unwrapElement(form, at);
  while (behind === doubt && isOutOfRoom) {
    makeRoom(writer);
    behind = unwrapElement(form, at);
  }
  return behind;
}

/** For the text of a record: rows are settled that stand in those before it. */
function makeRoom(writer: Writer): void {
  if (row > 0) settle(writer);
  else growTexts();
  forgetTexts();
}

/** The record scanned last, as a row or a duplicate; false where it is in doubt. */
function take(writer: Writer, offset: i64): bool {
  const timeSlot = writer.timeSlot;
  if (tagOf(timeSlot) !== Tag_String) return false;
  if (!readTime(startOf(timeSlot) + 1, endOf(timeSlot) - 1, writer.isZoneRequired)) return false;
  const idSlot = writer.idSlot;
  if (idSlot >= 0 && tagOf(idSlot) !== Tag_String) return false;
  if (isOdd && !areCertain(writer)) return false;
  if (day !== writer.lastDay && !admit(writer)) return false;
  if (unknown > 0) noteUnknown(writer.extras, row);
  if (writer.isComparing) identify(writer);
  const at = <usize>row;
  store<i64>(writer.times + (at << 3), micros);
  store<i64>(writer.offsets + (at << 3), offset);
  store<u8>(writer.areOdd + at, isOdd ? 1 : 0);
  const form = writer.form;
  if (form !== null && !isEmptyAround(form)) noteAround(writer.extras, row, form);
  keep();
  if (row === capacity || writer.elements.count > manyElements) settle(writer);
  return true;
}

function areCertain(writer: Writer): bool {
  for (let i = 0; i < writer.fieldCount; i++) {
    const field = fieldAt(writer, i);
    if (field.kind <= Field_LastOfPath && !isCertain(field, writer.rows, row)) return false;
  }
  return true;
}

function countMismatches(writer: Writer, at: i32): void {
  for (let i = 0; i < writer.fieldCount; i++) {
    const field = fieldAt(writer, i);
    if (field.kind <= Field_LastOfPath) countMismatch(field, writer.rows, at);
  }
}

/** Whether the batch may have rows of the day that was read last. */
function admit(writer: Writer): bool {
  let known = 0;
  while (known < writer.dayCount && load<i32>(writer.days + ((<usize>known) << 2)) !== day) known++;
  if (known === writer.dayCount) {
    if (!admitDay(day)) return false;
    const bytes = (known + 1) << 2;
    if (bytes > room(writer.days)) writer.days = grown(writer.days, known << 2, bytes);
    store<i32>(writer.days + ((<usize>known) << 2), day);
    writer.dayCount++;
  }
  writer.lastDay = day;
  return true;
}

/** Notes what the record scanned last is known by. */
function identify(writer: Writer): void {
  const slot = writer.idSlot;
  const target = identityAt(writer, row);
  // An empty id tells nothing.
  if (slot >= 0 && endOf(slot) - startOf(slot) === 2) {
    identifyNothing(target);
    return;
  }
  const extras = writer.extras;
  const bytes = writeContent(
    writer.compared,
    writer.comparedCount,
    writer.rows,
    writer.elements,
    extraOf(extras, row),
    extraLengthOf(extras, row),
  );
  if (slot < 0) {
    identifyContent(content, bytes, target);
    return;
  }
  const id = startOf(slot) + 1;
  identifyRecord(id, <i32>(endOf(slot) - id) - 1, content, bytes, target);
}

function identityAt(writer: Writer, at: i32): usize {
  return writer.known + <usize>(at * identityBytes);
}

/** Appends the values of the rows taken so far; the first is the table's row `settled`. */
export function settle(writer: Writer): void {
  if (turned !== changetype<usize>(writer) || row === 0) return;
  const count = writer.isComparing ? dropDuplicates(writer, row) : row;
  const base = writer.settled;
  const rows = writer.rows;
  countRows(writer, count);
  pickMapped(writer, count);
  for (let i = 0; i < writer.fieldCount; i++) {
    const field = fieldAt(writer, i);
    const kind = field.kind;
    if (kind <= Field_LastOfPath) {
      if (load<u8>(rows.met + field.slot) === 1) appendField(field, rows, writer.elements, count, base);
    } else if (kind === Field_EventTime) appendOfRows(field, writer.times, count, base);
    else if (kind === Field_Offset) appendOfRows(field, writer.offsets, count, base);
    else if (kind === Field_Extra) appendExtras(writer.extras, field.column, count, base);
    else if (kind === Field_ObjectText || kind === Field_ObjectLong) appendOfObject(field, count, base);
    else appendComputed(field, rows, count, base);
  }
  writer.settled = base + count;
  clear();
}

/**
 * Leaves out the rows of the run that the batch has already, and returns how many are left. They are looked for together:
 * what is known of a batch is more than a processor's cache holds.
 */
function dropDuplicates(writer: Writer, count: i32): i32 {
  const identities = writer.identities;
  fetchIdentities(identities, writer.known, count);
  let kept = 0;
  for (let at = 0; at < count; at++) {
    const found = addIdentity(identities, identityAt(writer, at));
    if (found === Record_Duplicate) {
      writer.duplicates++;
      continue;
    }
    if (found === Record_Conflict) writer.conflicts++;
    if (kept !== at) move(writer, at, kept);
    kept++;
  }
  dropExtras(writer.extras, kept);
  return kept;
}

/** Puts a row of the run into the place of one before it. */
function move(writer: Writer, from: i32, to: i32): void {
  moveRow(writer.rows, from, to);
  moveWord<i64>(writer.times, from, to);
  moveWord<i64>(writer.offsets, from, to);
  moveWord<u8>(writer.areOdd, from, to);
  moveExtra(writer.extras, from, to);
}

function countRows(writer: Writer, count: i32): void {
  writer.taken += count;
  let least = writer.least;
  let greatest = writer.greatest;
  for (let at = 0; at < count; at++) {
    const time = load<i64>(writer.times + ((<usize>at) << 3));
    least = min(least, time);
    greatest = max(greatest, time);
    if (load<u8>(writer.areOdd + at) === 1) countMismatches(writer, at);
  }
  writer.least = least;
  writer.greatest = greatest;
}

/** Before any column is appended, since some are computed from mapped ones. */
function pickMapped(writer: Writer, count: i32): void {
  let joined = 0;
  for (let i = 0; i < writer.fieldCount; i++) joined += mostJoined(fieldAt(writer, i), writer.rows, count);
  holdJoined(joined);
  for (let i = 0; i < writer.fieldCount; i++) {
    const field = fieldAt(writer, i);
    if (field.alternatives !== null) pickAll(field, writer.rows, count);
  }
}

/** Counts a row that the host has put into the columns itself, which have to be settled. */
export function endRow(writer: Writer): void {
  writer.settled++;
}

/** Nulls in all columns up to the last row. */
export function padAll(writer: Writer): void {
  for (let i = 0; i < writer.fieldCount; i++) pad(fieldAt(writer, i).column, writer.settled);
}

/** Near enough to hold a memory budget. */
export function bytesOfRows(writer: Writer): i32 {
  let bytes = 0;
  for (let i = 0; i < writer.fieldCount; i++) bytes += bytesOf(fieldAt(writer, i).column);
  return bytes;
}

/** Forgets all rows, those not settled too. */
export function emptyRows(writer: Writer): void {
  if (turned === changetype<usize>(writer)) clear();
  dropExtras(writer.extras, 0);
  for (let i = 0; i < writer.fieldCount; i++) emptyColumn(fieldAt(writer, i).column);
  writer.settled = 0;
}

/** Another batch begins: keys that turned up in those before are forgotten where they were too many. */
export function forgetOddKeys(writer: Writer): void {
  forgetKeys(writer.root);
}

/** An empty batch, whose blocks are others' to use. */
export function releaseRows(writer: Writer): void {
  emptyRows(writer);
  for (let i = 0; i < writer.fieldCount; i++) releaseColumn(fieldAt(writer, i).column);
  releaseExtras(writer.extras);
}

/** Rows taken, duplicates and conflicts met of the open object; their least and greatest times as text of 64 bits. */
export function takenOf(writer: Writer): i32 {
  return writer.taken;
}

export function duplicatesOf(writer: Writer): i32 {
  return writer.duplicates;
}

export function conflictsOf(writer: Writer): i32 {
  return writer.conflicts;
}

export function leastTime(writer: Writer): i64 {
  return writer.least;
}

export function greatestTime(writer: Writer): i64 {
  return writer.greatest;
}

export function rowsOf(writer: Writer): i32 {
  return writer.settled + (turned === changetype<usize>(writer) ? row : 0);
}

export function mismatchesOf(field: Field): i32 {
  return field.mismatches;
}
