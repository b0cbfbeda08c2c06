/**
 * From buffered rows to stored data files, one set of them being stored while the next rows come. What outgrows the
 * columns becomes a set of files on the spot, or, where there is a place for it, one of sorted runs that make files in
 * the end.
 */
import type { ColumnBatch } from '../columns/batch.ts';
import type { RowBuffer } from '../columns/row-buffer.ts';
import type { LoadedTable } from '../iceberg/catalog.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { dayFilesRequest, type FileOptions, type FileTarget } from '../iceberg/write.ts';
import { KernelTable } from '../kernel/table.ts';
import type { ParquetEncoder } from '../parquet/encoder.ts';
import { dayFiles } from '../parquet/write/day-files.ts';
import type { ObjectStore } from '../store/store.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { AccountingError } from './object-counts.ts';
import type { SpillPlace, TableRuns } from './spill/table-runs.ts';
import { Uploads } from './uploads.ts';

export interface FileWriter {
  readonly store: ObjectStore;
  readonly encoder: ParquetEncoder;
  readonly output: FileOptions;
  readonly spill?: SpillPlace | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The rows of one table on their way into files. */
export class TableWriter {
  readonly name: string;
  readonly files: DataFile[] = [];
  readonly #writer: FileWriter;
  readonly #table: LoadedTable;
  readonly #declaration: TableDeclaration;
  readonly #label: string;
  readonly #uploads = new Uploads();
  readonly buffer: RowBuffer;
  /** The same, where it is not the caller's. */
  readonly #own: KernelTable | undefined;
  readonly #onRows: ((batch: ColumnBatch) => Promise<void>) | undefined;
  #flushedRows = 0;
  #filesMade = 0;
  #runs: TableRuns | undefined;

  /** `rows`: where the caller puts them, if not here. `onRows` is shown all of them once, before they leave the columns. */
  constructor(
    writer: FileWriter,
    table: LoadedTable,
    declaration: TableDeclaration,
    batch: string,
    rows?: RowBuffer,
    onRows?: (batch: ColumnBatch) => Promise<void>,
  ) {
    this.name = declaration.name;
    this.#writer = writer;
    this.#table = table;
    this.#declaration = declaration;
    this.#label = batch.slice(0, 16);
    this.#own = rows === undefined ? new KernelTable(declaration.columns) : undefined;
    this.buffer = rows ?? this.#own!;
    this.#onRows = onRows;
  }

  get rows(): number {
    return this.#flushedRows + this.buffer.rows;
  }

  get bytes(): number {
    return this.buffer.bytes;
  }

  append(values: Parameters<RowBuffer['append']>[0]): void {
    this.buffer.append(values);
  }

  expectRows(expected: number): void {
    const written = this.files.reduce((sum, file) => sum + file.recordCount, 0);
    if (written !== expected)
      throw new AccountingError(`${this.name}: ${expected} rows to write, ${written} in its files`);
  }

  /** Lays the buffered rows out, a file at a time, and has them stored; their memory is free afterwards. */
  async flush(): Promise<void> {
    if (this.buffer.rows === 0) return;
    const { encoder, output, signal } = this.#writer;
    await this.#onRows?.(this.buffer.batch());
    const request = dayFilesRequest(this.#table, this.#declaration, this.buffer.batch(), output);
    for await (const file of dayFiles(encoder, request)) {
      signal?.throwIfAborted();
      await this.#uploads.add(this.#target, file, this.files, this.#filesMade++);
    }
    this.#flushedRows += this.buffer.rows;
    this.buffer.clear();
  }

  /** Makes room for more rows: puts those that are buffered aside, or has files made of them. */
  async makeRoom(): Promise<void> {
    const { spill, output } = this.#writer;
    if (spill === undefined) return this.flush();
    if (this.buffer.rows === 0) return;
    if (this.#runs === undefined) {
      // Merging takes as many modules as all else here, and most batches fit.
      const { TableRuns } = await import('./spill/table-runs.ts');
      this.#runs = new TableRuns(this.#target, output, spill);
    }
    await this.#onRows?.(this.buffer.batch());
    await this.#runs.add(this.buffer.batch(), this.buffer.bytes);
    this.#flushedRows += this.buffer.rows;
    this.buffer.clear();
  }

  /** There are no more rows: all become files, which are stored when it has `settled`. */
  async finish(): Promise<void> {
    if (this.#runs === undefined) return this.flush();
    await this.makeRoom();
    this.files.push(...(await this.#runs.merge()));
    await this.#runs.remove();
  }

  /** Gives the memory of the columns back. */
  release(): void {
    this.buffer.clear();
    this.#own?.release();
  }

  /** Removes what was spilled, also after a failure. */
  async removeRuns(): Promise<void> {
    await this.#runs?.remove();
  }

  /** All that was flushed is in files. */
  async settled(): Promise<void> {
    await this.#uploads.settled();
  }

  get #target(): FileTarget {
    const { store } = this.#writer;
    return { store, table: this.#table, declaration: this.#declaration, label: this.#label };
  }
}
