/** Bytes that are added to. */
export class GrowingBytes {
  bytes: Uint8Array<ArrayBuffer>;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for so many; doubles, keeps the content, and voids the old memory. */
  reserve(bytes: number): void {
    if (bytes <= this.bytes.length) return;
    let capacity = Math.max(64, this.bytes.length);
    while (capacity < bytes) capacity *= 2;
    this.bytes = new Uint8Array(this.bytes.buffer.transfer(capacity));
  }
}
