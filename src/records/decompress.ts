/**
 * Opens the body of an object: tells its compression by magic bytes, never by its name, and caps what comes out. zstd may
 * have several frames, each with its length in front (as OpenTelemetry's file exporter writes them); gzip several members,
 * with zero padding or line feeds between or behind them. What comes out may be compressed again: CloudWatch Logs sends
 * gzip, which Firehose compresses. Other formats are read or refused by name (codecs.ts).
 * Anything wrong is an ObjectError: the object as a whole is reported and left unclaimed, never half-used.
 *
 * Node's decoders stop at the end of a zstd frame and at gzip padding without a word about what follows (Node 24:
 * a second frame in the same chunk is dropped). So the bytes that a decoder has taken are counted here, and the rest
 * goes to a fresh decoder or is an error.
 */
import { promisify } from 'node:util';
import {
  crc32,
  createInflateRaw,
  createZstdDecompress,
  gunzip,
  type InflateRaw,
  type ZstdDecompress,
  zstdDecompress,
} from 'node:zlib';
import { CODEC_HEAD_BYTES, refusedFormat, TooMuch, type WholeCodec, wholeCodecOf } from './codecs.ts';
import type { Limits } from './limits.ts';

export type ObjectErrorCode =
  | 'truncated_gzip'
  | 'truncated_zstd'
  | 'corrupt'
  | 'unsupported'
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
const LENGTH_BYTES = 4;
/** Checksum and size behind the data of a gzip member. */
const GZIP_TRAILER_BYTES = 8;
/** Of a header with extra fields, name and comment. */
const MOST_HEADER_BYTES = 256 << 10;
/** A body in a body in a body: so many, and no more. */
const MOST_LAYERS = 4;
/** Stored bytes of a body that can only be decompressed whole. */
const MOST_WHOLE_BYTES = 256 << 20;
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
  return isZstd(head, 0) || isSkippable(head) || isLengthOfFrame(head) ? 'zstd' : 'none';
}

const isZstd = (head: Uint8Array, at: number): boolean =>
  head[at] === 0x28 && head[at + 1] === 0xb5 && head[at + 2] === 0x2f && head[at + 3] === 0xfd;

/** Four bytes of length, the first of them 0, in front of a zstd frame. */
const isLengthOfFrame = (head: Uint8Array): boolean => head[0] === 0 && isZstd(head, LENGTH_BYTES);

const isSkippable = (head: Uint8Array): boolean =>
  ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;

/** Decompressed chunks of a body that arrives in chunks. Errors of the source itself pass through as they are. */
export function openBody(chunks: AsyncIterable<Uint8Array>, limits: BodyLimits): AsyncGenerator<Buffer> {
  return openLayer(chunks, limits, 1);
}

async function* openLayer(
  chunks: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  layer: number,
): AsyncGenerator<Buffer> {
  const input = new Input(chunks[Symbol.asyncIterator]());
  const meter = new Meter(limits);
  try {
    const head = await input.peek(CODEC_HEAD_BYTES);
    const compression = compressionOf(head);
    const codec = compression === 'none' ? codecOf(head) : undefined;
    if (compression === 'none' && codec === undefined) {
      for (let chunk = await input.next(); chunk; chunk = await input.next()) {
        input.release(input.taken);
        yield meter.count(chunk, Number.POSITIVE_INFINITY);
      }
      return;
    }
    if (layer > MOST_LAYERS) throw tooManyLayers(meter);
    const decoded = codec === undefined ? decodeParts(input, compression, meter) : decodeWhole(input, codec, meter);
    yield* openLayer(decoded, limits, layer + 1);
  } finally {
    await input.close();
  }
}

async function* decodeParts(input: Input, compression: Compression, meter: Meter): AsyncGenerator<Buffer> {
  while (await input.skipPadding(compression, meter)) {
    meter.part(input.taken);
    yield* decodeOne(input, compression, meter);
  }
}

async function* decodeWhole(input: Input, codec: WholeCodec, meter: Meter): AsyncGenerator<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await input.next(); chunk; chunk = await input.next()) {
    if (input.taken > MOST_WHOLE_BYTES) {
      const message = `${codec.name} of more than ${MOST_WHOLE_BYTES} bytes is not read; use gzip or zstd`;
      throw new ObjectError('unsupported', message, input.taken, 0);
    }
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  meter.stored = body.length;
  yield* decodeBy(codec, body, meter);
}

function decodeBy(codec: WholeCodec, body: Buffer, meter: Meter): Buffer[] {
  try {
    return codec.decode(body, meter.allowance()).map((part) => meter.count(part, body.length));
  } catch (error) {
    if (error instanceof TooMuch) throw meter.capError();
    if (error instanceof ObjectError) throw error;
    const message = `no valid ${codec.name} data: ${(error as Error).message}`;
    throw new ObjectError('corrupt', message, meter.stored, meter.produced, { cause: error });
  }
}

/** The decoder of a body that is neither gzip nor zstd; throws where the body is of a format that is not read. */
function codecOf(head: Buffer): WholeCodec | undefined {
  const format = refusedFormat(head);
  if (format === undefined) return wholeCodecOf(head);
  const message = `is ${format}, which is not read: store JSON or log lines, plain or as gzip, zstd, zlib, snappy, lz4 or zip`;
  throw new ObjectError('unsupported', message, 0, 0);
}

const tooManyLayers = (meter: Meter): ObjectError =>
  new ObjectError('unsupported', `is compressed more than ${MOST_LAYERS} times over`, meter.stored, meter.produced);

const gunzipWhole = promisify(gunzip) as unknown as WholeDecoder;
const zstdWhole = promisify(zstdDecompress) as unknown as WholeDecoder;
type WholeDecoder = (
  body: Uint8Array,
  options: object,
) => Promise<{ buffer: Buffer; engine: { bytesWritten: number } }>;

/** The same for a body held whole: native code off the main thread, one buffer out. */
export async function decompressWhole(body: Uint8Array, limits: BodyLimits): Promise<Buffer> {
  let plain = asBuffer(body);
  for (let layer = 1; ; layer++) {
    const meter = new Meter(limits);
    meter.stored = plain.length;
    const compression = compressionOf(plain);
    const codec = compression === 'none' ? codecOf(plain.subarray(0, CODEC_HEAD_BYTES)) : undefined;
    if (compression === 'none' && codec === undefined) return meter.count(plain, Number.POSITIVE_INFINITY);
    if (layer > MOST_LAYERS) throw tooManyLayers(meter);
    if (codec === undefined) plain = await decompressParts(plain, compression, meter, limits);
    else plain = Buffer.concat(decodeBy(codec, plain, meter));
  }
}

async function decompressParts(
  body: Buffer,
  compression: Compression,
  meter: Meter,
  limits: BodyLimits,
): Promise<Buffer> {
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
      // Node's gunzip takes a line feed behind a member for the next one: member by member there is none.
      const isSeam = compression === 'gzip' && (error as Error).message === 'incorrect header check';
      if (isSeam) return memberByMember(body, limits);
      throw objectError(error, compression, meter, at);
    }
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

async function memberByMember(body: Buffer, limits: BodyLimits): Promise<Buffer> {
  const input = new Input(
    (async function* () {
      yield body;
    })(),
  );
  const parts: Buffer[] = [];
  for await (const part of decodeParts(input, 'gzip', new Meter(limits))) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * Index behind what stands between parts and holds no data: zero bytes and line ends in gzip, whole skippable frames and
 * lengths of frames in zstd.
 */
function paddingEnd(body: Uint8Array, from: number, compression: Compression): number {
  let at = from;
  if (compression === 'gzip') {
    while (body[at] === 0 || body[at] === 0x0a || body[at] === 0x0d) at++;
    return at;
  }
  for (;;) {
    const head = body.subarray(at, at + SKIPPABLE_HEAD);
    if (isLengthOfFrame(head)) return at + LENGTH_BYTES;
    if (!isSkippable(head) || head.length < SKIPPABLE_HEAD) break;
    const end = at + skippableBytes(body.subarray(at));
    if (end > body.length) break;
    at = end;
  }
  return at;
}

/** Index behind the header of a gzip member; -1 where it goes on behind these bytes. */
function gzipHeaderEnd(head: Buffer): number {
  const flags = head[3] ?? 0;
  let end = 10;
  if ((flags & 0x04) !== 0) {
    if (head.length < end + 2) return -1;
    end += 2 + head.readUInt16LE(end);
  }
  // Name and comment end with a zero each.
  for (const flag of [0x08, 0x10]) {
    if ((flags & flag) === 0) continue;
    const zero = head.indexOf(0, end);
    if (zero < 0) return -1;
    end = zero + 1;
  }
  if ((flags & 0x02) !== 0) end += 2;
  return end <= head.length ? end : -1;
}

/** Size of the skippable frame that begins here. */
const skippableBytes = (head: Uint8Array): number => SKIPPABLE_HEAD + asBuffer(head).readUInt32LE(MAGIC_BYTES);

/** One gzip member with its checks, or one zstd frame up to the end of the chunk that it ends in. */
async function* decodeOne(input: Input, compression: Compression, meter: Meter): AsyncGenerator<Buffer> {
  if (compression !== 'gzip') {
    yield* decodeStream(input, createZstdDecompress({ chunkSize: OUTPUT_CHUNK }), compression, meter);
    return;
  }
  // Not by Node's gunzip: behind a member it takes anything but zeros for the next one.
  await input.skipGzipHeader(meter);
  let checksum = 0;
  const before = meter.produced;
  for await (const chunk of decodeStream(input, createInflateRaw({ chunkSize: OUTPUT_CHUNK }), compression, meter)) {
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  const trailer = await input.take(GZIP_TRAILER_BYTES);
  if (trailer.length < GZIP_TRAILER_BYTES)
    throw new ObjectError('truncated_gzip', 'ends in the middle of gzip data', input.taken, meter.produced);
  const isRight =
    trailer.readUInt32LE(0) === checksum && trailer.readUInt32LE(4) === (meter.produced - before) % 2 ** 32;
  if (!isRight)
    throw new ObjectError('corrupt', 'no valid gzip data: incorrect data check', input.taken, meter.produced);
}

type Decoder = InflateRaw | ZstdDecompress;

async function* decodeStream(
  input: Input,
  decoder: Decoder,
  compression: Compression,
  meter: Meter,
): AsyncGenerator<Buffer> {
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
async function feed(input: Input, decoder: Decoder): Promise<void> {
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

  /** Passes over the header of a gzip member (RFC 1952, 2.3), whose magic number stands here. */
  async skipGzipHeader(meter: Meter): Promise<void> {
    for (let bytes = 64; ; bytes *= 2) {
      const head = await this.peek(bytes);
      const end = gzipHeaderEnd(head);
      if (end >= 0 && (await this.#skip(end))) return;
      const isWhole = head.length < bytes;
      const message = isWhole ? 'ends in the middle of gzip data' : 'no valid gzip data: a header without an end';
      if (isWhole || bytes > MOST_HEADER_BYTES)
        throw new ObjectError(
          isWhole ? 'truncated_gzip' : 'corrupt',
          message,
          this.taken + head.length,
          meter.produced,
        );
    }
  }

  /** The next bytes; fewer where the body ends before. */
  async take(bytes: number): Promise<Buffer> {
    const head = Buffer.from((await this.peek(bytes)).subarray(0, bytes));
    await this.#skip(head.length);
    return head;
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
