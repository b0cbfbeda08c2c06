/** The catalog's pointer against the metadata files that the warehouse holds. */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { mapAhead, readFile } from '../../iceberg/files.ts';
import { stringifyJson } from '../../iceberg/json.ts';
import { parseMetadata, type TableMetadata } from '../../iceberg/metadata.ts';
import { canonical } from '../../store/places.ts';
import { collect } from '../../store/prefetch.ts';
import { type ObjectInfo, type ObjectStore, StoreError } from '../../store/store.ts';

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
  const found: Found[] = [];
  const followed = new Set<string>();
  for await (const one of readAll(store, await writtenSince(store, location, loaded))) {
    const { uri, metadata } = one;
    const isLater = loaded === undefined || isLaterOf(metadata, loaded.metadata);
    found.push({ uri, sequence: metadata['last-sequence-number'], isLater });
    for (const past of pastOf(metadata)) followed.add(past);
  }
  const newer = found.filter(({ isLater }) => isLater).sort((a, b) => b.sequence - a.sequence);
  const committed = newer.filter(({ uri }) => followed.has(canonical(uri)));
  // A table that no catalog knows has nothing but its files to go by.
  if (committed.length === 0 && loaded !== undefined) return undefined;
  const highest = await collect(readAll(store, highestOf(newer)));
  const heads = distinct(lastOf(highest));
  if (heads.length <= 1) return heads[0];
  // Attempts at the same: that one was committed on which another was made.
  const followers = heads.filter(({ metadata }) =>
    pastOf(metadata).some((uri) => highest.some((one) => canonical(one.uri) === uri)),
  );
  if (followers.length === 1) return followers[0];
  return lastOf(await collect(readAll(store, highestOf(committed))))[0];
}

/** What is kept of each file while all are looked at: there may be thousands, of megabytes each. */
interface Found {
  readonly uri: string;
  readonly sequence: number;
  readonly isLater: boolean;
}

const filesAhead = 8;

async function* readAll(
  store: ObjectStore,
  files: readonly { readonly uri: string }[],
): AsyncGenerator<StoredMetadata> {
  const read = async ({ uri }: { readonly uri: string }) => {
    try {
      return { uri, metadata: parseMetadata(await readFile(store, uri), uri) };
    } catch (error) {
      // Gone since it was listed, as attempts that were lost go.
      if (error instanceof StoreError && error.code === 'not-found') return undefined;
      throw error;
    }
  };
  for await (const one of mapAhead(files, filesAhead, read)) if (one !== undefined) yield one;
}

/** Of some in descending order of sequence numbers those with the highest one. */
const highestOf = (some: readonly Found[]): readonly Found[] =>
  some.filter((one) => one.sequence === some[0]!.sequence);

/** Each state once: to register a table again, or to set its pointer forward, writes down anew what a file has. */
function distinct(some: readonly StoredMetadata[]): StoredMetadata[] {
  const stateOf = ({ metadata }: StoredMetadata): string =>
    stringifyJson({ ...metadata, 'metadata-log': [], 'last-updated-ms': 0 });
  return [...new Map(some.map((one) => [stateOf(one), one])).values()];
}

/** Those that none of the others names as its past. */
function lastOf(some: readonly StoredMetadata[]): StoredMetadata[] {
  const pasts = new Set(some.flatMap(({ metadata }) => pastOf(metadata)));
  return some.filter(({ uri }) => !pasts.has(canonical(uri)));
}

const pastOf = (metadata: TableMetadata): string[] =>
  metadata['metadata-log'].map((entry) => canonical(entry['metadata-file']));

/**
 * Metadata files not older than the current one, which it does not name as its past. All of them: in a copy of a warehouse times
 * say when a file was copied.
 */
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
  return files.filter(({ lastModified }) => lastModified >= since);
}

const isLaterOf = (metadata: TableMetadata, current: TableMetadata): boolean =>
  metadata['table-uuid'] === current['table-uuid'] &&
  metadata['last-sequence-number'] > current['last-sequence-number'];
