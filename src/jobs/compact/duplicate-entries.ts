/** What the account of an object has to say of rows of it that compaction drops. */
import { increase } from '../../ingest/object-counts.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { AcceptedBalance, acceptedCopiesDetail, amendmentsOf } from '../../ledger/accepted-balance.ts';
import type { Amendment } from '../../ledger/amendment.ts';
import type { Duplicates } from '../rewrite/duplicates.ts';

interface DroppedRows {
  readonly plan: { readonly day: string };
  readonly duplicates: Pick<Duplicates, 'byObject' | 'copies'>;
}

/**
 * Rows that are copies of others came from no object, and so are on no account, but for those that somebody has accepted
 * there: these are taken off it again.
 */
export async function duplicateEntries(
  runtime: Runtime,
  table: string,
  days: readonly DroppedRows[],
): Promise<Amendment['entries']> {
  const objects = days.flatMap(({ duplicates }) => [...duplicates.copies.keys()]);
  const accepted = objects.length === 0 ? new Map<string, number>() : await acceptedCopies(runtime, table, objects);
  return days.flatMap(({ plan, duplicates }) =>
    [...duplicates.byObject].flatMap(([sourceUri, rows]) => {
      const copies = duplicates.copies.get(sourceUri) ?? 0;
      const known = Math.min(copies, accepted.get(sourceUri) ?? 0);
      increase(accepted, sourceUri, -known);
      const entry = (count: number, of: string) =>
        count === 0 ? [] : [{ table, sourceUri, rows: -count, detail: `${of} of ${plan.day}` }];
      return [...entry(rows - copies, duplicatesDetail), ...entry(known, acceptedCopiesDetail)];
    }),
  );
}

const duplicatesDetail = 'duplicates';

/** Rows beyond the ledger that were accepted and that no compaction has taken off since, by object. */
async function acceptedCopies(
  runtime: Runtime,
  table: string,
  objects: readonly string[],
): Promise<Map<string, number>> {
  const balance = new AcceptedBalance();
  for await (const row of amendmentsOf(runtime, table, new Set(objects))) balance.take(row);
  return new Map(objects.map((uri) => [uri, balance.of(uri)]));
}
