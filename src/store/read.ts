import { type ObjectBody, type ObjectInfo, type ObjectStore, StoreError } from './store.ts';

/**
 * Reads whole objects: every byte once, in order, of exactly the version that `info` names, or an error; never a
 * shorter or a mixed body. A body that breaks off is taken up again by range from the byte reached.
 */
export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Failures in a row, without a MiB read between them, after which to give up. Default 5. */
  readonly retries?: number;
  /** Waits that many milliseconds; rejects early when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  /** Memory for the whole object, as in GetOptions. */
  readonly into?: Buffer;
}

const progressBytes = 1 << 20;
const firstDelay = 100;
const longestDelay = 5000;

/**
 * Throws StoreError: precondition-failed where the object has changed since `info`, not-found where it is gone,
 * access-denied, transient where the retries are used up, other where it is not of the size that `info` says.
 */
export async function* readObject(
  store: ObjectStore,
  info: ObjectInfo,
  options: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, retries = 5, sleep, into } = options;
  let position = 0;
  let failures = 0;
  let failedAt = 0;
  for (;;) {
    let failure: unknown;
    const body = await open(store, info, position, signal, into);
    if (body instanceof StoreError) failure = body;
    else {
      try {
        for await (const chunk of body.chunks) {
          position += chunk.length;
          if (position > info.size) {
            throw new StoreError(
              'other',
              info.uri,
              `the object gave more than the ${info.size} bytes it was listed with`,
            );
          }
          yield chunk;
        }
      } catch (error) {
        if (error instanceof StoreError && error.code !== 'transient') throw error;
        failure = error;
      }
    }
    signal?.throwIfAborted();
    if (position === info.size && !(body instanceof StoreError)) return;
    if (position - failedAt >= progressBytes) failures = 0;
    failedAt = position;
    failures += 1;
    if (failures > retries) {
      const message = `reading broke off ${failures} times, last after ${position} of ${info.size} bytes`;
      throw new StoreError('transient', info.uri, message, { cause: failure });
    }
    await sleep(Math.min(firstDelay * 2 ** (failures - 1), longestDelay), signal);
  }
}

/** The whole object, in `into` where that is given, as long as the object. Throws as readObject does. */
export async function readWhole(store: ObjectStore, info: ObjectInfo, options: ReadOptions): Promise<Buffer> {
  const whole = options.into ?? Buffer.allocUnsafeSlow(info.size);
  let position = 0;
  for await (const chunk of readObject(store, info, { ...options, into: whole })) {
    const isInPlace = chunk.buffer === whole.buffer && chunk.byteOffset === whole.byteOffset + position;
    if (!isInPlace) whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}

/** The body from `position` on, or the transient error for which there is none now. */
async function open(
  store: ObjectStore,
  info: ObjectInfo,
  position: number,
  signal: AbortSignal | undefined,
  into: Buffer | undefined,
): Promise<ObjectBody | StoreError> {
  try {
    return await store.get(info.uri, {
      ifMatch: info.etag,
      ...(position > 0 && { range: [position, info.size] as const }),
      ...(signal && { signal }),
      ...(into && { into: into.subarray(position) }),
    });
  } catch (error) {
    if (error instanceof StoreError && error.code === 'transient') return error;
    throw error;
  }
}
