/** Plans a statement where nothing can be read: over empty tables with the columns of the real ones. */
import { currentSchema, type TableMetadata } from '../../iceberg/metadata.ts';
import { type ParameterValue, QueryError } from '../../sql/parameter.ts';
import { readStatement } from '../../sql/statement.ts';
import type { View } from '../../views/select.ts';
import type { QueryRequest } from '../engine.ts';
import { addPrelude, type OpenDuckDb, openDuckDb, prepareReading, queryErrorOf } from './connection.ts';
import { type Scan, scansOf } from './remote/statement-scans.ts';
import { duckdbType, identifier, literal } from './table-views.ts';

export interface PlannedOver {
  readonly tables: readonly { readonly name: string; readonly metadata: TableMetadata }[];
  readonly views: readonly Pick<View, 'name' | 'sql'>[];
  readonly user: string;
}

/**
 * What the statement reads of each table; undefined where DuckDB does not tell. Throws QueryError, and DuckDB's errors, for a
 * statement that cannot be run, so that nothing is fetched for it.
 */
export async function planStatement(
  { sql, parameters = {} }: Pick<QueryRequest, 'sql' | 'parameters'>,
  over: PlannedOver,
): Promise<ReadonlyMap<string, readonly Scan[]> | undefined> {
  const { connection, close } = await openEmpty(over);
  try {
    await prepareReading(connection, sql);
    const text = withValues(sql, parameters);
    return text === undefined ? undefined : await scansOf(connection, planned(text));
  } finally {
    close();
  }
}

/** Throws QueryError for a statement that these tables and views do not allow. */
export async function checkStatement({ sql }: Pick<QueryRequest, 'sql'>, over: PlannedOver): Promise<void> {
  const { connection, close } = await openEmpty(over);
  try {
    await prepareReading(connection, sql);
  } catch (error) {
    throw error instanceof QueryError ? error : queryErrorOf(error);
  } finally {
    close();
  }
}

async function openEmpty({ tables, views, user }: PlannedOver): Promise<OpenDuckDb> {
  const duckdb = await openDuckDb({ enable_external_access: 'false', threads: '1' });
  try {
    const { connection } = duckdb;
    await addPrelude(connection, user);
    for (const { name, metadata } of tables) {
      const columns = currentSchema(metadata).fields.map(
        (field) => `${identifier(field.name)} ${duckdbType(field.type)}`,
      );
      await connection.run(`CREATE TABLE ${identifier(name)} (${columns.join(', ')})`);
    }
    for (const view of views) await connection.run(createView(view));
    return duckdb;
  } catch (error) {
    duckdb.close();
    throw error;
  }
}

export const createView = ({ name, sql }: Pick<View, 'name' | 'sql'>): string =>
  `CREATE VIEW ${identifier(name)} AS ${sql}`;

/** What is planned of EXPLAIN, which may run its statement, and of CALL. */
function planned(sql: string): string {
  return sql
    .replace(/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*EXPLAIN\b\s*(?:\([^)]*\))?\s*(?:ANALYZE\b)?\s*(?:\([^)]*\))?/i, '')
    .replace(/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*CALL\b/i, 'SELECT * FROM ');
}

/** With the values in place of the parameters; undefined where one has no literal, or the text is not understood. */
function withValues(sql: string, parameters: NonNullable<QueryRequest['parameters']>): string | undefined {
  if (Object.keys(parameters).length === 0) return sql;
  try {
    const { sql: text, placeholders } = readStatement(sql);
    let result = '';
    let at = 0;
    for (const { name, start, end } of placeholders) {
      const value = parameters[name] === undefined ? undefined : duckdbLiteral(parameters[name]);
      if (value === undefined) return undefined;
      result += `${text.slice(at, start)} ${value} `;
      at = end;
    }
    return result + text.slice(at);
  } catch (error) {
    if (error instanceof QueryError) return undefined;
    throw error;
  }
}

function duckdbLiteral(value: ParameterValue): string | undefined {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? undefined : literal(value);
  if (typeof value === 'boolean') return String(value);
  // LIMIT takes plain digits only.
  if (typeof value === 'bigint') return value < 0n ? `CAST('${value}' AS BIGINT)` : String(value);
  return `make_timestamp(CAST('${value.micros}' AS BIGINT))`;
}
