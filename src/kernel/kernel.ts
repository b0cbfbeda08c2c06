/**
 * The kernel: the loops over bytes and columns, compiled from assembly/ (AssemblyScript) to WebAssembly by
 * `scripts/kernel`. It works on places (byte addresses) in a memory of its own, of which each thread has one.
 *
 * The memory is reserved whole and takes room only where it was written to. So it never moves, and views of it stay
 * good; blocks belong to whoever allocated them until they are released (assembly/memory.ts).
 */
import { readFileSync } from 'node:fs';
import type { __AdaptedExports } from './functions.d.ts';

export type KernelFunctions = Omit<typeof __AdaptedExports, 'memory'>;

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
  readonly buffer: ArrayBuffer;
  /** All of the memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #i32: Int32Array<ArrayBuffer>;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const host = {
      outOfMemory(bytes: number) {
        throw new OutOfMemory(bytes);
      },
    };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasm)), { env: { memory }, host });
    this.call = instance.exports as unknown as KernelFunctions;
    this.buffer = memory.buffer;
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.#i32 = new Int32Array(this.buffer);
  }

  /** The 32-bit word at a place. */
  word(place: number): number {
    return this.#i32[place >> 2]!;
  }

  uint8(place: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.buffer, place, length);
  }

  int32(place: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.buffer, place, length);
  }

  uint32(place: number, length: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.buffer, place, length);
  }

  holds(array: ArrayBufferView): boolean {
    return array.buffer === this.buffer;
  }
}

let ofThread: Kernel | undefined;

/** This thread's kernel, loaded when it is first asked for. */
export function kernel(): Kernel {
  ofThread ??= new Kernel();
  return ofThread;
}
