/** Rows of one table as columns in the kernel's memory, which stays taken until `release`. */
import type { BatchColumn, ColumnBatch } from '../columns/batch.ts';
import type { RowBuffer } from '../columns/row-buffer.ts';
import type { ColumnDeclaration, Value } from '../columns/types.ts';
import { KernelColumn } from './columns.ts';
import { kernel } from './kernel.ts';
import { KernelRows } from './rows.ts';

export class KernelTable implements RowBuffer {
  readonly columns: readonly { readonly declaration: ColumnDeclaration; readonly column: KernelColumn }[];
  #rows = 0;

  constructor(columns: readonly ColumnDeclaration[]) {
    this.columns = columns.map((declaration) => ({
      declaration,
      column: new KernelColumn(kernel(), declaration.type),
    }));
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.columns.reduce((sum, { column }) => sum + column.bytes, 0);
  }

  append(values: readonly Value[]): void {
    const row = this.#rows;
    // Not by entries(), which makes two objects per value.
    for (let i = 0; i < this.columns.length; i++) {
      const value = values[i];
      if (value !== null && value !== undefined) this.columns[i]!.column.append(value, row);
    }
    this.#rows++;
  }

  /** Appends rows of a table with columns of the same types, in this order. */
  appendRows(source: KernelTable, rows: Uint32Array): void {
    const placed = new KernelRows(rows);
    try {
      for (const [i, { column }] of this.columns.entries()) {
        column.pad(this.#rows);
        column.appendRows(source.columns[i]!.column, placed);
      }
    } finally {
      placed.release();
    }
    this.#rows += rows.length;
  }

  /** Counts as many rows whose values went straight into the columns. */
  endRows(count: number): void {
    this.#rows += count;
  }

  batch(): ColumnBatch {
    const columns = this.columns.map(({ declaration, column }): BatchColumn => {
      column.pad(this.#rows);
      return { name: declaration.name, type: declaration.type, data: column.data() };
    });
    return { rows: this.#rows, columns };
  }

  clear(): void {
    this.#rows = 0;
    for (const { column } of this.columns) column.clear();
  }

  /** Forgets all rows and what was learned of their values: the same rows give the same columns as in a new table. */
  renew(): void {
    this.#rows = 0;
    for (const { column } of this.columns) column.renew();
  }

  /** Gives the memory back; the table and what `batch` gave are void. */
  release(): void {
    for (const { column } of this.columns) column.release();
    this.#rows = 0;
  }
}
