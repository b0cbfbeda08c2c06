/** The live files of a table: data files, and the delete files of other engines. */
import type { TableMetadata } from '../../iceberg/metadata.ts';
import { type LiveFile, liveFiles, type Range } from '../../iceberg/scan.ts';
import type { ObjectStore } from '../../store/store.ts';

export async function readTableFiles(
  store: ObjectStore,
  metadata: TableMetadata,
  days: Range<string> | undefined,
): Promise<LiveTableFiles> {
  const data: LiveFile[] = [];
  const deletes: LiveFile[] = [];
  const filter = { ...(days && { ymd: days }), onDeleteFile: (file: LiveFile) => void deletes.push(file) };
  for await (const file of liveFiles(store, metadata, filter)) data.push(file);
  return { data, deletes };
}

export interface LiveTableFiles {
  readonly data: readonly LiveFile[];
  readonly deletes: readonly LiveFile[];
}
