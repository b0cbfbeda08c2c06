/** Rows from one batch of columns into the builders of another, strings by their dictionary codes where they have such. */
import type { ColumnBatch, ColumnData, FixedData, ListData, MapData, ScalarData, StringData } from './batch.ts';
import { type ColumnBuilder, FixedBuilder, ListBuilder, type MapBuilder } from './builders.ts';
import { CachedCode, StringBuilder } from './string-builder.ts';
import type { TableBuffer } from './table-buffer.ts';

/** Appends `rows` of `batch`, in that order. Columns are found by name; one that the batch lacks stays null. */
export function copyRows(target: TableBuffer, batch: ColumnBatch, rows: Uint32Array): void {
  const columns = new Map(batch.columns.map((column) => [column.name, column.data]));
  for (const { declaration, builder } of target.columns) {
    const data = columns.get(declaration.name);
    if (data !== undefined && data.nullCount < batch.rows) copyColumn(builder, data, rows, target.rows);
  }
  target.endRows(rows.length);
}

function copyColumn(builder: ColumnBuilder, data: ColumnData, rows: Uint32Array, base: number): void {
  const { valid } = data;
  const append = slotAppender(builder, data);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (valid !== null && valid[row] === 0) continue;
    builder.padTo(base + i);
    append(row);
  }
}

function slotAppender(builder: ColumnBuilder, data: ColumnData): (slot: number) => void {
  if (data.kind === 'string' && builder instanceof StringBuilder) return stringAppender(builder, data);
  if (data.kind === 'fixed' && builder instanceof FixedBuilder) return fixedAppender(builder, data);
  if (data.kind === 'list' && builder instanceof ListBuilder) return listAppender(builder, data);
  if (data.kind === 'map') return mapAppender(builder as MapBuilder, data);
  throw new Error(`cannot copy a ${data.kind} column into one of another type`);
}

function stringAppender(
  builder: StringBuilder,
  { codes, offsets, bytes, entries }: StringData,
): (slot: number) => void {
  if (codes === null) return (slot) => builder.appendBytes(bytes, offsets[slot]!, offsets[slot + 1]!);
  const cachedCodes: (CachedCode | undefined)[] = new Array(entries);
  return (slot) => {
    const code = codes[slot]!;
    let cachedCode = cachedCodes[code];
    if (cachedCode === undefined) cachedCodes[code] = cachedCode = new CachedCode();
    builder.appendKnown(cachedCode, bytes, offsets[code]!, offsets[code + 1]!);
  };
}

function fixedAppender(builder: FixedBuilder, { values }: FixedData): (slot: number) => void {
  if (values === null) return () => undefined;
  return (slot) => builder.append(values[slot]!);
}

function listAppender(builder: ListBuilder, { offsets, elements }: ListData): (slot: number) => void {
  const append = elementAppender(builder.elements, elements);
  return (slot) => {
    for (let element = offsets[slot]!; element < offsets[slot + 1]!; element++) append(element);
    builder.closeSlot();
  };
}

function mapAppender(builder: MapBuilder, { offsets, keys, values }: MapData): (slot: number) => void {
  const appendKey = slotAppender(builder.keys, keys);
  const appendValue = slotAppender(builder.values, values);
  const isNull = nullTest(values);
  return (slot) => {
    for (let entry = offsets[slot]!; entry < offsets[slot + 1]!; entry++) {
      appendKey(entry);
      if (isNull(entry)) builder.values.padTo(builder.keys.length);
      else appendValue(entry);
    }
    builder.closeSlot();
  };
}

function elementAppender(builder: StringBuilder | FixedBuilder, data: ScalarData): (slot: number) => void {
  const append = slotAppender(builder, data);
  const isNull = nullTest(data);
  return (slot) => (isNull(slot) ? builder.padTo(builder.length + 1) : append(slot));
}

const nullTest = ({ valid, nullCount, length }: ScalarData): ((slot: number) => boolean) =>
  valid === null ? () => nullCount === length && length > 0 : (slot) => valid[slot] === 0;
