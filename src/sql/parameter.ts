/** { micros }: a timestamp, in microseconds since the epoch, UTC. */
export type ParameterValue = string | boolean | bigint | { readonly micros: bigint };

/** The SQL is wrong, or names what does not exist. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly code = 'query-failed';
  /** The file that the engine could not read, where it was that and not the SQL. */
  readonly file: string | undefined;
  constructor(message: string, { cause, file }: { readonly cause?: unknown; readonly file?: string | undefined } = {}) {
    super(message, { cause });
    this.file = file;
  }
}

/** The statement is right, but needs more bytes of remote files than the engine may fetch. */
export class TooMuchToFetch extends QueryError {}
