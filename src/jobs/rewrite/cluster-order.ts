/** Sorting by clustering keys. */
import type { ColumnBatch } from '../../columns/batch.ts';
import type { SortKey } from '../../iceberg/sort-orders.ts';
import { sortOrder } from '../../kernel/sort-order.ts';

const microsPerHour = 3_600_000_000n;

/** The rows of `batch` in the order of `keys`; ties in the order of the batch. */
export const clusterOrder = (batch: ColumnBatch, keys: readonly SortKey[]): Uint32Array =>
  sortOrder(
    batch,
    keys.map(({ column, transform }) => (transform === 'hour' ? { column, unit: microsPerHour } : { column })),
  );

/** The keys that a file can name as its sorting columns: those before the first that is computed. */
export function plainKeys(keys: readonly SortKey[]): string[] {
  const end = keys.findIndex((key) => key.transform !== 'identity');
  return keys.slice(0, end < 0 ? keys.length : end).map((key) => key.column);
}
