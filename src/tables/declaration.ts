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
   * What makes two rows the same record, of which compaction keeps one: a column (its empty value is nobody's identity),
   * or all columns but those of `provenance`. Without it rows are never taken for duplicates.
   */
  readonly identity?: { readonly column: string } | 'record';
  /** Columns that deserve a bloom filter. */
  readonly bloomColumns: readonly string[];
  /** Columns whose manifest bounds are kept whole instead of truncated to 16 bytes. */
  readonly fullBounds: readonly string[];
  /**
   * Columns left out when two rows are compared for being the same record: those that say where a row came from, and
   * those computed or copied from others.
   */
  readonly provenance: readonly string[];
  /** Those of `provenance` that are the same for one record as long as `shape` and `fields` of its source are. */
  readonly mapped?: readonly string[];
}

const whole = new WeakMap<TableDeclaration, TableDeclaration>();

/** The declaration for comparing rows that one configuration has made: mapped columns count like any other. */
export function withMappedColumns(declaration: TableDeclaration): TableDeclaration {
  const { mapped, provenance } = declaration;
  if (mapped === undefined) return declaration;
  const known = whole.get(declaration);
  if (known !== undefined) return known;
  const made = { ...declaration, provenance: provenance.filter((name) => !mapped.includes(name)) };
  whole.set(declaration, made);
  return made;
}

/** Every table is partitioned by this column: string YYYY-MM-DD, the UTC day of the event. */
export const partitionColumn = 'ymd';
