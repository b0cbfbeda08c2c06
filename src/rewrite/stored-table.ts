/**
 * A table as those see it who write its files anew: the columns that it has now (also those that no source declares any more), the order
 * that compacted files get, and what makes two of its rows the same record.
 */

import type { ColumnDeclaration } from '../columns/types.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../config/errors.ts';
import { carriedField, declarableType } from '../iceberg/carried.ts';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { currentSchema, type SchemaField, type TableMetadata } from '../iceberg/metadata.ts';
import { namesOf } from '../iceberg/name-mapping.ts';
import type { LiveFile } from '../iceberg/scan.ts';
import { fieldsByName, fileColumns, typeName } from '../iceberg/schema.ts';
import { parseSortKey, type SortKey } from '../iceberg/sort-orders.ts';
import { decodeValue } from '../iceberg/values.ts';
import type { FileColumn } from '../parquet/encoder.ts';
import { compareValues } from '../parquet/format/bounds.ts';
import type { ColumnReader } from '../parquet/read/column-reader.ts';
import { createSource } from '../sources/index.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import { quarantine } from '../tables/quarantine.ts';
import { sequences } from '../tables/sequences.ts';

export interface CompactionTable {
  /** With the columns of the table's current schema. */
  readonly declaration: TableDeclaration;
  readonly clustering: readonly SortKey[];
  readonly columns: ReadonlyMap<string, FileColumn>;
  /** Field ids by name, for files that carry none. */
  readonly names: ReadonlyMap<string, number>;
  /** Columns of other engines whose values cannot be written: files that hold some are not rewritten. */
  readonly notWritten: ReadonlyMap<number, string>;
  readonly isPinned: (file: LiveFile) => boolean;
}

/** A file holds values of a column of another engine that would be lost in a new one. */
export class ColumnNotWritten extends Error {
  override readonly name = 'ColumnNotWritten';
}

/** Throws ColumnNotWritten. */
export function expectWritten(table: CompactionTable, reader: ColumnReader, path: string): void {
  const { declaration, columns, names, notWritten } = table;
  const lost = [...notWritten].filter(([id]) => reader.mayHold(id)).map(([, column]) => `values of ${column}`);
  const others = [...columns.values()].flatMap((column) => reader.whyNotCarried(column, names) ?? []);
  const [reason] = [...lost, ...others];
  if (reason === undefined) return;
  throw new ColumnNotWritten(
    `table ${declaration.name}: ${path} has a column that only the engine which made it can write (${reason}); ` +
      'rewrite the file there, or drop the column',
  );
}

/** Throws UsageError where the configured clustering names something other than a sortable column of the table. */
export function describeTable(name: string, { metadata }: LoadedTable, config: Config): CompactionTable {
  const base = declarationsOf(config).find((declaration) => declaration.name === name);
  const declaration = withSchema(name, base, metadata);
  const clustering = clusteringOf(declaration, base, metadata, config);
  return {
    declaration,
    clustering,
    columns: new Map(fileColumns(metadata, declaration).map((column) => [column.name, column])),
    names: namesOf(metadata),
    notWritten: notWrittenIn(metadata),
    isPinned: name === ingestedObjects.name ? mayHoldClaims(metadata) : () => false,
  };
}

/**
 * The tables that the configuration knows of. Where several sources write to one, each with promoted columns of its own,
 * the last of them speaks for it: columns that it does not declare count as promoted once (`withSchema`).
 */
function declarationsOf({ sources, limits }: Config): TableDeclaration[] {
  const tables = sources.map((source) => createSource(source.type, source.columns, limits).table);
  const declarations = new Map(tables.map((table) => [table.name, table]));
  return [...declarations.values(), quarantine, ingestedObjects, sequences];
}

/**
 * Declared columns in the order of the declaration, then those that only the table still has. A column that another engine
 * has renamed stands under its declared name, since that is what identity and order go by: files tell columns by their ids.
 */
function withSchema(name: string, base: TableDeclaration | undefined, metadata: TableMetadata): TableDeclaration {
  const byName = fieldsByName(metadata);
  const known = (base?.columns ?? []).flatMap(({ name: column }) => {
    const field = byName.get(column);
    return field === undefined ? [] : [{ column, field }];
  });
  const declared = known.flatMap(({ column, field }) => columnOf(field, column) ?? []);
  const ids = new Set(known.map(({ field }) => field.id));
  const others = currentSchema(metadata).fields.flatMap((field) =>
    ids.has(field.id) ? [] : (columnOf(field, field.name) ?? []),
  );
  const present = new Set([...declared, ...others].map((column) => column.name));
  return {
    name,
    description: base?.description ?? '',
    columns: [...declared, ...others],
    sortedBy: base?.sortedBy ?? [],
    bloomColumns: (base?.bloomColumns ?? []).filter((column) => present.has(column)),
    fullBounds: base?.fullBounds ?? [],
    // Columns that were promoted once: copies of what other columns hold.
    provenance: [...(base?.provenance ?? []), ...others.map((column) => column.name)],
    ...(base?.identity && { identity: base.identity }),
    ...(base?.copies && { copies: base.copies }),
  };
}

/** Those that a table can declare: carried ones are taken along, and no more is known of them. */
export const declaredColumns = ({ columns }: TableDeclaration): ColumnDeclaration[] =>
  columns.filter(({ isCarried }) => !isCarried);

const notWrittenIn = (metadata: TableMetadata): ReadonlyMap<number, string> =>
  new Map(
    currentSchema(metadata)
      .fields.filter((field) => columnOf(field, field.name) === undefined)
      .map(({ id, name, type }) => [id, `${name} (${typeName(type)})`]),
  );

/** undefined for what cannot be written. */
function columnOf(field: SchemaField, name: string): ColumnDeclaration | undefined {
  const declarable = declarableType(field.type);
  const isCarried = declarable === undefined;
  if (isCarried && carriedField(field) === undefined) return undefined;
  const type = declarable ?? 'string';
  const { doc: description = '', required } = field;
  return { name, type, description, ...(required && { required }), ...(isCarried && { isCarried }) };
}

function clusteringOf(
  declaration: TableDeclaration,
  base: TableDeclaration | undefined,
  metadata: TableMetadata,
  { compact }: Config,
): SortKey[] {
  const configured = compact.clustering[declaration.name];
  if (configured === undefined && base === undefined) return defaultOrder(metadata);
  const types = new Map(declaredColumns(declaration).map(({ name, type }) => [name, type]));
  const wanted = configured ?? base?.clusteredBy ?? declaration.sortedBy;
  // What another engine has dropped cannot be sorted by; what the configuration names has to be there.
  const possible = configured ?? wanted.filter((text) => types.has(parseSortKey(text)?.column ?? ''));
  return possible.map((text) => {
    const key = parseSortKey(text);
    const type = key && types.get(key.column);
    if (key === undefined || typeof type !== 'string' || (key.transform === 'hour' && type !== 'timestamp'))
      throw new UsageError(
        `compact.clustering.${declaration.name}: ${text} is neither a scalar column of the table nor hour(a timestamp)`,
      );
    return key;
  });
}

/** Of a table that somebody else made: its own order as far as it can be kept. */
function defaultOrder(metadata: TableMetadata): SortKey[] {
  const names = new Map(
    currentSchema(metadata)
      .fields.filter(({ type }) => typeof declarableType(type) === 'string')
      .map((field) => [field.id, field.name]),
  );
  const order = metadata['sort-orders'].find((one) => one['order-id'] === metadata['default-sort-order-id']);
  const keys: SortKey[] = [];
  for (const field of order?.fields ?? []) {
    const column = names.get(field['source-id']);
    if (column === undefined || field.transform !== 'identity' || field.direction !== 'asc') break;
    keys.push({ column, transform: 'identity' });
  }
  return keys;
}

/**
 * Claims are replaced by the batch that holds them, so their files are not to be moved under its feet. `claimed` is less
 * than `committed`, so the lower bound tells; without one it cannot be told.
 */
function mayHoldClaims(metadata: TableMetadata): (file: LiveFile) => boolean {
  const state = fieldsByName(metadata).get('state')!;
  return ({ lowerBounds }) => {
    const bound = lowerBounds.get(state.id);
    const least = bound && decodeValue(state.type, bound);
    return least === undefined || compareValues(least, 'committed') < 0;
  };
}
