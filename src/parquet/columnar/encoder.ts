/**
 * The columnar encoder: from a batch of columns to the bytes of a Parquet file without a row, or a string or object a
 * value, in between. The layout of the file is row groups, bloom filters, column indexes, offset indexes, footer
 * (parquet-format, README.md "File format", PageIndex.md). The same input gives the same bytes: what runs in parallel
 * is only compression, whose results are placed in order.
 */
import type { ScalarData } from '../../columns/batch.ts';
import type { ColumnStats, EncodedFile, EncodeInput, ParquetEncoder } from '../encoder.ts';
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
} from '../footer.ts';
import { allRows, columnsByName } from '../input.ts';
import { type LeafStream, leafData, Shredder } from '../levels.ts';
import { fileSchema, type Leaf } from '../schema.ts';
import { LeafTotals, statisticsOf } from '../statistics.ts';
import type { ByteSink } from './byte-sink.ts';
import { type EncodedChunk, encodeChunk } from './column-chunk.ts';
import { Compressor } from './compression.ts';
import { DictionaryMaker } from './dictionary.ts';
import { encodeColumnIndex, encodeOffsetIndex, type PageLocation } from './page-index.ts';
import { dataPageHeader, dictionaryPageHeader } from './pages.ts';

const defaultLevel = 3;

interface Pending {
  readonly leaf: Leaf;
  readonly data: ScalarData | null;
  readonly levels: number;
  readonly values: number;
  readonly chunk: EncodedChunk;
}

/** Buffers that one file needs and the next can use again. */
class Workspace {
  readonly shredder = new Shredder();
  readonly dictionaries = new DictionaryMaker();
  readonly sinks: ByteSink[] = [];
}

export class ColumnarEncoder implements ParquetEncoder {
  readonly name = 'columnar';
  /** As many as files have been encoded at the same time. */
  readonly #idle: Workspace[] = [];

  async encode(input: EncodeInput): Promise<EncodedFile> {
    const schema = fileSchema(input.columns);
    const rows = input.order ?? allRows(input.batch.rows);
    const workspace = this.#idle.pop() ?? new Workspace();
    const encoded = await encodeRowGroups(input, schema.leaves, rows, workspace);
    const file = new FileLayout();
    const totals = schema.leaves.map(() => new LeafTotals());
    const rowGroups: { rows: number; chunks: PlacedChunk[] }[] = [];
    const splitOffsets: number[] = [];
    for (const group of encoded) {
      splitOffsets.push(file.size);
      const chunks: PlacedChunk[] = [];
      for (const [index, pending] of group.leaves.entries()) {
        const placed = await placeChunk(file, pending);
        totals[index]!.add(pending.data, pending, pending.chunk.extremes, placed.chunk.compressedSize);
        chunks.push(placed);
      }
      rowGroups.push({ rows: group.rows, chunks });
    }
    const footer = encodeFooter({
      schema,
      rows: rows.length,
      rowGroups: placeIndexes(file, rowGroups),
      sortedBy: input.sortedBy ?? [],
      createdBy: createdBy('columnar'),
    });
    file.append(footer);
    // All pages have been awaited, so nothing is left that uses the buffers.
    this.#idle.push(workspace);
    const columns = columnsByName(input.batch);
    const stats = new Map<number, ColumnStats>();
    for (const [index, leaf] of schema.leaves.entries()) {
      const data = leafData(leaf, columns.get(leaf.column.name));
      stats.set(leaf.id, totals[index]!.stats(data, leaf.role === 'scalar'));
    }
    return { chunks: file.parts, size: file.size, rows: rows.length, splitOffsets, columns: stats };
  }
}

async function encodeRowGroups(
  input: EncodeInput,
  leaves: readonly Leaf[],
  rows: Uint32Array,
  { shredder, dictionaries, sinks }: Workspace,
): Promise<{ readonly rows: number; readonly leaves: Pending[] }[]> {
  const { rowGroupRows } = input;
  const columns = columnsByName(input.batch);
  const compressor = new Compressor(input.compressionLevel ?? defaultLevel, sinks);
  const bloomColumns = new Set(input.bloomColumns);
  const groups: { rows: number; leaves: Pending[] }[] = [];
  for (let from = 0; from < rows.length; from += rowGroupRows) {
    const groupRows = rows.subarray(from, from + rowGroupRows);
    const pending: Pending[] = [];
    for (const leaf of leaves) {
      const { name } = leaf.column;
      const column = columns.get(name);
      const data = leafData(leaf, column);
      const stream: LeafStream = shredder.shred(leaf, column, groupRows);
      const chunk = await encodeChunk(leaf, data, stream, dictionaries, compressor, bloomColumns.has(name));
      pending.push({ leaf, data, levels: stream.levels, values: stream.values, chunk });
    }
    groups.push({ rows: groupRows.length, leaves: pending });
  }
  return groups;
}

/** The file as it grows. */
class FileLayout {
  readonly parts: Uint8Array[] = [magic];
  size = magic.length;

  append(part: Uint8Array): Section {
    const section = { offset: this.size, length: part.length };
    this.parts.push(part);
    this.size += part.length;
    return section;
  }
}

interface PlacedChunk {
  readonly pending: Pending;
  readonly chunk: ColumnChunk;
  readonly locations: readonly PageLocation[];
}

async function placeChunk(file: FileLayout, pending: Pending): Promise<PlacedChunk> {
  const { leaf, data, chunk } = pending;
  const start = file.size;
  let uncompressedSize = 0;
  const encodings = new Set<Encoding>([Encoding.RLE, chunk.encoding]);
  const pageEncodings: PageEncodingStats[] = [
    { pageType: PageType.DATA_PAGE, encoding: chunk.encoding, count: chunk.pages.length },
  ];
  if (chunk.dictionary !== undefined) {
    const body = await chunk.dictionary.body;
    const header = dictionaryPageHeader(chunk.dictionary.entries, chunk.dictionary.uncompressedSize, body.length);
    file.append(header);
    file.append(body);
    uncompressedSize += header.length + chunk.dictionary.uncompressedSize;
    encodings.add(Encoding.PLAIN);
    pageEncodings.unshift({ pageType: PageType.DICTIONARY_PAGE, encoding: Encoding.PLAIN, count: 1 });
  }
  const dataPageOffset = file.size;
  const locations: PageLocation[] = [];
  for (const page of chunk.pages) {
    const body = await page.body;
    const { levelFrom, levelTo, rowFrom } = page.range;
    const header = dataPageHeader(levelTo - levelFrom, chunk.encoding, page.uncompressedSize, body.length);
    locations.push({ offset: file.size, compressedSize: header.length + body.length, firstRow: rowFrom });
    file.append(header);
    file.append(body);
    uncompressedSize += header.length + page.uncompressedSize;
  }
  return {
    pending,
    locations,
    chunk: {
      leaf,
      encodings: [...encodings],
      pageEncodings,
      codec: chunk.codec,
      valueCount: pending.levels,
      uncompressedSize,
      compressedSize: file.size - start,
      dataPageOffset,
      ...(chunk.dictionary !== undefined && { dictionaryPageOffset: start }),
      statistics: statisticsOf(data, chunk.extremes, pending.levels - pending.values),
    },
  };
}

/** Bloom filters, then column indexes, then offset indexes, each kind side by side for all chunks. */
function placeIndexes(
  file: FileLayout,
  rowGroups: readonly { readonly rows: number; readonly chunks: readonly PlacedChunk[] }[],
): RowGroup[] {
  const all = rowGroups.flatMap((group) => group.chunks);
  const bloomFilters = all.map(({ pending }) => pending.chunk.bloomFilter && file.append(pending.chunk.bloomFilter));
  const columnIndexes = all.map(({ pending }) => {
    const { data, chunk } = pending;
    const bounds = chunk.pages.map(({ range, extremes }) => ({
      nullCount: range.levelTo - range.levelFrom - (range.valueTo - range.valueFrom),
      isAllNull: range.valueTo === range.valueFrom,
      range: extremes,
    }));
    const index = encodeColumnIndex(data, bounds);
    return index && file.append(index);
  });
  const offsetIndexes = all.map(({ locations }) => file.append(encodeOffsetIndex(locations)));
  let next = 0;
  return rowGroups.map(({ rows, chunks }) => ({
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
