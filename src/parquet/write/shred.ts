/**
 * Shredding: from the slots of a column to the level and value streams of its leaves (parquet-format, README.md
 * "Nested Encoding"; the Dremel paper), which the kernel does and keeps. Its values are then gathered from their slots.
 */
import type { ColumnData, ListData, MapData, ScalarData } from '../../columns/batch.ts';
import { kernel, placeOf } from '../../kernel/kernel.ts';
import type { KernelRows } from '../../kernel/rows.ts';
import type { Leaf } from '../format/schema.ts';

/** What a row group holds of one leaf. The streams are in the kernel until the next `shred`. */
export interface LeafStream {
  readonly rows: number;
  /** Number of level entries: values, nulls, and place holders of null and empty lists and maps. */
  readonly levels: number;
  /** The definition level that all entries have, or null where each has its own. */
  readonly definition: number | null;
  readonly isRepeated: boolean;
  /** Number of values that are there. */
  readonly values: number;
}

/** The data that a leaf's slots are of; null for a column that the batch lacks or that has never had a value. */
export function leafData(leaf: Leaf, data: ColumnData | undefined): ScalarData | null {
  if (data === undefined) return null;
  if (leaf.role === 'element' && data.kind === 'list') return data.elements;
  if (leaf.role === 'key' && data.kind === 'map') return data.keys;
  if (leaf.role === 'value' && data.kind === 'map') return data.values;
  if (leaf.role === 'scalar' && (data.kind === 'fixed' || data.kind === 'string')) return data;
  throw new Error(`the batch has a ${data.kind} for column ${leaf.column.name}, which the file declares otherwise`);
}

/**
 * Makes the leaf the one that the kernel holds, of a column that lies in its memory. Throws where a required column has
 * a null.
 */
export function shred(leaf: Leaf, data: ColumnData | undefined, rows: KernelRows): LeafStream {
  const stream = streamOf(leaf, data, rows);
  // Both null and empty lists of required columns are place holders, so nulls of those are looked for by slot.
  const hasNull = leaf.role === 'scalar' ? stream.values < rows.count : isNullIn(data, rows);
  if (leaf.column.required && hasNull)
    throw new Error(`cannot write column ${leaf.column.name} to Parquet: it is required, and null in some row`);
  if (leaf.role === 'key' && keysMissing(stream, leaf.maxDefinition))
    throw new Error(`cannot write column ${leaf.column.name} to Parquet: a map has a null key`);
  return stream;
}

function streamOf(leaf: Leaf, data: ColumnData | undefined, rows: KernelRows): LeafStream {
  const { place, count } = rows;
  const { call } = kernel();
  if (data === undefined || data.nullCount === data.length) {
    call.shredAbsent(count);
    return { rows: count, levels: count, definition: 0, isRepeated: leaf.maxRepetition > 0, values: 0 };
  }
  if (data.kind === 'list' || data.kind === 'map') return shredRepeated(leaf, data, rows);
  if (data.valid === null) call.shredPresent(place, count);
  else call.shredOptional(placeOf(data.valid), place, count);
  const values = call.streamValues();
  const definition = values === 0 ? 0 : values === count ? leaf.maxDefinition : null;
  return { rows: count, levels: count, definition, isRepeated: false, values };
}

function shredRepeated(leaf: Leaf, data: ListData | MapData, rows: KernelRows): LeafStream {
  const { call } = kernel();
  const elements = leafData(leaf, data)!;
  call.shredRepeated(
    placeOf(data.valid),
    placeOf(data.offsets),
    placeOf(elements.valid),
    elements.nullCount === elements.length,
    rows.place,
    rows.count,
    leaf.column.required ? 0 : 1,
    leaf.maxDefinition,
  );
  const levels = call.streamLevels();
  const values = call.streamValues();
  // That all are null is told the same way whether or not that is so of the whole batch.
  const isNull = values === 0 && call.countDefinition(0, levels, 0) === levels;
  const definition = isNull ? 0 : values === levels ? leaf.maxDefinition : null;
  return { rows: rows.count, levels, definition, isRepeated: true, values };
}

/** Lays the values of the stream side by side, of strings where they are and how long. There must be some. */
export function gatherValues(data: ScalarData): void {
  const { call } = kernel();
  if (data.kind === 'fixed') call.gatherNumbers(placeOf(data.values), data.values!.BYTES_PER_ELEMENT);
  else call.gatherTexts(placeOf(data.codes), placeOf(data.offsets), placeOf(data.bytes));
}

function isNullIn(data: ColumnData | undefined, { place, count }: KernelRows): boolean {
  if (data === undefined) return count > 0;
  const { valid } = data;
  if (valid === null) return data.nullCount > 0 && count > 0;
  return kernel().call.hasNull(placeOf(valid), place, count) === 1;
}

/** A key's place holders have levels below its maximum by one where it lacks only the key itself. */
function keysMissing({ definition, levels, values }: LeafStream, maxDefinition: number): boolean {
  return definition === null && kernel().call.countDefinition(0, levels, maxDefinition) > values;
}
