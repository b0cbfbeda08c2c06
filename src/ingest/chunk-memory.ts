import type { ChunkRooms } from '../records/body/rooms.ts';
import { LOOKAHEAD_BYTES } from '../records/frame/detect.ts';
import type { BufferPool } from './buffer-pool.ts';

/** Large enough that handing one over costs nothing, small enough that it is still in the processor's cache when it is used. */
const blockBytes = 1 << 20;
/** Far more than `batch.download_bytes` has ahead unless told otherwise. The kernel has 2 GiB for all, and keeps what it has once taken. */
const mostBlocks = 64;

/**
 * Memory for the chunks of one body, in blocks of a pool: what a chunk was read to is used again once the next one has been
 * asked for. Until `begin` says that nobody looks back at chunks, as decompressing does, they are copied, and small: just as
 * much as tells what the body is.
 */
export class ChunkMemory implements ChunkRooms {
  readonly #pool: BufferPool;
  readonly #idle: Buffer[] = [];
  /** By their places. */
  readonly #lent = new Map<number, Buffer>();
  #hasBegun = false;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  begin(): void {
    this.#hasBegun = true;
  }

  next(): Buffer {
    return this.lend(this.#hasBegun ? blockBytes : LOOKAHEAD_BYTES);
  }

  /** Of exactly so many bytes, which are a block at most; its own where all blocks are lent. */
  lend(bytes: number): Buffer {
    if (this.#lent.size === mostBlocks) return Buffer.allocUnsafeSlow(bytes);
    const block = this.#idle.pop() ?? this.#pool.acquire(blockBytes);
    this.#lent.set(block.byteOffset, block);
    return block.subarray(0, bytes);
  }

  async *handOver(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      try {
        yield this.#hasBegun || !this.#isLent(chunk) ? chunk : Buffer.from(chunk);
      } finally {
        this.takeBack(chunk);
      }
    }
  }

  /** Nothing is read any more. */
  release(): void {
    for (const block of [...this.#idle, ...this.#lent.values()]) this.#pool.release(block);
    this.#idle.length = 0;
    this.#lent.clear();
  }

  takeBack(chunk: Uint8Array): void {
    if (!this.#isLent(chunk)) return;
    this.#idle.push(this.#lent.get(chunk.byteOffset)!);
    this.#lent.delete(chunk.byteOffset);
  }

  #isLent(chunk: Uint8Array): boolean {
    return this.#lent.get(chunk.byteOffset)?.buffer === chunk.buffer;
  }
}
