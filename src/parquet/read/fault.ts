/** A file is not readable as Parquet, or not all of it. The message names it. */
export class ParquetFault extends Error {
  override readonly name = 'ParquetFault';
  readonly uri: string;
  /** @param doing what was tried, such as `open` */
  constructor(uri: string, doing: string, reason: string, cause?: unknown) {
    super(`cannot ${doing} the Parquet file ${uri}: ${reason}`, { cause });
    this.uri = uri;
  }
}
