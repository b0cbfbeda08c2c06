/** Statements that ask what there is: they are shown all tables and views, with their descriptions, and no rows of those that they do not name. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { currentSchema } from '../../iceberg/metadata.ts';
import { comment } from '../../sql/comments.ts';
import type { View } from '../../views/select.ts';
import type { NamedTable } from './shown-table.ts';
import { identifier, literal } from './sql-types.ts';

/** SHOW TABLES, information_schema, DuckDB's own listings, and what other tools ask of Postgres. */
const listing =
  /\b(show|information_schema|duckdb_(tables|views|columns)|pg_catalog|pg_\w+|sqlite_master|pragma_\w+)\b/i;

export const listsCatalog = (sql: string): boolean => listing.test(sql.replace(outsideOfNames, ' '));

const outsideOfNames = new RegExp(`${comment}|'(?:''|[^'])*'`, 'g');

/** As comments, where DuckDB's listings have a column for them. */
export async function describeAll(
  connection: DuckDBConnection,
  tables: readonly NamedTable[],
  views: readonly View[],
): Promise<void> {
  const statements = descriptions(tables, views);
  if (statements.length > 0) await connection.run(statements.join(';\n'));
}

/** A COMMENT for each table, view and column that has a description. */
export function descriptions(
  tables: readonly Pick<NamedTable, 'name' | 'metadata'>[],
  views: readonly View[],
): string[] {
  const statements: string[] = [];
  const describe = (of: 'VIEW' | 'COLUMN', path: readonly string[], description: string | undefined): void => {
    if (description) statements.push(`COMMENT ON ${of} ${path.map(identifier).join('.')} IS ${literal(description)}`);
  };
  for (const { name, metadata } of tables) {
    describe('VIEW', [name], metadata.properties.comment);
    for (const { name: column, doc } of currentSchema(metadata).fields) describe('COLUMN', [name, column], doc);
  }
  for (const { name, description, columns } of views) {
    describe('VIEW', [name], description);
    for (const [column, { description: doc }] of Object.entries(columns)) describe('COLUMN', [name, column], doc);
  }
  return statements;
}
