/**
 * A column chunk of one leaf: its pages as arrays of levels and values (parquet-format, README.md "Data Pages",
 * "Nested Encoding").
 */
import { DATA_PAGE, DATA_PAGE_V2, DICTIONARY_PAGE, readPageHeader } from './page-header.ts';
import {
  decodePlain,
  decodeValues,
  type Numbers,
  type PageValues,
  type PhysicalName,
  readHybrid,
  type Strings,
  Unsupported,
} from './values.ts';

/** Where the values of a leaf are in the levels. */
export interface LeafShape {
  /** The definition level of a value that is there. */
  readonly maxDefinition: number;
  readonly maxRepetition: 0 | 1;
  /** The definition level from which on the list or map itself is there. */
  readonly present: number;
  /** The definition level from which on it has an entry. */
  readonly entry: number;
}

export interface LeafChunk {
  readonly bytes: Uint8Array;
  readonly type: PhysicalName;
  /** Level entries of the whole chunk. */
  readonly entries: number;
  readonly shape: LeafShape;
  readonly decompress: (body: Uint8Array, size: number) => Uint8Array;
}

export interface DecodedPage {
  readonly entries: number;
  /** One a level entry, or the one level that all have. */
  readonly definition: Uint8Array | number;
  /** null where the leaf is not repeated. */
  readonly repetition: Uint8Array | null;
  /** In order; one for each entry whose definition level is the greatest. */
  readonly values: PageValues;
}

/** Throws Unsupported where another decoder has to do it, RangeError where the chunk is not sound. */
export function decodeChunk({ bytes, type, entries, shape, decompress }: LeafChunk): DecodedPage[] {
  const pages: DecodedPage[] = [];
  let dictionary: Numbers | Strings | undefined;
  let decoded = 0;
  for (let at = 0; decoded < entries; ) {
    const header = readPageHeader(bytes, at);
    const body = bytes.subarray(header.end, header.end + header.compressedSize);
    at = header.end + header.compressedSize;
    if (header.type === DICTIONARY_PAGE) {
      dictionary = decodePlain(decompress(body, header.uncompressedSize), type, header.values);
      continue;
    }
    if (header.type !== DATA_PAGE && header.type !== DATA_PAGE_V2)
      throw new Unsupported(`a page of type ${header.type}`);
    const levels = new PageLevels(header.values, shape);
    let data: Uint8Array;
    if (header.v2 === undefined) {
      const page = decompress(body, header.uncompressedSize);
      data = page.subarray(levels.readPrefixed(page));
    } else {
      const { repetitionBytes, definitionBytes, isCompressed } = header.v2;
      const head = repetitionBytes + definitionBytes;
      levels.read(body, repetitionBytes, head);
      const rest = body.subarray(head);
      data = isCompressed ? decompress(rest, header.uncompressedSize - head) : rest;
    }
    const { definition, repetition, present } = levels;
    const values = decodeValues(data, header.encoding, type, present, dictionary);
    pages.push({ entries: header.values, definition, repetition, values });
    decoded += header.values;
  }
  if (decoded !== entries) throw new RangeError(`${decoded} level entries in a chunk of ${entries}`);
  return pages;
}

/** The levels of one page. */
class PageLevels {
  readonly #count: number;
  readonly #shape: LeafShape;
  definition: Uint8Array | number;
  repetition: Uint8Array | null = null;
  /** Entries that have a value. */
  present: number;

  constructor(count: number, shape: LeafShape) {
    this.#count = count;
    this.#shape = shape;
    this.definition = shape.maxDefinition;
    this.present = count;
  }

  /** Levels with their length in front; returns where the values start. */
  readPrefixed(page: Uint8Array): number {
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    let at = 0;
    const next = (): [number, number] => {
      const start = at + 4;
      at = start + view.getUint32(at, true);
      return [start, at];
    };
    if (this.#shape.maxRepetition > 0) this.#readRepetition(page, ...next());
    if (this.#shape.maxDefinition > 0) this.#readDefinition(page, ...next());
    return at;
  }

  read(body: Uint8Array, repetitionEnd: number, definitionEnd: number): void {
    if (this.#shape.maxRepetition > 0) this.#readRepetition(body, 0, repetitionEnd);
    if (this.#shape.maxDefinition > 0) this.#readDefinition(body, repetitionEnd, definitionEnd);
  }

  #readRepetition(bytes: Uint8Array, from: number, end: number): void {
    this.repetition = new Uint8Array(this.#count);
    readHybrid(bytes, from, end, 1, this.repetition, this.#count);
  }

  #readDefinition(bytes: Uint8Array, from: number, end: number): void {
    const most = this.#shape.maxDefinition;
    const levels = new Uint8Array(this.#count);
    readHybrid(bytes, from, end, 32 - Math.clz32(most), levels, this.#count);
    let present = 0;
    for (let i = 0; i < levels.length; i++) if (levels[i] === most) present++;
    this.present = present;
    this.definition = present === this.#count ? most : present === 0 && isUniform(levels) ? (levels[0] ?? 0) : levels;
  }
}

const isUniform = (levels: Uint8Array): boolean => {
  const [first] = levels;
  return levels.every((level) => level === first);
};
