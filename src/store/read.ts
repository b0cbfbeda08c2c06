import { type RunningChecksum, startChecksum } from './checksum.ts';
import { isTransient, Patience, type RetryOptions, retried } from './retry.ts';
import {
  ChecksumMismatch,
  DamagedObject,
  type GetOptions,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  StoreError,
} from './store.ts';

/**
 * Reads that come to their end: every byte once, in order, of exactly one version, or an error; never a shorter or a
 * mixed body, nor one that does not match the checksum that its store sends of it. A body that breaks off, or that cannot be opened for a while, is taken up again by range from the byte
 * reached. The store of the runtime reads everything so (`openSteadily`), and source objects are read by it too
 * (`readObject`), with what is known of them from their listing.
 */
export interface ReadOptions extends RetryOptions {
  /** Memory for the whole object, as in GetOptions. */
  readonly into?: Buffer;
  /** Memory for each chunk, as in GetOptions. */
  readonly memory?: GetOptions['memory'];
}

const progressBytes = 1 << 20;

/** Opens an object as `get` of a store does, for a body that is taken up again where it breaks off. */
export async function openSteadily(
  store: ObjectStore,
  uri: string,
  options: GetOptions,
  retry: RetryOptions,
): Promise<ObjectBody> {
  const body = await retried(() => store.get(uri, options), retry);
  const { info } = body;
  const [start, end] = options.range ?? [0, info.size];
  const { into, memory } = options;
  const part = { uri, etag: info.etag, start, end: Math.min(end, info.size), into, memory };
  return { info, chunks: steadyChunks(store, part, retry, body) };
}

/**
 * Throws StoreError: precondition-failed where the object has changed since `info`, not-found where it is gone,
 * access-denied, transient where the retries are used up, other where it is not of the size that `info` says.
 */
export async function* readObject(
  store: ObjectStore,
  { uri, etag, size }: ObjectInfo,
  { into, memory, ...retry }: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* steadyChunks(store, { uri, etag, start: 0, end: size, isWhole: true, into, memory }, retry);
}

/** Reads of an object whose bytes do not match their checksum, after which it is given up. */
const damagedReads = 3;

/** The whole object, in `into` where that is given, as long as the object. Throws as readObject does. */
export async function readWhole(store: ObjectStore, info: ObjectInfo, options: ReadOptions): Promise<Buffer> {
  const whole = options.into ?? Buffer.allocUnsafeSlow(info.size);
  for (let attempt = 1; ; attempt++) {
    try {
      return await gather(whole, readObject(store, info, { ...options, into: whole }));
    } catch (error) {
      if (!(error instanceof ChecksumMismatch) || attempt === damagedReads) throw error;
    }
  }
}

/** Chunks, some of which may be in their place already. */
async function gather(into: Buffer, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  let position = 0;
  for await (const chunk of chunks) {
    const isInPlace = chunk.buffer === into.buffer && chunk.byteOffset === into.byteOffset + position;
    if (!isInPlace) into.set(chunk, position);
    position += chunk.length;
  }
  return into;
}

/** Bytes [start, end) of the object, read by a range of their own, in `into` where that is given. Throws as readObject does. */
export async function readRange(
  store: ObjectStore,
  { uri, etag }: ObjectInfo,
  [start, end]: readonly [start: number, end: number],
  { into, ...retry }: RetryOptions & Pick<ReadOptions, 'into'>,
): Promise<Buffer> {
  const bytes = into ?? Buffer.allocUnsafeSlow(end - start);
  return gather(bytes, steadyChunks(store, { uri, etag, start, end, into: bytes }, retry));
}

/** Bytes [start, end) of one version. */
interface Part {
  readonly uri: string;
  readonly etag: string;
  readonly start: number;
  readonly end: number;
  /** All of the object, so that it is first asked for without a range. */
  readonly isWhole?: boolean;
  readonly into: Uint8Array | undefined;
  readonly memory?: GetOptions['memory'];
}

async function* steadyChunks(
  store: ObjectStore,
  { uri, etag, start, end, isWhole = false, into, memory }: Part,
  retry: RetryOptions,
  opened?: ObjectBody,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = retry;
  const patience = new Patience(retry);
  let position = start;
  let renewedAt = start;
  const open = (): Promise<ObjectBody> =>
    store.get(uri, {
      ifMatch: etag,
      once: true,
      ...((position > start || !isWhole) && { range: [position, end] as const }),
      ...(signal && { signal }),
      ...(into && { into: into.subarray(position - start) }),
      ...(memory && { memory }),
    });
  let checksum: ExpectedChecksum | undefined;
  for (let body = opened; ; body = undefined) {
    let failure: unknown;
    let isOpen = body !== undefined;
    try {
      body ??= await open();
      isOpen = true;
      if (position === start) checksum = expectedOf(body, start, end);
      for await (const chunk of body.chunks) {
        position += chunk.length;
        if (position > end)
          throw new DamagedObject(uri, `the object gave more than the ${end - start} bytes it was listed with`);
        checksum?.running.update(chunk);
        yield chunk;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isOpen ? error instanceof StoreError && error.code !== 'transient' : !isTransient(error)) throw error;
      failure = error;
    }
    signal?.throwIfAborted();
    if (isOpen && position >= end) {
      if (checksum !== undefined && checksum.running.value() !== checksum.value) throw new ChecksumMismatch(uri);
      return;
    }
    if (position - renewedAt >= progressBytes) patience.renew();
    renewedAt = position;
    await patience.after(
      (failures) =>
        new StoreError(
          'transient',
          uri,
          `reading broke off ${failures} times, last after ${position - start} of ${end - start} bytes`,
          { cause: failure },
        ),
    );
  }
}

interface ExpectedChecksum {
  readonly value: string;
  readonly running: RunningChecksum;
}

/** Only where all of the object is read. */
function expectedOf({ info, checksum }: ObjectBody, start: number, end: number): ExpectedChecksum | undefined {
  if (checksum === undefined || start !== 0 || end < info.size) return undefined;
  return { value: checksum.value, running: startChecksum(checksum.algorithm) };
}
