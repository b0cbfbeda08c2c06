/**
 * The footer of a file as what a reader can pick from: where the chunks of its row groups are, between which bounds
 * their values lie, and footers for a part of its row groups (parquet.thrift, structs FileMetaData, RowGroup, ColumnChunk).
 */
import { parquetMetadata, type SchemaElement } from 'hyparquet';
import type { Scalar } from '../../columns/types.ts';
import { magic } from '../format/footer.ts';
import {
  bytesOf,
  fieldOf,
  numberOf,
  readStruct,
  structOf,
  structsOf,
  ThriftList,
  type ThriftStruct,
  ThriftType,
  writeStruct,
} from '../format/thrift-tree.ts';
import { isPlainInteger, isText, type StoredColumn, storedColumns, timestampUnit } from './stored-column.ts';

/** Half-open, in bytes from the start of the file. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface RowGroupPart {
  readonly rows: number;
  /** One for each leaf. */
  readonly chunks: readonly ChunkPart[];
}

export interface ChunkPart {
  /** Name of the top-level column that it belongs to. */
  readonly column: string;
  readonly range: ByteRange;
  /** Only where the footer says how long it is. */
  readonly bloomFilter?: ByteRange;
  readonly statistics: ThriftStruct | undefined;
}

/** What is known of the values of a column in a row group. A bound may lie outside of the values, never inside. */
export interface ValueBounds {
  readonly least?: Scalar;
  readonly greatest?: Scalar;
  /** Values that are null; undefined where nobody counted them. */
  readonly nulls?: number;
  readonly rows: number;
}

export class FooterParts {
  readonly columns: ReadonlyMap<number | string, StoredColumn>;
  readonly rowGroups: readonly RowGroupPart[];
  readonly #metadata: ThriftStruct;
  readonly #isOrdered: boolean;

  /** `metadata` is FileMetaData without its length and the magic number. Throws where it is not readable. */
  constructor(metadata: Uint8Array) {
    this.#metadata = readStruct(metadata).struct;
    this.rowGroups = structsOf(this.#metadata, 4).map(rowGroupPart);
    this.#isOrdered = fieldOf(this.#metadata, 7) !== undefined;
    const { buffer, byteOffset, length } = this.subset([]);
    this.columns = storedColumns(
      parquetMetadata(buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer, { geoparquet: false }),
    );
  }

  /**
   * A footer for these row groups only, in the order of the file, with length and magic number. The chunks stay where
   * they are; page indexes and bloom filters are not mentioned any more.
   */
  subset(rowGroups: readonly number[]): Uint8Array {
    const all = structsOf(this.#metadata, 4);
    const kept = rowGroups.map((index) => withoutIndexes(all[index]!));
    const rows = kept.reduce((sum, group) => sum + (numberOf(group, 3) ?? 0), 0);
    const metadata = writeStruct(
      this.#metadata.map((field) => {
        if (field.id === 3) return { ...field, value: rows };
        return field.id === 4 ? { ...field, value: new ThriftList(ThriftType.struct, kept) } : field;
      }),
    );
    const footer = Buffer.alloc(metadata.length + 8);
    footer.set(metadata);
    footer.writeUInt32LE(metadata.length, metadata.length);
    footer.set(magic, metadata.length + 4);
    return footer;
  }

  /** Undefined where nothing is known that could leave the row group out. */
  bounds(rowGroup: number, { name, element }: StoredColumn): ValueBounds | undefined {
    const { rows, chunks } = this.rowGroups[rowGroup]!;
    const [chunk, ...more] = chunks.filter(({ column }) => column === name);
    if (chunk?.statistics === undefined || more.length > 0 || element.num_children !== undefined) return undefined;
    const nulls = numberOf(chunk.statistics, 3);
    const decode = this.#isOrdered ? decoder(element) : undefined;
    const [least, greatest] = [6, 5].map((field) => {
      const bytes = bytesOf(chunk.statistics!, field);
      return bytes && decode?.(bytes);
    });
    return {
      rows,
      ...(nulls !== undefined && { nulls }),
      ...(least !== undefined && { least }),
      ...(greatest !== undefined && { greatest }),
    };
  }
}

function rowGroupPart(group: ThriftStruct): RowGroupPart {
  return {
    rows: numberOf(group, 3) ?? 0,
    chunks: structsOf(group, 1).map((chunk) => {
      const metadata = structOf(chunk, 3);
      if (metadata === undefined || fieldOf(chunk, 1) !== undefined)
        throw new Error('the footer does not say where its column chunks are');
      const [first] = (fieldOf(metadata, 3) as ThriftList).items;
      const offsets = [9, 10, 11].flatMap((field) => numberOf(metadata, field) ?? []).filter((offset) => offset > 0);
      const start = Math.min(...offsets);
      const bloom = numberOf(metadata, 14);
      const bloomLength = numberOf(metadata, 15);
      return {
        column: Buffer.from(first as Uint8Array).toString('utf8'),
        range: { start, end: start + (numberOf(metadata, 7) ?? 0) },
        statistics: structOf(metadata, 12),
        ...(bloom !== undefined &&
          bloomLength !== undefined && { bloomFilter: { start: bloom, end: bloom + bloomLength } }),
      };
    }),
  };
}

/** Without the places of its chunks' page indexes and bloom filters. */
function withoutIndexes(group: ThriftStruct): ThriftStruct {
  return group.map((field) => {
    if (field.id !== 1) return field;
    const chunks = structsOf(group, 1).map((chunk) =>
      chunk
        .filter(({ id }) => id < 4 || id > 7)
        .map((part) =>
          part.id === 3
            ? { ...part, value: (part.value as ThriftStruct).filter(({ id }) => id !== 14 && id !== 15) }
            : part,
        ),
    );
    return { ...field, value: new ThriftList(ThriftType.struct, chunks) };
  });
}

/** From a bound in PLAIN encoding to the value; undefined for types whose order or meaning is another. */
function decoder(element: SchemaElement): ((bytes: Uint8Array) => Scalar | undefined) | undefined {
  const fixed = (length: number, read: (view: DataView) => Scalar) => (bytes: Uint8Array) =>
    bytes.length === length ? read(new DataView(bytes.buffer, bytes.byteOffset, length)) : undefined;
  if (isText(element)) return (bytes) => bytes;
  if (element.type === 'BOOLEAN') return fixed(1, (view) => view.getUint8(0) !== 0);
  if (element.type === 'INT32' && isPlainInteger(element)) return fixed(4, (view) => BigInt(view.getInt32(0, true)));
  if (element.type === 'INT64' && isPlainInteger(element)) return fixed(8, (view) => view.getBigInt64(0, true));
  const unit = timestampUnit(element);
  if (unit === 'MICROS') return fixed(8, (view) => view.getBigInt64(0, true));
  return undefined;
}
