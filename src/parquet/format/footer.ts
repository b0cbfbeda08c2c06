/**
 * The end of a Parquet file: FileMetaData, its length and the magic number (parquet-format, README.md "File format"
 * and parquet.thrift). Both encoders write it, since it holds what Iceberg readers go by: field ids, logical types
 * and statistics.
 */
import packageJson from '../../../package.json' with { type: 'json' };
import { PhysicalType } from './physical.ts';
import type { FileSchema, Leaf, LogicalType, SchemaElement } from './schema.ts';
import { CompactWriter } from './thrift.ts';

export const magic = Buffer.from('PAR1');

/** FileMetaData.created_by, in the form that parquet.thrift asks for. */
export const createdBy = (build: string): string => `audit-warehouse version ${packageJson.version} (build ${build})`;

/** parquet.thrift, enum Encoding. */
export const Encoding = {
  PLAIN: 0,
  RLE: 3,
  DELTA_BINARY_PACKED: 5,
  DELTA_LENGTH_BYTE_ARRAY: 6,
  DELTA_BYTE_ARRAY: 7,
  RLE_DICTIONARY: 8,
} as const;
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

/** parquet.thrift, enum CompressionCodec (Compression.md). */
export const Codec = { UNCOMPRESSED: 0, GZIP: 2, ZSTD: 6 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

/** parquet.thrift, enum PageType. */
export const PageType = { DATA_PAGE: 0, DICTIONARY_PAGE: 2 } as const;

/** parquet.thrift, struct Statistics; bounds in PLAIN encoding without length prefix. */
export interface Statistics {
  readonly nullCount: number;
  readonly min?: Uint8Array;
  readonly max?: Uint8Array;
  readonly minIsExact: boolean;
  readonly maxIsExact: boolean;
}

/** parquet.thrift, structs ColumnChunk and ColumnMetaData. Offsets are from the start of the file. */
export interface ColumnChunk {
  readonly leaf: Leaf;
  readonly encodings: readonly Encoding[];
  readonly pageEncodings: readonly PageEncodingStats[];
  readonly codec: Codec;
  readonly valueCount: number;
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  readonly dataPageOffset: number;
  readonly dictionaryPageOffset?: number;
  readonly statistics: Statistics;
  readonly bloomFilter?: Section;
  readonly columnIndex?: Section;
  readonly offsetIndex?: Section;
}

/** parquet.thrift, struct PageEncodingStats: lets readers know that all of a chunk is dictionary-coded. */
export interface PageEncodingStats {
  readonly pageType: number;
  readonly encoding: Encoding;
  readonly count: number;
}

export interface Section {
  readonly offset: number;
  readonly length: number;
}

export interface RowGroup {
  readonly rows: number;
  readonly chunks: readonly ColumnChunk[];
}

export interface FileMetaData {
  readonly schema: FileSchema;
  readonly rows: number;
  readonly rowGroups: readonly RowGroup[];
  /** Names of scalar columns that the rows are sorted by, ascending with nulls first. */
  readonly sortedBy: readonly string[];
  readonly createdBy: string;
}

/** FileMetaData, its length as 4 bytes little endian, and the magic number. */
export function encodeFooter(file: FileMetaData): Uint8Array {
  const out = new CompactWriter();
  const { leaves, elements } = file.schema;
  out.element(() => {
    out.i32(1, 2);
    out.structs(2, elements, (element) => writeSchemaElement(out, element));
    out.i64(3, file.rows);
    const sorting = sortingColumns(file);
    out.structs(4, file.rowGroups, (rowGroup) => writeRowGroup(out, rowGroup, sorting));
    out.string(6, file.createdBy);
    // Without TYPE_ORDER readers must not trust min_value and max_value.
    out.structs(7, leaves, () => out.struct(1));
  });
  const metadata = out.bytes();
  const footer = Buffer.allocUnsafe(metadata.length + 8);
  footer.set(metadata);
  footer.writeUInt32LE(metadata.length, metadata.length);
  footer.set(magic, metadata.length + 4);
  return footer;
}

/** parquet.thrift, struct SchemaElement; converted types for readers that know no logical ones. */
function writeSchemaElement(out: CompactWriter, element: SchemaElement): void {
  if (element.type !== undefined) out.i32(1, element.type);
  if (element.length !== undefined) out.i32(2, element.length);
  if (element.repetition !== undefined) out.i32(3, element.repetition);
  out.string(4, element.name);
  if (element.children !== undefined) out.i32(5, element.children);
  const { logicalType } = element;
  const isDecimal = typeof logicalType === 'object';
  const converted = isDecimal ? decimal : logicalType && convertedTypes[logicalType];
  if (converted !== undefined) out.i32(6, converted);
  if (isDecimal) out.i32(7, logicalType.scale).i32(8, logicalType.precision);
  if (element.fieldId !== undefined) out.i32(9, element.fieldId);
  if (logicalType !== undefined) out.struct(10, () => writeLogicalType(out, logicalType));
}

/** Of the converted types only those that mean the same: TIMESTAMP_MICROS would mean adjusted to UTC. */
const convertedTypes: { readonly [type in LogicalType & string]?: number } = {
  string: 0,
  map: 1,
  list: 3,
  date: 6,
  timestamptz: 10,
};
const decimal = 5;

function writeLogicalType(out: CompactWriter, type: LogicalType): void {
  if (type === 'string') out.struct(1);
  else if (type === 'map') out.struct(2);
  else if (type === 'list') out.struct(3);
  else if (type === 'date') out.struct(6);
  else if (type === 'uuid') out.struct(14);
  else if (typeof type === 'object') {
    out.struct(5, () => {
      out.i32(1, type.scale).i32(2, type.precision);
    });
  } else {
    out.struct(type === 'time' ? 7 : 8, () => {
      out.bool(1, type === 'timestamptz');
      out.struct(2, () => out.struct(2));
    });
  }
}

function sortingColumns(file: FileMetaData): readonly number[] {
  return file.sortedBy.map((name) => {
    const index = file.schema.leaves.findIndex((leaf) => leaf.role === 'scalar' && leaf.column.name === name);
    if (index < 0)
      throw new Error(`cannot write a Parquet file sorted by ${name}: it is not a scalar column of the file`);
    return index;
  });
}

function writeRowGroup(out: CompactWriter, rowGroup: RowGroup, sorting: readonly number[]): void {
  const { chunks } = rowGroup;
  out.structs(1, chunks, (chunk) => writeColumnChunk(out, chunk));
  out.i64(
    2,
    chunks.reduce((sum, chunk) => sum + chunk.uncompressedSize, 0),
  );
  out.i64(3, rowGroup.rows);
  if (sorting.length > 0) {
    out.structs(4, sorting, (column) => {
      out.i32(1, column);
      out.bool(2, false);
      out.bool(3, true);
    });
  }
  const first = chunks[0];
  if (first !== undefined) {
    out.i64(5, first.dictionaryPageOffset ?? first.dataPageOffset);
    out.i64(
      6,
      chunks.reduce((sum, chunk) => sum + chunk.compressedSize, 0),
    );
  }
}

function writeColumnChunk(out: CompactWriter, chunk: ColumnChunk): void {
  const { offsetIndex, columnIndex } = chunk;
  // file_offset is deprecated, and 0 by the rule for files whose metadata is in the footer only.
  out.i64(2, 0);
  out.struct(3, () => writeColumnMetaData(out, chunk));
  if (offsetIndex !== undefined) out.i64(4, offsetIndex.offset).i32(5, offsetIndex.length);
  if (columnIndex !== undefined) out.i64(6, columnIndex.offset).i32(7, columnIndex.length);
}

function writeColumnMetaData(out: CompactWriter, chunk: ColumnChunk): void {
  out.i32(1, chunk.leaf.physicalType);
  out.i32s(2, chunk.encodings);
  out.strings(3, chunk.leaf.path);
  out.i32(4, chunk.codec);
  out.i64(5, chunk.valueCount);
  out.i64(6, chunk.uncompressedSize);
  out.i64(7, chunk.compressedSize);
  out.i64(9, chunk.dataPageOffset);
  if (chunk.dictionaryPageOffset !== undefined) out.i64(11, chunk.dictionaryPageOffset);
  out.struct(12, () => writeStatistics(out, chunk.statistics, chunk.leaf.physicalType));
  out.structs(13, chunk.pageEncodings, (stats) => {
    out.i32(1, stats.pageType).i32(2, stats.encoding).i32(3, stats.count);
  });
  if (chunk.bloomFilter !== undefined) out.i64(14, chunk.bloomFilter.offset).i32(15, chunk.bloomFilter.length);
}

function writeStatistics(out: CompactWriter, statistics: Statistics, type: PhysicalType): void {
  const { min, max } = statistics;
  out.i64(3, statistics.nullCount);
  if (max !== undefined) out.binary(5, max);
  if (min !== undefined) out.binary(6, min);
  // Numbers are never truncated, so saying so would only make footers longer.
  if (type !== PhysicalType.BYTE_ARRAY) return;
  if (max !== undefined) out.bool(7, statistics.maxIsExact);
  if (min !== undefined) out.bool(8, statistics.minIsExact);
}
