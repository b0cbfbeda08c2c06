import { canonical } from '../store/places.ts';
import { ChecksumMismatch, type ObjectInfo, type ObjectStore, StoreError } from '../store/store.ts';

/** A file that is replaced while it is read, as the hint of the file catalog is, or damaged on the way, is read anew. */
const attempts = 3;

/**
 * Reads a metadata file whole: manifest, manifest list or table metadata, however another engine has written its URI
 * (`s3a://`, `file:/`). Throws the store's own error.
 */
export async function readFile(store: ObjectStore, uri: string): Promise<Buffer> {
  return (await readVersion(store, uri)).bytes;
}

/** The same, with what the store says of the version that was read. */
export async function readVersion(
  store: ObjectStore,
  named: string,
): Promise<{ readonly info: ObjectInfo; readonly bytes: Buffer }> {
  const uri = canonical(named);
  for (let attempt = 1; ; attempt++) {
    const { info, chunks } = await store.get(uri);
    const parts: Uint8Array[] = [];
    let replaced: unknown;
    try {
      for await (const chunk of chunks) parts.push(chunk);
    } catch (error) {
      const isReplaced = error instanceof StoreError && error.code === 'precondition-failed';
      if (!isReplaced && !(error instanceof ChecksumMismatch)) throw error;
      replaced = error;
    }
    const bytes = Buffer.concat(parts);
    if (replaced === undefined && bytes.length === info.size) return { info, bytes };
    if (attempt === attempts)
      throw replaced ?? new Error(`${uri}: reading gave ${bytes.length} of ${info.size} bytes, ${attempts} times over`);
  }
}

const askedAtATime = 32;

/** Those of the data files that are not there, or not as long as they were written. */
export async function lostAmong<File extends { readonly path: string; readonly fileSize: number }>(
  store: ObjectStore,
  files: readonly File[],
): Promise<File[]> {
  const lost: File[] = [];
  const heads = mapAhead(files, askedAtATime, async (file) => ({ file, info: await store.head(canonical(file.path)) }));
  for await (const { file, info } of heads) if (info?.size !== file.fileSize) lost.push(file);
  return lost;
}

/** The same as mapAhead, where one that fails stops no other. */
export const mapSettled = <T, R>(items: readonly T[], width: number, map: (item: T) => Promise<R>) =>
  mapAhead(items, width, async (item) => {
    const [result] = await Promise.allSettled([map(item)]);
    return { item, result };
  });

/** Maps in order, at most `width` under way at once. */
export async function* mapAhead<T, R>(
  items: readonly T[],
  width: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  for (let next = 0; next < items.length || pending.length > 0; ) {
    while (next < items.length && pending.length < width) {
      const result = map(items[next++]!);
      // Heard when its turn comes; until then, or if the reader stops early, it must not count as unhandled.
      result.catch(() => undefined);
      pending.push(result);
    }
    yield await pending.shift()!;
  }
}
