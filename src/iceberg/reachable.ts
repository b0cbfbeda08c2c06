/** Which files a table needs (Iceberg spec, "Table Metadata Fields"): everything else under its location is an orphan. */

import { canonical } from '../store/places.ts';
import type { ObjectStore } from '../store/store.ts';
import { mapAhead } from './files.ts';
import { deleted } from './manifest.ts';
import type { ManifestFile } from './manifest-list.ts';
import type { Snapshot, TableMetadata } from './metadata.ts';
import { openManifests, readManifestList } from './scan.ts';

const manifestsAhead = 8;

/**
 * Paths of all files that some snapshot of the metadata reaches, no matter who wrote them: manifest lists, manifests, data
 * and delete files, statistics; and the earlier metadata files of its log. Not the current metadata file itself.
 */
export async function reachableFiles(store: ObjectStore, metadata: TableMetadata): Promise<Set<string>> {
  const files = new Set(metadata['metadata-log'].map((entry) => canonical(entry['metadata-file'])));
  for (const bound of [...(metadata.statistics ?? []), ...(metadata['partition-statistics'] ?? [])]) {
    const path = bound['statistics-path'];
    if (typeof path === 'string') files.add(canonical(path));
  }
  const manifests = new Map<string, ManifestFile>();
  const lists = mapAhead(metadata.snapshots, manifestsAhead, async (snapshot: Snapshot) => ({
    path: snapshot['manifest-list'],
    manifests: await readManifestList(store, snapshot),
  }));
  for await (const list of lists) {
    files.add(canonical(list.path));
    for (const manifest of list.manifests) manifests.set(canonical(manifest.path), manifest);
  }
  for (const path of manifests.keys()) files.add(path);
  for await (const { manifest } of openManifests(store, [...manifests.values()])) {
    // What is marked deleted is left to the manifests of the snapshots that still have it.
    for (const entry of manifest.entries) if (entry.status !== deleted) files.add(canonical(entry.file.path));
  }
  return files;
}
