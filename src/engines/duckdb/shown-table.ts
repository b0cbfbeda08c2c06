/** A table as DuckDB is shown it: a view over local files, which are data files in place or copies of parts of remote ones. */
import pLimit from 'p-limit';
import { deletedRows } from '../../iceberg/deleted-rows.ts';
import type { TableMetadata } from '../../iceberg/metadata.ts';
import { asParquet, type LiveFile } from '../../iceberg/scan.ts';
import { hasStableNames } from '../../iceberg/schema.ts';
import { readFooter } from '../../parquet/read/row-reader.ts';
import { storedColumns } from '../../parquet/read/stored-column.ts';
import { DamagedObject, type ObjectStore, StoreError } from '../../store/store.ts';
import type { ShownPart } from './remote/table-parts.ts';
import { readingOf, type ViewFile, viewSql } from './table-views.ts';

/** A table that the statement can mean, with the files of its current snapshot that it may need. */
export interface NamedTable {
  readonly name: string;
  readonly metadata: TableMetadata;
  readonly files: readonly LiveFile[];
}

export interface ShownTable {
  readonly name: string;
  readonly sql: string;
  readonly paths: readonly string[];
  /** Of parts of remote files. */
  readonly hasCopies: boolean;
  /** Of data files in place. */
  readonly localBytes: number;
  /** 1 for each deleted row of a file, by path, where it has any. */
  readonly deleted: ReadonlyMap<string, Uint8Array>;
}

const scheme = 'file://';
export const isLocal = (uri: string): boolean => uri.startsWith(scheme);

const filesAhead = 8;

/** `parts` are those of its remote files; the others are read in place. */
export async function shownTable(
  store: ObjectStore,
  { name, metadata, files }: NamedTable,
  parts: readonly ShownPart[],
  signal: AbortSignal | undefined,
): Promise<ShownTable> {
  const local = files.filter(({ path }) => isLocal(path));
  const inPlace = await filesInPlace(store, metadata, local, signal);
  const deleted = new Map(inPlace.deleted);
  const limit = pLimit(filesAhead);
  const inCopy = async ({ live, path, rows: ranges, columns, constants, nested }: ShownPart): Promise<ViewFile> => {
    signal?.throwIfAborted();
    const rows = await deletedRows(store, metadata, live);
    if (rows !== undefined) deleted.set(path, Buffer.concat(ranges.map(({ from, to }) => rows.subarray(from, to))));
    return { path, hasDeletes: rows !== undefined, columns, constants, nested };
  };
  const shown = [...inPlace.files, ...(await Promise.all(parts.map((part) => limit(() => inCopy(part)))))];
  return {
    name,
    sql: viewSql(name, metadata, shown),
    paths: shown.map(({ path }) => path),
    hasCopies: parts.length > 0,
    localBytes: local.reduce((sum, file) => sum + file.fileSize, 0),
    deleted,
  };
}

/** Data files as DuckDB opens them where they are: local ones by their paths, others by their URIs. */
export async function filesInPlace(
  store: ObjectStore,
  metadata: TableMetadata,
  files: readonly LiveFile[],
  signal?: AbortSignal,
): Promise<{ readonly files: readonly ViewFile[]; readonly deleted: ShownTable['deleted'] }> {
  const stable = hasStableNames(metadata);
  const deleted = new Map<string, Uint8Array>();
  const limit = pLimit(filesAhead);
  const inPlace = async (file: LiveFile): Promise<ViewFile> => {
    signal?.throwIfAborted();
    if (isLocal(file.path)) await expectWhole(store, file);
    const path = isLocal(file.path) ? file.path.slice(scheme.length) : file.path;
    const rows = await deletedRows(store, metadata, file);
    if (rows !== undefined) deleted.set(path, rows);
    const isPlain = stable && file.constants === undefined;
    const stored = isPlain ? undefined : storedColumns(await readFooter(store, asParquet(file)));
    return { path, hasDeletes: rows !== undefined, ...readingOf(metadata, file, stored) };
  };
  return { files: await Promise.all(files.map((file) => limit(() => inPlace(file)))), deleted };
}

/** Of a file that is not there DuckDB says that it looked for a folder, and was not allowed to. Throws StoreError. */
async function expectWhole(store: ObjectStore, { path, fileSize }: LiveFile): Promise<void> {
  const info = await store.head(path);
  if (info === undefined) throw new StoreError('not-found', path, 'a data file of the warehouse is gone');
  if (info.size !== fileSize)
    throw new DamagedObject(path, `a data file has ${info.size} bytes, and ${fileSize} by its table`);
}

/** The deleted rows of files, one after another. */
export function* deletedPositions(deleted: ShownTable['deleted']): Generator<[path: string, position: number]> {
  for (const [path, rows] of deleted)
    for (let row = rows.indexOf(1); row >= 0; row = rows.indexOf(1, row + 1)) yield [path, row];
}
