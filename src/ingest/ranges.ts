/**
 * Large objects of a store that is far away, read by several ranges at a time: one connection gives a fraction of what a
 * machine can take, and each request waits for its first byte. Every range names the version it is of, so an object that
 * changes meanwhile fails instead of being mixed from two.
 */
import { mapAhead } from '../iceberg/files.ts';
import { startChecksum } from '../store/checksum.ts';
import { type ReadOptions, readRange } from '../store/read.ts';
import { ChecksumMismatch, type ObjectInfo, type ObjectStore } from '../store/store.ts';

/** Of a range: at 30 ms to the first byte, about as long on its way as it is waited for. */
const rangeBytes = 1 << 20;
/** Ranges that are left to deliver when the next object may be begun. */
const lastRanges = 2;

export interface RangeOptions extends Omit<ReadOptions, 'into' | 'memory'> {
  /** Memory of exactly so many bytes for a range; its own for each without it. */
  readonly memory?: (bytes: number) => Buffer;
  /** Held in memory at a time, at most, but two ranges in any case. */
  readonly windowBytes: number;
  /** Called when nearly all of the object has been delivered. */
  readonly onNearEnd: () => void;
}

/** All bytes of the object in order. Throws as `readObject` does; nothing is read any more once it has ended. */
export async function* readByRanges(
  store: ObjectStore,
  object: ObjectInfo,
  { memory = Buffer.allocUnsafeSlow, windowBytes, onNearEnd, signal, ...retry }: RangeOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const starts = Array.from({ length: Math.ceil(object.size / rangeBytes) }, (_, i) => i * rangeBytes);
  const stop = new AbortController();
  const reading = { ...retry, signal: signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]) };
  const pending = new Set<Promise<unknown>>();
  const read = (start: number): Promise<Buffer> => {
    const end = Math.min(start + rangeBytes, object.size);
    const range = readRange(store, object, [start, end], { ...reading, into: memory(end - start) });
    pending.add(range);
    return range.finally(() => pending.delete(range));
  };
  const expected = checksumOf(store, object);
  const width = Math.max(2, Math.floor(windowBytes / rangeBytes));
  let left = starts.length;
  let running: ReturnType<typeof startChecksum> | undefined;
  try {
    for await (const bytes of mapAhead(starts, width, read)) {
      const checksum = await expected;
      running ??= checksum && startChecksum(checksum.algorithm);
      running?.update(bytes);
      left--;
      if (left <= lastRanges) onNearEnd();
      yield bytes;
    }
  } finally {
    // Its memory is another's afterwards, so nothing may still be read to it.
    stop.abort();
    await Promise.allSettled(pending);
  }
  if (running !== undefined && running.value() !== (await expected)?.value) throw new ChecksumMismatch(object.uri);
}

/** What the store keeps of this very version. Reading does not depend on it: whatever is wrong with the object, its ranges say. */
async function checksumOf(store: ObjectStore, { uri, etag }: ObjectInfo): Promise<ObjectInfo['checksum']> {
  const info = await store.head(uri).catch(() => undefined);
  return info?.etag === etag ? info.checksum : undefined;
}
