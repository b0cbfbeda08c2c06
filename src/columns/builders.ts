/**
 * Column builders: rows go in one value at a time, a ColumnBatch comes out. Arrays grow by doubling, a column that
 * never gets a value costs nothing, and nulls are written only when a later value comes (`padTo`), so a wide table of
 * mostly empty columns is cheap. `take` gives the arrays away, to be moved to another thread; the next ones are made as
 * large as these were filled.
 */
import type { BatchColumn, ColumnBatch, ColumnData, FixedData, ListData, MapData, StringData } from './batch.ts';
import { StringDictionary } from './dictionary.ts';
import type { ColumnDeclaration, ColumnType, Scalar, ScalarType, Value } from './types.ts';

const initialSlots = 64;

/** Which slots hold a value; allocates only once the first null comes. */
class Validity {
  length = 0;
  nullCount = 0;
  bits: Uint8Array | null = null;

  markValue(): void {
    if (this.bits !== null) {
      if (this.length >= this.bits.length) this.bits = grown(this.bits, this.length + 1);
      this.bits[this.length] = 1;
    }
    this.length++;
  }

  padTo(row: number): void {
    const from = this.length;
    if (row <= from) return;
    if (this.nullCount < from || this.bits !== null) {
      this.bits ??= new Uint8Array(Math.max(initialSlots, row)).fill(1, 0, from);
      if (row > this.bits.length) this.bits = grown(this.bits, row);
      this.bits.fill(0, from, row);
    }
    this.nullCount += row - from;
    this.length = row;
  }

  /** The leading nulls were never written while there was nothing but nulls: write them before the first value. */
  beforeFirstValue(): void {
    if (this.bits === null && this.nullCount > 0) this.bits = new Uint8Array(Math.max(initialSlots, this.length * 2));
  }

  reset(): void {
    this.length = 0;
    this.nullCount = 0;
    this.bits = null;
  }
}

/** A larger array with the same content; the old one is void, so that its memory is free at once. */
function grown<T extends Uint8Array | Uint32Array | Int32Array | Float64Array | BigInt64Array>(
  array: T,
  least: number,
): T {
  let capacity = Math.max(array.length, initialSlots);
  while (capacity < least) capacity *= 2;
  const buffer = (array.buffer as ArrayBuffer).transfer(capacity * array.BYTES_PER_ELEMENT);
  return new (array.constructor as new (buffer: ArrayBuffer) => T)(buffer);
}

/** Capacity for as many as there were, and a little more. */
const withRoom = (count: number): number => Math.max(initialSlots, Math.ceil(count * 1.06) + 1);

type FixedType = Exclude<ScalarType, 'string'>;

export class FixedBuilder {
  readonly type: FixedType;
  readonly #validity = new Validity();
  #values: Uint8Array | Int32Array | BigInt64Array | Float64Array | null = null;
  /** The low and high halves of 64-bit values, so that safe integers are written without a BigInt. */
  #halves: Int32Array | null = null;
  #expected = 0;

  constructor(type: FixedType) {
    this.type = type;
  }

  get length(): number {
    return this.#validity.length;
  }

  get bytes(): number {
    return this.#values === null ? 0 : this.length * (this.#values.BYTES_PER_ELEMENT + 1);
  }

  padTo(row: number): void {
    this.#validity.padTo(row);
  }

  append(value: Scalar): void {
    const slot = this.#slot();
    const values = this.#values!;
    if (values instanceof BigInt64Array) {
      if (typeof value === 'number') this.#setSafeInteger(slot, value);
      else values[slot] = value as bigint;
    } else values[slot] = Number(value);
    this.#validity.markValue();
  }

  /** A boolean, an int, a double, or a long or timestamp within +-2^53. */
  appendNumber(value: number): void {
    const slot = this.#slot();
    if (this.#halves !== null) this.#setSafeInteger(slot, value);
    else (this.#values as Float64Array)[slot] = value;
    this.#validity.markValue();
  }

  #setSafeInteger(slot: number, value: number): void {
    const halves = this.#halves!;
    halves[slot * 2] = value | 0;
    halves[slot * 2 + 1] = Math.floor(value / 4294967296);
  }

  #slot(): number {
    const slot = this.#validity.length;
    if (this.#values === null || slot >= this.#values.length) this.#grow(slot + 1);
    this.#validity.beforeFirstValue();
    return slot;
  }

  #grow(least: number): void {
    this.#values = grown(
      this.#values ?? emptyValues(this.type),
      Math.max(least, this.#values === null ? this.#expected : 0),
    );
    if (this.#values instanceof BigInt64Array) this.#halves = new Int32Array(this.#values.buffer);
  }

  reset(): void {
    this.#expected = withRoom(this.length);
    this.#validity.reset();
    this.#values = null;
    this.#halves = null;
  }

  data(): FixedData {
    const { length, nullCount, bits } = this.#validity;
    const hasValues = nullCount < length;
    return {
      kind: 'fixed',
      type: this.type,
      length,
      nullCount,
      valid: hasValues ? bits : null,
      values: hasValues ? this.#values : null,
    };
  }
}

function emptyValues(type: FixedType): Uint8Array | Int32Array | BigInt64Array | Float64Array {
  switch (type) {
    case 'boolean':
      return new Uint8Array(0);
    case 'int':
      return new Int32Array(0);
    case 'double':
      return new Float64Array(0);
    default:
      return new BigInt64Array(0);
  }
}

const utf8 = new TextEncoder();
let scratch = new Uint8Array(4096);

/** Remembers the code of a string in one builder, for strings that come again; made anew it knows nothing. */
export class Guess {
  generation = -1;
  code = 0;
}

/**
 * Strings, dictionary-coded while values repeat and plain once they do not. A column that turned plain stays plain
 * for the life of the builder: ids and raw text would only pay for hashing again.
 */
export class StringBuilder {
  readonly #validity = new Validity();
  #dictionary: StringDictionary | null = new StringDictionary();
  #codes = new Int32Array(0);
  #offsets = new Uint32Array(0);
  #bytes = new Uint8Array(0);
  #used = 0;
  /** Counts the times that codes became void. */
  #generation = 0;

  get length(): number {
    return this.#validity.length;
  }

  get bytes(): number {
    if (this.#validity.nullCount === this.length) return 0;
    return this.length * 5 + (this.#dictionary?.usedBytes ?? this.#used);
  }

  padTo(row: number): void {
    const from = this.length;
    this.#validity.padTo(row);
    if (this.#dictionary === null && row > from) this.#padOffsets(from, row);
  }

  #padOffsets(from: number, row: number): void {
    if (row + 1 > this.#offsets.length) this.#offsets = grown(this.#offsets, row + 1);
    this.#offsets.fill(this.#used, from + 1, row + 1);
  }

  append(value: Scalar): void {
    if (typeof value !== 'string') {
      this.appendBytes(value as Uint8Array, 0, (value as Uint8Array).length);
      return;
    }
    if (scratch.length < value.length * 3) scratch = new Uint8Array(value.length * 3);
    const { written } = utf8.encodeInto(value, scratch);
    this.appendBytes(scratch, 0, written);
  }

  /** UTF-8 in source[start, end) that is likely to be what `guess` was used for last. */
  appendGuessed(guess: Guess, source: Uint8Array, start: number, end: number): void {
    if (guess.generation === this.#generation && this.#dictionary!.equals(guess.code, source, start, end)) {
      this.#appendCode(guess.code);
      return;
    }
    this.appendBytes(source, start, end);
    this.#remember(guess);
  }

  /** The very bytes that `guess` was always used for, so that looking is not needed. */
  appendKnown(guess: Guess, source: Uint8Array, start: number, end: number): void {
    if (guess.generation === this.#generation) {
      this.#appendCode(guess.code);
      return;
    }
    this.appendBytes(source, start, end);
    this.#remember(guess);
  }

  #remember(guess: Guess): void {
    guess.generation = this.#dictionary === null ? -1 : this.#generation;
    guess.code = this.#codes[this.length - 1] ?? 0;
  }

  #appendCode(code: number): void {
    const slot = this.#validity.length;
    if (slot >= this.#codes.length) this.#codes = grown(this.#codes, slot + 1);
    this.#codes[slot] = code;
    this.#validity.markValue();
  }

  /** UTF-8 in source[start, end). */
  appendBytes(source: Uint8Array, start: number, end: number): void {
    this.#validity.beforeFirstValue();
    const slot = this.#validity.length;
    if (this.#dictionary !== null) {
      this.#appendCode(this.#dictionary.code(source, start, end));
      if (this.#dictionary.isWasteful(slot + 1 - this.#validity.nullCount)) this.#turnPlain();
      return;
    }
    const length = end - start;
    if (slot + 2 > this.#offsets.length) this.#offsets = grown(this.#offsets, slot + 2);
    if (this.#used + length > this.#bytes.length) this.#bytes = grown(this.#bytes, this.#used + length);
    copy(source, start, end, this.#bytes, this.#used);
    this.#used += length;
    this.#offsets[slot + 1] = this.#used;
    this.#validity.markValue();
  }

  #turnPlain(): void {
    const dictionary = this.#dictionary!;
    const { bits, length } = this.#validity;
    let total = 0;
    for (let slot = 0; slot < length; slot++) {
      if (bits === null || bits[slot] === 1) total += dictionary.entryLength(this.#codes[slot]!);
    }
    const offsets = new Uint32Array(Math.max(initialSlots, length * 2));
    const bytes = new Uint8Array(Math.max(4096, total * 2));
    let used = 0;
    for (let slot = 0; slot < length; slot++) {
      if (bits === null || bits[slot] === 1) used += dictionary.copyEntry(this.#codes[slot]!, bytes, used);
      offsets[slot + 1] = used;
    }
    this.#offsets = offsets;
    this.#bytes = bytes;
    this.#used = used;
    this.#dictionary = null;
    this.#generation++;
    this.#codes = new Int32Array(0);
  }

  reset(): void {
    this.#generation++;
    const slots = withRoom(this.length);
    if (this.#dictionary === null) {
      this.#offsets = new Uint32Array(slots);
      this.#bytes = new Uint8Array(withRoom(this.#used));
      this.#used = 0;
    } else {
      this.#dictionary = new StringDictionary(withRoom(this.#dictionary.entries));
      this.#codes = new Int32Array(this.#validity.nullCount < this.length ? slots : 0);
    }
    this.#validity.reset();
  }

  data(): StringData {
    const { length, nullCount, bits } = this.#validity;
    const base = { kind: 'string', type: 'string', length, nullCount } as const;
    if (nullCount === length)
      return {
        ...base,
        valid: null,
        codes: new Int32Array(length),
        entries: 0,
        offsets: new Uint32Array(1),
        bytes: new Uint8Array(0),
      };
    if (this.#dictionary !== null) {
      const { entries, offsets, bytes } = this.#dictionary;
      return { ...base, valid: bits, codes: this.#codes, entries, offsets, bytes };
    }
    return { ...base, valid: bits, codes: null, entries: length, offsets: this.#offsets, bytes: this.#bytes };
  }
}

/** Short ranges cost more to slice than to copy. */
function copy(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > 48) target.set(source.subarray(start, end), at);
  else for (let i = start; i < end; i++) target[at++] = source[i]!;
}

type ScalarBuilder = FixedBuilder | StringBuilder;

const scalarBuilder = (type: ScalarType): ScalarBuilder =>
  type === 'string' ? new StringBuilder() : new FixedBuilder(type);

/** Where the elements of each slot start and end: the part that lists and maps share. */
class Ranges {
  readonly validity = new Validity();
  offsets = new Uint32Array(initialSlots);

  padTo(row: number): void {
    const from = this.validity.length;
    if (row <= from) return;
    if (row + 1 > this.offsets.length) this.offsets = grown(this.offsets, row + 1);
    this.offsets.fill(this.offsets[from]!, from + 1, row + 1);
    this.validity.padTo(row);
  }

  /** Closes the slot whose elements end at `end`. */
  close(end: number): void {
    this.validity.beforeFirstValue();
    const slot = this.validity.length;
    if (slot + 2 > this.offsets.length) this.offsets = grown(this.offsets, slot + 2);
    this.offsets[slot + 1] = end;
    this.validity.markValue();
  }

  reset(): void {
    this.offsets = new Uint32Array(withRoom(this.validity.length));
    this.validity.reset();
  }

  get header(): { length: number; nullCount: number; valid: Uint8Array | null; offsets: Uint32Array } {
    const { length, nullCount, bits } = this.validity;
    return { length, nullCount, valid: nullCount === length ? null : bits, offsets: this.offsets };
  }
}

export class ListBuilder {
  readonly elements: ScalarBuilder;
  readonly #ranges = new Ranges();

  constructor(element: ScalarType) {
    this.elements = scalarBuilder(element);
  }

  get length(): number {
    return this.#ranges.validity.length;
  }

  get bytes(): number {
    return this.#ranges.validity.nullCount === this.length ? 0 : this.length * 5 + this.elements.bytes;
  }

  padTo(row: number): void {
    this.#ranges.padTo(row);
  }

  append(values: readonly (Scalar | null)[]): void {
    for (const value of values) this.appendElement(value);
    this.closeSlot();
  }

  appendElement(value: Scalar | null): void {
    if (value === null) this.elements.padTo(this.elements.length + 1);
    else this.elements.append(value);
  }

  /** Ends the slot that the elements since the last one belong to. */
  closeSlot(): void {
    this.#ranges.close(this.elements.length);
  }

  reset(): void {
    this.#ranges.reset();
    this.elements.reset();
  }

  data(): ListData {
    return { kind: 'list', ...this.#ranges.header, elements: this.elements.data() };
  }
}

export class MapBuilder {
  readonly keys = new StringBuilder();
  readonly values: ScalarBuilder;
  readonly #ranges = new Ranges();

  constructor(value: ScalarType) {
    this.values = scalarBuilder(value);
  }

  get length(): number {
    return this.#ranges.validity.length;
  }

  get bytes(): number {
    return this.#ranges.validity.nullCount === this.length ? 0 : this.length * 5 + this.keys.bytes + this.values.bytes;
  }

  padTo(row: number): void {
    this.#ranges.padTo(row);
  }

  append(pairs: readonly (readonly [string, Scalar | null])[]): void {
    for (const [key, value] of pairs) {
      this.keys.append(key);
      if (value === null) this.values.padTo(this.values.length + 1);
      else this.values.append(value);
    }
    this.closeSlot();
  }

  /** Ends the slot that the pairs since the last one belong to. */
  closeSlot(): void {
    this.values.padTo(this.keys.length);
    this.#ranges.close(this.keys.length);
  }

  reset(): void {
    this.#ranges.reset();
    this.keys.reset();
    this.values.reset();
  }

  data(): MapData {
    return { kind: 'map', ...this.#ranges.header, keys: this.keys.data(), values: this.values.data() };
  }
}

export type ColumnBuilder = FixedBuilder | StringBuilder | ListBuilder | MapBuilder;

export function columnBuilder(type: ColumnType): ColumnBuilder {
  if (typeof type === 'string') return scalarBuilder(type);
  return 'list' in type ? new ListBuilder(type.list) : new MapBuilder(type.map.value);
}

/** The rows of one table on their way to files. */
export class TableBuffer {
  readonly columns: readonly { readonly declaration: ColumnDeclaration; readonly builder: ColumnBuilder }[];
  #rows = 0;

  constructor(columns: readonly ColumnDeclaration[]) {
    this.columns = columns.map((declaration) => ({ declaration, builder: columnBuilder(declaration.type) }));
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes that the buffered rows take, near enough to hold a memory budget. */
  get bytes(): number {
    return this.columns.reduce((sum, { builder }) => sum + builder.bytes, 0);
  }

  /** One value a column, in declaration order. */
  append(values: readonly Value[]): void {
    const row = this.#rows;
    for (let i = 0; i < this.columns.length; i++) {
      const value = values[i];
      if (value === null || value === undefined) continue;
      const { builder } = this.columns[i]!;
      builder.padTo(row);
      builder.append(value as never);
    }
    this.#rows++;
  }

  /** Counts a row whose values went straight into the builders. */
  endRow(): void {
    this.#rows++;
  }

  /** The rows buffered so far; shares memory with the buffer, so it is good until the next append. */
  batch(): ColumnBatch {
    const columns = this.columns.map(({ declaration, builder }): BatchColumn => {
      builder.padTo(this.#rows);
      const data: ColumnData = builder.data();
      return { name: declaration.name, type: declaration.type, data };
    });
    return { rows: this.#rows, columns };
  }

  /** The rows buffered so far, whose arrays are the caller's from now on; the buffer is empty again. */
  take(): ColumnBatch {
    const batch = this.batch();
    this.#rows = 0;
    for (const { builder } of this.columns) builder.reset();
    return batch;
  }
}
