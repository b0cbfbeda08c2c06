/**
 * Reads the rows of a table (a table scan): live files first, then their rows. All code that looks at rows of a table
 * goes through `fileRows`, so that one place decides which rows of a data file are live. Today all of them are, because
 * a table with row-level deletes is refused before any of its rows is read.
 *
 * Rows come one row group at a time: a promise per row would cost more than reading the row.
 */
import { type ParquetFile, type ReadOptions, type Row, readRows } from '../parquet/read/row-reader.ts';
import type { ObjectStore } from '../store/store.ts';
import type { LoadedTable } from './catalog.ts';
import { type FileFilter, type LiveFile, liveFiles } from './scan.ts';

/** Which files to read, and which of their columns. The filter leaves out files, never single rows. */
export interface RowScan extends FileFilter, ReadOptions {}

/** Throws what liveFiles (DeleteFilesPresent among it) and readRows throw. */
export async function* scanRows(
  store: ObjectStore,
  { metadata }: Pick<LoadedTable, 'metadata'>,
  scan: RowScan = {},
): AsyncGenerator<Row[], void, undefined> {
  for await (const file of liveFiles(store, metadata, scan)) yield* fileRows(store, file, scan);
}

/** The live rows of one data file in file order: the first one has position 0. Throws what readRows throws. */
export function fileRows(
  store: ObjectStore,
  file: LiveFile,
  options: ReadOptions = {},
): AsyncGenerator<Row[], void, undefined> {
  return readRows(store, asParquet(file), options);
}

/** A live file as the Parquet readers name it. */
export const asParquet = ({ path, fileSize }: LiveFile): ParquetFile => ({ uri: path, size: fileSize });
