/** What a file has under a top-level column, and whether its values are those of the table's column as they stand. */
import type { FileMetaData, SchemaElement } from 'hyparquet';
import { type ColumnType, isScalar, type ScalarType } from '../../columns/types.ts';
import type { LeafShape } from './chunk.ts';

/** A top-level column as the file has it. */
export interface StoredColumn {
  readonly name: string;
  readonly element: SchemaElement;
  /** Between the column and its leaves. */
  readonly groups: readonly SchemaElement[];
  /** Of lists the element, of maps key and value. */
  readonly leaves: readonly SchemaElement[];
  /** The column itself and all that stands below it, depth first. */
  readonly elements: readonly SchemaElement[];
}

/** By field id, or by name where the column has none. */
export function storedColumns({ schema }: FileMetaData): Map<number | string, StoredColumn> {
  const columns = new Map<number | string, StoredColumn>();
  for (let index = 1; index < schema.length; ) {
    const element = schema[index]!;
    const first = index;
    const leaves: SchemaElement[] = [];
    const groups: SchemaElement[] = [];
    for (let open = 1; open > 0; index++) {
      const child = schema[index]!;
      open += (child.num_children ?? 0) - 1;
      if (child.num_children === undefined) leaves.push(child);
      else if (child !== element) groups.push(child);
    }
    columns.set(element.field_id ?? element.name, {
      name: element.name,
      element,
      groups,
      leaves,
      elements: schema.slice(first, index),
    });
  }
  return columns;
}

/** The column of a field id; in files without ids the one whose name stands for it, by `names` or else by its own. */
export function findColumn(
  columns: ReadonlyMap<number | string, StoredColumn>,
  { id, name }: { readonly id: number; readonly name: string },
  names: ReadonlyMap<string, number> | undefined,
): StoredColumn | undefined {
  const byId = columns.get(id);
  if (byId !== undefined) return byId;
  for (const [key, stored] of columns)
    if (typeof key === 'string' && (names?.get(key) ?? (key === name ? id : undefined)) === id) return stored;
  return undefined;
}

/** One a leaf; undefined where the types are not the very ones that the column is stored as otherwise. */
export function shapesOf({ element, groups, leaves }: StoredColumn, type: ColumnType): LeafShape[] | undefined {
  const level = ({ repetition_type: repetition }: SchemaElement): number => (repetition === 'REQUIRED' ? 0 : 1);
  if (isScalar(type)) {
    const [leaf] = leaves;
    if (element.num_children !== undefined || leaf === undefined) return undefined;
    if (!isStoredAs(type, leaf)) return undefined;
    return [{ maxDefinition: level(leaf), maxRepetition: 0, present: 0, entry: 0 }];
  }
  const [repeated, ...deeper] = groups;
  const types: readonly ScalarType[] = 'list' in type ? [type.list] : ['string', type.map.value];
  // The standard three levels; whatever else there has been is left to the other decoder.
  if (repeated?.repetition_type !== 'REPEATED' || deeper.length > 0 || leaves.length !== types.length) return undefined;
  if (leaves.some((leaf, i) => leaf.repetition_type === 'REPEATED' || !isStoredAs(types[i]!, leaf))) return undefined;
  const present = level(element);
  return leaves.map((leaf) => ({
    maxDefinition: present + 1 + level(leaf),
    maxRepetition: 1,
    present,
    entry: present + 1,
  }));
}

/** Whether the values of a leaf are those of the column as they stand. */
function isStoredAs(type: ScalarType, leaf: SchemaElement): boolean {
  switch (type) {
    case 'boolean':
      return leaf.type === 'BOOLEAN';
    case 'int':
      return leaf.type === 'INT32' && isPlainInteger(leaf);
    case 'long':
      return (leaf.type === 'INT64' || leaf.type === 'INT32') && isPlainInteger(leaf);
    case 'double':
      return leaf.type === 'DOUBLE';
    case 'timestamp':
      return timestampUnit(leaf) === 'MICROS';
    case 'string':
      return isText(leaf) || (leaf.type === 'BYTE_ARRAY' && !leaf.logical_type && !leaf.converted_type);
  }
}

export const isText = ({ type, logical_type: logical, converted_type: converted }: SchemaElement): boolean =>
  type === 'BYTE_ARRAY' && (converted === 'UTF8' || converted === 'JSON' || logical?.type === 'STRING');

export function timestampUnit({
  type,
  logical_type: logical,
  converted_type: converted,
}: SchemaElement): string | undefined {
  if (type !== 'INT64') return undefined;
  if (logical?.type === 'TIMESTAMP') return logical.unit;
  return converted === 'TIMESTAMP_MICROS' ? 'MICROS' : converted === 'TIMESTAMP_MILLIS' ? 'MILLIS' : undefined;
}

export const isPlainInteger = ({ logical_type: logical, converted_type: converted }: SchemaElement): boolean =>
  logical === undefined
    ? converted === undefined || converted === 'INT_32' || converted === 'INT_64'
    : logical.type === 'INTEGER' && logical.isSigned;
