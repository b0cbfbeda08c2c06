/** Rows of one table, gathered in column builders. */
import type { BatchColumn, ColumnBatch, ColumnData } from './batch.ts';
import { type ColumnBuilder, columnBuilder } from './builders.ts';
import type { RowBuffer } from './row-buffer.ts';
import type { ColumnDeclaration, Value } from './types.ts';

/** The same in JavaScript's memory, for rows that come as values. */
export class TableBuffer implements RowBuffer {
  readonly columns: readonly { readonly declaration: ColumnDeclaration; readonly builder: ColumnBuilder }[];
  #rows = 0;

  constructor(columns: readonly ColumnDeclaration[]) {
    this.columns = columns.map((declaration) => ({ declaration, builder: columnBuilder(declaration.type) }));
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes that the buffered rows take, near enough to hold a memory budget. */
  get bytes(): number {
    return this.columns.reduce((sum, { builder }) => sum + builder.bytes, 0);
  }

  /** One value a column, in declaration order. */
  append(values: readonly Value[]): void {
    const row = this.#rows;
    for (let i = 0; i < this.columns.length; i++) {
      const value = values[i];
      if (value === null || value === undefined) continue;
      const { builder } = this.columns[i]!;
      builder.padTo(row);
      builder.append(value as never);
    }
    this.#rows++;
  }

  /** Counts as many rows whose values went straight into the builders, column by column. */
  endRows(count: number): void {
    this.#rows += count;
  }

  /** The rows buffered so far; shares memory with the buffer, so it is good until the next append. */
  batch(): ColumnBatch {
    const columns = this.columns.map(({ declaration, builder }): BatchColumn => {
      builder.padTo(this.#rows);
      const data: ColumnData = builder.data();
      return { name: declaration.name, type: declaration.type, data };
    });
    return { rows: this.#rows, columns };
  }

  /** The rows buffered so far, whose arrays are the caller's from now on; the buffer is empty again. */
  take(): ColumnBatch {
    const batch = this.batch();
    this.clear();
    return batch;
  }

  clear(): void {
    this.#rows = 0;
    for (const { builder } of this.columns) builder.reset();
  }
}
