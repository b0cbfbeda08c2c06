/**
 * The kernel: the loops over bytes and columns, compiled from assembly/ (AssemblyScript) to WebAssembly by
 * `scripts/kernel`. It works on places (byte addresses) in a memory of its own; each thread has one.
 *
 * The memory is reserved whole and takes room only where it was written to. So it never moves, and views of it stay
 * good; blocks belong to their allocator until they are released (assembly/memory.ts).
 *
 * It is declared shared, though no other thread sees it, because V8 counts all of an unshared one as external memory:
 * with 2 GiB on that account, garbage of some megabytes no longer moves V8 to collect it (decision 028).
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { __AdaptedExports } from './functions.d.ts';

/** As the host sees them: structs are places, booleans 0 or 1. */
type Word<T> = T extends bigint ? bigint : T extends number | boolean | object ? number : undefined;
type Raw<F> = F extends (...given: infer A) => infer R
  ? (
      ...given: { [I in keyof A]: A[I] extends bigint ? bigint : A[I] extends boolean ? boolean | number : number }
    ) => Word<R>
  : never;
type Exports = Omit<typeof __AdaptedExports, 'memory'>;
export type KernelFunctions = { readonly [K in keyof Exports]: Raw<Exports[K]> };

/** What the kernel asks of its caller (assembly/host.ts). */
export interface Host {
  admitDay(day: number): boolean;
  readTimestamp(start: number, length: number, target: number): boolean;
  partOfAddress(part: number, start: number, length: number, target: number): number;
}

const pages = 32_768;
const wasm = new URL('kernel.wasm', import.meta.url);

/** What was asked of the kernel does not fit into its memory. */
export class OutOfMemory extends Error {
  override readonly name = 'OutOfMemory';
  constructor(bytes: number) {
    super(`no room for ${bytes >>> 0} bytes of columns: a smaller batch.column_bytes leaves more`);
  }
}

export class Kernel {
  readonly call: KernelFunctions;
  readonly buffer: SharedArrayBuffer;
  /** All of the memory. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly view: DataView<SharedArrayBuffer>;
  /** Set while records are scanned; serves the kernel's imports. */
  host: Host | undefined;
  readonly #target: Buffer<SharedArrayBuffer>;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #encoder = new TextEncoder();
  #scratch = 0;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const host = {
      outOfMemory(bytes: number) {
        throw new OutOfMemory(bytes);
      },
      brokenMemory() {
        throw new Error('something was written past the end of its block in the kernel: a fault of this program');
      },
      admitDay: (day: number) => this.host!.admitDay(day),
      readTimestamp: (start: number, length: number, target: number) => this.host!.readTimestamp(start, length, target),
      partOfAddress: (part: number, start: number, length: number, target: number) =>
        this.host!.partOfAddress(part, start, length, target),
    };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasm)), { env: { memory }, host });
    this.call = instance.exports as unknown as KernelFunctions;
    this.buffer = memory.buffer;
    this.bytes = new Uint8Array(this.buffer);
    this.#target = Buffer.from(this.buffer);
    this.view = new DataView(this.buffer);
    this.#words = new Int32Array(this.buffer);
    this.call.setHashKey(this.text(randomBytes(16)).start);
    this.call.setContentKey(this.text(randomBytes(this.call.contentKeyBytes())).start);
  }

  /** A text as UTF-8, or bytes, where the kernel can read them until the next call of this. */
  text(text: string | Uint8Array): { readonly start: number; readonly length: number } {
    const most = typeof text === 'string' ? text.length * 3 : text.length;
    if (this.#scratch === 0 || this.call.room(this.#scratch) < most) {
      this.call.release(this.#scratch);
      this.#scratch = this.call.allocate(most);
    }
    const start = this.#scratch;
    if (typeof text === 'string') {
      return { start, length: this.#encoder.encodeInto(text, this.bytes.subarray(start, start + most)).written };
    }
    this.put(text, start);
    return { start, length: text.length };
  }

  /**
   * Copies bytes to a place. `set` of an array over shared memory copies byte by byte where the two are aligned differently, and
   * Buffer's `copy` of a whole array comes down to it; a part of a buffer is copied at the speed of memory.
   */
  put(bytes: Uint8Array, place: number): void {
    const { buffer, byteOffset, length } = bytes;
    Buffer.from(buffer).copy(this.#target, place, byteOffset, byteOffset + length);
  }

  /** A block of its own with these words. */
  block(words: readonly number[]): number {
    const place = this.call.allocate(words.length * 4);
    this.#words.set(words, place >> 2);
    return place;
  }

  /** A block of its own with these bytes. */
  copyOf(bytes: Uint8Array): number {
    const place = this.call.allocate(bytes.length);
    this.put(bytes, place);
    return place;
  }

  string(start: number, length: number): string {
    return Buffer.from(this.buffer, start, length).toString('utf8');
  }

  /** The 32-bit word at a place. */
  word(place: number): number {
    return this.#words[place >> 2]!;
  }

  uint8(place: number, length: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.buffer, place, length);
  }

  int32(place: number, length: number): Int32Array<SharedArrayBuffer> {
    return new Int32Array(this.buffer, place, length);
  }

  uint32(place: number, length: number): Uint32Array<SharedArrayBuffer> {
    return new Uint32Array(this.buffer, place, length);
  }

  /** Where an array over this memory is; 0 for no array. */
  placeOf(array: ArrayBufferView | null): number {
    if (array === null) return 0;
    if (array.buffer !== this.buffer) throw new Error("an array outside of the kernel's memory");
    return array.byteOffset;
  }
}

/** Where an array over this thread's kernel is; 0 for no array. */
export const placeOf = (array: ArrayBufferView | null): number => kernel().placeOf(array);

let ofThread: Kernel | undefined;

/** This thread's kernel, loaded when it is first asked for. */
export function kernel(): Kernel {
  ofThread ??= new Kernel();
  return ofThread;
}
