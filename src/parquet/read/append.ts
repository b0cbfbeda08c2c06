/** From decoded pages into column builders, without an object a value. Rows that are dropped leave no trace. */
import type { FixedBuilder, ListBuilder, MapBuilder } from '../../columns/builders.ts';
import { CachedCode, StringBuilder } from '../../columns/string-builder.ts';
import type { DecodedPage, LeafShape } from './chunk.ts';
import { type PageValues, type Strings, Unsupported } from './values.ts';

type ScalarBuilder = FixedBuilder | StringBuilder;

/** Puts the values of a page into a builder, one after another. */
type Append = (index: number) => void;

/** A dictionary is that of the chunk, so what its codes became in the builder is known from page to page. */
class ValueAppender {
  readonly #builder: ScalarBuilder;
  #dictionary: Strings | undefined;
  #cachedCodes: CachedCode[] = [];

  constructor(builder: ScalarBuilder) {
    this.#builder = builder;
  }

  of(values: PageValues): Append {
    const builder = this.#builder;
    if (values.kind === 'numbers') {
      if (builder instanceof StringBuilder) throw new Unsupported('numbers in a column of strings');
      const numbers = values.values;
      return (index) => builder.appendNumber(numbers[index]!);
    }
    if (!(builder instanceof StringBuilder)) throw new Unsupported('strings in a column of numbers');
    if (values.kind === 'strings') {
      const { bytes, starts, ends } = values;
      return (index) => builder.appendBytes(bytes, starts[index]!, ends[index]!);
    }
    const { codes, dictionary } = values;
    if (this.#dictionary !== dictionary) {
      this.#dictionary = dictionary;
      this.#cachedCodes = Array.from(dictionary.starts, () => new CachedCode());
    }
    const cachedCodes = this.#cachedCodes;
    const { bytes, starts, ends } = dictionary;
    return (index) => {
      const code = codes[index]!;
      builder.appendKnown(cachedCodes[code]!, bytes, starts[code]!, ends[code]!);
    };
  }
}

/** Rows of a chunk, counted on from `base` without those that are dropped. */
export interface RowSelection {
  readonly base: number;
  readonly dropped: Uint8Array | undefined;
}

export function appendScalars(pages: readonly DecodedPage[], builder: ScalarBuilder, rows: RowSelection): void {
  const { dropped } = rows;
  const appender = new ValueAppender(builder);
  let row = rows.base;
  let source = 0;
  for (const { entries, definition, values } of pages) {
    if (typeof definition === 'number' && valuesOf(values) === 0) {
      row += entries - (dropped === undefined ? 0 : countOf(dropped, source, source + entries));
      source += entries;
      continue;
    }
    const append = appender.of(values);
    let value = 0;
    for (let i = 0; i < entries; i++, source++) {
      // Flat: a level of 0 is a null.
      const isThere = typeof definition === 'number' || definition[i] !== 0;
      if (dropped === undefined || dropped[source] === 0) {
        if (isThere) {
          builder.padTo(row);
          append(value);
        }
        row++;
      }
      if (isThere) value++;
    }
  }
}

/**
 * Appends the entries of a list's or map's leaf to a builder of elements, and tells `row` of each row that is kept:
 * whether it is there at all, once its entries are in.
 */
function appendEntries(
  pages: readonly DecodedPage[],
  shape: LeafShape,
  builder: ScalarBuilder,
  { dropped }: RowSelection,
  endRow: (isThere: boolean) => void,
): void {
  const appender = new ValueAppender(builder);
  let source = -1;
  let entry = builder.length;
  let state: 'none' | 'null' | 'there' = 'none';
  const end = (): void => {
    builder.padTo(entry);
    if (state !== 'none') endRow(state === 'there');
  };
  for (const { entries, definition, repetition, values } of pages) {
    const append = appender.of(values);
    let value = 0;
    for (let i = 0; i < entries; i++) {
      const level = typeof definition === 'number' ? definition : definition[i]!;
      if (repetition === null || repetition[i] === 0) {
        end();
        source++;
        const isKept = dropped === undefined || dropped[source] === 0;
        state = !isKept ? 'none' : level >= shape.present ? 'there' : 'null';
      }
      const isThere = level === shape.maxDefinition;
      if (state !== 'none' && level >= shape.entry) {
        if (isThere) {
          builder.padTo(entry);
          append(value);
        }
        entry++;
      }
      if (isThere) value++;
    }
  }
  end();
}

export function appendList(
  pages: readonly DecodedPage[],
  shape: LeafShape,
  builder: ListBuilder,
  rows: RowSelection,
): void {
  let row = rows.base;
  appendEntries(pages, shape, builder.elements, rows, (isThere) => {
    if (isThere) {
      builder.padTo(row);
      builder.closeSlot();
    }
    row++;
  });
}

export function appendMap(
  keys: { readonly pages: readonly DecodedPage[]; readonly shape: LeafShape },
  values: { readonly pages: readonly DecodedPage[]; readonly shape: LeafShape },
  builder: MapBuilder,
  rows: RowSelection,
): void {
  // Values first: closing a slot takes those that are missing by then for null.
  appendEntries(values.pages, values.shape, builder.values, rows, () => undefined);
  const entries = builder.values.length;
  let row = rows.base;
  appendEntries(keys.pages, keys.shape, builder.keys, rows, (isThere) => {
    if (isThere) {
      builder.padTo(row);
      builder.closeSlot();
    }
    row++;
  });
  if (builder.keys.length !== entries)
    throw new RangeError(`a map has ${builder.keys.length} keys and ${entries} values`);
}

const valuesOf = (values: PageValues): number =>
  values.kind === 'numbers'
    ? values.values.length
    : values.kind === 'strings'
      ? values.starts.length
      : values.codes.length;

function countOf(dropped: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) count += dropped[i]!;
  return count;
}
