/** Rows of one table, gathered in column builders. */
import type { BatchColumn, ColumnBatch, ColumnData } from './batch.ts';
import { type ColumnBuilder, columnBuilder } from './builders.ts';
import type { ColumnDeclaration, Value } from './types.ts';

/** The rows of one table on their way to files. */
export class TableBuffer {
  readonly columns: readonly { readonly declaration: ColumnDeclaration; readonly builder: ColumnBuilder }[];
  #rows = 0;
  #settle: () => void = () => {};

  constructor(columns: readonly ColumnDeclaration[]) {
    this.columns = columns.map((declaration) => ({ declaration, builder: columnBuilder(declaration.type) }));
  }

  get rows(): number {
    return this.#rows;
  }

  /** For a writer that counts rows first and appends their values later: `settle` appends them, before anybody looks. */
  settleBy(settle: () => void): void {
    this.#settle = settle;
  }

  /** Bytes that the buffered rows take, near enough to hold a memory budget. */
  get bytes(): number {
    this.#settle();
    return this.columns.reduce((sum, { builder }) => sum + builder.bytes, 0);
  }

  /** One value a column, in declaration order. */
  append(values: readonly Value[]): void {
    this.#settle();
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

  /** Counts a row whose values go straight into the builders. */
  endRow(): void {
    this.#rows++;
  }

  /** Counts as many rows whose values went straight into the builders, column by column. */
  endRows(count: number): void {
    this.#rows += count;
  }

  /** The rows buffered so far; shares memory with the buffer, so it is good until the next append. */
  batch(): ColumnBatch {
    this.#settle();
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
    this.#rows = 0;
    for (const { builder } of this.columns) builder.reset();
    return batch;
  }
}
