/**
 * A column chunk of one leaf into a column: here headers are taken apart and bodies decompressed, the kernel reads levels
 * and values (parquet-format, README.md "Data Pages", "Nested Encoding").
 */
import { giveBack } from '../../columns/give-back.ts';
import {
  Encoding_DeltaBinary,
  Encoding_DeltaLength,
  Encoding_DeltaStrings,
  Encoding_Dictionary,
  Encoding_OldDictionary,
  Encoding_Plain,
  Encoding_Rle,
  Fault_Count,
  Fault_Dictionary,
  Fault_EmptyRun,
  Fault_Index,
  Fault_Inside,
  Fault_Prefix,
  Fault_Type,
  Fault_Values,
  Fault_Varint,
  Physical_Boolean,
  Physical_Double,
  Physical_Int32,
  Physical_Int64,
  Physical_Text,
} from '../../kernel/assembly/codes.ts';
import type { KernelColumn } from '../../kernel/columns.ts';
import { kernel } from '../../kernel/kernel.ts';
import { DATA_PAGE, DATA_PAGE_V2, DICTIONARY_PAGE, type PageHeader, readPageHeader } from './page-header.ts';

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
  /** parquet.thrift, enum Type. */
  readonly type: string;
  /** Level entries of the whole chunk. */
  readonly entries: number;
  readonly shape: LeafShape;
  readonly decompress: (body: Uint8Array, size: number) => Uint8Array;
  /** Whether what it gives is memory of its own. */
  readonly givesOwn: boolean;
}

export interface ReadableChunk extends LeafChunk {
  readonly pages: readonly Page[];
}

/** What the values of a leaf go into: `owner` is the list or map whose slots begin and end with them, if any does. */
export interface LeafTarget {
  readonly column: KernelColumn;
  readonly owner?: KernelColumn | undefined;
}

const physicalTypes: Readonly<Record<string, number>> = {
  BOOLEAN: Physical_Boolean,
  INT32: Physical_Int32,
  INT64: Physical_Int64,
  DOUBLE: Physical_Double,
  BYTE_ARRAY: Physical_Text,
};

const dictionaries: readonly number[] = [Encoding_Dictionary, Encoding_OldDictionary];
const integers: readonly number[] = [Encoding_Plain, Encoding_DeltaBinary, ...dictionaries];
const encodings: Readonly<Record<string, readonly number[]>> = {
  BOOLEAN: [Encoding_Plain, Encoding_Rle, ...dictionaries],
  INT32: integers,
  INT64: integers,
  DOUBLE: [Encoding_Plain, ...dictionaries],
  BYTE_ARRAY: [Encoding_Plain, Encoding_DeltaLength, Encoding_DeltaStrings, ...dictionaries],
};

/** What the kernel says is wrong with a page. */
const faults: Readonly<Record<number, string>> = {
  [Fault_Varint]: 'a page ends inside a number',
  [Fault_Values]: 'a page ends inside its values',
  [Fault_EmptyRun]: 'a page has a run of no values',
  [Fault_Count]: 'a page does not hold as many values as it should',
  [Fault_Dictionary]: 'a page is coded by a dictionary that is not there',
  [Fault_Index]: 'a page has a code beyond its dictionary',
  [Fault_Prefix]: 'a string has a longer prefix than the one before it is long',
  [Fault_Inside]: 'a chunk starts inside a row',
  [Fault_Type]: 'a page has values of another type than its column',
};

/** More than a page can have; keeps sizes that are made from it within 32 bits. */
const mostValues = 1 << 26;
const mostBytes = 1 << 30;

export interface Page {
  readonly header: PageHeader;
  readonly body: Uint8Array;
}

/** The pages of a chunk; undefined where one of them is not such as can be read here. Throws RangeError where it is not sound. */
export function readablePages(chunk: LeafChunk): readonly Page[] | undefined {
  const known = encodings[chunk.type];
  if (known === undefined) return undefined;
  const pages = pagesOf(chunk);
  const isReadable = ({ header: { type, encoding, values } }: Page): boolean =>
    type === DICTIONARY_PAGE ||
    ((type === DATA_PAGE || type === DATA_PAGE_V2) && (values === 0 || known.includes(encoding)));
  return pages.every(isReadable) ? pages : undefined;
}

export function pagesOf({ bytes, entries }: Pick<LeafChunk, 'bytes' | 'entries'>): Page[] {
  const pages: Page[] = [];
  let found = 0;
  for (let at = 0; found < entries; ) {
    const header = readPageHeader(bytes, at);
    at = header.end + header.compressedSize;
    if (!(header.compressedSize >= 0 && at <= bytes.length)) throw new RangeError('a page ends behind its chunk');
    if (!(header.values >= 0 && header.values <= mostValues && header.uncompressedSize <= mostBytes))
      throw new RangeError(`a page of ${header.values} values in ${header.uncompressedSize} bytes`);
    if (header.type === DATA_PAGE || header.type === DATA_PAGE_V2) found += header.values;
    pages.push({ header, body: bytes.subarray(header.end, at) });
  }
  if (found !== entries) throw new RangeError(`${found} level entries in a chunk of ${entries}`);
  return pages;
}

/**
 * Appends the values of a chunk's pages, all of which are readable. Throws RangeError where one is not sound, and the column
 * is of no use any more.
 */
export function appendChunk(
  { type, shape, decompress, givesOwn, pages }: ReadableChunk,
  { column, owner }: LeafTarget,
): void {
  const { call, bytes: memory } = kernel();
  call.beginLeaf(physicalTypes[type]!, shape.maxDefinition, shape.maxRepetition > 0, shape.present, shape.entry);
  const expectSound = (fault: number): void => {
    if (fault !== 0) throw new RangeError(faults[fault] ?? `a page has fault ${fault}`);
  };
  for (const { header, body } of pages) {
    const { uncompressedSize, values, encoding, v2 } = header;
    if (header.type === DICTIONARY_PAGE) {
      const page = decompress(body, uncompressedSize);
      const { length } = page;
      memory.set(page, call.dictionarySpace(length));
      if (givesOwn) giveBack(page);
      expectSound(call.addDictionary(length, values));
      continue;
    }
    let length: number;
    if (v2 === undefined) {
      const page = decompress(body, uncompressedSize);
      length = page.length;
      memory.set(page, call.pageSpace(length));
      if (givesOwn) giveBack(page);
    } else {
      const head = v2.repetitionBytes + v2.definitionBytes;
      if (!(head <= body.length && v2.repetitionBytes >= 0 && v2.definitionBytes >= 0))
        throw new RangeError('a page ends inside its levels');
      const rest = body.subarray(head);
      const page = v2.isCompressed ? decompress(rest, uncompressedSize - head) : rest;
      length = head + page.length;
      const space = call.pageSpace(length);
      memory.set(body.subarray(0, head), space);
      memory.set(page, space + head);
      if (givesOwn && v2.isCompressed) giveBack(page);
    }
    const levels = v2 === undefined ? ([-1, -1] as const) : ([v2.repetitionBytes, v2.definitionBytes] as const);
    expectSound(call.appendPage(owner?.place ?? 0, column.place, length, values, encoding, ...levels));
  }
}
