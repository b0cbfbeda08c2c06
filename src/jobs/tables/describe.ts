/** What exists in the warehouse, from table metadata and manifests; data files with row-level deletes are looked into. */
import { countLiveRows } from '../../iceberg/deleted-rows.ts';
import { loadUnlessLost } from '../../iceberg/ensure.ts';
import { mapAhead } from '../../iceberg/files.ts';
import { liveFiles } from '../../iceberg/scan.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { eventTables } from '../../sources/registry.ts';
import { bookkeepingTables } from '../../tables/names.ts';
import { compareText } from '../../text/order.ts';

export interface TableReport {
  readonly name: string;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly days: number;
  readonly firstDay: string | null;
  readonly lastDay: string | null;
  /** RFC 3339; null where nothing was committed yet. */
  readonly lastCommit: string | null;
  readonly snapshots: number;
  /** Why nothing can be told of it; everything else is 0 or null then. */
  readonly error?: string;
}

export async function describeTables({ store, catalog }: Pick<Runtime, 'store' | 'catalog'>): Promise<TableReport[]> {
  const describe = async (name: string): Promise<TableReport | undefined> => {
    try {
      return await describeTable({ store, catalog }, name);
    } catch (error) {
      if (!isTableFault(error)) throw error;
      return { ...nothingKnown, name, error: error.message };
    }
  };
  const reports: TableReport[] = [];
  const names = await catalog.listTables();
  // The catalog may have lost one.
  const others = [...eventTables, ...bookkeepingTables].filter((name) => !names.includes(name));
  const looking = Promise.all(others.map(describe));
  looking.catch(() => {});
  for await (const report of mapAhead(names, tablesAhead, describe)) if (report !== undefined) reports.push(report);
  for (const report of await looking) if (report !== undefined) reports.push(report);
  return reports.sort((a, b) => compareText(a.name, b.name));
}

/** Described at a time. */
const tablesAhead = 4;

const nothingKnown = {
  rows: 0,
  files: 0,
  bytes: 0,
  days: 0,
  firstDay: null,
  lastDay: null,
  lastCommit: null,
  snapshots: 0,
};

async function describeTable(
  { store, catalog }: Pick<Runtime, 'store' | 'catalog'>,
  name: string,
): Promise<TableReport | undefined> {
  const loaded = await loadUnlessLost({ store, catalog }, name);
  if (loaded === undefined) return undefined;
  const { metadata } = loaded;
  const days = new Set<string>();
  let [rows, files, bytes] = [0, 0, 0];
  for await (const file of liveFiles(store, metadata)) {
    rows += await countLiveRows(store, metadata, file);
    files++;
    bytes += file.fileSize;
    if (file.ymd !== null) days.add(file.ymd);
  }
  const sorted = [...days].sort(compareText);
  const last = metadata.snapshots?.find((snapshot) => snapshot['snapshot-id'] === metadata['current-snapshot-id']);
  return {
    name,
    rows,
    files,
    bytes,
    days: days.size,
    firstDay: sorted[0] ?? null,
    lastDay: sorted.at(-1) ?? null,
    lastCommit: last === undefined ? null : new Date(last['timestamp-ms']).toISOString(),
    snapshots: metadata.snapshots?.length ?? 0,
  };
}
