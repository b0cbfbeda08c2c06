/**
 * The other decoder: what hyparquet gives for a column, brought to the column's type. For encodings that are rare, and
 * for types that have to be converted: timestamps of other units, float, lists and maps in older forms.
 */
import type { FileMetaData, SchemaElement } from 'hyparquet';
import { type ColumnType, isScalar, type Scalar, type ScalarType, type Value } from '../../columns/types.ts';
import { isPlainInteger, isText, type StoredColumn, timestampUnit } from './stored-column.ts';

/** Strings come as their bytes, timestamps as integers of their unit: hyparquet converts what has a logical type. */
export function plainTypes(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    if (!isText(element) && timestampUnit(element) === undefined) return element;
    const { logical_type: _logical, converted_type: _converted, ...rest } = element;
    return rest;
  });
  return { ...metadata, schema };
}

/** What hyparquet gives for a value of the column, as the column takes it. Throws where the types do not go together. */
export function conversionOf(type: ColumnType, stored: StoredColumn): (value: unknown) => Exclude<Value, null> {
  if (isScalar(type)) {
    if (stored.element.num_children !== undefined) throw mismatch(type, stored);
    return conversion(type, stored.element, stored) as (value: unknown) => Scalar;
  }
  if ('list' in type) {
    const [leaf, ...others] = stored.leaves;
    if (leaf === undefined || others.length > 0) throw mismatch(type, stored);
    const convert = conversion(type.list, leaf, stored);
    return (value) => Array.from(value as Iterable<Scalar | null | undefined>, (item) => optional(item, convert));
  }
  const [key, leaf, ...others] = stored.leaves;
  if (key === undefined || leaf === undefined || others.length > 0) throw mismatch(type, stored);
  const [convertKey, convert] = [conversion('string', key, stored), conversion(type.map.value, leaf, stored)];
  const [keyName, valueName] = [key.name, leaf.name];
  return (value) => {
    // A map is the one list of pairs that its only member holds.
    const pairs = Object.values(value as Record<string, Record<string, Scalar | null | undefined>[] | undefined>);
    return pairs.flatMap((some) =>
      (some ?? []).map((pair) => [convertKey(pair[keyName]!), optional(pair[valueName], convert)] as const),
    ) as unknown as Exclude<Value, null>;
  };
}

const optional = (value: Scalar | null | undefined, convert: (value: Scalar) => Scalar): Scalar | null =>
  value === null || value === undefined ? null : convert(value);

/** From what hyparquet gives for a leaf to what the column's builder takes. Throws where the types do not go together. */
function conversion(type: ScalarType, leaf: SchemaElement, stored: StoredColumn): (value: Scalar) => Scalar {
  const same = (value: Scalar): Scalar => value;
  switch (type) {
    case 'boolean':
      if (leaf.type === 'BOOLEAN') return same;
      break;
    case 'int':
      if (leaf.type === 'INT32' && isPlainInteger(leaf)) return same;
      break;
    case 'long':
      if ((leaf.type === 'INT64' || leaf.type === 'INT32') && isPlainInteger(leaf)) return same;
      break;
    case 'double':
      if (leaf.type === 'DOUBLE' || leaf.type === 'FLOAT') return same;
      break;
    case 'string':
      if (leaf.type === 'BYTE_ARRAY' && (isText(leaf) || (!leaf.logical_type && !leaf.converted_type))) return same;
      break;
    case 'timestamp': {
      const unit = timestampUnit(leaf);
      if (unit === 'MICROS') return same;
      if (unit === 'MILLIS') return (value) => (value as bigint) * 1000n;
      if (unit === 'NANOS') return (value) => floorDivide(value as bigint, 1000n);
      // hyparquet makes nanoseconds of it, and the parser microseconds of those.
      if (leaf.type === 'INT96') return same;
    }
  }
  throw mismatch(type, stored);
}

/** Towards the past also before 1970. */
function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}

const mismatch = (type: ColumnType, { element, leaves }: StoredColumn): Error =>
  new Error(
    `the table has ${JSON.stringify(type)} where the file has ${leaves
      .map((leaf) => leaf.logical_type?.type ?? leaf.converted_type ?? leaf.type)
      .join(', ')}${element.num_children === undefined ? '' : ` in a group ${element.name}`}`,
  );
