/** Columns that are computed from others, or are about where a record was found. */
import {
  Field_HexAfter,
  Field_HexBefore,
  Field_Ip,
  Field_IpKey,
  Field_IpKeyOfPair,
  Field_Millis,
  Field_ObjectLong,
  Field_Port,
  Field_Ymd,
  Tag_Escaped,
  Tag_Int,
  Tag_String,
} from '../codes';
import { pad } from '../columns/column';
import { appendLong, appendLongs, appendNumber, FixedColumn } from '../columns/fixed';
import { appendString, appendStrings, StringColumn } from '../columns/strings';
import { partOfAddress } from '../host';
import { keyLength, readIpv4, writeIpv4Key } from './address';
import { Field, scratchOf } from './fields';
import { capacity, Rows } from './rows';
import { COLON, resolveEscapes } from './tokens';

const dayLength: i32 = 10;
const halfLength: i32 = 16;
/** Of the years 1 to 9999. */
const leastMillis: i64 = -62_135_596_800_000;
const endOfMillis: i64 = 253_402_300_800_000;

/** The value that all rows of an object have. */
export function appendOfObject(field: Field, count: i32, base: i32): void {
  if (!field.isSet) return;
  pad(field.column, base);
  if (field.kind === Field_ObjectLong) appendLongs(changetype<FixedColumn>(field.column), field.value, count);
  else appendStrings(changetype<StringColumn>(field.column), field.text, field.textLength, count);
}

/** 64-bit integers, one a row. */
export function appendOfRows(field: Field, values: usize, count: i32, base: i32): void {
  const column = changetype<FixedColumn>(field.column);
  pad(column, base);
  for (let i = 0; i < count; i++) appendLong(column, load<i64>(values + ((<usize>i) << 3)));
}

/** Of a path whose value is computed from. */
export function appendComputed(field: Field, rows: Rows, count: i32, base: i32): void {
  for (let i = 0; i < count; i++) {
    const place = field.slot * capacity + i;
    const tag: i32 = load<u8>(rows.tags + place);
    if (field.kind === Field_Millis) {
      if (tag === Tag_Int) appendMillis(field, <i64>load<f64>(rows.numbers + ((<usize>place) << 3)), base + i);
      continue;
    }
    if (tag !== Tag_String && tag !== Tag_Escaped) continue;
    let start = load<usize>(rows.starts + ((<usize>place) << 2)) + 1;
    let end = load<usize>(rows.ends + ((<usize>place) << 2)) - 1;
    let target = scratchOf(<i32>((end - start) << 1) + 128);
    if (tag === Tag_Escaped) {
      const length = resolveEscapes(start, end, target);
      start = target;
      end = target + length;
      // No digit that was there before goes on with it.
      store<u8>(end, 0);
      target = end + 16;
    }
    appendText(field, start, end, target, base + i);
  }
}

function appendMillis(field: Field, millis: i64, row: i32): void {
  if (millis < leastMillis || millis >= endOfMillis) return;
  const column = changetype<FixedColumn>(field.column);
  pad(column, row);
  appendLong(column, millis * 1000);
}

function appendText(field: Field, start: usize, end: usize, target: usize, row: i32): void {
  if (field.kind === Field_Ymd) put(field, start, dayLength, row);
  else if (field.kind === Field_IpKey) {
    if (readIpv4(start, end) === end) {
      writeIpv4Key(target);
      put(field, target, keyLength, row);
    } else if (start < end) putRare(field, start, end, target, row);
  } else if (field.kind === Field_HexBefore || field.kind === Field_HexAfter)
    appendHalf(field, start, end, target, row);
  else appendPart(field, start, end, target, row);
}

function put(field: Field, start: usize, length: i32, row: i32): void {
  pad(field.column, row);
  appendString(changetype<StringColumn>(field.column), start, length);
}

/** The host knows all forms of addresses. */
function putRare(field: Field, start: usize, end: usize, target: usize, row: i32): void {
  const result = partOfAddress(field.kind, start, <i32>(end - start), target);
  if (result < 0) return;
  if (field.kind !== Field_Port) {
    put(field, target, result, row);
    return;
  }
  pad(field.column, row);
  appendNumber(changetype<FixedColumn>(field.column), result);
}

/** A part of `address:port`. */
function appendPart(field: Field, start: usize, end: usize, target: usize, row: i32): void {
  const colon = readIpv4(start, end);
  const port = colon !== 0 && colon < end && load<u8>(colon) === COLON ? portOf(colon + 1, end) : -1;
  if (port < 0) putRare(field, start, end, target, row);
  else if (field.kind === Field_Ip) put(field, start, <i32>(colon - start), row);
  else if (field.kind === Field_IpKeyOfPair) {
    writeIpv4Key(target);
    put(field, target, keyLength, row);
  } else {
    pad(field.column, row);
    appendNumber(changetype<FixedColumn>(field.column), port);
  }
}

/** One to five digits up to 65535; -1 for anything else. */
function portOf(start: usize, end: usize): i32 {
  const length = <i32>(end - start);
  if (length < 1 || length > 5) return -1;
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = <u32>load<u8>(at) - 0x30;
    if (digit > 9) return -1;
    port = port * 10 + digit;
  }
  return port <= 65_535 ? port : -1;
}

function appendHalf(field: Field, start: usize, end: usize, target: usize, row: i32): void {
  const before = hexDigits(start);
  if (start + before >= end || before === 0 || load<u8>(start + before) !== COLON) return;
  const behind = start + before + 1;
  const after = hexDigits(behind);
  if (after === 0 || behind + after !== end) return;
  const isBefore = field.kind === Field_HexBefore;
  const digits = isBefore ? before : after;
  const padding = <usize>halfLength - digits;
  store<u64>(target, 0x3030303030303030);
  store<u64>(target, 0x3030303030303030, 8);
  // Letters in lower case; of digits the bit is set already.
  v128.store(target + padding, v128.or(v128.load(isBefore ? start : behind), i8x16.splat(0x20)));
  put(field, target, halfLength, row);
}

/** How many hex digits stand at a place, 16 at most. */
function hexDigits(at: usize): usize {
  const bytes = v128.load(at);
  const isDecimal = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(0x30)), i8x16.splat(10));
  const lower = i8x16.sub(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(0x61));
  const mask = i8x16.bitmask(v128.or(isDecimal, i8x16.lt_u(lower, i8x16.splat(6))));
  return ctz(~mask | 0x10000);
}
