/**
 * Writer of the Thrift compact protocol, as far as Parquet's metadata needs it (parquet-format, "Metadata":
 * "thrift structures are serialized using the TCompactProtocol"). Fields must come in ascending order of their ids.
 */
const typeTrue = 1;
const typeFalse = 2;
const typeI32 = 5;
const typeI64 = 6;
const typeBinary = 8;
const typeList = 9;
const typeStruct = 12;

/** What the next writer writes to: a file of a few rows has hundreds of writers, one after another. */
let spare: Buffer | undefined;
const mostSpareBytes = 64 << 10;
const none = Buffer.alloc(0);

export class CompactWriter {
  #buffer: Buffer;
  #position = 0;
  /** The last field id written in the struct that is open. */
  #lastField = 0;

  constructor() {
    this.#buffer = spare ?? Buffer.allocUnsafeSlow(1024);
    spare = undefined;
  }

  /** A copy of what was written. The writer cannot be used afterwards: the next one gets its buffer. */
  bytes(): Uint8Array {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#position));
    if (this.#buffer.length <= mostSpareBytes) spare = this.#buffer;
    this.#buffer = none;
    this.#position = 0;
    return bytes;
  }

  bool(field: number, value: boolean): this {
    this.#field(field, value ? typeTrue : typeFalse);
    return this;
  }

  i32(field: number, value: number): this {
    this.#field(field, typeI32);
    this.#zigzag(value);
    return this;
  }

  /** `value` must be a safe integer. */
  i64(field: number, value: number): this {
    this.#field(field, typeI64);
    this.#zigzag(value);
    return this;
  }

  binary(field: number, value: Uint8Array): this {
    this.#field(field, typeBinary);
    this.#lengthPrefixed(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.binary(field, Buffer.from(value, 'utf8'));
  }

  struct(field: number, write: () => void = () => {}): this {
    this.#field(field, typeStruct);
    return this.element(write);
  }

  /** A struct without a field header: the outermost one, or one in a list. */
  element(write: () => void): this {
    const outer = this.#lastField;
    this.#lastField = 0;
    write();
    this.#byte(0);
    this.#lastField = outer;
    return this;
  }

  structs<T>(field: number, items: readonly T[], write: (item: T) => void): this {
    this.#list(field, typeStruct, items.length);
    for (const item of items) this.element(() => write(item));
    return this;
  }

  i32s(field: number, items: readonly number[]): this {
    this.#list(field, typeI32, items.length);
    for (const item of items) this.#zigzag(item);
    return this;
  }

  i64s(field: number, items: readonly number[]): this {
    this.#list(field, typeI64, items.length);
    for (const item of items) this.#zigzag(item);
    return this;
  }

  bools(field: number, items: readonly boolean[]): this {
    this.#list(field, typeTrue, items.length);
    for (const item of items) this.#byte(item ? typeTrue : typeFalse);
    return this;
  }

  binaries(field: number, items: readonly Uint8Array[]): this {
    this.#list(field, typeBinary, items.length);
    for (const item of items) this.#lengthPrefixed(item);
    return this;
  }

  strings(field: number, items: readonly string[]): this {
    return this.binaries(
      field,
      items.map((item) => Buffer.from(item, 'utf8')),
    );
  }

  #field(id: number, type: number): void {
    const delta = id - this.#lastField;
    if (delta > 0 && delta <= 15) this.#byte((delta << 4) | type);
    else {
      this.#byte(type);
      this.#zigzag(id);
    }
    this.#lastField = id;
  }

  #list(field: number, type: number, size: number): void {
    this.#field(field, typeList);
    if (size < 15) this.#byte((size << 4) | type);
    else {
      this.#byte(0xf0 | type);
      this.#varint(size);
    }
  }

  #lengthPrefixed(value: Uint8Array): void {
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#position);
    this.#position += value.length;
  }

  #zigzag(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
    else this.#bigVarint(BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n)));
  }

  #varint(value: number): void {
    while (value >= 0x80) {
      this.#byte((value & 0x7f) | 0x80);
      value >>>= 7;
    }
    this.#byte(value);
  }

  #bigVarint(value: bigint): void {
    while (value >= 0x80n) {
      this.#byte(Number(value & 0x7fn) | 0x80);
      value >>= 7n;
    }
    this.#byte(Number(value));
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#position++] = value;
  }

  #reserve(length: number): void {
    if (this.#position + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#position + length, 1024));
    larger.set(this.#buffer.subarray(0, this.#position));
    this.#buffer = larger;
  }
}
