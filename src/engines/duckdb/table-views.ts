/**
 * SQL text of the view that shows a table: the columns of its current schema, in order and with their types, over
 * exactly the files of its current snapshot. Columns are found by name; a file that lacks one gives null.
 */
import { currentSchema, type FieldType, type TableMetadata } from '../../iceberg/metadata.ts';

/** `files` are paths that DuckDB can open. Without files the view is empty but has all columns. */
export function viewSql(name: string, metadata: TableMetadata, files: readonly string[]): string {
  const columns = currentSchema(metadata).fields.map((field) => ({ name: field.name, type: duckdbType(field.type) }));
  if (files.length === 0) {
    const nulls = columns.map((column) => `CAST(NULL AS ${column.type}) AS ${identifier(column.name)}`);
    return `CREATE VIEW ${identifier(name)} AS SELECT ${nulls.join(', ')} WHERE false`;
  }
  const schema = columns.map(
    (column) =>
      `${literal(column.name)}: {name: ${literal(column.name)}, type: ${literal(column.type)}, default_value: NULL}`,
  );
  return (
    `CREATE VIEW ${identifier(name)} AS SELECT * FROM read_parquet(` +
    `[${files.map(literal).join(', ')}], schema = MAP {${schema.join(', ')}})`
  );
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
