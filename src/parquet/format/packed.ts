/**
 * The value that a row has in a carried column, packed into bytes, so that it is held, sorted, spilled and copied as any
 * string is: of a nested value whether it is there (one byte), then of structs the fields, of lists and maps the number of entries and
 * these; of a scalar what PLAIN encoding has of it. A column's own null is the null of the string. Never stored.
 */
export class PackedWriter {
  #bytes = Buffer.allocUnsafe(256);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  /** Good until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  flag(isPresent: boolean): void {
    this.#bytes[this.#next(1)] = isPresent ? 1 : 0;
  }

  /** Where the number stands, so that `setCount` can change it. */
  count(count: number): number {
    const at = this.#next(4);
    this.#bytes.writeUInt32LE(count, at);
    return at;
  }

  setCount(at: number, count: number): void {
    this.#bytes.writeUInt32LE(count, at);
  }

  copy(source: Uint8Array, start: number, end: number): void {
    const at = this.#next(end - start);
    this.#bytes.set(source.subarray(start, end), at);
  }

  int(value: number): void {
    this.#bytes.writeInt32LE(value, this.#next(4));
  }

  long(value: bigint): void {
    this.#bytes.writeBigInt64LE(value, this.#next(8));
  }

  double(value: number): void {
    this.#bytes.writeDoubleLE(value, this.#next(8));
  }

  /** Two's complement, the greatest byte first. */
  bigEndian(value: bigint, width: number): void {
    const at = this.#next(width);
    for (let i = width - 1; i >= 0; i--) {
      this.#bytes[at + i] = Number(BigInt.asUintN(8, value));
      value >>= 8n;
    }
  }

  #next(bytes: number): number {
    const at = this.length;
    const needed = at + bytes;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.length = needed;
    return at;
  }
}

export class PackedReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  flag(): boolean {
    return this.bytes[this.at++] === 1;
  }

  count(): number {
    const count = this.#view.getUint32(this.at, true);
    this.at += 4;
    return count;
  }

  /** Where a value of this width begins; where it ends is `at` then. */
  value(width: number | undefined): number {
    const start = this.at;
    this.at += width ?? 4 + this.#view.getUint32(start, true);
    return start;
  }
}
