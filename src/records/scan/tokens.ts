/**
 * The tokens of a JSON text (RFC 8259), on bytes: each is proved to be one, or doubted. A place in the text comes in, the
 * place behind the token comes out.
 */
import type { Text } from '../../columns/text.ts';
import { codeUnit } from './escapes.ts';
import { Tag } from './program.ts';

/** What stands here is no place: the token is none, or one for the reference path. */
export const doubt = -1;

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;

export class TokenScanner {
  protected text: Text | undefined;
  protected bytes: Uint8Array = new Uint8Array(0);
  protected view = new DataView(new ArrayBuffer(0));
  protected end = 0;
  /** Of the value scanned last. */
  protected tag = 0;
  protected number = 0;
  protected isEscaped = false;

  /** Turns to a text, of which the tokens up to `end` count; the slack of a text has to follow. */
  protected turnTo(text: Text, end: number): void {
    this.end = end;
    if (text === this.text) return;
    this.text = text;
    this.bytes = text.bytes;
    this.view = text.view;
  }

  protected skipSpace(at: number): number {
    const bytes = this.bytes;
    for (; at < this.end; at++) {
      const byte = bytes[at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return at;
    }
    return at;
  }

  protected literal(at: number, text: string): number {
    for (let i = 0; i < text.length; i++) if (this.bytes[at + i] !== text.charCodeAt(i)) return doubt;
    return at + text.length <= this.end ? at + text.length : doubt;
  }

  /** After the opening quote; returns the place of the closing one. */
  protected string(at: number): number {
    const view = this.view;
    const end = this.end;
    this.isEscaped = false;
    for (;;) {
      // Four bytes at a time: the highest bit of each that is a quote, a backslash or a control character. A bit may be
      // wrong above the first of these, never below it.
      let found = 0;
      for (; at < end; at += 4) {
        const word = view.getInt32(at, true);
        const quotes = (word ^ 0x22222222) - 0x01010101;
        const backslashes = (word ^ 0x5c5c5c5c) - 0x01010101;
        found = (quotes | backslashes | (word - 0x20202020)) & ~word & 0x80808080;
        if (found !== 0) break;
      }
      at += (31 - Math.clz32(found & -found)) >>> 3;
      if (at >= end) return doubt;
      const byte = this.bytes[at];
      if (byte === QUOTE) return at;
      if (byte !== BACKSLASH) return doubt;
      this.isEscaped = true;
      at = this.#escape(at + 1);
      if (at < 0) return doubt;
    }
  }

  /** After the backslash. Surrogates are left to the reference path. */
  #escape(at: number): number {
    switch (this.bytes[at]) {
      case QUOTE:
      case BACKSLASH:
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
        return at + 1;
      case 0x75: {
        const unit = codeUnit(this.bytes, at + 1);
        return unit < 0 || (unit >= 0xd800 && unit < 0xe000) ? doubt : at + 5;
      }
      default:
        return doubt;
    }
  }

  protected numeral(at: number): number {
    const bytes = this.bytes;
    const isNegative = bytes[at] === 0x2d;
    if (isNegative) at++;
    const first = at;
    let value = 0;
    let digit = bytes[at]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) return doubt;
    if (digit === 0) {
      at++;
      digit = bytes[at]! - 0x30;
      if (digit >= 0 && digit <= 9) return doubt;
    } else {
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digit = bytes[++at]! - 0x30;
      }
    }
    this.tag = at - first <= 15 ? Tag.Int : Tag.Number;
    this.number = isNegative ? -value : value;
    if (bytes[at] === 0x2e) {
      const from = ++at;
      while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
      if (at === from) return doubt;
      this.tag = Tag.Number;
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at++;
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
      const from = at;
      while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
      if (at === from) return doubt;
      this.tag = Tag.Number;
    }
    return at <= this.end ? at : doubt;
  }
}
