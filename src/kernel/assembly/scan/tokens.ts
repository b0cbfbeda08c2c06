/**
 * The tokens of a JSON text (RFC 8259): each is proved to be one, or doubted. A place in the text comes in, the place
 * behind the token comes out.
 *
 * Behind every text stands a zero byte, and behind every line of a text of lines its line feed. Neither can be part of a
 * token, so nothing here has to look where the text ends.
 */
import { Tag_Int, Tag_Number } from '../codes';

/** Returned instead of a place: this is not the token, or one for the reference path. */
export const doubt: usize = 0;

export const QUOTE: i32 = 0x22;
export const COMMA: i32 = 0x2c;
export const COLON: i32 = 0x3a;
export const OPEN_BRACE: i32 = 0x7b;
export const CLOSE_BRACE: i32 = 0x7d;
export const OPEN_BRACKET: i32 = 0x5b;
export const CLOSE_BRACKET: i32 = 0x5d;
export const NEWLINE: i32 = 0x0a;
export const BACKSLASH: i32 = 0x5c;

/** Of the token read last. */
export let tag: i32 = 0;
export let number: f64 = 0;
export let isEscaped: bool = false;
/** Whether a line feed is white space, as in records that are not lines. */
export let newlineIsSpace: bool = false;

export function setTag(value: i32): void {
  tag = value;
}

export function setLines(isLines: bool): void {
  newlineIsSpace = !isLines;
}

export function skipSpace(at: usize): usize {
  while (true) {
    const byte = load<u8>(at);
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && (byte !== 0x0a || !newlineIsSpace)) return at;
    at++;
  }
}

/** After the opening quote; returns the place of the closing one. */
export function string(at: usize): usize {
  isEscaped = false;
  while (true) {
    const bytes = v128.load(at);
    const special = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
      i8x16.lt_u(bytes, i8x16.splat(0x20)),
    );
    const mask = i8x16.bitmask(special);
    if (mask === 0) {
      at += 16;
      continue;
    }
    at += ctz(mask);
    const byte = load<u8>(at);
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH) return doubt;
    isEscaped = true;
    at = escaped(at + 1);
    if (at === doubt) return doubt;
  }
}

/** After the backslash. Surrogates are left to the reference path. */
export function escaped(at: usize): usize {
  switch (load<u8>(at)) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return at + 1;
    case 0x75: {
      const unit = codeUnit(at + 1);
      return unit < 0 || (unit >= 0xd800 && unit < 0xe000) ? doubt : at + 5;
    }
    default:
      return doubt;
  }
}

/** The four hex digits at `at` as a number, -1 where they are none. */
function codeUnit(at: usize): i32 {
  let unit = 0;
  for (let i: usize = 0; i < 4; i++) {
    const digit = hexDigit(load<u8>(at + i));
    if (digit < 0) return -1;
    unit = (unit << 4) | digit;
  }
  return unit;
}

export function hexDigit(byte: i32): i32 {
  const digit = byte - 0x30;
  if (<u32>digit <= 9) return digit;
  const letter = (byte | 0x20) - 0x61;
  return <u32>letter < 6 ? letter + 10 : -1;
}

/** Writes the text of a string with escapes, which has been proved to be one, to `target` and returns its length. */
export function resolveEscapes(start: usize, end: usize, target: usize): i32 {
  let to = target;
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at);
    if (byte !== BACKSLASH) {
      store<u8>(to++, byte);
      continue;
    }
    const code = load<u8>(++at);
    if (code !== 0x75) {
      store<u8>(to++, simpleEscape(code));
      continue;
    }
    const unit = codeUnit(at + 1);
    at += 4;
    if (unit < 0x80) store<u8>(to++, unit);
    else if (unit < 0x800) {
      store<u8>(to++, 0xc0 | (unit >> 6));
      store<u8>(to++, 0x80 | (unit & 0x3f));
    } else {
      store<u8>(to++, 0xe0 | (unit >> 12));
      store<u8>(to++, 0x80 | ((unit >> 6) & 0x3f));
      store<u8>(to++, 0x80 | (unit & 0x3f));
    }
  }
  return <i32>(to - target);
}

function simpleEscape(code: u8): u8 {
  switch (code) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return code;
  }
}

export function numeral(at: usize): usize {
  const isNegative = load<u8>(at) === 0x2d;
  if (isNegative) at++;
  const first = at;
  let value: i64 = 0;
  let digit = <u32>load<u8>(at) - 0x30;
  if (digit > 9) return doubt;
  if (digit === 0) {
    at++;
    if (<u32>load<u8>(at) - 0x30 <= 9) return doubt;
  } else {
    do {
      value = value * 10 + digit;
      digit = <u32>load<u8>(++at) - 0x30;
    } while (digit <= 9);
  }
  tag = at - first <= 15 ? Tag_Int : Tag_Number;
  // Not by the sign of an integer, which has no -0.
  number = isNegative ? -(<f64>value) : <f64>value;
  if (load<u8>(at) === 0x2e) {
    at = digits(at + 1);
    if (at === doubt) return doubt;
    tag = Tag_Number;
  }
  if ((load<u8>(at) | 0x20) === 0x65) {
    at++;
    if (load<u8>(at) === 0x2b || load<u8>(at) === 0x2d) at++;
    at = digits(at);
    if (at === doubt) return doubt;
    tag = Tag_Number;
  }
  return at;
}

/** At least one. */
function digits(at: usize): usize {
  const first = at;
  while (<u32>load<u8>(at) - 0x30 <= 9) at++;
  return at === first ? doubt : at;
}
