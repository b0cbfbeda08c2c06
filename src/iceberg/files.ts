import type { ObjectStore } from '../store/store.ts';

/** Bodies broken off are read anew from the start: metadata files are small. */
const attempts = 3;

/** Reads a metadata file whole: manifest, manifest list or table metadata. Throws the store's own error. */
export async function readFile(store: ObjectStore, uri: string): Promise<Buffer> {
  for (let attempt = 1; ; attempt++) {
    const { info, chunks } = await store.get(uri);
    const parts: Uint8Array[] = [];
    let failure: unknown;
    try {
      for await (const chunk of chunks) parts.push(chunk);
    } catch (error) {
      failure = error;
    }
    const bytes = Buffer.concat(parts);
    if (failure === undefined && bytes.length === info.size) return bytes;
    if (attempt === attempts)
      throw failure ?? new Error(`${uri}: reading gave ${bytes.length} of ${info.size} bytes, ${attempts} times over`);
  }
}

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
