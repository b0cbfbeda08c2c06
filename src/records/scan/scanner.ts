/**
 * The byte scanner: one pass over the bytes of a JSON record (RFC 8259) that proves its grammar and notes where the
 * values of the wanted paths stand, without making a string or an object.
 *
 * It accepts only what it can prove: any other record (an odd escape, a duplicate key, a type that the schema does not
 * take, a number that a double does not hold) is doubted, and the reference path (parse.ts, validate.ts, flatten.ts)
 * decides. The bytes have to be valid UTF-8; the caller checks that for whole groups of records.
 */
import { codeUnit } from './escapes.ts';
import { anyMember, bit, type Member, type ObjectNode, type Program, Tag } from './program.ts';

const doubt = -1;

/** Keys of an object that are predicted: an object of more is data. */
const maxPredicted = 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** 1 where a byte ends the plain run of a string: the quote, the backslash, control characters. */
const stops = new Uint8Array(256);
stops.fill(1, 0, 0x20);
stops[QUOTE] = 1;
stops[BACKSLASH] = 1;

export class RecordScanner {
  /** Where the values are, by slot: ranges of strings are without their quotes, all others the whole text. */
  readonly tags: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly numbers: Float64Array;
  /** The elements of lists and the pairs of maps, by slot from `starts` to `ends` (these slots have no text range there). */
  readonly elementMembers: Member[] = [];
  elementTags = new Uint8Array(256);
  elementStarts = new Int32Array(256);
  elementEnds = new Int32Array(256);
  elementNumbers = new Float64Array(256);
  elements = 0;
  /** Text ranges of all slots, also of lists and maps. */
  readonly textStarts: Int32Array;
  readonly textEnds: Int32Array;
  /** Members of the root object that the schema does not know: ranges of key (with quotes) and value. */
  unknown = 0;
  unknownRanges = new Int32Array(64);

  readonly #program: Program;
  readonly #maxDepth: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #epoch = 0;
  #depth = 0;
  /** Of the value scanned last. */
  #tag = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #number = 0;
  #isEscaped = false;
  /** Of the key that anyMember was given for. */
  #keyEnd = 0;

  constructor(program: Program, maxDepth: number) {
    this.#program = program;
    this.#maxDepth = Math.min(maxDepth, 500);
    const count = program.slots.length;
    this.tags = new Uint8Array(count);
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
    this.numbers = new Float64Array(count);
    this.textStarts = new Int32Array(count);
    this.textEnds = new Int32Array(count);
  }

  /** Scans bytes[start, end) as one record; false where it is in doubt. */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#end = end;
    this.#epoch++;
    this.#depth = 0;
    this.elements = 0;
    this.unknown = 0;
    this.tags.fill(0);
    // Frames have no white space in front; where they had, sources might look for a wrapper there.
    if (start >= end || bytes[start] !== OPEN_BRACE) return false;
    const at = this.#object(start + 1, this.#program.root, true);
    // Nothing goes back, so a read past the end of the record shows here.
    if (at < 0 || at > end || this.#skipSpace(at) < end) return false;
    for (const slot of this.#program.required) if (this.tags[slot] === Tag.Absent) return false;
    return true;
  }

  #skipSpace(at: number): number {
    const bytes = this.#bytes;
    for (; at < this.#end; at++) {
      const byte = bytes[at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return at;
    }
    return at;
  }

  /** After the opening brace; returns the place after the closing one. */
  #object(at: number, node: ObjectNode, isRoot: boolean): number {
    if (++this.#depth > this.#maxDepth) return doubt;
    const bytes = this.#bytes;
    const end = this.#end;
    at = this.#skipSpace(at);
    if (bytes[at] === CLOSE_BRACE) {
      this.#depth--;
      return isRoot ? doubt : at + 1;
    }
    for (let position = 0; ; position++) {
      if (at >= end || bytes[at] !== QUOTE) return doubt;
      const member = this.#memberAt(at, node, position);
      if (member === undefined) return doubt;
      const keyStart = at;
      if (member === anyMember) at = this.#keyEnd;
      else {
        if (member.epoch === this.#epoch) return doubt;
        member.epoch = this.#epoch;
        at += member.key.length;
      }
      if (bytes[at] !== COLON) {
        at = this.#skipSpace(at);
        if (bytes[at] !== COLON) return doubt;
      }
      at++;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
      const valueStart = at;
      at = this.#memberValue(at, member);
      if (at < 0) return doubt;
      if (isRoot && !member.known) this.#noteUnknown(keyStart, keyStart + member.key.length, valueStart, at);
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
      if (at >= end) return doubt;
      if (bytes[at] === CLOSE_BRACE) {
        this.#depth--;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return doubt;
      at++;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
    }
  }

  #noteUnknown(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const at = this.unknown++ * 4;
    if (at === this.unknownRanges.length) {
      const ranges = new Int32Array(at * 2);
      ranges.set(this.unknownRanges);
      this.unknownRanges = ranges;
    }
    this.unknownRanges[at] = keyStart;
    this.unknownRanges[at + 1] = keyEnd;
    this.unknownRanges[at + 2] = valueStart;
    this.unknownRanges[at + 3] = valueEnd;
  }

  /** The member whose key stands at `at`: the one that stood here in the record before, most of the time. */
  #memberAt(at: number, node: ObjectNode, position: number): Member | undefined {
    const bytes = this.#bytes;
    const predicted = node.predicted[position];
    if (predicted !== undefined) {
      const { key } = predicted;
      let i = 1;
      while (i < key.length && bytes[at + i] === key[i]) i++;
      if (i === key.length) return predicted;
    }
    const close = this.#string(at + 1);
    if (close < 0 || this.#isEscaped) return undefined;
    const member = node.member(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', at + 1, close),
    );
    this.#keyEnd = close + 1;
    if (member === undefined || member === anyMember) return member;
    if (member.key.length !== close + 1 - at) return undefined;
    if (position < maxPredicted) node.predicted[position] = member;
    return member;
  }

  #memberValue(at: number, member: Member): number {
    const { slot } = member;
    const start = at;
    const byte = this.#bytes[at]!;
    if (member.shape !== 'raw' && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) {
      const first = this.elements;
      if (byte === OPEN_BRACKET && member.node?.hasIndexes === true) return doubt;
      if (member.shape === 'object' && byte === OPEN_BRACE) at = this.#object(at + 1, member.node!, false);
      else if (member.shape === 'map' && byte === OPEN_BRACE) at = this.#map(at + 1, member);
      else if (member.shape === 'list' && byte === OPEN_BRACKET) at = this.#list(at + 1, member);
      else at = this.#value(at);
      if (at < 0) return doubt;
      this.#tag = byte === OPEN_BRACE ? Tag.Object : Tag.Array;
      if (slot >= 0) {
        if (member.shape === 'object') {
          this.starts[slot] = start;
          this.ends[slot] = at;
        } else {
          this.starts[slot] = first;
          this.ends[slot] = this.elements;
        }
      }
    } else {
      at = this.#value(at);
      if (at < 0) return doubt;
      if (slot >= 0) {
        this.starts[slot] = this.#valueStart;
        this.ends[slot] = this.#valueEnd;
        this.numbers[slot] = this.#number;
      }
    }
    if ((member.accepts & bit(this.#tag)) === 0) return doubt;
    if (slot >= 0) {
      this.tags[slot] = this.#tag;
      this.textStarts[slot] = start;
      this.textEnds[slot] = at;
    }
    return at;
  }

  /** After the opening brace of a map; its known members have slots of their own as well. */
  #map(at: number, map: Member): number {
    if (++this.#depth > this.#maxDepth) return doubt;
    const bytes = this.#bytes;
    const node = map.node!;
    at = this.#skipSpace(at);
    if (bytes[at] === CLOSE_BRACE) {
      this.#depth--;
      return at + 1;
    }
    for (let position = 0; ; position++) {
      if (bytes[at] !== QUOTE || at >= this.#end) return doubt;
      const member = this.#memberAt(at, node, position);
      if (member === undefined || member.epoch === this.#epoch) return doubt;
      member.epoch = this.#epoch;
      at += member.key.length;
      if (bytes[at] !== COLON) {
        at = this.#skipSpace(at);
        if (bytes[at] !== COLON) return doubt;
      }
      at++;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
      at = this.#value(at);
      if (at < 0 || (map.elements & bit(this.#tag)) === 0) return doubt;
      this.elementMembers[this.#addElement()] = member;
      if (member.slot >= 0) this.#noteElement(member.slot);
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
      if (at >= this.#end) return doubt;
      if (bytes[at] === CLOSE_BRACE) {
        this.#depth--;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return doubt;
      at++;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
    }
  }

  #noteElement(slot: number): void {
    this.tags[slot] = this.#tag;
    this.starts[slot] = this.#valueStart;
    this.ends[slot] = this.#valueEnd;
    this.numbers[slot] = this.#number;
    this.textStarts[slot] = this.#valueStart;
    this.textEnds[slot] = this.#valueEnd;
  }

  /** After the opening bracket of a list. */
  #list(at: number, member: Member): number {
    if (++this.#depth > this.#maxDepth) return doubt;
    const bytes = this.#bytes;
    at = this.#skipSpace(at);
    if (bytes[at] === CLOSE_BRACKET) {
      this.#depth--;
      return at + 1;
    }
    for (;;) {
      at = this.#value(at);
      if (at < 0 || (member.elements & bit(this.#tag)) === 0) return doubt;
      this.#addElement();
      at = this.#skipSpace(at);
      if (at >= this.#end) return doubt;
      if (bytes[at] === CLOSE_BRACKET) {
        this.#depth--;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return doubt;
      at = this.#skipSpace(at + 1);
    }
  }

  #addElement(): number {
    const element = this.elements++;
    if (element >= this.elementTags.length) this.#growElements();
    this.elementTags[element] = this.#tag;
    this.elementStarts[element] = this.#valueStart;
    this.elementEnds[element] = this.#valueEnd;
    this.elementNumbers[element] = this.#number;
    return element;
  }

  #growElements(): void {
    const grow = <T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T): T => {
      to.set(from as never);
      return to;
    };
    const capacity = this.elementTags.length * 2;
    this.elementTags = grow(this.elementTags, new Uint8Array(capacity));
    this.elementStarts = grow(this.elementStarts, new Int32Array(capacity));
    this.elementEnds = grow(this.elementEnds, new Int32Array(capacity));
    this.elementNumbers = grow(this.elementNumbers, new Float64Array(capacity));
  }

  /** Any value; returns the place after it and notes what it was. */
  #value(at: number): number {
    const bytes = this.#bytes;
    const byte = bytes[at];
    if (at >= this.#end) return doubt;
    if (byte === QUOTE) {
      const close = this.#string(at + 1);
      if (close < 0) return doubt;
      this.#tag = this.#isEscaped ? Tag.Escaped : Tag.String;
      this.#valueStart = at + 1;
      this.#valueEnd = close;
      return close + 1;
    }
    const start = at;
    if (byte === OPEN_BRACE) {
      at = this.#skipObject(at + 1);
      this.#tag = Tag.Object;
    } else if (byte === OPEN_BRACKET) {
      at = this.#skipArray(at + 1);
      this.#tag = Tag.Array;
    } else if (byte === 0x74) {
      at = this.#literal(at, 'true');
      this.#tag = Tag.True;
    } else if (byte === 0x66) {
      at = this.#literal(at, 'false');
      this.#tag = Tag.False;
    } else if (byte === 0x6e) {
      at = this.#literal(at, 'null');
      this.#tag = Tag.Null;
    } else at = this.#numeral(at);
    this.#valueStart = start;
    this.#valueEnd = at;
    return at;
  }

  #literal(at: number, text: string): number {
    for (let i = 0; i < text.length; i++) if (this.#bytes[at + i] !== text.charCodeAt(i)) return doubt;
    return at + text.length <= this.#end ? at + text.length : doubt;
  }

  /** After the opening quote; returns the place of the closing one. */
  #string(at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    this.#isEscaped = false;
    for (;;) {
      while (stops[bytes[at]!] === 0) at++;
      if (at >= end) return doubt;
      const byte = bytes[at];
      if (byte === QUOTE) return at;
      if (byte !== BACKSLASH) return doubt;
      this.#isEscaped = true;
      at = this.#escape(at + 1);
      if (at < 0) return doubt;
    }
  }

  /** After the backslash. Surrogates are left to the reference path. */
  #escape(at: number): number {
    switch (this.#bytes[at]) {
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
        const unit = codeUnit(this.#bytes, at + 1);
        return unit < 0 || (unit >= 0xd800 && unit < 0xe000) ? doubt : at + 5;
      }
      default:
        return doubt;
    }
  }

  #numeral(at: number): number {
    const bytes = this.#bytes;
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
    this.#tag = at - first <= 15 ? Tag.Int : Tag.Number;
    this.#number = isNegative ? -value : value;
    if (bytes[at] === 0x2e) {
      const from = ++at;
      while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
      if (at === from) return doubt;
      this.#tag = Tag.Number;
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at++;
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
      const from = at;
      while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
      if (at === from) return doubt;
      this.#tag = Tag.Number;
    }
    return at <= this.#end ? at : doubt;
  }

  #skipObject(at: number): number {
    if (++this.#depth > this.#maxDepth) return doubt;
    const bytes = this.#bytes;
    if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
    if (bytes[at] === CLOSE_BRACE) {
      this.#depth--;
      return at + 1;
    }
    for (;;) {
      if (bytes[at] !== QUOTE) return doubt;
      at = this.#string(at + 1);
      if (at < 0) return doubt;
      at++;
      if (bytes[at] !== COLON) {
        at = this.#skipSpace(at);
        if (bytes[at] !== COLON) return doubt;
      }
      at++;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
      at = this.#value(at);
      if (at < 0) return doubt;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
      if (at >= this.#end) return doubt;
      if (bytes[at] === CLOSE_BRACE) {
        this.#depth--;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return doubt;
      at++;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
    }
  }

  #skipArray(at: number): number {
    if (++this.#depth > this.#maxDepth) return doubt;
    const bytes = this.#bytes;
    if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
    if (bytes[at] === CLOSE_BRACKET) {
      this.#depth--;
      return at + 1;
    }
    for (;;) {
      at = this.#value(at);
      if (at < 0) return doubt;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
      if (at >= this.#end) return doubt;
      if (bytes[at] === CLOSE_BRACKET) {
        this.#depth--;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return doubt;
      at++;
      if (bytes[at]! <= 0x20) at = this.#skipSpace(at);
    }
  }
}
