/** The column builder of strings. */
import type { StringData } from './batch.ts';
import { StringDictionary } from './dictionary.ts';
import { Action, type TextRanges } from './ranges.ts';
import { grown, initialSlots, Validity, withRoom } from './slots.ts';
import { copyText, slack, Text } from './text.ts';
import type { Scalar } from './types.ts';

const utf8 = new TextEncoder();
let scratch = new Uint8Array(4096);

/** Remembers the code of a string in one builder, for strings that come again; made anew it knows nothing. */
export class Guess {
  generation = -1;
  code = 0;
}

/**
 * Strings, dictionary-coded while values repeat and plain once they do not. A column that turned plain stays plain
 * for the life of the builder: ids and raw text would only pay for hashing again.
 */
export class StringBuilder {
  readonly #validity = new Validity();
  #dictionary: StringDictionary | null = new StringDictionary();
  #codes = new Int32Array(0);
  #offsets = new Uint32Array(0);
  #text = new Text(new Uint8Array(0));
  #used = 0;
  /** Counts the times that codes became void. */
  #generation = 0;

  get length(): number {
    return this.#validity.length;
  }

  get bytes(): number {
    if (this.#validity.nullCount === this.length) return 0;
    return this.length * 5 + (this.#dictionary?.usedBytes ?? this.#used);
  }

  padTo(row: number): void {
    const from = this.length;
    this.#validity.padTo(row);
    if (this.#dictionary === null && row > from) this.#padOffsets(from, row);
  }

  #padOffsets(from: number, row: number): void {
    if (row + 1 > this.#offsets.length) this.#offsets = grown(this.#offsets, row + 1);
    this.#offsets.fill(this.#used, from + 1, row + 1);
  }

  append(value: Scalar): void {
    if (typeof value !== 'string') {
      this.appendBytes(value as Uint8Array, 0, (value as Uint8Array).length);
      return;
    }
    if (scratch.length < value.length * 3) scratch = new Uint8Array(value.length * 3);
    const { written } = utf8.encodeInto(value, scratch);
    this.appendBytes(scratch, 0, written);
  }

  /** UTF-8 in source[start, end). */
  appendBytes(source: Uint8Array, start: number, end: number): void {
    this.#validity.beforeFirstValue();
    const slot = this.#validity.length;
    if (this.#dictionary !== null) {
      this.#appendCode(this.#dictionary.code(source, start, end));
      if (this.#dictionary.isWasteful(slot + 1 - this.#validity.nullCount)) this.#turnPlain();
      return;
    }
    const length = end - start;
    if (slot + 2 > this.#offsets.length) this.#offsets = grown(this.#offsets, slot + 2);
    this.#text.reserve(this.#used + length);
    copyBytes(source, start, end, this.#text.bytes, this.#used);
    this.#used += length;
    this.#offsets[slot + 1] = this.#used;
    this.#validity.markValue();
  }

  /** The very bytes that `guess` was always used for, so that looking is not needed. */
  appendKnown(guess: Guess, source: Uint8Array, start: number, end: number): void {
    if (guess.generation === this.#generation) {
      this.#validity.beforeFirstValue();
      this.#appendCode(guess.code);
      return;
    }
    this.appendBytes(source, start, end);
    guess.generation = this.#dictionary === null ? -1 : this.#generation;
    guess.code = this.#codes[this.length - 1] ?? 0;
  }

  #appendCode(code: number): void {
    const slot = this.#validity.length;
    if (slot >= this.#codes.length) this.#codes = grown(this.#codes, slot + 1);
    this.#codes[slot] = code;
    this.#validity.markValue();
  }

  /** The same bytes, `count` times. */
  appendRepeated(source: Uint8Array, count: number): void {
    let left = count;
    for (; left > 0 && (left === count || this.#dictionary === null); left--)
      this.appendBytes(source, 0, source.length);
    const from = this.length;
    if (left === 0) return;
    if (from + left > this.#codes.length) this.#codes = grown(this.#codes, from + left);
    this.#codes.fill(this.#codes[from - 1]!, from, from + left);
    this.#validity.markValues(left);
  }

  /** Appends the last `count` slots again. false where they are no codes without nulls: nothing was appended then. */
  repeat(count: number): boolean {
    const { length, bits } = this.#validity;
    if (this.#dictionary === null || bits !== null || count > length) return false;
    if (length + count > this.#codes.length) this.#codes = grown(this.#codes, length + count);
    const codes = this.#codes;
    for (let i = 0; i < count; i++) codes[length + i] = codes[length - count + i]!;
    this.#validity.markValues(count);
    return true;
  }

  /**
   * The values from..to of `ranges` in `source`, of which value `from` belongs into slot `row`; nulls at the end are
   * left to padTo. Returns the first value not taken, which is `to`, or one to stop at.
   */
  appendRanges(source: Text, ranges: TextRanges, from: number, to: number, row: number): number {
    let at = from;
    while (at < to && ranges.actions[ranges.tags[at]!] !== Action.Stop) {
      at =
        this.#dictionary === null
          ? this.#appendPlain(source, ranges, at, to, row + at - from)
          : this.#appendCoded(this.#dictionary, source, ranges, at, to, row + at - from);
    }
    return at;
  }

  #appendCoded(
    dictionary: StringDictionary,
    source: Text,
    { tags, actions, starts, ends, inset }: TextRanges,
    from: number,
    to: number,
    row: number,
  ): number {
    const validity = this.#validity;
    let codes = this.#codes;
    let place = -1;
    let code = -1;
    for (let i = from; i < to; i++) {
      const action = actions[tags[i]!]!;
      if (action === Action.Null) continue;
      if (action === Action.Stop) return i;
      const slot = row + i - from;
      if (slot !== validity.length) validity.padTo(slot);
      validity.beforeFirstValue();
      if (slot >= codes.length) this.#codes = codes = grown(codes, slot + 1);
      const start = starts[i]!;
      if (start !== place) {
        place = start;
        const end = ends[i]! - inset;
        if (code < 0 || !dictionary.equals(code, source, start + inset, end)) {
          const known = dictionary.entries;
          code = dictionary.codeOf(source, start + inset, end);
          if (code === known && dictionary.isWasteful(slot + 1 - validity.nullCount)) {
            codes[slot] = code;
            validity.markValue();
            this.#turnPlain();
            return i + 1;
          }
        }
      }
      codes[slot] = code;
      validity.markValue();
    }
    return to;
  }

  #appendPlain(
    source: Text,
    { tags, actions, starts, ends, inset }: TextRanges,
    from: number,
    to: number,
    row: number,
  ): number {
    const validity = this.#validity;
    const text = this.#text;
    let used = this.#used;
    const last = row + to - from + 1;
    if (last > this.#offsets.length) this.#offsets = grown(this.#offsets, last);
    const offsets = this.#offsets;
    for (let i = from; i < to; i++) {
      const action = actions[tags[i]!]!;
      if (action === Action.Null) continue;
      if (action === Action.Stop) {
        this.#used = used;
        return i;
      }
      const slot = row + i - from;
      if (slot !== validity.length) {
        this.#used = used;
        this.padTo(slot);
      }
      validity.beforeFirstValue();
      const start = starts[i]! + inset;
      const end = ends[i]! - inset;
      text.reserve(used + end - start);
      copyText(source, start, end, text, used);
      used += end - start;
      offsets[slot + 1] = used;
      validity.markValue();
    }
    this.#used = used;
    return to;
  }

  #turnPlain(): void {
    const dictionary = this.#dictionary!;
    const { bits, length } = this.#validity;
    const codes = this.#codes;
    const offsets = new Uint32Array(Math.max(initialSlots, length * 2));
    const text = new Text(new Uint8Array(Math.max(4096, dictionary.usedBytes * 2)));
    let used = 0;
    for (let slot = 0; slot < length; slot++) {
      if (bits === null || bits[slot] === 1) used += dictionary.copyEntry(codes[slot]!, text, used);
      offsets[slot + 1] = used;
    }
    this.#offsets = offsets;
    this.#text = text;
    this.#used = used;
    this.#dictionary = null;
    this.#generation++;
    this.#codes = new Int32Array(0);
  }

  reset(): void {
    this.#generation++;
    const slots = withRoom(this.length);
    if (this.#dictionary === null) {
      this.#offsets = new Uint32Array(slots);
      this.#text = new Text(new Uint8Array(withRoom(this.#used) + slack));
      this.#used = 0;
    } else {
      const { entries, usedBytes } = this.#dictionary;
      this.#dictionary = new StringDictionary(withRoom(entries), withRoom(usedBytes));
      this.#codes = new Int32Array(this.#validity.nullCount < this.length ? slots : 0);
    }
    this.#validity.reset();
  }

  data(): StringData {
    const { length, nullCount, bits } = this.#validity;
    const base = { kind: 'string', type: 'string', length, nullCount } as const;
    if (nullCount === length)
      return {
        ...base,
        valid: null,
        codes: new Int32Array(length),
        entries: 0,
        offsets: new Uint32Array(1),
        bytes: new Uint8Array(0),
      };
    if (this.#dictionary !== null) {
      const { entries, offsets, bytes } = this.#dictionary;
      return { ...base, valid: bits, codes: this.#codes, entries, offsets, bytes };
    }
    return { ...base, valid: bits, codes: null, entries: length, offsets: this.#offsets, bytes: this.#text.bytes };
  }
}

/** Short ranges cost more to slice than to copy. */
function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > 48) target.set(source.subarray(start, end), at);
  else for (let i = start; i < end; i++) target[at++] = source[i]!;
}
