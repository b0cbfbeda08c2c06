/**
 * The tables from their data files: every file as its manifest says, the rows of each object counted, and, where
 * asked for, digested; identities of compacted days looked through for doubles.
 */
import pLimit from 'p-limit';
import type { Value } from '../../columns/types.ts';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { countLiveRows } from '../../iceberg/deleted-rows.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { fileRows } from '../../iceberg/table-rows.ts';
import { increase } from '../../ingest/object-counts.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import { rowDigest } from '../../records/identity.ts';
import { StoreError } from '../../store/store.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import type { Differences } from './difference.ts';
import { Bounds, checkFile } from './files.ts';

export interface TableContents {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Rows by source_uri. */
  readonly byObject: ReadonlyMap<string, number>;
  /** Paths of files that are gone or cannot be read, each reported. */
  readonly unreadable: ReadonlySet<string>;
  /** Sum of the digests of an object's rows, modulo 2^128, by source_uri: the order of rows makes no difference. */
  readonly digests: ReadonlyMap<string, bigint>;
}

export interface TableCheck {
  readonly loaded: LoadedTable;
  /** Where given, all values are read: bounds are compared with them, and rows are digested. */
  readonly declaration: TableDeclaration | undefined;
  /** Rows that are in the account of an object; all where omitted. */
  readonly counts?: (row: Row) => boolean;
  /** Columns that `counts` looks at. */
  readonly countedBy?: readonly string[];
}

const filesAhead = 8;
const digestModulus = (1n << 128n) - 1n;

export const addDigest = (sum: bigint | undefined, digest: string): bigint =>
  ((sum ?? 0n) + BigInt(`0x${digest}`)) & digestModulus;

export async function checkTable(
  { store }: Runtime,
  name: string,
  check: TableCheck,
  differences: Differences,
): Promise<TableContents> {
  const { metadata } = check.loaded;
  const byObject = new Map<string, number>();
  const digests = new Map<string, bigint>();
  const totals = { files: 0, rows: 0, bytes: 0 };
  const unreadable = new Set<string>();
  const hasObjects = metadata.schemas.some((schema) => schema.fields.some((field) => field.name === 'source_uri'));

  const look = async (file: LiveFile): Promise<void> => {
    if (!(await checkFile(store, name, metadata, file, differences))) {
      unreadable.add(file.path);
      return;
    }
    try {
      // Not `+= await`: others add to it in between.
      const rows = await countLiveRows(store, metadata, file);
      totals.rows += rows;
      if (hasObjects) await readFile(file);
    } catch (error) {
      if (error instanceof StoreError && error.code !== 'not-found') throw error;
      unreadable.add(file.path);
      const detail = error instanceof Error ? error.message : String(error);
      differences.add({ kind: 'file-unreadable', table: name, uri: file.path, detail });
    }
  };
  const readFile = async (file: LiveFile): Promise<void> => {
    const columns = check.declaration ? {} : { columns: ['source_uri', ...(check.countedBy ?? [])] };
    const bounds = check.declaration && new Bounds(metadata, file);
    for await (const rows of fileRows(store, metadata, file, columns)) {
      for (const row of rows) {
        if (bounds) for (const column in row) bounds.see(column, row[column]);
        if (check.counts?.(row) === false) continue;
        const uri = String(row.source_uri);
        increase(byObject, uri, 1);
        if (check.declaration) digests.set(uri, addDigest(digests.get(uri), digestOf(check.declaration, row)));
      }
    }
    bounds?.report(name, differences);
  };
  const limit = pLimit({ concurrency: filesAhead });
  const running = new Set<Promise<void>>();
  for await (const file of liveFiles(store, metadata)) {
    totals.files++;
    totals.bytes += file.fileSize;
    const task = limit(look, file).finally(() => running.delete(task));
    // Heard below; that of another file may be heard first and end it all.
    task.catch(() => undefined);
    running.add(task);
    if (running.size >= 2 * filesAhead) await Promise.race(running);
  }
  await Promise.all(running);
  return { ...totals, byObject, unreadable, digests };
}

const digestOf = (declaration: TableDeclaration, row: Row): string =>
  rowDigest(declaration, valuesOf(declaration, row));

/** In the order of the declaration. */
export const valuesOf = (declaration: TableDeclaration, row: Row): Value[] =>
  declaration.columns.map((column) => row[column.name] ?? null);
