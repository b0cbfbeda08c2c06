/**
 * Reads the rows of a table (a table scan): live files first, then their rows. All code that looks at rows of a table
 * goes through `fileRows`, so that one place decides which rows of a data file are live, and which of its columns is
 * which: by field id (Iceberg spec, "Column Projection"), under the names that the table has, or had, for them. What reads columns
 * instead of rows leaves out what `deletedRows` says.
 *
 * Rows come one row group at a time: a promise per row would cost more than reading the row.
 */
import { type FieldRef, type ParquetFile, type ReadOptions, type Row, readRows } from '../parquet/read/row-reader.ts';
import type { ObjectStore } from '../store/store.ts';
import type { LoadedTable } from './catalog.ts';
import type { DataFile } from './data-file.ts';
import { deletedRows, fieldRef } from './deleted-rows.ts';
import type { TableMetadata } from './metadata.ts';
import { namesOf } from './name-mapping.ts';
import { type FileFilter, type LiveFile, liveFiles } from './scan.ts';
import { fieldsByName } from './schema.ts';

/** Which files to read, and which of their columns. The filter leaves out files, never single rows. */
export interface RowScan extends FileFilter, RowOptions {}

export interface RowOptions extends ReadOptions {
  /** Rows that row-level deletes take are read too. */
  readonly withDeleted?: boolean;
}

/** Throws what liveFiles and fileRows throw. */
export async function* scanRows(
  store: ObjectStore,
  { metadata }: Pick<LoadedTable, 'metadata'>,
  scan: RowScan = {},
): AsyncGenerator<Row[], void, undefined> {
  for await (const file of liveFiles(store, metadata, scan)) yield* fileRows(store, metadata, file, scan);
}

/** The live rows of one data file in file order. Throws what readRows and deletedRows throw. */
export async function* fileRows(
  store: ObjectStore,
  metadata: TableMetadata,
  file: ReadFile,
  { columns, withDeleted = false }: RowOptions = {},
): AsyncGenerator<Row[], void, undefined> {
  const fields = fieldsByName(metadata);
  const wanted = (columns ?? [...fields.keys()]).map((name) => ({ ...(fields.get(name) ?? noField), name }));
  const dropped = withDeleted ? undefined : await deletedRows(store, metadata, file);
  yield* storedRows(store, metadata, file, wanted.map(fieldRef), dropped);
}

/** The rows of one data file by their columns' field ids, deleted ones among them unless `dropped` leaves them out. */
export function storedRows(
  store: ObjectStore,
  metadata: TableMetadata,
  file: Pick<LiveFile, 'path' | 'fileSize'>,
  columns: readonly FieldRef[],
  dropped?: Uint8Array,
): AsyncGenerator<Row[], void, undefined> {
  return readRows(store, asParquet(file), { columns, names: namesOf(metadata), dropped });
}

/** What of a live file its rows are read by. */
export type ReadFile = Pick<LiveFile, 'path' | 'fileSize' | 'recordCount' | 'deletes'>;

/** A column that the table lacks is null in all of its rows: no field has an id below zero. */
const noField = { id: -1, type: 'string' };

/** The rows of a file of our own that no snapshot lists yet: all of them are live. */
export const stagedRows = (
  store: ObjectStore,
  { path, fileSize }: DataFile,
  columns: readonly string[],
): AsyncGenerator<Row[], void, undefined> => readRows(store, { uri: path, size: fileSize }, { columns });

/** A live file as the Parquet readers name it. */
export const asParquet = ({ path, fileSize }: Pick<LiveFile, 'path' | 'fileSize'>): ParquetFile => ({
  uri: path,
  size: fileSize,
});
