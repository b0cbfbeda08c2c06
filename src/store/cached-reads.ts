/** Keeps the bytes of small immutable files (manifests, ledger files) that are read again and again, least recently used first out. */
import type { GetOptions, ObjectBody, ObjectStore } from './store.ts';

const maxFileBytes = 8 << 20;
const maxBytes = 64 << 20;
const immutable = /\.(avro|parquet)$/;

type Kept = ObjectBody & { readonly bytes: Uint8Array };

export function cachedReads(store: ObjectStore): ObjectStore {
  const kept = new Map<string, Kept>();
  const large = new Set<string>();
  let total = 0;

  const remember = (uri: string, bytes: Uint8Array, body: ObjectBody): void => {
    kept.set(uri, { ...body, bytes });
    total += bytes.length;
    for (const [oldest, dropped] of kept) {
      if (total <= maxBytes) break;
      kept.delete(oldest);
      total -= dropped.bytes.length;
    }
  };

  const hit = (uri: string): Kept | undefined => {
    const body = kept.get(uri);
    if (body !== undefined) {
      kept.delete(uri);
      kept.set(uri, body);
    }
    return body;
  };

  const get = async (uri: string, options?: GetOptions): Promise<ObjectBody> => {
    if (!immutable.test(uri) || large.has(uri)) return store.get(uri, options);
    let body = hit(uri);
    if (body === undefined) {
      const opened = await store.get(uri);
      if (opened.info.size > maxFileBytes) {
        await opened.chunks[Symbol.asyncIterator]().return?.();
        large.add(uri);
        return store.get(uri, options);
      }
      const parts: Uint8Array[] = [];
      for await (const chunk of opened.chunks) parts.push(chunk);
      const bytes = Buffer.concat(parts);
      // A body that broke off is the reader's to resume, not to be kept.
      if (bytes.length !== opened.info.size) return store.get(uri, options);
      remember(uri, bytes, opened);
      body = { ...opened, bytes };
    }
    const [start, end] = options?.range ?? [0, body.bytes.length];
    return { info: body.info, chunks: only(body.bytes.subarray(start, end)) };
  };

  return {
    list: (prefix, options) => store.list(prefix, options),
    listFolders: (prefix) => store.listFolders(prefix),
    head: (uri) => store.head(uri),
    put: (uri, body, options) => store.put(uri, body, options),
    delete: (uri) => store.delete(uri),
    get,
  };
}

const only = (bytes: Uint8Array): AsyncIterable<Uint8Array> => ({
  async *[Symbol.asyncIterator]() {
    yield bytes;
  },
});
