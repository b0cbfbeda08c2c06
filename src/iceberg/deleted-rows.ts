/**
 * Which rows of a data file its row-level deletes take (Iceberg spec, "Position Delete Files", "Equality Delete Files",
 * "Deletion Vectors"): one answer for everything that reads rows, columns or whole files of a table.
 */
import type { Value } from '../columns/types.ts';
import { type FieldRef, type ParquetFile, type Row, readRange, readRows } from '../parquet/read/row-reader.ts';
import { canonical } from '../store/places.ts';
import type { ObjectStore } from '../store/store.ts';
import { readAvro } from './avro.ts';
import { eachDeleted } from './deletion-vector.ts';
import { readFile } from './files.ts';
import type { FieldType, TableMetadata } from './metadata.ts';
import { namesOf } from './name-mapping.ts';
import { type DeleteFile, deletedPathField, deletedPositionField } from './row-deletes.ts';
import { asParquet, type LiveFile } from './scan.ts';

type DeletedFrom = Pick<LiveFile, 'path' | 'fileSize' | 'recordCount' | 'deletes' | 'constants'>;

/** 1 for each row that is deleted; undefined where none is. Throws Error naming the delete file that cannot be read. */
export async function deletedRows(
  store: ObjectStore,
  metadata: TableMetadata,
  file: DeletedFrom,
): Promise<Uint8Array | undefined> {
  if (file.deletes.length === 0) return undefined;
  const rows = new Uint8Array(file.recordCount);
  const mark = (position: number): void => {
    // Past the end there is no row: Uint8Array ignores what is written there.
    rows[position] = 1;
  };
  for (const deletes of file.deletes) {
    if (deletes.kind === 'vector') {
      const bytes = await readVector(store, deletes);
      eachDeleted(bytes, file.recordCount, deletes.path, mark);
    } else if (deletes.kind === 'position') (await positionsOf(store, deletes)).get(file.path)?.forEach(mark);
  }
  await markEqual(store, metadata, file, mark);
  return rows.includes(1) ? rows : undefined;
}

/** How many rows of a data file are live. */
export async function countLiveRows(store: ObjectStore, metadata: TableMetadata, file: DeletedFrom): Promise<number> {
  return file.recordCount - countOnes(await deletedRows(store, metadata, file));
}

export const countOnes = (rows: Uint8Array | undefined): number => rows?.reduce((sum, row) => sum + row, 0) ?? 0;

/** A field of the table's schema, for reading rows by its id. */
export const fieldRef = ({ name, id, type, 'initial-default': missing }: ReadField): FieldRef => ({
  name,
  id,
  isLong: type === 'long',
  missing: initialDefault(type, missing),
});

interface ReadField {
  readonly name: string;
  readonly id: number;
  readonly type: FieldType;
  readonly 'initial-default'?: unknown;
}

/** Iceberg spec, "Default Values" and Appendix D, "JSON single-value serialization"; format version 3. */
function initialDefault(type: FieldType, value: unknown): Value {
  if (value === undefined || value === null || typeof value === 'object') return null;
  if (type === 'long') return BigInt(value as number | bigint);
  if (type === 'timestamp') return microsOf(String(value));
  return value as Value;
}

/** Of `2024-01-02T03:04:05.678901`. */
function microsOf(text: string): bigint {
  const [seconds = '', fraction = ''] = text.split('.');
  return BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

async function readVector(store: ObjectStore, { path, fileSize, contentOffset, contentSize }: DeleteFile) {
  return new Uint8Array(
    await readRange(store, { uri: path, size: fileSize }, contentOffset, contentOffset + contentSize),
  );
}

type Positions = ReadonlyMap<string, readonly number[]>;

/** One file speaks of all data files of its partition; it is read once for as long as the scan that named it is in use. */
const positionsRead = new WeakMap<DeleteFile, Promise<Positions>>();

function positionsOf(store: ObjectStore, file: DeleteFile): Promise<Positions> {
  return once(positionsRead, file, async () => {
    const positions = new Map<string, number[]>();
    for await (const rows of readDeletedPositions(store, file)) {
      for (const { path, position } of rows) {
        const dataFile = canonical(String(path));
        const known = positions.get(dataFile);
        if (known === undefined) positions.set(dataFile, [Number(position)]);
        else known.push(Number(position));
      }
    }
    return positions;
  });
}

/** The rows of a position delete file: `path` of a data file as its writer wrote it, and `position`. */
export function readDeletedPositions(
  store: ObjectStore,
  file: DeleteFile,
): AsyncGenerator<readonly Row[], void, undefined> {
  const columns = [
    { name: 'path', id: deletedPathField },
    { name: 'position', id: deletedPositionField },
  ];
  const names = new Map([
    ['file_path', deletedPathField],
    ['pos', deletedPositionField],
  ]);
  return rowsOfDeletes(store, file, columns, names);
}

const valuesRead = new WeakMap<DeleteFile, Promise<ReadonlySet<string>>>();

async function markEqual(
  store: ObjectStore,
  metadata: TableMetadata,
  file: DeletedFrom,
  mark: (position: number) => void,
): Promise<void> {
  const equality = file.deletes.filter(({ kind }) => kind === 'equality');
  for (const [, group] of Map.groupBy(equality, ({ equalityIds }) => equalityIds.join())) {
    const columns = group[0]!.equalityIds.map((id) => fieldOf(metadata, id, group[0]!));
    const names = namesOf(metadata);
    const sets = await Promise.all(group.map((deletes) => valuesOf(store, deletes, columns, names)));
    let position = 0;
    for await (const rows of readRows(store, asParquet(file), { columns, names })) {
      for (const row of rows) {
        const key = keyOf(row, columns);
        if (sets.some((set) => set.has(key))) mark(position);
        position++;
      }
    }
  }
}

function valuesOf(
  store: ObjectStore,
  file: DeleteFile,
  columns: readonly FieldRef[],
  names: ReadonlyMap<string, number>,
): Promise<ReadonlySet<string>> {
  return once(valuesRead, file, async () => {
    const values = new Set<string>();
    for await (const rows of rowsOfDeletes(store, file, columns, names))
      for (const row of rows) values.add(keyOf(row, columns));
    return values;
  });
}

/** Equality holds between nulls too; the columns may have been dropped from the table since. */
const keyOf = (row: Row, columns: readonly FieldRef[]): string =>
  JSON.stringify(columns.map(({ name }) => comparable(row[name])));

function comparable(value: Value | undefined): unknown {
  if (typeof value === 'bigint') return { number: String(value) };
  if (typeof value === 'number') return { number: String(value) };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  return value ?? null;
}

function fieldOf({ schemas, location }: TableMetadata, id: number, { path }: DeleteFile): FieldRef {
  for (const { fields } of schemas.toReversed()) {
    const field = fields.find((candidate) => candidate.id === id);
    if (field !== undefined) return { ...fieldRef(field), name: String(id) };
  }
  throw new Error(
    `${path} deletes rows of the table at ${location} by field ${id}, which is not a column of any schema`,
  );
}

async function* rowsOfDeletes(
  store: ObjectStore,
  { path, format, fileSize }: DeleteFile,
  columns: readonly FieldRef[],
  names: ReadonlyMap<string, number>,
): AsyncGenerator<readonly Row[], void, undefined> {
  if (format === 'PARQUET') {
    const file: ParquetFile = { uri: path, size: fileSize };
    yield* readRows(store, file, { columns, names });
  } else if (format === 'AVRO') {
    const { schema, records } = readAvro(await readFile(store, path), path);
    const fields = (schema as { fields: { name: string; 'field-id'?: number }[] }).fields;
    const stored = columns.map(({ id }) => fields.find((field) => (field['field-id'] ?? names.get(field.name)) === id));
    yield records.map(
      (record) =>
        Object.fromEntries(columns.map(({ name }, i) => [name, stored[i] && record[stored[i].name]])) as unknown as Row,
    );
  } else throw new Error(`${path}: row-level deletes in ${format} files cannot be read here`);
}

function once<T>(done: WeakMap<DeleteFile, Promise<T>>, file: DeleteFile, read: () => Promise<T>): Promise<T> {
  const known = done.get(file);
  if (known !== undefined) return known;
  const reading = read();
  done.set(file, reading);
  // What failed is tried again by the next reader.
  reading.catch(() => done.delete(file));
  return reading;
}
