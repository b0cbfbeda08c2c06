/** DuckDB instances: shut in, so that a statement can open the files that it is given and nothing else. */
import { readFileSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance, type DuckDBPreparedStatement, StatementType } from '@duckdb/node-api';
import { withoutComments } from '../../sql/comments.ts';
import { QueryError } from '../../sql/parameter.ts';
import { haveArrow, shadowedByArrow } from './arrows.ts';
import { literal } from './sql-types.ts';

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

/** What prelude.sql makes, by name; settings have none. */
interface PreludeStatement {
  readonly name: string | undefined;
  readonly sql: string;
}

const prelude: readonly PreludeStatement[] = readFileSync(new URL('./prelude.sql', import.meta.url), 'utf8')
  .replace(/^--.*\n/gm, '')
  .split(/;$/m)
  .map((sql) => ({ name: /^\s*CREATE (?:MACRO|TYPE) (\w+)/.exec(sql)?.[1], sql }))
  .filter(({ sql }) => sql.trim() !== '');

/** These find functions that their text does not name: by SQL that is put together, or in a list of all. */
const findsAny = /\bquery\b"?\s*(?:\(|--|\/\*)|\b(?:duckdb|pg)_\w+|\binformation_schema\b/i;

/**
 * Those of Trino's functions that the texts can mean, and who is asking. Making all of them would take longer than most
 * statements do. Times of other writers may come as TIMESTAMP WITH TIME ZONE; all are shown in UTC.
 */
export async function addPrelude(connection: DuckDBConnection, user: string, texts: readonly string[]): Promise<void> {
  const isShadowed = haveArrow(texts);
  const meant = meantBy(texts.join('\n')).filter(({ name }) => !isShadowed || name !== shadowedByArrow);
  const statements = meant.map(({ sql }) => sql);
  statements.push(`CREATE MACRO current_user() AS ${literal(user)}`, `SET TimeZone = 'UTC'`);
  await connection.run(statements.join(';'));
}

/** In the order of the prelude, where each stands behind those that it is made of. */
function meantBy(text: string): readonly PreludeStatement[] {
  if (findsAny.test(text)) return prelude;
  // DuckDB writes `a IN b` as contains(b, a).
  const texts = [/\bIN\b(?!\s*\()/i.test(text) ? `${text} contains` : text];
  const meant = prelude.toReversed().filter(({ name, sql }) => {
    if (name === undefined) return true;
    const isNamed = texts.some((one) => new RegExp(`\\b${name}\\b`, 'i').test(one));
    if (isNamed) texts.push(sql);
    return isNamed;
  });
  return meant.reverse();
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
  if (/^[\s;]*$/.test(withoutComments(sql))) throw new QueryError('there is no statement in the SQL');
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) throw new QueryError('only one statement at a time');
  const statement = await statements.prepare(0);
  if (!readers.has(statement.statementType)) {
    throw new QueryError('only statements that read are possible here: SELECT, DESCRIBE, SUMMARIZE, EXPLAIN');
  }
  // EXPLAIN ANALYZE runs what it explains, and COPY can write over the very files that the statement may open.
  if (statement.statementType === StatementType.EXPLAIN) {
    (await prepareReading(connection, explainedBy(sql))).destroySync();
  }
  return statement;
}

/** Between two interruptions. */
const interruptEveryMs = 20;

/**
 * Ends what the connection runs once the signal fires: again and again, since DuckDB forgets an interruption that comes before
 * a statement begins. Returns what ends that, to be called before the connection is closed.
 */
export function interruptOn(signal: AbortSignal | undefined, connection: DuckDBConnection): () => void {
  let again: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    connection.interrupt();
    again ??= setInterval(interrupt, interruptEveryMs).unref();
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  return () => {
    signal?.removeEventListener('abort', interrupt);
    clearInterval(again);
  };
}

/** DuckDB's comments nest. One that has another inside is not taken for a gap, so that none ends for us before it does for DuckDB. */
export const gap = String.raw`(?:\s|--[^\n\r]*(?:[\n\r]|$)|\/\*(?:(?!\/\*|\*\/)[\s\S])*\*\/)*`;
const explain = new RegExp(
  String.raw`^${gap}EXPLAIN\b${gap}(?:ANALYZE\b${gap})?(?:\(${gap}(?:ANALYZE|FORMAT)\b[^()]*\)${gap})?`,
  'i',
);

/** The statement that an EXPLAIN explains. Throws QueryError where that is not plain. */
export function explainedBy(sql: string): string {
  const start = explain.exec(sql)?.[0];
  if (start === undefined)
    throw new QueryError('EXPLAIN must be the first word, with no comment in a comment before it');
  return sql.slice(start.length);
}

/** The error of a statement, with the file that DuckDB could not read where that is what it says. */
export function queryErrorOf(error: unknown): QueryError {
  const message = messageOf(error);
  if (message.startsWith('Out of Memory Error:')) {
    // Only what no longer fits into the memory goes to the disk.
    const [what, more] = message.includes('max_temp_directory_size')
      ? ['room for temporary files', 'point TMPDIR to a larger disk']
      : ['memory', 'give the process more memory'];
    const text = `the statement needs more ${what} than there is: narrow it by time (ymd), name columns instead of *, or ${more}`;
    return new QueryError(text, { cause: new Error(message) });
  }
  const [, file] = /^(?:IO|Invalid Input) Error: .*?((?:file:\/\/)?\/[^\s'"]+\.parquet)\b/s.exec(message) ?? [];
  return new QueryError(message, { cause: error, file });
}

/** DuckDB's first lines say what is wrong and where; its stack traces say nothing to the writer of the SQL. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n\nStack Trace')[0]!.trimEnd();
}
