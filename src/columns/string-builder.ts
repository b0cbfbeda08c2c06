/** The column builder of strings. */
import type { StringData } from './batch.ts';
import { StringDictionary } from './dictionary.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { grown, initialSlots, Validity, withRoom } from './slots.ts';
import type { Scalar } from './types.ts';

const utf8 = new TextEncoder();
let scratch = new Uint8Array(4096);

/** Remembers the code of a string in one builder, for strings that come again; made anew it knows nothing. */
export class CachedCode {
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
  #text = new GrowingBytes(0);
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

  /** The very bytes that `cachedCode` was always used for, so that looking is not needed. */
  appendKnown(cachedCode: CachedCode, source: Uint8Array, start: number, end: number): void {
    if (cachedCode.generation === this.#generation) {
      this.#validity.beforeFirstValue();
      this.#appendCode(cachedCode.code);
      return;
    }
    this.appendBytes(source, start, end);
    cachedCode.generation = this.#dictionary === null ? -1 : this.#generation;
    cachedCode.code = this.#codes[this.length - 1] ?? 0;
  }

  #appendCode(code: number): void {
    const slot = this.#validity.length;
    if (slot >= this.#codes.length) this.#codes = grown(this.#codes, slot + 1);
    this.#codes[slot] = code;
    this.#validity.markValue();
  }

  #turnPlain(): void {
    const dictionary = this.#dictionary!;
    const { bits, length } = this.#validity;
    const codes = this.#codes;
    const offsets = new Uint32Array(Math.max(initialSlots, length * 2));
    const text = new GrowingBytes(Math.max(4096, dictionary.usedBytes * 2));
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
      this.#text = new GrowingBytes(withRoom(this.#used));
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
