/**
 * The byte scanner: one pass over the bytes of a JSON record (RFC 8259) that proves its grammar and notes where the
 * values of the wanted paths stand, without making a string or an object.
 *
 * It accepts only what it can prove: any other record (an odd escape, a duplicate key, a type that the schema does not
 * take, a number that a double does not hold) is doubted, and the reference path (parse.ts, validate.ts, flatten.ts)
 * decides. The bytes have to be valid UTF-8; the caller checks that for whole groups of records.
 *
 * Records resemble the one before: keys are predicted by its order, and a string, an object or an array whose text is
 * the same as its text there is not looked into again. That is safe since such a text tells its own end.
 */
import { isSame, type Text } from '../../columns/text.ts';
import { anyMember, bit, type Member, type ObjectNode, type Program, Tag } from './program.ts';
import { capacity, Elements, ScannedRows } from './rows.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  doubt,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  TokenScanner,
} from './tokens.ts';

/** Keys of an object that are predicted: an object of more is data. */
const maxPredicted = 1024;

export class RecordScanner extends TokenScanner {
  readonly rows: ScannedRows;
  readonly elements = new Elements();
  /** Where the record scanned last, or the next one, is in `rows`. */
  row = 0;
  /** By slot: whether any of the rows has the path. */
  readonly met: Uint8Array;
  /** Members of the root object that the schema does not know, and the ranges of their values. */
  unknown = 0;
  readonly unknownMembers: Member[] = [];
  unknownRanges = new Int32Array(64);
  /** Whether a value may have another tag than all columns of its path hold in any case. */
  isOdd = false;

  readonly #program: Program;
  readonly #maxDepth: number;
  #epoch = 0;
  #depth = 0;
  /** Whether the row holds values of a record that was not kept. */
  #isDirty = false;
  /** Of the rows that are kept: their elements, and whether the last one is odd. */
  #kept = 0;
  #wasOdd = false;
  /** Of the key read last. */
  #keyEnd = 0;

  constructor(program: Program, maxDepth: number) {
    super();
    this.#program = program;
    this.#maxDepth = Math.min(maxDepth, 500);
    this.rows = new ScannedRows(program.slots.length);
    this.met = new Uint8Array(program.slots.length);
  }

  /** Scans [start, end) of the text, behind which the slack of a text has to follow, as one record; false where it is in doubt. */
  scan(text: Text, start: number, end: number): boolean {
    this.turnTo(text, end);
    this.#epoch++;
    this.#depth = 0;
    this.unknown = 0;
    if (this.#isDirty) this.#clean();
    this.#isDirty = true;
    this.isOdd = false;
    // Frames have no white space in front; where they had, sources might look for a wrapper there.
    if (start >= end || this.bytes[start] !== OPEN_BRACE) return false;
    const at = this.#object(start + 1, this.#program.root, null);
    // Nothing goes back, so a read past the end of the record shows here.
    if (at < 0 || at > end || this.skipSpace(at) < end) return false;
    const { tags } = this.rows;
    for (const slot of this.#program.required) if (tags[slot * capacity + this.row] === Tag.Absent) return false;
    return true;
  }

  /** Keeps the record scanned last; the next one is another row. */
  keep(): void {
    this.#kept = this.elements.count;
    this.#wasOdd = this.isOdd;
    this.#isDirty = false;
    this.row++;
  }

  /** Forgets all rows. */
  clear(): void {
    this.row = 0;
    this.#kept = 0;
    this.elements.count = 0;
    this.rows.tags.fill(0);
    this.met.fill(0);
    this.#isDirty = false;
  }

  #clean(): void {
    const { tags } = this.rows;
    for (let at = this.row; at < tags.length; at += capacity) tags[at] = Tag.Absent;
    this.elements.count = this.#kept;
  }

  /**
   * After the opening brace; returns the place after the closing one. Without a node its members do not matter; with a
   * `map` they are its pairs, besides having slots of their own where they are known.
   */
  #object(at: number, node: ObjectNode | null, map: Member | null): number {
    if (++this.#depth > this.#maxDepth) return doubt;
    const bytes = this.bytes;
    const isRoot = node === this.#program.root;
    if (bytes[at]! <= 0x20) at = this.skipSpace(at);
    if (bytes[at] === CLOSE_BRACE) {
      this.#depth--;
      return isRoot ? doubt : at + 1;
    }
    for (let position = 0; ; position++) {
      // Behind the brace, or at a comma.
      const predicted = node === null ? undefined : node.predicted[position];
      const first = position === 0 ? 1 : 0;
      let member = anyMember;
      if (predicted !== undefined && this.#isAt(at, predicted, first)) {
        member = predicted;
        at += member.key.length + 2 - first;
      } else {
        if (first === 0) {
          at++;
          if (bytes[at]! <= 0x20) at = this.skipSpace(at);
        }
        if (bytes[at] !== QUOTE) return doubt;
        if (node !== null) {
          const found = this.#memberAt(at, node, position);
          if (found === undefined) return doubt;
          member = found;
        } else if (this.#key(at) < 0) return doubt;
        at = this.#keyEnd;
        if (bytes[at] !== COLON) {
          at = this.skipSpace(at);
          if (bytes[at] !== COLON) return doubt;
        }
        at++;
      }
      if (member !== anyMember) {
        if (member.epoch === this.#epoch) return doubt;
        member.epoch = this.#epoch;
      }
      if (bytes[at]! <= 0x20) at = this.skipSpace(at);
      const start = at;
      if (map !== null) {
        at = this.#value(at);
        if (at < 0 || (map.elements & bit(this.tag)) === 0) return doubt;
        this.elements.add(member, this.tag, start, at, this.number);
        if (member.slot >= 0) this.#note(member, start, at);
      } else {
        at = member.slot < 0 && member.node === null ? this.#value(at) : this.#memberValue(at, member);
        if (at < 0 || (member.accepts & bit(this.tag)) === 0) return doubt;
        if (isRoot && !member.known) this.#noteUnknown(member, start, at);
      }
      if (bytes[at]! <= 0x20) at = this.skipSpace(at);
      if (at >= this.end) return doubt;
      if (bytes[at] === CLOSE_BRACE) {
        this.#depth--;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return doubt;
    }
  }

  /** After the opening bracket; the elements of a `list` are noted. */
  #array(at: number, list: Member | null): number {
    if (++this.#depth > this.#maxDepth) return doubt;
    const bytes = this.bytes;
    if (bytes[at]! <= 0x20) at = this.skipSpace(at);
    if (bytes[at] === CLOSE_BRACKET) {
      this.#depth--;
      return at + 1;
    }
    for (;;) {
      const start = at;
      at = this.#value(at);
      if (at < 0) return doubt;
      if (list !== null) {
        if ((list.elements & bit(this.tag)) === 0) return doubt;
        this.elements.add(list, this.tag, start, at, this.number);
      }
      if (bytes[at]! <= 0x20) at = this.skipSpace(at);
      if (at >= this.end) return doubt;
      if (bytes[at] === CLOSE_BRACKET) {
        this.#depth--;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return doubt;
      at++;
      if (bytes[at]! <= 0x20) at = this.skipSpace(at);
    }
  }

  /** Whether the member's key stands at `at`, a colon right behind it and, unless it is the `first`, a comma before it. */
  #isAt(at: number, { key, lead }: Member, first: number): boolean {
    const length = key.length + 2 - first;
    return at + length <= this.end && isSame(this.view, at, lead.view, first, length);
  }

  /** Reads a key; returns the place of its closing quote. */
  #key(at: number): number {
    const close = this.string(at + 1);
    this.#keyEnd = close + 1;
    return close;
  }

  /** The member whose key stands at `at`; it will be predicted there for the next record. */
  #memberAt(at: number, node: ObjectNode, position: number): Member | undefined {
    const close = this.#key(at);
    if (close < 0 || this.isEscaped) return undefined;
    const { buffer, byteOffset, byteLength } = this.bytes;
    const member = node.member(Buffer.from(buffer, byteOffset, byteLength).toString('utf8', at + 1, close));
    if (member === undefined || member === anyMember) return member;
    if (member.key.length !== close + 1 - at) return undefined;
    if (position < maxPredicted) node.predicted[position] = member;
    return member;
  }

  /** The value of a member that has columns, itself or below. */
  #memberValue(at: number, member: Member): number {
    const { slot } = member;
    const start = at;
    const byte = this.bytes[at]!;
    if (slot >= 0 && this.row > 0 && (byte === QUOTE || byte === OPEN_BRACE || byte === OPEN_BRACKET)) {
      const end = this.#repeated(at, member);
      if (end >= 0) return end;
    }
    if (member.shape !== 'raw' && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) {
      const first = this.elements.count;
      if (byte === OPEN_BRACKET && member.node?.hasIndexes === true) return doubt;
      if (byte === OPEN_BRACKET) at = this.#array(at + 1, member.shape === 'list' ? member : null);
      else at = this.#object(at + 1, member.node, member.shape === 'map' ? member : null);
      this.tag = byte === OPEN_BRACE ? Tag.Object : Tag.Array;
      if (slot >= 0) {
        const place = slot * capacity + this.row;
        this.rows.firsts[place] = first;
        this.rows.lasts[place] = this.elements.count;
      }
    } else at = this.#value(at);
    if (slot >= 0) this.#note(member, start, at);
    return at;
  }

  /** The place after the value at `at` where its text is that of the row before, and it is noted as the same; else -1. */
  #repeated(at: number, member: Member): number {
    const { rows, row } = this;
    const before = member.slot * capacity + row - 1;
    const tag = rows.tags[before]!;
    if (tag < Tag.String) return -1;
    const start = rows.starts[before]!;
    const length = rows.ends[before]! - start;
    if (at + length > this.end || !isSame(this.view, at, this.view, start, length)) return -1;
    const { slots } = member;
    for (let i = 0; i < slots.length; i++) rows.repeat(slots[i]!, row);
    this.isOdd ||= this.#wasOdd;
    this.tag = tag;
    return at + length;
  }

  #note({ slot, plain }: Member, start: number, end: number): void {
    const { rows } = this;
    const place = slot * capacity + this.row;
    const tag = this.tag;
    rows.tags[place] = tag;
    rows.starts[place] = start;
    rows.ends[place] = end;
    if (tag === Tag.Int) rows.numbers[place] = this.number;
    if ((plain & bit(tag)) === 0) this.isOdd = true;
    this.met[slot] = 1;
  }

  #noteUnknown(member: Member, start: number, end: number): void {
    const at = this.unknown++;
    if (at * 2 === this.unknownRanges.length) {
      const ranges = new Int32Array(at * 4);
      ranges.set(this.unknownRanges);
      this.unknownRanges = ranges;
    }
    this.unknownMembers[at] = member;
    this.unknownRanges[at * 2] = start;
    this.unknownRanges[at * 2 + 1] = end;
  }

  /** Any value; returns the place after it and sets what it was. */
  #value(at: number): number {
    const byte = this.bytes[at];
    if (at >= this.end) return doubt;
    if (byte === QUOTE) {
      const close = this.string(at + 1);
      if (close < 0) return doubt;
      this.tag = this.isEscaped ? Tag.Escaped : Tag.String;
      return close + 1;
    }
    if (byte === OPEN_BRACE) {
      at = this.#object(at + 1, null, null);
      this.tag = Tag.Object;
    } else if (byte === OPEN_BRACKET) {
      at = this.#array(at + 1, null);
      this.tag = Tag.Array;
    } else if (byte === 0x74) {
      at = this.literal(at, 'true');
      this.tag = Tag.True;
    } else if (byte === 0x66) {
      at = this.literal(at, 'false');
      this.tag = Tag.False;
    } else if (byte === 0x6e) {
      at = this.literal(at, 'null');
      this.tag = Tag.Null;
    } else at = this.numeral(at);
    return at;
  }
}
