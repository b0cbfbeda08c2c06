/**
 * zstd frames by one context for many pages (docs/decisions/037). `zstdCompressSync` makes a stream, a context and its
 * tables for each page: for one of 2 KiB that takes three times as long as compressing it.
 * Where the handle of a context does otherwise than expected, and for bodies above `mostBytes`, the documented functions do the work.
 */
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib';
import { ZlibHandle } from '../../columns/zlib-handle.ts';

/** By the numbers of `zlib.constants`. */
export type ZstdParameters = Readonly<Record<number, number>>;

/** Larger bodies are rare, and would leave the context as large as they are. */
const mostBytes = 2 << 20;

export class ZstdContext {
  /** undefined where it cannot be used for one more frame. */
  #handle: ZlibHandle | undefined;

  constructor(stream: object) {
    this.#handle = ZlibHandle.of(stream);
  }

  /** One whole frame: how many bytes of `to` it fills; undefined where it was anything else. */
  frame(from: Uint8Array, to: Uint8Array): number | undefined {
    const handle = this.#handle;
    if (handle === undefined) return undefined;
    try {
      handle.pass(constants.ZSTD_e_end, from, to);
    } catch {
      this.#handle = undefined;
      return undefined;
    }
    // Where nothing is left of the room, zstd may hold more.
    const isWhole = handle.unread === 0 && handle.unfilled > 0 && handle.unfilled <= to.length;
    if (!isWhole) this.#handle = undefined;
    return isWhole ? to.length - handle.unfilled : undefined;
  }
}

/** By level and other parameters. */
const contexts = new Map<string, ZstdContext>();

function contextFor(params: ZstdParameters): ZstdContext {
  const key = JSON.stringify(params);
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const context = new ZstdContext(createZstdCompress({ params }));
  contexts.set(key, context);
  return context;
}

let room = new Uint8Array(0);

/** zstd.h, ZSTD_COMPRESSBOUND and a byte: with so much room zstd needs no buffers of its own for what it reads and writes. */
const mostCompressed = (length: number): number =>
  length + (length >>> 8) + (Math.max(0, (128 << 10) - length) >>> 11) + 1;

/** The frame of the body. Good until the next one. */
export function frameOf(body: Uint8Array, params: ZstdParameters): Uint8Array {
  const { length } = body;
  const most = mostCompressed(length);
  if (length > 0 && length <= mostBytes) {
    if (room.length < most) room = new Uint8Array(most);
    const filled = contextFor(params).frame(body, room);
    if (filled !== undefined) return room.subarray(0, filled);
  }
  return zstdCompressSync(body, { params, pledgedSrcSize: length, chunkSize: Math.max(64, most) });
}
