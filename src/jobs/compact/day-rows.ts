/** The rows of a day that are in memory, and which rows of which files they are. Its memory serves one day after another. */
import pLimit from 'p-limit';
import { type ColumnBatch, sliceColumn } from '../../columns/batch.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { KernelTable } from '../../kernel/table.ts';
import type { ColumnReader } from '../../parquet/read/column-reader.ts';
import type { CompactionTable } from '../../rewrite/stored-table.ts';
import { clusterOrder } from '../rewrite/cluster-order.ts';
import type { ComparedRows, Duplicates } from '../rewrite/duplicates.ts';

type Part = Pick<ComparedRows, 'file' | 'firstRow' | 'rows'>;

export class DayRows {
  readonly #table: CompactionTable;
  readonly #rows: KernelTable;
  readonly #turn = pLimit(1);
  #parts: (Part & { readonly firstSlot: number })[] = [];

  constructor(table: CompactionTable) {
    this.#table = table;
    this.#rows = new KernelTable(table.declaration.columns);
  }

  get rows(): number {
    return this.#rows.rows;
  }

  get bytes(): number {
    return this.#rows.bytes;
  }

  /** Appends a row group, which is these rows of the file. */
  async append(reader: ColumnReader, rowGroup: number, part: Part): Promise<void> {
    const firstSlot = this.#rows.rows;
    await reader.append(this.#rows, rowGroup, this.#table.columns, { names: this.#table.names });
    this.#parts.push({ ...part, firstSlot });
  }

  /** Good until the next `append`. */
  batch(): ColumnBatch {
    return this.#rows.batch();
  }

  /** The rows of a file that is here as a whole. */
  async *rowsOf(file: LiveFile): AsyncGenerator<ComparedRows> {
    const { columns } = this.batch();
    for (const { firstSlot, ...part } of this.#parts)
      if (part.file.path === file.path)
        yield {
          ...part,
          read: async (wanted) => {
            const names = new Set(wanted.map(({ name }) => name));
            const end = firstSlot + part.rows;
            const some = columns.filter(({ name }) => names.has(name));
            return new Map(some.map(({ name, data }) => [name, sliceColumn(data, firstSlot, end)]));
          },
        };
  }

  /** The clustering order of the rows without those to drop. */
  order({ dropped }: Duplicates): Uint32Array {
    const order = clusterOrder(this.batch(), this.#table.clustering);
    if (dropped.size === 0) return order;
    const isDropped = new Uint8Array(this.rows);
    for (const { file, firstRow, firstSlot, rows } of this.#parts) {
      const drops = dropped.get(file.path);
      if (drops !== undefined) isDropped.set(drops.subarray(firstRow, firstRow + rows), firstSlot);
    }
    return order.filter((slot) => isDropped[slot] === 0);
  }

  /** The rows of another day: waits for those before it, in the order in which they came. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn(() => {
      this.#rows.renew();
      this.#parts = [];
      return work();
    });
  }

  clear(): void {
    this.#rows.clear();
    this.#parts = [];
  }

  /** Gives the memory back. */
  release(): void {
    this.#rows.release();
  }
}
