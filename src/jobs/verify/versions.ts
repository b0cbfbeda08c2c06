/** Whether what was found out about a version of a table still holds. */
import { currentSnapshot, type TableMetadata } from '../../iceberg/metadata.ts';
import { batchesOf } from '../../ledger/batch-summary.ts';

/** What ingest adds is in the ledger as well, and moves no object that was at rest. `since`: a sequence number. */
export function onlyBatchesSince(metadata: TableMetadata, since: number): boolean {
  const now = metadata['last-sequence-number'];
  if (now === since) return true;
  if (currentSnapshot(metadata) === undefined) return false;
  const later = metadata.snapshots.filter((snapshot) => snapshot['sequence-number'] > since);
  return later.length >= now - since && later.every((snapshot) => batchesOf(snapshot).length > 0);
}
