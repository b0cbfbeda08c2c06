/**
 * Rows that were erased and are there again, since another engine has rolled the table back. They are off the account already,
 * unless somebody has accepted since that they are back, so to erase them once more must not take them off it twice.
 */
import type { Runtime } from '../../ingest/runtime.ts';
import { AcceptedBalance, amendmentsOf, later } from '../../ledger/accepted-balance.ts';

export interface ErasedBefore {
  /** When rows of the subject were last erased from the object, in microseconds since the epoch. */
  readonly at: bigint;
  readonly places: ReadonlySet<string>;
  /** Rows of the object that were accepted after that. */
  readonly accepted: number;
}

/** By uri, those of `uris` that rows of the subject were erased from. `detail`: the digest of the subject. */
export async function erasedBefore(
  world: Pick<Runtime, 'store' | 'catalog'>,
  { table, detail }: { readonly table: string; readonly detail: string },
  uris: ReadonlySet<string>,
): Promise<Map<string, ErasedBefore>> {
  const erased = new Map<string, { at: bigint; places: Set<string> }>();
  const accepted = new AcceptedBalance();
  for await (const row of amendmentsOf(world, table, uris, ['detail', 'places'])) {
    accepted.take(row);
    if (row.operation !== 'erase' || row.detail !== detail) continue;
    const uri = String(row.source_uri);
    const places = erased.get(uri)?.places ?? new Set();
    for (const place of (row.places ?? []) as string[]) places.add(place);
    erased.set(uri, { at: later(erased.get(uri)?.at, row.amended_at as bigint), places });
  }
  return new Map([...erased].map(([uri, { at, places }]) => [uri, { at, places, accepted: accepted.of(uri, at) }]));
}

/** How many of the rows at these places are off the account. */
export function offTheAccount(before: ErasedBefore | undefined, places: readonly string[]): number {
  if (before === undefined) return 0;
  const back = new Set(places.filter((place) => before.places.has(place)));
  return Math.max(0, back.size - before.accepted);
}
