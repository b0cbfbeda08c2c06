/**
 * Columns of types that no table declares: another engine made them, and files that are written anew have to keep their
 * values. Any type of Iceberg v2 is described by the way that Parquet stores it (Iceberg spec, Appendix A, "Parquet"), and
 * its values are moved without being understood.
 */
import { PhysicalType } from './physical.ts';

/**
 * A field with the id that the table's schema gave it. Of lists and maps the parts are fields too, with the names of the
 * standard forms: `element`, `key` (which is required) and `value`.
 */
export interface CarriedField {
  readonly name: string;
  readonly id: number;
  readonly required: boolean;
  readonly type: CarriedType;
}

export type CarriedType =
  | { readonly kind: 'value'; readonly value: CarriedValue }
  | { readonly kind: 'struct'; readonly fields: readonly CarriedField[] }
  | { readonly kind: 'list'; readonly element: CarriedField }
  | { readonly kind: 'map'; readonly key: CarriedField; readonly value: CarriedField };

/** The fields right below. */
export function partsOf({ type }: CarriedField): readonly CarriedField[] {
  switch (type.kind) {
    case 'value':
      return [];
    case 'struct':
      return type.fields;
    case 'list':
      return [type.element];
    case 'map':
      return [type.key, type.value];
  }
}

export type CarriedValue =
  | { readonly name: (typeof plainNames)[number] }
  | { readonly name: 'fixed'; readonly length: number }
  | { readonly name: 'decimal'; readonly precision: number; readonly scale: number };

const plainNames = [
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'string',
  'uuid',
  'binary',
] as const;

/** By Iceberg's name of a primitive type, such as `decimal(9, 2)`; undefined for one that format version 2 lacks. */
export function carriedValue(name: string): CarriedValue | undefined {
  const plain = plainNames.find((one) => one === name);
  if (plain !== undefined) return { name: plain };
  const fixed = /^fixed\[(\d+)\]$/.exec(name);
  if (fixed !== null) return { name: 'fixed', length: Number(fixed[1]) };
  const decimal = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(name);
  if (decimal === null) return undefined;
  const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
  return precision >= 1 && precision <= 38 && scale <= precision ? { name: 'decimal', precision, scale } : undefined;
}

/** How a value is stored; `width` in bytes of PLAIN encoding, undefined where a length stands before each value. */
export interface Storage {
  readonly physical: PhysicalType;
  readonly width: number | undefined;
}

const plainStorage: Readonly<Record<(typeof plainNames)[number], Storage>> = {
  // In memory; in pages values of one bit.
  boolean: { physical: PhysicalType.BOOLEAN, width: 1 },
  int: { physical: PhysicalType.INT32, width: 4 },
  date: { physical: PhysicalType.INT32, width: 4 },
  long: { physical: PhysicalType.INT64, width: 8 },
  time: { physical: PhysicalType.INT64, width: 8 },
  timestamp: { physical: PhysicalType.INT64, width: 8 },
  timestamptz: { physical: PhysicalType.INT64, width: 8 },
  float: { physical: PhysicalType.FLOAT, width: 4 },
  double: { physical: PhysicalType.DOUBLE, width: 8 },
  string: { physical: PhysicalType.BYTE_ARRAY, width: undefined },
  binary: { physical: PhysicalType.BYTE_ARRAY, width: undefined },
  uuid: { physical: PhysicalType.FIXED_LEN_BYTE_ARRAY, width: 16 },
};

export function storageOf(value: CarriedValue): Storage {
  if (value.name === 'fixed') return { physical: PhysicalType.FIXED_LEN_BYTE_ARRAY, width: value.length };
  if (value.name !== 'decimal') return plainStorage[value.name];
  const { precision } = value;
  if (precision <= 9) return { physical: PhysicalType.INT32, width: 4 };
  if (precision <= 18) return { physical: PhysicalType.INT64, width: 8 };
  return { physical: PhysicalType.FIXED_LEN_BYTE_ARRAY, width: bytesForDecimal(precision) };
}

/** The least bytes whose two's complement holds every value of so many digits. */
function bytesForDecimal(precision: number): number {
  const most = 10n ** BigInt(precision) - 1n;
  let bytes = 1;
  while (1n << BigInt(8 * bytes - 1) <= most) bytes++;
  return bytes;
}
