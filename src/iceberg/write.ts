/**
 * Writing data files: columns become Parquet files in the store and the DataFiles that a commit can add.
 * The name of a file holds a digest of its bytes, so writing the same rows again, after a crash or by two workers at
 * once, gives the same object with the same content, and no file that a snapshot holds is ever overwritten by another.
 */
import { createHash } from 'node:crypto';
import type { ColumnBatch } from '../columns/batch.ts';
import type { DayFile, DayFilesRequest } from '../parquet/write/day-files.ts';
import type { ObjectStore } from '../store/store.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { partitionColumn } from '../tables/declaration.ts';
import type { LoadedTable } from './catalog.ts';
import { type DataFile, dataFile } from './data-file.ts';
import { fileColumns } from './schema.ts';

export interface FileTarget {
  readonly store: ObjectStore;
  /** The table as loaded, evolved to `declaration`. */
  readonly table: LoadedTable;
  readonly declaration: TableDeclaration;
  /** First part of the files' names. */
  readonly label: string;
}

/** How files are cut and compressed. */
export interface FileOptions {
  readonly fileRows: number;
  readonly rowGroupRows: number;
  readonly compressionLevel: number;
}

/** The columns carry the field ids of the table's schema. */
export const dayFilesRequest = (
  table: LoadedTable,
  declaration: TableDeclaration,
  batch: ColumnBatch,
  { fileRows, rowGroupRows, compressionLevel }: FileOptions,
): DayFilesRequest => ({
  batch,
  columns: fileColumns(table.metadata, declaration),
  sortedBy: declaration.sortedBy,
  bloomColumns: declaration.bloomColumns,
  partitionColumn,
  fileRows,
  rowGroupRows,
  compressionLevel,
});

export async function storeDataFile(target: FileTarget, day: DayFile): Promise<DataFile> {
  const { file, stored } = beginDataFile(target, day);
  await stored;
  return file;
}

/** The same with the upload under way, whose failure reaches the code that waits for it. */
export function beginDataFile(
  target: FileTarget,
  { ymd, encoded }: DayFile,
): { readonly file: DataFile; readonly stored: Promise<unknown> } {
  const { store, table, declaration, label } = target;
  const digest = createHash('sha256');
  for (const chunk of encoded.chunks) digest.update(chunk);
  const path = `${table.metadata.location}/data/${partitionColumn}=${ymd}/${label}-${digest.digest('hex').slice(0, 16)}.parquet`;
  const stored = store.put(path, encoded.chunks, { contentType: 'application/vnd.apache.parquet' });
  stored.catch(() => {});
  return { file: dataFile({ path, ymd, encoded, metadata: table.metadata, declaration }), stored };
}
