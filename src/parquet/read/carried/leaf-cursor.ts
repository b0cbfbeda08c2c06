/** The level entries of a column chunk one after another, and the value of each that has one. Holds one page at a time. */
import { pagesOf } from '../chunk.ts';
import { DATA_PAGE, DATA_PAGE_V2, DICTIONARY_PAGE, type PageHeader } from '../page-header.ts';
import { decodeValues, hybrid, type LeafType, lengthPrefixed, plainValues, type Values } from './values.ts';

export interface CarriedChunk extends LeafType {
  readonly bytes: Uint8Array;
  readonly entries: number;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  readonly decompress: (body: Uint8Array, size: number) => Uint8Array;
}

/** Throws RangeError where a page is not sound. */
export class LeafCursor {
  readonly #chunk: CarriedChunk;
  readonly #pages: IterableIterator<{ readonly header: PageHeader; readonly body: Uint8Array }>;
  #dictionary: Values | undefined;
  #values: Values = { count: 0, bytes: new Uint8Array(0) };
  /** Of the page; null: all 0, and all the greatest. */
  #repetition: Uint32Array | null = null;
  #definition: Uint32Array | null = null;
  #entries = 0;
  #entry = 0;
  #value = 0;

  constructor(chunk: CarriedChunk) {
    this.#chunk = chunk;
    this.#pages = pagesOf(chunk).values();
    this.#load();
  }

  get isAtEnd(): boolean {
    return this.#entry >= this.#entries;
  }

  get isAtRow(): boolean {
    return this.isAtEnd || this.repetition === 0;
  }

  /** Of the entry that is next. */
  get repetition(): number {
    return this.isAtEnd ? 0 : (this.#repetition?.[this.#entry] ?? 0);
  }

  get definition(): number {
    if (this.isAtEnd) throw new RangeError('a chunk ends inside a row');
    return this.#definition?.[this.#entry] ?? this.#chunk.maxDefinition;
  }

  /** The bytes of the entry's value. */
  get value(): { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
    const { bytes, starts, ends } = this.#values;
    const at = this.#value;
    if (starts !== undefined) return { bytes, start: starts[at]!, end: ends![at]! };
    const width = this.#chunk.width!;
    return { bytes, start: at * width, end: (at + 1) * width };
  }

  next(): void {
    if (this.definition === this.#chunk.maxDefinition) this.#value++;
    this.#entry++;
    if (this.#entry >= this.#entries) this.#load();
  }

  /** All entries of one slot of what is repeated `depth` times. */
  skip(depth: number): void {
    this.next();
    while (this.repetition > depth) this.next();
  }

  #load(): void {
    for (const { header, body } of this.#pages) {
      if (header.type === DICTIONARY_PAGE)
        this.#dictionary = plainValues(this.#decompress(body, header.uncompressedSize), header.values, this.#chunk);
      else if (header.type === DATA_PAGE || header.type === DATA_PAGE_V2) {
        if (header.values === 0) continue;
        this.#decode(header, body);
        return;
      }
    }
    this.#entries = 0;
    this.#entry = 0;
  }

  #decode({ v2, uncompressedSize, values: entries, encoding }: PageHeader, body: Uint8Array): void {
    const { maxDefinition, maxRepetition } = this.#chunk;
    const [repetitionBits, definitionBits] = [bitsOf(maxRepetition), bitsOf(maxDefinition)];
    let page: Uint8Array;
    if (v2 === undefined) {
      page = this.#decompress(body, uncompressedSize);
      this.#repetition = null;
      this.#definition = null;
      if (maxRepetition > 0) {
        const levels = lengthPrefixed(page, repetitionBits, entries);
        this.#repetition = levels.values;
        page = page.subarray(levels.end);
      }
      if (maxDefinition > 0) {
        const levels = lengthPrefixed(page, definitionBits, entries);
        this.#definition = levels.values;
        page = page.subarray(levels.end);
      }
    } else {
      const { repetitionBytes, definitionBytes, isCompressed } = v2;
      const head = repetitionBytes + definitionBytes;
      if (!(repetitionBytes >= 0 && definitionBytes >= 0 && head <= body.length))
        throw new RangeError('a page ends inside its levels');
      this.#repetition = maxRepetition > 0 ? hybrid(body.subarray(0, repetitionBytes), repetitionBits, entries) : null;
      this.#definition =
        maxDefinition > 0 ? hybrid(body.subarray(repetitionBytes, head), definitionBits, entries) : null;
      const rest = body.subarray(head);
      page = isCompressed ? this.#decompress(rest, uncompressedSize - head) : rest;
    }
    let count = 0;
    if (this.#definition === null) count = entries;
    else
      for (const level of this.#definition) {
        if (level > maxDefinition) throw new RangeError('a page has a level beyond those of its column');
        if (level === maxDefinition) count++;
      }
    this.#values =
      count === 0 ? { count, bytes: page } : decodeValues(page, count, encoding, this.#chunk, this.#dictionary);
    this.#entries = entries;
    this.#entry = 0;
    this.#value = 0;
  }

  #decompress(body: Uint8Array, size: number): Uint8Array {
    return this.#chunk.decompress(body, size);
  }
}

const bitsOf = (level: number): number => 32 - Math.clz32(level);
