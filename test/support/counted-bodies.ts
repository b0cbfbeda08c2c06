import { KernelBodies } from '../../src/ingest/kernel-bodies.ts';
import { kernel } from '../../src/kernel/kernel.ts';

/** Bodies in the kernel's memory, each of which is given back once. */
export class CountedBodies extends KernelBodies {
  /** Places of those that are out. */
  readonly out = new Set<number>();
  /** So many were out at a time. */
  most = 0;

  override acquire(size: number): Buffer {
    const body = super.acquire(size);
    if (body.buffer !== kernel().buffer || this.out.has(body.byteOffset)) throw new Error('not the kernel to give');
    this.out.add(body.byteOffset);
    this.most = Math.max(this.most, this.out.size);
    return body;
  }

  override release(body: Buffer): void {
    if (!this.out.delete(body.byteOffset)) throw new Error('given back twice');
    super.release(body);
  }
}
