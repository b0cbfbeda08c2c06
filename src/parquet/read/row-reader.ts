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
import { compressors as portable } from 'hyparquet-compressors';
import type { Scalar, Value } from '../../columns/types.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';

export interface ParquetFile {
  readonly uri: string;
  readonly size: number;
  /** Where given, reading fails once the object is another. */
  readonly etag?: string;
}

export interface ReadOptions {
  /** Top-level columns by name, all by default. Those that the file lacks come as null. */
  readonly columns?: readonly string[];
}

export type Row = Record<string, Value>;

/** Files up to this size are fetched in one request. */
const wholeFileBytes = 4 << 20;
const footerBytes = 256 << 10;

/** Throws StoreError as the store does, and Error naming the file where it is not readable as Parquet. */
export async function readFooter(store: ObjectStore, file: ParquetFile): Promise<FileMetaData> {
  return (await openFile(store, file)).metadata;
}

/** The rows in file order, one row group at a time. Throws as readFooter does. */
export async function* readRows(
  store: ObjectStore,
  file: ParquetFile,
  options: ReadOptions = {},
): AsyncGenerator<Row[], void, undefined> {
  const { source, metadata } = await openFile(store, file);
  const stored = topLevel(metadata);
  const columns = (options.columns ?? [...stored.keys()]).map((name) => ({ name, kind: stored.get(name) }));
  const present = columns.filter((column) => column.kind !== undefined).map((column) => column.name);
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
    rowStart = rowEnd;
    yield raw.map((row: Record<string, unknown>) => {
      const values: [string, Value][] = columns.map(({ name, kind }) => [name, toValue(row[name], kind)]);
      return Object.fromEntries(values);
    });
  }
}

export async function openFile(
  store: ObjectStore,
  file: ParquetFile,
): Promise<{ source: AsyncBuffer; metadata: FileMetaData }> {
  const source = await asyncBuffer(store, file);
  const options = { initialFetchSize: Math.min(file.size, footerBytes), parsers, geoparquet: false };
  return { source, metadata: await naming(file, 'open', () => parquetMetadataAsync(source, options)) };
}

export async function naming<T>(file: ParquetFile, doing: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot ${doing} the Parquet file ${file.uri}: ${reason}`, { cause: error });
  }
}

async function asyncBuffer(store: ObjectStore, file: ParquetFile): Promise<AsyncBuffer> {
  const byteLength = file.size;
  if (byteLength > wholeFileBytes) {
    return { byteLength, slice: (start, end = byteLength) => readRange(store, file, start, end) };
  }
  const whole = await readRange(store, file, 0, byteLength);
  return { byteLength, slice: (start, end) => whole.slice(start, end) };
}

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
    ...(file.etag !== undefined && { ifMatch: file.etag }),
  });
  let filled = 0;
  for await (const chunk of chunks) {
    if (filled + chunk.length > bytes.length) throw sizeMismatch(file, 'more');
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled < bytes.length) throw sizeMismatch(file, 'less');
  return bytes.buffer;
}

function sizeMismatch(file: ParquetFile, what: string): StoreError {
  return new StoreError('other', file.uri, `the object gave ${what} than the ${file.size} bytes it should have`);
}

/** Native code where Node has it; the rest for files of other engines. */
export const compressors: Compressors = {
  ...portable,
  ZSTD: (input) => zstdDecompressSync(input),
  GZIP: (input) => gunzipSync(input),
};

export const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis) => millis * 1000n,
  timestampFromMicroseconds: (micros) => micros,
  timestampFromNanoseconds: (nanos) => nanos / 1000n,
  dateFromDays: (days) => days,
  // TextDecoder, the default, would drop a leading byte order mark.
  stringFromBytes: (bytes: Uint8Array | undefined) =>
    bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
};

type ColumnKind = 'scalar' | 'list' | 'map';

function topLevel(metadata: FileMetaData): ReadonlyMap<string, ColumnKind> {
  const kinds = new Map<string, ColumnKind>();
  for (let index = 1; index < metadata.schema.length; ) {
    const element = metadata.schema[index]!;
    kinds.set(element.name, element.num_children === undefined ? 'scalar' : isMap(element) ? 'map' : 'list');
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
  if (kind === 'list') return Array.from(value as ArrayLike<Scalar | null | undefined>, (item) => item ?? null);
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
