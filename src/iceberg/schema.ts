import type { ColumnDeclaration, ColumnType, ScalarType } from '../columns/types.ts';
import { isScalar } from '../columns/types.ts';
import type { FileColumn } from '../parquet/encoder.ts';
import { partitionColumn, type TableDeclaration } from '../tables/declaration.ts';
import { carriedField } from './carried.ts';
import {
  currentSchema,
  type FieldType,
  type Schema,
  type SchemaField,
  type SortOrder,
  type TableMetadata,
} from './metadata.ts';
import { extendNameMapping, nameMappingProperty, namesOf } from './name-mapping.ts';
import { TableFault } from './table-fault.ts';

/**
 * From table declarations to Iceberg schemas and back: the first metadata of a table, its evolution when a declaration
 * changes, and the field ids that a data file carries. Columns are matched by name; ids belong to the table.
 */

const partitionFieldId = 1000;

export interface NewTable {
  readonly uuid: string;
  readonly location: string;
  readonly declaration: TableDeclaration;
  readonly nowMs: number;
  readonly properties?: Readonly<Record<string, string>>;
}

/** Metadata of a table without snapshots: identity partition on `ymd`, sort order and properties of the declaration. */
export function newTableMetadata({ uuid, location, declaration, nowMs, properties }: NewTable): TableMetadata {
  checkNames(declaration);
  const ids = { last: declaration.columns.length };
  const fields = declaration.columns.map((column, index) => toField(column, index + 1, column.required === true, ids));
  const partitionSource = fields.find((field) => field.name === partitionColumn);
  if (partitionSource === undefined)
    throw new Error(`table ${declaration.name} has no column ${partitionColumn}, by which every table is partitioned`);
  const schema: Schema = { type: 'struct', 'schema-id': 0, fields };
  const unsorted: SortOrder = { 'order-id': 0, fields: [] };
  const sorted = declaration.sortedBy.length === 0 ? [] : [sortOrder(schema, declaration, 1)];
  return {
    'format-version': 2,
    'table-uuid': uuid,
    location,
    'last-sequence-number': 0,
    'last-updated-ms': nowMs,
    'last-column-id': ids.last,
    'current-schema-id': 0,
    schemas: [schema],
    'default-spec-id': 0,
    'partition-specs': [
      {
        'spec-id': 0,
        fields: [
          {
            name: partitionColumn,
            transform: 'identity',
            'source-id': partitionSource.id,
            'field-id': partitionFieldId,
          },
        ],
      },
    ],
    'last-partition-id': partitionFieldId,
    'default-sort-order-id': sorted.length,
    'sort-orders': [unsorted, ...sorted],
    properties: {
      ...tableProperties(declaration),
      [nameMappingProperty]: extendNameMapping(undefined, fields),
      ...properties,
    },
    'current-snapshot-id': -1n,
    refs: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
  };
}

/**
 * The metadata after the declaration's changes, or undefined where there are none. Missing columns are added as optional,
 * descriptions and the declared bounds follow the declaration, int becomes long where it says so; columns that the
 * declaration lacks, or has as optional, become optional, since new files may leave them out. Never removes or renames.
 * What readers have to be told is added where the table has no setting of its own.
 * Throws where a column's type would change in another way.
 */
export function evolve(
  metadata: TableMetadata,
  declaration: TableDeclaration,
  nowMs: number,
): TableMetadata | undefined {
  checkNames(declaration);
  const schema = currentSchema(metadata);
  const ids = { last: metadata['last-column-id'] };
  const declared = new Map(declaration.columns.map((column) => [column.name, column]));
  const kept = schema.fields.map((field) => evolveField(field, declared.get(field.name), metadata, declaration));
  const present = new Set(schema.fields.map((field) => field.name));
  const missing = declaration.columns.filter((column) => !present.has(column.name));
  for (const column of missing) {
    expectNotRenamed(metadata, declaration, column.name);
    expectDistinct(metadata, declaration, column.name);
  }
  const firstId = ids.last + 1;
  ids.last += missing.length;
  const fields = [...kept, ...missing.map((column, index) => toField(column, firstId + index, false, ids))];
  const schemaChanged = missing.length > 0 || kept.some((field, index) => field !== schema.fields[index]);

  const properties: Record<string, string> = {
    ...readerProperties,
    ...metadata.properties,
    ...declaredProperties(declaration),
  };
  if (missing.length > 0)
    properties[nameMappingProperty] = extendNameMapping(metadata.properties[nameMappingProperty], fields);
  const propertiesChanged = Object.entries(properties).some(([key, value]) => metadata.properties[key] !== value);

  const nextSchema: Schema = {
    ...schema,
    'schema-id': Math.max(...metadata.schemas.map((s) => s['schema-id'])) + 1,
    fields,
  };
  const order = sortOrderFor(metadata, nextSchema, declaration);
  const orderChanged = order['order-id'] !== metadata['default-sort-order-id'];
  if (!schemaChanged && !propertiesChanged && !orderChanged) return undefined;
  return {
    ...metadata,
    'last-updated-ms': Math.max(nowMs, metadata['last-updated-ms']),
    'last-column-id': ids.last,
    properties,
    ...(schemaChanged
      ? { schemas: [...metadata.schemas, nextSchema], 'current-schema-id': nextSchema['schema-id'] }
      : {}),
    ...(orderChanged
      ? {
          'sort-orders': metadata['sort-orders'].includes(order)
            ? metadata['sort-orders']
            : [...metadata['sort-orders'], order],
          'default-sort-order-id': order['order-id'],
        }
      : {}),
  };
}

/** The declaration's columns in its order, with the ids of the table's current schema. Throws where `evolve` is due. */
export function fileColumns(metadata: TableMetadata, declaration: TableDeclaration): FileColumn[] {
  const fields = fieldsByName(metadata);
  return declaration.columns.map((column) => {
    const field = fields.get(column.name);
    const carried = column.isCarried && field ? carriedField(field) : undefined;
    if (carried !== undefined) {
      const { id, required } = carried;
      return { name: column.name, type: column.type, required, id, carried: { ...carried, name: column.name } };
    }
    if (field === undefined || !(typeName(field.type) === typeName(column.type) || widens(column.type, field.type)))
      throw new Error(
        (field === undefined && tellDropped(metadata, declaration.name, column.name)) ||
          `table ${declaration.name} (${metadata.location}) has ${field === undefined ? 'no' : `a ${typeName(field.type)}`} ` +
            `column ${column.name}, declared ${typeName(column.type)}: a backfill brings it up to date`,
      );
    const base = { name: column.name, type: column.type, required: field.required, id: field.id };
    if (typeof field.type === 'string' || field.type.type === 'struct') return base;
    return field.type.type === 'list'
      ? { ...base, elementId: field.type['element-id'] }
      : { ...base, keyId: field.type['key-id'], elementId: field.type['value-id'] };
  });
}

/** Id of the table's sort order that sorts ascending, nulls first, by these columns; 0 (unsorted) where it has none. */
export function sortOrderIdOf(metadata: TableMetadata, sortedBy: readonly string[]): number {
  if (sortedBy.length === 0) return 0;
  const schema = currentSchema(metadata);
  return metadata['sort-orders'].find((order) => sortsBy(order, schema, sortedBy))?.['order-id'] ?? 0;
}

/** `list<string>`, `map<string, long>`, `timestamp`: of declared and of stored types, for comparing and for messages. */
export function typeName(type: ColumnType | FieldType): string {
  if (typeof type === 'string') return type;
  if ('list' in type) return `list<${type.list}>`;
  if ('map' in type) return `map<${type.map.key}, ${type.map.value}>`;
  if (type.type === 'list') return `list<${typeName(type.element)}>`;
  if (type.type === 'map') return `map<${typeName(type.key)}, ${typeName(type.value)}>`;
  return `struct<${type.fields.map((field) => `${field.name}: ${typeName(field.type)}`).join(', ')}>`;
}

function toField(column: ColumnDeclaration, id: number, required: boolean, ids: { last: number }): SchemaField {
  return { id, name: column.name, required, type: toFieldType(column.type, ids), doc: column.description };
}

function toFieldType(type: ColumnType, ids: { last: number }): FieldType {
  if (isScalar(type)) return type;
  if ('list' in type) return { type: 'list', 'element-id': ++ids.last, element: type.list, 'element-required': false };
  const keyId = ++ids.last;
  const { key, value } = type.map;
  return { type: 'map', 'key-id': keyId, key, 'value-id': ++ids.last, value, 'value-required': false };
}

/**
 * The fields that have this name, or had it in an earlier schema, as the latest schema that has them describes them; the
 * one that has it now first.
 */
export function everNamed(metadata: TableMetadata, name: string): SchemaField[] {
  const schemas = [currentSchema(metadata), ...metadata.schemas.toReversed()];
  const ids = new Set(
    schemas.flatMap(({ fields }) => fields.filter((field) => field.name === name).map(({ id }) => id)),
  );
  const mapped = namesOf(metadata).get(name);
  if (mapped !== undefined) ids.add(mapped);
  return [...ids].flatMap((id) =>
    schemas.flatMap(({ fields }) => fields.find((field) => field.id === id) ?? []).slice(0, 1),
  );
}

/**
 * The columns of a table by name: those that it has, and those that another engine has renamed by their earlier names
 * too, as long as no other column has taken the name.
 */
export function fieldsByName(metadata: TableMetadata): ReadonlyMap<string, SchemaField> {
  const known = byNameOf.get(metadata);
  if (known !== undefined) return known;
  const { fields } = currentSchema(metadata);
  const byName = new Map(fields.map((field) => [field.name, field]));
  const byId = new Map(fields.map((field) => [field.id, field]));
  for (const schema of metadata.schemas.toReversed())
    for (const { name, id } of schema.fields) {
      const field = byId.get(id);
      if (field !== undefined && !byName.has(name)) byName.set(name, field);
    }
  byNameOf.set(metadata, byName);
  return byName;
}

/** Asked for each entry of a manifest. */
const byNameOf = new WeakMap<TableMetadata, ReadonlyMap<string, SchemaField>>();

/**
 * Whether a column's name has always meant the same field, so that files may be read by names: no column, and no field inside
 * of one, was ever renamed, or dropped and added again. false where the history of the schema has been cut, and does not say.
 */
export function hasStableNames(metadata: TableMetadata): boolean {
  const known = stableOf.get(metadata) ?? areNamesStable(metadata);
  stableOf.set(metadata, known);
  return known;
}

/** Asked for each file. */
const stableOf = new WeakMap<TableMetadata, boolean>();

function areNamesStable(metadata: TableMetadata): boolean {
  const ids = new Map<string, number>();
  const names = new Map<number, string>();
  const agrees = (name: string, id: number): boolean => {
    if ((ids.get(name) ?? id) !== id || (names.get(id) ?? name) !== name) return false;
    ids.set(name, id);
    names.set(id, name);
    return true;
  };
  const known = new Set<number>();
  for (const { fields } of metadata.schemas)
    for (const field of fields) {
      if (!agrees(field.name, field.id)) return false;
      for (const [id, name] of innerNames(field)) if (!agrees(name, id)) return false;
      for (const id of idsOf(field)) known.add(id);
    }
  for (const [name, id] of namesOf(metadata)) if (!agrees(name, id)) return false;
  return known.size === metadata['last-column-id'];
}

/** Of fields inside of structs: their ids, and their names with the id of what they are in. */
function innerNames({ id, type }: Pick<SchemaField, 'id' | 'type'>): [id: number, name: string][] {
  if (typeof type === 'string') return [];
  if (type.type === 'list') return innerNames({ id: type['element-id'], type: type.element });
  if (type.type === 'map') return innerNames({ id: type['value-id'], type: type.value });
  return type.fields.flatMap((field) => [[field.id, `${id}\0${field.name}`], ...innerNames(field)]);
}

function idsOf({ id, type }: Pick<SchemaField, 'id' | 'type'>): number[] {
  if (typeof type === 'string') return [id];
  if (type.type === 'struct') return [id, ...type.fields.flatMap(idsOf)];
  if (type.type === 'list') return [id, ...idsOf({ id: type['element-id'], type: type.element })];
  return [id, ...idsOf({ id: type['key-id'], type: type.key }), ...idsOf({ id: type['value-id'], type: type.value })];
}

/** An int column of a file may stand under a long column of the table (spec, "Schema Evolution"). */
const widens = (from: ColumnType | FieldType, to: ColumnType | FieldType) => from === 'int' && to === 'long';

/** Throws a TableFault where a column of a table is of a type that the declaration cannot have it in. */
export function expectTypes(metadata: TableMetadata, declaration: TableDeclaration): void {
  const fields = fieldsByName(metadata);
  for (const column of declaration.columns) {
    const field = fields.get(column.name);
    if (field !== undefined) evolveField(field, column, metadata, declaration);
  }
}

function evolveField(
  field: SchemaField,
  column: ColumnDeclaration | undefined,
  metadata: TableMetadata,
  declaration: TableDeclaration,
): SchemaField {
  if (column === undefined) return field.required ? { ...field, required: false } : field;
  let next = field;
  const [has, wants] = [typeName(field.type), typeName(column.type)];
  if (has !== wants && !widens(column.type, field.type)) {
    if (!widens(field.type, column.type))
      throw new TableFault(
        `column ${column.name} of table ${declaration.name} (${metadata.location}) is ${has}, and a declaration asks for ` +
          `${wants}: Iceberg cannot change that; give the column another name, or declare it as ${has}`,
      );
    next = { ...next, type: column.type as ScalarType };
  }
  if (next.doc !== column.description) next = { ...next, doc: column.description };
  if (next.required && column.required !== true) next = { ...next, required: false };
  return next;
}

/** A column that another engine has renamed is not added again: its values would stand in two columns, half in each. */
function expectNotRenamed(metadata: TableMetadata, declaration: TableDeclaration, name: string): void {
  const rename = tellRename(metadata, declaration.name, name);
  if (rename !== undefined) throw new TableFault(rename);
}

/** Engines read names in any case: a table with two that differ by case only is read by none of them. */
function expectDistinct(metadata: TableMetadata, declaration: TableDeclaration, name: string): void {
  const other = currentSchema(metadata).fields.find((field) => field.name.toLowerCase() === name.toLowerCase());
  if (other === undefined) return;
  throw new TableFault(
    `column ${name} of table ${declaration.name} (${metadata.location}) cannot be added beside ${other.name}, which another ` +
      `engine has made: engines do not tell them apart; rename that one there (ALTER TABLE ${declaration.name} RENAME ` +
      `COLUMN ${other.name} TO …), or give the promoted column another name`,
  );
}

/** What to do, where another engine has renamed a column and nothing else has its name. */
export function tellRename(metadata: TableMetadata, table: string, column: string): string | undefined {
  const now = fieldsByName(metadata).get(column)?.name ?? column;
  if (now === column) return undefined;
  return (
    `column ${column} of table ${table} (${metadata.location}) was renamed to ${now} by another engine: ` +
    `rename it back there (ALTER TABLE ${table} RENAME COLUMN ${now} TO ${column})`
  );
}

/** What to do, where another engine has made columns whose names differ by case only. */
export function tellTwins(metadata: TableMetadata, table: string): string | undefined {
  const seen = new Map<string, string>();
  for (const { name } of currentSchema(metadata).fields) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      return `table ${table} has columns ${other} and ${name}, which SQL does not tell apart: rename or drop one with the engine that made it`;
    seen.set(name.toLowerCase(), name);
  }
  return undefined;
}

/** What to do, where another engine has dropped a column and none has its name again. */
export function tellDropped(metadata: TableMetadata, table: string, column: string): string | undefined {
  if (fieldsByName(metadata).has(column) || everNamed(metadata, column).length === 0) return undefined;
  const toDo =
    column === partitionColumn
      ? 'add it there again, fill it with the day of each row (YYYY-MM-DD), and partition the table by it alone'
      : 'backfill adds it again if it is one of this program, without its values; backfill --again reads those from the sources';
  return `column ${column} of table ${table} (${metadata.location}) was dropped by another engine: ${toDo}`;
}

/** Engines fold names to lower case; two columns that differ by case only would collide in Glue, Athena and Trino. */
function checkNames(declaration: TableDeclaration): void {
  const seen = new Map<string, string>();
  for (const { name } of declaration.columns) {
    const folded = name.toLowerCase();
    if (seen.has(folded))
      throw new Error(
        `table ${declaration.name} declares columns ${seen.get(folded)} and ${name}, which engines cannot tell apart`,
      );
    seen.set(folded, name);
  }
}

/** What follows the declaration, at creation and at every evolution. */
function declaredProperties(declaration: TableDeclaration): Record<string, string> {
  return {
    comment: declaration.description,
    ...Object.fromEntries(declaration.fullBounds.map((name) => [`write.metadata.metrics.column.${name}`, 'full'])),
  };
}

/**
 * Iceberg's vectorized reader in Spark fails on delta encodings, which most text of our files has; the one that reads row
 * by row has them all.
 */
const readerProperties = { 'read.parquet.vectorization.enabled': 'false' };

/** What other engines (Spark, Trino, Athena) should do when they write to the table, so that our files and theirs are alike. */
function tableProperties(declaration: TableDeclaration): Record<string, string> {
  return {
    ...declaredProperties(declaration),
    ...readerProperties,
    'write.format.default': 'parquet',
    'write.parquet.compression-codec': 'zstd',
    'write.metadata.metrics.default': 'truncate(16)',
    'write.metadata.previous-versions-max': '50',
    'write.metadata.delete-after-commit.enabled': 'true',
    'commit.manifest-merge.enabled': 'true',
    'commit.manifest.min-count-to-merge': '100',
    'commit.manifest.target-size-bytes': '8388608',
    // Our readers take whole files; engines that ask (Spark) then rewrite files instead of adding delete files.
    'write.delete.mode': 'copy-on-write',
    'write.update.mode': 'copy-on-write',
    'write.merge.mode': 'copy-on-write',
  };
}

function sortOrder(schema: Schema, declaration: TableDeclaration, id: number): SortOrder {
  const fields = declaration.sortedBy.map((name) => {
    const field = schema.fields.find((candidate) => candidate.name === name);
    if (field === undefined)
      throw new Error(`table ${declaration.name} is sorted by ${name}, which is none of its columns`);
    return { transform: 'identity', 'source-id': field.id, direction: 'asc', 'null-order': 'nulls-first' } as const;
  });
  return { 'order-id': id, fields };
}

function sortOrderFor(metadata: TableMetadata, schema: Schema, declaration: TableDeclaration): SortOrder {
  const found = metadata['sort-orders'].find((order) => sortsBy(order, schema, declaration.sortedBy));
  if (found !== undefined) return found;
  const used = metadata['sort-orders'].map((order) => order['order-id']);
  // Order 0 is reserved for "unsorted" (spec, "Sorting").
  return declaration.sortedBy.length === 0
    ? { 'order-id': 0, fields: [] }
    : sortOrder(schema, declaration, Math.max(0, ...used) + 1);
}

function sortsBy(order: SortOrder, schema: Schema, sortedBy: readonly string[]): boolean {
  const nameOf = (id: number) => schema.fields.find((field) => field.id === id)?.name;
  return (
    order.fields.length === sortedBy.length &&
    order.fields.every(
      (field, index) =>
        nameOf(field['source-id']) === sortedBy[index] &&
        field.transform === 'identity' &&
        field.direction === 'asc' &&
        field['null-order'] === 'nulls-first',
    )
  );
}
