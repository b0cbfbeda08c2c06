/**
 * Erase: every row of one subject leaves the tables of events: decisions about it, Okera events of the user or of the
 * connection's user. A file that holds such rows is written anew without them, everything else of it as it was (order,
 * place in compaction); one amendment per day says how many rows of which object went, with a digest in place of the name.
 *
 * Older snapshots still show the rows until `expire` has removed them and their files. What is in quarantine, and what
 * other records say about the subject in their raw text, is not touched; neither are the source objects.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { deletedRows, fieldRef } from '../../iceberg/deleted-rows.ts';
import { loadUnlessLost } from '../../iceberg/ensure.ts';
import { warehouseOf } from '../../iceberg/home.ts';
import { expectWritable, type SchemaField } from '../../iceberg/metadata.ts';
import { appliedDeletes } from '../../iceberg/row-deletes.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { everNamed } from '../../iceberg/schema.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { storedRows } from '../../iceberg/table-rows.ts';
import { createLedger } from '../../ingest/claimed-batch.ts';
import { AccountingError } from '../../ingest/object-counts.ts';
import { findOtherMappings } from '../../ingest/other-mappings.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { amend, finishAmendments } from '../../ledger/amendment.ts';
import type { OtherMapping } from '../../ledger/other-mappings.ts';
import { digestOfSubject, placeOfRecord } from '../../ledger/subject-digest.ts';
import { ColumnNotWritten, describeTable } from '../../rewrite/stored-table.ts';
import { withoutRows } from '../../rewrite/without-rows.ts';
import { subjectColumns } from '../../sources/registry.ts';
import { isWithin } from '../../store/places.ts';
import { compareText } from '../../text/order.ts';
import { replan } from '../replan.ts';
import { erasedBefore } from './erased-before.ts';
import { mayStillGrow, type Remains, remainsOf } from './remains.ts';

export interface EraseOptions {
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface EraseReport {
  /** By table, where there were any. */
  readonly tables: Record<string, { rows: number; files: number; days: number }>;
  /** Sources with rows of another mapping: those may be about the subject without naming it in the column. */
  readonly otherMappings: readonly OtherMapping[];
  /** Objects with erased rows whose writer may still add to them: rows of the subject that come so are there again. */
  readonly mayGrow: readonly string[];
  /** What still shows the rows, and until when; undefined in a dry run, or where there were none. */
  readonly remains?: Remains;
  /** As the table amendments has it. */
  readonly subjectDigest: string;
  readonly seconds: number;
}

export async function erase(runtime: Runtime, subject: string, options: EraseOptions = {}): Promise<EraseReport> {
  const started = runtime.clock();
  await expectOwnWarehouse(runtime);
  if (!options.dryRun) await finishAmendments(runtime);
  const subjectDigest = digestOfSubject(subject);
  const tables: EraseReport['tables'] = {};
  const objects = new Set<string>();
  const faults: Error[] = [];
  const filesOutside: string[] = [];
  for (const [table, columns] of subjectColumns) {
    const report = { rows: 0, files: 0, days: 0 };
    if (!(await isUsable(runtime, table, faults))) continue;
    for (const day of await daysOf(runtime, table, columns, subject)) {
      options.signal?.throwIfAborted();
      const erased = await eraseDay(runtime, { table, columns, subject, day, detail: subjectDigest }, options);
      faults.push(...erased.left);
      if (erased.files === 0) continue;
      report.rows += erased.rows;
      report.files += erased.files;
      report.days++;
      for (const uri of erased.objects) objects.add(uri);
      filesOutside.push(...erased.filesOutside);
    }
    if (report.files > 0) tables[table] = report;
  }
  if (faults.length > 0)
    throw new Error(
      `cannot erase: ${faults.map(({ message }) => message).join('; ')}. ${erasedFrom(tables)}, and rows of the subject may be left there`,
      { cause: faults[0] },
    );
  const otherMappings = await findOtherMappings(createLedger(runtime), selectSources(runtime, undefined));
  const mayGrow = await mayStillGrow(runtime, objects);
  const isErased = !options.dryRun && objects.size > 0;
  const remains = isErased ? await remainsOf(runtime, Object.keys(tables), filesOutside) : undefined;
  return {
    tables,
    otherMappings,
    mayGrow,
    ...(remains && { remains }),
    subjectDigest,
    seconds: (runtime.clock() - started) / 1000,
  };
}

const erasedFrom = (tables: EraseReport['tables']): string =>
  Object.keys(tables).length === 0 ? 'No other table had any' : `Done in ${Object.keys(tables).join(', ')}`;

/** Tables that can be erased from come first, so that a fault of one does not leave the subject in the others. */
async function isUsable({ catalog, store }: Runtime, table: string, faults: Error[]): Promise<boolean> {
  try {
    const loaded = await loadUnlessLost({ catalog, store }, table);
    if (loaded === undefined) return true;
    expectWritable(table, loaded.metadata);
    for await (const _ of liveFiles(store, loaded.metadata));
    return true;
  } catch (error) {
    if (!isTableFault(error)) throw error;
    faults.push(error);
    return false;
  }
}

interface DayRequest {
  readonly table: string;
  readonly columns: readonly string[];
  readonly subject: string;
  readonly day: string;
  readonly detail: string;
}

interface ErasedDay {
  readonly rows: number;
  readonly files: number;
  readonly objects: readonly string[];
  /** Files with rows of the subject that cannot be written anew. */
  readonly left: readonly ColumnNotWritten[];
  /** Files elsewhere that another engine has added to the table, and that held such rows. */
  readonly filesOutside: readonly string[];
}

async function eraseDay(runtime: Runtime, request: DayRequest, { dryRun, signal }: EraseOptions): Promise<ErasedDay> {
  const { table, columns, subject, day, detail } = request;
  return replan({ what: `table ${table}: day ${day}`, command: 'erase' }, async () => {
    const loaded = await runtime.catalog.loadTable(table);
    if (loaded === undefined) return { rows: 0, files: 0, objects: [], left: [], filesOutside: [] };
    const left: ColumnNotWritten[] = [];
    const add: DataFile[] = [];
    const touched: LiveFile[] = [];
    const byObject = new Map<string, string[]>();
    const { store, config, uuid } = runtime;
    const options = { store, output: config.output, prefix: 'erased-', uuid };
    const rewrite = (file: LiveFile, dropped: Uint8Array) =>
      withoutRows(options, loaded, describeTable(table, loaded, config), { ...file, ymd: file.ymd ?? day }, dropped);
    for (const file of await candidates(runtime, loaded, columns, subject, { from: day, to: day })) {
      signal?.throwIfAborted();
      const found = new Map<string, string[]>();
      const dropped = await rowsToDrop(runtime, loaded, file, columns, subject, found);
      if (dropped === undefined) continue;
      try {
        const rewritten = dryRun ? undefined : await rewrite(file, dropped);
        if (rewritten !== undefined) add.push(rewritten);
      } catch (error) {
        if (!(error instanceof ColumnNotWritten)) throw error;
        left.push(error);
        continue;
      }
      touched.push(file);
      for (const [uri, places] of found) byObject.set(uri, (byObject.get(uri) ?? []).concat(places));
    }
    const rows = [...byObject.values()].reduce((sum, { length }) => sum + length, 0);
    const objects = [...byObject.keys()];
    const warehouse = warehouseOf(runtime.catalog, table);
    const filesOutside = touched.flatMap(({ path }) => (isWithin(path, warehouse) ? [] : path));
    if (touched.length === 0 || dryRun) return { rows, files: touched.length, objects, left, filesOutside };
    const before = await erasedBefore(runtime, request, byObject);
    const entries = [...byObject].map(([sourceUri, places]) => ({
      table,
      sourceUri,
      rows: before.get(sourceUri)!.offTheAccount - places.length,
      detail,
      places,
    }));
    const operation = add.length > 0 ? 'overwrite' : 'delete';
    const remove = touched.map((file) => file.path);
    const change = { operation, add, remove, applied: appliedDeletes(touched) } as const;
    const last = [...before.values()].flatMap(({ at }) => (at === undefined ? [] : String(at)));
    const isDone = await amend(runtime, { operation: 'erase', table, change, entries, after: last });
    return isDone ? { rows, files: remove.length, objects, left, filesOutside } : undefined;
  });
}

async function daysOf(runtime: Runtime, table: string, columns: readonly string[], subject: string): Promise<string[]> {
  const loaded = await runtime.catalog.loadTable(table);
  if (loaded === undefined) return [];
  const files = await candidates(runtime, loaded, columns, subject);
  const days = new Set(files.map(({ ymd, path }) => ymd ?? refuseForeign(table, path)));
  return [...days].sort(compareText);
}

function refuseForeign(table: string, path: string): never {
  throw new Error(
    `table ${table}: the day of ${path} is not told by its partition; rewrite it with the engine that wrote it`,
  );
}

/**
 * The fields that are, or have been, one of the columns that name a subject: another engine may have renamed or dropped
 * one, and files go on holding its values.
 */
function subjectFields({ metadata }: LoadedTable, columns: readonly string[]): SchemaField[] {
  return columns.flatMap((column) => {
    const fields = everNamed(metadata, column);
    if (fields.length === 0)
      throw new Error(
        `cannot erase: the table at ${metadata.location} has no column ${column}, and its metadata does not say what ` +
          `another engine has made of it; rename that column back to ${column} there, and run erase again`,
      );
    return fields;
  });
}

/** Files whose bounds say that one of the columns may hold the subject. */
async function candidates(
  { store }: Runtime,
  loaded: LoadedTable,
  columns: readonly string[],
  subject: string,
  days?: { readonly from: string; readonly to: string },
): Promise<LiveFile[]> {
  const { metadata } = loaded;
  const files = new Map<string, LiveFile>();
  for (const column of subjectFields(loaded, columns)) {
    const bounds = [{ column, from: subject, to: subject }];
    for await (const file of liveFiles(store, metadata, { bounds, ...(days && { ymd: days }) }))
      files.set(file.path, file);
  }
  return [...files.values()].sort((a, b) => compareText(a.path, b.path));
}

const placeColumns = ['source_uri', 'source_offset', 'event_time'];

/** 1 for each row of the subject or deleted before; undefined where the subject has none. Gives the places of its rows by object. */
async function rowsToDrop(
  { store }: Runtime,
  loaded: LoadedTable,
  file: LiveFile,
  columns: readonly string[],
  subject: string,
  byObject: Map<string, string[]>,
): Promise<Uint8Array | undefined> {
  const { metadata } = loaded;
  const dropped = (await deletedRows(store, metadata, file)) ?? new Uint8Array(file.recordCount);
  const subjects = subjectFields(loaded, columns).map((field) => ({ ...fieldRef(field), name: String(field.id) }));
  const named = placeColumns.flatMap((name) => {
    const [field] = everNamed(metadata, name);
    return field === undefined ? [] : [fieldRef({ ...field, name })];
  });
  let row = 0;
  let any = false;
  for await (const rows of storedRows(store, metadata, file, [...subjects, ...named])) {
    for (const values of rows) {
      if (subjects.some(({ name }) => values[name] === subject)) {
        any = true;
        // One that another engine has deleted is in no account any more, and goes all the same.
        if (dropped[row] !== 1) {
          const uri = String(values.source_uri);
          const places = byObject.get(uri) ?? [];
          byObject.set(uri, places);
          places.push(placeOfRecord(values.source_offset, values.event_time));
        }
        dropped[row] = 1;
      }
      row++;
    }
  }
  if (row !== file.recordCount)
    throw new AccountingError(`${file.path} has ${row} rows, and ${file.recordCount} by the table's manifest`);
  return any ? dropped : undefined;
}
