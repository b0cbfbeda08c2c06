/** Iceberg's types and names as DuckDB writes them. */
import type { FieldType } from '../../iceberg/metadata.ts';

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
