import { setTimeout as sleep } from 'node:timers/promises';
import { compareText } from '../text/order.ts';
import { distinct } from './distinct.ts';
import { openSteadily } from './read.ts';
import { type RetryOptions, retried } from './retry.ts';
import {
  type GetOptions,
  type ListOptions,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  StoreError,
} from './store.ts';
import { parseUri } from './uri.ts';

/**
 * One store over several: each call goes to the adapter of its URI's scheme. The store of the runtime, so that what holds
 * for it holds everywhere: a listing gives every object once, and reads that break off are taken up again.
 */
export class RoutedStore implements ObjectStore {
  readonly #stores: ReadonlyMap<string, ObjectStore>;
  readonly #retry: RetryOptions;

  /** Adapters by scheme, such as `{ s3, file }`. */
  constructor(stores: Readonly<Record<string, ObjectStore>>, retry: RetryOptions = { sleep: pause }) {
    this.#stores = new Map(Object.entries(stores));
    this.#retry = retry;
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    const { onOddity, ...asked } = options;
    const { startAfter } = asked;
    const listing = this.#storeFor(prefix).list(prefix, asked);
    for await (const object of distinct(listing, onOddity))
      if (startAfter === undefined || compareText(object.uri, startAfter) > 0) yield object;
  }

  async *listFolders(prefix: string): AsyncIterable<string> {
    yield* this.#storeFor(prefix).listFolders(prefix);
  }

  async head(uri: string): Promise<ObjectInfo | undefined> {
    const store = this.#storeFor(uri);
    return retried(() => store.head(uri), this.#retry);
  }

  async get(uri: string, options: GetOptions = {}): Promise<ObjectBody> {
    const store = this.#storeFor(uri);
    if (options.once === true) return store.get(uri, options);
    const { signal } = options;
    return openSteadily(store, uri, options, { ...this.#retry, ...(signal && { signal }) });
  }

  async put(
    uri: string,
    body: Uint8Array | readonly Uint8Array[],
    options?: PutOptions,
  ): Promise<{ readonly etag: string }> {
    return this.#storeFor(uri).put(uri, body, options);
  }

  async delete(uri: string): Promise<void> {
    return this.#storeFor(uri).delete(uri);
  }

  async *leftovers(prefix: string): AsyncIterable<ObjectInfo> {
    yield* this.#storeFor(prefix).leftovers?.(prefix) ?? [];
  }

  #storeFor(uri: string): ObjectStore {
    const { scheme } = parseUri(uri);
    const store = this.#stores.get(scheme);
    if (store === undefined) {
      const known = [...this.#stores.keys()].map((name) => `${name}://`).join(', ');
      throw new StoreError('invalid-uri', uri, `no store serves ${scheme}:// here, only ${known}`);
    }
    return store;
  }
}

const pause: RetryOptions['sleep'] = (ms, signal) => sleep(ms, undefined, signal && { signal });
