/**
 * Reads the rows of a table (a table scan): live files first, then their rows. All code that looks at rows of a table
 * goes through `fileRows`, so that one place decides which rows of a data file are live, and which of its columns is
 * which: by field id (Iceberg spec, "Column Projection"), under the names that the table has, or had, for them. What reads columns
 * instead of rows leaves out what `deletedRows` says.
 *
 * Rows come one row group at a time: a promise per row would cost more than reading the row.
 */
import {
  type FieldRef,
  type OpenFile,
  openFile,
  type ReadOptions,
  type Row,
  readRows,
  wholeFileBytes,
} from '../parquet/read/row-reader.ts';
import { ahead } from '../store/prefetch.ts';
import type { ObjectStore } from '../store/store.ts';
import type { LoadedTable } from './catalog.ts';
import type { DataFile } from './data-file.ts';
import { deletedRows, fieldRef } from './deleted-rows.ts';
import type { TableMetadata } from './metadata.ts';
import { namesOf } from './name-mapping.ts';
import { asParquet, type FileFilter, type LiveFile, liveFiles } from './scan.ts';
import { fieldsByName } from './schema.ts';

/** Which files to read, and which of their columns. The filter leaves out files, never single rows. */
export interface RowScan extends FileFilter, RowOptions {}

export interface RowOptions extends ReadOptions {
  /** Rows that row-level deletes take are read too. */
  readonly withDeleted?: boolean;
}

/** Bytes of files that are opened before their turn: many small ones come as fast as a large one. */
const openedAhead = 8 << 20;
/** What each of them takes besides: its footer as objects, a file descriptor or a connection. */
const openFileBytes = 64 << 10;

/** Throws what liveFiles and fileRows throw. */
export async function* scanRows(
  store: ObjectStore,
  { metadata }: Pick<LoadedTable, 'metadata'>,
  scan: RowScan = {},
): AsyncGenerator<Row[], void, undefined> {
  const weightOf = ({ file }: { readonly file: LiveFile }): number =>
    Math.min(file.fileSize, wholeFileBytes) + openFileBytes;
  for await (const { file, opened } of ahead(openedFiles(store, metadata, scan), openedAhead, weightOf))
    yield* fileRows(store, metadata, file, scan, opened);
}

async function* openedFiles(store: ObjectStore, metadata: TableMetadata, filter: FileFilter) {
  for await (const file of liveFiles(store, metadata, filter)) {
    const opened = openFile(store, asParquet(file));
    // The failure is for its reader to see, who may never come.
    opened.catch(() => {});
    yield { file, opened };
  }
}

/** The live rows of one data file in file order. Throws what readRows and deletedRows throw. */
export async function* fileRows(
  store: ObjectStore,
  metadata: TableMetadata,
  file: ReadFile,
  { columns, withDeleted = false }: RowOptions = {},
  opened?: Promise<OpenFile>,
): AsyncGenerator<Row[], void, undefined> {
  const fields = fieldsByName(metadata);
  const wanted = (columns ?? [...fields.keys()]).map((name) => ({ ...(fields.get(name) ?? noField), name }));
  const dropped = withDeleted ? undefined : await deletedRows(store, metadata, file);
  yield* storedRows(store, metadata, file, wanted.map(fieldRef), dropped, opened);
}

/** The rows of one data file by their columns' field ids, deleted ones among them unless `dropped` leaves them out. */
export function storedRows(
  store: ObjectStore,
  metadata: TableMetadata,
  file: Pick<LiveFile, 'path' | 'fileSize' | 'constants'>,
  columns: readonly FieldRef[],
  dropped?: Uint8Array,
  opened?: Promise<OpenFile>,
): AsyncGenerator<Row[], void, undefined> {
  return readRows(store, asParquet(file), { columns, names: namesOf(metadata), dropped }, opened);
}

/** What of a live file its rows are read by. */
export type ReadFile = Pick<LiveFile, 'path' | 'fileSize' | 'recordCount' | 'deletes' | 'constants'>;

/** A column that the table lacks is null in all of its rows: no field has an id below zero. */
const noField = { id: -1, type: 'string' };

/** The rows of a file of our own that no snapshot lists yet: all of them are live. */
export const stagedRows = (
  store: ObjectStore,
  { path, fileSize }: DataFile,
  columns: readonly string[],
): AsyncGenerator<Row[], void, undefined> => readRows(store, { uri: path, size: fileSize }, { columns });
