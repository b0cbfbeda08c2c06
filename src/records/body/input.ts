/** The stored bytes of a body that arrives in chunks, given to one decoder after the other. */
import {
  asBuffer,
  type Compression,
  compressionOf,
  gzipHeaderEnd,
  gzipHeaderFault,
  isSkippable,
  paddingEnd,
  SKIPPABLE_HEAD,
  skippableBytes,
} from './compression.ts';
import { garbage, type Meter, ObjectError } from './meter.ts';

/** Of a gzip header with extra fields, name and comment. */
const MOST_HEADER_BYTES = 256 << 10;

/** The stored chunks, with those that a decoder may leave over kept for its successor. */
export class Input {
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

  /**
   * The next chunk for a decoder. One of zstd does not say that its frame is over but by leaving what follows, and takes what
   * it is given next for another frame. So the last byte of each chunk comes with those behind it.
   */
  async nextFor(compression: Compression): Promise<Buffer | undefined> {
    if (compression !== 'zstd') return this.next();
    const head = await this.peek(2);
    if (head.length > 1) this.#queue.splice(0, 1, head.subarray(0, -1), head.subarray(-1));
    return this.next();
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
      const fault = gzipHeaderFault(head);
      if (fault !== undefined)
        throw new ObjectError('corrupt', `no valid gzip data: ${fault}`, this.taken, meter.produced);
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
