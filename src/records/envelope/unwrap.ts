/**
 * Finds the records in a frame, whatever is around them. Structure decides: an object that is a record is one, and
 * nothing inside of it is looked at. Of any other object the members that hold log lines are looked into first (kinds.ts),
 * then all others, as objects, as JSON texts, as texts with JSON behind a prefix, as typed values of OpenTelemetry, and as
 * base64, compressed or not. Elements of a list are independent of one another.
 *
 * What neither is a record nor holds one is a finding too: a text that may be a piece of a record, for the streams
 * (streams.ts) to join, or what another program wrote.
 */
import { isUtf8 } from 'node:buffer';
import { exactText } from '../exact-text.ts';
import type { Limits } from '../limits.ts';
import { keyText, scanMembers } from '../members.ts';
import type { Rejection } from '../outcome.ts';
import { isRejection, type JsonRecord, type ParseLimits, parseRecord, reject } from '../parse.ts';
import { isPieceOfUtf8 } from '../utf8.ts';
import { base64Bytes, decodeBase64, encodedHints, quotedJson } from './encoded.ts';
import {
  apart,
  type Finding,
  type FoundRecord,
  type FoundText,
  foreign,
  inside,
  type Place,
  Rank,
  rankOf,
  settled,
  textFinding,
} from './findings.ts';
import {
  criLine,
  isBulkAction,
  lineMembers,
  listMembers,
  logLineHeads,
  omittedMembers,
  opaTextDecision,
} from './kinds.ts';
import type { RecordMarks } from './marks.ts';
import { isFromInside, isInsideObject, looksLikeTail, ObjectText } from './object-text.ts';
import { type IsExpected, Shapes } from './prefix-shapes.ts';
import { afterFiller, isBehindWord, trimmed } from './texts.ts';
import { elementRanges, isByteList, isKeyValueList, isTextual, plainJson, typeName } from './typed-values.ts';
import type { Wrap } from './wraps.ts';

/** What the unwrapper asks of the reader, and tells it. */
export interface UnwrapperHooks {
  readonly isExpected: IsExpected;
  /** Whether its envelope or its end says that more follows, or stands before. */
  readonly isPiece: IsExpected;
  /**
   * Takes what an element of a list holds before the next element is looked at, since what a line is may depend on the
   * lines before it: on whether they have left a record open.
   */
  readonly settle: (finding: Finding) => void;
}

export type UnwrapLimits = ParseLimits & Pick<Limits, 'recordBytes'>;

/** An envelope in an envelope in an envelope: so many, and no more. */
const mostLayers = 8;
/** Of an object among other text, to tell whether it holds a record: one in a list in a text of it. */
const layersLookedInto = 4;
/** Braces of a line that are tried for the beginning of its JSON. */
const mostBraces = 32;
const leastBase64 = 32;
const jsonPunctuation = /^[[\]{},:\s]*$/;
const HEAD_BYTES = 256;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const COMMA = 0x2c;
const NEWLINE = 0x0a;

const textFormat: Rejection = reject(
  'text_format',
  '',
  'a decision in the text format of the log, which does not keep its values: run OPA with --log-format=json',
);

const textFollows = reject('malformed_json', '', 'text follows the record');
const cutOff = reject('incomplete_record', '', 'a piece of a record, with another one behind it');
/** In lists in a list, of times and lines for example, nothing says which texts would be the other parts. */
const partInList = reject(
  'incomplete_record',
  '',
  'a list with a part of a record, which cannot be told from the rest',
);
/** What stands behind a value inside of an object or an array. */
const jsonAfterValue: ReadonlySet<number> = new Set(Buffer.from(',:]}'));

export class Unwrapper {
  readonly #marks: RecordMarks;
  readonly #limits: UnwrapLimits;
  readonly #hooks: UnwrapperHooks;
  readonly #shapes: Shapes;
  /** Members of other names that have held records in this object: what else stands there is another program's. */
  readonly #learned = new Set<string>();
  readonly #needles: readonly Buffer[];

  constructor(marks: RecordMarks, limits: UnwrapLimits, hooks: UnwrapperHooks) {
    this.#marks = marks;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#shapes = new Shapes(hooks.isExpected);
    this.#needles = [...marks.hints, ...encodedHints].map((hint) => Buffer.from(hint));
  }

  /** What an object holds; nothing where it is neither a record nor an envelope. */
  object(record: JsonRecord, place: Place): Finding[] {
    const { value } = record;
    if (this.#marks.isRecord(value)) return [{ kind: 'record', record, wrap: place.wrap, origin: place.origin }];
    const witness = this.#marks.witnessOf?.(value);
    if (witness !== undefined) return [foreign(place, witness)];
    let best: Finding[] = [];
    const consider = (found: Finding[]): boolean => {
      const isMore = rankOf(found) === rankOf(best) && this.#hasMeant(found) && !this.#hasMeant(best);
      if (isMore || rankOf(found) > rankOf(best)) best = found;
      return rankOf(best) === Rank.record;
    };
    const looked = new Set<string>();
    for (const isText of [true, false]) {
      for (const name of lineMembers) {
        if (!Object.hasOwn(value, name) || isTextual(value[name]) !== isText) continue;
        looked.add(name);
        const found = this.#member(record, name, place);
        if (consider(found.length === 0 && isObject(value[name]) ? [foreign(place)] : found)) return best;
      }
    }
    for (const name of listMembers) {
      if (!Array.isArray(value[name]) || isEmptyList(value[name])) continue;
      looked.add(name);
      if (consider(this.#member(record, name, place))) return best;
    }
    for (const [name, hint] of Object.entries(omittedMembers)) {
      if (value[name] !== null || best.length > 0) continue;
      best = [{ kind: 'rejection', rejection: reject('incomplete_record', `/${name}`, hint), origin: place.origin }];
    }
    if (consider(this.#anywhere(record, looked, place))) return best;
    // An envelope around nothing is nothing.
    if (best.length === 0 && listMembers.some((name) => isEmptyList(value[name]))) return settled;
    const isKnown = isBulkAction(value) || [...this.#learned].some((name) => Object.hasOwn(value, name));
    return best.length === 0 && isKnown ? [foreign(place)] : best;
  }

  /** Whether a line begins as programs begin theirs, or as others of this object do. */
  isLogLine(text: Buffer): boolean {
    const head = text.toString('latin1', 0, HEAD_BYTES);
    return logLineHeads.some((pattern) => pattern.test(head)) || this.#shapes.matches(head);
  }

  isHinted(text: Buffer): boolean {
    return this.#marks.hints.some((hint) => text.includes(hint));
  }

  /** Whether a text that is no JSON has a record in it, or a part of one, rather than being another program's. */
  isMeant(text: Buffer): boolean {
    const decoded = base64Bytes(text, this.#limits.recordBytes);
    const keys = ['"', '\\'].map((end) => `${this.#marks.tellingKey}${end}`);
    return keys.some((key) => text.includes(key) || decoded?.includes(key));
  }

  #hasMeant(found: readonly Finding[]): boolean {
    return found.some((one) => one.kind === 'text' && this.isMeant(one.text));
  }

  /** The same, or the beginning or the end of something that may be a record. */
  #hasPart(found: readonly Finding[]): boolean {
    const isPart = ({ text, isOpen }: FoundText): boolean =>
      this.isMeant(text) || (this.isHinted(text) && (isOpen || looksLikeTail(text) || isFromInside(text)));
    return found.some((one) => one.kind === 'text' && isPart(one));
  }

  /** What a text holds: at least one finding. */
  text(text: Buffer, place: Place): Finding[] {
    // A piece of a record may look like anything, also like nothing.
    if (place.wrap !== undefined && this.#hooks.isExpected({ text, wrap: place.wrap }))
      return [textFinding(text, false, place)];
    const [start, end] = trimmed(text);
    if (start === end) return [foreign(place)];
    if (place.layers > mostLayers) return [textFinding(text, false, place)];
    const first = text[start];
    if (first === OPEN_BRACE) {
      const found = this.#objects(text, start, end, place);
      if (found !== undefined) return found;
    }
    if (first === OPEN_BRACKET) {
      const found = this.#list(text.subarray(start, end), { ...place, at: place.at + start });
      if (found !== undefined) return found;
    }
    const cri = criLine.exec(text.toString('latin1', start, start + 128));
    if (cri !== null) {
      const [prefix, stream, tag] = cri as unknown as [string, string, string];
      const wrap = { kind: 'text', prefix, suffix: '', cri: { stream, tag }, outer: place.wrap } as const;
      return this.text(text.subarray(start + prefix.length), inside(place, wrap, start + prefix.length));
    }
    const known = this.#shapes.split(text, place.wrap);
    if (known !== undefined) return [textFinding(known.text, false, { ...place, wrap: known.wrap })];
    const isPiece = place.wrap !== undefined && this.#hooks.isPiece({ text, wrap: place.wrap });
    return (
      this.#behindPrefix(text, start, end, place, isPiece) ??
      (isPiece ? undefined : this.#quoted(text, start, end, place)) ??
      this.#decoded(text.subarray(start, end), place) ?? [
        opaTextDecision.test(text.toString('latin1', start, Math.min(end, start + 512)))
          ? { kind: 'rejection', rejection: textFormat, origin: place.origin }
          : textFinding(text, false, place),
      ]
    );
  }

  /** Objects one behind the other; undefined where the text is something else. */
  #objects(text: Buffer, start: number, end: number, place: Place): Finding[] | undefined {
    const found: Finding[] = [];
    for (let at = start; at < end; ) {
      const object = new ObjectText();
      const close = object.feed(text, at, end);
      const isFirst = at === start;
      if (object.state === 'open') {
        const rest = text.subarray(isFirst ? 0 : at);
        return [...found, textFinding(rest, true, isFirst ? place : apart(place, rest, at))];
      }
      if (object.state === 'broken') {
        if (!isFirst) return [...found, ...this.#broken(text, at, end, apart(place, text.subarray(at), at))];
        return this.#behindPrefix(text, start, end, place) ?? this.#broken(text, start, end, place);
      }
      let next = afterFiller(text, close, end);
      // Elements of an array, line by line.
      if (text[next] === COMMA) next = afterFiller(text, next + 1, end);
      if (next < end && text[next] !== OPEN_BRACE) {
        if (this.#holdsRecord(text.subarray(at, close), place))
          return [...found, ...this.#several(text, at, close, end, place)];
        if (!isFirst) return [...found, ...this.#broken(text, at, end, apart(place, text.subarray(at), at))];
        return this.#behindPrefix(text, close, end, place) ?? this.#broken(text, start, end, place);
      }
      const isOnly = isFirst && next === end;
      const bytes = text.subarray(at, close);
      const own = isOnly ? { ...place, at: place.at + at } : apart(place, bytes, at);
      found.push(...this.#json(bytes, own, text.subarray(at)));
      at = next;
    }
    return found;
  }

  /** A whole JSON object that something is around; `rest` is the text from there on, whose line feed says that it is not a piece. */
  #json(bytes: Buffer, place: Place, rest: Buffer): Finding[] {
    const record = parseRecord(bytes, this.#limits);
    if (isRejection(record)) return [{ kind: 'rejection', rejection: record, origin: place.origin }];
    // A value of a record whose other pieces are not here: what looks like a record inside of it is none.
    const isPart = place.wrap !== undefined && !this.#marks.isRecord(record.value) && this.#isHinted(bytes);
    if (isPart && this.#hooks.isPiece({ text: rest, wrap: place.wrap })) return [textFinding(bytes, false, place)];
    const found = this.object(record, { ...place, layers: place.layers + 1 });
    return found.length > 0 ? found : [foreign(place)];
  }

  /** A text that begins like JSON and is none. */
  #broken(text: Buffer, start: number, end: number, place: Place): Finding[] {
    const bytes = text.subarray(start, end);
    const isMeant = this.#isHinted(bytes) || /^\{\s*"/.test(bytes.toString('latin1', 0, 64));
    if (!isMeant) return [textFinding(text.subarray(start), false, place)];
    const record = parseRecord(bytes, this.#limits);
    return [{ kind: 'rejection', rejection: isRejection(record) ? record : textFollows, origin: place.origin }];
  }

  /** JSON behind a prefix that reaches to the end of the text. */
  #behindPrefix(text: Buffer, start: number, end: number, place: Place, isPiece = false): Finding[] | undefined {
    let brace = text.indexOf(OPEN_BRACE, start + 1);
    // What is a JSON text up to there has lost its end rather than being a prefix.
    if (
      brace > start &&
      brace < end &&
      jsonPunctuation.test(text.toString('latin1', start, Math.min(brace, start + 64)))
    )
      return undefined;
    const mayBeFragment = text[start] !== OPEN_BRACE;
    for (let tries = 0, from = start; brace >= 0 && brace < end && tries < mostBraces; tries++) {
      if (this.#isOverRecords(text.subarray(start, brace))) return undefined;
      if (mayBeFragment && isInsideObject(text.subarray(from, brace))) return undefined;
      const object = new ObjectText();
      const close = object.feed(text, brace, end);
      if (
        object.state === 'open' &&
        (this.#isHinted(text.subarray(brace)) || (brace + 1 === end && isBehindWord(text, brace)))
      ) {
        const wrap = prefixed(text, 0, brace, text.length, place);
        this.#shapes.learn(wrap.prefix);
        return [textFinding(text.subarray(brace), true, { ...place, wrap })];
      }
      if (object.state === 'closed' && close === end && !isPiece) {
        const wrap = prefixed(text, 0, brace, close, place);
        const record = parseRecord(text.subarray(brace, close), this.#limits);
        if (!isRejection(record)) {
          const found = this.object(record, { ...place, wrap, at: place.at + brace, layers: place.layers + 1 });
          const isAnothers = this.#marks.isOtherLine(record.value) || place.wrap !== undefined || this.isLogLine(text);
          if (rankOf(found) > Rank.foreign || isAnothers) {
            this.#shapes.learn(wrap.prefix);
            const head = text.subarray(start, brace);
            if (this.isMeant(head)) {
              const { origin } = apart(place, head, start);
              return [{ kind: 'rejection', rejection: cutOff, origin }, ...found];
            }
            return found.length > 0 ? found : [foreign(place)];
          }
        }
      }
      const isAmong = object.state === 'closed' && close < end && !isPiece;
      if (isAmong && this.#holdsRecord(text.subarray(brace, close), place))
        return this.#several(text, start, close, end, place);
      if (object.state === 'closed') from = close;
      brace = text.indexOf(OPEN_BRACE, object.state === 'closed' ? close : brace + 1);
    }
    return undefined;
  }

  /**
   * Records with text between them, which is the prefix of the one behind it: what is around a record holds no other one.
   * The first ends at `close`; with text behind it that leads to no other, the last is none.
   */
  #several(text: Buffer, start: number, close: number, end: number, place: Place): Finding[] {
    const found: Finding[] = [];
    for (let at = start, to = close; ; ) {
      const next = afterFiller(text, to, end);
      const following = next === end ? end : this.#recordEnd(text, next, end, place);
      const part = text.subarray(at, following < 0 ? end : to);
      const own = apart(place, part, at);
      if (following < 0) return [...found, { kind: 'rejection', rejection: textFollows, origin: own.origin }];
      found.push(...this.text(part, { ...own, layers: place.layers + 1 }));
      if (next === end) return found;
      at = next;
      to = following;
    }
  }

  /** Where the first record ends of a text behind another one; -1 where there is none, or the text is of the same JSON. */
  #recordEnd(text: Buffer, start: number, end: number, place: Place): number {
    if (jsonAfterValue.has(text[start]!)) return -1;
    let brace = text.indexOf(OPEN_BRACE, start);
    for (let tries = 0, from = start; brace >= 0 && brace < end && tries < mostBraces; tries++) {
      if (isInsideObject(text.subarray(from, brace))) return -1;
      const object = new ObjectText();
      const close = object.feed(text, brace, end);
      const isClosed = object.state === 'closed';
      if (isClosed && this.#holdsRecord(text.subarray(brace, close), place)) return close;
      if (isClosed) from = close;
      brace = text.indexOf(OPEN_BRACE, isClosed ? close : brace + 1);
    }
    return -1;
  }

  /** Whether a whole JSON object is a record, or what a shipper put around one. It is only looked at: nothing is settled or learned. */
  #holdsRecord(bytes: Buffer, { layers }: Place): boolean {
    if (!this.#isHinted(bytes)) return false;
    const record = parseRecord(bytes, this.#limits);
    if (isRejection(record)) return false;
    if (this.#marks.isRecord(record.value)) return true;
    const found: Finding[] = [];
    const look = new Unwrapper(this.#marks, this.#limits, {
      isExpected: () => false,
      isPiece: () => false,
      settle: (finding) => found.push(finding),
    });
    const place = { wrap: undefined, at: 0, origin: { bytes, offset: 0 } };
    found.push(...look.object(record, { ...place, layers: Math.max(layers, mostLayers - layersLookedInto) }));
    return rankOf(found.filter(({ kind }) => kind !== 'settled')) === Rank.record;
  }

  /** Whether lines that may be records themselves stand in front: they are no prefix. */
  #isOverRecords(prefix: Buffer): boolean {
    return prefix.includes(NEWLINE) && this.#isHinted(prefix);
  }

  /** JSON in quotes. */
  #quoted(text: Buffer, start: number, end: number, place: Place): Finding[] | undefined {
    if (!this.#isHinted(text) || !isUtf8(text)) return undefined;
    const quoted = quotedJson(text.toString('utf8', start, end));
    if (quoted === undefined) return undefined;
    const { prefix, inner, suffix } = quoted;
    const wrap = { kind: 'text', prefix, suffix, outer: place.wrap } as const;
    const found = this.text(Buffer.from(inner), { ...place, wrap, layers: place.layers + 1 });
    if (rankOf(found) <= Rank.text) return undefined;
    const [before, behind] = [Buffer.from(prefix), Buffer.from(suffix)];
    const [from, to] = [start + before.length, end - behind.length];
    const parts: Part[] = [{ own: apart(place, text.subarray(from, to), from), found }];
    for (const [around, at] of [[before, start] as const, [behind, to] as const]) {
      if (!this.isMeant(around)) continue;
      const own = apart(place, around, at);
      const others = this.text(around, { ...own, layers: place.layers + 1 });
      parts.push({ own, found: others.filter((other) => other.kind !== 'record' || !this.#isAmong(found, other)) });
    }
    return ofParts(parts, place);
  }

  #isAmong(found: readonly Finding[], { record }: FoundRecord): boolean {
    const id = this.#marks.idOf(record.value);
    if (id === undefined) return false;
    return found.some((other) => other.kind === 'record' && this.#marks.idOf(other.record.value) === id);
  }

  /** The text as base64 of text, compressed or not. */
  #decoded(text: Buffer, place: Place): Finding[] | undefined {
    const plain = decodeBase64(text, this.#limits.recordBytes);
    if (plain === undefined) return undefined;
    const wrap = { kind: 'text', prefix: '', suffix: '', encoding: 'base64', outer: place.wrap } as const;
    // Bytes at random are hardly ever text, unless there are few of them: then they have to be part of a record.
    const isShort = text.length < leastBase64 && plain[0] !== OPEN_BRACE;
    if (isShort && !this.#hooks.isExpected({ text: plain, wrap })) return undefined;
    const found = this.#lines(plain, { ...place, wrap, layers: place.layers + 1 });
    // Nothing says of a line by itself that it is not what it looks like.
    return place.wrap === undefined && rankOf(found) <= Rank.text ? undefined : found;
  }

  /** What came out of an encoding: one text, or lines of them. */
  #lines(text: Buffer, place: Place): Finding[] {
    const whole = this.text(text, place);
    if (rankOf(whole) > Rank.text || !text.includes(NEWLINE)) return whole;
    const found: Finding[] = [];
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf(NEWLINE, start);
      const end = newline < 0 ? text.length : newline + 1;
      const line = text.subarray(start, end);
      found.push(...this.text(line, apart(place, line, start)));
      start = end;
    }
    return found;
  }

  /** An array of envelopes or records; undefined where none is whole. */
  #list(bytes: Buffer, place: Place): Finding[] | undefined {
    let value: unknown;
    try {
      if (scanMembers(bytes).depth > this.#limits.nestingDepth) return undefined;
      value = JSON.parse(bytes.toString('utf8'));
    } catch {
      return undefined;
    }
    const found = Array.isArray(value) ? this.#elements(value, bytes, place) : undefined;
    return rankOf(found ?? []) === Rank.record ? found : undefined;
  }

  /** Each element for itself. undefined where none holds a record or a part of one, unless it is a list of lines: then it is what it is. */
  #elements(value: readonly unknown[], bytes: Buffer, place: Place, isList = false): Finding[] | undefined {
    const parts: Part[] = [];
    for (const [i, [start, end]] of elementRanges(bytes).entries()) {
      const element = bytes.subarray(start, end);
      const own = apart(place, element, start);
      const inside = this.#value(value[i], element, own);
      const here = inside.length > 0 ? inside : [foreign(own)];
      if (isList) here.forEach(this.#hooks.settle);
      else parts.push({ own, found: here });
    }
    if (isList) return settled;
    const found = parts.flatMap((part) => part.found);
    const hasPart = this.#hasPart(found);
    if (hasPart && value.some(Array.isArray))
      return parts.flatMap((part) =>
        rankOf(part.found) === Rank.record
          ? part.found
          : [{ kind: 'rejection', rejection: partInList, origin: part.own.origin }],
      );
    return rankOf(found) === Rank.record || hasPart ? found : undefined;
  }

  /** The only member of that name. */
  #member(record: JsonRecord, name: string, place: Place): Finding[] {
    const member = memberNamed(record, name);
    if (member < 0) return [];
    const { ranges } = record.members;
    const [start, end] = [ranges[member * 4 + 2] as number, ranges[member * 4 + 3] as number];
    const wrap: Wrap = { kind: 'object', object: record, member, outer: place.wrap };
    const bytes = record.bytes.subarray(start, end);
    const value = record.value[name];
    const inner = inside(place, wrap, start);
    if (Array.isArray(value) && listMembers.includes(name)) return this.#elements(value, bytes, inner, true) ?? [];
    return this.#value(value, bytes, inner);
  }

  #value(value: unknown, bytes: Buffer, place: Place): Finding[] {
    if (place.layers > mostLayers) return [];
    if (typeof value === 'string') {
      return this.text(Buffer.from(exactText(value)), { ...place, at: place.at + 1, layers: place.layers + 1 });
    }
    if (typeof value !== 'object' || value === null) return [];
    const type = typeName(value);
    if (type !== undefined) return this.#typed(type, value as Record<string, unknown>, bytes, place);
    if (isKeyValueList(value)) return this.#plain(bytes, place);
    if (Array.isArray(value))
      return isByteList(value) ? this.#bytes(value, place) : (this.#elements(value, bytes, place) ?? []);
    const members = scanMembers(bytes);
    return this.object({ bytes, value: value as Record<string, unknown>, members }, place);
  }

  /** journald writes what is not printable as a list of bytes. */
  #bytes(value: readonly number[], place: Place): Finding[] {
    const text = Buffer.from(value);
    return isPieceOfUtf8(text) ? this.text(text, { ...place, layers: place.layers + 1 }) : [];
  }

  #typed(type: string, value: Readonly<Record<string, unknown>>, bytes: Buffer, place: Place): Finding[] {
    const inner = value[type];
    if (type === 'stringValue' || type === 'bytesValue')
      return typeof inner === 'string'
        ? this.text(Buffer.from(exactText(inner)), { ...place, layers: place.layers + 1 })
        : [];
    if (type !== 'kvlistValue' && type !== 'arrayValue') return [];
    return this.#plain(bytes, place);
  }

  /** Typed values, or attributes: a record taken apart, or some that hold one. */
  #plain(bytes: Buffer, place: Place): Finding[] {
    const plain = plainJson(bytes);
    return this.#value(JSON.parse(plain.toString()), plain, { ...place, layers: place.layers + 1 });
  }

  /** Records in members of any other name, each once, however often the envelope has it. */
  #anywhere(record: JsonRecord, looked: ReadonlySet<string>, place: Place): Finding[] {
    const parts: Part[] = [];
    const ids = new Set<string>();
    let other: Finding[] = [];
    for (const name of Object.keys(record.value)) {
      const value = record.value[name];
      if (looked.has(name) || (typeof value !== 'string' && typeof value !== 'object')) continue;
      if (this.#marks.isContent?.(name, record.value)) continue;
      const member = memberNamed(record, name);
      const { ranges } = record.members;
      const start = ranges[member * 4 + 2] as number;
      const bytes = record.bytes.subarray(start, ranges[member * 4 + 3]);
      if (isObject(value) && this.#marks.isOtherLine(value)) other = [foreign(place)];
      if (!this.#isHinted(bytes)) continue;
      const here = this.#member(record, name, place);
      if (rankOf(here) < Rank.piece) {
        const isPart = this.#hasMeant(here) || (this.#learned.has(name) && this.#hasPart(here));
        if (isPart && !this.#marks.isOtherLine(record.value)) other = here;
        continue;
      }
      this.#learned.add(name);
      const found: Finding[] = [];
      for (const each of here) {
        const id = each.kind === 'record' ? this.#marks.idOf(each.record.value) : undefined;
        if (id !== undefined && ids.has(id)) continue;
        if (id !== undefined) ids.add(id);
        found.push(each);
      }
      if (found.length > 0) parts.push({ own: apart(place, bytes, start), found });
    }
    return parts.length > 0 ? ofParts(withoutBeginnings(parts), place) : other;
  }

  #isHinted(bytes: Buffer): boolean {
    return this.#needles.some((needle) => bytes.includes(needle));
  }
}

interface Part {
  readonly own: Place;
  readonly found: readonly Finding[];
}

/** GELF and others have the beginning of a text in a member of its own, beside the whole one. */
function withoutBeginnings(parts: readonly Part[]): Part[] {
  const texts = parts.flatMap(({ found }) => found.flatMap((one) => (one.kind === 'record' ? [one.record.bytes] : [])));
  const isBeginning = (one: Finding): boolean =>
    one.kind === 'text' && texts.some((text) => one.text.equals(text.subarray(0, one.text.length)));
  return parts.map(({ own, found }) => ({ own, found: found.filter((one) => !isBeginning(one)) }));
}

/** What the parts of a place hold: where several hold something, each stands where its own part does. */
function ofParts(parts: readonly Part[], { origin }: Place): Finding[] {
  const isOne = parts.filter(({ found }) => found.length > 0).length === 1;
  return parts.flatMap(({ own, found }) =>
    found.map((one) =>
      isOne || one.kind === 'settled' || one.origin !== origin ? one : { ...one, origin: own.origin },
    ),
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

function prefixed(text: Buffer, from: number, brace: number, close: number, { wrap }: Place) {
  const prefix = text.toString('utf8', from, brace);
  const suffix = text.toString('utf8', close).trim();
  return { kind: 'text', prefix, suffix, outer: wrap } as const;
}

/** Which member has the name, the last one where several have; -1 for none. */
function memberNamed({ bytes, members: { ranges } }: JsonRecord, name: string): number {
  for (let m = ranges.length - 4; m >= 0; m -= 4) {
    if (keyText(bytes, ranges[m] as number, ranges[m + 1] as number) === name) return m / 4;
  }
  return -1;
}
