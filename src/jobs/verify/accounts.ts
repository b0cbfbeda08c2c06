/**
 * What the ledger and the amendments promise, by object: the account that the tables are held to. Read before and after
 * the tables, since workers go on meanwhile: where the two readings differ, the object is moving and is left out.
 */
import { scanRows } from '../../iceberg/table-rows.ts';
import { increase } from '../../ingest/object-counts.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { fromRow } from '../../ledger/entry.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import { eventTableOf } from '../../sources/registry.ts';
import { amendments } from '../../tables/amendments.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import { ingestedObjects } from '../../tables/ingested-objects.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { compareText } from '../../text/order.ts';
import type { Differences } from './difference.ts';
import { type ObjectNames, ObjectSums } from './object-names.ts';
import { ObjectVersions } from './object-versions.ts';

export interface Accounts {
  /** By uri. */
  readonly objects: ObjectVersions;
  /** Those that some run held when the ledger was read. */
  readonly held: ReadonlySet<string>;
  /** Rows promised, by table and then by uri. */
  readonly rows: ReadonlyMap<string, ObjectSums>;
  /** Rows that are in no table on purpose, by uri: erased, past their retention, or accepted as a number that is gone. */
  readonly removed: ReadonlyMap<string, number>;
  /** Rows that were accepted although no object gave them, by uri. */
  readonly added: ReadonlyMap<string, number>;
  /** Rows that were accepted as they are. */
  readonly acceptedRows: AcceptedRows;
  /** Differences that somebody has accepted, the latest last. */
  readonly accepted: readonly AcceptedDifferences[];
  /** Rows that went with files that are gone, and that nothing has brought back. */
  readonly lost: readonly LostRows[];
  /** Subjects that erasures and days that retention took out of each table: `removalKey` of each. */
  readonly removals: ReadonlySet<string>;
}

/** What one acceptance says of one table. */
export interface AcceptedDifferences {
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly reason: string;
  readonly table: string;
  readonly objects: number;
  /** Rows fewer than the ledger says, and rows more. */
  readonly missing: number;
  readonly unexpected: number;
  /** Rows that had other values than their objects give. */
  readonly altered: number;
}

/** By the place of each record (table, object, offset): what its rows were when that was last accepted. */
export class AcceptedRows {
  readonly #places = new Map<string, { amendment: string; at: bigint; digests: Set<string> }>();

  /** Takes a row of `amendments` that is about one row. */
  add({ table_name, source_uri, row_offset, row_digest, amendment, amended_at }: Row): void {
    const key = placeKey(String(table_name), String(source_uri), Number(row_offset));
    const at = amended_at as bigint;
    let place = this.#places.get(key);
    // What was accepted before is void: a row that is again as it was then has been altered once more.
    if (place === undefined || (place.amendment !== amendment && place.at < at))
      place = { amendment: String(amendment), at, digests: new Set() };
    else if (place.at > at) return;
    this.#places.set(key, place);
    if (row_digest !== null && row_digest !== undefined) place.digests.add(String(row_digest));
  }

  /** Digests of rows, none where it was accepted that there is no row; undefined where nothing was accepted. */
  at(table: string, uri: string, offset: number): ReadonlySet<string> | undefined {
    return this.#places.get(placeKey(table, uri, offset))?.digests;
  }

  get size(): number {
    return this.#places.size;
  }
}

const placeKey = (table: string, uri: string, offset: number): string => `${table} ${offset} ${uri}`;

export interface LostRows {
  readonly table: string;
  readonly uri: string;
  readonly rows: number;
}

export interface Removal {
  readonly operation: 'erase' | 'retention';
  readonly table: string;
  /** As the amendment has it: a digest of the subject, or the day. */
  readonly detail: string;
}

export const removalKey = ({ operation, table, detail }: Removal): string => `${operation} ${table} ${detail}`;

/** With `differences`, tells what is wrong inside the ledger itself. Objects are added to `names`. */
export async function readAccounts(runtime: Runtime, names: ObjectNames, differences?: Differences): Promise<Accounts> {
  const objects = new ObjectVersions(names);
  const rows = new Map<string, ObjectSums>();
  const promise = (table: string, uri: string, count: number): void => {
    const sums = rows.get(table) ?? new ObjectSums(names);
    rows.set(table, sums);
    sums.add(uri, count);
  };
  for await (const row of rowsOf(runtime, ingestedObjects)) {
    const entry = fromRow(row);
    const { uri, etag } = entry.object;
    const isNew = objects.add(entry);
    if (entry.counts === null) continue;
    if (!isNew) differences?.add({ kind: 'ledger-duplicate', uri, batch: entry.batch, detail: etag });
    const { records, rows: kept, quarantined, skipped, duplicates } = entry.counts;
    const sum = kept + quarantined + skipped + duplicates;
    if (records !== sum)
      differences?.add({ kind: 'ledger-counts', uri, batch: entry.batch, expected: records, found: sum });
    promise(eventTableOf(entry.sourceType) ?? entry.sourceType, uri, kept);
    promise(quarantine.name, uri, quarantined);
  }
  const removed = new Map<string, number>();
  const added = new Map<string, number>();
  const acceptedRows = new AcceptedRows();
  /** By table and uri: what was accepted first as a number and then row by row is taken off it again. */
  const acceptedNumbers = new Map<string, number>();
  const accepted = new Map<string, OpenAcceptance>();
  const removals = new Set<string>();
  const replayed = new Map<string, number>();
  const gone = new Map<string, LostRows>();
  for await (const row of rowsOf(runtime, amendments)) {
    const { table_name, source_uri, rows: change, operation, detail } = row;
    const [table, uri] = [String(table_name), String(source_uri)];
    promise(table, uri, Number(change));
    if (operation === 'accept') {
      // A row that is known by itself excuses no other.
      if (isOfOneRow(row)) acceptedRows.add(row);
      else increase(acceptedNumbers, JSON.stringify([table, uri]), Number(change));
      noteAccepted(accepted, row);
    }
    if (operation === 'lost') {
      const key = JSON.stringify([table, uri]);
      gone.set(key, { table, uri, rows: (gone.get(key)?.rows ?? 0) - Number(change) });
    }
    if (operation === 'replay') increase(replayed, uri, Number(change));
    if (operation !== 'erase' && operation !== 'retention') continue;
    increase(removed, uri, -Number(change));
    removals.add(removalKey({ operation, table, detail: String(detail) }));
  }
  for (const [key, balance] of acceptedNumbers) {
    const [, uri] = JSON.parse(key) as [table: string, uri: string];
    increase(balance < 0 ? removed : added, uri, Math.abs(balance));
  }
  for (const [uri, balance] of replayed)
    if (balance < 0) differences?.add({ kind: 'replay-lost', table: quarantine.name, uri, found: -balance });
  const lost = [...gone.values()].filter(({ rows: open }) => open > 0);
  for (const { table, uri, rows: open } of lost) differences?.add({ kind: 'rows-lost', table, uri, found: open });
  const held = new Set([...objects.open()].map(({ object }) => object.uri));
  return { objects, held, rows, removed, added, acceptedRows, accepted: inOrder(accepted), lost, removals };
}

const isOfOneRow = ({ row_offset: offset }: Row): boolean => offset !== null && offset !== undefined;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface OpenAcceptance {
  readonly sums: Mutable<AcceptedDifferences>;
  readonly objects: Set<string>;
}

function noteAccepted(accepted: Map<string, OpenAcceptance>, row: Row): void {
  const key = `${row.amendment} ${row.table_name}`;
  const at = new Date(Number(row.amended_at) / 1000).toISOString();
  const { sums, objects } = accepted.get(key) ?? {
    sums: {
      at,
      by: String(row.made_by ?? ''),
      reason: String(row.detail ?? ''),
      table: String(row.table_name),
      objects: 0,
      missing: 0,
      unexpected: 0,
      altered: 0,
    },
    objects: new Set<string>(),
  };
  accepted.set(key, { sums, objects });
  const change = Number(row.rows);
  sums.objects = objects.add(String(row.source_uri)).size;
  if (change < 0) sums.missing -= change;
  else if (change > 0) sums.unexpected += change;
  else sums.altered++;
}

async function* rowsOf(
  { store, catalog }: Pick<Runtime, 'store' | 'catalog'>,
  { name, columns }: TableDeclaration,
): AsyncGenerator<Row> {
  const loaded = await catalog.loadTable(name);
  if (loaded === undefined) return;
  // Erasures have a place for each row that they took, which no account needs.
  const counted = columns.map((column) => column.name).filter((column) => column !== 'places');
  for await (const group of scanRows(store, loaded, { columns: counted })) yield* group;
}

/** All that was ever accepted, the latest last. */
export async function readAcceptances(world: Pick<Runtime, 'store' | 'catalog'>): Promise<AcceptedDifferences[]> {
  const accepted = new Map<string, OpenAcceptance>();
  for await (const row of rowsOf(world, amendments)) if (row.operation === 'accept') noteAccepted(accepted, row);
  return inOrder(accepted);
}

const inOrder = (accepted: ReadonlyMap<string, OpenAcceptance>): AcceptedDifferences[] =>
  [...accepted.values()]
    .map(({ sums }) => sums)
    .sort((a, b) => compareText(a.at, b.at) || compareText(a.table, b.table));

/** What of the first reading the second one is held against. */
export type EarlierAccounts = Pick<Accounts, 'held' | 'rows'>;

/** Objects about which both readings agree, and that no run holds. */
export function isSettled(uri: string, table: string, before: EarlierAccounts, after: Accounts): boolean {
  if (after.held.has(uri) || before.held.has(uri)) return false;
  return before.rows.get(table)?.get(uri) === after.rows.get(table)?.get(uri);
}
