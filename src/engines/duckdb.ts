/**
 * DuckDB in process: answers SQL over the current snapshots of the tables.
 *
 * Each table that the statement can mean is a view over exactly the files that our own Iceberg reader names, never a
 * glob. The statement comes from outside, so the database is shut in: it can open these files and nothing else, load no
 * extension, and not change its own settings.
 *
 * `bytesScanned`: of remote tables the bytes fetched; of local ones the bytes that DuckDB read from the files, as Linux
 * counts them for this process, elsewhere the size of the files. Iceberg metadata is not counted.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBResult,
  DuckDBTimestampValue,
  type DuckDBValue,
  StatementType,
} from '@duckdb/node-api';
import type { Catalog } from '../catalog/catalog.ts';
import { liveFiles } from '../iceberg/scan.ts';
import type { ObjectStore } from '../store/store.ts';
import { type ParameterValue, type QueryAnswer, type QueryEngine, QueryError, type QueryRequest } from './engine.ts';
import { LocalFiles } from './local-files.ts';
import { mentionedNames } from './mentions.ts';
import { toCell } from './values.ts';
import { literal, viewSql } from './views.ts';

export interface DuckDbOptions {
  readonly store: ObjectStore;
  readonly catalog: Pick<Catalog, 'listTables' | 'loadTable'>;
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
    const views = await this.#views(request);
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
      const meter = readMeter(views);
      await shutIn(connection, views);
      for (const view of views) await connection.run(view.sql);
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
      const tables = await this.#options.catalog.listTables();
      const known = tables.length > 0 ? `there are: ${tables.join(', ')}` : 'there are none yet: run a backfill first';
      throw new QueryError(`no table ${missing} in the warehouse; ${known}`, { cause: error });
    }
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** A view for each table that the statement can mean. */
  async #views({ sql, prune, signal }: QueryRequest): Promise<View[]> {
    const { store, catalog } = this.#options;
    const views: View[] = [];
    for (const name of mentionedNames(sql, await catalog.listTables())) {
      const table = await catalog.loadTable(name);
      if (table === undefined) continue;
      const live: { path: string; fileSize: number }[] = [];
      for await (const file of liveFiles(store, table.metadata, prune?.[name])) {
        if (file.format !== 'PARQUET') throw new QueryError(`table ${name} has a ${file.format} file: ${file.path}`);
        live.push(file);
      }
      const paths = await this.#files.open(live, signal);
      const local = live.filter((file) => file.path.startsWith('file://'));
      const localBytes = local.reduce((sum, file) => sum + file.fileSize, 0);
      views.push({ sql: viewSql(name, table.metadata, paths), paths, localBytes });
    }
    return views;
  }
}

interface View {
  readonly sql: string;
  readonly paths: readonly string[];
  readonly localBytes: number;
}

async function shutIn(connection: DuckDBConnection, views: readonly View[]): Promise<void> {
  const paths = views.flatMap((view) => view.paths).map(literal);
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
function readMeter(views: readonly View[]): () => number {
  const localBytes = views.reduce((sum, view) => sum + view.localBytes, 0);
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
