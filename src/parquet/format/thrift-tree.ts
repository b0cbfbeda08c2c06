/**
 * Structs of the Thrift compact protocol as trees that can be changed and written again, whatever fields they have
 * (Thrift, "Thrift Compact protocol encoding"): for metadata of other writers, of which nothing may get lost.
 */
export const ThriftType = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
} as const;

/** In the order of the file, which is that of their ids as a rule. */
export type ThriftStruct = readonly ThriftField[];

export interface ThriftField {
  readonly id: number;
  readonly type: number;
  readonly value: ThriftValue;
}

/** Of a double its eight bytes; binary is a view of what was read. */
export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftStruct | ThriftList;

export class ThriftList {
  readonly type: number;
  readonly items: readonly ThriftValue[];

  constructor(type: number, items: readonly ThriftValue[]) {
    this.type = type;
    this.items = items;
  }
}

export const fieldOf = (struct: ThriftStruct, id: number): ThriftValue | undefined =>
  struct.find((field) => field.id === id)?.value;

export function numberOf(struct: ThriftStruct, id: number): number | undefined {
  const value = fieldOf(struct, id);
  return typeof value === 'bigint' ? Number(value) : typeof value === 'number' ? value : undefined;
}

export function bytesOf(struct: ThriftStruct, id: number): Uint8Array | undefined {
  const value = fieldOf(struct, id);
  return value instanceof Uint8Array ? value : undefined;
}

export function structOf(struct: ThriftStruct, id: number): ThriftStruct | undefined {
  const value = fieldOf(struct, id);
  return Array.isArray(value) ? value : undefined;
}

/** No structs where the field is absent. */
export function structsOf(struct: ThriftStruct, id: number): readonly ThriftStruct[] {
  const value = fieldOf(struct, id);
  return value instanceof ThriftList && value.type === ThriftType.struct ? (value.items as ThriftStruct[]) : [];
}

/** The struct that starts at `at`, and where it ends. Throws RangeError where the bytes end before it does, or nest too deep. */
export function readStruct(bytes: Uint8Array, at = 0): { readonly struct: ThriftStruct; readonly end: number } {
  const reader = new TreeReader(bytes, at);
  const struct = reader.struct(0);
  return { struct, end: reader.at };
}

const maxDepth = 32;

class TreeReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  struct(depth: number): ThriftStruct {
    if (depth > maxDepth) throw new RangeError('the metadata nests too deep');
    const fields: ThriftField[] = [];
    for (let id = 0; ; ) {
      const header = this.#byte();
      const type = header & 0x0f;
      if (type === 0) return fields;
      id = header >> 4 === 0 ? Number(this.#zigzag()) : id + (header >> 4);
      fields.push({ id, type, value: this.#value(type, depth) });
    }
  }

  #value(type: number, depth: number): ThriftValue {
    switch (type) {
      case ThriftType.true:
        return true;
      case ThriftType.false:
        return false;
      case ThriftType.byte:
        return this.#byte();
      case ThriftType.i16:
      case ThriftType.i32:
      case ThriftType.i64:
        return this.#zigzag();
      case ThriftType.double:
        return this.#take(8);
      case ThriftType.binary:
        return this.#take(Number(this.#varint()));
      case ThriftType.list:
      case ThriftType.set:
        return this.#list(depth);
      case ThriftType.struct:
        return this.struct(depth + 1);
      default:
        throw new RangeError(`the metadata has a field of type ${type}, which Parquet does not use`);
    }
  }

  #list(depth: number): ThriftList {
    const header = this.#byte();
    const type = header & 0x0f;
    const size = header >> 4 === 15 ? Number(this.#varint()) : header >> 4;
    // Every item takes a byte at least.
    if (size > this.#bytes.length - this.at) throw new RangeError('the metadata ends inside a list');
    const items: ThriftValue[] = new Array(size);
    const isBoolean = type === ThriftType.true || type === ThriftType.false;
    for (let i = 0; i < size; i++) items[i] = isBoolean ? this.#byte() : this.#value(type, depth);
    return new ThriftList(type, items);
  }

  #zigzag(): number | bigint {
    const value = this.#varint();
    if (typeof value === 'number') return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    const signed = (value >> 1n) ^ -(value & 1n);
    const small = Number(signed);
    return Number.isSafeInteger(small) ? small : signed;
  }

  #varint(): number | bigint {
    let value = 0;
    for (let shift = 1; shift < 2 ** 49; shift *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
    let big = BigInt(value);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      big |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return big;
    }
    throw new RangeError('the metadata has a number of more than 64 bits');
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw new RangeError('the metadata ends inside a struct');
    return this.#view.getUint8(this.at++);
  }

  #take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new RangeError('the metadata ends inside a value');
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}

/** The struct as bytes. */
export function writeStruct(struct: ThriftStruct): Uint8Array {
  const writer = new TreeWriter();
  writer.struct(struct);
  return writer.bytes();
}

class TreeWriter {
  #buffer = Buffer.allocUnsafe(16 << 10);
  #length = 0;

  bytes(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, 0, this.#length);
  }

  struct(fields: ThriftStruct): void {
    let last = 0;
    for (const { id, type, value } of fields) {
      const delta = id - last;
      if (delta > 0 && delta <= 15) this.#byte((delta << 4) | type);
      else {
        this.#byte(type);
        this.#zigzag(id);
      }
      last = id;
      if (typeof value !== 'boolean') this.#value(type, value);
    }
    this.#byte(0);
  }

  #value(type: number, value: ThriftValue): void {
    if (type === ThriftType.byte) this.#byte(value as number);
    else if (typeof value === 'number' || typeof value === 'bigint') this.#zigzag(value);
    else if (value instanceof Uint8Array) {
      if (type === ThriftType.binary) this.#varint(value.length);
      this.#append(value);
    } else if (value instanceof ThriftList) this.#list(value);
    else this.struct(value as ThriftStruct);
  }

  #list({ type, items }: ThriftList): void {
    if (items.length < 15) this.#byte((items.length << 4) | type);
    else {
      this.#byte(0xf0 | type);
      this.#varint(items.length);
    }
    const isBoolean = type === ThriftType.true || type === ThriftType.false;
    for (const item of items) this.#value(isBoolean ? ThriftType.byte : type, item);
  }

  #zigzag(value: number | bigint): void {
    if (typeof value === 'number' && Math.abs(value) < 2 ** 51) this.#varint(value < 0 ? -2 * value - 1 : 2 * value);
    else {
      const big = BigInt(value);
      this.#varint(BigInt.asUintN(64, (big << 1n) ^ (big >> 63n)));
    }
  }

  #varint(value: number | bigint): void {
    let rest = value;
    if (typeof rest === 'bigint') {
      for (; rest >= 0x80n; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
      this.#byte(Number(rest));
      return;
    }
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 0x80);
    this.#byte(rest);
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + length));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
