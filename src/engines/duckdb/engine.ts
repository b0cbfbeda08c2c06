/**
 * DuckDB in process: answers SQL over the current snapshots of the tables, and over the views of the warehouse. Functions
 * of Trino that DuckDB lacks are there, so that SQL written for Trino or Athena runs (prelude.sql).
 *
 * Each table that the statement can mean is a view over exactly the files that our own Iceberg reader names, never a
 * glob. Of files that are not on this machine, DuckDB is shown private copies of the parts that the statement needs
 * (remote/). The statement comes from outside, so the database is shut in: it can open these files and nothing else, load
 * no extension, and not change its own settings.
 *
 * `bytesScanned`: of remote tables the bytes fetched; of local ones the bytes that DuckDB read from the files, as Linux
 * counts them for this process, elsewhere the size of the files. Iceberg metadata is not counted.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, type DuckDBResult, DuckDBTimestampValue, type DuckDBValue } from '@duckdb/node-api';
import type { Config } from '../../config/config.ts';
import type { Catalog } from '../../iceberg/catalog.ts';
import { liveFiles } from '../../iceberg/scan.ts';
import { tellTwins } from '../../iceberg/schema.ts';
import { type ParameterValue, QueryError } from '../../sql/parameter.ts';
import type { ObjectStore } from '../../store/store.ts';
import { userName } from '../../store/user-name.ts';
import { mentionedIn, type View, viewsOver } from '../../views/select.ts';
import type { CellValue, QueryAnswer, QueryEngine, QueryRequest } from '../engine.ts';
import { processMemory } from '../process-memory.ts';
import { besideArrows } from './arrows.ts';
import { describeAll, listsCatalog } from './catalog-listing.ts';
import { addPrelude, interruptOn, messageOf, openDuckDb, prepareReading, queryErrorOf, shutIn } from './connection.ts';
import { createView, planStatement, textsOf } from './plan-statement.ts';
import { FetchMeter } from './remote/object-ranges.ts';
import { RemoteTables } from './remote/remote-tables.ts';
import { Scratch } from './remote/scratch.ts';
import type { Scan } from './remote/statement-scans.ts';
import { deletedPositions, isLocal, type NamedTable, type ShownTable, shownTable } from './shown-table.ts';
import { identifier } from './sql-types.ts';
import { deletedRowsSchema } from './table-views.ts';
import { toCell } from './values.ts';

export interface DuckDbOptions {
  readonly store: ObjectStore;
  readonly catalog: Pick<Catalog, 'listTables' | 'loadTable'>;
  /** Stewards of the views, and what current_user is. Default: no stewards, the user of the operating system. */
  readonly config?: Pick<Config, 'stewards' | 'engines'>;
  /** Memory that the whole process may take. Default: what its control group or the machine has. */
  readonly memoryBytes?: number;
  /** Default: all cores. */
  readonly threads?: number;
  /** Bytes of remote files held on disk at most. Default: four fifths of what is free there. */
  readonly maxFetchedBytes?: number;
  /** Requests at a time. Default 16. */
  readonly downloads?: number;
}

export function createDuckDbEngine(options: DuckDbOptions): QueryEngine {
  return new DuckDbEngine(options);
}

/** Node, its heap and the code of both, and with how little DuckDB can still sort. */
const besideDuckDb = 160 << 20;
const leastForDuckDb = 64 << 20;

/**
 * What DuckDB may take of the memory of the process. By itself it takes 80 % of all, as if it were alone, and in a small
 * container the rest is too little: the process would be killed where a query could have spilled, or failed with a message.
 */
const duckDbMemory = (bytes: number): number => Math.max(leastForDuckDb, Math.floor(0.8 * (bytes - besideDuckDb)));

type Scans = ReadonlyMap<string, readonly Scan[]>;

interface Asking {
  readonly named: readonly NamedTable[];
  readonly tables: readonly ShownTable[];
  readonly views: readonly View[];
  readonly meter: FetchMeter;
  /** What there is to end, in this order reversed. */
  readonly open: (() => void)[];
  readonly close: () => void;
}

class DuckDbEngine implements QueryEngine {
  /** A statement takes the whole machine. */
  readonly atOnce = 1;
  readonly #options: DuckDbOptions;
  readonly #scratch = new Scratch();
  readonly #remote: RemoteTables;

  constructor(options: DuckDbOptions) {
    this.#options = options;
    const { store, maxFetchedBytes: maxBytes, downloads: requestsAtATime = 16 } = options;
    this.#remote = new RemoteTables({ store, scratch: this.#scratch, maxBytes, requestsAtATime });
  }

  async query(given: QueryRequest): Promise<QueryAnswer> {
    const { tables, views: all } = await this.#mentioned(given);
    const written = besideArrows(textsOf(given, all));
    const request = { ...given, sql: written(given.sql) };
    const views = all.map((view) => ({ ...view, sql: written(view.sql) }));
    const isRemote = tables.some(({ files }) => files.some(({ path }) => !isLocal(path)));
    const run = (scans: Scans | undefined, meter = new FetchMeter()): Promise<QueryAnswer> =>
      this.#run(request, tables, views, scans, meter);
    if (!isRemote) return run(undefined);
    const scans = await this.#told(request, () => planStatement(request, { tables, views, user: this.#user }));
    const meter = new FetchMeter();
    try {
      return await run(scans, meter);
    } catch (error) {
      // It is run by another plan than the one that told what it needs.
      if (scans === undefined || !isHole(error)) throw error;
      return await run(undefined, meter);
    }
  }

  async close(): Promise<void> {
    this.#remote.close();
    await this.#scratch.remove();
  }

  async #run(
    request: QueryRequest,
    named: readonly NamedTable[],
    views: readonly View[],
    scans: Scans | undefined,
    meter: FetchMeter,
  ): Promise<QueryAnswer> {
    const { store } = this.#options;
    const { signal } = request;
    const open: (() => void)[] = [];
    const close = (): void => {
      for (const end of open.splice(0).reverse()) end();
    };
    try {
      const tables: ShownTable[] = [];
      for (const table of named) {
        const parts = await this.#remote.parts(table, scans, { meter, signal });
        open.push(parts.release);
        tables.push(await shownTable(store, table, parts.shown, signal));
      }
      return await this.#told(request, () => this.#ask(request, { named, tables, views, meter, open, close }));
    } catch (error) {
      close();
      throw error;
    }
  }

  async #ask(request: QueryRequest, { named, tables, views, meter, open, close }: Asking): Promise<QueryAnswer> {
    const { memoryBytes = processMemory(), threads } = this.#options;
    const { signal } = request;
    const duckdb = await openDuckDb({
      // Where a sort or a join that outgrows the memory goes.
      temp_directory: join(await this.#scratch.folder(), 'spill'),
      memory_limit: `${duckDbMemory(memoryBytes)}B`,
      ...(threads !== undefined && { threads: String(threads) }),
    });
    open.push(duckdb.close);
    const { connection } = duckdb;
    open.push(interruptOn(signal, connection));
    signal?.throwIfAborted();
    await addPrelude(connection, this.#user, textsOf(request, views));
    await connection.run(`SET disabled_optimizers = '${disabledOptimizers(tables)}'`);
    const bytesRead = readMeter(tables);
    await shutIn(
      connection,
      tables.flatMap(({ paths }) => paths),
    );
    for (const table of tables) await showTable(connection, table);
    for (const view of views) await connection.run(createView(view));
    if (listsCatalog(request.sql)) await describeAll(connection, named, views);
    const statement = await prepareReading(connection, request.sql);
    const values = Object.entries(request.parameters ?? {}).map(([name, value]): [string, DuckDBValue] => [
      name,
      toDuckDb(value),
    ]);
    if (values.length > 0) statement.bind(Object.fromEntries(values));
    const result = await statement.stream();
    const chunks = rowsOf(result, close);
    // With the first rows, a statement that needs more than was fetched is told while it can still be run anew.
    const first = tables.some(({ hasCopies }) => hasCopies) ? await chunks.next() : undefined;
    return {
      columns: result.columnNames().map((name, i) => ({ name, type: String(result.columnType(i)) })),
      chunks: first === undefined ? chunks : startingWith(first, chunks),
      bytesScanned: () => meter.bytes + bytesRead(),
    };
  }

  /** DuckDB's errors as those of the statement. */
  async #told<T>({ signal }: QueryRequest, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof QueryError) throw error;
      const missing = /^Catalog Error: Table with name (.+) does not exist!/.exec(messageOf(error))?.[1];
      if (missing === undefined) throw queryErrorOf(error);
      const names = await this.#names();
      const known = names.length > 0 ? `there are: ${names.join(', ')}` : 'there are none yet: run a backfill first';
      // DuckDB knows the tables that the statement names, and its own: what it takes for the nearest name is none.
      const cause = new Error(messageOf(error).replace(/\nDid you mean "[^"]*"\?/, ''));
      throw new QueryError(`no table ${missing} in the warehouse; ${known}`, { cause });
    }
  }

  get #user(): string {
    return this.#options.config?.engines.duckdb?.user ?? userName();
  }

  async #names(): Promise<string[]> {
    const tables = await this.#options.catalog.listTables();
    return [...tables, ...viewsOver({ tables, stewards: [] }).map((view) => view.name)];
  }

  /** The tables and views that the statement can mean, and those that these views read. */
  async #mentioned({ sql, prune }: QueryRequest): Promise<{ tables: NamedTable[]; views: readonly View[] }> {
    const { store, catalog, config } = this.#options;
    const names = await catalog.listTables();
    const stewards = config?.stewards ?? [];
    const mentioned = mentionedIn(sql, { tables: names, stewards });
    const isListing = listsCatalog(sql);
    const tables: NamedTable[] = [];
    for (const name of isListing ? names : mentioned.tables) {
      const isNamed = mentioned.tables.includes(name);
      const table = await catalog.loadTable(name).catch((error) => {
        if (isNamed) throw error;
        return undefined;
      });
      if (table === undefined) continue;
      const twins = isNamed ? tellTwins(table.metadata, name) : undefined;
      if (twins !== undefined) throw new QueryError(twins);
      const files = [];
      for await (const file of isNamed ? liveFiles(store, table.metadata, prune?.[name]) : []) {
        if (file.format !== 'PARQUET') throw new QueryError(`table ${name} has a ${file.format} file: ${file.path}`);
        files.push(file);
      }
      tables.push({ name, metadata: table.metadata, files });
    }
    const views = isListing ? viewsOver({ tables: tables.map(({ name }) => name), stewards }) : mentioned.views;
    return { tables, views };
  }
}

/**
 * Filters out of joins fail on a file of which the columns stand at other places or have other types than in the table (DuckDB
 * 1.5.6: "Can't convert TableFilterType (BLOOM_FILTER) from global to local indexes"). Late materialization would read all
 * columns of row groups of which a copy has some only; the copies have no row too many anyway.
 */
const disabledOptimizers = (tables: readonly ShownTable[]): string =>
  ['join_filter_pushdown', ...(tables.some(({ hasCopies }) => hasCopies) ? ['late_materialization'] : [])].join();

async function showTable(connection: DuckDBConnection, { name, sql, deleted }: ShownTable): Promise<void> {
  if (deleted.size > 0) {
    await connection.run(`CREATE SCHEMA IF NOT EXISTS ${deletedRowsSchema}`);
    await connection.run(`CREATE TABLE ${deletedRowsSchema}.${identifier(name)} (path VARCHAR, position BIGINT)`);
    const appender = await connection.createAppender(name, deletedRowsSchema);
    for (const [path, position] of deletedPositions(deleted)) {
      appender.appendVarchar(path);
      appender.appendBigInt(BigInt(position));
      appender.endRow();
    }
    appender.closeSync();
  }
  await connection.run(sql);
}

const toDuckDb = (value: ParameterValue): DuckDBValue =>
  typeof value === 'object' ? new DuckDBTimestampValue(value.micros) : value;

type Chunks = QueryAnswer['chunks'] & AsyncGenerator<readonly (readonly CellValue[])[], void, undefined>;

async function* rowsOf(result: DuckDBResult, close: () => void): Chunks {
  try {
    for await (const rows of result.yieldRows()) yield rows.map((row) => row.map(toCell));
  } catch (error) {
    throw queryErrorOf(error);
  } finally {
    close();
  }
}

async function* startingWith(first: Awaited<ReturnType<Chunks['next']>>, rest: Chunks): Chunks {
  if (first.done === true) return;
  try {
    yield first.value;
    yield* rest;
  } finally {
    await rest.return();
  }
}

/** Bytes of local files read since the call. */
function readMeter(tables: readonly ShownTable[]): () => number {
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

/** DuckDB has come to where a copy has nothing: zeros are no page header. */
const isHole = (error: unknown): boolean => messageOf(error).includes('TProtocolException');
