/**
 * Memory for bodies that come one after another. Fresh memory costs the kernel a page fault every 4 KiB, and V8 collects
 * garbage for every so many bytes of it, so what one body is done with is used for the next.
 */
const step = 64 << 10;

export class BufferPool {
  readonly #limit: number;
  /** Not in use, the one given back last at the end. */
  #idle: ArrayBuffer[] = [];
  #idleBytes = 0;
  #closed = false;

  /** @param limit bytes, above which what is given back is not kept */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Memory of exactly `size` bytes, with whatever was in there before. */
  acquire(size: number): Buffer {
    const at = this.#idle.findLastIndex((buffer) => buffer.byteLength >= size && buffer.byteLength <= size * 2 + step);
    if (at < 0) {
      // Those that are there do not fit the bodies that come.
      const misfit = this.#idle.shift();
      if (misfit !== undefined) this.#drop(misfit);
      return Buffer.allocUnsafeSlow(Math.ceil((size * 1.06) / step) * step).subarray(0, size);
    }
    const [buffer] = this.#idle.splice(at, 1) as [ArrayBuffer];
    this.#idleBytes -= buffer.byteLength;
    return Buffer.from(buffer, 0, size);
  }

  /** Takes memory back that came from here, which nobody must look at any more. */
  release({ buffer }: Buffer): void {
    if (!(buffer instanceof ArrayBuffer)) return;
    this.#idle.push(buffer);
    this.#idleBytes += buffer.byteLength;
    while (this.#idle.length > 0 && (this.#closed || this.#idleBytes > this.#limit)) this.#drop(this.#idle.shift()!);
  }

  /** Gives all memory back to the system, what is still in use as soon as it is given back. */
  close(): void {
    this.#closed = true;
    for (const buffer of this.#idle.splice(0)) buffer.transfer(0);
    this.#idleBytes = 0;
  }

  #drop(buffer: ArrayBuffer): void {
    this.#idleBytes -= buffer.byteLength;
    buffer.transfer(0);
  }
}
