/** The catalog's pointer against the metadata files that the warehouse holds. */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { readFile } from '../../iceberg/files.ts';
import { parseMetadata, type TableMetadata } from '../../iceberg/metadata.ts';
import { canonical } from '../../store/places.ts';
import type { ObjectInfo, ObjectStore } from '../../store/store.ts';

export interface StoredMetadata {
  readonly uri: string;
  readonly metadata: TableMetadata;
}

/**
 * The newest metadata of a table where the pointer has been left behind, or is missing; undefined where it is right.
 *
 * Newer is what has a higher sequence number: names say nothing once a table was registered again. A file alone proves
 * nothing (an attempt that died before its swap leaves one); one that another follows was committed, since an attempt is
 * made on what was current. Of files with the highest sequence number the last one of a chain is taken (to go back to a snapshot, or
 * to set a property, takes no new number); where attempts at the same leave several, the last certain one.
 */
export async function newerMetadata(
  store: ObjectStore,
  location: string,
  loaded: LoadedTable | undefined,
): Promise<StoredMetadata | undefined> {
  const candidates = await writtenSince(store, location, loaded);
  const found = await Promise.all(
    candidates.map(async ({ uri }) => ({ uri, metadata: parseMetadata(await readFile(store, uri), uri) })),
  );
  const newer = found
    .filter(({ metadata }) => loaded === undefined || isLaterOf(metadata, loaded.metadata))
    .sort((a, b) => sequenceOf(b) - sequenceOf(a));
  const followed = new Set(found.flatMap(({ metadata }) => pastOf(metadata)));
  const committed = newer.filter(({ uri }) => followed.has(canonical(uri)));
  // A table that no catalog knows has nothing but its files to go by.
  if (committed.length === 0 && loaded !== undefined) return undefined;
  const highest = highestOf(newer);
  const heads = lastOf(highest);
  if (heads.length <= 1) return heads[0];
  // Attempts at the same: that one was committed on which another was made.
  const followers = heads.filter(({ metadata }) =>
    pastOf(metadata).some((uri) => highest.some((one) => canonical(one.uri) === uri)),
  );
  return followers.length === 1 ? followers[0] : lastOf(highestOf(committed))[0];
}

/** Of some in descending order of sequence numbers those with the highest one. */
const highestOf = (some: readonly StoredMetadata[]): StoredMetadata[] =>
  some.filter((one) => sequenceOf(one) === sequenceOf(some[0]!));

/** Those that none of the others names as its past. */
function lastOf(some: readonly StoredMetadata[]): StoredMetadata[] {
  const pasts = new Set(some.flatMap(({ metadata }) => pastOf(metadata)));
  return some.filter(({ uri }) => !pasts.has(canonical(uri)));
}

const pastOf = (metadata: TableMetadata): string[] =>
  metadata['metadata-log'].map((entry) => canonical(entry['metadata-file']));

/** Metadata files not older than the current one, which it does not name as its past; the newest of them. */
async function writtenSince(
  store: ObjectStore,
  location: string,
  loaded: LoadedTable | undefined,
): Promise<ObjectInfo[]> {
  const past = new Set(loaded && pastOf(loaded.metadata));
  const current = loaded && canonical(loaded.metadataLocation);
  let since = 0;
  const files: ObjectInfo[] = [];
  for await (const info of store.list(`${location}/metadata/`)) {
    const uri = canonical(info.uri);
    if (uri === current) since = info.lastModified;
    else if (/\.metadata\.json(\.gz)?$/.test(uri) && info.size > 0 && !past.has(uri)) files.push(info);
  }
  return files
    .filter(({ lastModified }) => lastModified >= since)
    .sort((a, b) => b.lastModified - a.lastModified)
    .slice(0, mostFiles);
}

const isLaterOf = (metadata: TableMetadata, current: TableMetadata): boolean =>
  metadata['table-uuid'] === current['table-uuid'] &&
  metadata['last-sequence-number'] > current['last-sequence-number'];

const sequenceOf = ({ metadata }: StoredMetadata): number => metadata['last-sequence-number'];

/** Metadata files looked into. */
const mostFiles = 20;
