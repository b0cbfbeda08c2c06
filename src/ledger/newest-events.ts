/**
 * When the newest event of each source happened, by the ledger, as far as that is not long ago: the bounds of the ledger's
 * files leave out all that hold only older ones.
 */
import type { LoadedTable } from '../iceberg/catalog.ts';
import { scanRows } from '../iceberg/table-rows.ts';
import type { ObjectStore } from '../store/store.ts';

const dayMs = 86_400_000;

/**
 * Milliseconds since the epoch, by name of the source; sources without an event since `since` are left out. An event
 * counts as no later than its object was written, so that a wrong or forged time in the future hides nothing.
 */
export async function newestEvents(
  store: ObjectStore,
  ledger: LoadedTable,
  since: number,
): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  const scan = {
    columns: ['source', 'state', 'max_event_time', 'last_modified'],
    // An object is claimed after its events; the day is for clocks that differ.
    ymd: { from: new Date(since - dayMs).toISOString().slice(0, 10) },
    bounds: [{ column: 'max_event_time', from: BigInt(Math.floor(since)) * 1000n }],
  };
  for await (const entries of scanRows(store, ledger, scan)) {
    for (const { source, state, max_event_time: event, last_modified: modified } of entries) {
      if (state !== 'committed' || event === null) continue;
      const time = Math.min(millis(event), modified === null ? Number.POSITIVE_INFINITY : millis(modified));
      const name = String(source);
      if (time >= since) newest.set(name, Math.max(newest.get(name) ?? time, time));
    }
  }
  return newest;
}

const millis = (micros: unknown): number => Number(micros as bigint) / 1000;
