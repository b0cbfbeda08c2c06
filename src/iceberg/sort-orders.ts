import type { SortOrder, TableMetadata } from './metadata.ts';
import { fieldsByName } from './schema.ts';

/**
 * Sort orders beside the table's default one (Iceberg spec, "Sorting"): compacted files are sorted in another way than
 * ingested ones, and say so by the id of their order.
 */
export interface SortKey {
  readonly column: string;
  /** hour: hours since the epoch, of a timestamp column. Ascending, nulls first. */
  readonly transform: 'identity' | 'hour';
}

/** `subject` or `hour(event_time)`; undefined for anything else. */
export function parseSortKey(text: string): SortKey | undefined {
  const [, transformed, plain] = /^(?:hour\((\w+)\)|(\w+))$/.exec(text) ?? [];
  if (transformed !== undefined) return { column: transformed, transform: 'hour' };
  return plain === undefined ? undefined : { column: plain, transform: 'identity' };
}

export const sortKeyText = ({ column, transform }: SortKey): string =>
  transform === 'identity' ? column : `${transform}(${column})`;

/** Id of the order that sorts by these keys; undefined where the table has none such. No keys: 0, unsorted. */
export function findSortOrder(metadata: TableMetadata, keys: readonly SortKey[]): number | undefined {
  if (keys.length === 0) return 0;
  const wanted = JSON.stringify(fieldsOf(metadata, keys));
  return metadata['sort-orders'].find((order) => JSON.stringify(order.fields.map(canonical)) === wanted)?.['order-id'];
}

/** The metadata with such an order; the default stays as it is. undefined where it has one. */
export function addSortOrder(
  metadata: TableMetadata,
  keys: readonly SortKey[],
  nowMs: number,
): TableMetadata | undefined {
  if (findSortOrder(metadata, keys) !== undefined) return undefined;
  const orders = metadata['sort-orders'];
  // Order 0 is reserved for "unsorted".
  const id = Math.max(0, ...orders.map((order) => order['order-id'])) + 1;
  return {
    ...metadata,
    'last-updated-ms': Math.max(nowMs, metadata['last-updated-ms']),
    'sort-orders': [...orders, { 'order-id': id, fields: fieldsOf(metadata, keys) }],
  };
}

type SortField = SortOrder['fields'][number];

const canonical = (field: SortField): SortField => ({
  transform: field.transform,
  'source-id': field['source-id'],
  direction: field.direction,
  'null-order': field['null-order'],
});

function fieldsOf(metadata: TableMetadata, keys: readonly SortKey[]): SortField[] {
  const fields = fieldsByName(metadata);
  return keys.map(({ column, transform }) => {
    const id = fields.get(column)?.id;
    if (id === undefined) throw new Error(`table at ${metadata.location} has no column ${column} to sort by`);
    return { transform, 'source-id': id, direction: 'asc', 'null-order': 'nulls-first' };
  });
}
