/**
 * Keeps the bytes of small immutable files (manifests, ledger files) that are read again and again, those that were written
 * through it included; least recently used first out. Who asks for one that is on its way already gets the same.
 */
import type { GetOptions, ObjectBody, ObjectInfo, ObjectStore, PutOptions } from './store.ts';
import { storeWith } from './store-with.ts';

const maxFileBytes = 8 << 20;
/** Of those that are kept as they are written. */
const maxWrittenBytes = 1 << 20;
const immutable = /\.(avro|parquet)$/;
/** Manifests and lists of them. */
const manifests = /\.avro$/;

/** The same for manifests alone, which the parts of a job or of an answer read one after another: 16 MiB of them. */
export const cachedManifests = (store: ObjectStore): ObjectStore => cachedReads(store, manifests, 16 << 20);

interface Kept {
  readonly info: ObjectInfo;
  readonly bytes: Uint8Array;
}

export function cachedReads(store: ObjectStore, files = immutable, maxBytes = 64 << 20): ObjectStore {
  const kept = new Map<string, Kept>();
  const coming = new Map<string, Promise<Kept | undefined>>();
  const large = new Set<string>();
  let total = 0;

  const remember = (info: ObjectInfo, bytes: Uint8Array): void => {
    forget(info.uri);
    kept.set(info.uri, { info, bytes });
    total += bytes.length;
    for (const [oldest, dropped] of kept) {
      if (total <= maxBytes) break;
      kept.delete(oldest);
      total -= dropped.bytes.length;
    }
  };

  const forget = (uri: string): void => {
    total -= kept.get(uri)?.bytes.length ?? 0;
    kept.delete(uri);
  };

  const hit = (uri: string): Kept | undefined => {
    const body = kept.get(uri);
    if (body !== undefined) {
      kept.delete(uri);
      kept.set(uri, body);
    }
    return body;
  };

  /** undefined where it cannot be kept. */
  const load = async (uri: string): Promise<Kept | undefined> => {
    const opened = await store.get(uri);
    if (opened.info.size > maxFileBytes) {
      await opened.chunks[Symbol.asyncIterator]().return?.();
      large.add(uri);
      return undefined;
    }
    const parts: Uint8Array[] = [];
    for await (const chunk of opened.chunks) parts.push(chunk);
    const bytes = Buffer.concat(parts);
    // A body that broke off is the reader's to resume, not to be kept.
    if (bytes.length !== opened.info.size) return undefined;
    remember(opened.info, bytes);
    return { info: opened.info, bytes };
  };

  const loadOnce = (uri: string): Promise<Kept | undefined> => {
    const underWay = coming.get(uri);
    if (underWay !== undefined) return underWay;
    const loading = load(uri).finally(() => coming.delete(uri));
    coming.set(uri, loading);
    return loading;
  };

  const get = async (uri: string, options?: GetOptions): Promise<ObjectBody> => {
    if (!files.test(uri) || large.has(uri)) return store.get(uri, options);
    const body = hit(uri) ?? (await loadOnce(uri));
    if (body === undefined) return store.get(uri, options);
    const [start, end] = options?.range ?? [0, body.bytes.length];
    return { info: body.info, chunks: only(body.bytes.subarray(start, end)) };
  };

  const put = async (uri: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions) => {
    const written = await store.put(uri, body, options);
    const size = body instanceof Uint8Array ? body.length : body.reduce((sum, chunk) => sum + chunk.length, 0);
    if (files.test(uri) && size <= maxWrittenBytes) {
      // A copy: what the caller does with its bytes afterwards is its own affair.
      const bytes = Buffer.concat(body instanceof Uint8Array ? [body] : body);
      remember({ uri, size, etag: written.etag, lastModified: Date.now() }, bytes);
    }
    return written;
  };

  return storeWith(store, {
    put,
    get,
    async delete(uri) {
      await store.delete(uri);
      forget(uri);
    },
  });
}

const only = (bytes: Uint8Array): AsyncIterable<Uint8Array> => ({
  async *[Symbol.asyncIterator]() {
    yield bytes;
  },
});
