import type { MetadataLogEntry, Snapshot, TableMetadata } from './metadata.ts';

/** What a table remembers of its past: snapshots, their log, and earlier metadata files. */

/**
 * Metadata without these snapshots and what hangs on them. The history before a removed snapshot goes too, since a log
 * with holes would answer "as of" wrongly. Snapshots that a branch or tag points to stay. Their files are not touched.
 */
export function removeSnapshots(metadata: TableMetadata, ids: Iterable<bigint>): TableMetadata {
  const removed = new Set(ids);
  removed.delete(metadata['current-snapshot-id']);
  for (const ref of Object.values(metadata.refs)) removed.delete(ref['snapshot-id']);
  const snapshots = metadata.snapshots.filter((snapshot) => !removed.has(snapshot['snapshot-id']));
  if (snapshots.length === metadata.snapshots.length) return metadata;
  const kept = new Set(snapshots.map((snapshot) => snapshot['snapshot-id']));
  const log = metadata['snapshot-log'];
  const gap = log.findLastIndex((entry) => !kept.has(entry['snapshot-id']));
  const stays = (bound: { readonly 'snapshot-id': bigint }) => kept.has(bound['snapshot-id']);
  return {
    ...metadata,
    snapshots,
    'snapshot-log': log.slice(gap + 1),
    ...(metadata.statistics && { statistics: metadata.statistics.filter(stays) }),
    ...(metadata['partition-statistics'] && { 'partition-statistics': metadata['partition-statistics'].filter(stays) }),
  };
}

/** Removes the snapshots that `keep` does not want; the current one and those with a branch or tag stay in any case. */
export function trimSnapshots(metadata: TableMetadata, keep: (snapshot: Snapshot) => boolean): TableMetadata {
  return removeSnapshots(
    metadata,
    metadata.snapshots.filter((snapshot) => !keep(snapshot)).map((snapshot) => snapshot['snapshot-id']),
  );
}

/**
 * Whether what a snapshot did is no part of the current one: the table was rolled back behind it, or it is of another branch.
 * Where snapshots between the two have expired, it counts as a part.
 */
export function isRolledBack(metadata: TableMetadata, snapshot: Snapshot): boolean {
  const byId = new Map(metadata.snapshots.map((one) => [one['snapshot-id'], one]));
  let ancestor = byId.get(metadata['current-snapshot-id']);
  while (ancestor !== undefined && ancestor['sequence-number'] > snapshot['sequence-number'])
    ancestor = byId.get(ancestor['parent-snapshot-id'] ?? -1n);
  return ancestor !== undefined && ancestor['snapshot-id'] !== snapshot['snapshot-id'];
}

export interface LoggedMetadata {
  readonly metadata: TableMetadata;
  /** Earlier metadata files that the log has dropped and the table's properties let a writer delete after the commit. */
  readonly dropped: readonly string[];
}

/**
 * Puts the metadata file that is being replaced into the log, and keeps the log to `write.metadata.previous-versions-max`
 * (spec, "Table Metadata Fields", metadata-log). For catalogs: the last step before a metadata file is written.
 */
export function logMetadata(
  metadata: TableMetadata,
  base: { readonly metadataLocation: string; readonly metadata: TableMetadata },
): LoggedMetadata {
  const entry: MetadataLogEntry = {
    'timestamp-ms': base.metadata['last-updated-ms'],
    'metadata-file': base.metadataLocation,
  };
  const log = [...base.metadata['metadata-log'], entry];
  const most = Math.max(1, Number(metadata.properties['write.metadata.previous-versions-max'] ?? 100) || 100);
  const surplus = Math.max(0, log.length - most);
  const mayDelete = metadata.properties['write.metadata.delete-after-commit.enabled'] === 'true';
  return {
    metadata: { ...metadata, 'metadata-log': log.slice(surplus) },
    dropped: mayDelete ? log.slice(0, surplus).map((old) => old['metadata-file']) : [],
  };
}
