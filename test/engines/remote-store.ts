/** s3://bucket/… kept in a folder of this machine, for files that an engine has to fetch; every read is written down. */
import { LocalStore } from '../../src/store/local.ts';
import type { GetOptions, ObjectInfo, ObjectStore } from '../../src/store/store.ts';

export interface Read {
  readonly uri: string;
  readonly range: GetOptions['range'];
}

export interface RemoteStore {
  readonly store: ObjectStore;
  readonly root: string;
  readonly reads: Read[];
}

export function remoteStore(folder: string): RemoteStore {
  const local = new LocalStore();
  const there = (uri: string): string => uri.replace('s3://bucket', `file://${folder}`);
  const back = (info: ObjectInfo): ObjectInfo => ({
    ...info,
    uri: info.uri.replace(`file://${folder}`, 's3://bucket'),
  });
  const reads: Read[] = [];
  const store: ObjectStore = {
    async *list(prefix, options) {
      const after = options?.startAfter === undefined ? {} : { startAfter: there(options.startAfter) };
      for await (const info of local.list(there(prefix), after)) yield back(info);
    },
    async *listFolders(prefix) {
      for await (const uri of local.listFolders(there(prefix))) yield uri.replace(`file://${folder}`, 's3://bucket');
    },
    head: async (uri) => {
      const info = await local.head(there(uri));
      return info && back(info);
    },
    async get(uri, options) {
      reads.push({ uri, range: options?.range });
      const body = await local.get(there(uri), options);
      return { info: back(body.info), chunks: body.chunks };
    },
    put: (uri, body, options) => local.put(there(uri), body, options),
    delete: (uri) => local.delete(there(uri)),
  };
  return { store, root: 's3://bucket', reads };
}
