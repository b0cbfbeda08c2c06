/**
 * Rows that were erased and are there again, since another engine has rolled the table back. They are off the account already,
 * unless somebody has accepted since that they are back, so to erase them once more must not take them off it twice.
 */
import { scanRows } from '../../iceberg/table-rows.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { amendments } from '../../tables/amendments.ts';

export interface ErasedBefore {
  /** When rows of the subject were last erased from the object, in microseconds since the epoch. */
  readonly at: bigint;
  readonly places: ReadonlySet<string>;
  /** Balance of what was accepted of the object after that. */
  readonly accepted: number;
}

/** By uri, those of `uris` that rows of the subject were erased from. `detail`: the digest of the subject. */
export async function erasedBefore(
  { store, catalog }: Pick<Runtime, 'store' | 'catalog'>,
  { table, detail }: { readonly table: string; readonly detail: string },
  uris: ReadonlySet<string>,
): Promise<Map<string, ErasedBefore>> {
  const erased = new Map<string, { at: bigint; places: Set<string> }>();
  const accepted = new Map<string, { at: bigint; rows: number }[]>();
  const loaded = await catalog.loadTable(amendments.name);
  if (loaded === undefined) return new Map();
  const bounds = [{ column: 'table_name', from: table, to: table }];
  for await (const group of scanRows(store, loaded, { bounds }))
    for (const row of group) {
      const { table_name, source_uri, operation, detail: why, amended_at, rows, places } = row;
      const uri = String(source_uri);
      if (table_name !== table || !uris.has(uri)) continue;
      const at = amended_at as bigint;
      // A record that is accepted to be in no row is not one of those that are back.
      const isOfNoRow = typeof row.row_offset === 'bigint' && typeof row.row_digest !== 'string';
      if (operation === 'accept' && !isOfNoRow)
        accepted.set(uri, [...(accepted.get(uri) ?? []), { at, rows: Number(rows) }]);
      if (operation !== 'erase' || why !== detail) continue;
      const one = erased.get(uri) ?? { at, places: new Set() };
      erased.set(uri, one);
      if (at > one.at) one.at = at;
      for (const place of (places ?? []) as string[]) one.places.add(place);
    }
  const since = (uri: string, last: bigint): number =>
    (accepted.get(uri) ?? []).reduce((sum, { at, rows }) => (at > last ? sum + rows : sum), 0);
  return new Map([...erased].map(([uri, { at, places }]) => [uri, { at, places, accepted: since(uri, at) }]));
}

/** How many of the rows at these places are off the account. */
export function offTheAccount(before: ErasedBefore | undefined, places: readonly string[]): number {
  if (before === undefined) return 0;
  const back = new Set(places.filter((place) => before.places.has(place)));
  return Math.max(0, back.size - Math.max(0, before.accepted));
}
