/** Plans a statement where nothing can be read: over empty tables with the columns of the real ones. */
import { type DuckDBConnection, StatementType } from '@duckdb/node-api';
import { currentSchema, type TableMetadata } from '../../iceberg/metadata.ts';
import { type ParameterValue, QueryError } from '../../sql/parameter.ts';
import { readStatement } from '../../sql/statement.ts';
import type { View } from '../../views/select.ts';
import type { QueryRequest } from '../engine.ts';
import { besideArrows } from './arrows.ts';
import {
  addPrelude,
  explainedBy,
  gap,
  interruptOn,
  type OpenDuckDb,
  openDuckDb,
  prepareReading,
  queryErrorOf,
} from './connection.ts';
import { type Scan, scansOf } from './remote/statement-scans.ts';
import { duckdbType, identifier, literal } from './sql-types.ts';

export interface PlannedOver {
  readonly tables: readonly { readonly name: string; readonly metadata: TableMetadata }[];
  readonly views: readonly Pick<View, 'name' | 'sql'>[];
  readonly user: string;
}

/**
 * What the statement reads of each table; undefined where DuckDB does not tell. Throws QueryError, and DuckDB's errors, for a
 * statement that cannot be run, so that nothing is fetched for it, and for one that the signal has ended.
 */
export async function planStatement(
  { sql, parameters = {}, signal }: Pick<QueryRequest, 'sql' | 'parameters' | 'signal'>,
  over: PlannedOver,
): Promise<ReadonlyMap<string, readonly Scan[]> | undefined> {
  return overEmpty({ sql, signal }, over, async (connection) => {
    const { statementType } = await prepareReading(connection, sql);
    const text = withValues(sql, parameters);
    return text === undefined ? undefined : await scansOf(connection, planned(text, statementType));
  });
}

/** Throws QueryError for a statement that these tables and views do not allow. */
export async function checkStatement({ sql: given }: Pick<QueryRequest, 'sql'>, over: PlannedOver): Promise<void> {
  const written = besideArrows(textsOf({ sql: given }, over.views));
  const sql = written(given);
  const views = over.views.map((view) => ({ ...view, sql: written(view.sql) }));
  try {
    await overEmpty({ sql }, { ...over, views }, (connection) => prepareReading(connection, sql));
  } catch (error) {
    throw error instanceof QueryError ? error : queryErrorOf(error);
  }
}

interface Planner extends OpenDuckDb {
  uses: number;
}

/**
 * One database for many statements of the process, since opening one takes longer than planning. Each is planned in a
 * transaction of its own, and nothing of it is left behind. None is run, but constant expressions are computed, which may
 * take as long as their writer likes: statements that come meanwhile get another database.
 */
let idle: Planner | undefined;
/** DuckDB keeps some 10 kB of each. */
const mostUses = 100;

async function overEmpty<T>(
  { sql, signal }: { readonly sql: string; readonly signal?: AbortSignal | undefined },
  { tables, views, user }: PlannedOver,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const taken = idle;
  idle = undefined;
  const planner = taken ?? { ...(await openDuckDb({ enable_external_access: 'false', threads: '1' })), uses: 0 };
  const { connection } = planner;
  const leave = interruptOn(signal, connection);
  try {
    signal?.throwIfAborted();
    await connection.run('BEGIN');
    await addPrelude(connection, user, textsOf({ sql }, views));
    for (const { name, metadata } of tables) {
      const columns = currentSchema(metadata).fields.map(
        (field) => `${identifier(field.name)} ${duckdbType(field.type)}`,
      );
      await connection.run(`CREATE TABLE ${identifier(name)} (${columns.join(', ')})`);
    }
    for (const view of views) await connection.run(createView(view));
    const found = await use(connection);
    signal?.throwIfAborted();
    return found;
  } finally {
    leave();
    const isReusable = ++planner.uses < mostUses && (await undo(connection));
    if (isReusable && idle === undefined) idle = planner;
    else planner.close();
  }
}

/** False where that is not possible: an error inside of DuckDB makes a whole database useless. */
async function undo(connection: DuckDBConnection): Promise<boolean> {
  try {
    await connection.run('ROLLBACK');
    await connection.run('RESET disabled_optimizers');
    return true;
  } catch {
    return false;
  }
}

/** All in which the statement can name functions. */
export const textsOf = ({ sql }: Pick<QueryRequest, 'sql'>, views: readonly Pick<View, 'sql'>[]): string[] => [
  sql,
  ...views.map((view) => view.sql),
];

export const createView = ({ name, sql }: Pick<View, 'name' | 'sql'>): string =>
  `CREATE VIEW ${identifier(name)} AS ${sql}`;

/** What is planned of EXPLAIN, which may run its statement, and of CALL. */
const planned = (sql: string, type: StatementType): string =>
  (type === StatementType.EXPLAIN ? explainedBy(sql) : sql).replace(callWord, 'SELECT * FROM ');

const callWord = new RegExp(String.raw`^${gap}CALL\b`, 'i');

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
