import type { ScalarType } from '../columns/types.ts';
import type { TableMetadata } from './metadata.ts';

/**
 * The catalog port: names tables and holds, for each, the pointer to its current metadata file. A commit is the
 * compare-and-swap of that pointer; nothing else makes data visible. Adapters: src/catalog.
 * Held by test/contract/catalog.ts.
 */
export interface Catalog {
  /** Creates the namespace (Glue database, directory) where missing. Idempotent. */
  ensureNamespace(): Promise<void>;
  /** undefined where there is no such table. Always the newest committed metadata. */
  loadTable(name: string): Promise<LoadedTable | undefined>;
  /**
   * The table as it was last loaded or committed here, perhaps outdated by now; null where there was none when it was last
   * asked for. Makes no request; absent where none is kept.
   */
  lastLoaded?(name: string): LoadedTable | null | undefined;
  /**
   * Throws CommitConflict where the table exists already (someone else won). Where a server writes the metadata, it gives the
   * table its uuid and its times, and may add properties: what counts is what is returned. `later` as for commitTable.
   */
  createTable(name: string, metadata: TableMetadata, later?: (rest: Promise<void>) => void): Promise<LoadedTable>;
  /**
   * Makes the table of a metadata file that there is: for one with a past, where a server writes the metadata and cannot be
   * told the past by createTable. Absent where createTable takes it. Throws as createTable.
   */
  registerTable?(name: string, metadataLocation: string): Promise<LoadedTable>;
  /**
   * Writes the metadata as a new file, with the replaced one added to its metadata log, and swaps the pointer. Throws
   * CommitConflict where `base` is no longer current, CommitStateUnknown where the outcome cannot be found out. A server that
   * merges changes may let one through while only properties, or snapshots without a branch or tag, differ from `base`.
   *
   * `later` is given what is left to do once the commit holds, which never rejects: hints for readers that know no
   * catalog, files that are not needed any more. To be waited for before the process says that it is done; without
   * `later` it is over when this resolves.
   */
  commitTable(
    name: string,
    base: LoadedTable,
    metadata: TableMetadata,
    later?: (rest: Promise<void>) => void,
  ): Promise<LoadedTable>;
  /**
   * Begins what `commitTable` with the same arguments would do before it swaps the pointer; absent where that is nothing.
   * For the time in which files that the metadata names are still on their way.
   */
  writeAhead?(name: string, base: LoadedTable, metadata: TableMetadata): Promise<void>;
  /** Table names (Iceberg tables only), ascending. */
  listTables(): Promise<string[]>;
  /** Directory URI, without trailing slash, for a table that is about to be created. */
  tableLocation(name: string): string;
  /**
   * Makes the views what they should be, for engines that find them in the catalog; absent where none does. Idempotent;
   * whatever else has the name of a view is left as it is.
   */
  registerViews?(views: readonly ViewEntry[]): Promise<ViewChanges>;
}

export interface LoadedTable {
  readonly metadataLocation: string;
  readonly metadata: TableMetadata;
  /** Differs between any two versions: Glue's VersionId, the file catalog's version number, the URI of a REST catalog's file. */
  readonly version: string;
}

export class CommitConflict extends Error {
  override readonly name = 'CommitConflict';
  readonly table: string;
  constructor(table: string, options?: { cause?: unknown }) {
    super(`table ${table} changed while a commit was being prepared`, options);
    this.table = table;
  }
}

/**
 * A commit was sent, and whether it took effect is not known: the answer got lost, and reading back did not settle it.
 * It may still take effect later, but never after another commit on the same base.
 */
export class CommitStateUnknown extends Error {
  override readonly name = 'CommitStateUnknown';
  readonly table: string;
  constructor(table: string, options?: { cause?: unknown }) {
    super(`table ${table}: a commit was sent, and whether it took effect is not known`, options);
    this.table = table;
  }
}

/** A view to register. */
export interface ViewEntry {
  readonly name: string;
  readonly description: string;
  /** In Trino's dialect; tables by their bare names, which mean those of the same database. */
  readonly sql: string;
  /** In order, by name. */
  readonly columns: Readonly<Record<string, ViewColumn>>;
  readonly reads: 'owner' | 'asker';
}

export interface ViewColumn {
  readonly type: ScalarType;
  readonly description: string;
}

/** What registering did, by name of the view. */
export interface ViewChanges {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  /** Something of that name is there that this product did not make; it was left as it is. */
  readonly foreign: readonly string[];
}
