/**
 * The caps on what comes out of an object's body, and the error that an object ends in which cannot be read as a whole.
 */
import type { Limits } from '../limits.ts';
import type { Compression } from './compression.ts';

export type ObjectErrorCode =
  | 'truncated_gzip'
  | 'truncated_zstd'
  | 'corrupt'
  | 'unsupported'
  | 'too_large'
  | 'ratio'
  | 'too_many_parts';
export type BodyLimits = Pick<Limits, 'objectBytes' | 'compressionRatio'>;

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
/**
 * Beginning a decoder costs about as much as decompressing 100 KiB, so parts (zstd frames, gzip members behind padding)
 * are counted: an object may have `FREE_PARTS`, and one more for each `BYTES_PER_PART` stored.
 */
const FREE_PARTS = 2000;
const BYTES_PER_PART = 128;

/** Holds the caps while bytes come out. */
export class Meter {
  readonly #limits: BodyLimits;
  readonly #bodyBytes: number;
  produced = 0;
  stored = 0;
  parts = 0;

  /** @param bodyBytes stored bytes of all of the body where they are known: its beginning alone may be past the ratio. */
  constructor(limits: BodyLimits, bodyBytes = 0) {
    this.#limits = limits;
    this.#bodyBytes = bodyBytes;
  }

  count(chunk: Buffer, taken: number): Buffer {
    const stored = Math.max(taken, this.#bodyBytes);
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

/** What follows a part and is none. */
export function garbage(compression: Compression, storedOffset: number, offset: number): ObjectError {
  return new ObjectError('corrupt', `bytes that are neither ${compression} nor padding follow`, storedOffset, offset);
}

/** zlib's errors in the words of this module; any other error as it is. */
export function objectError(error: unknown, compression: Compression, meter: Meter, storedOffset: number): unknown {
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
