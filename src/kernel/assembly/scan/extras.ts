/** What rows of a run have for the column `extra`: members that the schema does not know, and what is around the record. */
import { copy } from '../bytes';
import { pad } from '../columns/column';
import { Slots } from '../columns/slots';
import { appendString, StringColumn } from '../columns/strings';
import { allocate, allocateZeros, grown, release, room } from '../memory';
import { aroundBytes, Form, writeAround } from './envelope';
import { Member } from './program';
import { capacity, moveWord } from './rows';
import { unknown, unknownMembers, unknownRanges } from './scanner';
import { CLOSE_BRACE, OPEN_BRACE } from './tokens';

@unmanaged
export class Extras {
  /** By row: where its text begins, and how long it is; of a row without one the length is 0. */
  starts: usize;
  lengths: usize;
  text: usize;
  used: i32;
}

export function newExtras(): Extras {
  const extras = changetype<Extras>(allocateZeros(offsetof<Extras>()));
  extras.starts = allocate(capacity << 2);
  extras.lengths = allocateZeros(capacity << 2);
  return extras;
}

export function extraOf(extras: Extras, row: i32): usize {
  return extras.text + load<i32>(extras.starts + ((<usize>row) << 2));
}

export function extraLengthOf(extras: Extras, row: i32): i32 {
  return load<i32>(extras.lengths + ((<usize>row) << 2));
}

/** Unknown members of the record scanned last as one JSON object of their exact texts, as records/extra.ts makes it. */
export function noteUnknown(extras: Extras, row: i32): void {
  let bytes = 2;
  for (let i: usize = 0; i < <usize>unknown; i++) {
    const range = unknownRanges + (i << 3);
    bytes += memberAt(i).leadLength + <i32>(load<usize>(range, 4) - load<usize>(range));
  }
  const used = extras.used;
  if (used + bytes > room(extras.text)) extras.text = grown(extras.text, used, used + bytes);
  let at = extras.text + used;
  for (let i: usize = 0; i < <usize>unknown; i++) {
    const member = memberAt(i);
    copy(at, member.lead, member.leadLength);
    at += member.leadLength;
    const start = load<usize>(unknownRanges + (i << 3));
    const length = <i32>(load<usize>(unknownRanges + (i << 3), 4) - start);
    copy(at, start, length);
    at += length;
  }
  store<u8>(extras.text + used, OPEN_BRACE);
  store<u8>(at, CLOSE_BRACE);
  extras.used = <i32>(at + 1 - extras.text);
  store<i32>(extras.starts + ((<usize>row) << 2), used);
  store<i32>(extras.lengths + ((<usize>row) << 2), extras.used - used);
}

function memberAt(index: usize): Member {
  return changetype<Member>(load<usize>(unknownMembers + (index << 2)));
}

/** `,"$envelope":` */
const aroundLead: usize = memory.data<u8>([
  0x2c, 0x22, 0x24, 0x65, 0x6e, 0x76, 0x65, 0x6c, 0x6f, 0x70, 0x65, 0x22, 0x3a,
]);
const aroundLeadLength: i32 = 13;

/** Adds what is around the record. Nothing of it tells the record from others, so it comes last. */
export function noteAround(extras: Extras, row: i32, form: Form): void {
  const place = (<usize>row) << 2;
  const isFirst = load<i32>(extras.lengths + place) === 0;
  if (isFirst) store<i32>(extras.starts + place, extras.used);
  // In place of the closing brace, if there is one.
  const used = isFirst ? extras.used : extras.used - 1;
  const bytes = used + aroundLeadLength + aroundBytes(form) + 1;
  if (bytes > room(extras.text)) extras.text = grown(extras.text, used, bytes);
  const start = extras.text + used;
  copy(start, aroundLead, aroundLeadLength);
  if (isFirst) store<u8>(start, OPEN_BRACE);
  const end = writeAround(form, start + aroundLeadLength);
  store<u8>(end, CLOSE_BRACE);
  extras.used = <i32>(end + 1 - extras.text);
  store<i32>(extras.lengths + place, extras.used - load<i32>(extras.starts + place));
}

/** Puts that of a row into the place of one before it. */
export function moveExtra(extras: Extras, from: i32, to: i32): void {
  moveWord<i32>(extras.starts, from, to);
  moveWord<i32>(extras.lengths, from, to);
}

/** Rows from this one on have none any more. */
export function dropExtras(extras: Extras, from: i32): void {
  memory.fill(extras.lengths + ((<usize>from) << 2), 0, (capacity - from) << 2);
  if (from === 0) extras.used = 0;
}

/** Appends those of the first `count` rows, of which the first is the table's row `base`, and forgets them. */
export function appendExtras(extras: Extras, column: Slots, count: i32, base: i32): void {
  if (extras.used === 0) return;
  for (let i = 0; i < count; i++) {
    const length = extraLengthOf(extras, i);
    if (length === 0) continue;
    pad(column, base + i);
    appendString(changetype<StringColumn>(column), extraOf(extras, i), length);
  }
  dropExtras(extras, 0);
}

/** Of a batch that is empty. */
export function releaseExtras(extras: Extras): void {
  release(extras.text);
  extras.text = 0;
}
