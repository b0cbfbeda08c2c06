/**
 * The deep check: every ingested object is read again, and the digests of its rows have to be those of the table. Where
 * the sums differ, row by row: a row of the table that the object does not give is a difference; a record of the object
 * that the table lacks is one too, unless it is in quarantine, was removed on purpose, or is kept once elsewhere.
 *
 * A record that two objects hold is kept for one of them, and may have been removed there. So what an object lacks beyond
 * the rows that were removed of it is excused where the very subject was erased, or the very day is past its retention.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { fileRows } from '../../iceberg/table-rows.ts';
import { fetchObjects } from '../../ingest/fetch.ts';
import { type ConfiguredSource, objectsAt } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { digestOfSubject } from '../../ledger/subject-digest.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import { rowDigest, rowIdentity } from '../../records/identity.ts';
import { readRecords } from '../../records/read-records.ts';
import { subjectColumns } from '../../sources/registry.ts';
import type { ObjectInfo } from '../../store/store.ts';
import { partitionColumn } from '../../tables/declaration.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { textRange } from '../../text/order.ts';
import { type Accounts, type Removal, removalKey } from './accounts.ts';
import type { Differences } from './difference.ts';
import { addDigest, type TableContents, valuesOf } from './tables.ts';

export interface DeepRequest {
  readonly source: ConfiguredSource;
  readonly table: LoadedTable;
  readonly contents: TableContents;
  /** Files of any table that cannot be read, each reported. */
  readonly unreadable: ReadonlySet<string>;
  readonly accounts: Accounts;
  /** Whether an object is at rest: no run is at it. */
  readonly isSettled: (uri: string) => boolean;
}

/** Returns how many objects were read again. */
export async function checkContents(runtime: Runtime, request: DeepRequest, differences: Differences): Promise<number> {
  let read = 0;
  for await (const objects of groups(ingestedObjects(runtime, request))) {
    const doubtful = new Map<string, ObjectRows>();
    for await (const rows of rereadObjects(runtime, request, objects, differences)) {
      read++;
      const isSame =
        rows.count === (request.contents.byObject.get(rows.uri) ?? 0) &&
        rows.sum === request.contents.digests.get(rows.uri);
      if (!isSame) doubtful.set(rows.uri, rows);
    }
    if (doubtful.size > 0) await compareRows(runtime, request, doubtful, differences);
  }
  return read;
}

/**
 * How rows of an object are compared with what it gives now. Rows that were written with another mapping have other
 * values in the mapped columns by right: the report of other mappings speaks of them.
 */
function comparedBy({ source: { source }, accounts }: DeepRequest, uri: string): typeof rowDigest {
  const { mapping } = source;
  if (mapping === null) return rowDigest;
  const written = [...(accounts.objects.get(uri)?.mappings ?? [])];
  return written.every((digest) => (digest ?? mapping.unrecorded) === mapping.current) ? rowDigest : rowIdentity;
}

/** What reading an object gives. */
interface ObjectRows {
  readonly uri: string;
  readonly count: number;
  readonly sum: bigint | undefined;
  readonly rows: readonly ReadRow[];
}

interface ReadRow {
  readonly digest: string;
  /** null where it is never a duplicate. */
  readonly identity: string | null;
  /** Of the column that names the record, where the table has one. */
  readonly id: string | null;
  readonly offset: bigint;
  readonly ymd: string;
  /** Whom it is about: what an erasure goes by. */
  readonly subjects: readonly string[];
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
  const { table } = source;
  const indexOf = (column: string): number => table.columns.findIndex(({ name }) => name === column);
  const [offsetAt, ymdAt] = [indexOf('source_offset'), indexOf(partitionColumn)];
  const idAt = table.identity?.id === undefined ? -1 : indexOf(table.identity.id);
  const subjectsAt = (subjectColumns.get(table.name) ?? []).map(indexOf);
  for await (const { object, body } of fetchObjects(store, objects, { downloads, downloadBytes, limits, sleep })) {
    const rows: ReadRow[] = [];
    const digestOf = comparedBy(request, object.uri);
    let sum: bigint | undefined;
    try {
      if ('error' in body) throw body.error;
      const reader = source.openObject(object.uri, source.describeObject(object.uri));
      for await (const records of readRecords(reader, body, limits)) {
        for (const { outcome } of records) {
          if (outcome.kind !== 'row') continue;
          const { values } = outcome;
          const digest = digestOf(table, values);
          sum = addDigest(sum, digest);
          rows.push({
            digest,
            identity: outcome.identity && rowIdentity(table, values),
            id: idAt < 0 ? null : String(values[idAt]),
            offset: BigInt(Number(values[offsetAt])),
            ymd: String(values[ymdAt]),
            subjects: subjectsAt.flatMap((at) => (values[at] === null ? [] : String(values[at]))),
          });
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
): Promise<void> {
  const { table } = request.source.source;
  const held = new Map<string, Map<string, number>>();
  for await (const row of rowsOfObjects(runtime, request, request.table, doubtful)) {
    const uri = String(row.source_uri);
    const digests = held.get(uri) ?? new Map<string, number>();
    held.set(uri, digests);
    const digest = comparedBy(request, uri)(table, valuesOf(table, row));
    digests.set(digest, (digests.get(digest) ?? 0) + 1);
  }
  const quarantined = await quarantinedOffsets(runtime, request, doubtful);
  const missing = new Map<string, ReadRow[]>();
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
    if (invented > (request.accounts.added.get(uri) ?? 0) && versions === 1)
      differences.add({
        kind: 'content-differs',
        table: table.name,
        uri,
        detail: `${invented} rows of the table are not what the object gives`,
      });
  }
  const elsewhere = await identitiesHeld(runtime, request, missing);
  for (const [uri, rows] of missing) {
    const nowhere = rows.filter(({ identity }) => identity === null || !elsewhere.has(identity));
    // The same record twice in an object is one that can be lost.
    const lost = [...new Map(nowhere.map((row, i) => [row.identity ?? i, row])).values()];
    const removedHere = request.accounts.removed.get(uri) ?? 0;
    if (lost.length <= removedHere) continue;
    const unexcused = lost.filter((row) => !isRemovedOnPurpose(row, table.name, request.accounts));
    if (unexcused.length === 0) continue;
    differences.add({
      kind: 'content-differs',
      table: table.name,
      uri,
      detail: `${unexcused.length} records of the object are in no table, the first at offset ${unexcused[0]!.offset}`,
    });
  }
}

function isRemovedOnPurpose({ ymd, subjects }: ReadRow, table: string, { removals }: Accounts): boolean {
  const isRemoved = (removal: Removal): boolean => removals.has(removalKey(removal));
  return (
    isRemoved({ operation: 'retention', table, detail: ymd }) ||
    subjects.some((subject) => isRemoved({ operation: 'erase', table, detail: digestOfSubject(subject) }))
  );
}

async function* rowsOfObjects(
  { store }: Runtime,
  { unreadable }: DeepRequest,
  { metadata }: LoadedTable,
  wanted: ReadonlyMap<string, unknown>,
): AsyncGenerator<Row> {
  const bounds = [{ column: 'source_uri', ...textRange(wanted.keys()) }];
  for await (const file of liveFiles(store, metadata, { bounds })) {
    if (unreadable.has(file.path)) continue;
    for await (const rows of fileRows(store, metadata, file))
      for (const row of rows) if (wanted.has(String(row.source_uri))) yield row;
  }
}

async function quarantinedOffsets(
  runtime: Runtime,
  request: DeepRequest,
  wanted: ReadonlyMap<string, unknown>,
): Promise<Set<string>> {
  const offsets = new Set<string>();
  const loaded = await runtime.catalog.loadTable(quarantine.name);
  if (loaded === undefined) return offsets;
  for await (const row of rowsOfObjects(runtime, request, loaded, wanted))
    offsets.add(`${row.source_offset} ${row.source_uri}`);
  return offsets;
}

/** Which of the missing records some row of the table is. */
async function identitiesHeld(
  { store }: Runtime,
  { source: { source }, table, unreadable }: DeepRequest,
  missing: ReadonlyMap<string, readonly ReadRow[]>,
): Promise<Set<string>> {
  const rows = [...missing.values()].flat().filter(({ identity }) => identity !== null);
  const wanted = new Set(rows.map(({ identity }) => identity as string));
  const held = new Set<string>();
  if (wanted.size === 0) return held;
  const declaration = source.table;
  const id = declaration.identity?.id;
  const ids = new Set(rows.map((row) => row.id));
  for await (const file of liveFiles(store, table.metadata)) {
    if (unreadable.has(file.path)) continue;
    if (id !== undefined && !(await hasAny(store, table, file, id, ids))) continue;
    for await (const group of fileRows(store, table.metadata, file)) {
      for (const row of group) {
        if (id !== undefined && !ids.has(String(row[id]))) continue;
        const identity = rowIdentity(declaration, valuesOf(declaration, row));
        if (wanted.has(identity)) held.add(identity);
      }
    }
    if (held.size === wanted.size) break;
  }
  return held;
}

/** Whether any row of the file has one of these values in a column. */
async function hasAny(
  store: Runtime['store'],
  { metadata }: LoadedTable,
  file: LiveFile,
  column: string,
  values: ReadonlySet<unknown>,
): Promise<boolean> {
  for await (const rows of fileRows(store, metadata, file, { columns: [column] }))
    if (rows.some((row) => values.has(String(row[column])))) return true;
  return false;
}
