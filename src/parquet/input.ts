/** How encoders read their input. */
import type { ColumnBatch, ColumnData } from '../columns/batch.ts';

export function columnsByName(batch: ColumnBatch): ReadonlyMap<string, ColumnData> {
  return new Map(batch.columns.map((column) => [column.name, column.data]));
}

/** The order that leaves all rows as they stand. */
export function allRows(count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) rows[row] = row;
  return rows;
}
