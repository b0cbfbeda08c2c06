import type { FileFilter } from '../iceberg/scan.ts';
import type { ParameterValue } from '../sql/parameter.ts';

/**
 * The query engine port: SQL in, rows out, over the current snapshots of the tables. Rows come in chunks, so that an
 * answer of any size passes through flat memory.
 */
export interface QueryEngine {
  /** Statements to run side by side where there are many. */
  readonly atOnce: number;
  /** Throws where the SQL cannot be run; the message is for the person who wrote it. */
  query(request: QueryRequest): Promise<QueryAnswer>;
  /** Removes whatever the engine put on the disk. */
  close(): Promise<void>;
}

/** An engine that can change tables too: for jobs, such as a compaction. The `query` command is never given one. */
export interface StatementEngine extends QueryEngine {
  /** Runs one statement of any kind (DDL, DML, table maintenance) to its end; rows that it gives are dropped. */
  execute(request: Omit<QueryRequest, 'prune'>): Promise<StatementOutcome>;
}

export interface StatementOutcome {
  /** Under which the engine's own history has it. */
  readonly queryId: string;
  readonly bytesScanned: number;
}

export interface QueryRequest {
  /** One statement. Tables are named as they are in the catalog, values as $name. */
  readonly sql: string;
  /** Values for $name; bound, or written as literals, never put into the text as they are. */
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  /** Files that the answer cannot need, by table: an addition to what the engine itself leaves out, never a filter of rows. */
  readonly prune?: Readonly<Record<string, FileFilter>>;
  readonly signal?: AbortSignal;
  /** A question that the program answers itself: then `sql` only says so. No adapter sees such a request. */
  readonly computed?: { readonly question: string; readonly values: ReadonlyMap<string, ParameterValue> };
}

/** Safe for JSON: integers beyond 2^53 are strings, timestamps ISO text, maps and structs objects, lists arrays. */
export type CellValue = null | boolean | number | string | readonly CellValue[] | { readonly [key: string]: CellValue };

export interface QueryAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** To be read once, to its end. */
  readonly chunks: AsyncIterable<readonly (readonly CellValue[])[]>;
  /** Bytes of data files read so far; final once `chunks` has ended. */
  bytesScanned(): number;
}
