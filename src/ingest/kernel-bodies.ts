import { kernel } from '../kernel/kernel.ts';
import { endOfText } from '../records/scan/row-writer.ts';
import { BufferPool } from './buffer-pool.ts';

/** The kernel keeps what it has once taken, so larger bodies stay out of it. */
const mostBytes = 4 << 20;

/** Memory of the kernel for bodies or chunks of them, whose lines are scanned where they have been read to (records/scan/row-writer.ts). */
export class KernelBodies extends BufferPool {
  readonly #kernel = kernel();

  override acquire(size: number): Buffer {
    if (size > mostBytes) return super.acquire(size);
    const { buffer, bytes, call } = this.#kernel;
    const place = call.allocate(size + endOfText);
    bytes.fill(0, place + size, place + size + endOfText);
    return Buffer.from(buffer, place, size);
  }

  override release(body: Buffer): void {
    if (body.buffer === this.#kernel.buffer) this.#kernel.call.release(body.byteOffset);
    else super.release(body);
  }
}

/** For what is scanned (FetchOptions of fetch.ts). */
export const kernelBodies = (limit: number): BufferPool => new KernelBodies(limit);
