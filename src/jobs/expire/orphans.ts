/**
 * Files under a table's location that nothing needs: left by attempts that lost or died, and by snapshots that were
 * expired. A file is an orphan where no snapshot reaches it, no open work will commit it, and it is older than the grace
 * period, within which its writer may still be about to commit it.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { reachableFiles } from '../../iceberg/reachable.ts';
import { canonical } from '../../store/places.ts';
import type { ObjectInfo, ObjectStore } from '../../store/store.ts';

/** Candidates, to be listed before the newest metadata is read: what is committed in between is then seen as needed. */
export async function listCandidates(store: ObjectStore, location: string, before: number): Promise<ObjectInfo[]> {
  const inFolder = async (folder: string): Promise<ObjectInfo[]> => {
    const candidates: ObjectInfo[] = [];
    for await (const info of store.list(`${location}/${folder}/`))
      if (info.lastModified < before && removable(info.uri)) candidates.push(info);
    return candidates;
  };
  return (await Promise.all(['data', 'metadata'].map(inFolder))).flat();
}

export async function orphansAmong(
  store: ObjectStore,
  candidates: readonly ObjectInfo[],
  table: LoadedTable,
  unfinished: ReadonlySet<string>,
): Promise<ObjectInfo[]> {
  if (candidates.length === 0) return [];
  const needed = await reachableFiles(store, table.metadata);
  needed.add(canonical(table.metadataLocation));
  for (const path of unfinished) needed.add(canonical(path));
  return candidates.filter(({ uri }) => !needed.has(canonical(uri)));
}

/**
 * Only files of the kinds that a table is made of. The numbered metadata files of a catalog without a server are never
 * removed: that their names are taken is what tells a writer that was asleep that it is late (catalog/file.ts).
 */
const removable = (uri: string): boolean => {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  return /\.(parquet|orc|avro|puffin|stats)$|\.metadata\.json(\.gz)?$/.test(name) && !/^v\d+\./.test(name);
};
