/** What exists in the warehouse, from table metadata and manifests; data files with row-level deletes are looked into. */
import { countLiveRows } from '../../iceberg/deleted-rows.ts';
import { liveFiles } from '../../iceberg/scan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
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
}

export async function describeTables({ store, catalog }: Pick<Runtime, 'store' | 'catalog'>): Promise<TableReport[]> {
  const reports: TableReport[] = [];
  for (const name of await catalog.listTables()) {
    const loaded = await catalog.loadTable(name);
    if (loaded === undefined) continue;
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
    reports.push({
      name,
      rows,
      files,
      bytes,
      days: days.size,
      firstDay: sorted[0] ?? null,
      lastDay: sorted.at(-1) ?? null,
      lastCommit: last === undefined ? null : new Date(last['timestamp-ms']).toISOString(),
      snapshots: metadata.snapshots?.length ?? 0,
    });
  }
  return reports;
}
