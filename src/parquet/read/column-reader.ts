/**
 * Reads Parquet files into columns: from the pages of a column chunk into a column builder, one column of one row group
 * at a time, without row objects. For jobs that rewrite files; `reader.ts` gives rows to everyone else. What the decoder
 * of `decode/` does not know (rare encodings, types that have to be converted) is decoded by hyparquet.
 *
 * Files of other engines are taken as the table sees them (Iceberg spec, "Column Projection"): columns are found by
 * field id, in files without ids by the names that the caller maps to ids; what a file lacks stays null; int stands
 * under long, float under double, timestamps of any unit become microseconds. A type that cannot stand under the
 * column's is an error that names file and column, never a wrong value.
 */
import {
  type AsyncBuffer,
  type ColumnMetaData as ColumnChunkMetaData,
  type FileMetaData,
  type ParquetScan,
  parquetScan,
} from 'hyparquet';
import { type ColumnBuilder, ListBuilder, MapBuilder } from '../../columns/builders.ts';
import type { TableBuffer } from '../../columns/table-buffer.ts';
import type { ObjectStore } from '../../store/store.ts';
import type { FileColumn } from '../encoder.ts';
import { appendList, appendMap, appendScalars, type RowSelection } from './append.ts';
import { appenderOf, plainTypes } from './by-hyparquet.ts';
import { type DecodedPage, decodeChunk, type LeafChunk, type LeafShape } from './chunk.ts';
import { compressors, mapsAsStructs, naming, openFile, type ParquetFile, parsers, readRange } from './row-reader.ts';
import { findColumn, type StoredColumn, shapesOf, storedColumns } from './stored-column.ts';
import { type PhysicalName, Unsupported } from './values.ts';

/** Column chunks that are nearer than this are fetched in one request. */
const mergeGapBytes = 1 << 20;

/** A file that is open for reading row groups. */
export class ColumnReader {
  readonly #store: ObjectStore;
  readonly #file: ParquetFile;
  readonly #metadata: FileMetaData;
  /** With logical types taken out that hyparquet would make JavaScript values of. */
  readonly #plain: FileMetaData;
  readonly #columns: ReadonlyMap<number | string, StoredColumn>;

  private constructor(store: ObjectStore, file: ParquetFile, metadata: FileMetaData) {
    this.#store = store;
    this.#file = file;
    this.#metadata = metadata;
    this.#plain = plainTypes(mapsAsStructs(metadata));
    this.#columns = storedColumns(metadata);
  }

  /**
   * `footerBytes`: fetch so many bytes of the end first, and of small files too only the columns that are asked for.
   * Throws StoreError as the store does, and Error naming the file where it is not readable as Parquet.
   */
  static async open(
    store: ObjectStore,
    file: ParquetFile,
    options: { readonly footerBytes?: number } = {},
  ): Promise<ColumnReader> {
    return new ColumnReader(store, file, (await openFile(store, file, options)).metadata);
  }

  /** Rows of each row group. */
  get rowGroups(): readonly number[] {
    return this.#metadata.row_groups.map((group) => Number(group.num_rows));
  }

  /** Whether the file may have values, other than null, in one of these fields. */
  mayHold(ids: ReadonlySet<number>): boolean {
    const names = new Set([...this.#columns].flatMap(([id, { name }]) => (ids.has(id as number) ? [name] : [])));
    return this.#metadata.row_groups.some(({ columns }) =>
      columns.some(
        ({ meta_data: chunk }) =>
          chunk !== undefined &&
          names.has(chunk.path_in_schema[0]!) &&
          chunk.statistics?.null_count !== chunk.num_values,
      ),
    );
  }

  /**
   * Appends a row group to `buffer`. `columns` tells the field ids of the buffer's columns, `names` which ids a file
   * without ids has under which names (the table's name mapping). Rows with `dropped[row] === 1` are left out.
   */
  async append(
    buffer: TableBuffer,
    rowGroup: number,
    columns: ReadonlyMap<string, FileColumn>,
    options: { readonly names?: ReadonlyMap<string, number>; readonly dropped?: Uint8Array } = {},
  ): Promise<void> {
    const { names, dropped } = options;
    const start = this.rowGroups.slice(0, rowGroup).reduce((sum, rows) => sum + rows, 0);
    const rows = this.rowGroups[rowGroup]!;
    const base = buffer.rows;
    const wanted = buffer.columns.flatMap(({ declaration, builder }) => {
      const column = columns.get(declaration.name)!;
      const stored = findColumn(this.#columns, column, names);
      return stored === undefined ? [] : [{ declaration, builder, stored, carried: column.carried }];
    });
    const file = await this.#download(rowGroup, new Set(wanted.map(({ stored }) => stored.name)));
    const selection = { base, dropped };
    let scan: ParquetScan | undefined;
    for (const { declaration, builder, stored, carried } of wanted) {
      await naming(this.#file, `read column ${declaration.name} of`, async () => {
        if (await this.#decode(file, rowGroup, stored, shapesOf(stored, declaration.type, carried), builder, selection))
          return;
        scan ??= await parquetScan({
          file,
          metadata: this.#plain,
          columns: wanted.map((column) => column.stored.name),
          rowStart: start,
          rowEnd: start + rows,
          useOffsetIndex: false,
          utf8: false,
          compressors,
          parsers,
        });
        const values = await scan.readColumn({ column: stored.name, rowStart: start, rowEnd: start + rows });
        if (values.length !== rows) throw new Error(`${values.length} values in ${rows} rows`);
        appenderOf(declaration.type, stored, builder)(values as ArrayLike<unknown>, base, dropped);
      });
    }
    let kept = rows;
    if (dropped !== undefined) for (let row = 0; row < rows; row++) kept -= dropped[row]!;
    buffer.endRows(kept);
  }

  /** The fast path: what all writers use nearly always. false where nothing was appended and hyparquet has to do it. */
  async #decode(
    file: AsyncBuffer,
    rowGroup: number,
    stored: StoredColumn,
    shape: LeafShape[] | undefined,
    builder: ColumnBuilder,
    rows: RowSelection,
  ): Promise<boolean> {
    if (shape === undefined) return false;
    const chunks = this.#metadata.row_groups[rowGroup]!.columns.filter(
      ({ meta_data: chunk }) => chunk?.path_in_schema[0] === stored.name,
    );
    if (chunks.length !== shape.length) return false;
    const leaves: { readonly pages: DecodedPage[]; readonly shape: LeafShape }[] = [];
    for (const [index, { meta_data: chunk }] of chunks.entries()) {
      const decompress = chunk && decompressor(chunk.codec);
      if (chunk === undefined || decompress === undefined) return false;
      const [start, end] = chunkRange(chunk);
      try {
        const pages = decodeChunk({
          bytes: new Uint8Array(await file.slice(start, Math.min(end, this.#file.size))),
          type: chunk.type as PhysicalName,
          entries: Number(chunk.num_values),
          shape: shape[index]!,
          decompress,
        });
        leaves.push({ pages, shape: shape[index]! });
      } catch (error) {
        if (error instanceof Unsupported) return false;
        throw error;
      }
    }
    const [first, second] = leaves;
    if (builder instanceof MapBuilder) appendMap(first!, second!, builder, rows);
    else if (builder instanceof ListBuilder) appendList(first!.pages, first!.shape, builder, rows);
    else appendScalars(first!.pages, builder, rows);
    return true;
  }

  /** The bytes of these columns, fetched at once in as few requests as their places allow. */
  async #download(rowGroup: number, columns: ReadonlySet<string>): Promise<AsyncBuffer> {
    const ranges: { start: number; end: number }[] = [];
    for (const { meta_data: chunk } of this.#metadata.row_groups[rowGroup]!.columns) {
      if (chunk === undefined || !columns.has(chunk.path_in_schema[0]!)) continue;
      const [start, end] = chunkRange(chunk);
      ranges.push({ start, end });
    }
    ranges.sort((a, b) => a.start - b.start);
    const merged: typeof ranges = [];
    for (const range of ranges) {
      const last = merged.at(-1);
      if (last !== undefined && range.start - last.end <= mergeGapBytes) last.end = Math.max(last.end, range.end);
      else merged.push({ ...range });
    }
    const parts = await Promise.all(
      merged.map(async ({ start, end }) => ({
        start,
        end: Math.min(end, this.#file.size),
        bytes: await readRange(this.#store, this.#file, start, Math.min(end, this.#file.size)),
      })),
    );
    return {
      byteLength: this.#file.size,
      slice: (from, to = this.#file.size) => {
        const part = parts.find(({ start, end }) => from >= start && to <= end);
        return part === undefined
          ? readRange(this.#store, this.#file, from, to)
          : part.bytes.slice(from - part.start, to - part.start);
      },
    };
  }
}

/** Some writers give a dictionary page that is not there the offset 0. */
function chunkRange(chunk: ColumnChunkMetaData): [start: number, end: number] {
  const data = Number(chunk.data_page_offset);
  const start = Math.min(Number(chunk.dictionary_page_offset || chunk.data_page_offset), data);
  return [start, start + Number(chunk.total_compressed_size)];
}

function decompressor(codec: ColumnChunkMetaData['codec']): LeafChunk['decompress'] | undefined {
  if (codec === 'UNCOMPRESSED') return (body) => body;
  const decompress = compressors[codec];
  return (
    decompress &&
    ((body, size) => {
      // An empty body stands for nothing at all, which is not a frame of any codec.
      const page = size === 0 && body.length === 0 ? body : decompress(body, size);
      if (page.length !== size) throw new RangeError(`a page has ${page.length} bytes, and ${size} by its header`);
      return page;
    })
  );
}
