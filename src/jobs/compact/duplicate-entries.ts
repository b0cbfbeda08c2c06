/** What the account of an object has to say of rows of it that compaction drops. */
import { scanRows } from '../../iceberg/table-rows.ts';
import { increase } from '../../ingest/object-counts.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Amendment } from '../../ledger/amendment.ts';
import { amendments } from '../../tables/amendments.ts';
import { textRange } from '../../text/order.ts';
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
      return [...entry(rows - copies, duplicatesDetail), ...entry(known, copiesDetail)];
    }),
  );
}

const duplicatesDetail = 'duplicates';
const copiesDetail = 'accepted copies';

/** Rows beyond the ledger that were accepted and that no compaction has taken off since, by object. */
async function acceptedCopies(
  { store, catalog }: Runtime,
  table: string,
  objects: readonly string[],
): Promise<Map<string, number>> {
  const accepted = new Map(objects.map((uri) => [uri, 0]));
  const loaded = await catalog.loadTable(amendments.name);
  if (loaded === undefined) return accepted;
  const bounds = [{ column: 'source_uri', ...textRange(objects) }];
  const columns = ['table_name', 'source_uri', 'operation', 'detail', 'rows', 'row_offset', 'row_digest'];
  for await (const rows of scanRows(store, loaded, { bounds, columns }))
    for (const { table_name, source_uri, operation, detail, rows: change, row_offset, row_digest } of rows) {
      const uri = String(source_uri);
      if (table_name !== table || !accepted.has(uri)) continue;
      // A record that is accepted to be in no row makes no copy of another any less.
      if (row_offset !== null && row_digest === null) continue;
      const isBooked = operation === 'compact' && String(detail).startsWith(copiesDetail);
      if (operation === 'accept' || isBooked) increase(accepted, uri, Number(change));
    }
  for (const [uri, rows] of accepted) accepted.set(uri, Math.max(0, rows));
  return accepted;
}
