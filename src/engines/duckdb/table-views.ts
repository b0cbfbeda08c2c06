/**
 * SQL text of the view that shows a table: the columns of its current schema, in order and with their types, over
 * exactly the live rows of the files of its current snapshot. A file that lacks a column gives null, or the column's
 * initial default; where its partition says what they are, that.
 */

import { currentSchema, type FieldType, type SchemaField, type TableMetadata } from '../../iceberg/metadata.ts';
import { namesOf } from '../../iceberg/name-mapping.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { findColumn, type StoredColumn } from '../../parquet/read/stored-column.ts';

/** A file that DuckDB can open. */
export interface ViewFile {
  readonly path: string;
  /**
   * How its columns are found: by the names that the table has for them, by field ids, or, in a file without ids of a
   * table whose columns were renamed, by the names that the file has for some fields (names by field id).
   */
  readonly columns: 'names' | 'ids' | ReadonlyMap<number, string>;
  /** Whether the table of deleted rows has any of it. */
  readonly hasDeletes: boolean;
  /** Of columns that it lacks. */
  readonly constants: LiveFile['constants'];
}

/** Where the table of deleted rows of each table is: `path`, as in ViewFile, and `position`. */
export const deletedRowsSchema = 'deleted_rows';

/** Without files the view is empty but has all columns. */
export function viewSql(name: string, metadata: TableMetadata, files: readonly ViewFile[]): string {
  const { fields } = currentSchema(metadata);
  const create = `CREATE VIEW ${identifier(name)} AS`;
  if (files.length === 0) {
    const nulls = fields.map((field) => `CAST(NULL AS ${duckdbType(field.type)}) AS ${identifier(field.name)}`);
    return `${create} SELECT ${nulls.join(', ')} WHERE false`;
  }
  const groups = Map.groupBy(files, (file) => `${readBy(file)} ${file.hasDeletes}`);
  return `${create} ${[...groups.values()].map((group) => selectSql(name, fields, group)).join(' UNION ALL ')}`;
}

/** The same for files whose columns are found in the same way. */
export const readBy = ({ columns, constants }: Pick<ViewFile, 'columns' | 'constants'>): string =>
  `${typeof columns === 'string' ? columns : JSON.stringify([...columns])}${
    constants === undefined ? '' : JSON.stringify([...constants].map(([id, value]) => [id, String(value)]))
  }`;

/** Of files that are read in the same way. */
function selectSql(table: string, fields: readonly SchemaField[], files: readonly ViewFile[]): string {
  const { columns, hasDeletes, constants } = files[0]!;
  // Under other names no column hides the file's name and its rows' numbers, which DuckDB adds.
  const inner = (field: SchemaField): string => (hasDeletes ? `column_${field.id}` : field.name);
  const paths = files.map(({ path }) => path);
  const { sql: read, found } = readParquetSql(fields, { columns, constants }, paths, inner);
  if (found.length === fields.length && !hasDeletes) return `SELECT * FROM ${read}`;
  const shown = fields.map((field) => {
    const value = found.includes(field) ? `file.${identifier(inner(field))}` : missingValue(field, constants);
    return `${value} AS ${identifier(field.name)}`;
  });
  const gone = `${deletedRowsSchema}.${identifier(table)} AS gone`;
  const live = ` ANTI JOIN ${gone} ON gone.path = file.filename AND gone.position = file.file_row_number`;
  return `SELECT ${shown.join(', ')} FROM ${read} AS file${hasDeletes ? live : ''}`;
}

/** The call that reads fields of files that have them in the same way, and which of them they have. */
export function readParquetSql(
  fields: readonly SchemaField[],
  { columns, constants }: Pick<ViewFile, 'columns' | 'constants'>,
  files: readonly string[],
  inner: (field: SchemaField) => string,
): { readonly sql: string; readonly found: readonly SchemaField[] } {
  const found = typeof columns === 'string' ? fields : fields.filter(({ id }) => columns.has(id));
  const key = ({ id, name }: SchemaField): string =>
    columns === 'ids' ? String(id) : literal(columns === 'names' ? name : columns.get(id)!);
  const schema = found.map(
    (field) =>
      `${key(field)}: {name: ${literal(inner(field))}, type: ${literal(duckdbType(field.type))}, ` +
      `default_value: ${defaultOf(field, constants)}}`,
  );
  return { sql: `read_parquet([${files.map(literal).join(', ')}], schema = MAP {${schema.join(', ')}})`, found };
}

/** What rows of a file without the column have. */
export const missingValue = (field: SchemaField, constants: ViewFile['constants']): string =>
  `CAST(${defaultOf(field, constants)} AS ${duckdbType(field.type)})`;

/** How the columns of a file with these columns are found, in a table whose fields do not have their names for good. */
export function columnsInFile(
  metadata: TableMetadata,
  stored: ReadonlyMap<number | string, StoredColumn>,
): ViewFile['columns'] {
  if ([...stored.keys()].some((key) => typeof key === 'number')) return 'ids';
  const names = namesOf(metadata);
  const found = currentSchema(metadata).fields.flatMap((field) => {
    const column = findColumn(stored, field, names);
    return column === undefined ? [] : [[field.id, column.name] as const];
  });
  return new Map(found);
}

/** Those of the columns that a file with these columns lacks. */
export function constantsIn(
  metadata: TableMetadata,
  { constants }: Pick<LiveFile, 'constants'>,
  stored: ReadonlyMap<number | string, StoredColumn>,
): LiveFile['constants'] {
  const names = namesOf(metadata);
  const isMissing = (field: SchemaField): boolean => findColumn(stored, field, names) === undefined;
  const missing = currentSchema(metadata).fields.flatMap((field) => {
    const value = constants?.get(field.id);
    return value !== undefined && isMissing(field) ? [[field.id, value] as const] : [];
  });
  return missing.length === 0 ? undefined : new Map(missing);
}

/** What a file without the column has in all of its rows (Iceberg spec, "Default Values"; format version 3). */
function defaultOf({ id, 'initial-default': initial }: SchemaField, constants: ViewFile['constants']): string {
  const value = constants?.get(id) ?? initial;
  return value === undefined || value === null || typeof value === 'object' ? 'NULL' : literal(String(value));
}

const primitives: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMP WITH TIME ZONE',
  timestamp_ns: 'TIMESTAMP_NS',
  timestamptz_ns: 'TIMESTAMP WITH TIME ZONE',
  date: 'DATE',
  time: 'TIME',
  uuid: 'UUID',
  binary: 'BLOB',
};

/** The type under which DuckDB shows a column (Iceberg spec, "Primitive Types"). Throws for a type it has none for. */
export function duckdbType(type: FieldType): string {
  if (typeof type === 'string') {
    const found = primitives[type];
    if (found !== undefined) return found;
    const decimal = /^decimal\((\d+),\s*(\d+)\)$/.exec(type);
    if (decimal) return `DECIMAL(${decimal[1]}, ${decimal[2]})`;
    if (/^fixed\[\d+\]$/.test(type)) return 'BLOB';
    throw new Error(`a column of Iceberg type ${type} cannot be queried here`);
  }
  switch (type.type) {
    case 'list':
      return `${duckdbType(type.element)}[]`;
    case 'map':
      return `MAP(${duckdbType(type.key)}, ${duckdbType(type.value)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${identifier(field.name)} ${duckdbType(field.type)}`).join(', ')})`;
  }
}

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
