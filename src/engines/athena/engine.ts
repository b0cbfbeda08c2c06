/**
 * Amazon Athena: answers SQL over the same tables, by its API: start, look until it has ended, page through the results.
 * A query that nobody waits for any more (abort, a reader that stops early, `close`) is stopped there.
 *
 * Values go into the statement as literals: Athena's own parameters may stand in a WHERE clause only, not in a LIMIT or
 * a SELECT list, and hold at most 1,024 characters. `bytesScanned` is DataScannedInBytes, which is what Athena bills.
 *
 * Results come as text without their inner types. Scalars become the cells that every engine gives; arrays, maps and
 * rows stay Athena's text (`[a, b]`, `{k=v}`), since a value with a comma in it cannot be told from two values: a query
 * that needs their parts asks for json_format(CAST(x AS JSON)).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AthenaClient,
  type AthenaClientConfig,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  type GetQueryResultsOutput,
  type QueryExecution,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { QueryError } from '../../sql/parameter.ts';
import { checkReads, readStatement, replacePlaceholders, type Statement } from '../../sql/statement.ts';
import { awsHint } from '../../store/aws-hints.ts';
import type { CellValue, QueryAnswer, QueryRequest, StatementEngine, StatementOutcome } from '../engine.ts';
import { isoTimestamp } from '../trino/values.ts';

export interface AthenaOptions {
  readonly client: AthenaClientConfig;
  readonly catalog: string;
  readonly database: string;
  readonly workgroup?: string | undefined;
  /** Where results are written, s3://…; otherwise where the work group says. */
  readonly output?: string | undefined;
}

export const createAthenaEngine = (options: AthenaOptions): StatementEngine => new AthenaEngine(options);

/** Rows of a page of results, at most: the API's own limit. */
const pageRows = 1000;

class AthenaEngine implements StatementEngine {
  /** Each waits for seconds, and an account may have twenty at least. */
  readonly atOnce = 5;
  readonly #client: AthenaClient;
  readonly #options: AthenaOptions;
  readonly #running = new Set<string>();

  constructor(options: AthenaOptions) {
    this.#options = options;
    this.#client = new AthenaClient({ retryMode: 'adaptive', maxAttempts: 8, ...options.client });
  }

  async query(request: QueryRequest): Promise<QueryAnswer> {
    const statement = readStatement(request.sql);
    checkReads(statement);
    const execution = await this.#run(statement, request);
    const first = await this.#results(execution.QueryExecutionId!, undefined, request.signal);
    const columns = first.ResultSet?.ResultSetMetadata?.ColumnInfo ?? [];
    return {
      columns: columns.map(({ Name = '', Type = '' }) => ({ name: Name, type: Type })),
      chunks: this.#rows(execution, first, request.signal),
      bytesScanned: () => bytesOf(execution),
    };
  }

  async execute(request: Omit<QueryRequest, 'prune'>): Promise<StatementOutcome> {
    const execution = await this.#run(readStatement(request.sql), request);
    return { queryId: execution.QueryExecutionId!, bytesScanned: bytesOf(execution) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((id) => this.#stop(id)));
    this.#client.destroy();
  }

  /** Runs a statement to its end. Throws QueryError with Athena's reason where it fails. */
  async #run(statement: Statement, { parameters = {}, signal }: QueryRequest): Promise<QueryExecution> {
    const { catalog, database, workgroup, output } = this.#options;
    signal?.throwIfAborted();
    // Not under the signal: broken off on its way, it could start a query that nobody knows of.
    const { QueryExecutionId: id } = await this.#client
      .send(
        new StartQueryExecutionCommand({
          QueryString: replacePlaceholders(statement, parameters, (literal) => ` ${literal} `),
          QueryExecutionContext: { Catalog: catalog, Database: database },
          WorkGroup: workgroup,
          ...(output !== undefined && { ResultConfiguration: { OutputLocation: output } }),
        }),
      )
      .catch(explainRefusal);
    this.#running.add(id!);
    try {
      return await this.#wait(id!, signal);
    } catch (error) {
      if (this.#running.has(id!)) await this.#stop(id!);
      signal?.throwIfAborted();
      throw error;
    }
  }

  async #wait(id: string, signal: AbortSignal | undefined): Promise<QueryExecution> {
    const aborted = signal && { signal };
    for (let wait = 100; ; wait = Math.min(wait * 1.5, 3000)) {
      const { QueryExecution: execution } = await this.#client.send(
        new GetQueryExecutionCommand({ QueryExecutionId: id }),
        signal && { abortSignal: signal },
      );
      const { State: state, StateChangeReason: reason } = execution?.Status ?? {};
      if (state === 'SUCCEEDED' || state === 'FAILED' || state === 'CANCELLED') this.#running.delete(id);
      if (state === 'SUCCEEDED') return execution!;
      if (state === 'FAILED' || state === 'CANCELLED') {
        throw new QueryError(`${reason ?? 'no reason is given'} (Athena: ${state}, query ${id})`);
      }
      await sleep(wait, undefined, aborted);
    }
  }

  async *#rows(
    { QueryExecutionId: id, StatementType: kind }: QueryExecution,
    first: GetQueryResultsOutput,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly (readonly CellValue[])[]> {
    const columns = first.ResultSet?.ResultSetMetadata?.ColumnInfo ?? [];
    const readers = columns.map(({ Type = '' }) => readerOf(Type));
    let page = first;
    for (;;) {
      let rows = page.ResultSet?.Rows ?? [];
      // Results of a SELECT start with the names of the columns, those of SHOW and DESCRIBE may.
      const names = rows[0]?.Data?.map((datum) => datum.VarCharValue);
      const isHeader = kind === 'DML' || columns.every(({ Name }, i) => Name === names?.[i]);
      if (page === first && isHeader) rows = rows.slice(1);
      if (rows.length > 0) {
        yield rows.map(({ Data = [] }) =>
          readers.map((read, i) => {
            const text = Data[i]?.VarCharValue;
            return text === undefined ? null : read(text);
          }),
        );
      }
      if (page.NextToken === undefined) return;
      page = await this.#results(id!, page.NextToken, signal);
    }
  }

  async #results(
    id: string,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<GetQueryResultsOutput> {
    const command = new GetQueryResultsCommand({ QueryExecutionId: id, NextToken: token, MaxResults: pageRows });
    try {
      return await this.#client.send(command, signal && { abortSignal: signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  /** What goes wrong here stands behind what led here. */
  async #stop(id: string): Promise<void> {
    this.#running.delete(id);
    await this.#client.send(new StopQueryExecutionCommand({ QueryExecutionId: id })).catch(() => {});
  }
}

/** Most refusals at the start are about the settings or the SQL; Athena's own text says which. */
function explainRefusal(error: Error): never {
  if (error.name !== 'InvalidRequestException') {
    const hint = awsHint(error);
    throw new Error(`Athena StartQueryExecution: ${error.message}${hint === undefined ? '' : `; ${hint}`}`, {
      cause: error,
    });
  }
  const hint = /output location|outputlocation/i.test(error.message)
    ? '; set engines.athena.output, or engines.athena.workgroup to a work group that has one'
    : '';
  throw new QueryError(`${error.message}${hint} (Athena)`, { cause: error });
}

const bytesOf = (execution: QueryExecution): number => execution.Statistics?.DataScannedInBytes ?? 0;

function readerOf(type: string): (text: string) => CellValue {
  switch (type) {
    case 'boolean':
      return (text) => text === 'true';
    case 'tinyint':
    case 'smallint':
    case 'integer':
    case 'bigint':
      return (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
    case 'double':
      return (text) => finite(Number(text), text);
    case 'float':
    case 'real':
      return (text) => finite(Math.fround(Number(text)), text);
    case 'timestamp':
    case 'timestamp with time zone':
      return isoTimestamp;
    default:
      return (text) => text;
  }
}

const finite = (value: number, text: string): CellValue => (Number.isFinite(value) ? value : text);
