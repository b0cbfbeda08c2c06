import type { ColumnDeclaration } from '../columns/types.ts';

/** A table of the warehouse. Declared once; Iceberg schema, Glue columns, file layout and docs derive from it. */
export interface TableDeclaration {
  readonly name: string;
  readonly description: string;
  /** In file order: columns that are read together side by side, big raw text last. Always has `ymd`. */
  readonly columns: readonly ColumnDeclaration[];
  /** Order of rows inside a file as ingested. */
  readonly sortedBy: readonly string[];
  /** Order of rows in compacted files, where it is another: column names, or `hour(column)` of a timestamp. */
  readonly clusteredBy?: readonly string[];
  /**
   * Present where rows can be duplicates: two rows that are equal in every column but those of `provenance` and `copies`
   * are one record, and one of them is kept (records/identity.ts). Without it rows are never taken for duplicates.
   */
  readonly identity?: {
    /**
     * The column that is meant to name a record. A row whose value is empty there is never a duplicate; rows that share a
     * value and differ elsewhere are all kept, and count as conflicts. Absent where nothing names a record.
     */
    readonly id?: string;
  };
  /** Columns that deserve a bloom filter. */
  readonly bloomColumns: readonly string[];
  /** Columns whose manifest bounds are kept whole instead of truncated to 16 bytes. */
  readonly fullBounds: readonly string[];
  /**
   * Columns that say where a row came from, and those that are computed from others or that the configuration promotes:
   * the same record may have other values in them.
   */
  readonly provenance: readonly string[];
  /**
   * Columns whose values are copied out of text that other columns hold whole. Which text that is may be configured, so
   * they have no say in whether two rows are the same record.
   */
  readonly copies?: readonly string[];
}

/** Every table is partitioned by this column: string YYYY-MM-DD, the UTC day of the event. */
export const partitionColumn = 'ymd';
