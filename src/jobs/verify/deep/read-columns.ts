/** The rows of one data file as columns in the kernel's memory, a row group at a time. */
import type { ColumnBatch } from '../../../columns/batch.ts';
import type { LoadedTable } from '../../../iceberg/catalog.ts';
import { deletedRows } from '../../../iceberg/deleted-rows.ts';
import { asParquet, type LiveFile } from '../../../iceberg/scan.ts';
import { KernelTable } from '../../../kernel/table.ts';
import { ColumnReader } from '../../../parquet/read/column-reader.ts';
import type { CompactionTable } from '../../../rewrite/stored-table.ts';
import type { ObjectStore } from '../../../store/store.ts';

export interface ColumnGroup {
  /** 1 for each row that row-level deletes take; undefined where they take none. */
  readonly dropped: Uint8Array | undefined;
  /**
   * Columns by name, of all rows; those that the table lacks are not among them. Good until the same columns are read
   * of the next row group, or the generator ends.
   */
  read(names: Iterable<string>): Promise<ColumnBatch>;
}

/** `opened`: the file, if the caller has opened it. Throws what ColumnReader and deletedRows throw. */
export async function* columnGroups(
  store: ObjectStore,
  { metadata }: LoadedTable,
  { declaration, columns, names }: CompactionTable,
  file: LiveFile,
  opened?: ColumnReader,
): AsyncGenerator<ColumnGroup> {
  const reader = opened ?? (await ColumnReader.open(store, asParquet(file)));
  const tables = new Map<string, KernelTable>();
  let first = 0;
  try {
    const dropped = await deletedRows(store, metadata, file);
    for (const [index, rows] of reader.rowGroups.entries()) {
      const gone = dropped?.subarray(first, first + rows);
      first += rows;
      yield {
        dropped: gone,
        read: async (wanted) => {
          const asked = new Set(wanted);
          const key = [...asked].join();
          const table = tables.get(key) ?? new KernelTable(declaration.columns.filter(({ name }) => asked.has(name)));
          tables.set(key, table);
          table.clear();
          await reader.append(table, index, columns, { names });
          return table.batch();
        },
      };
    }
  } finally {
    for (const table of tables.values()) table.release();
    if (opened === undefined) reader.close();
  }
}
