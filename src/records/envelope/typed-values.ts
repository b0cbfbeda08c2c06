/**
 * Values of OpenTelemetry's JSON encoding (opentelemetry-proto, common.proto AnyValue), which name their type:
 * `{"stringValue":"…"}`, `{"kvlistValue":{"values":[{"key":…,"value":…}]}}`. As plain JSON texts, digits as they stand.
 */
import { OPEN_BRACE, OPEN_BRACKET } from '../frame/framer.ts';
import { isSpace } from '../grammar.ts';
import { keyText } from '../members.ts';

const typedNames: ReadonlySet<string> = new Set([
  'stringValue',
  'boolValue',
  'intValue',
  'doubleValue',
  'arrayValue',
  'kvlistValue',
  'bytesValue',
]);

/** The name of the type where the value is a typed one. */
export function typeName(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const names = Object.keys(value);
  return names.length === 1 && typedNames.has(names[0] as string) ? names[0] : undefined;
}

/**
 * Whether a list is that of an object's members: `[{"key":…,"value":typed}, …]`. A value that is null is written as `{}` or
 * left out, as the one key that may be empty is.
 */
export function isKeyValueList(value: unknown): value is readonly { key?: string; value?: unknown }[] {
  if (!Array.isArray(value) || !value.every(isKeyValue)) return false;
  const named = value.filter(({ key }) => key !== undefined);
  return named.length >= value.length - 1 && named.some((element) => typeName(element.value) !== undefined);
}

function isKeyValue(element: unknown): boolean {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) return false;
  const { key = '', value } = element as Record<string, unknown>;
  return typeof key === 'string' && (typeName(value) !== undefined || isUnset(value));
}

const isUnset = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0);

/** A text, whichever way it is written. */
export const isTextual = (value: unknown): boolean =>
  typeof value === 'string' || typeName(value) === 'stringValue' || isByteList(value);

/** journald writes what is not printable as a list of bytes. */
export const isByteList = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);

/**
 * The JSON text of a typed value, or of a list of members, that `bytes` are, which JSON.parse has accepted. A value
 * that is none of the specification's stays as it stands; members that it does not know are left out, as it wants.
 */
export function plainJson(bytes: Buffer): Buffer {
  return new PlainWriter(bytes).write();
}

const comma = Buffer.from(',');
const colon = Buffer.from(':');
const emptyKey = Buffer.from('""');
const nullText = Buffer.from('null');
const brackets = { '{': Buffer.from('{'), '}': Buffer.from('}'), '[': Buffer.from('['), ']': Buffer.from(']') };
/** JSON's own grammar: other spellings of a number would make the whole text unreadable. */
const quotedInteger = /^"-?(0|[1-9]\d*)"$/;
const quotedNumber = /^"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"$/;
const mostNumberBytes = 400;

/** Takes the types off in one pass: what is nested deeply costs no more than what is not. */
class PlainWriter {
  readonly #bytes: Buffer;
  readonly #out: Buffer[] = [];
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  write(): Buffer {
    if (this.#next() === OPEN_BRACKET) this.#list('{', '}', () => this.#keyValue());
    else this.#anyValue();
    return Buffer.concat(this.#out);
  }

  /** The byte at the cursor, behind white space. */
  #next(): number {
    while (isSpace(this.#bytes[this.#at] as number)) this.#at++;
    return this.#bytes[this.#at] as number;
  }

  #anyValue(): void {
    if (this.#next() !== OPEN_BRACE) {
      this.#out.push(this.#skipped());
      return;
    }
    const start = this.#at;
    const mark = this.#out.length;
    let count = 0;
    let isTyped = true;
    this.#members((name) => {
      if (count++ === 0) isTyped = this.#typed(name);
      else this.#skipped();
    });
    if (count === 0) this.#out.push(nullText);
    else if (count > 1 || !isTyped) this.#asItStands(mark, start);
  }

  /** The value of a member that names its type. Whether it is one. */
  #typed(name: string): boolean {
    const isObject = this.#next() === OPEN_BRACE;
    if (isObject && name === 'kvlistValue') this.#values('{', '}', () => this.#keyValue());
    else if (isObject && name === 'arrayValue') this.#values('[', ']', () => this.#anyValue());
    else {
      const raw = this.#skipped();
      const quoted = name === 'intValue' ? quotedInteger : name === 'doubleValue' ? quotedNumber : undefined;
      const isQuoted = raw.length <= mostNumberBytes && quoted?.test(raw.toString('latin1'));
      this.#out.push(isQuoted ? raw.subarray(1, -1) : raw);
    }
    return typedNames.has(name);
  }

  /** `{"values":[…]}`, without its list where that is empty. */
  #values(open: '{' | '[', close: '}' | ']', element: () => void): void {
    const mark = this.#out.length;
    this.#members((name) => {
      if (name !== 'values' || this.#next() !== OPEN_BRACKET) this.#skipped();
      else {
        this.#out.length = mark;
        this.#list(open, close, element);
      }
    });
    if (this.#out.length === mark) this.#out.push(brackets[open], brackets[close]);
  }

  #list(open: '{' | '[', close: '}' | ']', element: () => void): void {
    this.#out.push(brackets[open]);
    let isFirst = true;
    this.#elements(() => {
      if (!isFirst) this.#out.push(comma);
      isFirst = false;
      element();
    });
    this.#out.push(brackets[close]);
  }

  /** One member of an object. */
  #keyValue(): void {
    const mark = this.#out.length;
    let key: Buffer = emptyKey;
    if (this.#next() !== OPEN_BRACE) this.#out.push(this.#skipped());
    else {
      this.#members((name) => {
        if (name === 'key' && this.#next() === QUOTE) key = this.#skipped();
        else if (name !== 'value') this.#skipped();
        else {
          this.#out.length = mark;
          this.#anyValue();
        }
      });
    }
    if (this.#out.length === mark) this.#out.push(nullText);
    this.#out.splice(mark, 0, key, colon);
  }

  #asItStands(mark: number, start: number): void {
    this.#out.length = mark;
    this.#out.push(this.#bytes.subarray(start, this.#at));
  }

  /** From an opening brace to behind its end. `take` moves the cursor behind the value. */
  #members(take: (name: string) => void): void {
    this.#elements(() => {
      const start = this.#at;
      this.#skipped();
      const name = keyText(this.#bytes, start, this.#at);
      this.#next();
      this.#at++;
      take(name);
    });
  }

  /** From an opening bracket or brace to behind its end. `take` moves the cursor behind the element, or the member. */
  #elements(take: () => void): void {
    this.#at++;
    for (let next = this.#next(); next !== CLOSE_BRACKET && next !== CLOSE_BRACE; next = this.#next()) {
      if (next === COMMA) this.#at++;
      this.#next();
      take();
    }
    this.#at++;
  }

  /** The value at the cursor, which goes behind it. */
  #skipped(): Buffer {
    const bytes = this.#bytes;
    this.#next();
    const start = this.#at;
    let at = start;
    let depth = 0;
    do {
      const byte = bytes[at] as number;
      if (byte === QUOTE) at = behindString(bytes, at);
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth += byte === OPEN_BRACE || byte === OPEN_BRACKET ? 1 : -1;
        at++;
      } else if (depth > 0) at++;
      else while (at < bytes.length && !isEndOfScalar(bytes[at] as number)) at++;
    } while (depth > 0);
    this.#at = at;
    return bytes.subarray(start, at);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;

const isEndOfScalar = (byte: number): boolean =>
  byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte);

function behindString(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Where the elements of the array stand that the bytes are, which JSON.parse has accepted. */
export function elementRanges(bytes: Buffer): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  let depth = 0;
  let start = -1;
  let end = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (isSpace(byte)) continue;
    if (depth === 1 && (byte === COMMA || byte === CLOSE_BRACKET)) {
      if (start >= 0) ranges.push([start, end]);
      start = -1;
      if (byte === CLOSE_BRACKET) break;
      continue;
    }
    if (depth === 1 && start < 0) start = i;
    if (byte === QUOTE) i = behindString(bytes, i) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    end = i + 1;
  }
  return ranges;
}
