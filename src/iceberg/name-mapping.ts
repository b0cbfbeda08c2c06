import type { FieldType, SchemaField, TableMetadata } from './metadata.ts';

/**
 * The table's default name mapping (Iceberg spec, "Column Projection" and "Name Mapping Serialization"): how readers find
 * the columns of a Parquet file that carries no field ids, such as one that parquetjs-lite wrote.
 */
export const nameMappingProperty = 'schema.name-mapping.default';

interface MappedField {
  readonly 'field-id'?: number;
  readonly names: readonly string[];
  readonly fields?: readonly MappedField[];
}

/** Adds what is missing, by field id; aliases that other writers recorded (renamed columns) are kept. Text in, text out. */
export function extendNameMapping(mapping: string | undefined, fields: readonly SchemaField[]): string {
  const present = mapping === undefined ? [] : (JSON.parse(mapping) as MappedField[]);
  const ids = new Set(present.map((field) => field['field-id']));
  const taken = new Set(present.flatMap((field) => field.names));
  const added = fields.filter((field) => !ids.has(field.id) && !taken.has(field.name));
  return JSON.stringify([...present, ...added.map((field) => mapped(field.id, field.name, field.type))]);
}

/** Asked for with each file of a table, or each of its columns. */
const names = new WeakMap<TableMetadata, ReadonlyMap<string, number>>();

/** Field ids of the top-level columns by every name that they have, or had. */
export function namesOf(metadata: TableMetadata): ReadonlyMap<string, number> {
  const known = names.get(metadata) ?? parsedNames(metadata);
  names.set(metadata, known);
  return known;
}

function parsedNames({ properties }: TableMetadata): ReadonlyMap<string, number> {
  const text = properties[nameMappingProperty];
  const fields = text === undefined ? [] : (JSON.parse(text) as MappedField[]);
  return new Map(
    fields.flatMap(({ 'field-id': id, names }) =>
      id === undefined ? [] : names.map((name): [string, number] => [name, id]),
    ),
  );
}

function mapped(id: number, name: string, type: FieldType): MappedField {
  const inner = children(type);
  return { 'field-id': id, names: [name], ...(inner.length === 0 ? {} : { fields: inner }) };
}

function children(type: FieldType): MappedField[] {
  if (typeof type === 'string') return [];
  if (type.type === 'list') return [mapped(type['element-id'], 'element', type.element)];
  if (type.type === 'map')
    return [mapped(type['key-id'], 'key', type.key), mapped(type['value-id'], 'value', type.value)];
  return type.fields.map((field) => mapped(field.id, field.name, field.type));
}
