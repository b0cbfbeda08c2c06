/**
 * Which rows of a day to drop, so that each record is there once: of rows that are the same record (records/identity.ts)
 * the one with the least (source_uri, source_offset) stays, and a row in a file that is not being rewritten stays in any
 * case. Rows that share an id and differ are all kept; how many ids that are is counted.
 *
 * Memory is bounded whatever the size of the day. First only the columns that every row has are looked at (the id, where
 * the table has one), and the digests of their values that come twice are found, in as many passes as memory asks for, each
 * over those digests that fall to it. Rows that have such digests are then compared whole.
 */
import { hash } from 'node:crypto';
import type { ColumnData, ScalarData } from '../../columns/batch.ts';
import { type ColumnDeclaration, isScalar, type Value } from '../../columns/types.ts';
import { countOnes, deletedRows } from '../../iceberg/deleted-rows.ts';
import type { TableMetadata } from '../../iceberg/metadata.ts';
import { asParquet, type LiveFile } from '../../iceberg/scan.ts';
import { increase } from '../../ingest/object-counts.ts';
import { RowDigests } from '../../kernel/digests.ts';
import { KernelTable } from '../../kernel/table.ts';
import { columnsByName } from '../../parquet/encoder.ts';
import { valueAt } from '../../parquet/format/statistics.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { rowIdentity } from '../../records/identity.ts';
import { type CompactionTable, declaredColumns } from '../../rewrite/stored-table.ts';
import { begun } from '../../store/prefetch.ts';
import type { ObjectStore } from '../../store/store.ts';
import { partitionColumn, type TableDeclaration } from '../../tables/declaration.ts';
import { compareText } from '../../text/order.ts';

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

/** Bytes that a digest takes in the set of those seen, at most, and that a row takes which is compared with others. */
const bytesPerDigest = 32;
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

/**
 * Some rows of a file, one behind the other: a row group that is read for the columns that are asked for, or rows that are in
 * memory. What `read` gives is good until the next call.
 */
export interface ComparedRows {
  readonly file: LiveFile;
  /** Of its first row, in the file. */
  readonly firstRow: number;
  readonly rows: number;
  read(columns: readonly ColumnDeclaration[]): Promise<ReadonlyMap<string, ColumnData>>;
}

/** The rows of a file. Called once or twice for each pass, and for some files before the rows of others are through. */
export type RowsOf = (file: LiveFile) => AsyncGenerator<ComparedRows, void, undefined>;

/** Files that are opened while the one before them is looked at. */
const filesAhead = 4;

/** The rows of all files, one file after another. */
async function* inTurn(files: readonly LiveFile[], rowsOf: RowsOf): AsyncGenerator<ComparedRows> {
  const waiting = [...files];
  const opened: ReturnType<RowsOf>[] = [];
  try {
    for (;;) {
      for (const file of waiting.splice(0, filesAhead + 1 - opened.length)) opened.push(begun(rowsOf(file)));
      const [rows] = opened;
      if (rows === undefined) return;
      yield* rows;
      opened.shift();
    }
  } finally {
    await Promise.allSettled(opened.map((rows) => rows.return()));
  }
}

export async function findDuplicates(
  table: CompactionTable,
  files: ComparedFiles,
  rowsOf: RowsOf,
  memoryBytes: number,
): Promise<Duplicates> {
  const none: Duplicates = { count: 0, dropped: files.deleted, byObject: new Map(), copies: new Map(), conflicts: 0 };
  const keyColumns = keyColumnsOf(table.declaration);
  if (keyColumns.length === 0) return none;
  const all = [...files.kept, ...files.inputs];
  const rows = all.reduce((sum, { path, recordCount }) => sum + recordCount - countOnes(files.deleted.get(path)), 0);
  const digests = new RowDigests();
  try {
    const passes = Math.max(1, Math.ceil((rows * bytesPerDigest) / memoryBytes));
    for (let pass = 0; pass < passes; pass++) {
      for await (const some of inTurn(all, rowsOf))
        digests.add(await keysOf(some, keyColumns), deadOf(files.deleted, some), { passes, pass });
      digests.forgetSeen();
    }
    return digests.repeated === 0 ? none : await chooseRows(table, files, rowsOf, digests, memoryBytes);
  } finally {
    digests.release();
  }
}

async function keysOf(some: ComparedRows, columns: readonly ColumnDeclaration[]): Promise<ScalarData[]> {
  const read = await some.read(columns);
  return columns.map(({ name }) => read.get(name) as ScalarData);
}

const deadOf = (deleted: ReadonlyMap<string, Uint8Array>, { file, firstRow, rows }: ComparedRows) =>
  deleted.get(file.path)?.subarray(firstRow, firstRow + rows);

interface Candidate {
  readonly path: string;
  readonly row: number;
  readonly uri: Buffer;
  readonly offset: bigint;
}

async function chooseRows(
  table: CompactionTable,
  { inputs, kept, deleted }: ComparedFiles,
  rowsOf: RowsOf,
  digests: RowDigests,
  memoryBytes: number,
): Promise<Duplicates> {
  const { declaration } = table;
  const keyColumns = keyColumnsOf(declaration);
  const compared = declaredColumns(declaration);
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
  const passes = Math.max(1, Math.ceil((digests.repeated * bytesPerCandidate) / memoryBytes));
  for (let pass = 0; pass < passes; pass++) {
    /** By identity of the record. */
    const winners = new Map<string, { readonly file: LiveFile; readonly candidate: Candidate } | 'kept'>();
    const places = new Set<string>();
    /** By number of the id's digest: the identity of the first record that has it; null once another has it too. */
    const firsts = new Map<number, string | null>();
    const visit = async (files: readonly LiveFile[], isKept: boolean): Promise<void> => {
      for await (const some of inTurn(files, rowsOf)) {
        const { file } = some;
        const keys = await keysOf(some, keyColumns);
        const found = digests.find(keys, deadOf(deleted, some), { passes, pass });
        if (found.length === 0) continue;
        const columns = await some.read(compared);
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
            row: some.firstRow + row,
            uri: Buffer.from((slotValue(columns.get('source_uri'), row) as Uint8Array | null) ?? []),
            offset: (slotValue(columns.get('source_offset'), row) as bigint | null) ?? 0n,
          };
          const place = placeDigest(identity, candidate);
          const isCopy = places.has(place);
          places.add(place);
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
    await visit(kept, true);
    await visit(inputs, false);
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

/** Reads the row groups of files, and of these only what is asked for. */
export const rowsInStore = (store: ObjectStore, table: CompactionTable): RowsOf =>
  async function* rowsOf(file) {
    const reader = await ColumnReader.open(store, asParquet(file));
    try {
      let firstRow = 0;
      for (const [index, rows] of reader.rowGroups.entries()) {
        const tables: KernelTable[] = [];
        const read = async (columns: readonly ColumnDeclaration[]): Promise<ReadonlyMap<string, ColumnData>> => {
          const some = new KernelTable(columns);
          tables.push(some);
          await reader.append(some, index, table.columns, { names: table.names });
          return columnsByName(some.batch());
        };
        try {
          yield { file, firstRow, rows, read };
        } finally {
          for (const some of tables) some.release();
        }
        firstRow += rows;
      }
    } finally {
      reader.close();
    }
  };

const isNull = ({ valid, nullCount, length }: ColumnData, row: number): boolean =>
  valid === null ? nullCount > 0 && nullCount === length : valid[row] === 0;

/** The value in a slot, strings as their bytes. */
export function slotValue(data: ColumnData | undefined, row: number): Value {
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
