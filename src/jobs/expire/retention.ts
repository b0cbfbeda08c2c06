/**
 * Retention of data by day (`retention: { opa_decisions: 400d }`): days that are over for longer than that leave the
 * table, one amendment per day, so that the record says how many rows of which object went.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { countLiveRows } from '../../iceberg/deleted-rows.ts';
import { appliedDeletes } from '../../iceberg/row-deletes.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { fileRows } from '../../iceberg/table-rows.ts';
import { increase } from '../../ingest/object-counts.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { amend } from '../../ledger/amendment.ts';
import { compareText } from '../../text/order.ts';
import { replan } from '../replan.ts';

export interface RetiredDays {
  readonly table: string;
  readonly ymd: string;
  readonly files: number;
  readonly rows: number;
}

const dayMs = 86_400_000;
export async function applyRetention(runtime: Runtime, now: number, dryRun: boolean): Promise<RetiredDays[]> {
  const retired: RetiredDays[] = [];
  for (const [table, seconds] of Object.entries(runtime.config.retention)) {
    // A day goes when its last instant is past the retention.
    const last = new Date(now - seconds * 1000 - dayMs).toISOString().slice(0, 10);
    for (const ymd of await daysUpTo(runtime, table, last)) {
      const day = await retire(runtime, table, ymd, dryRun);
      if (day.files > 0) retired.push(day);
    }
  }
  return retired;
}

async function daysUpTo(runtime: Runtime, table: string, last: string): Promise<string[]> {
  const loaded = await runtime.catalog.loadTable(table);
  if (loaded === undefined) return [];
  const days = new Set<string>();
  for await (const { ymd } of liveFiles(runtime.store, loaded.metadata, { ymd: { to: last } })) {
    if (ymd !== null) days.add(ymd);
  }
  return [...days].sort(compareText);
}

async function retire(runtime: Runtime, table: string, ymd: string, dryRun: boolean): Promise<RetiredDays> {
  return replan({ what: `table ${table}: day ${ymd}`, command: 'expire' }, async () => {
    const loaded = await runtime.catalog.loadTable(table);
    if (loaded === undefined) return { table, ymd, files: 0, rows: 0 };
    const files = await filesOfDay(runtime, loaded, ymd);
    const report = { table, ymd, files: files.length, rows: await liveRows(runtime, loaded, files) };
    if (files.length === 0 || dryRun) return report;
    const isDone = await amend(runtime, {
      operation: 'retention',
      table,
      change: { operation: 'delete', add: [], remove: files.map((file) => file.path), applied: appliedDeletes(files) },
      entries: [...(await rowsByObject(runtime, loaded, files))].map(([sourceUri, rows]) => ({
        table,
        sourceUri,
        rows: -rows,
        detail: ymd,
      })),
    });
    return isDone ? report : undefined;
  });
}

async function filesOfDay({ store }: Runtime, loaded: LoadedTable, ymd: string): Promise<LiveFile[]> {
  const files: LiveFile[] = [];
  for await (const file of liveFiles(store, loaded.metadata, { ymd: { from: ymd, to: ymd } }))
    if (file.ymd === ymd) files.push(file);
  return files;
}

async function rowsByObject(
  { store }: Runtime,
  { metadata }: LoadedTable,
  files: readonly LiveFile[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const file of files) {
    for await (const rows of fileRows(store, metadata, file, { columns: ['source_uri'] }))
      for (const { source_uri } of rows) increase(counts, String(source_uri ?? ''), 1);
  }
  return counts;
}

async function liveRows({ store }: Runtime, { metadata }: LoadedTable, files: readonly LiveFile[]): Promise<number> {
  let rows = 0;
  for (const file of files) rows += await countLiveRows(store, metadata, file);
  return rows;
}
