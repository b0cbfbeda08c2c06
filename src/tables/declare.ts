import type { ColumnDeclaration } from '../columns/types.ts';
import type { TableDeclaration } from './declaration.ts';
import { type Origin, originOf, type PromotedColumn } from './promoted.ts';
import { type AnnotatedSchema, type Extraction, extractions, parseColumnType } from './schema.ts';

/**
 * Derives a table from an annotated schema and the columns that the config promotes.
 *
 * Promoted columns stand before the big raw text. Neither they nor the mapped columns count when two rows are compared:
 * their values are copied out of text that other columns hold whole, and a row that was written with another
 * configuration has others.
 * Throws where the schema contradicts itself or a promoted column takes a name that is taken.
 */
export function declareTable(
  schema: AnnotatedSchema,
  promoted: Readonly<Record<string, PromotedColumn>> = {},
): TableDeclaration {
  const table = schema['x-table'];
  const required = new Set(table.required);
  const declared = new Map<string, ColumnDeclaration>();
  const add = (name: string, type: string | ColumnDeclaration['type'], description: string): void => {
    if (declared.has(name)) throw new Error(`table ${table.name}: column ${name} is declared twice`);
    declared.set(name, {
      name,
      type: typeof type === 'string' ? parseColumnType(type) : type,
      description,
      ...(required.has(name) ? { required: true } : {}),
    });
  };
  const paths = extractions(schema);
  for (const { column, type, description } of paths) add(column, type, description);
  const mapped = table.mapped ?? {};
  for (const [name, { type, description }] of Object.entries(mapped)) add(name, type, description);
  for (const [name, { type, description }] of Object.entries(table.derived)) add(name, type, description);

  const columns = table.order.map((name) => {
    const column = declared.get(name);
    if (!column) throw new Error(`table ${table.name}: the order names ${name}, which nothing declares`);
    return column;
  });
  if (columns.length !== declared.size) {
    const missing = [...declared.keys()].filter((name) => !table.order.includes(name));
    throw new Error(`table ${table.name}: the order lacks ${missing.join(', ')}`);
  }

  const promotedColumns = Object.entries(promoted).map(([name, { path, type }]): ColumnDeclaration => {
    if (declared.has(name)) {
      throw new Error(`promoted column ${name}: table ${table.name} has a column of that name; choose another`);
    }
    return { name, type: parseColumnType(type), description: `${path}, promoted by the configuration.` };
  });
  columns.splice(table.order.indexOf(table.promotedBefore), 0, ...promotedColumns);

  // Of the columns without a path only extra holds something that no other column does.
  const computed = Object.keys(table.derived).filter((name) => name !== 'extra');

  return {
    name: table.name,
    description: table.description,
    columns,
    sortedBy: table.sortedBy,
    clusteredBy: table.clusteredBy,
    identity: table.identity === 'record' ? {} : { id: table.identity },
    bloomColumns: table.bloomColumns,
    fullBounds: table.fullBounds,
    provenance: [...new Set([...table.provenance, ...computed, ...promotedColumns.map((column) => column.name)])],
    // The text of the member that a longer path leads into is a column of its own, or in extra.
    copies: [...paths.filter(({ path }) => path.length > 1).map(({ column }) => column), ...Object.keys(mapped)],
  };
}

/** The paths of the record, or of what stands around it, that promoted columns are read from. Throws for what is not a path. */
export function promotedExtractions(
  promoted: Readonly<Record<string, PromotedColumn>>,
  from: Exclude<Origin['of'], 'key'>,
): Extraction[] {
  return Object.entries(promoted).flatMap(([column, { path, type, strict }]) => {
    const origin = originOf({ path });
    if (origin.of !== from) return [];
    return [{ column, type: parseColumnType(type), description: '', path: origin.path, json: false, strict }];
  });
}
