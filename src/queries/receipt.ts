/**
 * What an answer is worth: which snapshots it is of, up to which event they reach, and what they may lack. It is read from the
 * metadata of tables and from the newest days of the ledger, whatever the question.
 */
import type { QueryRequest } from '../engines/engine.ts';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { fileOfLost } from '../iceberg/ensure.ts';
import { currentSnapshot } from '../iceberg/metadata.ts';
import { liveFiles } from '../iceberg/scan.ts';
import { fieldsByName } from '../iceberg/schema.ts';
import { scanRows } from '../iceberg/table-rows.ts';
import { decodeValue } from '../iceberg/values.ts';
import { createLedger } from '../ingest/claimed-batch.ts';
import { describeStale, findFreshness, isFresh } from '../ingest/expectations.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { tablesOfAnswers } from '../jobs/moment.ts';
import { producers } from '../jobs/producers/producers.ts';
import { eventTables, numberedTables } from '../sources/registry.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import { quarantine } from '../tables/quarantine.ts';
import { sequences } from '../tables/sequences.ts';
import { plural } from '../text/humanize.ts';
import { compareText } from '../text/order.ts';
import { dayOf, type OpenRange, timeText } from '../text/time.ts';
import { mentionedIn } from '../views/select.ts';

export interface Receipt {
  /** Ends are RFC 3339, absent where they are open; null where the question has no range. */
  readonly range: { readonly from?: string; readonly to?: string; readonly isDefault: boolean } | null;
  /** Of the tables that the statement can mean, when it was asked. */
  readonly snapshots: Readonly<Record<string, { readonly id: string; readonly committed: string }>>;
  /** Bytes of all data files of these snapshots. */
  readonly bytesHeld: number;
  /** The newest event up to now that is in these tables, RFC 3339; null where there is none. */
  readonly newestEvent: string | null;
  /** Records in quarantine: on the days of the range, and in all. A record without a readable time is on the day it was read. */
  readonly quarantined: { readonly inRange: number; readonly total: number };
  /** What the answer may lack, and why. */
  readonly incomplete: readonly string[];
}

export type ReceiptRange = OpenRange & { readonly isDefault: boolean };

/** Reads metadata only, of the same moment as the answer (moment.ts), so that nothing newer than that is vouched for. */
export async function takeReceipt(
  runtime: Runtime,
  asked: Pick<QueryRequest, 'sql'> | { readonly tables: readonly string[] },
  range: ReceiptRange | undefined,
): Promise<Receipt> {
  const { catalog, config } = runtime;
  const existing = await catalog.listTables();
  const there = new Set(existing);
  // With those that are not there: the catalog may have lost one.
  const known = [...new Set([...existing, ...tablesOfAnswers])];
  const tables =
    'sql' in asked ? mentionedIn(asked.sql, { tables: known, stewards: config.stewards }).tables : asked.tables;
  const loading = tables
    .filter((name) => there.has(name))
    .map(async (name) => [name, await catalog.loadTable(name)] as const);
  const loaded = new Map((await Promise.all(loading)).flatMap(([name, table]) => (table ? [[name, table]] : [])));
  const events = [...loaded].filter(([name]) => eventTables.includes(name));
  const isNumbered = tables.some((name) => numberedTables.has(name));
  const own = [quarantine.name, ingestedObjects.name, ...(isNumbered ? [sequences.name] : [])];
  const [newest, quarantined, ...gaps] = await Promise.all([
    newestEvent(runtime, events),
    countQuarantined(runtime, range),
    lostTables(
      runtime,
      [...new Set([...tables, ...own])].filter((name) => !there.has(name)),
    ),
    openBatches(runtime),
    staleSources(runtime),
    isNumbered && there.has(sequences.name) ? missingDecisions(runtime, range) : [],
  ]);
  return {
    range: range === undefined ? null : rangeOf(range),
    snapshots: Object.fromEntries([...loaded].flatMap(([name, table]) => snapshotOf(name, table))),
    bytesHeld: [...loaded.values()].reduce((sum, table) => sum + bytesOf(table), 0),
    newestEvent: newest === undefined ? null : timeText(newest),
    quarantined,
    incomplete: [...quarantineGap(quarantined, range), ...rangeGap(newest, range), ...gaps.flat()],
  };
}

const rangeOf = ({ from, to, isDefault }: ReceiptRange): Receipt['range'] => ({
  ...(from !== undefined && { from: timeText(from) }),
  ...(to !== undefined && { to: timeText(to) }),
  isDefault,
});

function snapshotOf(name: string, { metadata }: LoadedTable): [string, Receipt['snapshots'][string]][] {
  const snapshot = currentSnapshot(metadata);
  if (snapshot === undefined) return [];
  return [[name, { id: String(snapshot['snapshot-id']), committed: new Date(snapshot['timestamp-ms']).toISOString() }]];
}

function bytesOf({ metadata }: LoadedTable): number {
  const bytes = Number(currentSnapshot(metadata)?.summary?.['total-files-size'] ?? 0);
  return Number.isFinite(bytes) ? bytes : 0;
}

/** By the bounds of files. */
async function newestEvent(
  { store, clock }: Runtime,
  tables: readonly (readonly [string, LoadedTable])[],
): Promise<bigint | undefined> {
  const now = BigInt(clock()) * 1000n;
  let newest: bigint | undefined;
  for (const [, { metadata }] of tables) {
    const field = fieldsByName(metadata).get('event_time');
    if (field === undefined) continue;
    for await (const { upperBounds } of liveFiles(store, metadata, { ymd: { to: dayOf(now) } })) {
      const bytes = upperBounds.get(field.id);
      const time = bytes === undefined ? undefined : decodeValue(field.type, bytes);
      // A time in the future is a clock that is wrong.
      if (typeof time === 'bigint' && time <= now && (newest === undefined || time > newest)) newest = time;
    }
  }
  return newest;
}

async function countQuarantined(
  { store, catalog }: Runtime,
  range: OpenRange | undefined,
): Promise<Receipt['quarantined']> {
  const table = await catalog.loadTable(quarantine.name);
  if (table === undefined) return { inRange: 0, total: 0 };
  const [from, to] = [range?.from, range?.to].map((end) => (end === undefined ? undefined : dayOf(end)));
  let [inRange, total] = [0, 0];
  for await (const { ymd, recordCount } of liveFiles(store, table.metadata)) {
    total += recordCount;
    if (ymd !== null && ((from !== undefined && ymd < from) || (to !== undefined && ymd > to))) continue;
    inRange += recordCount;
  }
  return { inRange, total };
}

function quarantineGap({ inRange }: Receipt['quarantined'], range: OpenRange | undefined): string[] {
  if (inRange === 0) return [];
  const where = range === undefined ? '' : ' on days of the range';
  return [`${plural(inRange, 'record')} in quarantine${where}: see audit-warehouse quarantine`];
}

function rangeGap(newest: bigint | undefined, range: ReceiptRange | undefined): string[] {
  if (newest === undefined || range?.to === undefined || range.to <= newest || range.isDefault) return [];
  return [`the range goes on after the newest event that is here, ${timeText(newest)}`];
}

/** Of tables that the catalog does not know. */
async function lostTables(runtime: Runtime, names: readonly string[]): Promise<string[]> {
  const left = await Promise.all(names.map((name) => fileOfLost(runtime, name)));
  return names
    .filter((_, index) => left[index] !== undefined)
    .map((name) => `all of table ${name}, which the catalog has lost: see audit-warehouse doctor`);
}

const dayMs = 86_400_000;

/** Claims hold for hours at most, so those that matter are of today or yesterday. */
async function openBatches({ store, catalog, clock }: Runtime): Promise<string[]> {
  const table = await catalog.loadTable(ingestedObjects.name);
  if (table === undefined) return [];
  const since = new Date(clock() - dayMs).toISOString().slice(0, 10);
  const open = new Map<string, Set<unknown>>();
  for await (const rows of scanRows(store, table, { columns: ['state', 'source', 'batch'], ymd: { from: since } })) {
    for (const { state, source, batch } of rows) {
      if (state !== 'claimed') continue;
      const name = String(source);
      open.set(name, (open.get(name) ?? new Set()).add(batch));
    }
  }
  return [...open]
    .sort(([a], [b]) => compareText(a, b))
    .map(([source, batches]) => `${plural(batches.size, 'batch', 'batches')} of source ${source} not committed yet`);
}

async function staleSources(runtime: Runtime): Promise<string[]> {
  const now = runtime.clock();
  const found = await findFreshness(createLedger(runtime), runtime.config.sources, now);
  return found.filter((one) => !isFresh(one, now)).map((one) => `source ${one.source}: ${describeStale(one)}`);
}

/** Judging numbers takes all of their history: more of it is not read for each answer. */
const mostBytesOfNumbers = 1 << 20;

async function missingDecisions(runtime: Runtime, range: OpenRange | undefined): Promise<string[]> {
  const table = await runtime.catalog.loadTable(sequences.name);
  if (table === undefined) return [];
  if (bytesOf(table) > mostBytesOfNumbers)
    return ['decisions that never arrived, which were not looked for: see the question missing-decisions'];
  const { days } = await producers(runtime, {
    ...(range?.from !== undefined && { from: dayOf(range.from) }),
    ...(range?.to !== undefined && { to: dayOf(range.to) }),
    grades: ['missing'],
  });
  const missing = days.reduce((sum, { estimated }) => sum + estimated, 0);
  if (missing === 0) return [];
  const instances = new Set(days.map(({ instance }) => instance)).size;
  return [
    `about ${plural(missing, 'decision')} of ${plural(instances, 'instance')} that ${missing === 1 ? 'seems' : 'seem'} never to have arrived: see the question missing-decisions`,
  ];
}
