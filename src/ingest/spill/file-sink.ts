/** Cuts sorted rows that come a batch at a time into row groups and files. */
import type { ColumnBatch } from '../../columns/batch.ts';
import type { EncodedFile } from '../../parquet/encoder.ts';
import type { ColumnarFileWriter } from '../../parquet/write/encoder.ts';

export interface SinkOptions {
  readonly open: () => ColumnarFileWriter;
  readonly rowGroupRows: number;
  /** Rows of a file, at most. */
  readonly fileRows?: number;
  /** A file is cut when it has reached this size. */
  readonly targetBytes?: number;
  readonly store: (day: string, file: EncodedFile) => Promise<void>;
  readonly signal?: AbortSignal;
}

export class FileSink {
  readonly #options: SinkOptions;
  #writer: ColumnarFileWriter | undefined;
  #day = '';

  constructor(options: SinkOptions) {
    this.#options = options;
  }

  /** Days one after another. Without `isComplete` keeps back an incomplete row group: returns how many rows it took. */
  async add(day: string, batch: ColumnBatch, order: Uint32Array, isComplete: boolean): Promise<number> {
    const { open, rowGroupRows, fileRows = Infinity, targetBytes = Infinity, signal } = this.#options;
    if (day !== this.#day) await this.finish();
    this.#day = day;
    let at = 0;
    while (at < order.length) {
      signal?.throwIfAborted();
      const wanted = Math.min(rowGroupRows, fileRows - (this.#writer?.rows ?? 0));
      if (!isComplete && order.length - at < wanted) break;
      const rows = order.subarray(at, at + wanted);
      this.#writer ??= open();
      await this.#writer.add(batch, rows);
      at += rows.length;
      if (this.#writer.rows >= fileRows || (await this.#writer.reaches(targetBytes))) await this.finish();
    }
    return at;
  }

  /** Stores the file that is open. */
  async finish(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined) await this.#options.store(this.#day, await writer.finish());
  }
}
