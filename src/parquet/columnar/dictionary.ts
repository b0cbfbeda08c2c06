/**
 * Dictionary encoding (parquet-format, Encodings.md "Dictionary Encoding (PLAIN_DICTIONARY = 2 and
 * RLE_DICTIONARY = 8)"): which distinct values a chunk has, numbered by first use, and whether to write it so.
 */
import type { FixedData, ScalarData, StringData } from '../../columns/batch.ts';
import { StringDictionary } from '../../columns/dictionary.ts';
import type { LeafStream } from '../levels.ts';

/** Readers hold the whole dictionary to read any page, and fetch it first. */
const maxBytes = 2 << 20;
const maxEntries = 1 << 17;
const sampleValues = 1024;

export interface Dictionary {
  /** Number of distinct values. */
  readonly entries: number;
  /** For each distinct value a slot that holds it. */
  readonly slots: Uint32Array;
  /** For each value of the chunk its number. Good until the next dictionary is made. */
  readonly indices: Int32Array;
  readonly bitWidth: number;
  /** Size of the dictionary page's body. */
  readonly bytes: number;
}

/** Makes dictionaries one after another, reusing its tables. */
export class DictionaryMaker {
  #indices = new Int32Array(0);
  #slots = new Uint32Array(0);
  /** By code: number + 1 while a chunk is gone through, else 0. */
  #numbers = new Int32Array(0);
  readonly #strings = new StringDictionary();
  #table = new Int32Array(0);

  /** undefined where the values repeat too little for a dictionary to pay, or it would be too large. */
  make(data: ScalarData, stream: LeafStream): Dictionary | undefined {
    if (stream.values === 0 || (data.kind === 'fixed' && data.type === 'boolean')) return undefined;
    if (this.#indices.length < stream.values) this.#indices = new Int32Array(stream.values);
    if (this.#slots.length < stream.values) this.#slots = new Uint32Array(stream.values);
    if (data.kind === 'fixed') return this.#ofNumbers(data, stream);
    return data.codes === null ? this.#ofStrings(data, stream) : this.#ofCodes(data, data.codes, stream);
  }

  /** The column has a dictionary: renumber the codes that this chunk uses. */
  #ofCodes(data: StringData, codes: Int32Array, stream: LeafStream): Dictionary | undefined {
    const { offsets } = data;
    const { slots, values } = stream;
    if (this.#numbers.length < data.entries) this.#numbers = new Int32Array(data.entries * 2);
    const numbers = this.#numbers;
    const indices = this.#indices;
    const entrySlots = this.#slots;
    let entries = 0;
    let bytes = 0;
    for (let i = 0; i < values && bytes <= maxBytes; i++) {
      const slot = slots[i]!;
      const code = codes[slot]!;
      let number = numbers[code]!;
      if (number === 0) {
        entrySlots[entries++] = slot;
        number = entries;
        numbers[code] = number;
        bytes += 4 + offsets[code + 1]! - offsets[code]!;
      }
      indices[i] = number - 1;
    }
    // Zero again for the next chunk; a file of few rows may come from a column of many entries.
    for (let entry = 0; entry < entries; entry++) numbers[codes[entrySlots[entry]!]!] = 0;
    if (bytes > maxBytes) return undefined;
    return this.#worthwhile(entries, bytes, values, () => plainBytes(data, stream));
  }

  /** Plain strings: hash them, unless a sample says that they hardly repeat. */
  #ofStrings(data: StringData, stream: LeafStream): Dictionary | undefined {
    const { slots, values } = stream;
    const strings = this.#strings;
    if (values > sampleValues * 2) {
      const step = Math.floor(values / sampleValues);
      const distinct = this.#countDistinct(data, stream, step);
      if (distinct * 2 > sampleValues) return undefined;
    }
    strings.clear();
    const { bytes, offsets } = data;
    for (let i = 0; i < values; i++) {
      const slot = slots[i]!;
      const before = strings.entries;
      const code = strings.code(bytes, offsets[slot]!, offsets[slot + 1]!);
      if (code === before) {
        this.#slots[code] = slot;
        if (strings.usedBytes + 4 * code > maxBytes || code >= maxEntries) return undefined;
      }
      this.#indices[i] = code;
    }
    const size = strings.usedBytes + 4 * strings.entries;
    return this.#worthwhile(strings.entries, size, values, () => plainBytes(data, stream));
  }

  #countDistinct(data: StringData, stream: LeafStream, step: number): number {
    const strings = this.#strings;
    strings.clear();
    for (let n = 0, i = 0; n < sampleValues; n++, i += step) {
      const slot = stream.slots[i]!;
      strings.code(data.bytes, data.offsets[slot]!, data.offsets[slot + 1]!);
    }
    return strings.entries;
  }

  #ofNumbers(data: FixedData, stream: LeafStream): Dictionary | undefined {
    const { slots, values } = stream;
    const width = data.values!.BYTES_PER_ELEMENT;
    const { buffer, byteOffset, byteLength } = data.values!;
    const words = new Int32Array(buffer, byteOffset, byteLength >> 2);
    const stride = width >> 2;
    // A run that is not worth it shows within the first values.
    const limit = Math.min(maxEntries, maxBytes / width, Math.max(256, values >> 2));
    let size = 1 << 10;
    if (this.#table.length < size) this.#table = new Int32Array(size);
    let table = this.#table.fill(0, 0, size);
    const entrySlots = this.#slots;
    const indices = this.#indices;
    let entries = 0;
    for (let i = 0; i < values; i++) {
      const slot = slots[i]!;
      const low = words[slot * stride]!;
      const high = stride === 2 ? words[slot * 2 + 1]! : 0;
      let at = mix(low, high) & (size - 1);
      for (;;) {
        const number = table[at]!;
        if (number === 0) {
          if (entries >= limit || (i < 2048 && entries > 512)) return undefined;
          entrySlots[entries++] = slot;
          table[at] = entries;
          indices[i] = entries - 1;
          if (entries * 2 > size) {
            size *= 2;
            if (this.#table.length < size) this.#table = new Int32Array(size);
            table = this.#table.fill(0, 0, size);
            rehash(table, size, words, stride, entrySlots, entries);
          }
          break;
        }
        const word = entrySlots[number - 1]! * stride;
        if (words[word] === low && (stride === 1 || words[word + 1] === high)) {
          indices[i] = number - 1;
          break;
        }
        at = (at + 1) & (size - 1);
      }
    }
    return this.#worthwhile(entries, entries * width, values, () => values * width);
  }

  #worthwhile(entries: number, bytes: number, values: number, plain: () => number): Dictionary | undefined {
    // One bit even for one entry: some readers take a width of 0 for an error.
    const bitWidth = Math.max(1, 32 - Math.clz32(entries - 1));
    // Distinct values are usually few; only where they are not must the plain size be known.
    if (entries * 4 > values && bytes + (values * bitWidth) / 8 > plain() * 0.9) return undefined;
    return { entries, slots: this.#slots, indices: this.#indices, bitWidth, bytes };
  }
}

function rehash(
  table: Int32Array,
  size: number,
  words: Int32Array,
  stride: number,
  entrySlots: Uint32Array,
  entries: number,
): void {
  for (let entry = 0; entry < entries; entry++) {
    const word = entrySlots[entry]! * stride;
    let at = mix(words[word]!, stride === 2 ? words[word + 1]! : 0) & (size - 1);
    while (table[at] !== 0) at = (at + 1) & (size - 1);
    table[at] = entry + 1;
  }
}

function mix(low: number, high: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** What the values take in PLAIN encoding. */
function plainBytes(data: StringData, stream: LeafStream): number {
  const { codes, offsets } = data;
  let sum = stream.values * 4;
  for (let i = 0; i < stream.values; i++) {
    const slot = stream.slots[i]!;
    const entry = codes === null ? slot : codes[slot]!;
    sum += offsets[entry + 1]! - offsets[entry]!;
  }
  return sum;
}
