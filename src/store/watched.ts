/** The same store, telling of everything that moves: a call that came to an end, a piece of a body that came in. */
import type { GetOptions, ListOptions, ObjectStore, PutOptions } from './store.ts';

export function watchedStore(store: ObjectStore, onMove: () => void): ObjectStore {
  const told = <T>(call: Promise<T>): Promise<T> => call.finally(onMove);
  async function* each<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const item of items) {
      onMove();
      yield item;
    }
  }
  return {
    list: (prefix: string, options?: ListOptions) => each(store.list(prefix, options)),
    listFolders: (prefix: string) => each(store.listFolders(prefix)),
    head: (uri: string) => told(store.head(uri)),
    async get(uri: string, options?: GetOptions) {
      const { info, chunks } = await told(store.get(uri, options));
      return { info, chunks: each(chunks) };
    },
    put: (uri: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions) =>
      told(store.put(uri, body, options)),
    delete: (uri: string) => told(store.delete(uri)),
  };
}
