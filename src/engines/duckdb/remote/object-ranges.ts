/** Ranges of remote objects, written to local files at the same places: near ones by one request, many requests at a time. */
import { type FileHandle, open } from 'node:fs/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import type { ByteRange } from '../../../parquet/read/footer-parts.ts';
import { DamagedObject, type ObjectStore, StoreError } from '../../../store/store.ts';

/** What a question has asked of the store. */
export class FetchMeter {
  bytes = 0;
  requests = 0;
}

export interface RemoteObject {
  readonly uri: string;
  /** As the snapshot has it. */
  readonly size: number;
  /** Set by the first read: all later ones have to be of the same version. */
  etag: string | undefined;
}

export interface RangesInto {
  readonly object: RemoteObject;
  readonly ranges: readonly ByteRange[];
  /** A local file that exists. */
  readonly path: string;
}

export interface FetchOptions {
  readonly meter: FetchMeter;
  readonly signal: AbortSignal | undefined;
}

/** A request costs about as much time as this many bytes, so smaller gaps are read along. */
const freeGapBytes = 16 << 10;
/** Larger ranges are fetched in parts, side by side. */
const requestBytes = 8 << 20;

export class ObjectRanges {
  readonly #store: ObjectStore;
  readonly #limit: LimitFunction;

  constructor(store: ObjectStore, requestsAtATime: number) {
    this.#store = store;
    this.#limit = pLimit(requestsAtATime);
  }

  /** Throws StoreError where an object is gone, has changed, or is not as long as the snapshot says. */
  async fetch(wanted: readonly RangesInto[], options: FetchOptions): Promise<void> {
    await allEnded(
      wanted.map(async ({ object, ranges, path }) => {
        if (ranges.length === 0) return;
        const handle = await this.#limit(() => open(path, 'r+'));
        try {
          const requests = merged(ranges).flatMap(cut);
          await allEnded(requests.map((range) => this.#limit(() => this.#into(handle, object, range, options))));
        } finally {
          await handle.close();
        }
      }),
    );
  }

  /** A range in memory. */
  async read(object: RemoteObject, range: ByteRange, options: FetchOptions): Promise<Buffer> {
    return this.#limit(async () => {
      const bytes = Buffer.alloc(range.end - range.start);
      for await (const { chunk, at } of this.#chunks(object, range, options)) bytes.set(chunk, at);
      return bytes;
    });
  }

  async #into(handle: FileHandle, object: RemoteObject, range: ByteRange, options: FetchOptions): Promise<void> {
    for await (const { chunk, at } of this.#chunks(object, range, options))
      await handle.write(chunk, 0, chunk.length, range.start + at);
  }

  async *#chunks(
    object: RemoteObject,
    { start, end }: ByteRange,
    { meter, signal }: FetchOptions,
  ): AsyncGenerator<{ readonly chunk: Uint8Array; readonly at: number }> {
    signal?.throwIfAborted();
    meter.requests++;
    const { info, chunks } = await this.#open(object, [start, end], signal);
    if (info.size !== object.size)
      throw new DamagedObject(
        object.uri,
        `a data file has ${info.size} bytes, not ${object.size} as its snapshot says`,
      );
    object.etag ??= info.etag;
    let at = 0;
    for await (const chunk of chunks) {
      meter.bytes += chunk.length;
      if (at + chunk.length > end - start)
        throw new DamagedObject(object.uri, 'the store gave more than it was asked for');
      yield { chunk, at };
      at += chunk.length;
    }
    if (at < end - start) throw new DamagedObject(object.uri, `the store gave ${at} of ${end - start} bytes`);
  }

  async #open({ uri, etag }: RemoteObject, range: readonly [number, number], signal: AbortSignal | undefined) {
    try {
      return await this.#store.get(uri, {
        range,
        ...(etag !== undefined && { ifMatch: etag }),
        ...(signal && { signal }),
      });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const what =
        error.code === 'not-found'
          ? 'a data file of the current snapshot is missing'
          : error.code === 'precondition-failed'
            ? 'a data file has changed while it was read, which nothing should do'
            : undefined;
      throw what === undefined ? error : new StoreError(error.code, uri, what, { cause: error });
    }
  }
}

/** All have ended when it throws, so that nothing goes on writing. */
export async function allEnded(tasks: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(tasks);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** In order, without overlaps; gaps that are not worth a request are part of them. */
export function merged(ranges: readonly ByteRange[]): ByteRange[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && start - last.end <= gapWorthReading(last, end - start))
      last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

/** Up to a tenth of what is wanted on both sides, however long. */
const gapWorthReading = ({ start, end }: ByteRange, next: number): number =>
  Math.max(freeGapBytes, (end - start + next) / 10);

function cut({ start, end }: ByteRange): ByteRange[] {
  const parts = Math.ceil((end - start) / requestBytes);
  return Array.from({ length: parts }, (_, i) => ({
    start: start + i * requestBytes,
    end: Math.min(end, start + (i + 1) * requestBytes),
  }));
}
