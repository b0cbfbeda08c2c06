/**
 * Opens the body of an object: tells its compression by magic bytes (gzip, zstd, none), never by its name, and caps
 * what comes out. zstd may have several frames, gzip several members with zero padding between or behind them.
 * Anything wrong is an ObjectError: the object as a whole is reported and left unclaimed, never half-used.
 *
 * Node's decoders stop at the end of a zstd frame and at gzip padding without a word about what follows (Node 24:
 * a second frame in the same chunk is dropped). So the bytes that a decoder has taken are counted here, and the rest
 * goes to a fresh decoder or is an error.
 */
import { promisify } from 'node:util';
import {
  createGunzip,
  createZstdDecompress,
  type Gunzip,
  gunzip,
  type ZstdDecompress,
  zstdDecompress,
} from 'node:zlib';
import type { Limits } from './limits.ts';

export type ObjectErrorCode = 'truncated_gzip' | 'truncated_zstd' | 'corrupt' | 'too_large' | 'ratio';
export type BodyLimits = Pick<Limits, 'objectBytes' | 'compressionRatio'>;
export type Compression = 'gzip' | 'zstd' | 'none';

/** An object that cannot be read as a whole. `storedOffset` and `offset` say how far it got, in stored and decompressed bytes. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly code: ObjectErrorCode;
  readonly storedOffset: number;
  readonly offset: number;
  constructor(code: ObjectErrorCode, message: string, storedOffset: number, offset: number, options?: ErrorOptions) {
    super(`${message} (after ${storedOffset} stored, ${offset} decompressed bytes)`, options);
    this.code = code;
    this.storedOffset = storedOffset;
    this.offset = offset;
  }
}

/** Decompressed bytes below which the ratio is not looked at. */
const RATIO_FROM = 1 << 20;
const OUTPUT_CHUNK = 128 << 10;
const MAGIC_BYTES = 4;

/** By the first bytes: gzip (RFC 1952, 2.3.1), zstd and its skippable frames (RFC 8878, 3.1). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  if (((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return 'zstd';
  return 'none';
}

/** Decompressed chunks of a body that arrives in chunks. Errors of the source itself pass through as they are. */
export async function* openBody(chunks: AsyncIterable<Uint8Array>, limits: BodyLimits): AsyncGenerator<Buffer> {
  const input = new Input(chunks[Symbol.asyncIterator]());
  const meter = new Meter(limits);
  try {
    const compression = compressionOf(await input.peek(MAGIC_BYTES));
    if (compression === 'none') {
      for (let chunk = await input.next(); chunk; chunk = await input.next()) {
        yield meter.count(chunk, Number.POSITIVE_INFINITY);
      }
      return;
    }
    do {
      yield* decodeOne(input, compression, meter);
    } while (await input.skipPadding(compression, meter));
  } finally {
    await input.close();
  }
}

const gunzipWhole = promisify(gunzip) as unknown as WholeDecoder;
const zstdWhole = promisify(zstdDecompress) as unknown as WholeDecoder;
type WholeDecoder = (
  body: Uint8Array,
  options: object,
) => Promise<{ buffer: Buffer; engine: { bytesWritten: number } }>;

/** The same for a body held whole: native code off the main thread, one buffer out. */
export async function decompressWhole(body: Uint8Array, limits: BodyLimits): Promise<Buffer> {
  const compression = compressionOf(body);
  const meter = new Meter(limits);
  meter.stored = body.length;
  if (compression === 'none') return meter.count(asBuffer(body), Number.POSITIVE_INFINITY);
  const parts: Buffer[] = [];
  const decode = compression === 'gzip' ? gunzipWhole : zstdWhole;
  for (let at = 0; ; ) {
    const rest = body.subarray(at);
    try {
      const maxOutputLength = meter.allowance();
      const chunkSize = Math.min(Math.max(rest.length * 8, 16 << 10), 4 << 20, maxOutputLength + 1);
      const { buffer, engine } = await decode(rest, { info: true, maxOutputLength, chunkSize });
      parts.push(meter.count(buffer, body.length));
      at += engine.bytesWritten;
    } catch (error) {
      throw objectError(error, compression, meter, at);
    }
    while (compression === 'gzip' && body[at] === 0) at++;
    if (at === body.length) return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    if (compressionOf(body.subarray(at)) !== compression) throw garbage(compression, at, meter.produced);
  }
}

/** One gzip stream up to padding, or one zstd frame up to the end of the chunk that it ends in. */
async function* decodeOne(input: Input, compression: Compression, meter: Meter): AsyncGenerator<Buffer> {
  const decoder =
    compression === 'gzip'
      ? createGunzip({ chunkSize: OUTPUT_CHUNK })
      : createZstdDecompress({ chunkSize: OUTPUT_CHUNK });
  const start = input.taken;
  const pump = feed(input, decoder);
  try {
    for await (const chunk of decoder) {
      meter.stored = input.taken;
      yield meter.count(chunk as Buffer, input.taken);
    }
    await pump;
  } catch (error) {
    throw objectError(error, compression, meter, start + decoder.bytesWritten);
  } finally {
    decoder.destroy();
  }
  input.rewind(start + decoder.bytesWritten);
}

/** Writes the input into the decoder until one of them ends. Never rejects: an error of the source destroys the decoder. */
async function feed(input: Input, decoder: Gunzip | ZstdDecompress): Promise<void> {
  let over = false;
  const ended = new Promise<void>((resolve) => {
    const settle = (): void => {
      over = true;
      resolve();
    };
    decoder.once('end', settle).once('close', settle).once('error', settle);
  });
  try {
    while (!over) {
      input.release(decoder.bytesWritten);
      const chunk = await input.next();
      if (!chunk) {
        decoder.end();
        return;
      }
      if (!over) await Promise.race([ended, new Promise<void>((resolve) => decoder.write(chunk, () => resolve()))]);
    }
  } catch (error) {
    decoder.destroy(error as Error);
  }
}

/** The stored chunks, with those that a decoder may leave over kept for its successor. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  /** Chunks handed out that a decoder has not reported as taken, and the stored offset of the first. */
  #kept: Buffer[] = [];
  #keptFrom = 0;
  #origin = 0;
  /** Chunks to hand out again before the source is asked. */
  #queue: Buffer[] = [];
  /** Stored bytes handed out. */
  taken = 0;

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source;
  }

  async next(): Promise<Buffer | undefined> {
    const chunk = this.#queue.shift() ?? (await this.#pull());
    if (chunk) {
      this.#kept.push(chunk);
      this.taken += chunk.length;
    }
    return chunk;
  }

  /** The first bytes, without taking them; fewer where the body ends before. */
  async peek(bytes: number): Promise<Buffer> {
    let head = Buffer.concat(this.#queue);
    while (head.length < bytes) {
      const chunk = await this.#pull();
      if (!chunk) break;
      head = Buffer.concat([head, chunk]);
    }
    this.#queue = head.length > 0 ? [head] : [];
    return head;
  }

  /** Forgets chunks that the current decoder has taken whole; `bytes` counts from where it began. */
  release(bytes: number): void {
    while (this.#kept.length > 0 && this.#keptFrom + (this.#kept[0] as Buffer).length <= this.#origin + bytes) {
      this.#keptFrom += (this.#kept.shift() as Buffer).length;
    }
  }

  /** Everything from the stored offset on is handed out again. */
  rewind(offset: number): void {
    const left = Buffer.concat(this.#kept).subarray(offset - this.#keptFrom);
    if (left.length > 0) this.#queue.unshift(left);
    this.#kept = [];
    this.#keptFrom = offset;
    this.#origin = offset;
    this.taken = offset;
  }

  /** Skips gzip's zero padding; true where another member follows, throws where anything else does. */
  async skipPadding(compression: Compression, meter: Meter): Promise<boolean> {
    for (;;) {
      const head = await this.peek(MAGIC_BYTES);
      if (head.length === 0) return false;
      const zeros = compression === 'gzip' ? head.findIndex((byte) => byte !== 0) : 0;
      if (zeros === 0) {
        if (compressionOf(head) !== compression) throw garbage(compression, this.taken, meter.produced);
        return true;
      }
      const skipped = zeros < 0 ? head.length : zeros;
      this.#queue = skipped < head.length ? [head.subarray(skipped)] : [];
      this.taken += skipped;
      this.#keptFrom = this.taken;
      this.#origin = this.taken;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #pull(): Promise<Buffer | undefined> {
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      if (value.length > 0) return asBuffer(value);
    }
  }
}

/** Holds the caps while bytes come out. */
class Meter {
  readonly #limits: BodyLimits;
  produced = 0;
  stored = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  count(chunk: Buffer, stored: number): Buffer {
    this.produced += chunk.length;
    if (this.produced > this.#limits.objectBytes) throw this.tooLarge();
    if (this.produced > RATIO_FROM && this.produced > stored * this.#limits.compressionRatio) throw this.overRatio();
    return chunk;
  }

  /** Bytes that may still come out of a body held whole. */
  allowance(): number {
    const byRatio = Math.max(RATIO_FROM, Math.floor(this.stored * this.#limits.compressionRatio));
    return Math.max(1, Math.min(this.#limits.objectBytes, byRatio) - this.produced);
  }

  capError(): ObjectError {
    const byRatio = Math.max(RATIO_FROM, this.stored * this.#limits.compressionRatio);
    return byRatio < this.#limits.objectBytes ? this.overRatio() : this.tooLarge();
  }

  tooLarge(): ObjectError {
    const { objectBytes } = this.#limits;
    const message = `decompresses to more than limits.object_bytes (${objectBytes}); raise the limit if the object is to be trusted`;
    return new ObjectError('too_large', message, this.stored, this.produced);
  }

  overRatio(): ObjectError {
    const { compressionRatio } = this.#limits;
    const message = `decompresses to more than limits.compression_ratio (${compressionRatio}) times its size; raise the limit if the object is to be trusted`;
    return new ObjectError('ratio', message, this.stored, this.produced);
  }
}

function garbage(compression: Compression, storedOffset: number, offset: number): ObjectError {
  return new ObjectError('corrupt', `bytes that are neither ${compression} nor padding follow`, storedOffset, offset);
}

/** zlib's errors in the words of this module; any other error as it is. */
function objectError(error: unknown, compression: Compression, meter: Meter, storedOffset: number): unknown {
  const code = (error as { code?: unknown }).code;
  if (error instanceof ObjectError || typeof code !== 'string') return error;
  if (code === 'ERR_BUFFER_TOO_LARGE') return meter.capError();
  if (code === 'Z_BUF_ERROR') {
    const kind = compression === 'gzip' ? 'truncated_gzip' : 'truncated_zstd';
    return new ObjectError(kind, `ends in the middle of ${compression} data`, storedOffset, meter.produced, {
      cause: error,
    });
  }
  if (!/^(Z_|ZSTD_|ERR_ZLIB)/.test(code)) return error;
  const message = `no valid ${compression} data: ${(error as Error).message}`;
  return new ObjectError('corrupt', message, storedOffset, meter.produced, { cause: error });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
