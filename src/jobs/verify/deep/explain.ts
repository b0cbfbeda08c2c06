/**
 * What it means that a table and an object do not give the same rows. Rows that an object does not give are a difference,
 * unless they are those of an earlier version of it, which stay. Records that a table lacks are one too, unless they are
 * in quarantine, were removed on purpose, or are kept once elsewhere.
 *
 * A record that two objects hold is kept for one of them, and may have been removed there. So what an object lacks beyond
 * the rows that were removed of it is excused where the very subject was erased, or the very day is past its retention.
 */
import type { ColumnBatch } from '../../../columns/batch.ts';
import type { Value } from '../../../columns/types.ts';
import { PriorRows } from '../../../ingest/existing-rows.ts';
import { fetchObjects } from '../../../ingest/fetch.ts';
import type { ConfiguredSource } from '../../../ingest/plan.ts';
import type { Runtime } from '../../../ingest/runtime.ts';
import { digestOfSubject } from '../../../ledger/subject-digest.ts';
import { rowIdentity } from '../../../records/identity.ts';
import { quarantineRow } from '../../../records/quarantine.ts';
import { readRecords } from '../../../records/read-records.ts';
import { type DigestedColumn, digestedColumns, rowDigest } from '../../../records/row-digest.ts';
import { subjectColumns } from '../../../sources/registry.ts';
import type { ObjectInfo } from '../../../store/store.ts';
import { partitionColumn, type TableDeclaration } from '../../../tables/declaration.ts';
import { slotValue } from '../../rewrite/duplicates.ts';
import { type Accounts, removalKey } from '../accounts.ts';
import type { DifferingRecord } from '../difference.ts';
import { type FoundRow, heldIdentities, rowsAt, type SearchedTable } from './find-rows.ts';
import { readObjects } from './source-side.ts';
import { offsetsOf } from './table-side.ts';

/** What is odd about one object in one table: offsets of rows that only one side has. */
export interface OddObject {
  readonly info: ObjectInfo;
  /** As its source gives its rows. */
  readonly columns: readonly DigestedColumn[];
  /** Versions of it that were ingested. */
  readonly versions: number;
  readonly missing: number[];
  readonly extra: number[];
}

export interface ExplainedTable {
  readonly source: ConfiguredSource;
  /** Where the rows are. */
  readonly table: SearchedTable;
  /** Where else the records may be: quarantine for rows, rows for quarantine. */
  readonly other: SearchedTable | undefined;
  readonly isQuarantine: boolean;
}

/** What is wrong with an object once its excuses are taken off. */
export interface Findings {
  /** Rows of the table that the object does not give. */
  extra: number;
  /** Records that are nowhere and need the account for an excuse, and those that have no other. */
  lost: number;
  unexcused: number;
  firstLost: number | undefined;
  readonly records: DifferingRecord[];
  /** All of them, by offset; undefined where nobody asks. */
  readonly places: Map<number, OddPlace> | undefined;
  /** Records that are the same may be lost once. */
  readonly identities: Set<string>;
}

/** What is odd at the place of one record. */
export interface OddPlace {
  /** Of the rows that the table has there, in hex. */
  readonly digests: ReadonlySet<string>;
  /** Rows that the table has there beyond those that the object gives; below zero: that it lacks. */
  readonly rows: number;
}

export const newFindings = (keepsPlaces: boolean): Findings => ({
  extra: 0,
  lost: 0,
  unexcused: 0,
  firstLost: undefined,
  records: [],
  places: keepsPlaces ? new Map() : undefined,
  identities: new Set(),
});

/** Records of an object that are named. */
const mostRecords = 10;

interface GivenRow {
  readonly uri: string;
  readonly offset: number;
  readonly values: readonly Value[];
  /** null where it is never a duplicate. */
  readonly identity: string | null;
}

/** Adds to the findings of each object what some of its odd rows mean. */
export async function explain(
  runtime: Runtime,
  explained: ExplainedTable,
  objects: ReadonlyMap<string, OddObject>,
  accounts: Accounts,
  findsPlaces: boolean,
  findingsOf: (uri: string) => Findings,
): Promise<void> {
  const { table, other, isQuarantine } = explained;
  const given = await givenRows(runtime, explained, objects);
  const { acceptedRows } = accounts;
  const stored = await storedRows(table, objects, isQuarantine || acceptedRows.size > 0 || findsPlaces);
  const columns = digestedColumns(table.declaration);
  const digestOf = ({ values }: FoundRow): string => rowDigest(columns, values).toString('hex');
  const elsewhere = await placesHeld(other, objects);
  const candidates = given.filter(({ uri, offset }) => !elsewhere.has(place(uri, offset)));
  const wanted = candidates.filter(({ identity }) => identity !== null);
  const idColumn = table.declaration.identity?.id;
  const idAt = table.declaration.columns.findIndex(({ name }) => name === idColumn);
  const held = isQuarantine
    ? new Set<string>()
    : await heldIdentities(
        table,
        new Set(wanted.map(({ identity }) => identity!)),
        new Set(wanted.map(({ values }) => textOf(values[idAt]))),
      );
  const isKept = isQuarantine ? await keptRecords(runtime, explained.source, objects, table.declaration) : () => false;
  /**
   * Rows at places where another version of their object had their record: where the same record now stands elsewhere in the
   * object, it was not taken again, each row for one of them.
   */
  const moved = new PriorRows();
  const inObject = (uri: string, values: readonly Value[]): string =>
    `${rowIdentity(table.declaration, values)} ${uri}`;
  const givenAt = Map.groupBy(given, ({ uri, offset }) => place(uri, offset));
  const givenLike = Map.groupBy(given, ({ uri, identity }) => `${identity} ${uri}`);
  /** Whether a row is of the same record as one that its object gives, and not the same row. */
  const isAltered = ({ uri, values }: FoundRow, digested: readonly DigestedColumn[]): boolean => {
    const same = givenLike.get(inObject(uri, values)) ?? [];
    const digest = rowDigest(digested, values);
    return same.length > 0 && !same.some((row) => rowDigest(digested, row.values).equals(digest));
  };

  for (const [uri, object] of objects) {
    const findings = findingsOf(uri);
    const rows = stored.get(uri) ?? new Map<number, FoundRow[]>();
    for (const [offset, { length: all }] of Map.groupBy(object.extra, (one) => one)) {
      const beside = givenAt.get(place(uri, offset)) ?? [];
      const here = rows.get(offset) ?? [];
      if (isQuarantine && (isExcusedByKey(beside, here, table.declaration) || isKept(uri, here))) continue;
      if (object.versions > 1) {
        for (const { values } of here.slice(0, all)) moved.add(inObject(uri, values));
        if (!here.some((row) => isAltered(row, object.columns))) continue;
      }
      const accepted = acceptedRows.at(table.declaration.name, uri, offset);
      // Those that the object gives are among the rows that are here, and were when these were accepted.
      const count = accepted ? Math.min(all, here.filter((row) => !accepted.has(digestOf(row))).length) : all;
      if (count === 0) continue;
      findings.extra += count;
      note(findings, offset, differingColumns(here[0], beside[0], object.columns));
      findings.places?.set(offset, { digests: new Set(here.map(digestOf)), rows: all - beside.length });
    }
  }
  for (const { uri, offset, values, identity } of candidates) {
    if (identity !== null && held.has(identity)) continue;
    if (acceptedRows.at(table.declaration.name, uri, offset) !== undefined) continue;
    const findings = findingsOf(uri);
    if (isQuarantine && isExcusedByKey([{ values }], stored.get(uri)?.get(offset) ?? [], table.declaration)) continue;
    if (moved.take(inObject(uri, values))) continue;
    if (identity !== null) {
      if (findings.identities.has(identity)) continue;
      findings.identities.add(identity);
    }
    findings.lost++;
    if (isRemovedOnPurpose(values, table.declaration, accounts)) continue;
    findings.unexcused++;
    findings.firstLost ??= offset;
    note(findings, offset, undefined);
    const { places } = findings;
    if (places?.has(offset) === false) places.set(offset, { digests: new Set(), rows: -1 });
  }
}

function note({ records }: Findings, offset: number, columns: readonly string[] | undefined): void {
  if (records.length === mostRecords || records.some((record) => record.offset === offset)) return;
  records.push(columns === undefined ? { offset } : { offset, columns });
}

const place = (uri: string, offset: number): string => `${offset} ${uri}`;

const textOf = (value: Value | undefined): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);

/** The records that the objects give at the odd offsets. */
async function givenRows(
  runtime: Runtime,
  { source, table, isQuarantine }: ExplainedTable,
  objects: ReadonlyMap<string, OddObject>,
): Promise<GivenRow[]> {
  const wanted = new Map([...objects].map(([uri, { missing }]) => [uri, new Set(missing)]));
  const { declaration } = table;
  const given: GivenRow[] = [];
  const idAt = declaration.columns.findIndex(({ name }) => name === declaration.identity?.id);
  const offsetAt = declaration.columns.findIndex(({ name }) => name === 'source_offset');
  const add = (uri: string, offset: number, values: readonly Value[]): void => {
    const isNamed = declaration.identity !== undefined && (idAt < 0 || textOf(values[idAt]) !== '');
    given.push({ uri, offset, values, identity: isNamed ? rowIdentity(declaration, values) : null });
  };
  const infos = [...objects.values()].filter(({ missing }) => missing.length > 0).map(({ info }) => info);
  await readObjects(runtime, source, infos, {
    rows: (batch: ColumnBatch, ranges) => {
      if (isQuarantine) return;
      const columns = new Map(batch.columns.map(({ name, data }) => [name, data]));
      const offsets = offsetsOf(batch);
      for (const { object, from, to } of ranges) {
        const offsetsWanted = wanted.get(object.uri)!;
        for (let row = from; row < to; row++) {
          const offset = offsets(row);
          if (!offsetsWanted.has(offset)) continue;
          add(
            object.uri,
            offset,
            declaration.columns.map(({ name }) => slotValue(columns.get(name), row)),
          );
        }
      }
    },
    rejected: ({ uri }, values) => {
      const offset = Number(values[offsetAt]);
      if (isQuarantine && wanted.get(uri)!.has(offset)) add(uri, offset, values.map(copied));
    },
    end: () => {},
  });
  return given;
}

const copied = (value: Value): Value => (value instanceof Uint8Array ? Uint8Array.from(value) : value);

/** Of a row of quarantine: what says which record it is, and which bytes it had. */
const recordColumns = ['payload', 'payload_encoding', 'payload_bytes', 'payload_truncated', 'source_type'];

/**
 * Rows of quarantine whose records would not be rejected now, since the configuration or the program has changed, or since
 * they were too many for their batch: whether they hold the very bytes of their records.
 */
async function keptRecords(
  { store, config, sleep }: Runtime,
  { source }: ConfiguredSource,
  objects: ReadonlyMap<string, OddObject>,
  { columns }: TableDeclaration,
): Promise<(uri: string, stored: readonly FoundRow[]) => boolean> {
  const { limits } = config;
  const { downloads, downloadBytes } = config.batch;
  const compared = columns
    .map((column, index) => ({ ...column, index, tag: index }))
    .filter(({ name }) => recordColumns.includes(name));
  const digest = (values: readonly Value[]): string => rowDigest(compared, values).toString('hex');
  const cellOf = (values: readonly Value[], name: string): Value =>
    values[columns.findIndex((column) => column.name === name)] ?? null;
  /** Of a record that was cut, as much as was kept is all there is to compare. */
  const beginsLike = (whole: readonly Value[], cut: readonly Value[]): boolean =>
    cellOf(cut, 'payload_truncated') === true &&
    textOf(cellOf(whole, 'source_type')) === textOf(cellOf(cut, 'source_type')) &&
    payloadOf(whole).subarray(0, payloadOf(cut).length).equals(payloadOf(cut));
  const payloadOf = (values: readonly Value[]): Buffer =>
    Buffer.from(
      textOf(cellOf(values, 'payload')),
      textOf(cellOf(values, 'payload_encoding')) === 'base64' ? 'base64' : 'utf8',
    );
  const kept = new Map<string, { readonly digest: string; readonly values: readonly Value[] }[]>();
  const infos = [...objects.values()].filter(({ extra }) => extra.length > 0).map(({ info }) => info);
  for await (const { object, body } of fetchObjects(store, infos, { downloads, downloadBytes, limits, sleep })) {
    if ('error' in body) continue;
    const { uri, lastModified } = object;
    const wanted = new Set(objects.get(uri)!.extra);
    const facts = source.describeObject(uri);
    const context = { sourceType: source.type, uri, facts, lastModified };
    for await (const records of readRecords(source.openObject(uri, facts), body, limits))
      for (const { outcome, origin } of records) {
        if (outcome.kind === 'quarantine' || !wanted.has(origin.offset)) continue;
        const row = quarantineRow(context, origin, {
          kind: 'quarantine',
          code: 'malformed_json',
          pointer: '',
          detail: '',
        });
        const at = place(uri, origin.offset);
        kept.set(at, [...(kept.get(at) ?? []), { digest: digest(row), values: row.map(copied) }]);
      }
  }
  return (uri, stored) =>
    stored.length > 0 &&
    stored.every(({ offset, values }) =>
      kept.get(place(uri, offset))?.some((row) => row.digest === digest(values) || beginsLike(row.values, values)),
    );
}

/** What the table has at the offsets of rows that the object does not give. */
async function storedRows(
  table: SearchedTable,
  objects: ReadonlyMap<string, OddObject>,
  looksAtAll: boolean,
): Promise<Map<string, Map<number, FoundRow[]>>> {
  const places = new Map<string, Set<number>>();
  for (const [uri, { extra, versions }] of objects) {
    // All of those that may have an excuse; of others as many as are named.
    const looked = versions > 1 || looksAtAll ? extra : extra.slice(0, mostRecords);
    if (looked.length > 0) places.set(uri, new Set(looked));
  }
  const stored = new Map<string, Map<number, FoundRow[]>>();
  if (places.size === 0) return stored;
  for await (const row of rowsAt(table, places)) {
    const rows = stored.get(row.uri) ?? new Map<number, FoundRow[]>();
    stored.set(row.uri, rows);
    rows.set(row.offset, [...(rows.get(row.offset) ?? []), row]);
  }
  return stored;
}

/** Those of the missing records that the other table has at their place. */
async function placesHeld(
  other: SearchedTable | undefined,
  objects: ReadonlyMap<string, OddObject>,
): Promise<Set<string>> {
  const held = new Set<string>();
  const places = new Map<string, Set<number>>();
  for (const [uri, { missing }] of objects) if (missing.length > 0) places.set(uri, new Set(missing));
  if (other === undefined || places.size === 0) return held;
  for await (const { uri, offset } of rowsAt(other, places)) held.add(place(uri, offset));
  return held;
}

function differingColumns(
  stored: FoundRow | undefined,
  given: GivenRow | undefined,
  columns: readonly DigestedColumn[],
): string[] | undefined {
  if (stored === undefined || given === undefined) return undefined;
  return columns
    .filter((column) => !rowDigest([column], stored.values).equals(rowDigest([column], given.values)))
    .map(({ name }) => name);
}

/**
 * The day of a quarantined record whose time cannot be read is that of its object's last change, which is another one after
 * the object was copied: a row that differs in it alone is the same.
 */
function isExcusedByKey(
  given: readonly Pick<GivenRow, 'values'>[],
  stored: readonly FoundRow[],
  declaration: TableDeclaration,
): boolean {
  const columns = declaration.columns
    .map((column, index) => ({ ...column, index, tag: index }))
    .filter(({ name }) => name !== partitionColumn && name !== 'source_uri' && name !== 'source_offset');
  const digest = (values: readonly Value[]): string => rowDigest(columns, values).toString('hex');
  const digests = new Set(given.map(({ values }) => digest(values)));
  return stored.length > 0 && stored.every(({ values }) => digests.has(digest(values)));
}

function isRemovedOnPurpose(
  values: readonly Value[],
  { name: table, columns }: TableDeclaration,
  { removals }: Accounts,
): boolean {
  const valueIn = (column: string): Value => values[columns.findIndex(({ name }) => name === column)] ?? null;
  const isRemoved = (operation: 'erase' | 'retention', detail: string): boolean =>
    removals.has(removalKey({ operation, table, detail }));
  return (
    isRemoved('retention', textOf(valueIn(partitionColumn))) ||
    (subjectColumns.get(table) ?? [])
      .map(valueIn)
      .some((subject) => subject !== null && isRemoved('erase', digestOfSubject(textOf(subject))))
  );
}
