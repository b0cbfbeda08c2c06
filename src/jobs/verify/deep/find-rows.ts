/** Single rows of a table by where they came from, or by what they are; whole columns are read only where one is. */
import type { ColumnBatch, StringData } from '../../../columns/batch.ts';
import type { Value } from '../../../columns/types.ts';
import type { LoadedTable } from '../../../iceberg/catalog.ts';
import { type FileFilter, liveFiles } from '../../../iceberg/scan.ts';
import { rowIdentity } from '../../../records/identity.ts';
import type { CompactionTable } from '../../../rewrite/stored-table.ts';
import type { ObjectStore } from '../../../store/store.ts';
import type { TableDeclaration } from '../../../tables/declaration.ts';
import { textRange } from '../../../text/order.ts';
import { slotValue } from '../../rewrite/duplicates.ts';
import { columnGroups } from './read-columns.ts';
import { numbersOf, offsetsOf } from './table-side.ts';

export interface SearchedTable {
  readonly store: ObjectStore;
  readonly loaded: LoadedTable;
  readonly described: CompactionTable;
  /** What rows are given as: values in the order of these columns. */
  readonly declaration: TableDeclaration;
  /** Files that cannot be read, each reported elsewhere. */
  readonly unreadable: ReadonlySet<string>;
}

export interface FoundRow {
  readonly uri: string;
  readonly offset: number;
  /** In the order of the declaration, strings as bytes. */
  readonly values: readonly Value[];
}

/** The rows of these places, by uri and offset, in no order. */
export async function* rowsAt(
  table: SearchedTable,
  places: ReadonlyMap<string, ReadonlySet<number>>,
): AsyncGenerator<FoundRow> {
  const uris = [...places.keys()];
  const byUri = new Map(uris.map((uri, number) => [uri, number]));
  const bounds = [{ column: 'source_uri', ...textRange(uris) }];
  yield* search(table, { bounds }, ['source_uri', 'source_offset'], (batch) => {
    const data = batch.columns.find(({ name }) => name === 'source_uri')!.data as StringData;
    const numbers = numbersOf(data, batch.rows, (uri) => byUri.get(uri) ?? -1);
    const offsets = offsetsOf(batch);
    return (row) => numbers[row]! >= 0 && places.get(uris[numbers[row]!]!)!.has(offsets(row));
  });
}

/** Which of these identities rows of the table have. `ids`: what their id is, where the table has one. */
export async function heldIdentities(
  table: SearchedTable,
  identities: ReadonlySet<string>,
  ids: ReadonlySet<string>,
): Promise<Set<string>> {
  const held = new Set<string>();
  if (identities.size === 0) return held;
  const { declaration } = table;
  const id = declaration.identity?.id;
  const isWanted = (batch: ColumnBatch): ((row: number) => boolean) => {
    if (id === undefined) return () => true;
    const data = batch.columns.find(({ name }) => name === id)?.data as StringData | undefined;
    if (data === undefined) return () => false;
    const numbers = numbersOf(data, batch.rows, (text) => (ids.has(text) ? 1 : -1));
    return (row) => numbers[row] === 1;
  };
  for await (const { values } of search(table, {}, id === undefined ? ['source_uri'] : [id], isWanted)) {
    const identity = rowIdentity(declaration, values);
    if (identities.has(identity)) held.add(identity);
    if (held.size === identities.size) break;
  }
  return held;
}

async function* search(
  { store, loaded, described, declaration, unreadable }: SearchedTable,
  filter: FileFilter,
  by: readonly string[],
  test: (batch: ColumnBatch) => (row: number) => boolean,
): AsyncGenerator<FoundRow> {
  const names = declaration.columns.map(({ name }) => name);
  for await (const file of liveFiles(store, loaded.metadata, filter)) {
    if (unreadable.has(file.path)) continue;
    for await (const group of columnGroups(store, loaded, described, file)) {
      const looked = await group.read(by);
      const isWanted = test(looked);
      const rows: number[] = [];
      for (let row = 0; row < looked.rows; row++) if (group.dropped?.[row] !== 1 && isWanted(row)) rows.push(row);
      if (rows.length === 0) continue;
      const batch = await group.read(names);
      const columns = new Map(batch.columns.map(({ name, data }) => [name, data]));
      const offsets = offsetsOf(batch);
      for (const row of rows) {
        const uri = slotValue(columns.get('source_uri'), row) as Uint8Array | null;
        const values = names.map((name) => slotValue(columns.get(name), row));
        yield { uri: Buffer.from(uri ?? []).toString('utf8'), offset: offsets(row), values };
      }
    }
  }
}
