/**
 * Column builders: rows go in one value at a time, a ColumnBatch comes out. Arrays grow by doubling, a column that
 * never gets a value costs nothing, and nulls are written only when a later value comes (`padTo`), so a wide table of
 * mostly empty columns is cheap. `take` gives the arrays away, to be moved to another thread; the next ones are made as
 * large as these were filled.
 */
import type { FixedData, ListData, MapData } from './batch.ts';
import { grown, initialSlots, Validity, withRoom } from './slots.ts';
import { StringBuilder } from './string-builder.ts';
import type { ColumnType, Scalar, ScalarType } from './types.ts';

const inverse2To32 = 2 ** -32;

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
    halves[slot * 2 + 1] = Math.floor(value * inverse2To32);
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
