/** Rows that another engine appends to a table: copies of its own, as they are or changed. */

import type { Value } from '../../src/columns/types.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import type { DataFile } from '../../src/iceberg/data-file.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { dayFilesRequest, type FileOptions, type FileTarget, storeDataFile } from '../../src/iceberg/write.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import type { ParquetEncoder } from '../../src/parquet/encoder.ts';
import { dayFiles } from '../../src/parquet/write/day-files.ts';
import { describeTable } from '../../src/rewrite/stored-table.ts';
import { collect } from './collect.ts';

type Row = Readonly<Record<string, Value>>;

/** Lays rows out in files of a table, and stores them. */
export async function storeRows(
  target: FileTarget,
  rows: readonly Row[],
  { encoder, output }: { readonly encoder: ParquetEncoder; readonly output: FileOptions },
): Promise<DataFile[]> {
  const { table, declaration } = target;
  const columns = new KernelTable(declaration.columns);
  try {
    for (const row of rows) columns.append(declaration.columns.map(({ name }) => row[name] ?? null));
    const files: DataFile[] = [];
    for await (const file of dayFiles(encoder, dayFilesRequest(table, declaration, columns.batch(), output)))
      files.push(await storeDataFile(target, file));
    return files;
  } finally {
    columns.release();
  }
}

let appended = 0;

/** Rows for which `change` gives undefined are not copied. */
export async function copyRows(runtime: Runtime, name: string, change: (row: Row) => Row | undefined): Promise<void> {
  const { store, catalog, config, encoder } = runtime;
  const loaded = (await catalog.loadTable(name))!;
  const { declaration } = describeTable(name, loaded, config);
  const rows = (await collect(scanRows(store, loaded))).flat().map((row) => change(row as Row));
  const target = { store, table: loaded, declaration, label: `foreign-${++appended}` };
  const changed = rows.filter((row) => row !== undefined);
  const add = await storeRows(target, changed, { encoder, output: config.output });
  await commitTable(commitContext(runtime), name, () => ({ operation: 'append', add, remove: [], summary: {} }));
}
