/**
 * The rows of a row group in the kernel's memory. Columns that lie there stay where they are; of others only these rows
 * are copied, since a batch may have many row groups, and more bytes than the kernel should hold a second time.
 */
import type { ColumnData, FixedData, ListData, MapData, ScalarData, StringData } from '../columns/batch.ts';
import { type Kernel, kernel } from './kernel.ts';

/** Rows of a column, in file order: where their numbers are in the kernel's memory, four bytes each. */
export interface PlacedRows {
  readonly place: number;
  readonly count: number;
}

export interface PlacedColumn {
  /** All arrays are views of the kernel's memory. */
  readonly data: ColumnData | undefined;
  readonly rows: PlacedRows;
}

export class KernelRows {
  readonly #kernel: Kernel = kernel();
  readonly #rows: Uint32Array;
  readonly #blocks: number[] = [];
  #given: PlacedRows | undefined;
  #ascending: PlacedRows | undefined;

  /** `rows`: the slots of the columns to take, in file order. */
  constructor(rows: Uint32Array) {
    this.#rows = rows;
  }

  /** Good until `release`. */
  place(data: ColumnData | undefined): PlacedColumn {
    const count = this.#rows.length;
    if (data === undefined || data.nullCount === data.length || this.#holds(data)) {
      this.#given ??= { place: this.#uint32(this.#rows).byteOffset, count };
      return { data, rows: this.#given };
    }
    this.#ascending ??= { place: this.#uint32(Uint32Array.from(this.#rows.keys())).byteOffset, count };
    return { data: this.#copy(data, this.#rows), rows: this.#ascending };
  }

  /** Gives the copies back. */
  release(): void {
    for (const block of this.#blocks.splice(0)) this.#kernel.call.release(block);
    this.#given = undefined;
    this.#ascending = undefined;
  }

  #holds(data: ColumnData): boolean {
    if (data.kind === 'fixed') return data.values !== null && this.#kernel.holds(data.values);
    return this.#kernel.holds(data.offsets);
  }

  #copy(data: ColumnData, slots: Uint32Array): ColumnData {
    if (data.kind === 'list' || data.kind === 'map') return this.#copyRepeated(data, slots);
    return this.#copyScalar(data, slots);
  }

  #copyScalar(data: ScalarData, slots: Uint32Array): ScalarData {
    const { length } = slots;
    if (data.nullCount === data.length) return { ...data, length, nullCount: length };
    return data.kind === 'fixed' ? this.#copyFixed(data, slots) : this.#copyStrings(data, slots);
  }

  #copyFixed(data: FixedData, slots: Uint32Array): FixedData {
    const values = data.values!;
    const width = values.BYTES_PER_ELEMENT;
    const place = this.#allocate(slots.length * width);
    const View = values.constructor as new (buffer: SharedArrayBuffer, place: number, length: number) => typeof values;
    if (width === 1) gather(this.#kernel.uint8(place, slots.length), values as Uint8Array, slots);
    else {
      // By 32-bit words, since reading a BigInt64Array makes a BigInt each time.
      const source = new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2);
      const target = this.#kernel.int32(place, slots.length * (width >> 2));
      if (width === 4) gather(target, source, slots);
      else gatherPairs(target, source, slots);
    }
    return { ...data, ...this.#header(data, slots), values: new View(this.#kernel.buffer, place, slots.length) };
  }

  #copyStrings(data: StringData, slots: Uint32Array): StringData {
    const { codes, offsets, bytes, entries } = data;
    const header = this.#header(data, slots);
    if (codes !== null) {
      const target = this.#kernel.int32(this.#allocate(slots.length * 4), slots.length);
      gather(target, codes, slots);
      const text = this.#kernel.uint8(this.#allocate(offsets[entries]!), offsets[entries]!);
      text.set(bytes.subarray(0, text.length));
      return {
        ...data,
        ...header,
        codes: target,
        offsets: this.#uint32(offsets.subarray(0, entries + 1)),
        bytes: text,
      };
    }
    const ends = this.#offsets(offsets, slots);
    const used = ends[slots.length]!;
    const text = this.#kernel.uint8(this.#allocate(used), used);
    copyTexts(text, data, slots);
    return { ...data, ...header, entries: slots.length, offsets: ends, bytes: text };
  }

  #copyRepeated(data: ListData | MapData, slots: Uint32Array): ListData | MapData {
    const { offsets } = data;
    const ends = this.#offsets(offsets, slots);
    const used = ends[slots.length]!;
    const elements = new Uint32Array(used);
    let at = 0;
    for (const slot of slots)
      for (let element = offsets[slot]!; element < offsets[slot + 1]!; element++) elements[at++] = element;
    const header = { ...this.#header(data, slots), offsets: ends };
    if (data.kind === 'list') return { ...data, ...header, elements: this.#copyScalar(data.elements, elements) };
    const keys = this.#copyScalar(data.keys, elements) as StringData;
    return { ...data, ...header, keys, values: this.#copyScalar(data.values, elements) };
  }

  /** Where what the slots have begins and ends when it lies side by side. */
  #offsets(offsets: Uint32Array, slots: Uint32Array): Uint32Array {
    const ends = this.#kernel.uint32(this.#allocate(slots.length * 4 + 4), slots.length + 1);
    ends[0] = 0;
    for (let i = 0; i < slots.length; i++) ends[i + 1] = ends[i]! + offsets[slots[i]! + 1]! - offsets[slots[i]!]!;
    return ends;
  }

  #header({ valid }: ColumnData, slots: Uint32Array): { length: number; nullCount: number; valid: Uint8Array | null } {
    const { length } = slots;
    if (valid === null) return { length, nullCount: 0, valid };
    const target = this.#kernel.uint8(this.#allocate(length), length);
    gather(target, valid, slots);
    let values = 0;
    for (let i = 0; i < length; i++) values += target[i]!;
    return { length, nullCount: length - values, valid: target };
  }

  #uint32(source: Uint32Array): Uint32Array {
    const target = this.#kernel.uint32(this.#allocate(source.byteLength), source.length);
    target.set(source);
    return target;
  }

  #allocate(bytes: number): number {
    const place = this.#kernel.call.allocate(bytes);
    this.#blocks.push(place);
    return place;
  }
}

/** Arrays may end before slots that are null. */
function gather<T extends Uint8Array | Int32Array>(target: T, source: T, slots: Uint32Array): void {
  for (let i = 0; i < slots.length; i++) target[i] = source[slots[i]!]!;
}

function gatherPairs(target: Int32Array, source: Int32Array, slots: Uint32Array): void {
  for (let i = 0; i < slots.length; i++) {
    target[i * 2] = source[slots[i]! * 2]!;
    target[i * 2 + 1] = source[slots[i]! * 2 + 1]!;
  }
}

/** Short texts cost more to slice than to copy. */
const longCopy = 32;

/** Neighbours in the source are copied together. */
function copyTexts(target: Uint8Array, { offsets, bytes }: StringData, slots: Uint32Array): void {
  let at = 0;
  let start = 0;
  let end = 0;
  for (let i = 0; i <= slots.length; i++) {
    const slot = slots[i];
    if (slot !== undefined && offsets[slot] === end) {
      end = offsets[slot + 1]!;
      continue;
    }
    if (end - start > longCopy) {
      target.set(bytes.subarray(start, end), at);
      at += end - start;
    } else while (start < end) target[at++] = bytes[start++]!;
    if (slot === undefined) break;
    start = offsets[slot]!;
    end = offsets[slot + 1]!;
  }
}
