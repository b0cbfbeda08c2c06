import type { Change } from './change.ts';
import { dataContent, type Manifest, type ManifestEntry, partitionValues, specById } from './manifest.ts';
import type { ManifestFile, PartitionSummary } from './manifest-list.ts';
import type { Snapshot, TableMetadata } from './metadata.ts';

/** What snapshots and manifest lists say about their files in few numbers. */

/**
 * A snapshot's summary (Iceberg spec, Appendix F, "Optional Snapshot Summary Fields"). Totals of files and records are
 * counted from the manifest list; those that only a running total can give are left out where the parent has none.
 */
export function snapshotSummary(
  change: Change,
  removed: readonly ManifestEntry[],
  removedDeletes: readonly ManifestEntry[],
  parent: Snapshot | undefined,
  manifests: readonly ManifestFile[],
): Record<string, string> {
  const addedRecords = sum(change.add, (file) => file.recordCount);
  const addedBytes = sum(change.add, (file) => file.fileSize);
  const removedRecords = sum(removed, (entry) => entry.file.recordCount);
  const removedBytes = sum(removed, (entry) => entry.file.fileSize);
  const removedDeleteBytes = sum(removedDeletes, (entry) => entry.file.fileSize);
  const rowsOf = (content: 1 | 2): number =>
    sum(removedDeletes, ({ file }) => ((file.content === 2) === (content === 2) ? file.recordCount : 0));
  const partitions = new Set([
    ...change.add.map((file) => JSON.stringify([file.ymd])),
    ...[...removed, ...removedDeletes].map((entry) => JSON.stringify(Object.values(entry.file.partition))),
  ]);
  const data = manifests.filter((manifest) => manifest.content === dataContent);
  const running = (key: string, difference: number): Record<string, string> => {
    const before = parent === undefined ? '0' : parent.summary[key];
    if (change.removeAll) return { [key]: String(key === 'total-files-size' ? addedBytes : 0) };
    return before === undefined ? {} : { [key]: String(Number(before) + difference) };
  };
  return {
    ...change.summary,
    operation: change.operation,
    ...(change.add.length > 0 && {
      'added-data-files': String(change.add.length),
      'added-records': String(addedRecords),
      'added-files-size': String(addedBytes),
    }),
    ...(removed.length > 0 && {
      'deleted-data-files': String(removed.length),
      'deleted-records': String(removedRecords),
    }),
    ...(removedDeletes.length > 0 && { 'removed-delete-files': String(removedDeletes.length) }),
    ...(removedBytes + removedDeleteBytes > 0 && {
      'removed-files-size': String(removedBytes + removedDeleteBytes),
    }),
    'changed-partition-count': String(partitions.size),
    'total-records': String(sum(data, (manifest) => (manifest.addedRows ?? 0) + (manifest.existingRows ?? 0))),
    'total-data-files': String(sum(data, (manifest) => (manifest.addedFiles ?? 0) + (manifest.existingFiles ?? 0))),
    ...running('total-files-size', addedBytes - removedBytes - removedDeleteBytes),
    ...running('total-delete-files', -removedDeletes.length),
    ...running('total-position-deletes', -rowsOf(1)),
    ...running('total-equality-deletes', -rowsOf(2)),
  };
}

/**
 * Bounds of the partition values in a manifest, for specs whose values are all strings or null (such as ours);
 * undefined for others.
 */
export function partitionSummaries(manifest: Manifest, metadata: TableMetadata): PartitionSummary[] | undefined {
  const spec = specById(metadata, manifest.specId);
  const tuples = manifest.entries.map((entry) => partitionValues(manifest, spec, entry.file));
  if (tuples.some((tuple) => tuple.some((value) => value !== null && typeof value !== 'string'))) return undefined;
  return spec.fields.map((_field, index) => {
    const values = tuples.flatMap((tuple) => (tuple[index] === null ? [] : [Buffer.from(tuple[index] as string)]));
    const first = values[0] ?? null;
    return {
      containsNull: values.length < tuples.length,
      containsNan: false,
      lowerBound: values.reduce(
        (least, value) => (least !== null && Buffer.compare(least, value) <= 0 ? least : value),
        first,
      ),
      upperBound: values.reduce(
        (most, value) => (most !== null && Buffer.compare(most, value) >= 0 ? most : value),
        first,
      ),
    };
  });
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
