/**
 * SQL text of the view that shows a table: the columns of its current schema, in order and with their types, over
 * exactly the live rows of the files of its current snapshot. A file that lacks a column gives null, or the column's
 * initial default; where its partition says what they are, that.
 */

import { currentSchema, type SchemaField, type TableMetadata } from '../../iceberg/metadata.ts';
import { namesOf } from '../../iceberg/name-mapping.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { hasStableNames } from '../../iceberg/schema.ts';
import { findColumn, type StoredColumn } from '../../parquet/read/stored-column.ts';
import { type NestedForm, nestedForm } from './nested-columns.ts';
import { duckdbType, identifier, literal } from './sql-types.ts';

/** How the columns of the table are read of a file. */
export interface Reading {
  /**
   * How they are found: by the names that the table has for them, by field ids, or, in a file without ids of a
   * table whose columns were renamed, by the names that the file has for some fields (names by field id).
   */
  readonly columns: 'names' | 'ids' | ReadonlyMap<number, string>;
  /** Of columns that it lacks. */
  readonly constants: LiveFile['constants'];
  /** Columns whose inner fields have other names in it, by field id. */
  readonly nested: ReadonlyMap<number, NestedForm>;
}

/** A file that DuckDB can open. */
export interface ViewFile extends Reading {
  readonly path: string;
  /** Whether the table of deleted rows has any of it. */
  readonly hasDeletes: boolean;
}

/** Of a file with these columns; undefined of one that has all of the table's, under their names. */
export function readingOf(
  metadata: TableMetadata,
  file: Pick<LiveFile, 'constants'>,
  stored: ReadonlyMap<number | string, StoredColumn> | undefined,
): Reading {
  if (stored === undefined) return { columns: 'names', constants: undefined, nested: noNested };
  const constants = file.constants && constantsIn(metadata, file, stored);
  if (hasStableNames(metadata)) return { columns: 'names', constants, nested: noNested };
  return { columns: columnsInFile(metadata, stored), constants, nested: nestedIn(metadata, stored) };
}

export const noNested: Reading['nested'] = new Map();

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
export const readBy = ({ columns, constants, nested }: Reading): string =>
  JSON.stringify([
    typeof columns === 'string' ? columns : [...columns],
    [...(constants ?? [])].map(([id, value]) => [id, String(value)]),
    [...nested].map(([id, { type, value }]) => [id, type, value('')]),
  ]);

/** Of files that are read in the same way. */
function selectSql(table: string, fields: readonly SchemaField[], files: readonly ViewFile[]): string {
  const [first] = files as [ViewFile];
  const { hasDeletes } = first;
  // Under other names no column hides the file's name and its rows' numbers, which DuckDB adds.
  const inner = (field: SchemaField): string => (hasDeletes ? `column_${field.id}` : field.name);
  const paths = files.map(({ path }) => path);
  const { sql: read, valueIn } = readParquetSql(fields, first, paths, inner);
  const values = fields.map((field) => ({ field, value: valueIn(field, 'file.') }));
  const isPlain = values.every(({ field, value }) => value === `file.${identifier(field.name)}`);
  if (isPlain && !hasDeletes) return `SELECT * FROM ${read}`;
  const shown = values.map(({ field, value }) => `${value} AS ${identifier(field.name)}`);
  const gone = `${deletedRowsSchema}.${identifier(table)} AS gone`;
  const live = ` ANTI JOIN ${gone} ON gone.path = file.filename AND gone.position = file.file_row_number`;
  return `SELECT ${shown.join(', ')} FROM ${read} AS file${hasDeletes ? live : ''}`;
}

/** The call that reads fields of files that have them in the same way, and what the value of each field is in its rows. */
export function readParquetSql(
  fields: readonly SchemaField[],
  { columns, constants, nested }: Reading,
  files: readonly string[],
  inner: (field: SchemaField) => string,
): { readonly sql: string; readonly valueIn: (field: SchemaField, of?: string) => string } {
  const typeOf = ({ id, type }: SchemaField): string | undefined =>
    nested.has(id) ? nested.get(id)!.type : duckdbType(type);
  const found = fields.filter(
    (field) => (typeof columns === 'string' || columns.has(field.id)) && typeOf(field) !== undefined,
  );
  const key = ({ id, name }: SchemaField): string =>
    columns === 'ids' ? String(id) : literal(columns === 'names' ? name : columns.get(id)!);
  const schema = found.map(
    (field) =>
      `${key(field)}: {name: ${literal(inner(field))}, type: ${literal(typeOf(field)!)}, ` +
      `default_value: ${defaultOf(field, constants)}}`,
  );
  const valueIn = (field: SchemaField, of = ''): string => {
    if (!found.includes(field)) return missingValue(field, constants);
    const value = `${of}${identifier(inner(field))}`;
    return nested.get(field.id)?.value(value) ?? value;
  };
  return { sql: `read_parquet([${files.map(literal).join(', ')}], schema = MAP {${schema.join(', ')}})`, valueIn };
}

/** What rows of a file without the column have. */
const missingValue = (field: SchemaField, constants: Reading['constants']): string =>
  `CAST(${defaultOf(field, constants)} AS ${duckdbType(field.type)})`;

/** How the columns of a file with these columns are found, in a table whose fields do not have their names for good. */
function columnsInFile(
  metadata: TableMetadata,
  stored: ReadonlyMap<number | string, StoredColumn>,
): Reading['columns'] {
  if ([...stored.keys()].some((key) => typeof key === 'number')) return 'ids';
  const names = namesOf(metadata);
  const found = currentSchema(metadata).fields.flatMap((field) => {
    const column = findColumn(stored, field, names);
    return column === undefined ? [] : [[field.id, column.name] as const];
  });
  return new Map(found);
}

function nestedIn(metadata: TableMetadata, stored: ReadonlyMap<number | string, StoredColumn>): Reading['nested'] {
  const names = namesOf(metadata);
  const nested = currentSchema(metadata).fields.flatMap((field) => {
    const column = typeof field.type === 'string' ? undefined : findColumn(stored, field, names);
    const form = column && nestedForm(field, column);
    return form === undefined ? [] : [[field.id, form] as const];
  });
  return new Map(nested);
}

/** Those of the columns that a file with these columns lacks. */
function constantsIn(
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
function defaultOf({ id, 'initial-default': initial }: SchemaField, constants: Reading['constants']): string {
  const value = constants?.get(id) ?? initial;
  return value === undefined || value === null || typeof value === 'object' ? 'NULL' : literal(String(value));
}
