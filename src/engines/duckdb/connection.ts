/** DuckDB instances: shut in, so that a statement can open the files that it is given and nothing else. */
import { readFileSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance, type DuckDBPreparedStatement, StatementType } from '@duckdb/node-api';
import { QueryError } from '../../sql/parameter.ts';
import { literal } from './table-views.ts';

export interface OpenDuckDb {
  readonly connection: DuckDBConnection;
  close(): void;
}

/** In memory. No extension is loaded, installed or fetched. */
export async function openDuckDb(settings: Readonly<Record<string, string>> = {}): Promise<OpenDuckDb> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    ...settings,
  });
  const connection = await instance.connect();
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Trino's functions, and who is asking. Times of other writers may come as TIMESTAMP WITH TIME ZONE; all are shown in UTC. */
export async function addPrelude(connection: DuckDBConnection, user: string): Promise<void> {
  const functions = readFileSync(new URL('./prelude.sql', import.meta.url), 'utf8');
  await connection.run(`${functions}\nCREATE MACRO current_user() AS ${literal(user)};`);
  await connection.run(`SET TimeZone = 'UTC'`);
}

/** From here on only these files can be opened, and no setting changed. */
export async function shutIn(connection: DuckDBConnection, paths: readonly string[]): Promise<void> {
  await connection.run(`SET allowed_paths = [${paths.map(literal).join(', ')}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

const readers: ReadonlySet<StatementType> = new Set([StatementType.SELECT, StatementType.EXPLAIN, StatementType.CALL]);

/** The one statement of the SQL, which only reads. Throws QueryError, and DuckDB's errors about what it names. */
export async function prepareReading(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  if (/^[\s;]*$/.test(sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '')))
    throw new QueryError('there is no statement in the SQL');
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) throw new QueryError('only one statement at a time');
  const statement = await statements.prepare(0);
  if (!readers.has(statement.statementType)) {
    throw new QueryError('only statements that read are possible here: SELECT, DESCRIBE, SUMMARIZE, EXPLAIN');
  }
  return statement;
}

/** The error of a statement, with the file that DuckDB could not read where that is what it says. */
export function queryErrorOf(error: unknown): QueryError {
  const message = messageOf(error);
  const [, file] = /^(?:IO|Invalid Input) Error: .*?((?:file:\/\/)?\/[^\s'"]+\.parquet)\b/s.exec(message) ?? [];
  return new QueryError(message, { cause: error, file });
}

/** DuckDB's first lines say what is wrong and where; its stack traces say nothing to the writer of the SQL. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n\nStack Trace')[0]!.trimEnd();
}
