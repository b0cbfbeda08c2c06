/** From buffered rows to stored data files, one set of columns being laid out while the next one fills. */
import pLimit from 'p-limit';
import type { LoadedTable } from '../catalog/catalog.ts';
import { type ColumnBatch, discard } from '../columns/batch.ts';
import { TableBuffer } from '../columns/table-buffer.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { type FileOptions, layoutRequest, storeDataFile } from '../iceberg/write.ts';
import type { Layout } from '../parquet/layout.ts';
import type { ObjectStore } from '../store/store.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { AccountingError } from './tally.ts';

export interface FileWriter {
  readonly store: ObjectStore;
  readonly layOut: Layout;
  readonly output: FileOptions;
}

const uploads = 4;

/** The rows of one table on their way into files. */
export class TableFiles {
  readonly name: string;
  readonly files: DataFile[] = [];
  readonly #writer: FileWriter;
  readonly #table: LoadedTable;
  readonly #declaration: TableDeclaration;
  readonly #label: string;
  #writing: Promise<void> = Promise.resolve();
  readonly buffer: TableBuffer;
  #flushedRows = 0;

  constructor(writer: FileWriter, table: LoadedTable, declaration: TableDeclaration, batch: string) {
    this.name = declaration.name;
    this.#writer = writer;
    this.#table = table;
    this.#declaration = declaration;
    this.#label = batch.slice(0, 16);
    this.buffer = new TableBuffer(declaration.columns);
  }

  get rows(): number {
    return this.#flushedRows + this.buffer.rows;
  }

  get bytes(): number {
    return this.buffer.bytes;
  }

  append(values: Parameters<TableBuffer['append']>[0]): void {
    this.buffer.append(values);
  }

  expectRows(expected: number): void {
    const written = this.files.reduce((sum, file) => sum + file.recordCount, 0);
    if (written !== expected)
      throw new AccountingError(`${this.name}: ${expected} rows to write, ${written} in its files`);
  }

  /** Sends the buffered rows on their way; waits for those before them, so that at most one batch of columns is in work. */
  async flush(): Promise<void> {
    await this.settled();
    if (this.buffer.rows === 0) return;
    this.#flushedRows += this.buffer.rows;
    this.#writing = this.#write(this.buffer.take());
    // The failure is for `settled` to tell.
    this.#writing.catch(() => {});
  }

  /** Gives the memory of the columns back; nothing can be appended any more. */
  release(): void {
    discard(this.buffer.take());
  }

  /** All that was flushed is in files. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(batch: ColumnBatch): Promise<void> {
    const { layOut, store, output } = this.#writer;
    const target = { store, table: this.#table, declaration: this.#declaration, label: this.#label };
    const limit = pLimit(uploads);
    const files = await layOut(layoutRequest(this.#table, this.#declaration, batch, output));
    this.files.push(...(await Promise.all(files.map((file) => limit(() => storeDataFile(target, file))))));
  }
}
