/**
 * Shredding: from the slots of a column to the level and value streams of its leaves (parquet-format, README.md
 * "Nested Encoding"; the Dremel paper). Values are not copied: a stream names the slots of the leaf's own data.
 */
import type { ColumnData, ScalarData } from '../columns/batch.ts';
import type { Leaf } from './schema.ts';

/** What a row group holds of one leaf. Good until the next `shred` of the same Shredder. */
export interface LeafStream {
  readonly rows: number;
  /** Number of level entries: values, nulls, and place holders of null and empty lists and maps. */
  readonly levels: number;
  /** One a level entry, or the one level that all entries have. */
  readonly definition: Uint8Array | number;
  /** One a level entry (0 starts a row), or null where the leaf is not repeated. */
  readonly repetition: Uint8Array | null;
  /** Number of values that are there. */
  readonly values: number;
  /** Where they are in the leaf's data. May be longer than `values`. */
  readonly slots: Uint32Array;
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

const noSlots = new Uint32Array(0);

export class Shredder {
  #definition = new Uint8Array(0);
  #repetition = new Uint8Array(0);
  #slots = new Uint32Array(0);

  /** `rows`: the slots of the column to take, in file order. Throws where a required column has a null. */
  shred(leaf: Leaf, data: ColumnData | undefined, rows: Uint32Array): LeafStream {
    const stream = this.#shred(leaf, data, rows);
    const { definition } = stream;
    // Both null and empty lists of required columns are place holders, so nulls of those are looked for by slot.
    const hasNull = leaf.role === 'scalar' ? stream.values < rows.length : isNullIn(data, rows);
    if (leaf.column.required && hasNull)
      throw new Error(`cannot write column ${leaf.column.name} to Parquet: it is required, and null in some row`);
    if (leaf.role === 'key' && definition !== 0 && keysMissing(stream, leaf.maxDefinition))
      throw new Error(`cannot write column ${leaf.column.name} to Parquet: a map has a null key`);
    return stream;
  }

  #shred(leaf: Leaf, data: ColumnData | undefined, rows: Uint32Array): LeafStream {
    const values = leafData(leaf, data);
    if (data === undefined || values === null || data.nullCount === data.length) {
      const repetition = leaf.maxRepetition > 0 ? this.#zeroRepetition(rows.length) : null;
      return { rows: rows.length, levels: rows.length, definition: 0, repetition, values: 0, slots: noSlots };
    }
    if (data.kind === 'list' || data.kind === 'map') return this.#shredRepeated(leaf, data, values, rows);
    if (data.valid === null) {
      const definition = leaf.maxDefinition;
      return { rows: rows.length, levels: rows.length, definition, repetition: null, values: rows.length, slots: rows };
    }
    return this.#shredOptional(data.valid, rows);
  }

  #shredOptional(valid: Uint8Array, rows: Uint32Array): LeafStream {
    const count = rows.length;
    if (this.#definition.length < count) this.#definition = new Uint8Array(count);
    if (this.#slots.length < count) this.#slots = new Uint32Array(count);
    const definition = this.#definition;
    const slots = this.#slots;
    let values = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      const level = valid[row]!;
      definition[i] = level;
      slots[values] = row;
      values += level;
    }
    const uniform = values === 0 ? 0 : values === count ? 1 : undefined;
    return { rows: count, levels: count, definition: uniform ?? definition, repetition: null, values, slots };
  }

  #shredRepeated(
    leaf: Leaf,
    data: Extract<ColumnData, { offsets: Uint32Array; kind: 'list' | 'map' }>,
    elements: ScalarData,
    rows: Uint32Array,
  ): LeafStream {
    const { valid, offsets } = data;
    let capacity = 0;
    for (let i = 0; i < rows.length; i++) capacity += Math.max(1, offsets[rows[i]! + 1]! - offsets[rows[i]!]!);
    if (this.#definition.length < capacity) this.#definition = new Uint8Array(capacity);
    if (this.#repetition.length < capacity) this.#repetition = new Uint8Array(capacity);
    if (this.#slots.length < capacity) this.#slots = new Uint32Array(capacity);
    const definition = this.#definition;
    const repetition = this.#repetition;
    const slots = this.#slots;
    const empty = leaf.column.required ? 0 : 1;
    const present = leaf.maxDefinition;
    const allPresent = elements.valid === null && elements.nullCount === 0;
    const nonePresent = elements.nullCount === elements.length;
    let levels = 0;
    let values = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const start = offsets[row]!;
      const end = offsets[row + 1]!;
      if (start === end || (valid !== null && valid[row] === 0)) {
        definition[levels] = valid !== null && valid[row] === 0 ? 0 : empty;
        repetition[levels++] = 0;
        continue;
      }
      if (allPresent) {
        repetition[levels] = 0;
        for (let element = start; element < end; element++) {
          definition[levels++] = present;
          repetition[levels] = 1;
          slots[values++] = element;
        }
        continue;
      }
      for (let element = start; element < end; element++) {
        repetition[levels] = element === start ? 0 : 1;
        if (!nonePresent && elements.valid![element] === 1) {
          definition[levels++] = present;
          slots[values++] = element;
        } else definition[levels++] = empty + 1;
      }
    }
    const uniform = values === levels ? present : definition;
    return { rows: rows.length, levels, definition: uniform, repetition, values, slots };
  }

  #zeroRepetition(count: number): Uint8Array {
    if (this.#repetition.length < count) this.#repetition = new Uint8Array(count);
    return this.#repetition.fill(0, 0, count);
  }
}

function isNullIn(data: ColumnData | undefined, rows: Uint32Array): boolean {
  if (data === undefined) return rows.length > 0;
  const { valid } = data;
  if (valid === null) return data.nullCount > 0 && rows.length > 0;
  return rows.some((row) => valid[row] === 0);
}

/** A key's place holders have levels below its maximum by one where it lacks only the key itself. */
function keysMissing(stream: LeafStream, maxDefinition: number): boolean {
  if (typeof stream.definition === 'number') return false;
  let present = 0;
  for (let i = 0; i < stream.levels; i++) if (stream.definition[i] === maxDefinition) present++;
  return present > stream.values;
}
