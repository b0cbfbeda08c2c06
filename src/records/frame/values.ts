/**
 * JSON values one behind the other, pretty-printed or not: each is a record; of arrays, each element is one.
 *
 * Two hands: a scanner that knows strings and brackets finds where values begin and end, so that a record is the exact
 * slice; the grammar (grammar.ts) decides where it breaks. Caps come first: what is nested too deep is kept from the
 * grammar, and what is larger than the cap is not held.
 *
 * What follows a whole object goes to the fast path where there is one, as far as that takes it, past both.
 *
 * Behind a break in an array the rest of the object is one malformed record, unless it is but text in a bracket (`[INFO] …`). Behind a break in a sequence of values the
 * malformed record reaches to the next line that begins with `{`, and reading goes on there: inside of pretty-printed
 * values no line does. Lines of text in between are records of their own, as no line of a printed value begins like one.
 */

import { isUtf8 } from 'node:buffer';
import { GRAMMAR_LAG, Grammar, type GrammarError } from '../grammar.ts';
import { Collector } from './collector.ts';
import type { Frame } from './frame.ts';
import {
  begunMark,
  exactFrame,
  type FastPath,
  type FrameLimits,
  type Framer,
  fillerAt,
  isBlank,
  leave,
  NEWLINE,
  OPEN_BRACE,
  takes,
} from './framer.ts';
import { kept } from './kept.ts';

const CLOSE_BRACE = 0x7d;
/** Bytes in front of the current chunk that are kept, since the grammar may report an error there. */
const TAIL_BYTES = 2 * GRAMMAR_LAG;
/** Bytes scanned and checked at a time: small behind a break, so that input that breaks often stays linear. */
const FIRST_STEP = 64;

const LAST_STEP = 64 << 10;

type Mode = 'values' | 'too-deep' | 'resync' | 'rest';

export class ValueFramer implements Framer {
  readonly #limits: FrameLimits;
  readonly #fastPath: FastPath | undefined;
  #mode: Mode = 'values';
  #grammar: Grammar;
  #step = LAST_STEP;
  /** The value that reaches in from earlier chunks, or the malformed record that is being gathered. */
  readonly #open: Collector;
  /** Offset of the next chunk, and the last bytes before it. */
  #offset: number;
  #tail = Buffer.alloc(0);
  /** Indexes of NULs, record separators and byte order marks between values that were scanned and not verified yet. */
  readonly #filler: number[] = [];
  /** The beginning of a byte order mark at the end of the chunks so far. */
  #begunMark: Buffer = Buffer.alloc(0);

  // The scanner: where it is in the text.
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Offset at which the value that is open began, -1 between values. */
  #valueStart = -1;
  /** A number or literal, which ends where something else begins. */
  #bare = false;
  #inArray = false;
  /** Where arrays opened and closed lately, to know on which side of it an error lies. */
  #turns: Turn[] = [];

  /** An object has just ended, of which the grammar has seen the end too. */
  #isBehindObject = false;
  /** How far bytes are offered to the fast path; -1 where they are not UTF-8. */
  #offered: { readonly bytes: Buffer; readonly end: number } | undefined;

  /** Values that ended, but on whose last bytes the grammar may still be. */
  #pending: Frame[] = [];
  /** resync: offset from which line ends count. */
  #resyncFrom = 0;

  constructor(offset: number, limits: FrameLimits, fastPath?: FastPath) {
    this.#offset = offset;
    this.#limits = limits;
    this.#fastPath = fastPath;
    this.#grammar = new Grammar(offset);
    this.#open = new Collector(limits);
  }

  push(chunk: Buffer, out: Frame[]): void {
    const whole = this.#begunMark.length === 0 ? chunk : Buffer.concat([this.#begunMark, chunk]);
    const cut = begunMark(whole);
    this.#begunMark = Buffer.from(whole.subarray(whole.length - cut));
    this.#take(whole.subarray(0, whole.length - cut), out);
  }

  #take(chunk: Buffer, out: Frame[]): void {
    this.#run({ bytes: chunk, base: this.#offset, at: 0 }, out);
    this.#pending = this.#pending.map((frame) => ({ ...frame, bytes: kept(frame.bytes) }));
    this.#tail = Buffer.from(Buffer.concat([this.#tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES));
    this.#offset += chunk.length;
  }

  end(out: Frame[]): void {
    this.#take(this.#begunMark, out);
    while (this.#mode === 'values') {
      const error = this.#grammar.finish();
      if (!error || error.offset >= this.#offset) break;
      this.#run(this.#breakAt(error, { bytes: Buffer.alloc(0), base: this.#offset, at: 0 }, out), out);
    }
    this.#emit(out, this.#pending);
    const open = this.#open.take();
    if (open) this.#emit(out, [open]);
    // An array that was never closed may lack elements: an empty record says so.
    else if (this.#mode === 'values' && this.#inArray)
      this.#emit(out, [{ bytes: Buffer.alloc(0), offset: this.#offset }]);
  }

  #run(start: Window, out: Frame[]): void {
    let window = start;
    while (window.at < window.bytes.length) {
      const { bytes, base, at } = window;
      if (this.#mode === 'rest') {
        this.#open.add(bytes.subarray(at));
        return;
      }
      if (this.#mode === 'resync') {
        const next = this.#resync(window, out);
        if (next < 0) return;
        window.at = next;
        continue;
      }
      if (this.#isBehindObject) {
        this.#isBehindObject = false;
        window.at = this.#takeObjects(window, out);
        if (window.at > at) continue;
      }
      const until = Math.min(at + this.#step, bytes.length);
      const scanned = this.#scan(window, until);
      window.at = scanned;
      if (this.#mode === 'too-deep') {
        if (this.#valueStart < 0) this.#leaveDeep(base + scanned, out);
        continue;
      }
      const stopped = scanned < until && !this.#isBehindObject;
      const deep = stopped && (bytes[scanned] === 0x5b || bytes[scanned] === OPEN_BRACE);
      const error =
        this.#grammar.feed(...this.#withoutFiller(bytes, at, scanned)) ?? (stopped ? this.#grammar.finish() : null);
      if (error && error.offset < base + scanned) {
        window = this.#breakAt(error, window, out);
        continue;
      }
      if (stopped && !deep) {
        window = this.#breakAt({ offset: base + scanned }, window, out);
        continue;
      }
      this.#step = Math.min(this.#step * 2, LAST_STEP);
      if (deep) {
        this.#emit(out, this.#pending.splice(0));
        this.#mode = 'too-deep';
      } else this.#commit(base + scanned, out);
    }
    if (this.#valueStart >= 0) {
      if (!this.#open.active) this.#open.begin(this.#valueStart);
      this.#open.add(window.bytes.subarray(Math.max(0, this.#valueStart - window.base)));
    }
  }

  /** Index behind the last of the objects that the fast path takes from here on. */
  #takeObjects({ bytes, base, at }: Window, out: Frame[]): number {
    if (this.#offered?.bytes !== bytes) {
      const end = bytes.lastIndexOf(CLOSE_BRACE) + 1;
      this.#offered = { bytes, end: at < end && isUtf8(bytes.subarray(at, end)) ? end : -1 };
    }
    const { end } = this.#offered;
    if (at >= end) return at;
    this.#emit(out, this.#pending.splice(0));
    const { recordBytes } = this.#limits;
    const next = this.#fastPath!.takeValues(bytes, at, end, base + at, recordBytes, this.#inArray);
    if (next > at) this.#grammar = new Grammar(base + next, { inArray: this.#inArray });
    return next;
  }

  /** In the order of the object. */
  #emit(out: Frame[], frames: readonly Frame[]): void {
    for (const frame of frames) if (!takes(this.#fastPath, frame)) leave(frame, this.#fastPath, out);
  }

  /** The bytes for the verifier, to which filler between values is white space. */
  #withoutFiller(bytes: Buffer, at: number, end: number): [bytes: Buffer, from: number, to: number] {
    if (this.#filler.length === 0) return [bytes, at, end];
    const plain = Buffer.from(bytes.subarray(at, end));
    for (const i of this.#filler.splice(0)) plain[i - at] = 0x20;
    return [plain, 0, plain.length];
  }

  /**
   * Scans up to index `until`. Stops early in front of a bracket that nests too deep and behind a value that did, and in front of
   * what is text outside of an array: the numbers that a time begins with are no values.
   */
  #scan({ bytes, base, at }: Window, until: number): number {
    const deep = this.#mode === 'too-deep';
    this.#filler.length = 0;
    let i = at;
    while (i < until) {
      if (this.#inString) {
        i = this.#scanString(bytes, i, until);
        if (!this.#inString && this.#depth === 0) this.#complete(bytes, base, i);
        continue;
      }
      const byte = bytes[i] as number;
      if (this.#bare) {
        if (!endsBare(byte)) {
          i++;
          continue;
        }
        this.#bare = false;
        this.#complete(bytes, base, i);
      }
      switch (byte) {
        case 0x22:
          if (this.#valueStart < 0) this.#valueStart = base + i;
          this.#inString = true;
          break;
        case 0x5b: // [
        case 0x7b: // {
          if (this.#valueStart < 0 && byte === 0x5b && !this.#inArray) {
            this.#turn(base + i, true);
            break;
          }
          if (!deep && this.#depth >= this.#limits.nestingDepth) return i;
          this.#noteContent(base + i);
          if (this.#valueStart < 0) this.#valueStart = base + i;
          this.#depth++;
          break;
        case 0x5d: // ]
        case 0x7d: // }
          if (this.#depth > 0) {
            if (--this.#depth === 0) {
              this.#complete(bytes, base, i + 1);
              this.#isBehindObject = !deep && this.#fastPath !== undefined && byte === 0x7d;
              if (deep || this.#isBehindObject) return i + 1;
            }
          } else if (byte === 0x5d && this.#inArray) this.#turn(base + i, false);
          break;
        case 0x00:
        case 0x1e:
        case 0xef: {
          const filler = this.#valueStart < 0 ? fillerAt(bytes, i) : 0;
          if (filler > 0) {
            for (let end = i + filler; i < end; i++) this.#filler.push(i);
            continue;
          }
          if (this.#valueStart < 0) {
            this.#valueStart = base + i;
            this.#bare = true;
          }
          break;
        }
        case 0x0a:
          this.#noteContent(base + i);
          break;
        case 0x2c: // ,
        case 0x3a: // :
        case 0x20:
        case 0x09:
        case 0x0d:
          break;
        default:
          if (this.#valueStart < 0) {
            if (!this.#inArray) return i;
            this.#valueStart = base + i;
            this.#bare = true;
          }
      }
      i++;
    }
    return i;
  }

  /** Inside of a string: index behind its end, or `until`. */
  #scanString(bytes: Buffer, from: number, until: number): number {
    for (let i = from; i < until; i++) {
      if (this.#escaped) this.#escaped = false;
      else if (bytes[i] === 0x5c) this.#escaped = true;
      else if (bytes[i] === 0x22) {
        this.#inString = false;
        return i + 1;
      }
    }
    return until;
  }

  #turn(at: number, inArray: boolean): void {
    this.#inArray = inArray;
    this.#turns.push({ at, inArray, contentAt: Number.POSITIVE_INFINITY });
  }

  #noteContent(at: number): void {
    const turn = this.#turns.at(-1);
    if (turn !== undefined && at < turn.contentAt) turn.contentAt = at;
  }

  /** The open value ends in front of index `end`. */
  #complete(bytes: Buffer, base: number, end: number): void {
    const start = this.#valueStart;
    this.#valueStart = -1;
    if (this.#open.active) {
      this.#open.add(bytes.subarray(0, end));
      this.#pending.push(this.#open.take() as Frame);
    } else this.#pending.push(exactFrame(bytes.subarray(start - base, end), start, this.#limits));
  }

  /** Lets go of the values that the grammar, fed up to offset `fed`, has surely passed. */
  #commit(fed: number, out: Frame[]): void {
    const decided = fed - GRAMMAR_LAG;
    const open = this.#pending.findIndex((frame) => endOf(frame) > decided);
    this.#emit(out, this.#pending.splice(0, open < 0 ? this.#pending.length : open));
    const turn = this.#turns.findLastIndex(({ at }) => at < decided);
    if (turn > 0) this.#turns.splice(0, turn);
  }

  #leaveDeep(offset: number, out: Frame[]): void {
    this.#emit(out, this.#pending.splice(0));
    this.#grammar = new Grammar(offset, { inArray: this.#inArray });
    this.#mode = 'values';
  }

  /** The grammar breaks: keeps the values in front of it and begins the malformed record. */
  #breakAt({ offset }: Pick<GrammarError, 'offset'>, window: Window, out: Frame[]): Window {
    const { bytes, base } = this.#withTail(window, offset);
    const whole = this.#pending.findIndex((frame) => endOf(frame) > offset);
    this.#emit(out, this.#pending.splice(0, whole < 0 ? this.#pending.length : whole));
    const broken = this.#pending[0];
    const turn = this.#turns.findLast(({ at }) => at < offset);
    const inArray = turn?.inArray === true && turn.contentAt < offset;

    let start = offset;
    if (broken && broken.offset <= offset) {
      start = broken.offset;
      this.#open.begin(start);
      if (start < base) this.#restore(broken, base);
    } else if (this.#valueStart >= 0 && this.#valueStart <= offset) {
      start = this.#valueStart;
      if (start < base) this.#open.truncate(base);
      else this.#open.begin(start);
    } else this.#open.begin(start);

    this.#resetScanner();
    this.#mode = inArray ? 'rest' : 'resync';
    this.#resyncFrom = Math.max(start, offset - 1);
    return { bytes, base, at: Math.max(start, base) - base };
  }

  /** The window with the bytes before it, where an error lies there. */
  #withTail(window: Window, offset: number): Window {
    if (offset - 1 >= window.base || window.base < this.#offset) return window;
    return { bytes: Buffer.concat([this.#tail, window.bytes]), base: window.base - this.#tail.length, at: 0 };
  }

  /** Gathers what a value that had ended holds in front of offset `base`. */
  #restore({ bytes, offset, tooLarge }: Frame, base: number): void {
    const before = base - offset;
    this.#open.add(bytes.subarray(0, before) as Buffer);
    if (tooLarge && before > bytes.length) this.#open.skip(before - bytes.length);
  }

  /**
   * Gathers the malformed record up to a line that begins with `{`; index of that line, -1 where there is none yet. A line of
   * text ends it too, and is one of its own.
   */
  #resync({ bytes, base, at }: Window, out: Frame[]): number {
    let from = at;
    const isLineStart = at === 0 && base > this.#resyncFrom && this.#tail.at(-1) === NEWLINE && base === this.#offset;
    let line = isLineStart ? 0 : this.#nextLine(bytes, Math.max(at, this.#resyncFrom - base));
    for (; line < bytes.length; line = this.#nextLine(bytes, line)) {
      const isValue = bytes[line] === OPEN_BRACE;
      if (!isValue && goesOnPrinted.has(bytes[line] as number)) continue;
      this.#open.add(bytes.subarray(from, line));
      if (isValue) return this.#resume(base, line, out);
      this.#takeMalformed(out);
      this.#open.begin(base + line);
      from = line;
    }
    this.#open.add(bytes.subarray(from));
    return -1;
  }

  /** Where the line behind the one at `from` begins; the end of the bytes where none does. */
  #nextLine(bytes: Buffer, from: number): number {
    const newline = bytes.indexOf(NEWLINE, from);
    return newline < 0 ? bytes.length : newline + 1;
  }

  #takeMalformed(out: Frame[]): void {
    const malformed = this.#open.take();
    if (malformed) this.#emit(out, [malformed]);
  }

  #resume(base: number, at: number, out: Frame[]): number {
    this.#takeMalformed(out);
    this.#grammar = new Grammar(base + at);
    this.#step = FIRST_STEP;
    this.#mode = 'values';
    return at;
  }

  #resetScanner(): void {
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#valueStart = -1;
    this.#bare = false;
    this.#inArray = false;
    this.#isBehindObject = false;
    this.#turns = [];
    this.#pending = [];
  }
}

/** Where an array opened or closed. One that breaks in front of its content is text in a bracket: `[INFO] …`. */
interface Turn {
  readonly at: number;
  readonly inArray: boolean;
  /** Of the first line end or bracket inside. */
  contentAt: number;
}

/** Bytes at offset `base` of the object, worked through from index `at`. */
interface Window {
  readonly bytes: Buffer;
  readonly base: number;
  at: number;
}

const endOf = (frame: Frame): number => frame.offset + (frame.tooLarge?.length ?? frame.bytes.length);

/** What lines behind the first one of a printed value begin with. */
const goesOnPrinted: ReadonlySet<number> = new Set(Buffer.from(' \t\r\n}]",:'));

/** Bytes that cannot be part of a number or literal. */
const endsBare = (byte: number): boolean =>
  isBlank(byte) || byte === 0x2c || byte === 0x3a || byte === 0x22 || (byte | 0x20) === 0x7b || (byte | 0x20) === 0x7d;
