/**
 * zstd for pages (parquet-format, Compression.md "ZSTD"), by Node's native code. At high levels large pages are
 * compressed on libuv's threads while the next ones are encoded. At low levels, and for small pages, the hand-over (a
 * stream, two wake-ups, memory of other threads) would cost a fifth more CPU time than the work itself.
 */
import { constants, zstdCompress, zstdCompressSync } from 'node:zlib';
import { ByteSink } from './byte-sink.ts';

const syncBytes = 12 << 10;
const syncLevel = 3;
/** Sinks that single huge values have made larger are not kept. */
const maxIdleBytes = 4 << 20;
/** Page bodies that may wait for a thread. */
const maxInFlightBytes = 8 << 20;

export class Compressor {
  readonly #level: number;
  readonly #idle: ByteSink[];
  #inFlight = 0;
  #waiting: (() => void) | undefined;

  /** `idle` keeps the sinks that are not in use, from one file to the next. */
  constructor(level: number, idle: ByteSink[]) {
    this.#level = level;
    this.#idle = idle;
  }

  /** A cleared sink; `compress` and `release` take it back. */
  sink(): ByteSink {
    const sink = this.#idle.pop() ?? new ByteSink();
    sink.clear();
    return sink;
  }

  release(sink: ByteSink): void {
    if (sink.buffer.length <= maxIdleBytes) this.#idle.push(sink);
  }

  /** Resolves once there is room for more work. */
  async room(): Promise<void> {
    while (this.#inFlight > maxInFlightBytes) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /** The compressed bytes of the sink, which must not be used any more. */
  compress(sink: ByteSink): Uint8Array | Promise<Uint8Array> {
    const body = sink.written();
    if (this.#level <= syncLevel || body.length <= syncBytes) {
      const compressed = this.compressSync(body);
      this.release(sink);
      return compressed;
    }
    this.#inFlight += body.length;
    return new Promise((resolve, reject) => {
      zstdCompress(body, options(this.#level, body.length), (error, compressed) => {
        this.#inFlight -= body.length;
        this.release(sink);
        this.#waiting?.();
        this.#waiting = undefined;
        if (error) reject(new Error(`cannot compress a Parquet page of ${body.length} bytes`, { cause: error }));
        else resolve(trimmed(compressed));
      });
    });
  }

  compressSync(body: Uint8Array): Uint8Array {
    return trimmed(zstdCompressSync(body, options(this.#level, body.length)));
  }
}

/** What is kept until the file is complete must not hold on to the larger buffer that zlib wrote to. */
function trimmed(compressed: Buffer): Uint8Array {
  return compressed.length * 1.25 < compressed.buffer.byteLength ? new Uint8Array(compressed) : compressed;
}

/** With the length known zstd sizes its tables to it; the output mostly fits half of the input. */
function options(level: number, length: number): Parameters<typeof zstdCompressSync>[1] & object {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    pledgedSrcSize: length,
    chunkSize: Math.max(1024, (length >> 1) + 128),
  };
}
