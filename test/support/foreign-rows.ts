/** Rows that another engine appends to a table: copies of its own, as they are or changed. */

import type { Value } from '../../src/columns/types.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import type { DataFile } from '../../src/iceberg/data-file.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { dayFilesRequest, storeDataFile } from '../../src/iceberg/write.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { dayFiles } from '../../src/parquet/write/day-files.ts';
import { describeTable } from '../../src/rewrite/stored-table.ts';
import { collect } from './collect.ts';

type Row = Readonly<Record<string, Value>>;

let appended = 0;

/** Rows for which `change` gives undefined are not copied. */
export async function copyRows(runtime: Runtime, name: string, change: (row: Row) => Row | undefined): Promise<void> {
  const { store, catalog, config, encoder } = runtime;
  const loaded = (await catalog.loadTable(name))!;
  const { declaration } = describeTable(name, loaded, config);
  const buffer = new KernelTable(declaration.columns);
  for (const row of (await collect(scanRows(store, loaded))).flat()) {
    const changed = change(row as Row);
    if (changed !== undefined) buffer.append(declaration.columns.map((column) => changed[column.name] ?? null));
  }
  const label = `foreign-${++appended}`;
  const add: DataFile[] = [];
  for await (const file of dayFiles(encoder, dayFilesRequest(loaded, declaration, buffer.batch(), config.output)))
    add.push(await storeDataFile({ store, table: loaded, declaration, label }, file));
  await commitTable(commitContext(runtime), name, () => ({ operation: 'append', add, remove: [], summary: {} }));
}
