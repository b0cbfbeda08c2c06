/** Which snapshots of a table have had their time. Pure. */
import { isGcEnabled, type Snapshot, type TableMetadata } from '../../iceberg/metadata.ts';
import { amendmentProperty } from '../../ledger/amendment.ts';
import { batchesOf } from '../../ledger/batch-summary.ts';

export interface SnapshotRetention {
  /** Milliseconds since the epoch: what is younger stays. */
  readonly before: number;
  /** The newest so many stay, however old. */
  readonly keep: number;
  /** Batches whose claim is open, and open amendments: by their snapshots a run sees that it has committed already. */
  readonly unfinished: ReadonlySet<string>;
}

/** The current snapshot and those that a branch or tag of any engine points to always stay; all, where `gc.enabled` is false. */
export function expiredSnapshots(metadata: TableMetadata, { before, keep, unfinished }: SnapshotRetention): Snapshot[] {
  if (!isGcEnabled(metadata)) return [];
  const referenced = new Set(Object.values(metadata.refs).map((ref) => ref['snapshot-id']));
  referenced.add(metadata['current-snapshot-id']);
  const newestFirst = [...metadata.snapshots].sort((a, b) => b['sequence-number'] - a['sequence-number']);
  return newestFirst.slice(keep).filter((snapshot) => {
    const amendment = snapshot.summary[amendmentProperty];
    const work = amendment === undefined ? batchesOf(snapshot) : [amendment, ...batchesOf(snapshot)];
    return (
      snapshot['timestamp-ms'] < before &&
      !referenced.has(snapshot['snapshot-id']) &&
      !work.some((id) => unfinished.has(id))
    );
  });
}
