/**
 * Puts records together that arrive in pieces: cut by a container runtime at its longest line, or printed over many
 * lines. Pieces belong together that one container or process wrote to one stream (wraps.ts), one after another, where
 * the JSON that the first began goes on with the next. A text that begins with a brace is a piece only where the one
 * before may have been cut, and never where it is a whole record. Where nothing says whether it was cut, what may be a
 * record or another line by itself is no piece either.
 *
 * What never becomes whole is given back piece by piece, as it stood. Memory is bounded: no record grows past
 * limits.record_bytes, and the pieces that wait do not either, all streams together.
 */
import type { Frame } from '../frame/frame.ts';
import type { Rejection } from '../outcome.ts';
import { reject } from '../parse.ts';
import type { FoundText } from './findings.ts';
import { isFromInside, isPrintedLine, looksLikeTail, ObjectText } from './object-text.ts';
import type { SplitLine } from './prefix-shapes.ts';
import { afterFiller } from './texts.ts';
import { partialState, streamKey, type Wrap } from './wraps.ts';

export interface StreamEvents {
  /** A whole object, with what is around its first piece. */
  whole(bytes: Buffer, wrap: Wrap | undefined, origin: Frame): void;
  /** What follows behind it in the text of its last piece. */
  rest(bytes: Buffer, wrap: Wrap | undefined, origin: Frame): void;
  /** What the bytes, one whole object, are by themselves. */
  kindOf(bytes: Buffer): 'record' | 'line' | 'other';
  /** Whether a record may stand in the bytes. */
  isHinted(bytes: Buffer): boolean;
  /** Whether the text, which is no record, has one in it or a part of one. */
  isMeant(bytes: Buffer): boolean;
  /** A piece of a record that is not here as a whole. */
  incomplete(rejection: Rejection, origin: Frame): void;
  /** A line of another program. */
  foreign(origin: Frame): void;
}

/** A record that is open. */
interface Chain {
  readonly object: ObjectText;
  readonly wrap: Wrap | undefined;
  readonly texts: Buffer[];
  readonly origins: Frame[];
  /** Of the texts. */
  bytes: number;
  /** What they and the frames around them take. */
  held: number;
  /** Of the last piece. */
  isCut: Cut;
  /** What the last piece counts itself as, where it does. */
  ordinal: number | undefined;
}

/**
 * Whether another piece follows: the envelope, the end or the length of a text says so, or that none does. A text without
 * a line feed in a stream that has shown none so far may be either.
 */
type Cut = 'yes' | 'no' | 'perhaps';

const mostStreams = 1024;
/** Texts that wait for their stream to show whether its lines end with a line feed. */
const mostUndecided = 64;

export class Streams {
  readonly #chains = new Map<string, Chain>();
  readonly #recordBytes: number;
  readonly #heldBytes: number;
  readonly #events: StreamEvents;
  #held = 0;
  /** Streams whose texts have their line feeds: one without goes on. */
  readonly #keepsLineFeeds = new Set<string>();
  /** Streams in the middle of a record, printed over many lines, whose beginning is not here. */
  readonly #insideLost = new Set<string>();
  readonly #undecided = new Map<string, Frame[]>();
  #undecidedCount = 0;

  constructor(recordBytes: number, events: StreamEvents) {
    this.#recordBytes = recordBytes;
    this.#heldBytes = 4 * recordBytes;
    this.#events = events;
  }

  /** Whether an open record goes on with this text. */
  expects({ text, wrap }: SplitLine): boolean {
    const chain = this.#chains.size === 0 ? undefined : this.#chains.get(streamKey(wrap));
    if (chain === undefined || !chain.object.accepts(text, 0, text.length)) return false;
    if (text[0] !== OPEN_BRACE) return true;
    const isCut = chain.isCut === 'perhaps' && text.at(-1) === NEWLINE ? 'yes' : chain.isCut;
    return isCut !== 'no' && !this.#standsAlone(text, isCut);
  }

  /** Whether the text is known to be a piece of something: its envelope, its end or the lines before it say so. */
  isPiece({ text, wrap }: SplitLine): boolean {
    const { more, continues } = partialState(wrap);
    if (continues || more === true) return true;
    const key = streamKey(wrap);
    if (isIndented(text) && this.#insideLost.has(key)) return true;
    return more === undefined && text.at(-1) !== NEWLINE && this.#keepsLineFeeds.has(key);
  }

  /** Whether a text that begins with a brace is not the next piece of a record that was cut in front of it. */
  #standsAlone(text: Buffer, isCut: Cut): boolean {
    const object = new ObjectText();
    const end = object.feed(text, 0, text.length);
    if (object.state !== 'closed') return isCut === 'perhaps' && this.#events.isHinted(text);
    const next = afterFiller(text, end, text.length);
    if (isCut === 'yes') return next === text.length && this.#events.kindOf(text) === 'record';
    // Elements of an array, line by line.
    const behind = text[next] === COMMA ? afterFiller(text, next + 1, text.length) : next;
    if (behind === text.length) return this.#events.kindOf(text.subarray(0, end)) !== 'other';
    return text[behind] === OPEN_BRACE && this.#events.isHinted(text);
  }

  take({ text, wrap, isOpen, origin }: FoundText): void {
    const state = partialState(wrap);
    const hasLineFeed = text.at(-1) === NEWLINE;
    const isUnsaid = state.more === undefined && !hasLineFeed;
    const [around, words] = withoutWords(wrap);
    const aroundKey = streamKey(around);
    if (hasLineFeed) this.#noteLineFeeds(aroundKey);
    const isPiece = state.more ?? (!hasLineFeed && this.#keepsLineFeeds.has(aroundKey));
    const isCut = isPiece || (isUnsaid && isLimit(words + text.length)) ? 'yes' : isUnsaid ? 'perhaps' : 'no';
    // What a program writes in front of a record stands in front of its first piece alone.
    const key = around === wrap || (isOpen && isCut === 'yes') ? aroundKey : streamKey(wrap);
    const piece = state.endedLine ? Buffer.concat([text, lineFeed]) : text;
    const chain = this.#chains.get(key);
    if (chain !== undefined) {
      const isAnother = isOpen && text[0] === OPEN_BRACE && chain.isCut !== 'yes' && !state.continues;
      const isNext = !isAnother && !isGap(chain.ordinal, state.ordinal);
      if (isNext && chain.object.accepts(piece, 0, piece.length)) {
        chain.ordinal = state.ordinal;
        this.#append(key, chain, piece, wrap, origin, isCut);
        return;
      }
      if (isOpen || state.continues || state.more === true)
        this.#flush(key, chain, 'the next piece does not go on with it');
    }
    const isPrinted = !isOpen && isPrintedLine(text);
    const isInsideLost = this.#insideLost.has(key) && isIndented(text);
    if (isPrinted) add(this.#insideLost, key);
    else if (!isInsideLost) this.#insideLost.delete(key);
    if (isOpen && !isInsideLost) this.#begin(key, piece, wrap, origin, isCut, state.ordinal);
    else if (state.continues || isPiece || isPrinted || isInsideLost || looksLikeTail(text) || isFromInside(text)) {
      this.#events.incomplete(incomplete('its beginning is not in this object'), origin);
    } else if (this.#events.isMeant(text)) {
      this.#events.incomplete(unread, origin);
    } else if (isUnsaid && !state.endedLine && this.#undecidedCount < mostUndecided) {
      const waiting = this.#undecided.get(key) ?? [];
      this.#undecided.set(key, waiting);
      waiting.push(copyOf(origin));
      this.#undecidedCount++;
    } else this.#events.foreign(origin);
  }

  /** A frame could not be read: it may have been the next piece of any record that is open. */
  interrupt(): void {
    for (const [key, chain] of [...this.#chains]) this.#flush(key, chain, 'what follows it could not be read');
  }

  /** The object is over. */
  end(): void {
    for (const [key, chain] of [...this.#chains]) this.#flush(key, chain, 'its end is not in this object');
    for (const origins of this.#undecided.values()) for (const origin of origins) this.#events.foreign(origin);
    this.#undecided.clear();
  }

  #begin(
    key: string,
    text: Buffer,
    wrap: Wrap | undefined,
    origin: Frame,
    isCut: Cut,
    ordinal: number | undefined,
  ): void {
    const object = new ObjectText();
    let start = 0;
    while (start < text.length && text[start] !== OPEN_BRACE) start++;
    object.feed(text, start, text.length);
    const chain: Chain = { object, wrap, texts: [], origins: [], bytes: 0, held: 0, isCut, ordinal };
    if (this.#chains.size >= mostStreams) {
      const [oldest, left] = this.#chains.entries().next().value as [string, Chain];
      this.#flush(oldest, left, `more than ${mostStreams} records of other streams were open`);
    }
    this.#chains.set(key, chain);
    this.#hold(key, chain, text.subarray(start), origin);
  }

  #append(key: string, chain: Chain, text: Buffer, wrap: Wrap | undefined, origin: Frame, isCut: Cut): void {
    const end = chain.object.feed(text, 0, text.length);
    if (chain.object.state === 'open') {
      chain.isCut = isCut;
      this.#hold(key, chain, text, origin);
      return;
    }
    this.#drop(key, chain);
    const whole = Buffer.concat([...chain.texts, text.subarray(0, end)]);
    this.#events.whole(whole, chain.wrap, chain.origins[0] as Frame);
    let next = end;
    while (next < text.length && (text[next] as number) <= 0x20) next++;
    if (next < text.length) this.#events.rest(text.subarray(next), wrap, origin);
  }

  #hold(key: string, chain: Chain, text: Buffer, origin: Frame): void {
    const held = text.length + origin.bytes.length;
    chain.texts.push(Buffer.from(text));
    chain.origins.push(copyOf(origin));
    chain.bytes += text.length;
    chain.held += held;
    this.#held += held;
    if (chain.bytes > this.#recordBytes)
      this.#flush(key, chain, `it is larger than limits.record_bytes (${this.#recordBytes})`);
    while (this.#held > this.#heldBytes) {
      const [oldest, left] = this.#chains.entries().next().value as [string, Chain];
      this.#flush(oldest, left, 'records of too many streams were open at a time');
    }
  }

  #drop(key: string, chain: Chain): void {
    this.#chains.delete(key);
    this.#held -= chain.held;
  }

  #flush(key: string, chain: Chain, why: string): void {
    this.#drop(key, chain);
    for (const origin of chain.origins) this.#events.incomplete(incomplete(why), origin);
  }

  #noteLineFeeds(key: string): void {
    add(this.#keepsLineFeeds, key);
    const waiting = this.#undecided.get(key);
    if (waiting === undefined) return;
    this.#undecided.delete(key);
    this.#undecidedCount -= waiting.length;
    for (const origin of waiting) this.#events.incomplete(incomplete('its beginning is not in this object'), origin);
  }
}

/** What is around a line without the words in front of its record, and how many bytes these are. */
function withoutWords(wrap: Wrap | undefined): [around: Wrap | undefined, bytes: number] {
  const isWords = wrap?.kind === 'text' && wrap.cri === undefined && wrap.encoding === undefined;
  return isWords && wrap.outer !== undefined ? [wrap.outer, Buffer.byteLength(wrap.prefix)] : [wrap, 0];
}

/** Remembers a stream, and forgets the oldest of too many. */
function add(streams: Set<string>, key: string): void {
  streams.add(key);
  if (streams.size > mostStreams) streams.delete(streams.values().next().value as string);
}

/** Objects inside of a printed one do not begin in the first column. */
const isIndented = (text: Buffer): boolean => text[0] === 0x20 || text[0] === 0x09;

/** Whether pieces that count themselves are not next to each other: one was lost between them. */
const isGap = (before: number | undefined, now: number | undefined): boolean =>
  before !== undefined && now !== undefined && now !== before + 1;

const OPEN_BRACE = 0x7b;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const lineFeed = Buffer.from('\n');

/** Runtimes cut lines where a buffer is full: at 16 KiB most of them, some at 4, 8, 32, 48 or 256. */
const isLimit = (length: number): boolean => length >= 4096 && length % 1024 === 0;

const incomplete = (why: string): Rejection => reject('incomplete_record', '', `a piece of a record: ${why}`);

const unread = reject(
  'malformed_json',
  '',
  'a text with a record, or a part of one, that cannot be told from the rest',
);

/** The bytes of an object may be gone, or pin much more than themselves, when a piece is given back. */
const copyOf = (frame: Frame): Frame => ({ ...frame, bytes: Buffer.from(frame.bytes) });
