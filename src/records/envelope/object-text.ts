/**
 * Tells, byte by byte, whether a text is one JSON object so far: still open, closed, or none. It can stop at the end of
 * one piece and go on with the next, which is how a record that arrives in pieces is put together without parsing it
 * again with every piece.
 *
 * It knows strings, brackets and what may follow what. What stands inside of numbers, literals and escapes is left to
 * JSON.parse, which has the last word on every text that this takes for closed.
 */
import { isSpace } from '../grammar.ts';

export type TextState = 'open' | 'closed' | 'broken';

const Expect = {
  value: 0,
  valueOrEnd: 1,
  key: 2,
  keyOrEnd: 3,
  colon: 4,
  commaOrEnd: 5,
  string: 6,
  keyString: 7,
  bare: 8,
  start: 9,
} as const;

const isBare = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x2d ||
  byte === 0x2b ||
  byte === 0x2e ||
  byte === 0x45;

export class ObjectText {
  state: TextState = 'open';
  #expect: number = Expect.start;
  #isEscaped = false;
  #depth = 0;
  /** By depth: 1 for an object, 0 for an array. */
  #kinds = new Uint8Array(32);

  /** Takes bytes[from, to). Returns the index behind the closing brace, the one at which the text breaks, or `to`. */
  feed(bytes: Uint8Array, from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      if (this.#expect === Expect.string || this.#expect === Expect.keyString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === 0x5c) this.#isEscaped = true;
        else if (byte === 0x22) this.#expect = this.#expect === Expect.string ? Expect.commaOrEnd : Expect.colon;
        if (byte < 0x20) return this.#break(i);
        continue;
      }
      if (this.#expect === Expect.bare) {
        if (isBare(byte)) continue;
        this.#expect = Expect.commaOrEnd;
      }
      if (isSpace(byte)) continue;
      if (!this.#take(byte)) return this.#break(i);
      if (this.#depth === 0) {
        this.state = 'closed';
        return i + 1;
      }
    }
    return to;
  }

  /** Whether the text, still open, would stay one with these bytes behind it. Changes nothing. */
  accepts(bytes: Uint8Array, from: number, to: number): boolean {
    const copy = this.copy();
    const end = copy.feed(bytes, from, to);
    if (copy.state !== 'closed') return copy.state === 'open';
    let rest = end;
    while (rest < to && (bytes[rest] as number) <= 0x20) rest++;
    return rest === to || bytes[rest] === 0x7b;
  }

  copy(): ObjectText {
    const copy = new ObjectText();
    copy.state = this.state;
    copy.#expect = this.#expect;
    copy.#isEscaped = this.#isEscaped;
    copy.#depth = this.#depth;
    copy.#kinds = this.#kinds.slice();
    return copy;
  }

  /** A byte between tokens that is not white space; false where it cannot stand there. */
  #take(byte: number): boolean {
    const expect = this.#expect;
    switch (byte) {
      case 0x7b: // {
        if (expect !== Expect.start && expect !== Expect.value && expect !== Expect.valueOrEnd) return false;
        this.#open(1, Expect.keyOrEnd);
        return true;
      case 0x5b: // [
        if (expect !== Expect.value && expect !== Expect.valueOrEnd) return false;
        this.#open(0, Expect.valueOrEnd);
        return true;
      case 0x7d: // }
        if (expect !== Expect.keyOrEnd && expect !== Expect.commaOrEnd) return false;
        return this.#close(1);
      case 0x5d: // ]
        if (expect !== Expect.valueOrEnd && expect !== Expect.commaOrEnd) return false;
        return this.#close(0);
      case 0x2c: // ,
        if (expect !== Expect.commaOrEnd) return false;
        this.#expect = this.#kinds[this.#depth - 1] === 1 ? Expect.key : Expect.value;
        return true;
      case 0x3a: // :
        if (expect !== Expect.colon) return false;
        this.#expect = Expect.value;
        return true;
      case 0x22: // "
        if (expect === Expect.key || expect === Expect.keyOrEnd) this.#expect = Expect.keyString;
        else if (expect === Expect.value || expect === Expect.valueOrEnd) this.#expect = Expect.string;
        else return false;
        return true;
      default:
        if (expect !== Expect.value && expect !== Expect.valueOrEnd) return false;
        if (byte !== 0x2d && byte !== 0x74 && byte !== 0x66 && byte !== 0x6e && (byte < 0x30 || byte > 0x39))
          return false;
        this.#expect = Expect.bare;
        return true;
    }
  }

  #open(kind: number, expect: number): void {
    if (this.#depth === this.#kinds.length) {
      const larger = new Uint8Array(this.#kinds.length * 2);
      larger.set(this.#kinds);
      this.#kinds = larger;
    }
    this.#kinds[this.#depth++] = kind;
    this.#expect = expect;
  }

  #close(kind: number): boolean {
    if (this.#kinds[this.#depth - 1] !== kind) return false;
    this.#depth--;
    this.#expect = Expect.commaOrEnd;
    return true;
  }

  #break(at: number): number {
    this.state = 'broken';
    return at;
  }
}

/** Whether a text has a member, or an element in front, of JSON that it does not begin: it goes on with what began elsewhere. */
export const isInsideObject = (bytes: Buffer): boolean => memberInside.test(bytes.toString('latin1'));

/** Behind the name stands a value, or nothing. A name in an error message ("Get "https://…": dial tcp …") has words there. */
const memberInside = /"\s*:\s*(?:$|["[{]|-?\d|(?:true|false|null)\b)|"\s*,\s*$/;

/** Whether a text is one from the middle of an object: in front of its first brace or behind its last stands a member. */
export function isFromInside(bytes: Buffer): boolean {
  const first = bytes.indexOf(OPEN_BRACE);
  return (
    isInsideObject(bytes.subarray(0, first < 0 ? bytes.length : first)) ||
    isInsideObject(bytes.subarray(bytes.lastIndexOf(CLOSE_BRACE) + 1))
  );
}

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Whether a line can be one of an object that is printed over many lines, though not its first. */
export const isPrintedLine = (bytes: Buffer): boolean => printedLine.test(bytes.toString('latin1'));

const printedLine = /^\s*(?:[\]}][\]},\s]*$|"(?:[^"\\]|\\.)*"\s*:\s*(?:$|["[{]|-?\d|(?:true|false|null)\b))/;

/** Whether a text closes more brackets than it opens, so that it can be the end of a JSON text that began elsewhere. */
export function looksLikeTail(bytes: Uint8Array): boolean {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] as number) <= 0x20) end--;
  if (bytes[end - 1] !== 0x7d) return false;
  return closesMore(bytes, end, true) || closesMore(bytes, end, false);
}

function closesMore(bytes: Uint8Array, end: number, beginsInString: boolean): boolean {
  let depth = 0;
  let inString = beginsInString;
  for (let i = 0; i < end; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    // Between the tokens of JSON stands nothing else: of text that is none, this ends most.
    else if (byte !== undefined && byte > 0x7a) return false;
  }
  return depth < 0 && !inString;
}
