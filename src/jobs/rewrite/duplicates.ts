/**
 * Which rows of a day to drop, so that each record is there once: of rows that are the same record (records/identity.ts)
 * the one with the least (source_uri, source_offset) stays, and a row in a file that is not being rewritten stays in any
 * case. Rows that share an id and differ are all kept; how many ids that are is counted.
 *
 * Memory is bounded whatever the size of the day. First only the columns that every row has are read (the id, where the
 * table has one), and the digests of their values that come twice are found, in as many passes as memory asks for, each
 * over those digests that fall to it. Row groups that hold such digests are then read whole, and the rows compared.
 */
import { hash } from 'node:crypto';
import type { ColumnBatch, ColumnData, ScalarData } from '../../columns/batch.ts';
import { TableBuffer } from '../../columns/table-buffer.ts';
import { type ColumnDeclaration, isScalar, type Value } from '../../columns/types.ts';
import { deletedRows } from '../../iceberg/deleted-rows.ts';
import type { TableMetadata } from '../../iceberg/metadata.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { asParquet } from '../../iceberg/table-rows.ts';
import { increase } from '../../ingest/object-counts.ts';
import { valueAt } from '../../parquet/format/statistics.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { rowIdentity } from '../../records/identity.ts';
import type { CompactionTable } from '../../rewrite/stored-table.ts';
import type { ObjectStore } from '../../store/store.ts';
import { partitionColumn, type TableDeclaration } from '../../tables/declaration.ts';
import { compareText } from '../../text/order.ts';
import { DigestSet } from './digest-set.ts';

export interface Duplicates {
  readonly count: number;
  /** By path of an input: 1 for each row to drop, deleted ones among them. */
  readonly dropped: ReadonlyMap<string, Uint8Array>;
  /** Rows to drop, by the object that they came from. */
  readonly byObject: ReadonlyMap<string, number>;
  /**
   * Those among them that came from the very place of another row: ingest makes one row of a place, so the ledger
   * knows nothing of these. By object.
   */
  readonly copies: ReadonlyMap<string, number>;
  /** Ids that rows share which are not the same record. */
  readonly conflicts: number;
}

/** Bytes that a digest takes in the set of those seen, and that a row takes which is compared with others. */
const bytesPerDigest = 64;
const bytesPerCandidate = 768;

export interface ComparedFiles {
  readonly inputs: readonly LiveFile[];
  readonly kept: readonly LiveFile[];
  /** Rows that count for nothing, since they are deleted: 1 for each, by path. */
  readonly deleted: ReadonlyMap<string, Uint8Array>;
}

/** By path, the rows of these files that row-level deletes take, where there are any. */
export async function deletedIn(
  store: ObjectStore,
  metadata: TableMetadata,
  files: readonly LiveFile[],
): Promise<Map<string, Uint8Array>> {
  const deleted = new Map<string, Uint8Array>();
  for (const file of files) {
    const rows = await deletedRows(store, metadata, file);
    if (rows !== undefined) deleted.set(file.path, rows);
  }
  return deleted;
}

export async function findDuplicates(
  store: ObjectStore,
  table: CompactionTable,
  files: ComparedFiles,
  memoryBytes: number,
): Promise<Duplicates> {
  const none: Duplicates = { count: 0, dropped: files.deleted, byObject: new Map(), copies: new Map(), conflicts: 0 };
  const keyColumns = keyColumnsOf(table.declaration);
  if (keyColumns.length === 0) return none;
  const all = [...files.kept, ...files.inputs];
  const rows = all.reduce((sum, file) => sum + file.recordCount, 0);
  const repeated = new DigestSet();
  const passes = Math.max(1, Math.ceil((rows * bytesPerDigest) / memoryBytes));
  for (let pass = 0; pass < passes; pass++) {
    const seen = new DigestSet();
    for (const file of all)
      for await (const group of rowGroups(store, table, file, files.deleted))
        eachDigest(await group.read(keyColumns), keyColumns, passes, pass, (digest, row) => {
          if (group.isLive(row) && !seen.add(digest)) repeated.add(digest);
        });
    seen.release();
  }
  try {
    return repeated.size === 0 ? none : await chooseRows(store, table, files, repeated, memoryBytes);
  } finally {
    repeated.release();
  }
}

interface Candidate {
  readonly path: string;
  readonly row: number;
  readonly uri: Buffer;
  readonly offset: bigint;
}

async function chooseRows(
  store: ObjectStore,
  table: CompactionTable,
  { inputs, kept, deleted }: ComparedFiles,
  repeated: DigestSet,
  memoryBytes: number,
): Promise<Duplicates> {
  const { declaration } = table;
  const keyColumns = keyColumnsOf(declaration);
  const hasId = declaration.identity?.id !== undefined;
  const dropped = new Map([...deleted].map(([path, rows]) => [path, rows.slice()]));
  const byObject = new Map<string, number>();
  const copies = new Map<string, number>();
  let count = 0;
  let conflicts = 0;
  const drop = (file: LiveFile, { path, row, uri }: Candidate): void => {
    const rows = dropped.get(path) ?? new Uint8Array(file.recordCount);
    dropped.set(path, rows);
    rows[row] = 1;
    const object = uri.toString('utf8');
    increase(byObject, object, 1);
    count++;
  };
  const passes = Math.max(1, Math.ceil((repeated.size * bytesPerCandidate) / memoryBytes));
  for (let pass = 0; pass < passes; pass++) {
    /** By identity of the record. */
    const winners = new Map<string, { readonly file: LiveFile; readonly candidate: Candidate } | 'kept'>();
    const places = new DigestSet();
    /** By digest of the id: the identity of the first record that has it; null once another has it too. */
    const firsts = new Map<string, string | null>();
    const visit = async (file: LiveFile, isKept: boolean): Promise<void> => {
      for await (const group of rowGroups(store, table, file, deleted)) {
        const found: (readonly [row: number, digest: string])[] = [];
        eachDigest(await group.read(keyColumns), keyColumns, passes, pass, (digest, row) => {
          if (group.isLive(row) && repeated.has(digest)) found.push([row, digest]);
        });
        if (found.length === 0) continue;
        const { columns: read } = await group.read(declaration.columns);
        const columns = new Map(read.map((column) => [column.name, column.data]));
        for (const [row, digest] of found) {
          const values = declaration.columns.map(({ name }) => slotValue(columns.get(name), row));
          const identity = rowIdentity(declaration, values);
          if (hasId) {
            const first = firsts.get(digest);
            if (first === undefined) firsts.set(digest, identity);
            else if (first !== null && first !== identity) {
              firsts.set(digest, null);
              conflicts++;
            }
          }
          const candidate: Candidate = {
            path: file.path,
            row: group.firstRow + row,
            uri: Buffer.from((slotValue(columns.get('source_uri'), row) as Uint8Array | null) ?? []),
            offset: (slotValue(columns.get('source_offset'), row) as bigint | null) ?? 0n,
          };
          const isCopy = !places.add(placeDigest(identity, candidate));
          if (isKept) {
            winners.set(identity, 'kept');
            continue;
          }
          if (isCopy) increase(copies, candidate.uri.toString('utf8'), 1);
          const winner = winners.get(identity);
          if (winner === 'kept') drop(file, candidate);
          else if (winner === undefined) winners.set(identity, { file, candidate });
          else if (isBefore(candidate, winner.candidate)) {
            drop(winner.file, winner.candidate);
            winners.set(identity, { file, candidate });
          } else drop(file, candidate);
        }
      }
    };
    for (const file of kept) await visit(file, true);
    for (const file of inputs) await visit(file, false);
    places.release();
  }
  return { count, dropped, byObject, copies, conflicts };
}

const placeDigest = (identity: string, { uri, offset }: Candidate): string =>
  hash('sha256', Buffer.concat([Buffer.from(`${identity} ${offset} `), uri]), 'binary');

/** The columns whose values are digested: rows that differ in them are not the same record. None: rows are never it. */
function keyColumnsOf({ identity, columns, provenance }: TableDeclaration): ColumnDeclaration[] {
  if (identity === undefined) return [];
  if (identity.id !== undefined) return columns.filter((column) => column.name === identity.id);
  return columns.filter(
    ({ name, type, required }) =>
      required === true && isScalar(type) && name !== partitionColumn && !provenance.includes(name),
  );
}

interface RowGroup {
  /** Of its first row, in the file. */
  readonly firstRow: number;
  isLive(row: number): boolean;
  read(columns: readonly ColumnDeclaration[]): Promise<ColumnBatch>;
}

async function* rowGroups(
  store: ObjectStore,
  table: CompactionTable,
  file: LiveFile,
  deleted: ReadonlyMap<string, Uint8Array>,
): AsyncGenerator<RowGroup> {
  const gone = deleted.get(file.path);
  const reader = await ColumnReader.open(store, asParquet(file));
  let firstRow = 0;
  for (const [index, rows] of reader.rowGroups.entries()) {
    const read = async (columns: readonly ColumnDeclaration[]): Promise<ColumnBatch> => {
      const buffer = new TableBuffer(columns);
      await reader.append(buffer, index, table.columns, { names: table.names });
      return buffer.batch();
    };
    const first = firstRow;
    yield { firstRow, isLive: (row) => gone?.[first + row] !== 1, read };
    firstRow += rows;
  }
}

/** Rows whose id is empty are passed over. */
function eachDigest(
  batch: ColumnBatch,
  columns: readonly ColumnDeclaration[],
  passes: number,
  pass: number,
  visit: (digest: string, row: number) => void,
): void {
  const data = columns.map(({ name }) => batch.columns.find((column) => column.name === name)!.data as ScalarData);
  const [only] = data;
  for (let row = 0; row < batch.rows; row++) {
    let bytes: Uint8Array;
    if (data.length === 1 && only?.kind === 'string') {
      bytes = stringAt(only, row);
      if (bytes.length === 0) continue;
    } else bytes = Buffer.concat(data.flatMap((column) => [slotBytes(column, row), separator]));
    const digest = hash('sha256', bytes, 'binary');
    if (passes === 1 || passOf(digest, passes) === pass) visit(digest, row);
  }
}

/** By a part of the digest that the sets do not use. */
const passOf = (digest: string, passes: number): number =>
  ((digest.charCodeAt(16) << 16) | (digest.charCodeAt(17) << 8) | digest.charCodeAt(18)) % passes;

const separator = Buffer.of(0);
const nothing = new Uint8Array(0);

function stringAt(data: Extract<ScalarData, { kind: 'string' }>, row: number): Uint8Array {
  if (isNull(data, row)) return nothing;
  const entry = data.codes === null ? row : data.codes[row]!;
  return data.bytes.subarray(data.offsets[entry]!, data.offsets[entry + 1]!);
}

const slotBytes = (data: ScalarData, row: number): Uint8Array =>
  data.kind === 'string'
    ? stringAt(data, row)
    : Buffer.from(isNull(data, row) || data.values === null ? '' : String(data.values[row]));

const isNull = ({ valid, nullCount, length }: ColumnData, row: number): boolean =>
  valid === null ? nullCount > 0 && nullCount === length : valid[row] === 0;

/** The value in a slot, strings as their bytes. */
function slotValue(data: ColumnData | undefined, row: number): Value {
  if (data === undefined || isNull(data, row)) return null;
  if (data.kind === 'fixed' || data.kind === 'string') return valueAt(data, row);
  const items = <T>(of: (element: number) => T): T[] => {
    const [start, end] = [data.offsets[row]!, data.offsets[row + 1]!];
    return Array.from({ length: end - start }, (_, i) => of(start + i));
  };
  const scalar = (part: ScalarData, element: number) => (isNull(part, element) ? null : valueAt(part, element));
  if (data.kind === 'list') return items((element) => scalar(data.elements, element));
  return items((entry) => {
    const key = valueAt(data.keys, entry) as Uint8Array;
    return [Buffer.from(key).toString('utf8'), scalar(data.values, entry)] as const;
  });
}

function isBefore(a: Candidate, b: Candidate): boolean {
  const byUri = Buffer.compare(a.uri, b.uri);
  if (byUri !== 0) return byUri < 0;
  if (a.offset !== b.offset) return a.offset < b.offset;
  return a.path !== b.path ? compareText(a.path, b.path) < 0 : a.row < b.row;
}
