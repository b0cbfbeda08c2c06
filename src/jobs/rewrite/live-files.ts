/** The live data files of a table, with the row-level deletes of other engines that apply to each. */
import type { Snapshot, TableMetadata } from '../../iceberg/metadata.ts';
import { type LiveFile, liveFiles, type Range } from '../../iceberg/scan.ts';
import type { ObjectStore } from '../../store/store.ts';

/** Those of the current snapshot, or of an earlier one. */
export async function readTableFiles(
  store: ObjectStore,
  metadata: TableMetadata,
  days: Range<string> | undefined,
  snapshot?: Snapshot,
): Promise<LiveFile[]> {
  const files: LiveFile[] = [];
  for await (const file of liveFiles(store, metadata, { ...(days && { ymd: days }), ...(snapshot && { snapshot }) }))
    files.push(file);
  return files;
}
