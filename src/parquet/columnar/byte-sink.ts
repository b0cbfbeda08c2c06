/** A growing run of bytes: the body of one page while it is written. */
export class ByteSink {
  buffer: Uint8Array = new Uint8Array(1 << 16);
  position = 0;

  clear(): void {
    this.position = 0;
  }

  /** Makes room for `length` more bytes, which the caller may then write to `buffer` itself. */
  reserve(length: number): void {
    const needed = this.position + length;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, needed));
    larger.set(this.buffer.subarray(0, this.position));
    this.buffer = larger;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.position++] = value;
  }

  /** Four bytes, little endian. */
  uint32(value: number): void {
    this.reserve(4);
    this.setUint32(this.position, value);
    this.position += 4;
  }

  setUint32(at: number, value: number): void {
    const { buffer } = this;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }

  /** ULEB128 of a non-negative safe integer. */
  varint(value: number): void {
    this.reserve(8);
    while (value >= 0x80) {
      this.buffer[this.position++] = (value % 128) | 0x80;
      value = value > 0x7fffffff ? Math.floor(value / 128) : value >>> 7;
    }
    this.buffer[this.position++] = value;
  }

  /** Zigzag, then ULEB128, of a safe integer below 2^52 in magnitude. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  bigZigzag(value: bigint): void {
    this.reserve(10);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest >= 0x80n) {
      this.buffer[this.position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.position++] = Number(rest);
  }

  /** Copies source[start, end). Short ranges cost more to slice than to copy. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    if (end - start > 32) this.buffer.set(source.subarray(start, end), this.position);
    else {
      const { buffer } = this;
      for (let i = start, at = this.position; i < end; i++) buffer[at++] = source[i]!;
    }
    this.position += end - start;
  }

  written(): Uint8Array {
    return this.buffer.subarray(0, this.position);
  }
}
