/** Where arrays are in the kernel's memory: in place if they live there, else as copies that last until `release`. */
import { kernel } from './kernel.ts';

export class KernelAddresses {
  readonly #copies = new Map<ArrayBufferView, number>();

  /**
   * The place of an array whose first `bytes` bytes at most are needed, and fewer where it ends before; 0 for no
   * array. Whole words may be read past the end.
   */
  of(array: ArrayBufferView | null, bytes: number): number {
    if (array === null) return 0;
    const { call, bytes: memory } = kernel();
    if (kernel().holds(array)) return array.byteOffset;
    const known = this.#copies.get(array);
    if (known !== undefined) return known;
    const length = Math.min(bytes, array.byteLength);
    const place = call.allocate(length);
    this.#copies.set(array, place);
    memory.set(new Uint8Array(array.buffer, array.byteOffset, length), place);
    return place;
  }

  /** Gives the copies back. */
  release(): void {
    const { call } = kernel();
    for (const place of this.#copies.values()) call.release(place);
    this.#copies.clear();
  }
}
