/** Columns in the kernel's memory (assembly/columns): values go in one by one, and all come out as arrays over them. */

import type { ColumnData, FixedData, ScalarData, StringData } from '../columns/batch.ts';
import type { ColumnType, Scalar, ScalarType, Value } from '../columns/types.ts';
import { Kind_Boolean, Kind_Double, Kind_Int, Kind_List, Kind_Long, Kind_Map, Kind_String } from './assembly/codes.ts';
import type { Kernel } from './kernel.ts';
import type { KernelRows } from './rows.ts';

const kinds: Readonly<Record<ScalarType | 'list' | 'map', number>> = {
  boolean: Kind_Boolean,
  int: Kind_Int,
  double: Kind_Double,
  long: Kind_Long,
  timestamp: Kind_Long,
  string: Kind_String,
  list: Kind_List,
  map: Kind_Map,
};

/** What `describe` writes, a word each. */
const word = {
  length: 0,
  nullCount: 4,
  valid: 8,
  values: 12,
  entries: 16,
  offsets: 20,
  text: 24,
  textBytes: 28,
  elements: 32,
  keys: 36,
  size: 40,
} as const;

export class KernelColumn {
  readonly type: ColumnType;
  readonly place: number;
  readonly #kernel: Kernel;
  /** Of lists and maps: the elements or values, and the keys of maps. */
  readonly elements: KernelColumn | undefined;
  readonly keys: KernelColumn | undefined;

  /** A new column, or the one at `place`. */
  constructor(kernel: Kernel, type: ColumnType, place?: number) {
    this.#kernel = kernel;
    this.type = type;
    const element = elementType(type);
    const { newColumn } = kernel.call;
    this.place = place ?? newColumn(kindOf(type), element === undefined ? 0 : kinds[element]);
    if (element === undefined) return;
    const described = this.#describe();
    this.elements = new KernelColumn(kernel, element, kernel.word(described + word.elements));
    if (isMap(type)) this.keys = new KernelColumn(kernel, 'string', kernel.word(described + word.keys));
  }

  get length(): number {
    return this.#kernel.word(this.#describe() + word.length);
  }

  /** Bytes that it takes, near enough to hold a memory budget. */
  get bytes(): number {
    return this.#kernel.call.bytesOf(this.place);
  }

  /** Nulls up to a row. */
  pad(row: number): void {
    this.#kernel.call.pad(this.place, row);
  }

  /** Appends slots of another column of the type. */
  appendRows(source: KernelColumn, { place, count }: KernelRows): void {
    this.#kernel.call.appendRows(this.place, source.place, place, count);
  }

  /** Forgets all slots and keeps the memory. */
  clear(): void {
    this.#kernel.call.emptyColumn(this.place);
  }

  /** The same, and begins with a dictionary again, as a new column does. */
  renew(): void {
    this.#kernel.call.renewColumn(this.place);
  }

  /** Gives the memory back; the column is void. */
  release(): void {
    this.#kernel.call.freeColumn(this.place);
  }

  /** Appends a value that is not null, in the form of columns/types.ts; `row` nulls at most stand before it. */
  append(value: Exclude<Value, null>, row: number): void {
    const { call } = this.#kernel;
    call.pad(this.place, row);
    if (this.elements === undefined) {
      this.#appendScalar(value as Scalar);
      return;
    }
    for (const element of value as readonly unknown[]) {
      const keys = this.keys;
      if (keys === undefined) this.#appendElement(this.elements, element as Scalar | null);
      else {
        const [key, inner] = element as readonly [string, Scalar | null];
        keys.#appendScalar(key);
        this.#appendElement(this.elements, inner);
      }
    }
    call.closeSlot(this.place);
  }

  #appendElement(elements: KernelColumn, value: Scalar | null): void {
    if (value !== null) elements.#appendScalar(value);
    else this.#kernel.call.pad(elements.place, elements.length + 1);
  }

  #appendScalar(value: Scalar): void {
    const { call } = this.#kernel;
    if (this.type === 'string') {
      const { start, length } = this.#kernel.text(value as string | Uint8Array);
      call.appendString(this.place, start, length);
    } else if (typeof value === 'bigint') call.appendLong(this.place, value);
    else call.appendNumber(this.place, Number(value));
  }

  /** Arrays over the kernel's memory, good until the column changes. */
  data(): ColumnData {
    const { type } = this;
    const kernel = this.#kernel;
    const at = this.#describe();
    const length = kernel.word(at + word.length);
    const nullCount = kernel.word(at + word.nullCount);
    const valid = kernel.word(at + word.valid);
    const values = kernel.word(at + word.values);
    const entries = kernel.word(at + word.entries);
    const offsets = kernel.word(at + word.offsets);
    const text = kernel.word(at + word.text);
    const textBytes = kernel.word(at + word.textBytes);
    const slots = { length, nullCount, valid: valid === 0 ? null : kernel.uint8(valid, length) };
    if (this.elements !== undefined) {
      const nested = { ...slots, offsets: kernel.uint32(offsets, length + 1) };
      if (this.keys === undefined) return { kind: 'list', ...nested, elements: this.elements.data() as ScalarData };
      const keys = this.keys.data() as StringData;
      return { kind: 'map', ...nested, keys, values: this.elements.data() as ScalarData };
    }
    const isEmpty = nullCount === length;
    if (type !== 'string') {
      const fixed = type as FixedData['type'];
      return { kind: 'fixed', type: fixed, ...slots, values: isEmpty ? null : this.#values(values, length) };
    }
    const strings = { kind: 'string', type: 'string', ...slots } as const;
    if (isEmpty) {
      return { ...strings, codes: new Int32Array(0), entries: 0, offsets: new Uint32Array(1), bytes: noBytes };
    }
    return {
      ...strings,
      codes: values === 0 ? null : kernel.int32(values, length),
      entries,
      offsets: kernel.uint32(offsets, entries + 1),
      bytes: kernel.uint8(text, textBytes),
    };
  }

  #values(place: number, length: number): NonNullable<FixedData['values']> {
    const { buffer } = this.#kernel;
    if (this.type === 'boolean') return new Uint8Array(buffer, place, length);
    if (this.type === 'int') return new Int32Array(buffer, place, length);
    if (this.type === 'double') return new Float64Array(buffer, place, length);
    return new BigInt64Array(buffer, place, length);
  }

  #describe(): number {
    const { start } = this.#kernel.text(noWords);
    this.#kernel.call.describe(this.place, start);
    return start;
  }
}

const noBytes = new Uint8Array(0);
const noWords = new Uint8Array(word.size);

export const kindOf = (type: ColumnType): number =>
  typeof type === 'string' ? kinds[type] : 'list' in type ? kinds.list : kinds.map;

const elementType = (type: ColumnType): ScalarType | undefined =>
  typeof type === 'string' ? undefined : 'list' in type ? type.list : type.map.value;

const isMap = (type: ColumnType): boolean => typeof type !== 'string' && 'map' in type;
