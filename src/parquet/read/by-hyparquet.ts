/**
 * The other decoder: what hyparquet gives for a column, brought to the column's type. For encodings that are rare, and
 * for types that have to be converted: timestamps of other units, float, lists and maps in older forms.
 */
import type { FileMetaData, SchemaElement } from 'hyparquet';
import { type FixedBuilder, ListBuilder, MapBuilder } from '../../columns/builders.ts';
import { CachedCode, StringBuilder } from '../../columns/string-builder.ts';
import { type ColumnType, isScalar, type Scalar, type ScalarType } from '../../columns/types.ts';
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

/** Appends the values of one row group behind row `base`; nulls are left for `padTo`. */
type Appender = (values: ArrayLike<unknown>, base: number, dropped: Uint8Array | undefined) => void;

export function appenderOf(type: ColumnType, stored: StoredColumn, builder: unknown): Appender {
  if (isScalar(type)) {
    if (stored.element.num_children !== undefined) throw mismatch(type, stored);
    const convert = conversion(type, stored.element, stored);
    return builder instanceof StringBuilder
      ? (values, base, dropped) => appendStrings(builder, values, base, dropped)
      : each(builder as FixedBuilder, (value) => (builder as FixedBuilder).append(convert(value as Scalar)));
  }
  if ('list' in type) {
    const [leaf, ...others] = stored.leaves;
    if (leaf === undefined || others.length > 0 || !(builder instanceof ListBuilder)) throw mismatch(type, stored);
    const convert = conversion(type.list, leaf, stored);
    return each(builder, (value) => {
      for (const item of value as ArrayLike<Scalar | null | undefined> & Iterable<Scalar | null | undefined>)
        builder.appendElement(item === null || item === undefined ? null : convert(item));
      builder.closeSlot();
    });
  }
  const [key, leaf, ...others] = stored.leaves;
  if (key === undefined || leaf === undefined || others.length > 0 || !(builder instanceof MapBuilder))
    throw mismatch(type, stored);
  const [convertKey, convert] = [conversion('string', key, stored), conversion(type.map.value, leaf, stored)];
  const [keyName, valueName] = [key.name, leaf.name];
  return each(builder, (value) => {
    // A map is the one list of pairs that its only member holds.
    for (const member in value as object)
      for (const pair of (value as Record<string, Record<string, Scalar | null | undefined>[]>)[member] ?? []) {
        builder.keys.append(convertKey(pair[keyName]!));
        const item = pair[valueName];
        if (item === null || item === undefined) builder.values.padTo(builder.keys.length);
        else builder.values.append(convert(item));
      }
    builder.closeSlot();
  });
}

function each(builder: { padTo(row: number): void }, append: (value: unknown) => void): Appender {
  return (values, base, dropped) => {
    let row = base;
    for (let i = 0; i < values.length; i++) {
      if (dropped !== undefined && dropped[i] === 1) continue;
      const value = values[i];
      if (value !== null && value !== undefined) {
        builder.padTo(row);
        append(value);
      }
      row++;
    }
  };
}

/** Values of a dictionary are the same object each time they come, and so are known without looking at their bytes. */
function appendStrings(
  builder: StringBuilder,
  values: ArrayLike<unknown>,
  base: number,
  dropped: Uint8Array | undefined,
): void {
  const cachedCodes = new Map<unknown, CachedCode>();
  let seen = 0;
  let row = base;
  for (let i = 0; i < values.length; i++) {
    if (dropped !== undefined && dropped[i] === 1) continue;
    const value = values[i] as Uint8Array | null | undefined;
    if (value !== null && value !== undefined) {
      builder.padTo(row);
      let cachedCode = cachedCodes.get(value);
      if (cachedCode !== undefined) {
        builder.appendKnown(cachedCode, value, 0, value.length);
        seen++;
      } else if (cachedCodes.size < 64 || cachedCodes.size < seen) {
        cachedCode = new CachedCode();
        cachedCodes.set(value, cachedCode);
        builder.appendKnown(cachedCode, value, 0, value.length);
      } else builder.appendBytes(value, 0, value.length);
    }
    row++;
  }
}

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
