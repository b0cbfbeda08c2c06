import type { ColumnBatch } from './batch.ts';
import type { Value } from './types.ts';

/** Rows of one table on their way to files, as columns. */
export interface RowBuffer {
  readonly rows: number;
  /** Bytes that the buffered rows take, near enough to hold a memory budget. */
  readonly bytes: number;
  /** One value a column, in declaration order. */
  append(values: readonly Value[]): void;
  /** The rows buffered so far; shares memory with the buffer, so it is good until the next change. */
  batch(): ColumnBatch;
  /** Forgets all rows. */
  clear(): void;
}
