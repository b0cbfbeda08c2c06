/**
 * Nested columns of files whose fields had other names when they were written. DuckDB finds fields inside of structs by
 * their names, so such a column is read as the file has it, and its fields are given the names of the table by an
 * expression (Iceberg spec, "Column Projection": fields go by their ids).
 */
import type { FieldType, SchemaField } from '../../iceberg/metadata.ts';
import { type StoredNode, storedTree } from '../../parquet/read/carried/assemble.ts';
import type { StoredColumn } from '../../parquet/read/stored-column.ts';
import { duckdbType, identifier, literal } from './sql-types.ts';

export interface NestedForm {
  /** The type of the table with the names of the file; undefined where the file has none of the fields. */
  readonly type: string | undefined;
  /** The value in the form of the table, of one in that of the file. */
  readonly value: (input: string) => string;
}

/** undefined where the names of the file give what the ids give. */
export function nestedForm({ type }: SchemaField, stored: StoredColumn): NestedForm | undefined {
  const form = formOf(type, storedTree(stored.elements), 0);
  return form.isSame ? undefined : form;
}

interface Form extends NestedForm {
  readonly isSame: boolean;
}

function formOf(type: FieldType, node: StoredNode | undefined, depth: number): Form {
  if (typeof type === 'string' || node === undefined) return same(type);
  if (type.type === 'struct') return structForm(type.fields, node, depth);
  const [repeated] = node.children;
  const variable = `entry_${depth}`;
  if (type.type === 'list') {
    const element = formOf(type.element, repeated?.children.length === 1 ? repeated.children[0] : repeated, depth + 1);
    if (element.isSame) return same(type);
    if (element.type === undefined) return without(type);
    const value = (input: string) => `list_transform(${input}, lambda ${variable}: ${element.value(variable)})`;
    return { type: `${element.type}[]`, value, isSame: false };
  }
  const inner = formOf(type.value, repeated?.children[1], depth + 1);
  if (inner.isSame) return same(type);
  if (inner.type === undefined) return without(type);
  const pair = `struct_pack(key := ${variable}.key, value := ${inner.value(`${variable}.value`)})`;
  return {
    type: `MAP(${duckdbType(type.key)}, ${inner.type})`,
    value: (input) =>
      unlessNull(input, `map_from_entries(list_transform(map_entries(${input}), lambda ${variable}: ${pair}))`),
    isSame: false,
  };
}

function structForm(fields: readonly SchemaField[], node: StoredNode, depth: number): Form {
  const members = fields.map((field) => {
    const child = childOf(node, field);
    return { field, child, form: formOf(field.type, child, depth) };
  });
  const isSame = members.every(({ field, child, form }) =>
    child === undefined
      ? !node.children.some(({ element }) => element.name === field.name)
      : child.element.name === field.name && form.isSame,
  );
  const present = members.flatMap(({ child, form }) =>
    child === undefined || form.type === undefined ? [] : [`${identifier(child.element.name)} ${form.type}`],
  );
  const valueIn = ({ field, child, form }: (typeof members)[number], input: string): string =>
    child === undefined || form.type === undefined
      ? nullOf(field.type)
      : form.value(`struct_extract(${input}, ${literal(child.element.name)})`);
  return {
    isSame,
    type: present.length === 0 ? undefined : `STRUCT(${present.join(', ')})`,
    value: (input) =>
      unlessNull(
        input,
        `struct_pack(${members.map((one) => `${identifier(one.field.name)} := ${valueIn(one, input)}`).join(', ')})`,
      ),
  };
}

const same = (type: FieldType): Form => ({ type: duckdbType(type), value: (input) => input, isSame: true });
const without = (type: FieldType): Form => ({ type: undefined, value: () => nullOf(type), isSame: false });
const nullOf = (type: FieldType): string => `CAST(NULL AS ${duckdbType(type)})`;
const unlessNull = (input: string, value: string): string => `CASE WHEN ${input} IS NOT NULL THEN ${value} END`;

/** By its id; in files without ids by its name. */
const childOf = ({ children }: StoredNode, { id, name }: SchemaField): StoredNode | undefined =>
  children.find(({ element }) => element.field_id === id) ??
  children.find(({ element }) => element.field_id === undefined && element.name === name);
