/**
 * Row order without moving rows: permutations of a batch's row numbers.
 *
 * Ascending, nulls first; strings by unsigned UTF-8 bytes (which is code point order), timestamps and longs as
 * signed integers, false before true, NaN after every other double. Ties keep the order of arrival, so the same rows
 * always give the same order.
 */

import type { ColumnBatch, ScalarData, StringData } from '../columns/batch.ts';
import { compareText } from '../text/order.ts';
import { kernel, placeOf } from './kernel.ts';
import { setKeys } from './keys.ts';
import { KernelRows } from './rows.ts';

/** A column to sort by. */
export interface OrderKey {
  readonly column: string;
  /** Longs and timestamps count in units of so many, rounded down. */
  readonly unit?: bigint;
}

/** The rows of `batch` in the order of `keys`. Input that is already in order costs one pass, input of sorted runs a merge. */
export function sortOrder(batch: ColumnBatch, keys: readonly (string | OrderKey)[]): Uint32Array {
  const order = identity(batch.rows);
  const columns = keys
    .map((key) => (typeof key === 'string' ? { column: key } : key))
    .map(({ column, unit }: OrderKey) => ({ data: scalarColumn(batch, column), unit }))
    .filter(({ data }) => data.nullCount < batch.rows);
  const [first, ...rest] = columns;
  if (first === undefined) return order;
  const { call } = kernel();
  let sorted: number;
  if (
    rest.length === 0 &&
    first.unit === undefined &&
    first.data.kind === 'fixed' &&
    first.data.values instanceof BigInt64Array
  ) {
    // Nothing is to be gained by merging: digits cost a few passes, however many runs there are.
    const { valid, values } = first.data;
    sorted = call.orderOfLongs(placeOf(values), placeOf(valid), order.length);
  } else {
    setKeys(columns);
    sorted = call.orderOfKeys(order.length);
  }
  return sorted === 0 ? order : kernel().uint32(sorted, order.length).slice();
}

export interface DayRows {
  readonly day: string;
  readonly order: Uint32Array;
}

/** Splits an order by the values of the partition column, days ascending, order kept inside each. */
export function splitByDay(batch: ColumnBatch, order: Uint32Array, partitionColumn: string): DayRows[] {
  const column = scalarColumn(batch, partitionColumn);
  if (column.kind !== 'string' || column.nullCount > 0)
    throw new Error(`${partitionColumn} must be a string in every row`);
  const { call } = kernel();
  const made = column.codes === null ? new KernelRows(codesOf(column, batch.rows)) : undefined;
  const placed = new KernelRows(order);
  try {
    const codes = made?.place ?? placeOf(column.codes);
    const rows = placed.place;
    const counts = kernel().uint32(call.countCodes(codes, rows, order.length, column.entries), column.entries);
    const days: { day: string; code: number; rows: number }[] = [];
    for (const [code, rows] of counts.entries()) if (rows > 0) days.push({ day: decode(column, code), code, rows });
    if (days.length === 1) return [{ day: days[0]!.day, order }];
    days.sort((a, b) => compareText(a.day, b.day));
    let first = 0;
    for (const { code, rows } of days) {
      counts[code] = first;
      first += rows;
    }
    const parted = kernel()
      .uint32(call.scatterByCode(codes, rows, order.length), order.length)
      .slice();
    // A counter has gone on to where its day ends.
    return days.map(({ day, code, rows }) => ({ day, order: parted.subarray(counts[code]! - rows, counts[code]) }));
  } finally {
    placed.release();
    made?.release();
  }
}

/**
 * The rows in the order of integers below 2^53, which `write` writes down, the lower word of each first; undefined where they
 * are in order as they stand.
 */
export function orderOfKeys(rows: number, write: (words: Uint32Array) => void): Uint32Array | undefined {
  const { call } = kernel();
  const place = call.allocate(rows * 8);
  try {
    write(kernel().uint32(place, rows * 2));
    const sorted = call.orderOfLongs(place, 0, rows);
    return sorted === 0 ? undefined : kernel().uint32(sorted, rows).slice();
  } finally {
    call.release(place);
  }
}

function identity(rows: number): Uint32Array {
  const order = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) order[i] = i;
  return order;
}

function scalarColumn(batch: ColumnBatch, name: string): ScalarData {
  const data = batch.columns.find((column) => column.name === name)?.data;
  if (data === undefined || data.kind === 'list' || data.kind === 'map')
    throw new Error(`no scalar column ${name} to order by`);
  return data;
}

/** Dictionary codes for a column that was not worth coding. */
function codesOf(column: StringData, rows: number): Uint32Array {
  const codes = new Uint32Array(rows);
  const seen = new Map<string, number>();
  for (let i = 0; i < rows; i++) {
    const value = decode(column, i);
    if (!seen.has(value)) seen.set(value, i);
    codes[i] = seen.get(value)!;
  }
  return codes;
}

const decode = (column: StringData, entry: number): string =>
  Buffer.from(column.bytes.buffer, column.bytes.byteOffset).toString(
    'utf8',
    column.offsets[entry]!,
    column.offsets[entry + 1]!,
  );
