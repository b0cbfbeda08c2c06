/**
 * Cutting a column chunk into data pages, and page headers (parquet-format, README.md "Data Pages", parquet.thrift,
 * struct PageHeader). Pages end where rows end, so that the page index can name their first rows.
 *
 * Data pages are of version 1: every reader has them, and readers that skip by the page index gain nothing from
 * version 2, whose levels stay uncompressed.
 */
import type { ScalarData } from '../../columns/batch.ts';
import { type Encoding, Encoding as Encodings, PageType } from '../footer.ts';
import type { LeafStream } from '../levels.ts';
import { CompactWriter } from '../thrift.ts';
import type { Dictionary } from './dictionary.ts';

const maxRows = 20_000;
/** Of values, before compression. */
const maxBytes = 1 << 20;

/** Half-open ranges into the rows, levels and values of a LeafStream. */
export interface PageRange {
  readonly rowFrom: number;
  readonly levelFrom: number;
  readonly levelTo: number;
  readonly valueFrom: number;
  readonly valueTo: number;
}

export function cutPages(
  stream: LeafStream,
  data: ScalarData | null,
  dictionary: Dictionary | undefined,
  maxDefinition: number,
): PageRange[] {
  const isLong = data?.kind === 'string' && dictionary === undefined && stream.values > 0;
  if (stream.repetition === null && !isLong) return cutByRows(stream, maxDefinition);
  const sizeOf = valueSize(data, dictionary);
  const pages: PageRange[] = [];
  const { definition, repetition, slots } = stream;
  let page = { rowFrom: 0, levelFrom: 0, valueFrom: 0 };
  let row = 0;
  let value = 0;
  let bytes = 0;
  for (let level = 0; level < stream.levels; level++) {
    if (repetition === null || repetition[level] === 0) {
      if (row - page.rowFrom >= maxRows || bytes >= maxBytes) {
        pages.push({ ...page, levelTo: level, valueTo: value });
        page = { rowFrom: row, levelFrom: level, valueFrom: value };
        bytes = 0;
      }
      row++;
    }
    if ((typeof definition === 'number' ? definition : definition[level]) === maxDefinition && stream.values > 0) {
      bytes += sizeOf(slots[value++]!);
    }
    bytes += repetition === null ? 0 : 1;
  }
  if (stream.levels > 0) pages.push({ ...page, levelTo: stream.levels, valueTo: value });
  return pages;
}

/** Where values are small, and one level is one row. */
function cutByRows(stream: LeafStream, maxDefinition: number): PageRange[] {
  const pages: PageRange[] = [];
  const { definition, levels } = stream;
  let value = 0;
  for (let from = 0; from < levels; from += maxRows) {
    const to = Math.min(from + maxRows, levels);
    const valueFrom = value;
    if (typeof definition === 'number') value += stream.values > 0 ? to - from : 0;
    else for (let i = from; i < to; i++) value += definition[i] === maxDefinition ? 1 : 0;
    pages.push({ rowFrom: from, levelFrom: from, levelTo: to, valueFrom, valueTo: value });
  }
  return pages;
}

function valueSize(data: ScalarData | null, dictionary: Dictionary | undefined): (slot: number) => number {
  if (dictionary !== undefined || data === null) return () => 2;
  if (data.kind === 'fixed') return () => 8;
  const { codes, offsets } = data;
  return (slot) => {
    const entry = codes === null ? slot : codes[slot]!;
    return offsets[entry + 1]! - offsets[entry]! + 4;
  };
}

export function dataPageHeader(
  values: number,
  encoding: Encoding,
  uncompressedSize: number,
  compressedSize: number,
): Uint8Array {
  const out = new CompactWriter();
  out.element(() => {
    out.i32(1, PageType.DATA_PAGE).i32(2, uncompressedSize).i32(3, compressedSize);
    out.struct(5, () => {
      out.i32(1, values).i32(2, encoding).i32(3, Encodings.RLE).i32(4, Encodings.RLE);
    });
  });
  return out.bytes();
}

export function dictionaryPageHeader(entries: number, uncompressedSize: number, compressedSize: number): Uint8Array {
  const out = new CompactWriter();
  out.element(() => {
    out.i32(1, PageType.DICTIONARY_PAGE).i32(2, uncompressedSize).i32(3, compressedSize);
    out.struct(7, () => {
      out.i32(1, entries).i32(2, Encodings.PLAIN);
    });
  });
  return out.bytes();
}
