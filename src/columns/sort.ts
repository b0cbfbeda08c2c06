/**
 * Row order without moving rows: permutations of a batch's row numbers.
 *
 * Ascending, nulls first; strings by unsigned UTF-8 bytes (which is code point order), timestamps and longs as
 * signed integers, false before true, NaN after every other double. Ties keep the order of arrival, so the same rows
 * always give the same order.
 */
import type { ColumnBatch, FixedData, ScalarData, StringData } from './batch.ts';

/** The rows of `batch` in the order of `keys`. Input that is already in order costs one pass. */
export function sortOrder(batch: ColumnBatch, keys: readonly string[]): Uint32Array {
  const order = identity(batch.rows);
  const columns = keys.map((key) => scalarColumn(batch, key)).filter((column) => column.nullCount < batch.rows);
  const [first, ...rest] = columns;
  if (first === undefined) return order;
  if (rest.length === 0 && first.kind === 'fixed' && first.values instanceof BigInt64Array)
    return sortInt64(first, order);
  const compare = columns.map(comparator);
  const compareRows = (a: number, b: number): number => {
    for (const by of compare) {
      const difference = by(a, b);
      if (difference !== 0) return difference;
    }
    return a - b;
  };
  for (let i = 1; i < order.length; i++) if (compareRows(i - 1, i) > 0) return order.sort(compareRows);
  return order;
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
  const codes = column.codes ?? codesOf(column, batch.rows);
  const counts = new Map<number, number>();
  for (const row of order) counts.set(codes[row]!, (counts.get(codes[row]!) ?? 0) + 1);
  const days = [...counts].map(([code, rows]) => ({
    code,
    day: decode(column, code),
    order: new Uint32Array(rows),
    used: 0,
  }));
  days.sort((a, b) => (a.day < b.day ? -1 : 1));
  if (days.length === 1) return [{ day: days[0]!.day, order }];
  const byCode = new Map(days.map((day) => [day.code, day]));
  for (const row of order) {
    const day = byCode.get(codes[row]!)!;
    day.order[day.used++] = row;
  }
  return days;
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

/** Dictionary codes for a column that builders gave up coding. */
function codesOf(column: StringData, rows: number): Int32Array {
  const codes = new Int32Array(rows);
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

/** Stable least-significant-digit radix sort over 16-bit digits of (value - least value); nulls first. */
function sortInt64(column: FixedData, order: Uint32Array): Uint32Array {
  const values = column.values as BigInt64Array;
  const { valid } = column;
  const rows = order.length;
  const halves = new Int32Array(values.buffer, values.byteOffset, rows * 2);
  const isNull = (row: number): boolean => valid !== null && valid[row] === 0;

  let least = -1;
  let greatest = -1;
  let sorted = true;
  let previous = -1;
  const less = (a: number, b: number): boolean =>
    halves[a * 2 + 1]! !== halves[b * 2 + 1]!
      ? halves[a * 2 + 1]! < halves[b * 2 + 1]!
      : halves[a * 2]! >>> 0 < halves[b * 2]! >>> 0;
  for (let row = 0; row < rows; row++) {
    if (isNull(row)) {
      sorted &&= previous < 0;
      continue;
    }
    if (previous >= 0 && less(row, previous)) sorted = false;
    if (least < 0 || less(row, least)) least = row;
    if (greatest < 0 || less(greatest, row)) greatest = row;
    previous = row;
  }
  if (sorted) return order;

  // Nulls take the key 0 and every value its distance from the least one plus 1.
  const leastLow = halves[least * 2]! >>> 0;
  const leastHigh = halves[least * 2 + 1]!;
  const low = new Uint32Array(rows);
  const high = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    if (isNull(row)) continue;
    const difference = (halves[row * 2]! >>> 0) - leastLow;
    const borrow = difference < 0 ? 1 : 0;
    low[row] = difference + 1;
    high[row] = halves[row * 2 + 1]! - leastHigh - borrow + (low[row] === 0 ? 1 : 0);
  }
  const digits = [low, low, high, high];
  const passes = Math.ceil(bitLength(low[greatest]!, high[greatest]!) / 16);
  let from = order;
  let to: Uint32Array = new Uint32Array(rows);
  const counts = new Uint32Array(65537);
  for (let pass = 0; pass < passes; pass++) {
    const digit = digits[pass]!;
    const shift = (pass & 1) * 16;
    counts.fill(0);
    for (let i = 0; i < rows; i++) counts[((digit[i]! >>> shift) & 0xffff) + 1]!++;
    for (let i = 0; i < 65536; i++) counts[i + 1]! += counts[i]!;
    for (let i = 0; i < rows; i++) {
      const row = from[i]!;
      to[counts[(digit[row]! >>> shift) & 0xffff]!++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

const bitLength = (low: number, high: number): number => (high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low));

type Comparator = (a: number, b: number) => number;

function comparator(column: ScalarData): Comparator {
  const { valid } = column;
  const byValue = column.kind === 'string' ? compareStrings(column) : compareFixed(column);
  if (valid === null) return byValue;
  return (a, b) => {
    const difference = valid[a]! - valid[b]!;
    return difference !== 0 || valid[a] === 0 ? difference : byValue(a, b);
  };
}

function compareStrings(column: StringData): Comparator {
  const { codes, offsets } = column;
  const bytes = Buffer.from(column.bytes.buffer, column.bytes.byteOffset, column.bytes.byteLength);
  return (a, b) => {
    const x = codes === null ? a : codes[a]!;
    const y = codes === null ? b : codes[b]!;
    return x === y ? 0 : bytes.compare(bytes, offsets[y]!, offsets[y + 1]!, offsets[x]!, offsets[x + 1]!);
  };
}

function compareFixed(column: FixedData): Comparator {
  const values = column.values!;
  return (a, b) => {
    const x = values[a]!;
    const y = values[b]!;
    if (x < y) return -1;
    if (x > y) return 1;
    return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  };
}
