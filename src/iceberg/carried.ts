/** Columns that another engine made in types that no table declares, as files that are written anew store them. */
import type { ColumnType, ScalarType } from '../columns/types.ts';
import { type CarriedField, carriedValue } from '../parquet/format/carried.ts';
import type { FieldType, SchemaField } from './metadata.ts';

const scalars: ReadonlySet<string> = new Set(['boolean', 'int', 'long', 'double', 'string', 'timestamp']);

/** The type of a column that the program itself writes values of; undefined for all others. */
export function declarableType(type: FieldType): ColumnType | undefined {
  const scalar = (part: FieldType): ScalarType | undefined =>
    typeof part === 'string' && scalars.has(part) ? (part as ScalarType) : undefined;
  if (typeof type === 'string') return scalar(type);
  if (type.type === 'struct') return undefined;
  const value = scalar(type.type === 'list' ? type.element : type.value);
  if (value === undefined) return undefined;
  if (type.type === 'list') return { list: value };
  return type.key === 'string' ? { map: { key: 'string', value } } : undefined;
}

/** undefined for a type that is not one of Iceberg's format version 2. */
export function carriedField({ name, id, required, type }: SchemaField): CarriedField | undefined {
  const field = (of: CarriedField['type'] | undefined): CarriedField | undefined =>
    of && { name, id, required, type: of };
  if (typeof type === 'string') {
    const value = carriedValue(type);
    return field(value && { kind: 'value', value });
  }
  if (type.type === 'struct') {
    const fields = type.fields.map(carriedField);
    return fields.length > 0 && fields.every((one) => one !== undefined)
      ? field({ kind: 'struct', fields })
      : undefined;
  }
  if (type.type === 'list') {
    const { 'element-id': elementId, element: elementType, 'element-required': isRequired } = type;
    const element = carriedField({ name: 'element', id: elementId, required: isRequired, type: elementType });
    return field(element && { kind: 'list', element });
  }
  const key = carriedField({ name: 'key', id: type['key-id'], required: true, type: type.key });
  const value = carriedField({
    name: 'value',
    id: type['value-id'],
    required: type['value-required'],
    type: type.value,
  });
  return field(key && value && { kind: 'map', key, value });
}
