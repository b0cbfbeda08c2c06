/**
 * DuckDB in process: answers SQL over the current snapshots of the tables, and over the views of the warehouse. Functions
 * of Trino that DuckDB lacks are there, so that SQL written for Trino or Athena runs (prelude/trino.sql).
 *
 * Each table that the statement can mean is a view over exactly the files that our own Iceberg reader names, never a
 * glob. The statement comes from outside, so the database is shut in: it can open these files and nothing else, load no
 * extension, and not change its own settings.
 *
 * `bytesScanned`: of remote tables the bytes fetched; of local ones the bytes that DuckDB read from the files, as Linux
 * counts them for this process, elsewhere the size of the files. Iceberg metadata is not counted.
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBResult,
  DuckDBTimestampValue,
  type DuckDBValue,
  StatementType,
} from '@duckdb/node-api';
import pLimit from 'p-limit';
import type { Config } from '../../config/config.ts';
import type { Catalog } from '../../iceberg/catalog.ts';
import { deletedRows } from '../../iceberg/deleted-rows.ts';
import { currentSchema, type TableMetadata } from '../../iceberg/metadata.ts';
import { namesOf } from '../../iceberg/name-mapping.ts';
import { type FileFilter, type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { hasStableNames } from '../../iceberg/schema.ts';
import { asParquet } from '../../iceberg/table-rows.ts';
import { readFooter } from '../../parquet/read/row-reader.ts';
import { findColumn, storedColumns } from '../../parquet/read/stored-column.ts';
import { type ParameterValue, QueryError } from '../../sql/parameter.ts';
import type { ObjectStore } from '../../store/store.ts';
import { mentionedIn, viewsOver } from '../../views/select.ts';
import type { QueryAnswer, QueryEngine, QueryRequest } from '../engine.ts';
import { LocalFiles } from './local-files.ts';
import { deletedRowsSchema, identifier, literal, type ViewFile, viewSql } from './table-views.ts';
import { toCell } from './values.ts';

export interface DuckDbOptions {
  readonly store: ObjectStore;
  readonly catalog: Pick<Catalog, 'listTables' | 'loadTable'>;
  /** Stewards of the views, and what current_user is. Default: no stewards, the user of the operating system. */
  readonly config?: Pick<Config, 'stewards' | 'engines'>;
  /** As DuckDB writes it: 2GB, 80%. Default: DuckDB's own, 80 % of the machine. */
  readonly memoryLimit?: string;
  /** Default: all cores. */
  readonly threads?: number;
  /** Bytes of remote files held on disk at most. Default 20 GiB. */
  readonly maxFetchedBytes?: number;
  /** Files fetched at a time. Default 16. */
  readonly downloads?: number;
}

export function createDuckDbEngine(options: DuckDbOptions): QueryEngine {
  return new DuckDbEngine(options);
}

class DuckDbEngine implements QueryEngine {
  readonly #options: DuckDbOptions;
  readonly #files: LocalFiles;

  constructor(options: DuckDbOptions) {
    this.#options = options;
    const { store, maxFetchedBytes = 20 * 2 ** 30, downloads = 16 } = options;
    this.#files = new LocalFiles({ store, maxBytes: maxFetchedBytes, downloads });
  }

  async query(request: QueryRequest): Promise<QueryAnswer> {
    const fetchedBefore = this.#files.bytesFetched;
    const { tables, views } = await this.#readable(request);
    const { memoryLimit, threads } = this.#options;
    const instance = await DuckDBInstance.create(':memory:', {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      // Where a sort or a join that outgrows the memory goes.
      temp_directory: join(await this.#files.scratch(), 'spill'),
      ...(memoryLimit !== undefined && { memory_limit: memoryLimit }),
      ...(threads !== undefined && { threads: String(threads) }),
    });
    const connection = await instance.connect();
    const interrupt = (): void => connection.interrupt();
    request.signal?.addEventListener('abort', interrupt, { once: true });
    const close = (): void => {
      request.signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
      instance.closeSync();
    };
    try {
      request.signal?.throwIfAborted();
      await connection.run(prelude(this.#options.config?.engines.duckdb?.user ?? userInfo().username));
      const meter = readMeter(tables);
      await shutIn(connection, tables);
      for (const table of tables) await showTable(connection, table);
      for (const view of views) await connection.run(view);
      const result = await start(connection, request);
      const bytesScanned = (): number => this.#files.bytesFetched - fetchedBefore + meter();
      return {
        columns: result.columnNames().map((name, i) => ({ name, type: String(result.columnType(i)) })),
        chunks: rowsOf(result, close),
        bytesScanned,
      };
    } catch (error) {
      close();
      request.signal?.throwIfAborted();
      if (error instanceof QueryError) throw error;
      const missing = /^Catalog Error: Table with name (.+) does not exist!/.exec(messageOf(error))?.[1];
      if (missing === undefined) throw new QueryError(messageOf(error), { cause: error });
      const names = await this.#names();
      const known = names.length > 0 ? `there are: ${names.join(', ')}` : 'there are none yet: run a backfill first';
      throw new QueryError(`no table ${missing} in the warehouse; ${known}`, { cause: error });
    }
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  async #names(): Promise<string[]> {
    const tables = await this.#options.catalog.listTables();
    return [...tables, ...viewsOver({ tables, stewards: [] }).map((view) => view.name)];
  }

  /** The tables and views that the statement can mean, and those that these views read; views as statements that make them. */
  async #readable({ sql, prune, signal }: QueryRequest): Promise<{ tables: TableView[]; views: string[] }> {
    const names = await this.#options.catalog.listTables();
    const mentioned = mentionedIn(sql, { tables: names, stewards: this.#options.config?.stewards ?? [] });
    const tables: TableView[] = [];
    for (const name of mentioned.tables) {
      const table = await this.#table(name, prune?.[name], signal);
      if (table !== undefined) tables.push(table);
    }
    const views = mentioned.views.map((view) => `CREATE VIEW ${identifier(view.name)} AS ${view.sql}`);
    return { tables, views };
  }

  async #table(
    name: string,
    filter: FileFilter | undefined,
    signal: AbortSignal | undefined,
  ): Promise<TableView | undefined> {
    const { store, catalog } = this.#options;
    const table = await catalog.loadTable(name);
    if (table === undefined) return undefined;
    const live: LiveFile[] = [];
    for await (const file of liveFiles(store, table.metadata, filter)) {
      if (file.format !== 'PARQUET') throw new QueryError(`table ${name} has a ${file.format} file: ${file.path}`);
      live.push(file);
    }
    const paths = await this.#files.open(live, signal);
    const local = live.filter((file) => file.path.startsWith('file://'));
    const localBytes = local.reduce((sum, file) => sum + file.fileSize, 0);
    const stable = hasStableNames(table.metadata);
    const deleted = new Map<string, Uint8Array>();
    const limit = pLimit(filesAhead);
    const look = async (file: LiveFile, path: string): Promise<ViewFile> => {
      signal?.throwIfAborted();
      const rows = await deletedRows(store, table.metadata, file);
      if (rows !== undefined) deleted.set(path, rows);
      const columns = stable ? 'names' : await columnsOf(store, table.metadata, file);
      return { path, columns, hasDeletes: rows !== undefined };
    };
    const files = await Promise.all(live.map((file, index) => limit(look, file, paths[index]!)));
    return { name, sql: viewSql(name, table.metadata, files), paths, localBytes, deleted };
  }
}

/** A table as DuckDB is shown it. */
interface TableView {
  readonly name: string;
  readonly sql: string;
  readonly paths: readonly string[];
  readonly localBytes: number;
  /** 1 for each deleted row of a file, by path, where it has any. */
  readonly deleted: ReadonlyMap<string, Uint8Array>;
}

const filesAhead = 8;

async function showTable(connection: DuckDBConnection, { name, sql, deleted }: TableView): Promise<void> {
  if (deleted.size > 0) {
    await connection.run(`CREATE SCHEMA IF NOT EXISTS ${deletedRowsSchema}`);
    await connection.run(`CREATE TABLE ${deletedRowsSchema}.${identifier(name)} (path VARCHAR, position BIGINT)`);
    const appender = await connection.createAppender(name, deletedRowsSchema);
    for (const [path, rows] of deleted)
      for (let row = rows.indexOf(1); row >= 0; row = rows.indexOf(1, row + 1)) {
        appender.appendVarchar(path);
        appender.appendBigInt(BigInt(row));
        appender.endRow();
      }
    appender.closeSync();
  }
  await connection.run(sql);
}

/** By field id; in a file without ids by the names that stand for the table's fields there. */
async function columnsOf(store: ObjectStore, metadata: TableMetadata, file: LiveFile): Promise<ViewFile['columns']> {
  const stored = storedColumns(await readFooter(store, asParquet(file)));
  if ([...stored.keys()].some((key) => typeof key === 'number')) return 'ids';
  const names = namesOf(metadata);
  const found = currentSchema(metadata).fields.flatMap((field) => {
    const column = findColumn(stored, field, names);
    return column === undefined ? [] : [[field.id, column.name] as const];
  });
  return new Map(found);
}

/** Trino's functions, and who is asking. */
const prelude = (user: string): string => {
  const functions = readFileSync(new URL('./prelude.sql', import.meta.url), 'utf8');
  return `${functions}\nCREATE MACRO current_user() AS ${literal(user)};`;
};

async function shutIn(connection: DuckDBConnection, tables: readonly TableView[]): Promise<void> {
  const paths = tables.flatMap((table) => table.paths).map(literal);
  // Times of other writers may come as TIMESTAMP WITH TIME ZONE; all are shown in UTC.
  await connection.run(`SET TimeZone = 'UTC'`);
  await connection.run(`SET allowed_paths = [${paths.join(', ')}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

const readers: ReadonlySet<StatementType> = new Set([StatementType.SELECT, StatementType.EXPLAIN, StatementType.CALL]);

async function start(connection: DuckDBConnection, { sql, parameters = {} }: QueryRequest): Promise<DuckDBResult> {
  if (/^[\s;]*$/.test(sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '')))
    throw new QueryError('there is no statement in the SQL');
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) throw new QueryError('only one statement at a time');
  const statement = await statements.prepare(0);
  if (!readers.has(statement.statementType)) {
    throw new QueryError('only statements that read are possible here: SELECT, DESCRIBE, SUMMARIZE, EXPLAIN');
  }
  const values = Object.entries(parameters).map(([name, value]): [string, DuckDBValue] => [name, toDuckDb(value)]);
  if (values.length > 0) statement.bind(Object.fromEntries(values));
  return statement.stream();
}

const toDuckDb = (value: ParameterValue): DuckDBValue =>
  typeof value === 'object' ? new DuckDBTimestampValue(value.micros) : value;

async function* rowsOf(result: DuckDBResult, close: () => void): QueryAnswer['chunks'] & AsyncGenerator {
  try {
    for await (const rows of result.yieldRows()) yield rows.map((row) => row.map(toCell));
  } catch (error) {
    throw new QueryError(messageOf(error), { cause: error });
  } finally {
    close();
  }
}

/** DuckDB's first lines say what is wrong and where; its stack traces say nothing to the writer of the SQL. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n\nStack Trace')[0]!.trimEnd();
}

/** Bytes of local files read since the call. */
function readMeter(tables: readonly TableView[]): () => number {
  const localBytes = tables.reduce((sum, table) => sum + table.localBytes, 0);
  if (localBytes === 0) return () => 0;
  const before = bytesReadByProcess();
  if (before === undefined) return () => localBytes;
  return () => (bytesReadByProcess() ?? before) - before;
}

/** proc(5), /proc/pid/io: rchar counts the bytes that the process asked the kernel for, cached or not. */
function bytesReadByProcess(): number | undefined {
  try {
    const count = /^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}
