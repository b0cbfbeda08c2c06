/**
 * What a REST catalog is told of a commit (Iceberg REST specification, "CommitTableRequest"): the difference of two
 * metadata documents as updates, and what must still be so for them to be right as requirements. Pure functions.
 *
 * The server writes the metadata file. It counts sequence numbers, keeps the logs of snapshots and metadata files, and sets
 * the time of the last update itself, so these are not among the updates.
 */
import { isDeepStrictEqual } from 'node:util';
import type { SnapshotBound, SnapshotRef, TableMetadata } from '../../iceberg/metadata.ts';

export interface Update {
  readonly action: string;
  readonly [field: string]: unknown;
}

/** As the specification names them; `snapshot-id` null: there must be no such ref. */
export type Requirement =
  | { readonly type: 'assert-table-uuid'; readonly uuid: string }
  | { readonly type: 'assert-ref-snapshot-id'; readonly ref: string; readonly 'snapshot-id': bigint | null }
  | { readonly type: 'assert-last-assigned-field-id'; readonly 'last-assigned-field-id': number }
  | { readonly type: 'assert-current-schema-id'; readonly 'current-schema-id': number }
  | { readonly type: 'assert-last-assigned-partition-id'; readonly 'last-assigned-partition-id': number }
  | { readonly type: 'assert-default-spec-id'; readonly 'default-spec-id': number }
  | { readonly type: 'assert-default-sort-order-id'; readonly 'default-sort-order-id': number };

/** Fields that updates change, and those that the server derives from them. */
const covered = new Set([
  'format-version',
  'table-uuid',
  'location',
  'schemas',
  'current-schema-id',
  'partition-specs',
  'default-spec-id',
  'sort-orders',
  'default-sort-order-id',
  'properties',
  'snapshots',
  'refs',
  'statistics',
  'partition-statistics',
  'last-sequence-number',
  'last-updated-ms',
  'last-column-id',
  'last-partition-id',
  'current-snapshot-id',
  'snapshot-log',
  'metadata-log',
]);

/**
 * Everything that a change of the table may rest on. A server checks them one by one, so a commit also goes through
 * where only other things have changed: properties, or snapshots that no branch or tag points to.
 */
export function requirementsOf(base: TableMetadata): Requirement[] {
  const refs = Object.entries(base.refs).map(([ref, { 'snapshot-id': id }]) => refStands(ref, id));
  return [
    { type: 'assert-table-uuid', uuid: base['table-uuid'] },
    ...(base.refs.main ? [] : [refStands('main', null)]),
    ...refs,
    { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': base['last-column-id'] },
    { type: 'assert-current-schema-id', 'current-schema-id': base['current-schema-id'] },
    { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': base['last-partition-id'] },
    { type: 'assert-default-spec-id', 'default-spec-id': base['default-spec-id'] },
    { type: 'assert-default-sort-order-id', 'default-sort-order-id': base['default-sort-order-id'] },
  ];
}

const refStands = (ref: string, id: bigint | null): Requirement => ({
  type: 'assert-ref-snapshot-id',
  ref,
  'snapshot-id': id,
});

/** Whether a commit with the requirements of `base` would be let through on `current`. */
export const stillHolds = (base: TableMetadata, current: TableMetadata): boolean =>
  requirementsOf(base).every((requirement) => holds(requirement, current));

function holds(requirement: Requirement, metadata: TableMetadata): boolean {
  switch (requirement.type) {
    case 'assert-table-uuid':
      return metadata['table-uuid'] === requirement.uuid;
    case 'assert-ref-snapshot-id':
      return (metadata.refs[requirement.ref]?.['snapshot-id'] ?? null) === requirement['snapshot-id'];
    case 'assert-last-assigned-field-id':
      return metadata['last-column-id'] === requirement['last-assigned-field-id'];
    case 'assert-current-schema-id':
      return metadata['current-schema-id'] === requirement['current-schema-id'];
    case 'assert-last-assigned-partition-id':
      return metadata['last-partition-id'] === requirement['last-assigned-partition-id'];
    case 'assert-default-spec-id':
      return metadata['default-spec-id'] === requirement['default-spec-id'];
    case 'assert-default-sort-order-id':
      return metadata['default-sort-order-id'] === requirement['default-sort-order-id'];
  }
}

/**
 * What makes `next` of `base`, in an order in which everything is there before it is referred to, and removed when
 * nothing refers to it any more. Empty where they say the same. Throws where a part differs that no update can change.
 */
export function updatesBetween(base: TableMetadata, next: TableMetadata): Update[] {
  for (const field of new Set([...Object.keys(base), ...Object.keys(next)])) {
    if (field === 'table-uuid' || !covered.has(field)) expectSame(field, base[field], next[field]);
  }
  const schemas = difference('schemas', 'schema-id', base.schemas, next.schemas);
  const specs = difference('partition-specs', 'spec-id', base['partition-specs'], next['partition-specs']);
  const orders = difference('sort-orders', 'order-id', base['sort-orders'], next['sort-orders']);
  const snapshots = difference('snapshots', 'snapshot-id', base.snapshots, next.snapshots);
  const refs = refUpdates(base.refs, next.refs);
  return [
    ...changed(base, next, 'format-version', 'upgrade-format-version'),
    ...changed(base, next, 'location', 'set-location'),
    // `last-column-id` is deprecated, and still asked for by some servers.
    ...schemas.added.map((schema) => ({ action: 'add-schema', schema, 'last-column-id': next['last-column-id'] })),
    ...pointer(base, next, 'current-schema-id', 'set-current-schema', 'schema-id', schemas.added.at(-1)?.['schema-id']),
    ...specs.added.map((spec) => ({ action: 'add-spec', spec })),
    ...pointer(base, next, 'default-spec-id', 'set-default-spec', 'spec-id', specs.added.at(-1)?.['spec-id']),
    ...orders.added.map((order) => ({ action: 'add-sort-order', 'sort-order': order })),
    ...pointer(
      base,
      next,
      'default-sort-order-id',
      'set-default-sort-order',
      'sort-order-id',
      orders.added.at(-1)?.['order-id'],
    ),
    ...propertyUpdates(base.properties, next.properties),
    ...snapshots.added.map((snapshot) => ({ action: 'add-snapshot', snapshot })),
    ...refs,
    ...statisticsUpdates(base, next),
    ...(snapshots.removed.length > 0 ? [{ action: 'remove-snapshots', 'snapshot-ids': snapshots.removed }] : []),
    ...(specs.removed.length > 0 ? [{ action: 'remove-partition-specs', 'spec-ids': specs.removed }] : []),
    ...(schemas.removed.length > 0 ? [{ action: 'remove-schemas', 'schema-ids': schemas.removed }] : []),
    ...unremovable('sort orders', orders.removed),
  ];
}

interface Difference<Item> {
  readonly added: readonly Item[];
  /** Their ids. */
  readonly removed: readonly unknown[];
}

/** What stands under one id never changes. */
function difference<Item extends object>(
  field: string,
  id: keyof Item & string,
  base: readonly Item[],
  next: readonly Item[],
): Difference<Item> {
  const before = new Map(base.map((item) => [item[id], item]));
  const after = new Set(next.map((item) => item[id]));
  for (const item of next) if (before.has(item[id])) expectSame(field, before.get(item[id]), item);
  return {
    added: next.filter((item) => !before.has(item[id])),
    removed: base.flatMap((item) => (after.has(item[id]) ? [] : [item[id]])),
  };
}

function changed(
  base: TableMetadata,
  next: TableMetadata,
  field: 'format-version' | 'location',
  action: string,
): Update[] {
  return base[field] === next[field] ? [] : [{ action, [field]: next[field] }];
}

/** The server numbers what is added, so the last one that was is referred to by -1. */
function pointer(
  base: TableMetadata,
  next: TableMetadata,
  field: 'current-schema-id' | 'default-spec-id' | 'default-sort-order-id',
  action: string,
  argument: string,
  lastAdded: number | undefined,
): Update[] {
  if (base[field] === next[field]) return [];
  return [{ action, [argument]: next[field] === lastAdded ? -1 : next[field] }];
}

function propertyUpdates(base: TableMetadata['properties'], next: TableMetadata['properties']): Update[] {
  const set = Object.entries(next).filter(([key, value]) => !Object.hasOwn(base, key) || base[key] !== value);
  const removed = Object.keys(base).filter((key) => !Object.hasOwn(next, key));
  return [
    ...(set.length > 0 ? [{ action: 'set-properties', updates: Object.fromEntries(set) }] : []),
    ...(removed.length > 0 ? [{ action: 'remove-properties', removals: removed }] : []),
  ];
}

function refUpdates(base: TableMetadata['refs'], next: TableMetadata['refs']): Update[] {
  const set = Object.entries(next).filter(
    ([name, ref]) => !Object.hasOwn(base, name) || !isDeepStrictEqual(base[name], ref),
  );
  const removed = Object.keys(base).filter((name) => !Object.hasOwn(next, name));
  return [
    ...set.map(([name, ref]: [string, SnapshotRef]) => ({ action: 'set-snapshot-ref', 'ref-name': name, ...ref })),
    ...removed.map((name) => ({ action: 'remove-snapshot-ref', 'ref-name': name })),
  ];
}

function statisticsUpdates(base: TableMetadata, next: TableMetadata): Update[] {
  return (['statistics', 'partition-statistics'] as const).flatMap((field) => {
    const before = byId(base[field]);
    const after = byId(next[field]);
    const removed = [...before.keys()].filter((id) => !after.has(id));
    const set = [...after].filter(([id, file]) => !isDeepStrictEqual(before.get(id), file));
    return [
      ...removed.map((id) => ({ action: `remove-${field}`, 'snapshot-id': id })),
      // The id beside the file is deprecated, and still asked for by some servers.
      ...set.map(([id, file]) => ({ action: `set-${field}`, 'snapshot-id': id, [field]: file })),
    ];
  });
}

const byId = (files: readonly SnapshotBound[] = []) => new Map(files.map((file) => [file['snapshot-id'], file]));

function unremovable(what: string, ids: readonly unknown[]): [] {
  if (ids.length > 0) throw new Error(`${what} ${ids.join(', ')}: a REST catalog cannot remove them`);
  return [];
}

function expectSame(field: string, before: unknown, after: unknown): void {
  if (!isDeepStrictEqual(before, after))
    throw new Error(`table metadata field ${JSON.stringify(field)}: a REST catalog cannot be told to change it`);
}
