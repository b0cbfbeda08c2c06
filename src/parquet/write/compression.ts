/**
 * zstd for pages (parquet-format, Compression.md "ZSTD"), by Node's native code, out of the kernel's memory. At high
 * levels large pages are compressed on libuv's threads while the next ones are encoded. At low levels, and for small
 * pages, the hand-over (a copy, a stream, two wake-ups) would cost a fifth more CPU time than the work itself.
 */
import { constants, zstdCompress, zstdCompressSync } from 'node:zlib';
import { kernel } from '../../kernel/kernel.ts';

const syncBytes = 12 << 10;
const syncLevel = 3;
/** Page bodies that may wait for a thread. */
const maxInFlightBytes = 8 << 20;

export class Compressor {
  readonly level: number;
  #inFlight = 0;
  #waiting: (() => void) | undefined;

  constructor(level: number) {
    this.level = level;
  }

  /** Resolves once there is room for more work. */
  async room(): Promise<void> {
    while (this.#inFlight > maxInFlightBytes) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /** The compressed bytes of the body, which may lie in the kernel's sink. They are likely to be `share` of it. */
  compress(body: Uint8Array, share: number): Uint8Array | Promise<Uint8Array> {
    if (this.level <= syncLevel || body.length <= syncBytes) return compressSync(body, this.level, share);
    const { length } = body;
    this.#inFlight += length;
    return new Promise((resolve, reject) => {
      zstdCompress(body.slice(), options(this.level, length, share), (error, compressed) => {
        this.#inFlight -= length;
        this.#waiting?.();
        this.#waiting = undefined;
        if (error) reject(new Error(`cannot compress a Parquet page of ${length} bytes`, { cause: error }));
        else resolve(trimmed(compressed));
      });
    });
  }
}

/** The body that the kernel has written. Good until the next one. */
export function sinkBody(): Uint8Array<SharedArrayBuffer> {
  const { call } = kernel();
  return kernel().uint8(call.sinkPlace(), call.sinkLength());
}

/** What the body that the kernel has written takes. */
export function compressedSize(level: number): number {
  return compressSync(sinkBody(), level, 0.5).length;
}

const compressSync = (body: Uint8Array, level: number, share: number): Uint8Array =>
  trimmed(zstdCompressSync(body, options(level, body.length, share)));

/** What is kept until the file is complete must not hold on to the larger buffer that zlib wrote to. */
function trimmed(compressed: Buffer): Uint8Array {
  return compressed.length * 1.25 < compressed.buffer.byteLength ? new Uint8Array(compressed) : compressed;
}

/** With the length known zstd sizes its tables to it; what zlib writes to is garbage soon, so it had better fit. */
function options(level: number, length: number, share: number): Parameters<typeof zstdCompressSync>[1] & object {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    pledgedSrcSize: length,
    chunkSize: Math.max(1024, Math.ceil(length * Math.min(1, share * 1.1)) + 128),
  };
}
