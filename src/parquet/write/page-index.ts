/** The page index (parquet-format, PageIndex.md): where the pages of a chunk are, and between which bounds. */
import type { ScalarData } from '../../columns/batch.ts';
import { lowerBound, type MinMax, slotComparison, upperBound } from '../format/statistics.ts';
import { CompactWriter } from '../format/thrift.ts';

export interface PageLocation {
  /** From the start of the file. */
  readonly offset: number;
  /** With the page header. */
  readonly compressedSize: number;
  /** Within the row group. */
  readonly firstRow: number;
}

export interface PageBounds {
  readonly nullCount: number;
  readonly isAllNull: boolean;
  readonly range: MinMax | undefined;
}

const none = new Uint8Array(0);
const boundaryOrder = { UNORDERED: 0, ASCENDING: 1, DESCENDING: 2 } as const;

/** parquet.thrift, struct OffsetIndex. */
export function encodeOffsetIndex(pages: readonly PageLocation[]): Uint8Array {
  const out = new CompactWriter();
  out.element(() => {
    out.structs(1, pages, (page) => {
      out.i64(1, page.offset).i32(2, page.compressedSize).i64(3, page.firstRow);
    });
  });
  return out.bytes();
}

/**
 * parquet.thrift, struct ColumnIndex. undefined where a page has values but no bounds (only NaN, or no short upper
 * bound): the index must then be left out as a whole.
 */
export function encodeColumnIndex(data: ScalarData | null, pages: readonly PageBounds[]): Uint8Array | undefined {
  const least: Uint8Array[] = [];
  const greatest: Uint8Array[] = [];
  for (const { range, isAllNull } of pages) {
    const max = range && data ? upperBound(data, range.greatest) : undefined;
    if (!isAllNull && max === undefined) return undefined;
    least.push(range && data ? lowerBound(data, range.least).bytes : none);
    greatest.push(max?.bytes ?? none);
  }
  const out = new CompactWriter();
  out.element(() => {
    out.bools(
      1,
      pages.map((page) => page.isAllNull),
    );
    out.binaries(2, least);
    out.binaries(3, greatest);
    out.i32(4, orderOf(data, pages));
    out.i64s(
      5,
      pages.map((page) => page.nullCount),
    );
  });
  return out.bytes();
}

/** How the bounds of the pages that have some follow each other. Cutting long bounds keeps their order. */
function orderOf(data: ScalarData | null, pages: readonly PageBounds[]): number {
  const ranges = pages.flatMap((page) => page.range ?? []);
  if (data === null || ranges.length < 2) return boundaryOrder.ASCENDING;
  const compare = slotComparison(data);
  let ascending = true;
  let descending = true;
  for (let i = 1; i < ranges.length; i++) {
    const least = compare(ranges[i - 1]!.least, ranges[i]!.least);
    const greatest = compare(ranges[i - 1]!.greatest, ranges[i]!.greatest);
    ascending &&= least <= 0 && greatest <= 0;
    descending &&= least >= 0 && greatest >= 0;
  }
  if (ascending) return boundaryOrder.ASCENDING;
  return descending ? boundaryOrder.DESCENDING : boundaryOrder.UNORDERED;
}
