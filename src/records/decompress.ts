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

export type ObjectErrorCode =
  | 'truncated_gzip'
  | 'truncated_zstd'
  | 'corrupt'
  | 'too_large'
  | 'ratio'
  | 'too_many_parts';
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
/**
 * Beginning a decoder costs about as much as decompressing 100 KiB, so parts (zstd frames, gzip members behind padding)
 * are counted: an object may have `FREE_PARTS`, and one more for each `BYTES_PER_PART` stored.
 */
const FREE_PARTS = 2000;
const BYTES_PER_PART = 128;
/** Output is allocated in pieces of these sizes. */
const LEAST_OUTPUT = 16 << 10;
const MOST_OUTPUT = 4 << 20;
/** Magic number and size of a zstd frame that holds no data (RFC 8878, 3.1.2). */
const SKIPPABLE_HEAD = 8;

/** By the first bytes: gzip (RFC 1952, 2.3.1), zstd and its skippable frames (RFC 8878, 3.1). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return isSkippable(head) ? 'zstd' : 'none';
}

const isSkippable = (head: Uint8Array): boolean =>
  ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;

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
    while (await input.skipPadding(compression, meter)) {
      meter.part(input.taken);
      yield* decodeOne(input, compression, meter);
    }
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
  for (let at = paddingEnd(body, 0, compression); at < body.length; at = paddingEnd(body, at, compression)) {
    const rest = body.subarray(at);
    if (compressionOf(rest) !== compression) throw garbage(compression, at, meter.produced);
    meter.part(at);
    try {
      const maxOutputLength = meter.allowance();
      // The size of the part before is the best guess for the next: its output is held in what is allocated for it.
      const guess = parts.length === 0 ? rest.length * 8 : (parts.at(-1) as Buffer).length * 2;
      const chunkSize = Math.min(Math.max(guess, LEAST_OUTPUT), MOST_OUTPUT, maxOutputLength + 1);
      const { buffer, engine } = await decode(rest, { info: true, maxOutputLength, chunkSize });
      const part = meter.count(buffer, body.length);
      // What is small is copied out of the piece that was allocated for it, since there may be very many.
      parts.push(part.length < LEAST_OUTPUT ? Buffer.from(part) : part);
      at += engine.bytesWritten;
    } catch (error) {
      throw objectError(error, compression, meter, at);
    }
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/** Index behind what stands between parts and holds no data: zero bytes in gzip, whole skippable frames in zstd. */
function paddingEnd(body: Uint8Array, from: number, compression: Compression): number {
  let at = from;
  if (compression === 'gzip') {
    while (body[at] === 0) at++;
    return at;
  }
  while (isSkippable(body.subarray(at, at + MAGIC_BYTES)) && at + SKIPPABLE_HEAD <= body.length) {
    const end = at + skippableBytes(body.subarray(at));
    if (end > body.length) break;
    at = end;
  }
  return at;
}

/** Size of the skippable frame that begins here. */
const skippableBytes = (head: Uint8Array): number => SKIPPABLE_HEAD + asBuffer(head).readUInt32LE(MAGIC_BYTES);

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

  /** The first bytes, at least so many, without taking them; fewer where the body ends before. */
  async peek(bytes: number): Promise<Buffer> {
    let head = this.#queue.shift() ?? Buffer.alloc(0);
    while (head.length < bytes) {
      const chunk = this.#queue.shift() ?? (await this.#pull());
      if (!chunk) break;
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    }
    if (head.length > 0) this.#queue.unshift(head);
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
    // Without a copy: a chunk may hold very many parts.
    let at = this.#keptFrom;
    const left: Buffer[] = [];
    for (const chunk of this.#kept) {
      if (at + chunk.length > offset) left.push(chunk.subarray(Math.max(0, offset - at)));
      at += chunk.length;
    }
    this.#queue.unshift(...left);
    this.#beginAt(offset);
  }

  /** Skips what stands between parts; true where another part follows, throws where anything else does. */
  async skipPadding(compression: Compression, meter: Meter): Promise<boolean> {
    for (;;) {
      const head = await this.peek(SKIPPABLE_HEAD);
      if (head.length === 0) return false;
      const skipped = paddingEnd(head, 0, compression);
      if (skipped > 0) await this.#skip(skipped);
      else if (compressionOf(head) !== compression) throw garbage(compression, this.taken, meter.produced);
      else if (!isSkippable(head) || head.length < SKIPPABLE_HEAD) return true;
      else if (!(await this.#skip(skippableBytes(head)))) {
        throw new ObjectError('truncated_zstd', 'ends in the middle of zstd data', this.taken, meter.produced);
      }
    }
  }

  /** Passes over the next bytes; false where the body ends before. */
  async #skip(bytes: number): Promise<boolean> {
    let left = bytes;
    while (left > 0) {
      const chunk = this.#queue.shift() ?? (await this.#pull());
      if (!chunk) break;
      if (chunk.length > left) this.#queue.unshift(chunk.subarray(left));
      left -= Math.min(left, chunk.length);
    }
    this.#beginAt(this.taken + bytes - left);
    return left === 0;
  }

  /** The next part begins at this stored offset. */
  #beginAt(offset: number): void {
    this.#kept = [];
    this.#keptFrom = offset;
    this.#origin = offset;
    this.taken = offset;
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
  parts = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  count(chunk: Buffer, stored: number): Buffer {
    this.produced += chunk.length;
    if (this.produced > this.#limits.objectBytes) throw this.tooLarge();
    if (this.produced > RATIO_FROM && this.produced > stored * this.#limits.compressionRatio) throw this.overRatio();
    return chunk;
  }

  /** Another decoder begins, behind so many stored bytes. */
  part(stored: number): void {
    this.parts++;
    const most = FREE_PARTS + Math.floor(stored / BYTES_PER_PART);
    if (this.parts <= most) return;
    const message = `begins more than ${most} zstd frames or gzip members within ${stored} bytes; compress it in larger parts`;
    throw new ObjectError('too_many_parts', message, stored, this.produced);
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
