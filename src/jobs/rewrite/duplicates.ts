/**
 * Which rows of a day to drop, so that each identity is there once. Of the same record in several places the one with
 * the least (source_uri, source_offset) stays; a row in a file that is not being rewritten stays in any case.
 *
 * Only the columns of the identity are read, and memory is bounded whatever the size of the day: identities are taken
 * in as many passes as it needs, each over those whose digest falls to it. First the digests that come twice are found;
 * only for those it is told which rows they are. Where all of a record is its identity, the digests are of the columns
 * that every row has, and rows that agree in these are then read whole.
 */
import { hash } from 'node:crypto';
import type { ColumnBatch, ColumnData, ScalarData } from '../../columns/batch.ts';
import { TableBuffer } from '../../columns/table-buffer.ts';
import { type ColumnDeclaration, isScalar, type Value } from '../../columns/types.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { asParquet } from '../../iceberg/table-rows.ts';
import { valueAt } from '../../parquet/format/statistics.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { rowIdentity } from '../../records/identity.ts';
import type { ObjectStore } from '../../store/store.ts';
import { partitionColumn, type TableDeclaration } from '../../tables/declaration.ts';
import { compareText } from '../../text/order.ts';
import { DigestSet } from './digest-set.ts';
import type { CompactionTable } from './stored-table.ts';

export interface Duplicates {
  readonly count: number;
  /** By path of an input: 1 for each row to drop. */
  readonly dropped: ReadonlyMap<string, Uint8Array>;
  /** Rows to drop, by the object that they came from. */
  readonly byObject: ReadonlyMap<string, number>;
}

/** Bytes that an identity takes in the set of those seen, and that a row takes which is compared with others. */
const bytesPerIdentity = 64;
const bytesPerCandidate = 512;

export async function findDuplicates(
  store: ObjectStore,
  table: CompactionTable,
  files: { readonly inputs: readonly LiveFile[]; readonly kept: readonly LiveFile[] },
  memoryBytes: number,
): Promise<Duplicates> {
  const { declaration } = table;
  const keyColumns = identityColumns(declaration);
  if (keyColumns.length === 0) return { count: 0, dropped: new Map(), byObject: new Map() };
  const all = [...files.kept, ...files.inputs];
  const rows = all.reduce((sum, file) => sum + file.recordCount, 0);
  const repeated = new DigestSet();
  const passes = Math.max(1, Math.ceil((rows * bytesPerIdentity) / memoryBytes));
  for (let pass = 0; pass < passes; pass++) {
    const seen = new DigestSet();
    for (const file of all)
      for await (const { batch } of scan(store, table, file, keyColumns))
        eachDigest(batch, keyColumns, passes, pass, (digest) => {
          if (!seen.add(digest)) repeated.add(digest);
        });
    seen.release();
  }
  try {
    if (repeated.size === 0) return { count: 0, dropped: new Map(), byObject: new Map() };
    return await chooseRows(store, table, files, repeated, memoryBytes);
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
  { inputs, kept }: { readonly inputs: readonly LiveFile[]; readonly kept: readonly LiveFile[] },
  repeated: DigestSet,
  memoryBytes: number,
): Promise<Duplicates> {
  const { declaration } = table;
  const keyColumns = identityColumns(declaration);
  const wanted = declaration.identity === 'record' ? declaration.columns : [...keyColumns, ...provenance(declaration)];
  const dropped = new Map<string, Uint8Array>();
  const byObject = new Map<string, number>();
  let count = 0;
  const drop = (file: LiveFile, { path, row, uri }: Candidate): void => {
    const rows = dropped.get(path) ?? new Uint8Array(file.recordCount);
    dropped.set(path, rows);
    rows[row] = 1;
    const object = uri.toString('utf8');
    byObject.set(object, (byObject.get(object) ?? 0) + 1);
    count++;
  };
  const passes = Math.max(1, Math.ceil((repeated.size * bytesPerCandidate) / memoryBytes));
  for (let pass = 0; pass < passes; pass++) {
    const winners = new Map<string, { readonly file: LiveFile; readonly candidate: Candidate } | 'kept'>();
    const visit = async (file: LiveFile, isKept: boolean): Promise<void> => {
      for await (const { batch, firstRow } of scan(store, table, file, wanted)) {
        const columns = new Map(batch.columns.map((column) => [column.name, column.data]));
        eachDigest(batch, keyColumns, passes, pass, (digest, row) => {
          if (!repeated.has(digest)) return;
          const identity = declaration.identity === 'record' ? recordIdentity(declaration, columns, row) : digest;
          if (isKept) {
            winners.set(identity, 'kept');
            return;
          }
          const candidate: Candidate = {
            path: file.path,
            row: firstRow + row,
            uri: Buffer.from((slotValue(columns.get('source_uri'), row) as Uint8Array | null) ?? []),
            offset: (slotValue(columns.get('source_offset'), row) as bigint | null) ?? 0n,
          };
          const winner = winners.get(identity);
          if (winner === 'kept') drop(file, candidate);
          else if (winner === undefined) winners.set(identity, { file, candidate });
          else if (isBefore(candidate, winner.candidate)) {
            drop(winner.file, winner.candidate);
            winners.set(identity, { file, candidate });
          } else drop(file, candidate);
        });
      }
    };
    for (const file of kept) await visit(file, true);
    for (const file of inputs) await visit(file, false);
  }
  return { count, dropped, byObject };
}

/** The columns whose values are digested; none where rows of the table have no identity. */
function identityColumns({ identity, columns, provenance }: TableDeclaration): ColumnDeclaration[] {
  if (identity === undefined) return [];
  if (identity !== 'record') return columns.filter((column) => column.name === identity.column);
  return columns.filter(
    ({ name, type, required }) =>
      required === true && isScalar(type) && name !== partitionColumn && !provenance.includes(name),
  );
}

const provenance = ({ columns }: TableDeclaration): ColumnDeclaration[] =>
  columns.filter(({ name }) => name === 'source_uri' || name === 'source_offset');

async function* scan(
  store: ObjectStore,
  table: CompactionTable,
  file: LiveFile,
  columns: readonly ColumnDeclaration[],
): AsyncGenerator<{ batch: ColumnBatch; firstRow: number }> {
  const reader = await ColumnReader.open(store, asParquet(file));
  let firstRow = 0;
  for (const [index, rows] of reader.rowGroups.entries()) {
    const buffer = new TableBuffer(columns);
    await reader.append(buffer, index, table.columns, { names: table.names });
    yield { batch: buffer.batch(), firstRow };
    firstRow += rows;
  }
}

/** Rows without an identity (an empty id) are passed over. */
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

const recordIdentity = (
  declaration: TableDeclaration,
  columns: ReadonlyMap<string, ColumnData>,
  row: number,
): string => rowIdentity(declaration, declaration.columns.map(({ name }) => slotValue(columns.get(name), row))); // biome-ignore format: one line

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
