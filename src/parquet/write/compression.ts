/**
 * zstd for pages (parquet-format, Compression.md "ZSTD"), by Node's native code, out of the kernel's memory. At high
 * levels large pages are compressed on libuv's threads while the next ones are encoded. At low levels, and for small
 * pages, the hand-over (a copy, a stream, two wake-ups) would cost a fifth more CPU time than the work itself.
 */
import { constants, zstdCompress } from 'node:zlib';
import { giveBack } from '../../columns/give-back.ts';
import { kernel } from '../../kernel/kernel.ts';
import { frameOf, type ZstdParameters } from './zstd-frames.ts';

/** Chunks below this are left as they are: columns of nulls or of one value, which make most of a wide table. */
export const leastCompressed = 256;
const syncBytes = 12 << 10;
const syncLevel = 3;
/** Page bodies that wait for a thread before the next chunk has to wait, and at most. */
const maxInFlightBytes = 8 << 20;
const mostInFlightBytes = 32 << 20;

/**
 * By its level alone zstd takes 12 MiB of tables for a page of 1 MiB, new ones for each page: finding that memory costs
 * half as much as compressing does. With these it takes 2 MiB, and the pages come out larger by 0.2 %.
 */
const smallTables = { [constants.ZSTD_c_hashLog]: 18, [constants.ZSTD_c_chainLog]: 17 };
/** Levels above go by trees, which small tables would hurt. */
const mostHashed = 12;

/** Of all files that are written at a time, since they share libuv's threads. */
let inFlight = 0;
const waiting: (() => void)[] = [];

export class Compressor {
  /** The highest that is used. */
  readonly level: number;

  constructor(level: number) {
    this.level = level;
  }

  /** Resolves once there is room for more work. */
  async room(): Promise<void> {
    while (inFlight > maxInFlightBytes) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The compressed bytes of the body, which may lie in the kernel's sink. They are likely to be `share` of it. */
  compress(body: Uint8Array, level: number, share: number): Uint8Array | Promise<Uint8Array> {
    // A chunk of many pages cannot wait for room: what exceeds it is compressed at once.
    const isAtOnce = level <= syncLevel || body.length <= syncBytes || inFlight > mostInFlightBytes;
    // What is kept until the file is complete has room for itself alone.
    if (isAtOnce) return Buffer.from(frameOf(body, paramsAt(level)));
    const { length } = body;
    inFlight += length;
    return new Promise((resolve, reject) => {
      const copy = body.slice();
      // With the length known zstd sizes its tables to it; what zlib writes to is garbage soon, so it had better fit.
      const chunkSize = Math.max(1024, Math.ceil(length * Math.min(1, share * 1.1)) + 128);
      const options = { params: paramsAt(level), pledgedSrcSize: length, chunkSize };
      zstdCompress(copy, options, (error, compressed) => {
        giveBack(copy);
        inFlight -= length;
        for (const wake of waiting.splice(0)) wake();
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
export const compressedSize = (level: number): number => frameOf(sinkBody(), paramsAt(level)).length;

/** What is kept until the file is complete must not hold on to the larger buffer that zlib wrote to. */
function trimmed(compressed: Buffer): Uint8Array {
  if (compressed.length * 1.25 >= compressed.buffer.byteLength) return compressed;
  const copy = new Uint8Array(compressed);
  giveBack(compressed);
  return copy;
}

const paramsAt = (level: number): ZstdParameters => ({
  [constants.ZSTD_c_compressionLevel]: level,
  ...(level > syncLevel && level <= mostHashed && smallTables),
});
