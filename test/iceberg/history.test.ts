import { expect, test } from 'vitest';
import { isRolledBack } from '../../src/iceberg/history.ts';
import type { Snapshot, TableMetadata } from '../../src/iceberg/metadata.ts';

/** Snapshots by their parents, numbered in the order in which they were made. */
const history = (parents: Record<number, number | undefined>, current: number): TableMetadata =>
  ({
    'current-snapshot-id': BigInt(current),
    snapshots: Object.entries(parents).map(([id, parent]) => ({
      'snapshot-id': BigInt(id),
      'sequence-number': Number(id),
      ...(parent !== undefined && { 'parent-snapshot-id': BigInt(parent) }),
    })),
  }) as unknown as TableMetadata;
const rolledBack = (metadata: TableMetadata): number[] =>
  metadata.snapshots
    .filter((snapshot: Snapshot) => isRolledBack(metadata, snapshot))
    .map((one) => Number(one['snapshot-id']));

test('a snapshot is rolled back where the current one does not come from it', () => {
  const chain = { 1: undefined, 2: 1, 3: 2, 4: 3 };
  expect(rolledBack(history(chain, 4))).toEqual([]);
  expect(rolledBack(history(chain, 2))).toEqual([3, 4]);
  expect(rolledBack(history({ ...chain, 5: 2 }, 5))).toEqual([3, 4]);
});

test('what came before snapshots that have expired is not', () => {
  expect(rolledBack(history({ 1: undefined, 4: 3, 5: 4 }, 5))).toEqual([]);
});
