import type { ColumnType, ScalarType } from './types.ts';

/**
 * Columnar data in the kernel's memory (kernel/table.ts), as Parquet encoders take it.
 *
 * Every column has `length` slots. `valid[i] === 1` where slot i holds a value; where it is 0 the slot of the value
 * array is unspecified. `valid === null` means that no slot is null. `values === null` (with `nullCount === length`)
 * means that the column has never had a value, so nothing was allocated for it.
 */
export type ColumnData = ScalarData | ListData | MapData;

export type ScalarData = FixedData | StringData;

/** boolean: 0 or 1 a slot. long and timestamp share the layout of two's complement little-endian 64-bit integers. */
export interface FixedData {
  readonly kind: 'fixed';
  readonly type: Exclude<ScalarType, 'string'>;
  readonly length: number;
  readonly nullCount: number;
  readonly valid: Uint8Array | null;
  readonly values: Uint8Array | Int32Array | BigInt64Array | Float64Array | null;
}

/**
 * Strings as UTF-8. With `codes === null` slot i is bytes[offsets[i] .. offsets[i+1]] (null slots are empty ranges).
 * With codes, slot i is dictionary entry codes[i] (unspecified for null slots), and entry e is
 * bytes[offsets[e] .. offsets[e+1]]; entries are distinct, and may include some that no slot uses.
 */
export interface StringData {
  readonly kind: 'string';
  readonly type: 'string';
  readonly length: number;
  readonly nullCount: number;
  readonly valid: Uint8Array | null;
  readonly codes: Int32Array | null;
  /** Number of dictionary entries; equals `length` without codes. */
  readonly entries: number;
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Slot i is elements[offsets[i] .. offsets[i+1]]; null slots are empty ranges. */
export interface ListData {
  readonly kind: 'list';
  readonly length: number;
  readonly nullCount: number;
  readonly valid: Uint8Array | null;
  readonly offsets: Uint32Array;
  readonly elements: ScalarData;
}

/** Slot i is the pairs keys/values[offsets[i] .. offsets[i+1]]; keys are never null; null slots are empty ranges. */
export interface MapData {
  readonly kind: 'map';
  readonly length: number;
  readonly nullCount: number;
  readonly valid: Uint8Array | null;
  readonly offsets: Uint32Array;
  readonly keys: StringData;
  readonly values: ScalarData;
}

export interface BatchColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly data: ColumnData;
}

/** Columns of equal length. The arrays may be longer than `rows`; only the first `rows` slots count. */
export interface ColumnBatch {
  readonly rows: number;
  readonly columns: readonly BatchColumn[];
}

/** Slots from .. to of a column; shares its memory. */
export function sliceColumn(data: ColumnData, from: number, to: number): ColumnData {
  const length = to - from;
  const valid = data.valid?.subarray(from, to) ?? null;
  let nullCount = data.nullCount === data.length ? length : 0;
  if (valid !== null) for (let slot = 0; slot < length; slot++) nullCount += 1 - valid[slot]!;
  const slots = { length, nullCount, valid };
  switch (data.kind) {
    case 'fixed':
      return { ...data, ...slots, values: data.values?.subarray(from, to) ?? null };
    case 'string':
      if (data.nullCount === data.length) return { ...data, ...slots };
      return data.codes === null
        ? { ...data, ...slots, entries: length, offsets: data.offsets.subarray(from, to + 1) }
        : { ...data, ...slots, codes: data.codes.subarray(from, to) };
    default:
      return { ...data, ...slots, offsets: data.offsets.subarray(from, to + 1) };
  }
}

/** The rows of `rows` that have no 1 in `dropped`, in order. */
export function withoutDropped(rows: Uint32Array, dropped: Uint8Array | undefined): Uint32Array {
  return dropped === undefined ? rows : rows.filter((row) => dropped[row] !== 1);
}
