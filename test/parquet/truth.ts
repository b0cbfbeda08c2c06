/** Statistics recomputed from rows the slow and obvious way, to hold encoders to. */
import { isScalar, type Scalar, type ScalarType } from '../../src/columns/types.ts';
import type { FileColumn } from '../../src/parquet/encoder.ts';
import type { TestRow } from './batches.ts';

export interface LeafTruth {
  readonly id: number;
  readonly path: string;
  readonly type: ScalarType;
  readonly isNested: boolean;
  readonly valueCount: number;
  readonly nullCount: number;
  readonly min: Scalar | undefined;
  readonly max: Scalar | undefined;
}

/** In leaf order, over the given rows. */
export function leafTruths(columns: readonly FileColumn[], rows: readonly TestRow[]): LeafTruth[] {
  return columns.flatMap((column, index): LeafTruth[] => {
    const values = rows.map((row) => row[index] ?? null);
    const { type, name } = column;
    if (isScalar(type)) return [truth(column.id, name, type, false, values as (Scalar | null)[])];
    // Null and empty ones have a place holder each.
    const parts = values.flatMap((value) =>
      value === null || (value as []).length === 0 ? [null] : (value as Scalar[]),
    );
    if ('list' in type) return [truth(column.elementId!, `${name}.list.element`, type.list, true, parts)];
    const pairs = parts as unknown as (readonly [string, Scalar | null] | null)[];
    const keys = pairs.map((pair) => pair?.[0] ?? null);
    const items = pairs.map((pair) => pair?.[1] ?? null);
    return [
      truth(column.keyId!, `${name}.key_value.key`, 'string', true, keys),
      truth(column.elementId!, `${name}.key_value.value`, type.map.value, true, items),
    ];
  });
}

function truth(
  id: number,
  path: string,
  type: ScalarType,
  isNested: boolean,
  values: readonly (Scalar | null)[],
): LeafTruth {
  const present = values.filter((value) => value !== null && !Number.isNaN(value)) as Scalar[];
  const sorted = present.toSorted(compareScalars);
  return {
    id,
    path,
    type,
    isNested,
    valueCount: values.length,
    nullCount: values.filter((value) => value === null).length,
    min: sorted[0],
    max: sorted.at(-1),
  };
}

/** Strings by UTF-8 bytes, everything else by its natural order. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (typeof a === 'string' || a instanceof Uint8Array) return Buffer.compare(asBytes(a), asBytes(b as string));
  return a < b ? -1 : a > b ? 1 : 0;
}

export const asBytes = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
