import type { Column, Table, TableInput } from '@aws-sdk/client-glue';
import { currentSchema, type FieldType, type TableMetadata } from '../../iceberg/metadata.ts';

/**
 * How an Iceberg table looks in the Glue Data Catalog: pure mapping, no calls. The entry follows Iceberg's own Glue
 * catalog (Java, IcebergToGlueConverter), so that Athena, Trino, Spark, PyIceberg and the console take it for theirs.
 */

const maxTableDescription = 2048;
const maxColumnComment = 255;

/** The name as Glue keeps it. Throws where Athena or Hive could not take it. */
export function glueName(kind: 'database' | 'table', name: string): string {
  const folded = name.toLowerCase();
  if (!/^[a-z0-9_]{1,255}$/.test(folded))
    throw new Error(
      `Glue ${kind} name ${JSON.stringify(name)}: only letters, digits and _ may be used, at most 255 characters`,
    );
  return folded;
}

export const isIcebergTable = (table: Table): boolean => table.Parameters?.table_type?.toUpperCase() === 'ICEBERG';

/**
 * The entry for a table at `metadataLocation`. What others keep in the entry being replaced (owner, retention, foreign
 * parameters, storage details) stays.
 */
export function tableInput(
  name: string,
  metadata: TableMetadata,
  metadataLocation: string,
  base?: { readonly entry: Table; readonly metadataLocation: string },
): TableInput {
  const { entry } = base ?? {};
  const description = metadata.properties.comment ?? entry?.Description;
  return {
    Name: name,
    ...(entry?.Owner !== undefined && { Owner: entry.Owner }),
    ...(entry?.Retention !== undefined && { Retention: entry.Retention }),
    ...(entry?.LastAccessTime !== undefined && { LastAccessTime: entry.LastAccessTime }),
    ...(entry?.LastAnalyzedTime !== undefined && { LastAnalyzedTime: entry.LastAnalyzedTime }),
    ...(description !== undefined && { Description: cut(description, maxTableDescription) }),
    TableType: 'EXTERNAL_TABLE',
    PartitionKeys: [],
    Parameters: {
      ...entry?.Parameters,
      table_type: 'ICEBERG',
      metadata_location: metadataLocation,
      ...(base && { previous_metadata_location: base.metadataLocation }),
    },
    StorageDescriptor: {
      ...entry?.StorageDescriptor,
      Columns: glueColumns(metadata),
      Location: metadata.location,
    },
  };
}

/** The columns of the current schema, in its order. */
export function glueColumns(metadata: TableMetadata): Column[] {
  return currentSchema(metadata).fields.map((field) => ({
    Name: field.name.toLowerCase(),
    Type: hiveType(field.type),
    ...(field.doc !== undefined && field.doc !== '' && { Comment: columnComment(field.doc) }),
    Parameters: {
      'iceberg.field.id': String(field.id),
      'iceberg.field.optional': String(!field.required),
      'iceberg.field.current': 'true',
    },
  }));
}

/** A description as Glue takes it. */
export const columnComment = (description: string): string => cut(description, maxColumnComment);

/** The Hive type that Glue shows for an Iceberg type. */
export function hiveType(type: FieldType): string {
  if (typeof type !== 'string') {
    if (type.type === 'list') return `array<${hiveType(type.element)}>`;
    if (type.type === 'map') return `map<${hiveType(type.key)},${hiveType(type.value)}>`;
    return `struct<${type.fields.map((field) => `${field.name}:${hiveType(field.type)}`).join(',')}>`;
  }
  const decimal = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(type);
  if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`;
  if (type.startsWith('fixed')) return 'binary';
  return hiveTypes[type] ?? type;
}

const hiveTypes: Readonly<Record<string, string>> = {
  long: 'bigint',
  timestamptz: 'timestamp',
  time: 'string',
  uuid: 'string',
};

/** At most `most` UTF-16 units, as Glue counts, without cutting a pair in half. Glue takes one line only. */
function cut(text: string, most: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= most) return line;
  return `${line.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
