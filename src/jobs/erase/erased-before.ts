/**
 * Rows of a subject that are on no account: those that were erased and are there again, since another engine has rolled the
 * table back, and copies that another engine has made. They must not be taken off it, unless somebody has accepted them.
 */
import type { Runtime } from '../../ingest/runtime.ts';
import { AcceptedBalance, amendmentsOf, later } from '../../ledger/accepted-balance.ts';

export interface ErasedBefore {
  /** When any of the rows was last erased, in microseconds since the epoch; undefined where none was. */
  readonly at: bigint | undefined;
  /** How many of them are off the account. */
  readonly offTheAccount: number;
}

/**
 * By uri. `found`: where rows of the subject are now, one place each; ingest makes one row of a place, so others are
 * copies. `detail`: the digest of the subject.
 */
export async function erasedBefore(
  world: Pick<Runtime, 'store' | 'catalog'>,
  { table, detail }: { readonly table: string; readonly detail: string },
  found: ReadonlyMap<string, readonly string[]>,
): Promise<Map<string, ErasedBefore>> {
  const distinct = new Map([...found].map(([uri, places]) => [uri, new Set(places)]));
  const back = new Map([...found.keys()].map((uri) => [uri, new Set<string>()]));
  const last = new Map<string, bigint>();
  const accepted = new AcceptedBalance();
  for await (const row of amendmentsOf(world, table, new Set(found.keys()), ['places'])) {
    accepted.take(row);
    if (row.operation !== 'erase' || row.detail !== detail) continue;
    const uri = String(row.source_uri);
    for (const place of (row.places ?? []) as string[]) {
      if (!distinct.get(uri)!.has(place)) continue;
      back.get(uri)!.add(place);
      last.set(uri, later(last.get(uri), row.amended_at as bigint));
    }
  }
  return new Map(
    [...found].map(([uri, places]) => {
      const at = last.get(uri);
      const copies = places.length - distinct.get(uri)!.size;
      return [uri, { at, offTheAccount: Math.max(0, back.get(uri)!.size + copies - accepted.of(uri, at)) }];
    }),
  );
}
