/**
 * What the tables already hold of an object that has changed since it was ingested (Okera re-uploads growing files),
 * so that only its new records are added. Reads just the files whose bounds say that they may hold rows of it.
 */

import type { Value } from '../columns/types.ts';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { scanRows } from '../iceberg/table-rows.ts';
import type { ObjectStore } from '../store/store.ts';
import type { TableDeclaration } from '../tables/declaration.ts';

/** How often each row, by digest, is there. */
export class PriorRows {
  readonly #counts = new Map<string, number>();

  add(digest: string): void {
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
  }

  /** Whether such a row is there that no earlier call has taken. */
  take(digest: string): boolean {
    const count = this.#counts.get(digest) ?? 0;
    if (count === 0) return false;
    this.#counts.set(digest, count - 1);
    return true;
  }
}

/**
 * The rows of one object in a table, as values in declaration order. Those that another engine has deleted are among
 * them: they were there, and an object that grows does not bring them back.
 */
export async function* rowsOfObject(
  store: ObjectStore,
  table: LoadedTable,
  declaration: TableDeclaration,
  uri: string,
): AsyncGenerator<readonly Value[]> {
  const columns = declaration.columns.map((column) => column.name);
  const scan = { columns, bounds: [{ column: 'source_uri', from: uri, to: uri }], withDeleted: true };
  for await (const rows of scanRows(store, table, scan))
    for (const row of rows) if (row.source_uri === uri) yield columns.map((name) => row[name] ?? null);
}
