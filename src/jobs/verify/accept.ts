/**
 * Accept: rows that another engine has deleted or added on purpose, and that verify therefore finds missing or unexpected,
 * are settled by an amendment that says who accepted them and why. What is accepted is exactly the difference that was
 * found: one row less after that is a difference again. With `deep`, rows whose values another engine has changed are
 * settled too, each by its digest: altered once more, it is a difference again. Rows that are missing because a file is gone or damaged are
 * never accepted, since nobody wanted those to go.
 *
 * A number of rows is accepted, and not which they are: as long as an object gives them, they are back whenever it is read
 * again, because it has grown or by `backfill --again`. Only what `erase` removes stays away.
 */

import type { TableMetadata } from '../../iceberg/metadata.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { parseDay } from '../../ingest/time-range.ts';
import { type AmendedRows, acceptRows, finishAmendments } from '../../ledger/amendment.ts';
import { amendments } from '../../tables/amendments.ts';
import { replan } from '../replan.ts';
import { tablesNamed } from '../tables-named.ts';
import type { OddRows } from './deep/deep.ts';
import type { Difference, DifferenceKind } from './difference.ts';
import { objectsOfDays } from './lost-files.ts';
import { type VerifyOptions, verify } from './verify.ts';
import { onlyBatchesSince } from './versions.ts';

export interface AcceptOptions extends Pick<VerifyOptions, 'ignoreNewerMs' | 'onPhase'> {
  /** Why; kept in the table `amendments`. */
  readonly reason: string;
  /** Who accepts. */
  readonly by: string;
  /** Reads every object again, and accepts rows with other values than their objects give as well. */
  readonly deep?: boolean;
  /** Only differences of these tables. */
  readonly tables?: readonly string[];
  /** Only differences of these objects, or of those below one that ends in a slash. */
  readonly objects?: readonly string[];
  /** Only differences of objects with events of one of these days, by what the ledger has of them: `2026-11-27`, `yesterday`, `-3d`. */
  readonly days?: readonly string[];
}

export interface AcceptReport {
  /** By table. */
  readonly tables: Record<string, { objects: number; missing: number; unexpected: number; altered: number }>;
  /** Differences of rows that were asked for and cannot be accepted, each with the reason. */
  readonly refused: readonly { readonly difference: Difference; readonly reason: string }[];
}

/** Throws OutsideWarehouse, and UsageError for a table or a day that is none, before anything is read. */
export async function accept(runtime: Runtime, options: AcceptOptions): Promise<AcceptReport> {
  await tablesNamed(runtime.catalog, options.tables);
  const days = options.days?.map((day) => parseDay(day, { now: runtime.clock() }));
  await expectOwnWarehouse(runtime);
  return replan({ what: 'the account', command: 'verify --accept' }, () => acceptOnce(runtime, options, days));
}

async function acceptOnce(
  runtime: Runtime,
  options: AcceptOptions,
  days: readonly string[] | undefined,
): Promise<AcceptReport | undefined> {
  await finishAmendments(runtime);
  const plannedOn = (await runtime.catalog.loadTable(amendments.name))?.metadata['last-sequence-number'] ?? 0;
  const { ignoreNewerMs, onPhase, deep } = options;
  const odd = new Map<string, OddRows>();
  const before = await versionsOf(runtime, await runtime.catalog.listTables());
  const { differences } = await verify(runtime, {
    // Objects that nobody has ingested are no matter here.
    ...(ignoreNewerMs !== undefined && { ignoreNewerMs }),
    ...(onPhase && { onPhase }),
    ...(deep && { deep, onOdd: (rows: OddRows) => odd.set(keyOf(rows), rows) }),
    mostDifferences: Number.POSITIVE_INFINITY,
  });
  const ofDays = days && (await objectsOfDays(runtime, days));
  const asked = differences.filter(
    (difference) =>
      isOfRows(difference, deep) && isAskedFor(difference, options) && (ofDays?.has(difference.uri ?? '') ?? true),
  );
  const reasons = asked.map((difference) => refusalOf(difference, differences, odd));
  const refused = asked.flatMap((difference, i) =>
    reasons[i] === undefined ? [] : [{ difference, reason: reasons[i] }],
  );
  const accepted = Map.groupBy(
    asked.filter((_, i) => reasons[i] === undefined),
    keyOf,
  );
  const entries = [...accepted].flatMap(([key, some]) => entriesOf(some, odd.get(key), options));
  const report = { tables: sums(entries), refused };
  if (entries.length === 0) return report;
  const tables = new Set(entries.map(({ table }) => table));
  const isStillRight = async (): Promise<boolean> => {
    for (const table of tables) {
      const metadata = await readable(runtime, table);
      if (metadata !== undefined && !onlyBatchesSince(metadata, before.get(table) ?? 0)) return false;
    }
    return true;
  };
  return (await acceptRows(runtime, { entries, plannedOn, isStillRight })) ? report : undefined;
}

const isOfRows = ({ kind }: Difference, deep = false): boolean =>
  kind === 'rows-missing' || kind === 'rows-unexpected' || kind === 'rows-lost' || (deep && kind === 'content-differs');

const keyOf = ({ table, uri }: Pick<Difference, 'table' | 'uri'>): string => JSON.stringify([table, uri]);

function isAskedFor({ table, uri = '' }: Difference, { tables, objects }: AcceptOptions): boolean {
  const isObject = (wanted: string): boolean => (wanted.endsWith('/') ? uri.startsWith(wanted) : uri === wanted);
  return (tables?.includes(table ?? '') ?? true) && (objects?.some(isObject) ?? true);
}

/** What makes a count of rows no statement about what the table holds. */
const damages: ReadonlySet<DifferenceKind> = new Set([
  'file-missing',
  'file-size',
  'file-unreadable',
  'file-rows',
  'table-unreadable',
  'table-elsewhere',
  'table-unregistered',
  'catalog-behind',
]);

function refusalOf(
  difference: Difference,
  all: readonly Difference[],
  odd: ReadonlyMap<string, OddRows>,
): string | undefined {
  const { kind, table, detail } = difference;
  if (kind === 'content-differs' && !odd.has(keyOf(difference))) return detail;
  if (all.some(({ kind }) => kind === 'amendment-open')) return 'an amendment is open; verify --repair finishes it';
  const damage = all.find((other) => other.table === table && damages.has(other.kind));
  return damage && `${damage.kind} in the table: mend that first${damage.uri === undefined ? '' : ` (${damage.uri})`}`;
}

/**
 * Of one object in one table. Rows that were lost are on the account already: they are taken off it as such, and put on it as
 * accepted. Rows that are known one by one are accepted so, and what is left of the difference as a number.
 */
function entriesOf(
  differences: readonly Difference[],
  odd: OddRows | undefined,
  { reason, by }: AcceptOptions,
): AmendedRows[] {
  const { table, uri } = differences[0]!;
  const entry = { table: table!, sourceUri: uri!, detail: reason, madeBy: by };
  let left = 0;
  const lost: AmendedRows[] = [];
  for (const { kind, expected, found } of differences) {
    if (kind === 'rows-lost') {
      lost.push({ ...entry, operation: 'lost', rows: Number(found) });
      left -= Number(found);
    } else if (kind !== 'content-differs') left += Number(found) - Number(expected);
  }
  const rows = [...(odd?.places ?? [])].flatMap(([offset, place]) => {
    const digests = place.digests.size === 0 ? [null] : [...place.digests];
    left -= place.rows;
    return digests.map((digest, i) => ({ ...entry, rows: i === 0 ? place.rows : 0, row: { offset, digest } }));
  });
  return [...lost, ...rows, ...(left === 0 ? [] : [{ ...entry, rows: left }])];
}

function sums(entries: readonly AmendedRows[]): AcceptReport['tables'] {
  const tables: AcceptReport['tables'] = {};
  const seen = new Set<string>();
  for (const { table, sourceUri, rows, operation } of entries) {
    if (operation !== undefined) continue;
    tables[table] ??= { objects: 0, missing: 0, unexpected: 0, altered: 0 };
    const key = keyOf({ table, uri: sourceUri });
    if (!seen.has(key)) tables[table].objects++;
    seen.add(key);
    if (rows < 0) tables[table].missing -= rows;
    else if (rows > 0) tables[table].unexpected += rows;
    else tables[table].altered++;
  }
  return tables;
}

/** Sequence numbers, by table that is there and can be read. */
async function versionsOf(runtime: Runtime, tables: Iterable<string>): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const table of tables) {
    const metadata = await readable(runtime, table);
    if (metadata !== undefined) versions.set(table, metadata['last-sequence-number']);
  }
  return versions;
}

/** undefined where the table is not there, or cannot be read. */
const readable = async ({ catalog }: Runtime, table: string): Promise<TableMetadata | undefined> =>
  (await catalog.loadTable(table).catch(() => undefined))?.metadata;
