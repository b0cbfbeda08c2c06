/** Batches from rows, written apart from src/kernel/table.ts so that a test says how its strings are stored. */
import type {
  BatchColumn,
  ColumnBatch,
  ColumnData,
  FixedData,
  ScalarData,
  StringData,
} from '../../src/columns/batch.ts';
import { isScalar, type Scalar, type ScalarType, type Value } from '../../src/columns/types.ts';
import { kernel } from '../../src/kernel/kernel.ts';
import type { FileColumn } from '../../src/parquet/encoder.ts';

export type StringLayout = 'plain' | 'dictionary';
export type TestRow = readonly Value[];

/** Field ids in order of appearance, as Iceberg gives them: the column's, then those of its parts. */
export function fileColumns(types: Readonly<Record<string, FileColumn['type']>>): FileColumn[] {
  let id = 0;
  return Object.entries(types).map(([name, type]) => {
    id++;
    const column = { name, type, required: false, id };
    if (isScalar(type)) return column;
    if ('list' in type) return { ...column, elementId: ++id };
    return { ...column, keyId: ++id, elementId: ++id };
  });
}

export function batchOf(
  columns: readonly FileColumn[],
  rows: readonly TestRow[],
  layout: StringLayout = 'plain',
): ColumnBatch {
  return {
    rows: rows.length,
    columns: columns.map(({ name, type }, index): BatchColumn => {
      const values = rows.map((row) => row[index] ?? null);
      return { name, type, data: inKernel(columnData(type, values, layout)) };
    }),
  };
}

/** The same with its arrays in the kernel's memory, for good. */
function inKernel<T>(data: T): T {
  if (ArrayBuffer.isView(data)) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const View = (Buffer.isBuffer(data) ? Uint8Array : data.constructor) as ArrayOverBuffer;
    return new View(kernel().buffer, kernel().copyOf(bytes), (data as unknown as Uint8Array).length) as T;
  }
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([name, part]) => [name, inKernel(part)])) as T;
}

type ArrayOverBuffer = new (buffer: SharedArrayBuffer, place: number, length: number) => unknown;

function columnData(type: FileColumn['type'], values: readonly Value[], layout: StringLayout): ColumnData {
  if (isScalar(type)) return scalarData(type, values as (Scalar | null)[], layout);
  const { length } = values;
  const offsets = new Uint32Array(length + 1);
  const parts: unknown[] = [];
  for (const [slot, value] of values.entries()) {
    if (value !== null) parts.push(...(value as readonly unknown[]));
    offsets[slot + 1] = parts.length;
  }
  const header = { length, offsets, ...nulls(values) };
  if ('list' in type) {
    return { kind: 'list', ...header, elements: scalarData(type.list, parts as (Scalar | null)[], layout) };
  }
  const pairs = parts as (readonly [string, Scalar | null])[];
  const keys = pairs.map(([key]) => key);
  const items = pairs.map(([, item]) => item);
  return { kind: 'map', ...header, keys: stringData(keys, layout), values: scalarData(type.map.value, items, layout) };
}

function nulls(values: readonly Value[]): { nullCount: number; valid: Uint8Array | null } {
  const valid = Uint8Array.from(values, (value) => (value === null ? 0 : 1));
  const nullCount = valid.filter((bit) => bit === 0).length;
  return { nullCount, valid: nullCount === 0 ? null : valid };
}

function scalarData(type: ScalarType, values: readonly (Scalar | null)[], layout: StringLayout): ScalarData {
  return type === 'string' ? stringData(values, layout) : fixedData(type, values);
}

function fixedData(type: FixedData['type'], values: readonly (Scalar | null)[]): FixedData {
  const base = { kind: 'fixed', type, length: values.length, ...nulls(values) } as const;
  if (base.nullCount === values.length) return { ...base, valid: null, values: null };
  if (type === 'long' || type === 'timestamp')
    return { ...base, values: BigInt64Array.from(values, (value) => (value ?? -1n) as bigint) };
  const numbers = values.map((value) => Number(value ?? 1));
  if (type === 'boolean') return { ...base, values: Uint8Array.from(numbers) };
  return { ...base, values: type === 'int' ? Int32Array.from(numbers) : Float64Array.from(numbers) };
}

function stringData(values: readonly (Scalar | null)[], layout: StringLayout): StringData {
  const base = { kind: 'string', type: 'string', length: values.length, ...nulls(values) } as const;
  if (layout === 'plain') {
    return {
      ...base,
      codes: null,
      entries: values.length,
      ...concatenated(values.map((value) => String(value ?? ''))),
    };
  }
  // Entries in an order of their own, with one that no slot uses at either end.
  const distinct = ['unused entry', ...new Set(values.filter((value) => value !== null).map(String)), '~ unused'];
  const entries = [...new Set(distinct)].reverse();
  const codeOf = new Map(entries.map((entry, code) => [entry, code]));
  const codes = Int32Array.from(values, (value) => (value === null ? 0x7fffffff : codeOf.get(String(value))!));
  return { ...base, codes, entries: entries.length, ...concatenated(entries) };
}

function concatenated(strings: readonly string[]): { offsets: Uint32Array; bytes: Uint8Array } {
  const parts = strings.map((string) => Buffer.from(string, 'utf8'));
  const offsets = new Uint32Array(parts.length + 1);
  for (const [index, part] of parts.entries()) offsets[index + 1] = offsets[index]! + part.length;
  return { offsets, bytes: Buffer.concat(parts) };
}
