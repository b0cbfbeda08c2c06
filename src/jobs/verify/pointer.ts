/** The catalog's pointer against the metadata files that the warehouse holds. */
import type { LoadedTable } from '../../catalog/catalog.ts';
import { readFile } from '../../iceberg/files.ts';
import { parseMetadata, type TableMetadata } from '../../iceberg/metadata.ts';
import { canonical } from '../../iceberg/reachable.ts';
import type { ObjectStore } from '../../store/store.ts';

export interface StoredMetadata {
  readonly uri: string;
  readonly metadata: TableMetadata;
}

/**
 * The newest metadata of a table where the pointer has been left behind, or is missing; undefined where it is right. A file
 * right behind the pointer proves nothing (an attempt that died before its swap leaves one); one that others follow
 * was committed, since an attempt is made on what was current. Of two newest files that claim the same place none is taken.
 */
export async function newerMetadata(
  store: ObjectStore,
  location: string,
  loaded: LoadedTable | undefined,
): Promise<StoredMetadata | undefined> {
  const known = new Set(loaded?.metadata['metadata-log'].map((entry) => canonical(entry['metadata-file'])));
  if (loaded) known.add(canonical(loaded.metadataLocation));
  const least = loaded === undefined ? -1 : numberOf(loaded.metadataLocation);
  const unknown: string[] = [];
  for await (const { uri, size } of store.list(`${location}/metadata/`)) {
    if (/\.metadata\.json(\.gz)?$/.test(uri) && size > 0 && numberOf(uri) > least && !known.has(canonical(uri)))
      unknown.push(uri);
  }
  const found = await Promise.all(
    unknown
      .sort((a, b) => numberOf(b) - numberOf(a))
      .slice(0, newest)
      .map(async (uri) => ({ uri, metadata: parseMetadata(await readFile(store, uri), uri) })),
  );
  const followed = new Set(
    found.flatMap(({ metadata }) => metadata['metadata-log'].map((entry) => canonical(entry['metadata-file']))),
  );
  const committed = found.filter(
    ({ uri, metadata }) =>
      followed.has(canonical(uri)) &&
      (loaded === undefined || metadata['table-uuid'] === loaded.metadata['table-uuid']) &&
      (loaded === undefined || metadata['last-sequence-number'] >= loaded.metadata['last-sequence-number']),
  );
  // A table that no catalog knows has nothing but its files to go by.
  if (committed[0] === undefined && loaded !== undefined) return undefined;
  const [first, second] = found;
  const isPlain = first !== undefined && (second === undefined || numberOf(second.uri) < numberOf(first.uri));
  return isPlain ? first : committed[0];
}

/** Metadata files looked into, from the highest number down. */
const newest = 20;

/** `00012-….metadata.json` and `v12.metadata.json` both are number 12. */
const numberOf = (uri: string): number => Number(/\/v?(\d+)[^/]*$/.exec(uri)?.[1] ?? -1);
