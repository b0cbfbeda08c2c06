/**
 * Cutting a column chunk into data pages, and page headers (parquet-format, README.md "Data Pages", parquet.thrift,
 * struct PageHeader). Pages end where rows end, so that the page index can name their first rows.
 *
 * Data pages are of version 1: every reader has them, and readers that skip by the page index gain nothing from
 * version 2, whose levels stay uncompressed.
 */
import type { ScalarData, StringData } from '../../columns/batch.ts';
import { type Encoding, Encoding as Encodings, PageType } from '../footer.ts';
import type { LeafStream } from '../levels.ts';
import { CompactWriter } from '../thrift.ts';
import type { Dictionary } from './dictionary.ts';

const maxRows = 20_000;
/** Of values, before compression; passed by at most one step. */
const maxBytes = 1 << 20;
/** Rows after which the size is looked at; records may have megabytes of text. */
const textStepRows = 8;
const stepRows = 1000;

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
  const plainStrings = data?.kind === 'string' && dictionary === undefined ? data : null;
  const step = plainStrings === null ? stepRows : textStepRows;
  const pages: PageRange[] = [];
  let page = { rowFrom: 0, levelFrom: 0, valueFrom: 0 };
  let bytes = 0;
  // The position so far; a step is as many rows as surely fit, so that the loops inside stay simple.
  let row = 0;
  let level = 0;
  let value = 0;
  while (row < stream.rows) {
    const rowTo = Math.min(row + step, stream.rows);
    const levelTo = stream.repetition === null ? rowTo : levelAfterRows(stream, level, rowTo - row);
    const valueTo = value + countValues(stream, level, levelTo, maxDefinition);
    bytes += plainStrings === null ? (valueTo - value) * 8 : textBytes(plainStrings, stream.slots, value, valueTo);
    row = rowTo;
    level = levelTo;
    value = valueTo;
    if (row - page.rowFrom >= maxRows || bytes >= maxBytes || row === stream.rows) {
      pages.push({ ...page, levelTo, valueTo });
      page = { rowFrom: row, levelFrom: level, valueFrom: value };
      bytes = 0;
    }
  }
  return pages;
}

function countValues(stream: LeafStream, from: number, to: number, maxDefinition: number): number {
  const { definition } = stream;
  if (typeof definition === 'number') return definition === maxDefinition ? to - from : 0;
  let count = 0;
  for (let i = from; i < to; i++) if (definition[i] === maxDefinition) count++;
  return count;
}

/** The level at which the row after the next `rows` starts. */
function levelAfterRows(stream: LeafStream, from: number, rows: number): number {
  const repetition = stream.repetition!;
  const { levels } = stream;
  let level = from;
  for (let started = 0; level < levels; level++) {
    if (repetition[level] === 0 && started++ === rows) break;
  }
  return level;
}

function textBytes(data: StringData, slots: Uint32Array, from: number, to: number): number {
  const { codes, offsets } = data;
  let sum = (to - from) * 4;
  for (let i = from; i < to; i++) {
    const entry = codes === null ? slots[i]! : codes[slots[i]!]!;
    sum += offsets[entry + 1]! - offsets[entry]!;
  }
  return sum;
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
