import type { ObjectStore } from './store.ts';

/** The same store, but for these of its operations. */
export const storeWith = (store: ObjectStore, others: Partial<ObjectStore>): ObjectStore => ({
  list: (prefix, options) => store.list(prefix, options),
  listFolders: (prefix) => store.listFolders(prefix),
  head: (uri) => store.head(uri),
  get: (uri, options) => store.get(uri, options),
  put: (uri, body, options) => store.put(uri, body, options),
  delete: (uri) => store.delete(uri),
  ...others,
});
