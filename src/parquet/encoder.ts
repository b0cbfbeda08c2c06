import type { ColumnBatch, ColumnData } from '../columns/batch.ts';
import type { ColumnType, Scalar } from '../columns/types.ts';
import type { CarriedField } from './format/carried.ts';

/**
 * The Parquet encoder port: a batch of columns in, the bytes of one file out. The same input gives the same bytes.
 * Held by test/contract/encoder.ts.
 */
export interface ParquetEncoder {
  readonly name: string;
  encode(input: EncodeInput): Promise<EncodedFile>;
}

/** A column as stored in a file: its name and the field ids that the table's schema gave it (Iceberg spec, "Column projection"). */
export interface FileColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly required: boolean;
  readonly id: number;
  /** list: the element's id. map: the value's id. */
  readonly elementId?: number;
  /** map: the key's id. */
  readonly keyId?: number;
  /** Of a column that another engine made, in a type that no table declares: `type` is string, for packed values (format/packed.ts). */
  readonly carried?: CarriedField;
}

export interface EncodeInput {
  /** In file order. Each is found in `batch` by name; a column that the batch lacks is written as all null. */
  readonly columns: readonly FileColumn[];
  readonly batch: ColumnBatch;
  /** The rows to write, as indices into the batch, in file order. Omitted: all rows as they stand. */
  readonly order?: Uint32Array;
  /** What `order` sorts by, ascending with nulls first; recorded in the file as sorting_columns. */
  readonly sortedBy?: readonly string[];
  /** Columns to write split-block bloom filters for, where the encoder can. */
  readonly bloomColumns?: readonly string[];
  readonly rowGroupRows: number;
  /** zstd level where the encoder has zstd. */
  readonly compressionLevel?: number;
}

export interface EncodedFile {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
  readonly rows: number;
  /** File offsets at which row groups start. */
  readonly splitOffsets: readonly number[];
  /** By leaf field id (for lists and maps: of the element, the key, the value). */
  readonly columns: ReadonlyMap<number, ColumnStats>;
}

/** What an Iceberg manifest wants to know of a leaf column (Iceberg spec, "Manifests", data_file fields 108 to 128). */
export interface ColumnStats {
  /** Compressed bytes with page headers. */
  readonly compressedSize: number;
  /** Values including nulls (for leaves of lists and maps, also the place holders of empty and null ones). */
  readonly valueCount: number;
  readonly nullCount: number;
  /** Exact least and greatest non-null value (strings as UTF-8 bytes compared unsigned); absent where there is none, and for NaN, lists and maps. */
  readonly min?: Scalar;
  readonly max?: Scalar;
}

export function columnsByName(batch: ColumnBatch): ReadonlyMap<string, ColumnData> {
  return new Map(batch.columns.map((column) => [column.name, column.data]));
}

/** The order that leaves all rows as they stand. */
export function allRows(count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) rows[row] = row;
  return rows;
}
