import { createHash } from 'node:crypto';
import { compareText } from '../text/order.ts';
import {
  type GetOptions,
  type ListOptions,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  StoreError,
} from './store.ts';
import { parseObjectUri, parseUri } from './uri.ts';

/**
 * Objects in memory (`memory://name/key`), for tests and for trying things out: conditional writes, ETags and errors
 * as S3 has them. It is also the seam for fault tests: `before` and `after` are awaited around every operation, so
 * that a test can let a job die at its k-th call, delay it, or let another writer in between.
 */
export class MemoryStore implements ObjectStore {
  readonly #objects: Map<string, StoredObject>;
  readonly #hooks: MemoryHooks;
  readonly #now: () => number;
  #calls = 0;

  constructor(hooks: MemoryHooks = {}, now: () => number = Date.now, sharing?: MemoryStore) {
    this.#objects = sharing === undefined ? new Map() : sharing.#objects;
    this.#hooks = hooks;
    this.#now = now;
  }

  /** Another store on the same objects with its own hooks and its own count: a second process, so to speak. */
  view(hooks: MemoryHooks = {}): MemoryStore {
    return new MemoryStore(hooks, this.#now, this);
  }

  /** A store of its own with the same objects. */
  copy(): MemoryStore {
    const copy = new MemoryStore({}, this.#now);
    for (const [uri, stored] of this.#objects) copy.#objects.set(uri, stored);
    return copy;
  }

  /** Operations begun so far. */
  get calls(): number {
    return this.#calls;
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    parseUri(prefix);
    const { startAfter } = options;
    const infos = await this.#around('list', prefix, () =>
      [...this.#objects]
        .filter(([uri]) => uri.startsWith(prefix) && (startAfter === undefined || compareText(uri, startAfter) > 0))
        .sort(([a], [b]) => compareText(a, b))
        .map(([uri, stored]) => infoOf(uri, stored)),
    );
    yield* this.#hooks.listing?.(infos) ?? infos;
  }

  async *listFolders(prefix: string): AsyncIterable<string> {
    parseUri(prefix);
    const names = await this.#around('list', prefix, () =>
      [...this.#objects.keys()].flatMap((uri) => {
        const end = uri.startsWith(prefix) ? uri.indexOf('/', prefix.length) : -1;
        return end < 0 ? [] : [uri.slice(0, end + 1)];
      }),
    );
    yield* new Set(names);
  }

  async head(uri: string): Promise<ObjectInfo | undefined> {
    parseObjectUri(uri);
    return this.#around('head', uri, () => {
      const stored = this.#objects.get(uri);
      return stored && infoOf(uri, stored);
    });
  }

  async get(uri: string, options: GetOptions = {}): Promise<ObjectBody> {
    parseObjectUri(uri);
    return this.#around('get', uri, () => {
      options.signal?.throwIfAborted();
      const stored = this.#objects.get(uri);
      if (stored === undefined) throw new StoreError('not-found', uri, 'cannot read an object that does not exist');
      if (options.ifMatch !== undefined && options.ifMatch !== stored.etag) {
        throw new StoreError('precondition-failed', uri, `cannot read version ${options.ifMatch}, the object changed`);
      }
      const [start, end] = options.range ?? [0, stored.bytes.length];
      const bytes = stored.bytes.subarray(start, Math.max(start, end));
      return { info: infoOf(uri, stored), chunks: chunksOf(bytes, options.signal) };
    });
  }

  async put(
    uri: string,
    body: Uint8Array | readonly Uint8Array[],
    options: PutOptions = {},
  ): Promise<{ readonly etag: string }> {
    parseObjectUri(uri);
    // Copied at once: the caller may use its buffers again as soon as the promise is there.
    const bytes = Buffer.concat(body instanceof Uint8Array ? [body] : body);
    return this.#around('put', uri, () => {
      const current = this.#objects.get(uri);
      if (options.ifNoneMatch !== undefined && current !== undefined) {
        throw new StoreError('precondition-failed', uri, 'cannot create an object that exists already');
      }
      if (options.ifMatch !== undefined && options.ifMatch !== current?.etag) {
        throw new StoreError(
          'precondition-failed',
          uri,
          `cannot replace version ${options.ifMatch}, the object changed`,
        );
      }
      const etag = createHash('md5').update(bytes).digest('hex');
      this.#objects.set(uri, { bytes, etag, lastModified: this.#now() });
      return { etag };
    });
  }

  async delete(uri: string): Promise<void> {
    parseObjectUri(uri);
    await this.#around('delete', uri, () => {
      this.#objects.delete(uri);
    });
  }

  /** The effect itself is synchronous, hence atomic: what `before` and `after` await cannot get inside of it. */
  async #around<T>(operation: MemoryCall['operation'], uri: string, effect: () => T): Promise<T> {
    this.#calls += 1;
    const call: MemoryCall = { index: this.#calls, operation, uri };
    await this.#hooks.before?.(call);
    try {
      return effect();
    } finally {
      await this.#hooks.after?.(call);
    }
  }
}

/** One operation, as the hooks see it. */
export interface MemoryCall {
  /** 1 for the first operation of this store. */
  readonly index: number;
  readonly operation: 'list' | 'head' | 'get' | 'put' | 'delete';
  /** Of the object; of a listing, its prefix. */
  readonly uri: string;
}

export interface MemoryHooks {
  /** What it throws is thrown instead of doing the operation. */
  readonly before?: (call: MemoryCall) => void | Promise<void>;
  /** What a listing gives instead of this, ascending by key: another order, a key twice. */
  readonly listing?: (objects: readonly ObjectInfo[]) => readonly ObjectInfo[];
  /** Runs after the effect, or after its failure; what it throws hides that from the caller. */
  readonly after?: (call: MemoryCall) => void | Promise<void>;
}

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly lastModified: number;
}

const chunkBytes = 64 * 1024;

async function* chunksOf(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    signal?.throwIfAborted();
    yield Uint8Array.prototype.slice.call(bytes, at, at + chunkBytes);
  }
}

const infoOf = (uri: string, { bytes, etag, lastModified }: StoredObject): ObjectInfo => ({
  uri,
  size: bytes.length,
  etag,
  lastModified,
});
