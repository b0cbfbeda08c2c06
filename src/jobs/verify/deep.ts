/**
 * The deep check: every ingested object is read again, and the digests of its rows have to be those of the table. Where
 * the sums differ, row by row: a row of the table that the object does not give is a difference; a record of the object
 * that the table lacks is one too, unless it is in quarantine, was removed on purpose, or is kept once elsewhere.
 *
 * A record that two objects hold is kept for one of them, so the rows that were removed of an object may also account
 * for what another one lacks: only what exceeds all removals together is lost.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { scanRows } from '../../iceberg/table-rows.ts';
import { fetchObjects } from '../../ingest/fetch.ts';
import { type ConfiguredSource, objectsAt } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import { rowIdentity } from '../../records/identity.ts';
import { readRecords } from '../../records/read-records.ts';
import type { ObjectInfo } from '../../store/store.ts';
import { type TableDeclaration, withMappedColumns } from '../../tables/declaration.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { textRange } from '../../text/order.ts';
import type { Accounts } from './accounts.ts';
import type { Differences } from './difference.ts';
import { addDigest, digestOf, type TableContents } from './tables.ts';

export interface DeepRequest {
  readonly source: ConfiguredSource;
  readonly table: LoadedTable;
  readonly contents: TableContents;
  readonly accounts: Accounts;
  /** Whether an object is at rest: no run is at it. */
  readonly isSettled: (uri: string) => boolean;
}

/** Returns how many objects were read again. */
export async function checkContents(runtime: Runtime, request: DeepRequest, differences: Differences): Promise<number> {
  let read = 0;
  const lost: LostRecords[] = [];
  for await (const objects of groups(ingestedObjects(runtime, request))) {
    const doubtful = new Map<string, ObjectRows>();
    for await (const rows of rereadObjects(runtime, request, objects, differences)) {
      read++;
      const isSame =
        rows.count === (request.contents.byObject.get(rows.uri) ?? 0) &&
        rows.sum === request.contents.digests.get(rows.uri);
      if (!isSame) doubtful.set(rows.uri, rows);
    }
    if (doubtful.size > 0) lost.push(...(await compareRows(runtime, request, doubtful, differences)));
  }
  reportLost(request, lost, differences);
  return read;
}

/** Records of an object that are nowhere, beyond those that were removed of it on purpose. */
interface LostRecords {
  readonly uri: string;
  readonly count: number;
  readonly firstOffset: bigint;
  readonly removedHere: number;
}

function reportLost({ source, accounts }: DeepRequest, lost: readonly LostRecords[], differences: Differences): void {
  const removed = [...accounts.removed.values()].reduce((sum, rows) => sum + rows, 0);
  const here = lost.reduce((sum, { count, removedHere }) => sum + Math.min(count, removedHere), 0);
  const unexplained = lost.filter(({ count, removedHere }) => count > removedHere);
  const excess = unexplained.reduce((sum, { count, removedHere }) => sum + count - removedHere, 0);
  if (excess <= removed - here) return;
  for (const { uri, count, firstOffset } of unexplained)
    differences.add({
      kind: 'content-differs',
      table: source.source.table.name,
      uri,
      detail: `${count} records of the object are in no table, the first at offset ${firstOffset}`,
    });
}

/**
 * How rows of an object are compared with what it gives now. Rows that were written with another mapping have other
 * values in the mapped columns by right: the report of other mappings speaks of them.
 */
function comparedBy({ source: { source }, accounts }: DeepRequest, uri: string): TableDeclaration {
  const { mapping, table } = source;
  if (mapping === null) return table;
  const written = [...(accounts.objects.get(uri)?.mappings ?? [])];
  const isCurrent = written.every((digest) => (digest ?? mapping.unrecorded) === mapping.current);
  return isCurrent ? withMappedColumns(table) : table;
}

/** What reading an object gives. */
interface ObjectRows {
  readonly uri: string;
  readonly count: number;
  readonly sum: bigint | undefined;
  readonly rows: readonly { readonly digest: string; readonly identity: string | null; readonly offset: bigint }[];
}

const objectsAtATime = 64;

/** Objects that still are what was ingested last. Others have been told by the check of the sources. */
async function* ingestedObjects(
  { store, config }: Runtime,
  { source, accounts, isSettled }: DeepRequest,
): AsyncGenerator<ObjectInfo> {
  const { location } = source.config;
  for await (const object of objectsAt(store, location)) {
    if (object.uri.startsWith(`${config.warehouse}/`)) continue;
    if (accounts.objects.get(object.uri)?.etags.has(object.etag) && isSettled(object.uri)) yield object;
  }
}

async function* groups(objects: AsyncIterable<ObjectInfo>): AsyncGenerator<ObjectInfo[]> {
  let group: ObjectInfo[] = [];
  for await (const object of objects) {
    group.push(object);
    if (group.length < objectsAtATime) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

async function* rereadObjects(
  runtime: Runtime,
  request: DeepRequest,
  objects: readonly ObjectInfo[],
  differences: Differences,
): AsyncGenerator<ObjectRows> {
  const { source } = request.source;
  const { store, config, sleep } = runtime;
  const { limits } = config;
  const { downloads, downloadBytes } = config.batch;
  const offsetAt = source.table.columns.findIndex((column) => column.name === 'source_offset');
  for await (const { object, body } of fetchObjects(store, objects, { downloads, downloadBytes, limits, sleep })) {
    const rows: { digest: string; identity: string | null; offset: bigint }[] = [];
    const declaration = comparedBy(request, object.uri);
    let sum: bigint | undefined;
    try {
      if ('error' in body) throw body.error;
      const reader = source.openObject(object.uri, source.describeObject(object.uri));
      for await (const records of readRecords(reader, body, limits)) {
        for (const { outcome } of records) {
          if (outcome.kind !== 'row') continue;
          const digest = rowIdentity(declaration, outcome.values);
          sum = addDigest(sum, digest);
          const { identity: own } = outcome;
          const identity = own === null || typeof own === 'string' ? own : digest;
          rows.push({ digest, identity, offset: BigInt(Number(outcome.values[offsetAt])) });
        }
      }
    } catch (error) {
      const detail = `cannot be read again: ${error instanceof Error ? error.message : String(error)}`;
      differences.add({ kind: 'content-differs', table: source.table.name, uri: object.uri, detail });
      continue;
    }
    yield { uri: object.uri, count: rows.length, sum, rows };
  }
}

async function compareRows(
  runtime: Runtime,
  request: DeepRequest,
  doubtful: ReadonlyMap<string, ObjectRows>,
  differences: Differences,
): Promise<LostRecords[]> {
  const { table } = request.source.source;
  const held = new Map<string, Map<string, number>>();
  for await (const row of rowsOfObjects(runtime, request.table, doubtful)) {
    const uri = String(row.source_uri);
    const digests = held.get(uri) ?? new Map<string, number>();
    held.set(uri, digests);
    const digest = digestOf(comparedBy(request, uri), row);
    digests.set(digest, (digests.get(digest) ?? 0) + 1);
  }
  const quarantined = await quarantinedOffsets(runtime, doubtful);
  const missing = new Map<string, ObjectRows['rows'][number][]>();
  for (const [uri, { rows }] of doubtful) {
    const digests = held.get(uri) ?? new Map<string, number>();
    const lacking = rows.filter(({ digest, offset }) => {
      const left = digests.get(digest) ?? 0;
      if (left > 0) digests.set(digest, left - 1);
      return left === 0 && !quarantined.has(`${offset} ${uri}`);
    });
    if (lacking.length > 0) missing.set(uri, lacking);
    const invented = [...digests.values()].reduce((sum, count) => sum + count, 0);
    // Records that an earlier version of the object had stay in the table.
    const versions = request.accounts.objects.get(uri)?.etags.size ?? 0;
    if (invented > 0 && versions === 1)
      differences.add({
        kind: 'content-differs',
        table: table.name,
        uri,
        detail: `${invented} rows of the table are not what the object gives`,
      });
  }
  const elsewhere = await identitiesHeld(runtime, request, missing);
  return [...missing].flatMap(([uri, rows]) => {
    const nowhere = rows.filter(({ identity }) => identity === null || !elsewhere.has(identity));
    // The same record twice in an object is one that can be lost.
    const identities = new Set(nowhere.flatMap(({ identity }) => identity ?? []));
    const count = nowhere.filter(({ identity }) => identity === null).length + identities.size;
    const removedHere = request.accounts.removed.get(uri) ?? 0;
    return count === 0 ? [] : [{ uri, count, firstOffset: nowhere[0]!.offset, removedHere }];
  });
}

async function* rowsOfObjects(
  { store }: Runtime,
  table: LoadedTable,
  wanted: ReadonlyMap<string, unknown>,
): AsyncGenerator<Row> {
  const bounds = [{ column: 'source_uri', ...textRange(wanted.keys()) }];
  for await (const rows of scanRows(store, table, { bounds }))
    for (const row of rows) if (wanted.has(String(row.source_uri))) yield row;
}

async function quarantinedOffsets(runtime: Runtime, wanted: ReadonlyMap<string, unknown>): Promise<Set<string>> {
  const offsets = new Set<string>();
  const loaded = await runtime.catalog.loadTable(quarantine.name);
  if (loaded === undefined) return offsets;
  for await (const row of rowsOfObjects(runtime, loaded, wanted)) offsets.add(`${row.source_offset} ${row.source_uri}`);
  return offsets;
}

/** Which of the missing identities some row of the table has. */
async function identitiesHeld(
  { store }: Runtime,
  { source: { source }, table }: DeepRequest,
  missing: ReadonlyMap<string, ObjectRows['rows']>,
): Promise<Set<string>> {
  const wanted = new Set([...missing.values()].flat().flatMap(({ identity }) => identity ?? []));
  const held = new Set<string>();
  if (wanted.size === 0) return held;
  const identityOf = identityReader(withMappedColumns(source.table));
  for await (const rows of scanRows(store, table, identityOf.columns ? { columns: identityOf.columns } : {})) {
    for (const row of rows) {
      const identity = identityOf.read(row);
      if (wanted.has(identity)) held.add(identity);
    }
    if (held.size === wanted.size) break;
  }
  return held;
}

/** What tells the records of a table apart: a column, or all that is no provenance. */
function identityReader(declaration: TableDeclaration): { columns?: readonly string[]; read: (row: Row) => string } {
  const { identity } = declaration;
  if (typeof identity !== 'object') return { read: (row) => digestOf(declaration, row) };
  return { columns: [identity.column], read: (row) => String(row[identity.column] ?? '') };
}
