/**
 * Node's zlib from memory to memory, on this thread. Its documented functions put what comes out into buffers of their own, new
 * ones each time, for which V8 collects garbage (docs/decisions/037, 039).
 *
 * Node.js documents no way to do this. Its streams have one in `_handle`, as packages for tar and PNG use it: where that
 * looks otherwise than expected, the caller goes by the documented functions.
 */

/** Of Node's streams of zlib, what is used here (lib/zlib.js and src/node_zlib.cc of Node.js 24). */
interface ZlibStream {
  readonly _handle?: {
    writeSync?: (flush: number, ...views: [...View, ...View]) => void;
    onerror: (message: string, errno: number, code: string) => void;
  };
  /** After a write: what is left of the room, and of the input. */
  readonly _writeState?: Uint32Array;
  destroy(): void;
}
type View = [bytes: Uint8Array, offset: number, length: number];

const viewOf = (bytes: Uint8Array): View => [bytes, 0, bytes.length];

export class ZlibHandle {
  /** Of the last pass: bytes of the room that were not filled, and bytes of the input that were not read. */
  unfilled = 0;
  unread = 0;
  readonly #stream: Required<ZlibStream>;
  #error: Error | undefined;

  /** undefined where the stream, which belongs to the handle from now on, is not as expected. */
  static of(stream: object): ZlibHandle | undefined {
    const { _handle: handle, _writeState: left } = stream as ZlibStream;
    const isExpected = typeof handle?.writeSync === 'function' && left instanceof Uint32Array && left.length === 2;
    return isExpected ? new ZlibHandle(stream as Required<ZlibStream>) : undefined;
  }

  private constructor(stream: Required<ZlibStream>) {
    this.#stream = stream;
    stream._handle.onerror = (message, errno, code) => {
      this.#error = Object.assign(new Error(message), { errno, code });
    };
  }

  /** Reads `from` and fills `to` as far as either goes. Throws errors with the codes of Node's streams. */
  pass(flush: number, from: Uint8Array, to: Uint8Array): void {
    const { _handle: handle, _writeState: left } = this.#stream;
    handle.writeSync!(flush, ...viewOf(from), ...viewOf(to));
    if (this.#error !== undefined) throw this.#error;
    [this.unfilled, this.unread] = left as Uint32Array & [number, number];
  }

  close(): void {
    this.#stream.destroy();
  }
}
