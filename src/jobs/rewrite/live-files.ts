/** The live data files of a table, with the row-level deletes of other engines that apply to each. */
import type { TableMetadata } from '../../iceberg/metadata.ts';
import { type LiveFile, liveFiles, type Range } from '../../iceberg/scan.ts';
import type { ObjectStore } from '../../store/store.ts';

export async function readTableFiles(
  store: ObjectStore,
  metadata: TableMetadata,
  days: Range<string> | undefined,
): Promise<LiveFile[]> {
  const files: LiveFile[] = [];
  for await (const file of liveFiles(store, metadata, days && { ymd: days })) files.push(file);
  return files;
}
