/** Whether the newest data files are there, in the size that their tables say. All files, and what is in them, are for verify. */
import pLimit from 'p-limit';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { ownTables } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { compareText } from '../../text/order.ts';
import { type Finding, failed, ok } from './check.ts';

/** Of each table. */
const filesLookedAt = 100;
const requestsAtATime = 16;

export async function checkFiles({ store, catalog, config }: Runtime): Promise<Finding> {
  const limit = pLimit(requestsAtATime);
  const lost: string[] = [];
  let looked = 0;
  for (const table of ownTables(config)) {
    const files: LiveFile[] = [];
    try {
      const loaded = await catalog.loadTable(table);
      if (loaded !== undefined) for await (const file of liveFiles(store, loaded.metadata)) files.push(file);
    } catch (error) {
      // The check of the tables tells of it.
      if (!isTableFault(error)) throw error;
    }
    const newest = files.sort((a, b) => compareText(b.ymd ?? '', a.ymd ?? '')).slice(0, filesLookedAt);
    looked += newest.length;
    const look = async ({ path, fileSize }: LiveFile): Promise<void> => {
      const size = (await store.head(path))?.size;
      if (size !== fileSize)
        lost.push(`${path} of ${table} ${size === undefined ? 'is gone' : `has ${size} bytes, not ${fileSize}`}`);
    };
    await Promise.all(newest.map((file) => limit(look, file)));
  }
  if (lost.length === 0)
    return ok(`${looked} data files are there in their sizes, of each table the newest ${filesLookedAt} at most`);
  const [first] = lost.sort(compareText);
  return failed(
    `${first}${lost.length > 1 ? `, and ${lost.length - 1} more files` : ''}`,
    'bring the file back from the versions of the bucket; or verify --repair, which takes it out of its table and reads again what it held',
  );
}
