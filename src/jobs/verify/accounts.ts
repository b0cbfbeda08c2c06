/**
 * What the ledger and the amendments promise, by object: the account that the tables are held to. Read before and after
 * the tables, since workers go on meanwhile: where the two readings differ, the object is moving and is left out.
 */
import { scanRows } from '../../iceberg/table-rows.ts';
import { increase } from '../../ingest/object-counts.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { fromRow, type LedgerEntry } from '../../ledger/entry.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import { eventTableOf } from '../../sources/registry.ts';
import { amendments } from '../../tables/amendments.ts';
import { ingestedObjects } from '../../tables/ingested-objects.ts';
import { quarantine } from '../../tables/quarantine.ts';
import type { Differences } from './difference.ts';

export interface ObjectAccount {
  /** Of all ingested versions. */
  readonly etags: Set<string>;
  readonly batches: Set<string>;
  /** What its rows were written with (ledger entries); null where none was recorded. */
  readonly mappings: Set<string | null>;
  /** A version that some run holds, or held. */
  open: LedgerEntry | undefined;
}

export interface Accounts {
  /** By uri. */
  readonly objects: ReadonlyMap<string, ObjectAccount>;
  /** Rows promised, by table and then by uri. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Rows that erasure and retention have taken out of all tables, by uri: these are in no other place. */
  readonly removed: ReadonlyMap<string, number>;
  /** Subjects that erasures and days that retention took out of each table: `removalKey` of each. */
  readonly removals: ReadonlySet<string>;
}

export interface Removal {
  readonly operation: 'erase' | 'retention';
  readonly table: string;
  /** As the amendment has it: a digest of the subject, or the day. */
  readonly detail: string;
}

export const removalKey = ({ operation, table, detail }: Removal): string => `${operation} ${table} ${detail}`;

/** With `differences`, tells what is wrong inside the ledger itself. */
export async function readAccounts(runtime: Runtime, differences?: Differences): Promise<Accounts> {
  const objects = new Map<string, ObjectAccount>();
  const rows = new Map<string, Map<string, number>>();
  const promise = (table: string, uri: string, count: number): void => {
    const byUri = rows.get(table) ?? new Map<string, number>();
    rows.set(table, byUri);
    increase(byUri, uri, count);
  };
  for await (const row of rowsOf(runtime, ingestedObjects.name)) {
    const entry = fromRow(row);
    const { uri, etag } = entry.object;
    const account = objects.get(uri) ?? { etags: new Set(), batches: new Set(), mappings: new Set(), open: undefined };
    objects.set(uri, account);
    account.batches.add(entry.batch);
    if (entry.counts === null) {
      account.open = entry;
      continue;
    }
    if (account.etags.has(etag)) differences?.add({ kind: 'ledger-duplicate', uri, batch: entry.batch, detail: etag });
    account.etags.add(etag);
    account.mappings.add(entry.counts.mapping);
    const { records, rows: kept, quarantined, skipped, duplicates } = entry.counts;
    const sum = kept + quarantined + skipped + duplicates;
    if (records !== sum)
      differences?.add({ kind: 'ledger-counts', uri, batch: entry.batch, expected: records, found: sum });
    promise(eventTableOf(entry.sourceType) ?? entry.sourceType, uri, kept);
    promise(quarantine.name, uri, quarantined);
  }
  const removed = new Map<string, number>();
  const removals = new Set<string>();
  const replayed = new Map<string, number>();
  for await (const { table_name, source_uri, rows: change, operation, detail } of rowsOf(runtime, amendments.name)) {
    const [table, uri] = [String(table_name), String(source_uri)];
    promise(table, uri, Number(change));
    // What reading again brought back of a replay's losses is lost no more.
    if (operation === 'replay' || operation === 'again') increase(replayed, uri, Number(change));
    if (operation !== 'erase' && operation !== 'retention') continue;
    increase(removed, uri, -Number(change));
    removals.add(removalKey({ operation, table, detail: String(detail) }));
  }
  for (const [uri, balance] of replayed)
    if (balance < 0) differences?.add({ kind: 'replay-lost', table: quarantine.name, uri, found: -balance });
  return { objects, rows, removed, removals };
}

async function* rowsOf({ store, catalog }: Runtime, name: string): AsyncGenerator<Row> {
  const loaded = await catalog.loadTable(name);
  if (loaded === undefined) return;
  for await (const group of scanRows(store, loaded)) yield* group;
}

/** Objects about which both readings agree, and that no run holds. */
export function isSettled(uri: string, table: string, before: Accounts, after: Accounts): boolean {
  if (after.objects.get(uri)?.open !== undefined || before.objects.get(uri)?.open !== undefined) return false;
  return before.rows.get(table)?.get(uri) === after.rows.get(table)?.get(uri);
}
