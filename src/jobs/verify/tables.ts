/**
 * The tables from their data files: every file as its manifest says, the rows of each object counted, and, where
 * asked for, digested; identities of compacted days looked through for doubles.
 */
import pLimit from 'p-limit';
import type { BatchColumn, StringData } from '../../columns/batch.ts';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { countLiveRows } from '../../iceberg/deleted-rows.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { DigestedBatch } from '../../kernel/row-digests.ts';
import type { ColumnReader } from '../../parquet/read/column-reader.ts';
import { declaredColumns, describeTable } from '../../rewrite/stored-table.ts';
import { StoreError } from '../../store/store.ts';
import type { DeepCheck } from './deep/deep.ts';
import { columnGroups } from './deep/read-columns.ts';
import { numbersOf } from './deep/table-side.ts';
import type { Differences } from './difference.ts';
import { Bounds, checkFile } from './files.ts';
import { type ObjectNames, ObjectSums } from './object-names.ts';

export interface TableContents {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Rows by source_uri. */
  readonly byObject: ObjectSums;
  /** Paths of files that are gone or cannot be read, each reported. */
  readonly unreadable: ReadonlySet<string>;
}

export interface TableCheck {
  readonly loaded: LoadedTable;
  /** Where objects get their numbers. */
  readonly names: ObjectNames;
  /** Where given, all values are read: bounds are compared with them, and rows are digested. */
  readonly deep: DeepCheck | undefined;
  /** Only rows with one of these values in this column are in the account of an object. */
  readonly counted?: { readonly column: string; readonly among: ReadonlySet<string> };
}

const filesAhead = 8;
/** Where all values are read, each file takes as much memory as a row group. */
const deepFilesAhead = 1;

export async function checkTable(
  { store, config }: Runtime,
  name: string,
  { loaded, deep, counted, names }: TableCheck,
  differences: Differences,
): Promise<TableContents> {
  const { metadata } = loaded;
  const byObject = new ObjectSums(names);
  const totals = { files: 0, rows: 0, bytes: 0 };
  const unreadable = new Set<string>();
  const hasObjects = metadata.schemas.some((schema) => schema.fields.some((field) => field.name === 'source_uri'));

  const look = async (file: LiveFile): Promise<void> => {
    const opened = await checkFile(store, name, metadata, file, differences);
    if (opened === undefined) {
      unreadable.add(file.path);
      return;
    }
    try {
      // Not `+= await`: others add to it in between.
      const rows = await countLiveRows(store, metadata, file);
      totals.rows += rows;
      if (hasObjects) await readFile(file, opened.reader);
    } catch (error) {
      if (error instanceof StoreError && error.code !== 'not-found') throw error;
      unreadable.add(file.path);
      const detail = error instanceof Error ? error.message : String(error);
      differences.add({ kind: 'file-unreadable', table: name, uri: file.path, detail });
    } finally {
      opened.reader?.close();
    }
  };
  const described = hasObjects ? describeTable(name, loaded, config) : undefined;
  const digester = deep?.digester(name);
  const readFile = async (file: LiveFile, reader: ColumnReader | undefined): Promise<void> => {
    const bounds = digester && new Bounds(metadata, file);
    const columns = digester ? declaredColumns(described!.declaration).map(({ name }) => name) : ['source_uri'];
    if (counted !== undefined) columns.push(counted.column);
    for await (const group of columnGroups(store, loaded, described!, file, reader)) {
      const batch = await group.read(columns);
      const textOf = (column: string): StringData =>
        batch.columns.find((other: BatchColumn) => other.name === column)!.data as StringData;
      const isCounted =
        counted && numbersOf(textOf(counted.column), batch.rows, (text) => (counted.among.has(text) ? 1 : -1));
      const uris: string[] = [];
      const local = new Map<string, number>();
      const objects = numbersOf(textOf('source_uri'), batch.rows, (uri) => {
        const number = local.get(uri) ?? uris.push(uri) - 1;
        local.set(uri, number);
        return number;
      });
      const rows = new Float64Array(uris.length);
      for (let row = 0; row < batch.rows; row++) {
        const isLeftOut = group.dropped?.[row] === 1 || (isCounted !== undefined && isCounted[row] !== 1);
        if (isLeftOut) objects[row] = -1;
        else if (objects[row]! >= 0) rows[objects[row]!]!++;
        else byObject.add('null', 1);
      }
      for (const [number, uri] of uris.entries()) if (rows[number]! > 0) byObject.add(uri, rows[number]!);
      if (digester === undefined) continue;
      const digested = new DigestedBatch(batch);
      bounds!.seeColumns(digested, batch);
      const numbers = uris.map(digester.numberOf);
      digester.rows.take(
        batch,
        digested,
        objects.map((object) => (object < 0 ? -1 : numbers[object]!)),
      );
      digested.release();
    }
    bounds?.report(name, differences);
  };
  const ahead = digester ? deepFilesAhead : filesAhead;
  const limit = pLimit({ concurrency: ahead });
  const running = new Set<Promise<void>>();
  for await (const file of liveFiles(store, metadata)) {
    totals.files++;
    totals.bytes += file.fileSize;
    const task = limit(look, file).finally(() => running.delete(task));
    // Heard below; that of another file may be heard first and end it all.
    task.catch(() => undefined);
    running.add(task);
    if (running.size >= 2 * ahead) await Promise.race(running);
  }
  await Promise.all(running);
  return { ...totals, byObject, unreadable };
}
