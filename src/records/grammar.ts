/**
 * JSON grammar (RFC 8259) over a stream of bytes, with the exact offset at which it breaks. An automaton of one step per
 * byte: nothing is looked at twice and no text is made of the bytes, so that input which breaks at every other byte
 * costs no more than input which does not. Memory is one entry per open bracket: callers cap the nesting first.
 */
export interface GrammarError {
  /** Offset of the byte that cannot stand where it stands; of a literal or an escape, where it begins. */
  readonly offset: number;
  readonly message: string;
}

/**
 * How far behind the last byte fed an error may lie: a literal or an escape is reported where it begins. What lies
 * further back than this is decided.
 */
export const GRAMMAR_LAG = 8;

/** What may come next. */
const State = {
  /** A value, or the end of the array that has just begun. */
  firstElement: 0,
  value: 1,
  /** A key, or the end of the object that has just begun. */
  firstKey: 2,
  key: 3,
  colon: 4,
  /** Behind a value, in an array, in an object, and at the top. */
  afterElement: 5,
  afterMember: 6,
  top: 7,
  string: 8,
  escape: 9,
  hex: 10,
  literal: 11,
  /** Behind the last letter of a literal, which a word must not go on with. */
  literalEnd: 12,
  sign: 13,
  zero: 14,
  integer: 15,
  point: 16,
  fraction: 17,
  exponent: 18,
  exponentSign: 19,
  exponentDigits: 20,
} as const;
type State = (typeof State)[keyof typeof State];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const literals: Readonly<Record<number, Buffer>> = Object.fromEntries(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);
/** What may stand behind a backslash, beside `u`. */
const escapes = new Set(Buffer.from('bfnrt"\\/'));

/** Space, tab, CR, LF: the white space of JSON (RFC 8259, section 2). */
export const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number): boolean => isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
const isWord = (byte: number): boolean =>
  isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) || byte === 0x5f;

export class Grammar {
  #state: State;
  /** Of each open bracket, whether it is one of an array. */
  readonly #open: boolean[] = [];
  /** Whether values may follow each other at the top. */
  readonly #many: boolean;
  /** Offset of the next byte. */
  #offset: number;
  /** Where the literal or escape began, and how much of it has been seen. */
  #tokenStart = 0;
  #seen = 0;
  #literal: Buffer = literals[0x6e] as Buffer;
  #isKey = false;

  /**
   * Checks one JSON value, or a sequence of them, from the offset `base` on; `inArray` begins behind an element of an
   * array, so that the check can begin in the middle.
   */
  constructor(base: number, { inArray = false, many = true }: { inArray?: boolean; many?: boolean } = {}) {
    this.#offset = base;
    this.#many = many;
    if (inArray) this.#open.push(true);
    this.#state = inArray ? State.afterElement : many ? State.top : State.value;
  }

  /** Takes the next bytes. After an error the instance is of no more use. */
  feed(bytes: Uint8Array, start: number, end: number): GrammarError | null {
    const base = this.#offset - start;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      if (this.#state === State.string) {
        if (byte !== QUOTE && byte !== BACKSLASH && byte >= 0x20) continue;
      }
      const message = this.#step(byte, base + i);
      if (message !== null) return { offset: this.#errorAt(base + i), message };
    }
    this.#offset = base + end;
    return null;
  }

  /**
   * What is undecided so far, as white space behind it decides it. An unfinished string or number is an error at the
   * end; an unfinished array or object is none.
   */
  finish(): GrammarError | null {
    const message = this.#step(LINE_FEED, this.#offset);
    return message === null ? null : { offset: this.#errorAt(this.#offset), message };
  }

  /** An object has begun and not ended. */
  get isInObject(): boolean {
    return this.#open.includes(false);
  }

  /** Of a check of one value, after `finish`: nothing is missing. */
  get isWhole(): boolean {
    return this.#state === State.top;
  }

  #errorAt(offset: number): number {
    const state = this.#state;
    return state === State.escape || state === State.hex || state === State.literal || state === State.literalEnd
      ? this.#tokenStart
      : offset;
  }

  /** Takes one byte; what is wrong with it, null where nothing is. */
  #step(byte: number, offset: number): string | null {
    switch (this.#state) {
      case State.top:
        if (isSpace(byte)) return null;
        return this.#many ? this.#value(byte, offset) : 'unexpected characters';
      case State.firstElement:
      case State.value:
        return isSpace(byte) ? null : this.#value(byte, offset);
      case State.firstKey:
      case State.key:
        if (isSpace(byte)) return null;
        if (byte === QUOTE) {
          this.#isKey = true;
          this.#state = State.string;
          return null;
        }
        if (byte !== 0x7d) return 'expected an object key';
        return this.#state === State.firstKey ? this.#close() : "unexpected token '}'";
      case State.colon:
        if (isSpace(byte)) return null;
        if (byte !== 0x3a) return "expected ':'";
        this.#state = State.value;
        return null;
      case State.afterElement:
      case State.afterMember:
        return this.#behindValue(byte);
      case State.string:
        if (byte === QUOTE) {
          if (this.#isKey) this.#state = State.colon;
          else this.#endValue();
          this.#isKey = false;
          return null;
        }
        if (byte !== BACKSLASH) return byte < 0x20 ? noCharacter : null;
        this.#tokenStart = offset;
        this.#state = State.escape;
        return null;
      case State.escape:
        if (byte === 0x75) {
          this.#seen = 0;
          this.#state = State.hex;
          return null;
        }
        if (!escapes.has(byte)) return noCharacter;
        this.#state = State.string;
        return null;
      case State.hex:
        if (!isHex(byte)) return noCharacter;
        if (++this.#seen === 4) this.#state = State.string;
        return null;
      case State.literal:
        if (byte !== this.#literal[this.#seen]) return noValue;
        if (++this.#seen === this.#literal.length) this.#state = State.literalEnd;
        return null;
      case State.literalEnd:
        if (isWord(byte)) return noValue;
        this.#endValue();
        return this.#step(byte, offset);
      default:
        return this.#number(byte, offset);
    }
  }

  /** The first byte of a value. */
  #value(byte: number, offset: number): string | null {
    switch (byte) {
      case QUOTE:
        this.#state = State.string;
        return null;
      case 0x7b:
        this.#open.push(false);
        this.#state = State.firstKey;
        return null;
      case 0x5b:
        this.#open.push(true);
        this.#state = State.firstElement;
        return null;
      case 0x5d:
        return this.#state === State.firstElement ? this.#close() : "unexpected token ']'";
      case 0x2d:
        this.#state = State.sign;
        return null;
      case 0x30:
        this.#state = State.zero;
        return null;
    }
    if (isDigit(byte)) {
      this.#state = State.integer;
      return null;
    }
    const literal = literals[byte];
    if (literal === undefined) return noValue;
    this.#literal = literal;
    this.#tokenStart = offset;
    this.#seen = 1;
    this.#state = State.literal;
    return null;
  }

  #behindValue(byte: number): string | null {
    if (isSpace(byte)) return null;
    const inArray = this.#state === State.afterElement;
    if (byte === 0x2c) {
      this.#state = inArray ? State.value : State.key;
      return null;
    }
    if (byte === 0x7d || byte === 0x5d) {
      if (inArray !== (byte === 0x5d)) return `expected '${inArray ? ']' : '}'}'`;
      return this.#close();
    }
    return "expected ','";
  }

  #number(byte: number, offset: number): string | null {
    switch (this.#state) {
      case State.sign:
        if (!isDigit(byte)) return 'expected a starting digit';
        this.#state = byte === 0x30 ? State.zero : State.integer;
        return null;
      case State.integer:
        if (isDigit(byte)) return null;
        return this.#fractionOrEnd(byte, offset);
      case State.zero:
        return this.#fractionOrEnd(byte, offset);
      case State.point:
        if (!isDigit(byte)) return 'expected a fractional part of a number';
        this.#state = State.fraction;
        return null;
      case State.fraction:
        if (isDigit(byte)) return null;
        if ((byte | 0x20) !== 0x65) return this.#endNumber(byte, offset);
        this.#state = State.exponent;
        return null;
      case State.exponent:
        if (byte === 0x2b || byte === 0x2d) {
          this.#state = State.exponentSign;
          return null;
        }
        return this.#exponentDigit(byte);
      case State.exponentSign:
        return this.#exponentDigit(byte);
      default:
        return isDigit(byte) ? null : this.#endNumber(byte, offset);
    }
  }

  #fractionOrEnd(byte: number, offset: number): string | null {
    if (byte === 0x2e) this.#state = State.point;
    else if ((byte | 0x20) === 0x65) this.#state = State.exponent;
    else return this.#endNumber(byte, offset);
    return null;
  }

  #exponentDigit(byte: number): string | null {
    if (!isDigit(byte)) return 'expected an exponent part of a number';
    this.#state = State.exponentDigits;
    return null;
  }

  #endNumber(byte: number, offset: number): string | null {
    this.#endValue();
    return this.#step(byte, offset);
  }

  #close(): null {
    this.#open.pop();
    this.#endValue();
    return null;
  }

  #endValue(): void {
    const inArray = this.#open.at(-1);
    this.#state = inArray === undefined ? State.top : inArray ? State.afterElement : State.afterMember;
  }
}

const noValue = 'expected a value';
const noCharacter = 'no valid character or escape of a string';

/** Says what is wrong with a JSON text, and where; null where it is one. */
export function grammarErrorText(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return 'the text ends before a value';
  const grammar = new Grammar(0, { many: false });
  const error = grammar.feed(bytes, 0, bytes.length) ?? grammar.finish();
  if (error !== null && error.offset < bytes.length) return `${error.message} at byte ${error.offset}`;
  return grammar.isWhole ? null : 'the text ends in the middle of a value';
}
