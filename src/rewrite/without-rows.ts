/** Data files written anew without some of their rows, for what removes rows of few objects or people from a table. */
import { withoutDropped } from '../columns/batch.ts';
import type { LoadedTable } from '../iceberg/catalog.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { asParquet, type LiveFile } from '../iceberg/scan.ts';
import type { FileOptions } from '../iceberg/write.ts';
import { storeDataFile } from '../iceberg/write.ts';
import { KernelTable } from '../kernel/table.ts';
import { allRows } from '../parquet/encoder.ts';
import { ColumnReader } from '../parquet/read/column-reader.ts';
import { ColumnarFileWriter } from '../parquet/write/encoder.ts';
import type { ObjectStore } from '../store/store.ts';
import { type CompactionTable, expectWritten } from './stored-table.ts';

/** First part of the names of compacted files. No other writer names its files so. */
export const compactedPrefix = 'compacted-';

/** Whether a file has the name that compaction gives. */
export const hasCompactedName = ({ path }: Pick<LiveFile, 'path'>): boolean =>
  path.slice(path.lastIndexOf('/') + 1).startsWith(compactedPrefix);

export interface WithoutRowsOptions {
  readonly store: ObjectStore;
  readonly output: Pick<FileOptions, 'rowGroupRows' | 'compressionLevel'>;
  /** First part of the new file's name, unless the old one is compacted: taking rows away makes no duplicates. */
  readonly prefix: string;
  /** Goes into the name, which no other run may give: what a dead one has left may be on its way out. */
  readonly uuid: () => string;
}

/** A file by its place in the table. */
export type PlacedFile = Pick<LiveFile, 'path' | 'fileSize' | 'recordCount' | 'sortOrderId' | 'constants'> & {
  readonly ymd: string;
};

/**
 * The file without the rows that `dropped` has a 1 for, everything else of it as it was (order, place in compaction);
 * undefined where none is left. Throws ColumnNotWritten. Holds one row group at a time, and the compressed bytes of the new file.
 */
export async function withoutRows(
  { store, output, prefix, uuid }: WithoutRowsOptions,
  loaded: LoadedTable,
  table: CompactionTable,
  file: PlacedFile,
  dropped: Uint8Array,
): Promise<DataFile | undefined> {
  const { declaration, columns, names } = table;
  const writer = new ColumnarFileWriter({
    columns: declaration.columns.map(({ name }) => columns.get(name)!),
    bloomColumns: declaration.bloomColumns,
    rowGroupRows: output.rowGroupRows,
    compressionLevel: output.compressionLevel,
  });
  const reader = await ColumnReader.open(store, asParquet(file));
  expectWritten(table, reader, file.path);
  let first = 0;
  const some = new KernelTable(declaration.columns);
  try {
    for (const [index, rows] of reader.rowGroups.entries()) {
      await reader.append(some, index, columns, { names });
      await writer.add(some.batch(), withoutDropped(allRows(rows), dropped.subarray(first, first + rows)));
      first += rows;
      some.clear();
    }
  } finally {
    some.release();
  }
  if (writer.rows === 0) return undefined;
  const label = `${hasCompactedName(file) ? compactedPrefix : prefix}${uuid().replaceAll('-', '').slice(-16)}`;
  const target = { store, table: loaded, declaration, label };
  const stored = await storeDataFile(target, { ymd: file.ymd, encoded: await writer.finish() });
  return { ...stored, sortOrderId: file.sortOrderId };
}
