/**
 * zstd frames by one context for many pages (docs/decisions/037). `zstdCompressSync` makes a stream, a context and its
 * tables for each page: for one of 2 KiB that takes three times as long as compressing it.
 *
 * Node.js documents no way to use a context again. Its streams have one in `_handle`, as packages for tar and PNG use it:
 * where that looks or does otherwise than expected, and for bodies above `mostBytes`, the documented functions do the work.
 */
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib';

/** By the numbers of `zlib.constants`. */
export type ZstdParameters = Readonly<Record<number, number>>;

/** Larger bodies are rare, and would leave the context as large as they are. */
const mostBytes = 2 << 20;

/** Of Node's streams of zlib, what is used here (lib/zlib.js and src/node_zlib.cc of Node.js 24). */
interface ZlibStream {
  readonly _handle?: {
    writeSync?: (flush: number, ...views: [...View, ...View]) => void;
    onerror: () => void;
  };
  /** After a write: what is left of the room, and of the input. */
  readonly _writeState?: Uint32Array;
}
type View = [bytes: Uint8Array, offset: number, length: number];

const viewOf = (bytes: Uint8Array): View => [bytes, 0, bytes.length];

export class ZstdContext {
  /** Whether it can be used for one more frame. */
  isSound: boolean;
  readonly #stream: ZlibStream;

  constructor(stream: object) {
    this.#stream = stream;
    const { _handle: handle, _writeState: left } = this.#stream;
    this.isSound = typeof handle?.writeSync === 'function' && left instanceof Uint32Array && left.length === 2;
    if (this.isSound)
      handle!.onerror = () => {
        this.isSound = false;
      };
  }

  /** One whole frame: how many bytes of `to` it fills; undefined where it was anything else. */
  frame(from: Uint8Array, to: Uint8Array): number | undefined {
    if (!this.isSound) return undefined;
    const { _handle: handle, _writeState: left } = this.#stream as Required<ZlibStream>;
    handle.writeSync!(constants.ZSTD_e_end, ...viewOf(from), ...viewOf(to));
    const [unused, rest] = left as Uint32Array & [number, number];
    // Where nothing is left of the room, zstd may hold more.
    this.isSound &&= rest === 0 && unused > 0 && unused <= to.length;
    return this.isSound ? to.length - unused : undefined;
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
