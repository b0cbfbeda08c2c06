/**
 * Reads Parquet files, our own and other engines', back into the values of columns/types.ts. Values come exact: 64-bit
 * integers and timestamps (microseconds) as bigint, map entries as pairs in file order, nulls as null. Codecs: none,
 * snappy, gzip, zstd and brotli; what hyparquet cannot decode is an error, never a wrong value.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet';
import type { Scalar, Value } from '../../columns/types.ts';
import { DamagedObject, type ObjectStore, StoreError } from '../../store/store.ts';
import { ParquetFault } from './fault.ts';
import { findColumn, storedColumns } from './stored-column.ts';

export interface ParquetFile {
  readonly uri: string;
  readonly size: number;
  /** Where given, reading fails once the object is another. */
  readonly etag?: string;
  /** By field id, what all of its rows have in columns that it lacks, in place of what the column says. */
  readonly constants?: ReadonlyMap<number, Scalar>;
}

export interface ReadOptions {
  /** Top-level columns by name, all by default. Those that the file lacks come as null. */
  readonly columns?: readonly string[];
}

/** A column as the table has it (Iceberg spec, "Column Projection"). */
export interface FieldRef {
  /** What rows show it as. */
  readonly name: string;
  readonly id: number;
  /** Values that the file has as int are given as long. */
  readonly isLong?: boolean;
  /** What rows of a file without it have. Default: null. */
  readonly missing?: Value;
}

export interface RowReading {
  /** All columns of the file under their own names, unless told otherwise; those that the file lacks come as null. */
  readonly columns?: readonly (string | FieldRef)[];
  /** Ids of columns by name, for files that carry none (the table's name mapping). */
  readonly names?: ReadonlyMap<string, number>;
  /** Rows with 1 are left out. */
  readonly dropped?: Uint8Array | undefined;
}

export type Row = Record<string, Value>;

/** Files up to this size are fetched in one request. */
export const wholeFileBytes = 4 << 20;
const footerBytes = 256 << 10;

/** Throws StoreError as the store does, and ParquetFault where the file is not readable as Parquet. */
export async function readFooter(store: ObjectStore, file: ParquetFile): Promise<FileMetaData> {
  return (await openFile(store, file)).metadata;
}

/**
 * The rows in file order, one row group at a time; `opened` is the file where it is open, or being opened, already. Throws
 * as readFooter does.
 */
export async function* readRows(
  store: ObjectStore,
  file: ParquetFile,
  { columns: wanted, names, dropped }: RowReading = {},
  opened?: Promise<OpenFile>,
): AsyncGenerator<Row[], void, undefined> {
  const { source, metadata } = await (opened ?? openFile(store, file));
  const kinds = topLevel(metadata);
  const columns = (wanted ?? [...kinds.keys()]).map((column) => shownColumn(column, file, metadata, { kinds, names }));
  const present = columns.flatMap(({ stored }) => stored ?? []);
  const readable = mapsAsStructs(metadata);
  let rowStart = 0;
  for (const rowGroup of metadata.row_groups) {
    const rowEnd = rowStart + Number(rowGroup.num_rows);
    const raw =
      present.length === 0
        ? Array.from({ length: rowEnd - rowStart }, () => ({}))
        : await naming(file, 'read', () =>
            parquetReadObjects({
              file: source,
              metadata: readable,
              columns: present,
              rowStart,
              rowEnd,
              compressors,
              parsers,
            }),
          );
    const first = rowStart;
    rowStart = rowEnd;
    const live = dropped === undefined ? raw : raw.filter((_, row) => dropped[first + row] !== 1);
    yield live.map((row: Record<string, unknown>) => {
      const values: [string, Value][] = columns.map(({ name, stored, missing, convert }) => [
        name,
        stored === undefined ? missing : convert(row[stored]),
      ]);
      return Object.fromEntries(values);
    });
  }
}

interface ShownColumn {
  readonly name: string;
  /** undefined where the file lacks it. */
  readonly stored: string | undefined;
  readonly missing: Value;
  readonly convert: (value: unknown) => Value;
}

function shownColumn(
  column: string | FieldRef,
  { constants }: ParquetFile,
  metadata: FileMetaData,
  { kinds, names }: { readonly kinds: ReadonlyMap<string, ColumnKind>; readonly names: RowReading['names'] },
): ShownColumn {
  const isField = typeof column === 'object';
  const name = isField ? column.name : column;
  const stored = isField ? findColumn(storedColumns(metadata), column, names)?.name : column;
  const kind = stored === undefined ? undefined : kinds.get(stored);
  const toLong = isField && column.isLong === true;
  return {
    name,
    stored: kind === undefined ? undefined : stored,
    missing: (isField ? (constants?.get(column.id) ?? column.missing) : undefined) ?? null,
    convert: (value) => (toLong && typeof value === 'number' ? BigInt(value) : toValue(value, kind)),
  };
}

export interface OpenFile {
  readonly source: AsyncBuffer;
  readonly metadata: FileMetaData;
  /** All of its bytes, where they were fetched in one request. */
  readonly whole: ArrayBuffer | undefined;
}

export async function openFile(
  store: ObjectStore,
  file: ParquetFile,
  { footerBytes: first }: { readonly footerBytes?: number } = {},
): Promise<OpenFile> {
  const isWhole = first === undefined && file.size <= wholeFileBytes;
  const whole = isWhole ? await readRange(store, file, 0, file.size) : undefined;
  const source: AsyncBuffer =
    whole === undefined
      ? rangesOf(store, file)
      : { byteLength: file.size, slice: (start, end) => whole.slice(start, end) };
  const options = { initialFetchSize: Math.min(file.size, first ?? footerBytes), parsers, geoparquet: false };
  const metadata = await naming(file, 'open', () => parquetMetadataAsync(source, options));
  await loadCodecs(metadata);
  return { source, whole, metadata };
}

export async function naming<T>(file: ParquetFile, doing: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ParquetFault(file.uri, doing, reason, error);
  }
}

const rangesOf = (store: ObjectStore, file: ParquetFile): AsyncBuffer => ({
  byteLength: file.size,
  slice: (start, end = file.size) => readRange(store, file, start, end),
});

/** All of the range, or an error. */
export async function readRange(
  store: ObjectStore,
  file: ParquetFile,
  start: number,
  end: number,
): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  const { chunks } = await store.get(file.uri, {
    range: [start, end],
    into: bytes,
    ...(file.etag !== undefined && { ifMatch: file.etag }),
  });
  let filled = 0;
  for await (const chunk of chunks) {
    if (filled + chunk.length > bytes.length) throw sizeMismatch(file, 'more');
    const isInPlace = chunk.buffer === bytes.buffer && chunk.byteOffset === filled;
    if (!isInPlace) bytes.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled < bytes.length) throw sizeMismatch(file, 'less');
  return bytes.buffer;
}

function sizeMismatch(file: ParquetFile, what: string): DamagedObject {
  return new DamagedObject(file.uri, `the object gave ${what} than the ${file.size} bytes it should have`);
}

type Decompress = NonNullable<Compressors[keyof Compressors]>;

/** A page of no bytes is stored as it pleases its writer. */
const unlessEmpty =
  (decompress: Decompress): Decompress =>
  (input, size) =>
    size === 0 ? new Uint8Array(0) : decompress(input, size);

/** Native code where Node has it. The others, for files of other engines, come with the first file that needs them. */
export const compressors: Compressors = {
  // Room for all of it and a little more, so that it is decompressed in one go.
  ZSTD: unlessEmpty((input, size) => zstdDecompressSync(input, { chunkSize: Math.max(64, size + 16) })),
  GZIP: unlessEmpty((input) => gunzipSync(input)),
};

async function loadCodecs({ row_groups: groups }: FileMetaData): Promise<void> {
  const isKnown = (codec: keyof Compressors | undefined): boolean =>
    codec === undefined || codec === 'UNCOMPRESSED' || compressors[codec] !== undefined;
  if (groups.every(({ columns }) => columns.every(({ meta_data: chunk }) => isKnown(chunk?.codec)))) return;
  const { compressors: portable } = await import('hyparquet-compressors');
  for (const [codec, decompress] of Object.entries(portable) as [keyof Compressors, Decompress][])
    compressors[codec] ??= unlessEmpty(decompress);
}

export const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis) => millis * 1000n,
  timestampFromMicroseconds: (micros) => micros,
  timestampFromNanoseconds: (nanos) => nanos / 1000n,
  dateFromDays: (days) => days,
  // TextDecoder, the default, would drop a leading byte order mark.
  stringFromBytes: (bytes: Uint8Array | undefined) =>
    bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
};

type ColumnKind = 'scalar' | 'group' | 'map';

function topLevel(metadata: FileMetaData): ReadonlyMap<string, ColumnKind> {
  const kinds = new Map<string, ColumnKind>();
  for (let index = 1; index < metadata.schema.length; ) {
    const element = metadata.schema[index]!;
    kinds.set(element.name, element.num_children === undefined ? 'scalar' : isMap(element) ? 'map' : 'group');
    for (let open = 1; open > 0; index++) open += (metadata.schema[index]!.num_children ?? 0) - 1;
  }
  return kinds;
}

const isMap = (element: FileMetaData['schema'][number]): boolean =>
  element.logical_type?.type === 'MAP' ||
  element.converted_type === 'MAP' ||
  element.converted_type === 'MAP_KEY_VALUE';

/** hyparquet makes objects of maps, which lose order and repeated keys; as structs of one list they keep both. */
export function mapsAsStructs(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    if (!isMap(element) || element.repetition_type === 'REPEATED') return element;
    const { logical_type: _logical, converted_type: _converted, ...rest } = element;
    return rest;
  });
  return { ...metadata, schema };
}

function toValue(value: unknown, kind: ColumnKind | undefined): Value {
  if (value === undefined || value === null) return null;
  // A list, or a struct of another engine, which stays as it comes.
  if (kind === 'group' && Array.isArray(value)) return value.map((item) => item ?? null);
  if (kind === 'map') {
    const [entries] = Object.values(value as Record<string, Record<string, Scalar | null | undefined>[]>);
    return (entries ?? []).map(toPair);
  }
  return value as Scalar;
}

/** Writers name the two parts differently, but the key always comes first. */
function toPair(entry: Record<string, Scalar | null | undefined>): readonly [string, Scalar | null] {
  const [key, value] = Object.values(entry);
  return [key as string, value ?? null];
}
