/**
 * Cutting a column chunk into data pages, and page headers (parquet-format, README.md "Data Pages", parquet.thrift,
 * struct PageHeader). Pages end where rows end, so that the page index can name their first rows.
 *
 * Data pages are of version 1: every reader has them, and readers that skip by the page index gain nothing from
 * version 2, whose levels stay uncompressed.
 */
import type { ScalarData } from '../../columns/batch.ts';
import { kernel } from '../../kernel/kernel.ts';
import { type Encoding, Encoding as Encodings, PageType } from '../format/footer.ts';
import { CompactWriter } from '../format/thrift.ts';
import type { Dictionary } from './dictionary.ts';
import type { LeafStream } from './shred.ts';

/** Half-open ranges into the rows, levels and values of a LeafStream. */
export interface PageRange {
  readonly rowFrom: number;
  readonly levelFrom: number;
  readonly levelTo: number;
  readonly valueFrom: number;
  readonly valueTo: number;
}

/** Of the chunk that the kernel holds: at most 20,000 rows or about 1 MiB of values each. */
export function cutPages(
  stream: LeafStream,
  data: ScalarData | null,
  dictionary: Dictionary | undefined,
  maxDefinition: number,
): PageRange[] {
  const { call } = kernel();
  const isText = data?.kind === 'string' && dictionary === undefined;
  const count = call.cutPages(stream.rows, stream.definition ?? -1, maxDefinition, stream.isRepeated, isText);
  const words = kernel().int32(call.pageRanges(), count * 5);
  return Array.from({ length: count }, (_, page) => ({
    rowFrom: words[page * 5]!,
    levelFrom: words[page * 5 + 1]!,
    levelTo: words[page * 5 + 2]!,
    valueFrom: words[page * 5 + 3]!,
    valueTo: words[page * 5 + 4]!,
  }));
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
