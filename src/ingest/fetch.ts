/**
 * Bodies of source objects in the order asked for, fetched ahead of their use. Small objects are downloaded
 * concurrently within one byte budget and decompressed whole, one ahead of the reader, so that nothing of a broken
 * one is ever used; larger ones of gzip and zstd are decompressed while they are read. Large ones are streamed when their turn
 * comes, from a disk by one read ahead, from elsewhere by several ranges at a time.
 */
import pLimit from 'p-limit';
import { compressionOf } from '../records/body/compression.ts';
import { ObjectError } from '../records/body/meter.ts';
import { decompressWhole, openBody } from '../records/decompress.ts';
import type { Limits } from '../records/limits.ts';
import { nextTurn } from '../store/event-loop.ts';
import { ahead, begun } from '../store/prefetch.ts';
import { readObject, readWhole } from '../store/read.ts';
import type { ObjectInfo, ObjectStore } from '../store/store.ts';
import { BufferPool } from './buffer-pool.ts';
import { ByteBudget } from './byte-budget.ts';
import { ChunkMemory } from './chunk-memory.ts';
import { readByRanges } from './ranges.ts';

export interface FetchOptions {
  readonly downloads: number;
  readonly downloadBytes: number;
  readonly limits: Limits;
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Shared with others that follow; without it there is one of `downloadBytes`. */
  readonly budget?: ByteBudget | undefined;
  /** Called once, when nothing more will be acquired of the budget. */
  readonly onAllAcquired?: (() => void) | undefined;
  /**
   * Makes the memory that bodies are scanned in, of which `limit` bytes are kept: that of files of this machine, and of large
   * objects. With it a chunk of a large one that is not compressed stays as it is only until the next one is asked for.
   */
  readonly scanPool?: (limit: number) => BufferPool;
}

export interface FetchedObject {
  readonly object: ObjectInfo;
  /** Decompressed chunks, or why there are none. Only a streamed body can still fail half-way, with ObjectFault. */
  readonly body: AsyncIterable<Uint8Array> | { readonly error: unknown };
}

/** Reading an object failed: a fault of that object, as opposed to one of the warehouse or of this program. */
export class ObjectFault extends Error {
  override readonly name = 'ObjectFault';
  constructor(uri: string, cause: unknown) {
    super(`cannot read ${uri}`, { cause });
  }
}

/** An object has more records that cannot be rows than `limits.rejected_records`: it is hardly a log of this source. */
export class TooManyRejected extends Error {
  override readonly name = 'TooManyRejected';
  readonly code = 'too_many_rejected';
  constructor(uri: string, { rejectedRecords }: Pick<Limits, 'rejectedRecords'>) {
    super(
      `more than limits.rejected_records (${rejectedRecords}) records of the object would be quarantined; raise the limit if the object is to be trusted, or keep it out of the source: ${uri}`,
    );
  }
}

/** Stored bytes above which an object is streamed instead of being held whole. */
const wholeBytes = 16 << 20;
/**
 * Bytes of bodies read ahead from this machine's disk, and above which one is streamed where there is memory for it: they come at
 * once, and what has just been read is in the processor's cache.
 */
const localBytes = 4 << 20;
/** Stored bytes of objects after which downloads and uploads get a turn, however many of them are there already. */
const turnBytes = 512 << 10;
/** Stored bytes up to which gzip and zstd are decompressed whole. */
const mostInOne = 1 << 20;
/** Decompressed bytes up to which an object is held whole. */
const wholeDecompressedBytes = 64 << 20;

export async function* fetchObjects(
  store: ObjectStore,
  objects: readonly ObjectInfo[],
  options: FetchOptions,
): AsyncGenerator<FetchedObject> {
  const { limits, sleep } = options;
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const reading = { sleep, signal };
  const limit = pLimit(options.downloads);
  const isLocal = objects.every(isFile);
  const mostWhole = Math.min(isLocal && options.scanPool ? localBytes : wholeBytes, options.downloadBytes);
  const isSmall = (object: ObjectInfo): boolean => object.size <= mostWhole;
  const isRanged = (object: ObjectInfo): boolean => !isSmall(object) && !isFile(object);
  const hasRanges = objects.some(isRanged);
  // Ranges are read beside whole objects, and share their memory with them.
  const bytesOfAll = hasRanges ? options.downloadBytes / 2 : options.downloadBytes;
  const wholesBytes = isLocal ? Math.min(bytesOfAll, localBytes) : bytesOfAll;
  const budget = (isLocal || hasRanges ? undefined : options.budget) ?? new ByteBudget(wholesBytes);
  let toAcquire = objects.filter(isSmall).length;
  const scanPool = options.scanPool?.(wholesBytes);
  const pool = (isLocal ? scanPool : undefined) ?? new BufferPool(wholesBytes);

  const download = async (object: ObjectInfo): Promise<Whole> => {
    let release: (() => void) | undefined;
    let bytes: Buffer | undefined;
    try {
      release = await budget.acquire(object.size, signal);
      if (--toAcquire === 0) options.onAllAcquired?.();
      bytes = pool.acquire(object.size);
      return { bytes: await readWhole(store, object, { ...reading, into: bytes }), release };
    } catch (error) {
      if (bytes !== undefined) pool.release(bytes);
      release?.();
      return { error };
    }
  };
  const decompress = async (whole: Promise<Whole>): Promise<OpenedBody> => {
    const { bytes, error, release } = await whole;
    if (bytes === undefined) return { error };
    const giveBack = (): void => pool.release(bytes);
    try {
      if (bytes.length > mostInOne && compressionOf(bytes) !== 'none')
        return open(once(bytes), bytes.length, undefined, giveBack);
      const decompressed = await decompressWhole(bytes, {
        ...limits,
        objectBytes: Math.min(limits.objectBytes, wholeDecompressedBytes),
      });
      if (decompressed === bytes) return held(once(bytes), giveBack);
      giveBack();
      return held(once(decompressed), () => discard(decompressed));
    } catch (error) {
      const isLarge = error instanceof ObjectError && error.code === 'too_large';
      if (isLarge && limits.objectBytes > wholeDecompressedBytes)
        return open(once(bytes), bytes.length, undefined, giveBack);
      giveBack();
      return { error };
    } finally {
      release?.();
    }
  };

  const downloads = new Map<number, Promise<Whole>>();
  let requested = 0;
  const requestAhead = (index: number): void => {
    const ahead = Math.min(objects.length, index + options.downloads * 2);
    for (; requested < ahead; requested++) {
      const object = objects[requested]!;
      if (isSmall(object)) downloads.set(requested, limit(download, object));
    }
  };
  const bodies = new Map<number, Promise<OpenedBody>>();
  const openAhead = (index: number): void => {
    const object = objects[index];
    if (object === undefined || bodies.has(index)) return;
    const whole = downloads.get(index);
    downloads.delete(index);
    if (whole !== undefined) bodies.set(index, decompress(whole));
    else if (isRanged(object)) bodies.set(index, Promise.resolve(stream(object, index)));
  };
  /** From elsewhere the first bytes are on their way from now on. */
  const stream = (object: ObjectInfo, index: number): OpenedBody => {
    const memory = scanPool && new ChunkMemory(scanPool);
    const chunks = isFile(object)
      ? ahead(readObject(store, object, { ...reading, ...(memory && { memory: () => memory.next() }) }), 1)
      : begun(
          readByRanges(store, object, {
            ...reading,
            ...(memory && { memory: (bytes) => memory.lend(bytes) }),
            windowBytes: options.downloadBytes / 2,
            onNearEnd: () => openAhead(index + 1),
          }),
        );
    // One that nobody has begun to read may be on its way all the same.
    return open(chunks, object.size, memory, () => void chunks.return(undefined).finally(() => memory?.release()));
  };
  const open = (
    chunks: AsyncIterable<Uint8Array>,
    bytes: number,
    memory: ChunkMemory | undefined,
    release: () => void,
  ): HeldBody => {
    if (scanPool === undefined) return held(openBody(chunks, limits, { bytes }), release);
    const decompressed = new ChunkMemory(scanPool);
    return held(openBody(chunks, limits, { bytes, rooms: [memory, decompressed] }), () => {
      decompressed.release();
      release();
    });
  };

  let sinceTurn = 0;
  let current: OpenedBody | undefined;
  try {
    for (const [index, object] of objects.entries()) {
      sinceTurn += object.size;
      if (sinceTurn >= turnBytes) {
        sinceTurn = 0;
        await nextTurn();
      }
      signal.throwIfAborted();
      requestAhead(index);
      openAhead(index);
      const body = await (bodies.get(index) ?? stream(object, index));
      bodies.delete(index);
      current = body;
      // Of two that are read by ranges, the first one opens the second when it needs less.
      if (!isRanged(object)) openAhead(index + 1);
      yield { object, body: 'error' in body ? body : faultsOf(object, body) };
      // A reader that asks for the next object is done with this one.
      letGo(body);
      current = undefined;
    }
  } finally {
    stop.abort();
    limit.clearQueue();
    if (current !== undefined) letGo(current);
    for (const body of bodies.values()) void body.then(letGo);
    for (const whole of downloads.values()) {
      void whole.then(({ bytes, release }) => {
        if (bytes !== undefined) pool.release(bytes);
        release?.();
      });
    }
    pool.close();
  }
}

const isFile = ({ uri }: ObjectInfo): boolean => uri.startsWith('file:');

interface Whole {
  readonly bytes?: Buffer;
  readonly error?: unknown;
  readonly release?: () => void;
}

async function* faultsOf(object: ObjectInfo, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new ObjectFault(object.uri, error);
  }
}

type OpenedBody = FetchedObject['body'] | HeldBody;

/** A body in memory that can be used again, or be free, before some garbage collection. */
type HeldBody = AsyncIterable<Uint8Array> & { readonly release: () => void };

const held = (chunks: AsyncGenerator<Uint8Array>, release: () => void): HeldBody => Object.assign(chunks, { release });

function letGo(body: OpenedBody): void {
  if ('release' in body) body.release();
}

/** Gives memory back, unless it is part of Node's pool. */
function discard({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
