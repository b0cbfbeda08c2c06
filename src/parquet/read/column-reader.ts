/**
 * Reads Parquet files into columns: from the pages of a column chunk into a column of the kernel, one column of one row
 * group at a time, without row objects. For jobs that rewrite files; `row-reader.ts` gives rows to everyone else. What the
 * kernel does not know (rare encodings, types that have to be converted) is decoded by hyparquet.
 *
 * Files of other engines are taken as the table sees them (Iceberg spec, "Column Projection"): columns are found by
 * field id, in files without ids by the names that the caller maps to ids; what a file lacks is what `ParquetFile.constants`
 * says, or null; int stands under long, float under double, timestamps of any unit become microseconds. A type that cannot stand under the
 * column's is an error that names file and column, never a wrong value.
 */
import {
  type AsyncBuffer,
  type ColumnMetaData as ColumnChunkMetaData,
  type FileMetaData,
  type ParquetScan,
  parquetScan,
} from 'hyparquet';
import { giveBack } from '../../columns/give-back.ts';
import type { KernelColumn } from '../../kernel/columns.ts';
import type { KernelTable } from '../../kernel/table.ts';
import type { ObjectStore } from '../../store/store.ts';
import type { FileColumn } from '../encoder.ts';
import type { CarriedField } from '../format/carried.ts';
import { PackedWriter } from '../format/packed.ts';
import { conversionOf, plainTypes } from './by-hyparquet.ts';
import { assemblyOf, NotCarried, storedLeaves, storedTree } from './carried/assemble.ts';
import { LeafCursor } from './carried/leaf-cursor.ts';
import { appendChunk, type LeafChunk, type LeafShape, type ReadableChunk, readablePages } from './chunk.ts';
import {
  compressors,
  mapsAsStructs,
  naming,
  type OpenFile,
  openFile,
  type ParquetFile,
  parsers,
  readRange,
} from './row-reader.ts';
import { findColumn, type StoredColumn, shapesOf, storedColumns } from './stored-column.ts';

/** Column chunks that are nearer than this are fetched in one request. */
const mergeGapBytes = 1 << 20;

/** A file that is open for reading row groups. */
export class ColumnReader {
  readonly #store: ObjectStore;
  readonly #file: ParquetFile;
  readonly #metadata: FileMetaData;
  /** All of the file, where it is small. */
  #whole: ArrayBuffer | undefined;
  /** With logical types taken out that hyparquet would make JavaScript values of. */
  readonly #plain: FileMetaData;
  readonly #columns: ReadonlyMap<number | string, StoredColumn>;

  private constructor(store: ObjectStore, file: ParquetFile, { metadata, whole }: OpenFile) {
    this.#store = store;
    this.#file = file;
    this.#metadata = metadata;
    this.#whole = whole;
    this.#plain = plainTypes(mapsAsStructs(metadata));
    this.#columns = storedColumns(metadata);
  }

  /**
   * `footerBytes`: fetch so many bytes of the end first, and of small files too only the columns that are asked for.
   * Throws StoreError as the store does, and ParquetFault where the file is not readable as Parquet.
   */
  static async open(
    store: ObjectStore,
    file: ParquetFile,
    options: { readonly footerBytes?: number } = {},
  ): Promise<ColumnReader> {
    return new ColumnReader(store, file, await openFile(store, file, options));
  }

  get footer(): FileMetaData {
    return this.#metadata;
  }

  /** Gives the memory of the file back, and reads nothing more of it. */
  close(): void {
    if (this.#whole !== undefined) giveBack(new Uint8Array(this.#whole));
    this.#whole = undefined;
  }

  /** Rows of each row group. */
  get rowGroups(): readonly number[] {
    return this.#metadata.row_groups.map((group) => Number(group.num_rows));
  }

  /** Whether the file may have values, other than null, in this field. */
  mayHold(id: number): boolean {
    const name = this.#columns.get(id)?.name;
    return this.#metadata.row_groups.some(({ columns }) =>
      columns.some(
        ({ meta_data: chunk }) =>
          chunk !== undefined &&
          chunk.path_in_schema[0] === name &&
          !(chunk.path_in_schema.length === 1 && chunk.statistics?.null_count === chunk.num_values),
      ),
    );
  }

  /** Why the values of a carried column cannot be moved to the form that the table has of it; undefined where they can. */
  whyNotCarried(column: FileColumn, names: ReadonlyMap<string, number>): string | undefined {
    const stored = findColumn(this.#columns, column, names);
    if (stored === undefined || column.carried === undefined) return undefined;
    try {
      assemblyOf(column.carried, storedTree(stored.elements));
      return undefined;
    } catch (error) {
      if (error instanceof NotCarried) return error.message;
      throw error;
    }
  }

  /**
   * Appends a row group to `table`. `columns` tells the field ids of the table's columns, `names` which ids a file
   * without ids has under which names (the table's name mapping). After an error the table is of no use any more.
   */
  async append(
    table: KernelTable,
    rowGroup: number,
    columns: ReadonlyMap<string, FileColumn>,
    { names }: { readonly names?: ReadonlyMap<string, number> } = {},
  ): Promise<void> {
    const start = this.rowGroups.slice(0, rowGroup).reduce((sum, rows) => sum + rows, 0);
    const rows = this.rowGroups[rowGroup]!;
    const wanted = table.columns.flatMap(({ declaration, column }) => {
      const wantedColumn = columns.get(declaration.name)!;
      const stored = findColumn(this.#columns, wantedColumn, names);
      return stored === undefined ? [] : [{ declaration, column, stored, carried: wantedColumn.carried }];
    });
    const part = await this.#download(rowGroup, new Set(wanted.map(({ stored }) => stored.name)));
    const base = table.rows;
    let scan: ParquetScan | undefined;
    for (const { declaration, column, stored, carried } of wanted) {
      await naming(this.#file, `read column ${declaration.name} of`, async () => {
        column.pad(base);
        if (carried !== undefined) {
          this.#appendCarried(part, rowGroup, stored, carried, column, { base, rows });
          return;
        }
        const shape = shapesOf(stored, declaration.type);
        if (shape === undefined || !this.#decode(part, rowGroup, stored, shape, column)) {
          scan ??= await parquetScan({
            file: part.source,
            metadata: this.#plain,
            columns: wanted.map((one) => one.stored.name),
            rowStart: start,
            rowEnd: start + rows,
            useOffsetIndex: false,
            utf8: false,
            compressors,
            parsers,
          });
          const values = await scan.readColumn({ column: stored.name, rowStart: start, rowEnd: start + rows });
          if (values.length !== rows) throw new Error(`${values.length} values in ${rows} rows`);
          const convert = conversionOf(declaration.type, stored);
          for (let row = 0; row < rows; row++) {
            const value = (values as ArrayLike<unknown>)[row];
            if (value !== null && value !== undefined) column.append(convert(value), base + row);
          }
          column.pad(base + rows);
        }
        if (column.length !== base + rows) throw new RangeError(`${column.length - base} slots in ${rows} rows`);
      });
    }
    part.release();
    this.#appendConstants(table, columns, names, rows);
    table.endRows(rows);
  }

  /** In the columns that the file lacks. */
  #appendConstants(
    table: KernelTable,
    columns: ReadonlyMap<string, FileColumn>,
    names: ReadonlyMap<string, number> | undefined,
    rows: number,
  ): void {
    if (this.#file.constants === undefined) return;
    for (const { declaration, column } of table.columns) {
      const wanted = columns.get(declaration.name)!;
      const value = this.#file.constants.get(wanted.id);
      if (value === undefined || findColumn(this.#columns, wanted, names) !== undefined) continue;
      for (let row = table.rows; row < table.rows + rows; row++) column.append(value, row);
    }
  }

  /** The fast path: what all writers use nearly always. false where nothing was appended and hyparquet has to do it. */
  #decode(
    part: DownloadedPart,
    rowGroup: number,
    stored: StoredColumn,
    shapes: readonly LeafShape[],
    column: KernelColumn,
  ): boolean {
    const chunks = this.#chunksOf(rowGroup, stored);
    if (chunks.length !== shapes.length) return false;
    const leaves: ReadableChunk[] = [];
    for (const [index, { meta_data: chunk }] of chunks.entries()) {
      const compressed = this.#compressed(part, chunk);
      if (chunk === undefined || compressed === undefined) return false;
      const leaf: LeafChunk = {
        ...compressed,
        type: chunk.type,
        shape: shapes[index]!,
        givesOwn: nativeCodecs.has(chunk.codec),
      };
      const pages = readablePages(leaf);
      if (pages === undefined) return false;
      leaves.push({ ...leaf, pages });
    }
    const { elements, keys } = column;
    if (elements === undefined) appendChunk(leaves[0]!, { column });
    else if (keys === undefined) appendChunk(leaves[0]!, { column: elements, owner: column });
    else {
      appendChunk(leaves[1]!, { column: elements });
      appendChunk(leaves[0]!, { column: keys, owner: column });
      if (keys.length !== elements.length)
        throw new RangeError(`a map has ${keys.length} keys and ${elements.length} values`);
    }
    return true;
  }

  #chunksOf(rowGroup: number, { name }: StoredColumn) {
    return this.#metadata.row_groups[rowGroup]!.columns.filter(
      ({ meta_data: chunk }) => chunk?.path_in_schema[0] === name,
    );
  }

  /** undefined where nothing here decompresses it. */
  #compressed({ bytes }: DownloadedPart, chunk: ColumnChunkMetaData | undefined) {
    const decompress = chunk && decompressor(chunk.codec);
    if (chunk === undefined || decompress === undefined) return undefined;
    const [start, end] = chunkRange(chunk);
    return { bytes: bytes(start, Math.min(end, this.#file.size)), entries: Number(chunk.num_values), decompress };
  }

  #appendCarried(
    part: DownloadedPart,
    rowGroup: number,
    stored: StoredColumn,
    field: CarriedField,
    column: KernelColumn,
    { base, rows }: { readonly base: number; readonly rows: number },
  ): void {
    const tree = storedTree(stored.elements);
    const assembly = assemblyOf(field, tree);
    const chunks = this.#chunksOf(rowGroup, stored);
    const leaves = storedLeaves(tree);
    if (chunks.length !== leaves.length) throw new RangeError(`${chunks.length} chunks for ${leaves.length} leaves`);
    const cursors = chunks.map(({ meta_data: chunk }, i) => {
      const compressed = this.#compressed(part, chunk);
      if (compressed === undefined) throw new Error(`a column chunk is compressed by ${chunk?.codec}`);
      const { definition: maxDefinition, repetition: maxRepetition, ...leaf } = leaves[i]!;
      return new LeafCursor({ ...leaf, ...compressed, maxDefinition, maxRepetition });
    });
    const packed = new PackedWriter();
    for (let row = 0; row < rows; row++) {
      packed.clear();
      if (assembly.row(cursors, packed)) column.append(packed.bytes, base + row);
    }
    if (!cursors.every(({ isAtEnd }) => isAtEnd)) throw new RangeError(`a chunk has more than its ${rows} rows`);
    column.pad(base + rows);
  }

  /** The bytes of these columns, fetched at once in as few requests as their places allow. */
  async #download(rowGroup: number, columns: ReadonlySet<string>): Promise<DownloadedPart> {
    const parts =
      this.#whole === undefined ? await this.#readChunks(rowGroup, columns) : [{ start: 0, bytes: this.#whole }];
    const within = (from: number, to: number): Uint8Array | undefined => {
      const part = parts.find(({ start, bytes }) => from >= start && to <= start + bytes.byteLength);
      return part && new Uint8Array(part.bytes, from - part.start, to - from);
    };
    const source: AsyncBuffer = {
      byteLength: this.#file.size,
      slice: (from, to = this.#file.size) =>
        within(from, to)?.slice().buffer ?? readRange(this.#store, this.#file, from, to),
    };
    const bytes = (from: number, to: number): Uint8Array => {
      const some = within(from, to);
      if (some === undefined) throw new RangeError(`a column chunk from ${from} to ${to} was not asked for`);
      return some;
    };
    const release = (): void => {
      for (const part of parts) if (part.bytes !== this.#whole) giveBack(new Uint8Array(part.bytes));
    };
    return { source, bytes, release };
  }

  async #readChunks(rowGroup: number, columns: ReadonlySet<string>): Promise<{ start: number; bytes: ArrayBuffer }[]> {
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
    return Promise.all(
      merged.map(async ({ start, end }) => ({
        start,
        bytes: await readRange(this.#store, this.#file, start, Math.min(end, this.#file.size)),
      })),
    );
  }
}

/** The chunks of a row group that were asked for. */
interface DownloadedPart {
  /** For hyparquet, which may want more. */
  readonly source: AsyncBuffer;
  /** Of one of the chunks; shares memory with the others. */
  bytes(from: number, to: number): Uint8Array;
  /** Gives their memory back, unless the file was fetched whole. */
  release(): void;
}

/** Some writers give a dictionary page that is not there the offset 0. */
function chunkRange(chunk: ColumnChunkMetaData): [start: number, end: number] {
  const data = Number(chunk.data_page_offset);
  const start = Math.min(Number(chunk.dictionary_page_offset || chunk.data_page_offset), data);
  return [start, start + Number(chunk.total_compressed_size)];
}

/** What Node decompresses: into new memory, which the portable decoders may not. */
const nativeCodecs: ReadonlySet<string> = new Set(['ZSTD', 'GZIP']);

function decompressor(codec: ColumnChunkMetaData['codec']): LeafChunk['decompress'] | undefined {
  if (codec === 'UNCOMPRESSED') return (body) => body;
  const decompress = compressors[codec];
  return (
    decompress &&
    ((body, size) => {
      const page = decompress(body, size);
      if (page.length !== size) throw new RangeError(`a page has ${page.length} bytes, and ${size} by its header`);
      return page;
    })
  );
}
