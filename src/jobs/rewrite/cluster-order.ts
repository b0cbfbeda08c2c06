/** Sorting by clustering keys: a transformed key becomes a column of its own, beside the batch's columns. */
import type { BatchColumn, ColumnBatch, FixedData } from '../../columns/batch.ts';
import { type SortKey, sortKeyText } from '../../iceberg/sort-orders.ts';
import { sortOrder } from '../../kernel/sort-order.ts';

const microsPerHour = 3_600_000_000n;

/** The rows of `batch` in the order of `keys`; ties in the order of the batch. */
export function clusterOrder(batch: ColumnBatch, keys: readonly SortKey[]): Uint32Array {
  const computed = keys.filter((key) => key.transform === 'hour').map((key) => hours(batch, key));
  return sortOrder({ ...batch, columns: [...batch.columns, ...computed] }, keys.map(sortKeyText));
}

/** The keys that a file can name as its sorting columns: those before the first that is computed. */
export function plainKeys(keys: readonly SortKey[]): string[] {
  const end = keys.findIndex((key) => key.transform !== 'identity');
  return keys.slice(0, end < 0 ? keys.length : end).map((key) => key.column);
}

function hours(batch: ColumnBatch, key: SortKey): BatchColumn {
  const data = batch.columns.find((column) => column.name === key.column)!.data as FixedData;
  const micros = data.values as BigInt64Array | null;
  const values = micros && new BigInt64Array(batch.rows);
  if (micros !== null && values !== null)
    for (let row = 0; row < batch.rows; row++) {
      const value = micros[row]!;
      const quotient = value / microsPerHour;
      values[row] = value < 0n && quotient * microsPerHour !== value ? quotient - 1n : quotient;
    }
  return { name: sortKeyText(key), type: 'long', data: { ...data, type: 'long', values } };
}
