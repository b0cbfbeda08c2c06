/**
 * Trino: answers SQL over the same tables, on a cluster, in Trino's own dialect. Rows come in the pages that the protocol
 * gives; a query that nobody waits for any more (abort, a reader that stops early, `close`) is cancelled there.
 *
 * Values are bound: a statement with $name placeholders goes as EXECUTE IMMEDIATE '… ? …' USING its values, in the order
 * of their places (Trino 418 and later). `bytesScanned` is Trino's physicalInputBytes: bytes of data files read from the
 * object store, after whatever Trino left out.
 */

import { quote } from '../../sql/literals.ts';
import { QueryError } from '../../sql/parameter.ts';
import { checkReads, readStatement, replacePlaceholders, type Statement } from '../../sql/statement.ts';
import type { CellValue, QueryAnswer, QueryRequest, StatementEngine, StatementOutcome } from '../engine.ts';
import { type TrinoConnection, type TrinoPage, TrinoProtocol } from './protocol.ts';
import { cellReader } from './values.ts';

export const createTrinoEngine = (connection: TrinoConnection): StatementEngine => new TrinoEngine(connection);

class TrinoEngine implements StatementEngine {
  readonly atOnce = 4;
  readonly #protocol: TrinoProtocol;
  readonly #running = new Set<Running>();

  constructor(connection: TrinoConnection) {
    this.#protocol = new TrinoProtocol(connection);
  }

  async query(request: QueryRequest): Promise<QueryAnswer> {
    const statement = readStatement(request.sql);
    checkReads(statement);
    const running = await this.#start(statement, request);
    while (running.page.columns === undefined && (await running.advance()));
    const columns = running.page.columns ?? [];
    const readers = columns.map(({ typeSignature }) => cellReader(typeSignature));
    return {
      columns: columns.map(({ name, type }) => ({ name, type })),
      chunks: rowsOf(running, (row) => row.map((value, i) => readers[i]!(value))),
      bytesScanned: () => running.bytesScanned,
    };
  }

  async execute(request: Omit<QueryRequest, 'prune'>): Promise<StatementOutcome> {
    const running = await this.#start(readStatement(request.sql), request);
    while (await running.advance());
    return { queryId: running.page.id, bytesScanned: running.bytesScanned };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.cancel()));
  }

  async #start(statement: Statement, { parameters = {}, signal }: QueryRequest): Promise<Running> {
    const values: string[] = [];
    const sql = replacePlaceholders(statement, parameters, (literal) => {
      values.push(literal);
      return '?';
    });
    const text = values.length === 0 ? sql : `EXECUTE IMMEDIATE ${quote(sql)} USING ${values.join(', ')}`;
    const first = await this.#protocol.start(text, signal);
    const running: Running = new Running(this.#protocol, first, signal, () => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }
}

/** One running statement, and its latest page. */
class Running {
  page: TrinoPage;
  bytesScanned = 0;
  readonly #protocol: TrinoProtocol;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: () => void;

  constructor(protocol: TrinoProtocol, first: TrinoPage, signal: AbortSignal | undefined, onEnd: () => void) {
    this.#protocol = protocol;
    this.page = first;
    this.#signal = signal;
    this.#onEnd = onEnd;
  }

  /** Fetches the next page; false where there is none. Throws QueryError where the statement has failed. */
  async advance(): Promise<boolean> {
    const { nextUri } = this.page;
    if (nextUri === undefined) return false;
    try {
      this.page = await this.#protocol.next(nextUri, this.#signal);
    } catch (error) {
      await this.cancel();
      throw error;
    }
    const { stats, error, id } = this.page;
    this.bytesScanned = stats.physicalInputBytes ?? this.bytesScanned;
    if (this.page.nextUri === undefined) this.#onEnd();
    if (error !== undefined) throw new QueryError(`${error.message} (Trino: ${error.errorName}, query ${id})`);
    return true;
  }

  /** Does nothing to one that has ended. What goes wrong here stands behind what led here. */
  async cancel(): Promise<void> {
    this.#onEnd();
    const { nextUri } = this.page;
    if (nextUri !== undefined) await this.#protocol.cancel(nextUri).catch(() => {});
  }
}

async function* rowsOf(
  running: Running,
  toCells: (row: readonly unknown[]) => readonly CellValue[],
): AsyncGenerator<readonly (readonly CellValue[])[]> {
  try {
    do {
      const { data = [] } = running.page;
      if (data.length > 0) yield data.map(toCells);
    } while (await running.advance());
  } finally {
    await running.cancel();
  }
}
