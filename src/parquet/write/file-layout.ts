/**
 * The layout of a file: row groups, bloom filters, column indexes, offset indexes, footer (parquet-format, README.md
 * "File format", PageIndex.md). Row groups come one after another, and of one that was added only its bytes are kept,
 * so a file may be larger than the columns that memory can hold.
 */
import type { ColumnStats, EncodedFile } from '../encoder.ts';
import {
  type ColumnChunk,
  createdBy,
  Encoding,
  encodeFooter,
  magic,
  type PageEncodingStats,
  PageType,
  type RowGroup,
  type Section,
} from '../format/footer.ts';
import type { FileSchema } from '../format/schema.ts';
import { LeafTotals } from '../format/statistics.ts';
import type { EncodedChunk } from './column-chunk.ts';
import { encodeOffsetIndex, type PageLocation } from './page-index.ts';
import { dataPageHeader, dictionaryPageHeader } from './pages.ts';

/** A chunk whose pages are in the file; its indexes follow behind the last row group. */
interface PlacedChunk {
  readonly chunk: ColumnChunk;
  readonly bloomFilter: Uint8Array | undefined;
  readonly columnIndex: Uint8Array | undefined;
  readonly offsetIndex: Uint8Array;
}

/** A file up to this size becomes one chunk: it has hundreds of parts of a few bytes, and each takes more memory than its bytes. */
const mostJoined = 1 << 20;

/** The file as it grows. */
export class FileLayout {
  readonly #schema: FileSchema;
  readonly #sortedBy: readonly string[];
  readonly #parts: Uint8Array[] = [magic];
  readonly #rowGroups: { readonly rows: number; readonly chunks: readonly PlacedChunk[] }[] = [];
  readonly #splitOffsets: number[] = [];
  readonly #totals: readonly LeafTotals[];
  #size = magic.length;
  #rows = 0;

  constructor(schema: FileSchema, sortedBy: readonly string[]) {
    this.#schema = schema;
    this.#sortedBy = sortedBy;
    this.#totals = schema.leaves.map(() => new LeafTotals());
  }

  get size(): number {
    return this.#size;
  }

  /** Waits for the pages of a row group's chunks, one per leaf. */
  async add(rows: number, encoded: readonly EncodedChunk[]): Promise<void> {
    this.#splitOffsets.push(this.#size);
    const chunks: PlacedChunk[] = [];
    for (const [index, chunk] of encoded.entries()) {
      const placed = await this.#place(chunk);
      this.#totals[index]!.add(chunk, chunk.bounds, placed.chunk.compressedSize);
      chunks.push(placed);
    }
    this.#rowGroups.push({ rows, chunks });
    this.#rows += rows;
  }

  finish(): EncodedFile {
    const footer = encodeFooter({
      schema: this.#schema,
      rows: this.#rows,
      rowGroups: this.#placeIndexes(),
      sortedBy: this.#sortedBy,
      createdBy: createdBy('columnar'),
    });
    this.#append(footer);
    const columns = new Map<number, ColumnStats>();
    for (const [index, leaf] of this.#schema.leaves.entries())
      columns.set(leaf.id, this.#totals[index]!.stats(leaf.path.length === 1));
    const chunks = this.#size <= mostJoined ? [Buffer.concat(this.#parts, this.#size)] : this.#parts;
    return { chunks, size: this.#size, rows: this.#rows, splitOffsets: this.#splitOffsets, columns };
  }

  #append(part: Uint8Array): Section {
    const section = { offset: this.#size, length: part.length };
    this.#parts.push(part);
    this.#size += part.length;
    return section;
  }

  async #place(chunk: EncodedChunk): Promise<PlacedChunk> {
    const start = this.#size;
    let uncompressedSize = 0;
    const encodings: Encoding[] = [Encoding.RLE, chunk.encoding];
    const pageEncodings: PageEncodingStats[] = [
      { pageType: PageType.DATA_PAGE, encoding: chunk.encoding, count: chunk.pages.length },
    ];
    if (chunk.dictionary !== undefined) {
      const body = await chunk.dictionary.body;
      const header = dictionaryPageHeader(chunk.dictionary.entries, chunk.dictionary.uncompressedSize, body.length);
      this.#append(header);
      this.#append(body);
      uncompressedSize += header.length + chunk.dictionary.uncompressedSize;
      encodings.push(Encoding.PLAIN);
      pageEncodings.unshift({ pageType: PageType.DICTIONARY_PAGE, encoding: Encoding.PLAIN, count: 1 });
    }
    const dataPageOffset = this.#size;
    const locations: PageLocation[] = [];
    for (const page of chunk.pages) {
      const body = await page.body;
      const { levelFrom, levelTo, rowFrom } = page.range;
      const header = dataPageHeader(levelTo - levelFrom, chunk.encoding, page.uncompressedSize, body.length);
      locations.push({ offset: this.#size, compressedSize: header.length + body.length, firstRow: rowFrom });
      this.#append(header);
      this.#append(body);
      uncompressedSize += header.length + page.uncompressedSize;
    }
    return {
      bloomFilter: chunk.bloomFilter,
      columnIndex: chunk.columnIndex,
      offsetIndex: encodeOffsetIndex(locations),
      chunk: {
        leaf: chunk.leaf,
        encodings,
        pageEncodings,
        codec: chunk.codec,
        valueCount: chunk.levels,
        uncompressedSize,
        compressedSize: this.#size - start,
        dataPageOffset,
        ...(chunk.dictionary !== undefined && { dictionaryPageOffset: start }),
        statistics: chunk.statistics,
      },
    };
  }

  /** Bloom filters, then column indexes, then offset indexes, each kind side by side for all chunks. */
  #placeIndexes(): RowGroup[] {
    const all = this.#rowGroups.flatMap((group) => group.chunks);
    const place = (part: Uint8Array | undefined): Section | undefined => part && this.#append(part);
    const bloomFilters = all.map((placed) => place(placed.bloomFilter));
    const columnIndexes = all.map((placed) => place(placed.columnIndex));
    const offsetIndexes = all.map((placed) => this.#append(placed.offsetIndex));
    let next = 0;
    return this.#rowGroups.map(({ rows, chunks }) => ({
      rows,
      chunks: chunks.map(({ chunk }) => {
        const at = next++;
        const bloomFilter = bloomFilters[at];
        const columnIndex = columnIndexes[at];
        const offsetIndex = offsetIndexes[at]!;
        return { ...chunk, ...(bloomFilter && { bloomFilter }), ...(columnIndex && { columnIndex }), offsetIndex };
      }),
    }));
  }
}
