/** Files that are opened before it is their turn, and fetched where they are small: a store that is far away is waited for once. */
import { asParquet, type LiveFile } from '../../iceberg/scan.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import type { ObjectStore } from '../../store/store.ts';

/** Beside the one that is read: with the most that is fetched of one at once, 16 MiB. */
const filesAhead = 4;

export class FilesAhead {
  readonly #store: ObjectStore;
  readonly #files: LiveFile[];
  readonly #opened: Promise<ColumnReader>[] = [];

  /** Begins with the first ones. */
  constructor(store: ObjectStore, files: readonly LiveFile[]) {
    this.#store = store;
    this.#files = [...files];
    this.#open();
  }

  /** The next file, in order; not to be called more often than there are files. Throws what opening it has thrown. */
  next(): Promise<ColumnReader> {
    const opened = this.#opened.shift()!;
    this.#open();
    return opened;
  }

  /** Gives back what was opened for nothing, once it is there: no request outlasts the day. */
  async close(): Promise<void> {
    this.#files.length = 0;
    for (const opened of this.#opened.splice(0)) (await opened.catch(() => undefined))?.close();
  }

  #open(): void {
    for (const file of this.#files.splice(0, filesAhead - this.#opened.length)) {
      const opened = ColumnReader.open(this.#store, asParquet(file));
      // Heard when its turn comes; where that never is, nobody needs it.
      opened.catch(() => undefined);
      this.#opened.push(opened);
    }
  }
}
