/**
 * The portable, row-wise encoder on parquetjs-lite (gzip, PLAIN encoding, no dictionaries, page index or bloom
 * filters). It makes the data pages only; the footer is ours, since parquetjs-lite's lacks field ids, declares
 * timestamps as adjusted to UTC, and has statistics that compare JavaScript strings, not UTF-8 bytes. Its faults that
 * would change values are kept away from it: 64-bit integers go through parseInt there and doubles through
 * parseFloat (which refuses NaN and drops the sign of zero), so both are handed over as FIXED_LEN_BYTE_ARRAY(8), whose
 * PLAIN encoding is byte for byte the same. `appendRow` is not re-entrant, so every call is awaited.
 */
import { Writable } from 'node:stream';
import parquet, { type FieldDefinition } from 'parquetjs-lite';
import { PageHeader } from 'parquetjs-lite/gen-nodejs/parquet_types.js';
import { decodeThrift } from 'parquetjs-lite/lib/util.js';
import type { ColumnData, FixedData, ListData, MapData, ScalarData, StringData } from '../../columns/batch.ts';
import { isScalar, type ScalarType } from '../../columns/types.ts';
import { KernelRows } from '../../kernel/rows.ts';
import type { ColumnStats, EncodedFile, EncodeInput, FileColumn, ParquetEncoder } from '../encoder.ts';
import { allRows, columnsByName } from '../encoder.ts';
import {
  Codec,
  type ColumnChunk,
  createdBy,
  Encoding,
  encodeFooter,
  magic,
  PageType,
  type RowGroup,
  type Statistics,
} from '../format/footer.ts';
import { fileSchema, type Leaf } from '../format/schema.ts';
import { LeafTotals, leafBounds, type MinMax, minMax, statisticsOf } from '../format/statistics.ts';
import { gatherValues, leafData, shred } from '../write/shred.ts';

const pageRows = 20_000;

export class ParquetJsEncoder implements ParquetEncoder {
  readonly name = 'parquetjs';

  async encode(input: EncodeInput): Promise<EncodedFile> {
    const schema = fileSchema(input.columns);
    const data = columnsByName(input.batch);
    const rows = input.order ?? allRows(input.batch.rows);
    const written = await writePages(input, rows);

    const totals = schema.leaves.map(() => new LeafTotals());
    const chunks: Uint8Array[] = [magic];
    let size = magic.length;
    const rowGroups: RowGroup[] = [];
    const splitOffsets: number[] = [];
    for (const [group, { columns }] of written.rowGroups.entries()) {
      const start = group * input.rowGroupRows;
      const groupRows = rows.subarray(start, start + input.rowGroupRows);
      splitOffsets.push(size);
      const columnChunks: ColumnChunk[] = [];
      for (const [index, leaf] of schema.leaves.entries()) {
        const column = data.get(leaf.column.name);
        const { offset, length, uncompressedSize, pages } = columns[index]!;
        const total = totals[index]!;
        const measured = measure(leaf, column, groupRows, total, length);
        columnChunks.push({
          leaf,
          encodings: [Encoding.PLAIN, Encoding.RLE],
          pageEncodings: [{ pageType: PageType.DATA_PAGE, encoding: Encoding.PLAIN, count: pages }],
          codec: Codec.GZIP,
          uncompressedSize,
          compressedSize: length,
          dataPageOffset: size,
          ...measured,
        });
        chunks.push(written.bytes.subarray(offset, offset + length));
        size += length;
      }
      rowGroups.push({ rows: groupRows.length, chunks: columnChunks });
    }
    const footer = encodeFooter({
      schema,
      rows: rows.length,
      rowGroups,
      sortedBy: input.sortedBy ?? [],
      createdBy: createdBy('parquetjs-lite'),
    });
    chunks.push(footer);
    const stats = new Map<number, ColumnStats>();
    for (const [index, leaf] of schema.leaves.entries()) {
      stats.set(leaf.id, totals[index]!.stats(leaf.role === 'scalar'));
    }
    return { chunks, size: size + footer.length, rows: rows.length, splitOffsets, columns: stats };
  }
}

/** What parquetjs-lite does not tell of a leaf in a row group, added to the file's totals as well. */
function measure(
  leaf: Leaf,
  column: ColumnData | undefined,
  rows: Uint32Array,
  totals: LeafTotals,
  compressedSize: number,
): { valueCount: number; statistics: Statistics } {
  const placed = new KernelRows(rows);
  try {
    const stream = shred(leaf, column, placed);
    const values = leafData(leaf, column);
    let range: MinMax | undefined;
    if (values !== null && stream.values > 0) {
      gatherValues(values);
      range = minMax(values, 0, stream.values);
    }
    totals.add(stream, leafBounds(values, range), compressedSize);
    return { valueCount: stream.levels, statistics: statisticsOf(values, range, stream.levels - stream.values) };
  } finally {
    placed.release();
  }
}

interface WrittenFile {
  readonly bytes: Buffer;
  readonly rowGroups: readonly { readonly columns: readonly WrittenChunk[] }[];
}

/** The pages of one leaf in one row group, in leaf order. */
interface WrittenChunk {
  readonly offset: number;
  readonly length: number;
  readonly uncompressedSize: number;
  readonly pages: number;
}

/** Lets parquetjs-lite write a whole file, and uses only its pages. */
async function writePages(input: EncodeInput, rows: Uint32Array): Promise<WrittenFile> {
  const { columns, rowGroupRows } = input;
  if (rows.length === 0) return { bytes: Buffer.alloc(0), rowGroups: [] };
  const parts: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done): void {
      parts.push(chunk);
      done();
    },
  });
  const data = columnsByName(input.batch);
  // Positions for names: parquetjs-lite takes `.` and `,` in names apart and would reorder numeric ones.
  const schema = new parquet.ParquetSchema(
    Object.fromEntries(columns.map((column, index) => [`c${index}`, fieldDefinition(column)])),
  );
  const readers = columns.map((column) => slotReader(column, data.get(column.name)));
  const writer = await parquet.ParquetWriter.openStream(schema, sink, {
    rowGroupSize: rowGroupRows,
    pageSize: Math.min(pageRows, rowGroupRows),
    useDataPageV2: false,
    pageIndex: false,
  });
  for (const row of rows) {
    const record: Record<string, unknown> = {};
    for (const [index, read] of readers.entries()) record[`c${index}`] = read(row);
    await writer.appendRow(record);
  }
  await writer.close();
  const bytes = Buffer.concat(parts);
  const rowGroups = writer.envelopeWriter.rowGroups.map((rowGroup) => ({
    columns: rowGroup.columns.map(({ meta_data }) =>
      measureChunk(bytes, meta_data.data_page_offset, meta_data.total_compressed_size),
    ),
  }));
  return { bytes, rowGroups };
}

/** Walks the page headers, since parquetjs-lite reports the compressed size as the uncompressed one. */
function measureChunk(bytes: Buffer, offset: number, length: number): WrittenChunk {
  let uncompressedSize = 0;
  let pages = 0;
  for (let position = offset; position < offset + length; pages++) {
    const header = new PageHeader();
    const headerLength = decodeThrift(header, bytes, position);
    position += headerLength + header.compressed_page_size;
    uncompressedSize += headerLength + header.uncompressed_page_size;
  }
  return { offset, length, uncompressedSize, pages };
}

function fieldDefinition(column: FileColumn): FieldDefinition {
  const { type } = column;
  const outer = { optional: !column.required };
  if (isScalar(type)) return { ...outer, ...leafDefinition(type) };
  const parts: Record<string, FieldDefinition> =
    'list' in type
      ? { element: { optional: true, ...leafDefinition(type.list) } }
      : { key: leafDefinition('string'), value: { optional: true, ...leafDefinition(type.map.value) } };
  return { ...outer, fields: { entry: { repeated: true, fields: parts } } };
}

function leafDefinition(type: ScalarType): FieldDefinition {
  return { ...pageTypes[type], compression: 'GZIP', statistics: false };
}

const eightBytes = { type: 'FIXED_LEN_BYTE_ARRAY', typeLength: 8 };
const pageTypes: Record<ScalarType, FieldDefinition> = {
  boolean: { type: 'BOOLEAN' },
  int: { type: 'INT32' },
  long: eightBytes,
  timestamp: eightBytes,
  double: eightBytes,
  string: { type: 'BYTE_ARRAY' },
};

type SlotReader = (slot: number) => unknown;

function slotReader(column: FileColumn, data: ColumnData | undefined): SlotReader {
  const read = nullableReader(data);
  if (!column.required) return read;
  return (slot) => {
    const value = read(slot);
    if (value !== null) return value;
    throw new Error(`cannot write column ${column.name} to Parquet: it is required, and null in some row`);
  };
}

function nullableReader(data: ColumnData | undefined): SlotReader {
  if (data === undefined || data.nullCount === data.length) return () => null;
  if (data.kind === 'fixed' || data.kind === 'string') return scalarReader(data);
  const { valid, offsets } = data;
  const entry = entryReader(data);
  return (slot) => {
    if (valid !== null && valid[slot] === 0) return null;
    const entries: unknown[] = [];
    for (let i = offsets[slot]!; i < offsets[slot + 1]!; i++) entries.push(entry(i));
    return { entry: entries };
  };
}

function entryReader(data: ListData | MapData): SlotReader {
  if (data.kind === 'list') {
    const element = scalarReader(data.elements);
    return (i) => ({ element: element(i) });
  }
  const key = scalarReader(data.keys);
  const value = scalarReader(data.values);
  return (i) => ({ key: key(i), value: value(i) });
}

/** Values as parquetjs-lite is to write them; bytes that it copies are not copied here. */
function scalarReader(data: ScalarData): SlotReader {
  const { valid } = data;
  if (data.nullCount === data.length) return () => null;
  const bytes = data.kind === 'string' ? asBuffer(data.bytes) : asBuffer(data.values!);
  const read = data.kind === 'string' ? stringReader(data, bytes) : fixedReader(data, bytes);
  return (slot) => (valid !== null && valid[slot] === 0 ? null : read(slot));
}

function stringReader(data: StringData, bytes: Buffer): SlotReader {
  const { codes, offsets } = data;
  return (slot) => {
    const entry = codes === null ? slot : codes[slot]!;
    return bytes.subarray(offsets[entry]!, offsets[entry + 1]!);
  };
}

function fixedReader(data: FixedData, bytes: Buffer): SlotReader {
  const values = data.values!;
  if (data.type === 'boolean') return (slot) => values[slot] !== 0;
  if (data.type === 'int') return (slot) => values[slot];
  return (slot) => bytes.subarray(slot * 8, slot * 8 + 8);
}

const asBuffer = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
