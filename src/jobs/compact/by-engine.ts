/**
 * Compaction by another engine, for days that are too large for one machine. It merges files and knows nothing of identities: duplicates stay, and its files count as not
 * compacted yet for a compaction here.
 */

import type { StatementEngine } from '../../engines/engine.ts';
import { type WritingEngineName, writingEngines } from '../../engines/index.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { parseDays } from '../../ingest/time-range.ts';
import { describeTable } from '../../rewrite/stored-table.ts';
import { compareText } from '../../text/order.ts';
import { readTableFiles } from '../rewrite/live-files.ts';
import { tablesNamed } from '../tables-named.ts';
import type { CompactedDay, CompactedTable, CompactOptions, CompactReport, PlannedDay } from './compact.ts';
import { type CompactionRules, smallBytes } from './plan.ts';

type Rules = Pick<CompactionRules, 'targetBytes' | 'smallFiles' | 'excessFiles'>;

/** Tries for a range of days that other writers keep changing. */
const mostTries = 5;

export async function compactByEngine(
  runtime: Runtime,
  name: WritingEngineName,
  engine: StatementEngine,
  options: CompactOptions,
): Promise<CompactReport> {
  try {
    return await run(runtime, name, engine, options);
  } finally {
    await engine.close();
  }
}

async function run(
  runtime: Runtime,
  name: WritingEngineName,
  engine: StatementEngine,
  options: CompactOptions,
): Promise<CompactReport> {
  const started = runtime.clock();
  const { catalog, config, store } = runtime;
  const range = parseDays(options, { now: started });
  const names = await tablesNamed(catalog, options.tables);
  await expectOwnWarehouse(runtime);
  const tables: Record<string, CompactedTable> = {};
  const days: (PlannedDay | CompactedDay)[] = [];
  for (const table of names) {
    const loaded = await catalog.loadTable(table);
    if (loaded === undefined) continue;
    const { isPinned } = describeTable(table, loaded, config);
    const files = await readTableFiles(store, loaded.metadata, range);
    const planned = planByEngine(table, files, isPinned, config.compact);
    const report: CompactedTable = {
      clusteredBy: [],
      days: planned.length,
      files: { before: 0, after: 0 },
      bytes: { before: 0, after: 0 },
      rows: 0,
      duplicates: 0,
      deleted: 0,
      deleteFilesRemoved: 0,
      suspects: 0,
    };
    tables[table] = report;
    const done = new Map<string, readonly LiveFile[]>();
    if (!options.dryRun)
      for (const [from, to] of rangesOf(planned, files)) {
        options.signal?.throwIfAborted();
        await optimize(runtime, name, engine, table, from, to, options.signal);
        for (const [day, after] of await filesByDay(runtime, table, from, to)) done.set(day, after);
      }
    for (const plan of planned) {
      const after = done.get(plan.day);
      const newBytes = after?.reduce((sum, file) => sum + file.fileSize, 0);
      report.files.before += plan.files;
      report.bytes.before += plan.bytes;
      report.rows += plan.rows;
      report.files.after += after?.length ?? plan.expectedFiles;
      report.bytes.after += newBytes ?? plan.bytes;
      if (options.dryRun) {
        days.push(plan);
        continue;
      }
      const day = {
        ...plan,
        newFiles: after?.length ?? 0,
        newBytes: newBytes ?? 0,
        duplicates: 0,
        deleted: 0,
        spilledRuns: 0,
      };
      days.push(day);
      options.onDay?.(day);
    }
  }
  return { tables, days, refused: [], overtaken: [], seconds: (runtime.clock() - started) / 1000 };
}

/** Days with enough files that an engine would merge, or with row-level deletes. Pure. */
export function planByEngine(
  table: string,
  data: readonly LiveFile[],
  isPinned: (file: LiveFile) => boolean,
  rules: Rules,
): PlannedDay[] {
  const plans: PlannedDay[] = [];
  for (const [day, files] of Map.groupBy(data, (file) => file.ymd)) {
    // Without a day there is nothing to name it by; open claims of the ledger are not to be moved.
    if (day === null || files.some(isPinned)) continue;
    const bytes = files.reduce((sum, file) => sum + file.fileSize, 0);
    const expectedFiles = Math.max(1, Math.ceil(bytes / rules.targetBytes));
    const reasons: string[] = [];
    if (files.filter((file) => file.fileSize < smallBytes(rules)).length >= rules.smallFiles)
      reasons.push('small-files');
    if (files.length - expectedFiles >= rules.excessFiles) reasons.push('excess-files');
    if (files.some(({ deletes }) => deletes.length > 0)) reasons.push('row-level-deletes');
    if (reasons.length === 0) continue;
    const rows = files.reduce((sum, file) => sum + file.recordCount, 0);
    plans.push({ table, day, reasons, files: files.length, bytes, rows, expectedFiles });
  }
  return plans.sort((a, b) => compareText(a.day, b.day));
}

/** Planned days side by side go into one statement, so that the table gets one snapshot for them. */
function rangesOf(planned: readonly PlannedDay[], data: readonly LiveFile[]): [from: string, to: string][] {
  const chosen = new Set(planned.map((plan) => plan.day));
  const ranges: [string, string][] = [];
  let isOpen = false;
  for (const day of [...new Set(data.flatMap((file) => file.ymd ?? []))].sort(compareText)) {
    if (!chosen.has(day)) isOpen = false;
    else if (isOpen) ranges.at(-1)![1] = day;
    else {
      ranges.push([day, day]);
      isOpen = true;
    }
  }
  return ranges;
}

async function optimize(
  { catalog, config }: Runtime,
  name: WritingEngineName,
  engine: StatementEngine,
  table: string,
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sql = optimizeStatement(name, table, from, to, config.compact.targetBytes);
  for (let attempt = 1; ; attempt++) {
    const before = await catalog.loadTable(table);
    try {
      await engine.execute({ sql, ...(signal && { signal }) });
      return;
    } catch (error) {
      const after = await catalog.loadTable(table);
      // The engine fails where another writer was faster; then it is worth another try.
      const isOvertaken = before?.metadataLocation !== after?.metadataLocation;
      if (isOvertaken && attempt < mostTries && !signal?.aborted) continue;
      throw new Error(`${name} could not compact table ${table} from ${from} to ${to}`, { cause: error });
    }
  }
}

/** Names and days have forms that need no quoting beyond this; anything else is refused. */
export function optimizeStatement(
  name: WritingEngineName,
  table: string,
  from: string,
  to: string,
  targetBytes: number,
): string {
  if (!/^[a-z0-9_]+$/.test(table)) throw new Error(`table ${table} has a name that cannot be put into SQL`);
  for (const day of [from, to])
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) throw new Error(`table ${table} has a partition ${day}, which is not a day`);
  return writingEngines[name].optimize(table, from, to, targetBytes);
}

async function filesByDay(
  { catalog, store }: Runtime,
  table: string,
  from: string,
  to: string,
): Promise<Map<string, readonly LiveFile[]>> {
  const loaded = await catalog.loadTable(table);
  if (loaded === undefined) return new Map();
  const files = await readTableFiles(store, loaded.metadata, { from, to });
  return Map.groupBy(files, (file) => file.ymd ?? '');
}
