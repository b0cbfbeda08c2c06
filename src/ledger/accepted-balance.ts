/** What is on the account of the objects of a table because somebody has accepted it, by the rows of `amendments`. */
import { scanRows } from '../iceberg/table-rows.ts';
import type { Row } from '../parquet/read/row-reader.ts';
import { amendments } from '../tables/amendments.ts';
import { textRange } from '../text/order.ts';
import type { LedgerRuntime } from './runtime.ts';

const balanceColumns = [
  'table_name',
  'source_uri',
  'operation',
  'amended_at',
  'rows',
  'detail',
  'row_offset',
  'row_digest',
];

/** How compaction's amendments of accepted copies begin in `detail`. */
export const acceptedCopiesDetail = 'accepted copies';

/** Rows of `amendments` about these objects in a table, with what the balance is made of, `detail` among it, and more `columns`. */
export async function* amendmentsOf(
  { store, catalog }: Pick<LedgerRuntime, 'store' | 'catalog'>,
  table: string,
  uris: ReadonlySet<string>,
  columns: readonly string[] = [],
): AsyncGenerator<Row> {
  const loaded = await catalog.loadTable(amendments.name);
  if (loaded === undefined) return;
  const bounds = [
    { column: 'table_name', from: table, to: table },
    { column: 'source_uri', ...textRange(uris) },
  ];
  for await (const rows of scanRows(store, loaded, { bounds, columns: [...balanceColumns, ...columns] }))
    for (const row of rows) if (row.table_name === table && uris.has(String(row.source_uri))) yield row;
}

export class AcceptedBalance {
  /** Rows by uri and then by time, in microseconds since the epoch. */
  readonly #rows = new Map<string, Map<bigint, number>>();
  readonly #readAgain = new Map<string, bigint>();

  /** Takes a row that is about the table. */
  take(row: Row): void {
    const at = row.amended_at as bigint;
    const uri = String(row.source_uri);
    // Objects that are read again have nothing accepted left.
    if (row.operation === 'again') this.#readAgain.set(uri, later(this.#readAgain.get(uri), at));
    // A record that is accepted to be in no row makes no other row one that was not accepted.
    const isOfNoRow = typeof row.row_offset === 'bigint' && typeof row.row_digest !== 'string';
    // Rows that come off the account again are below zero.
    const isDropped = row.operation === 'compact' && String(row.detail).startsWith(acceptedCopiesDetail);
    if ((row.operation === 'accept' && !isOfNoRow) || isDropped) this.#add(uri, at, Number(row.rows));
  }

  #add(uri: string, at: bigint, rows: number): void {
    const byTime = this.#rows.get(uri) ?? new Map<bigint, number>();
    this.#rows.set(uri, byTime);
    byTime.set(at, (byTime.get(at) ?? 0) + rows);
  }

  /** Accepted rows that are on the account of an object, 0 at least; with `since`, of those that were accepted after that. */
  of(uri: string, since = -1n): number {
    const first = this.#readAgain.get(uri) ?? -1n;
    const times = [...(this.#rows.get(uri) ?? [])].filter(([at]) => at >= first && at > since);
    return Math.max(
      0,
      times.reduce((sum, [, rows]) => sum + rows, 0),
    );
  }
}

export const later = (a: bigint | undefined, b: bigint): bigint => (a === undefined || b > a ? b : a);
