/**
 * Mends what can be mended by doing again what was lost, never by deleting data: amendments that were broken off, tables
 * that the catalog lost or whose pointer was set back, batches whose rows left a table although their files are still
 * there, objects that no run has ingested, and files that are gone, whose objects are read again.
 */
import { commitTable } from '../../iceberg/commit.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { lostAmong } from '../../iceberg/files.ts';
import { expectHome } from '../../iceberg/home.ts';
import { liveFiles } from '../../iceberg/scan.ts';
import { increase } from '../../ingest/object-counts.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { finishAmendments } from '../../ledger/amendment.ts';
import { readIntent } from '../../ledger/batch-intent.ts';
import { batchSummary } from '../../ledger/batch-summary.ts';
import { commitContext } from '../../ledger/runtime.ts';
import { canonical } from '../../store/places.ts';
import { backfill } from '../backfill/backfill.ts';
import { readAccounts } from './accounts.ts';
import type { Difference, DifferenceKind } from './difference.ts';
import { dropLostFiles, lostFileKinds, readLostAgain, restoreSequences } from './lost-files.ts';
import { ObjectNames } from './object-names.ts';
import { newerMetadata } from './pointer.ts';
import { verify } from './verify.ts';

/** In the summary of a snapshot that brings a batch's files back. */
const repairProperty = 'audit-warehouse.repair';

/** Returns what was done, a sentence each. */
export async function repair(
  runtime: Runtime,
  differences: readonly Difference[],
  sources: readonly string[] | undefined,
): Promise<string[]> {
  await expectOwnWarehouse(runtime);
  const done: string[] = [];
  const has = (...kinds: DifferenceKind[]): boolean => differences.some(({ kind }) => kinds.includes(kind));
  for (const { kind, table } of differences)
    if ((kind === 'catalog-behind' || kind === 'table-unregistered') && table !== undefined)
      done.push(...(await restorePointer(runtime, table)));
  const finished = has('amendment-open') ? await finishAmendments(runtime) : 0;
  if (finished > 0) done.push(`finished ${finished} amendments that were broken off`);
  if (has('rows-missing')) {
    // Rows that were missing with their table are back by now, maybe in other files than those of their batches.
    const left =
      done.length === 0
        ? differences
        : (await verify(runtime, { mostDifferences, ...(sources && { sources }) })).differences;
    done.push(...(await restoreBatches(runtime, left)));
  }
  // A batch that replaces rows cannot be finished while it has to read a file that is gone.
  if (has(...lostFileKinds))
    done.push(
      ...(await dropLostFiles(
        runtime,
        async () => (await verify(runtime, { heldToo: true, mostDifferences })).differences,
      )),
    );
  if (has('object-not-ingested', 'object-changed', 'batch-abandoned')) {
    const report = await backfill(runtime, sources ? { sources } : {});
    done.push(`ingested ${report.objects.committed} objects, ${report.records.rows} rows`);
    const [first] = report.failures;
    if (first !== undefined)
      done.push(`could not ingest everything; the first of ${report.failures.length} reasons: ${first.message}`);
  }
  if (has('rows-lost', 'amendment-open', ...lostFileKinds)) done.push(...(await readLostAgain(runtime, sources)));
  if (has(...lostFileKinds)) done.push(...(await restoreSequences(runtime, differences)));
  return done;
}

const mostDifferences = Number.POSITIVE_INFINITY;

async function restorePointer(runtime: Runtime, table: string): Promise<string[]> {
  const { store, catalog } = runtime;
  const loaded = await catalog.loadTable(table);
  const newer = await newerMetadata(store, catalog.tableLocation(table), loaded);
  if (newer === undefined) return [];
  expectHome(catalog, table, newer.metadata);
  if (loaded === undefined) {
    await catalog.ensureNamespace();
    if (catalog.registerTable === undefined) await catalog.createTable(table, newer.metadata);
    else await catalog.registerTable(table, newer.uri);
    return [`registered table ${table} again, as ${newer.uri} has it`];
  }
  await catalog.commitTable(table, loaded, newer.metadata);
  return [`set table ${table} forward again, to what ${newer.uri} has`];
}

/** Appends the files of batches whose rows are missing, all of them and no others: as when a table was rolled back. */
async function restoreBatches(runtime: Runtime, differences: readonly Difference[]): Promise<string[]> {
  const { store, config } = runtime;
  const missing = new Map<string, Map<string, number>>();
  for (const { kind, table, uri, expected, found } of differences) {
    if (kind !== 'rows-missing' || table === undefined || uri === undefined) continue;
    const byUri = missing.get(table) ?? new Map<string, number>();
    missing.set(table, byUri);
    increase(byUri, uri, Number(expected) - Number(found));
  }
  const accounts = await readAccounts(runtime, new ObjectNames());
  const done: string[] = [];
  for (const [table, byUri] of missing) {
    const batches = new Set([...byUri.keys()].flatMap((uri) => [...(accounts.objects.get(uri)?.batches ?? [])]));
    for (const batch of batches) {
      const intent = await readIntent(store, config.warehouse, batch);
      // Rows that a batch took the place of may be back as well, and objects that it holds may have been read again.
      const isWhole = [...(intent?.objects.keys() ?? [])].every((uri) => accounts.objects.get(uri)?.batches.has(batch));
      if (intent?.again !== undefined || !isWhole) continue;
      const files = intent?.files.get(table) ?? [];
      const lacking = [...(intent?.objects.keys() ?? [])].reduce((sum, uri) => sum + (byUri.get(uri) ?? 0), 0);
      const held = files.reduce((sum, file) => sum + file.recordCount, 0);
      if (held === 0 || lacking !== held || (await lostAmong(store, files)).length > 0) continue;
      if (await appendAgain(runtime, table, batch, files))
        done.push(`brought back ${files.length} files of batch ${batch} to table ${table}, ${held} rows`);
    }
  }
  return done;
}

async function appendAgain(
  runtime: Runtime,
  table: string,
  batch: string,
  files: readonly DataFile[],
): Promise<boolean> {
  const paths = new Set(files.map((file) => canonical(file.path)));
  const { committed } = await commitTable(commitContext(runtime), table, async (loaded) => {
    for await (const live of liveFiles(runtime.store, loaded.metadata))
      if (paths.has(canonical(live.path))) return undefined;
    return {
      operation: 'append',
      add: files,
      remove: [],
      summary: { ...batchSummary([batch]), [repairProperty]: 'true' },
    };
  });
  return committed;
}
