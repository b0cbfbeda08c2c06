/** A table as a compaction needs to know it, and by which rules and with what means it is compacted. */
import type { Config } from '../../config/config.ts';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { updateTable } from '../../iceberg/commit.ts';
import { expectWritable } from '../../iceberg/metadata.ts';
import { addSortOrder, findSortOrder } from '../../iceberg/sort-orders.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { commitContext } from '../../ledger/runtime.ts';
import { type CompactionTable, describeTable } from '../../rewrite/stored-table.ts';
import { type PartKey, partKeyOf } from './parts.ts';
import type { CompactionRules, PlannedTable } from './plan.ts';
import type { RewriteOptions } from './rewrite.ts';

export interface OpenedTable {
  readonly loaded: LoadedTable;
  readonly table: CompactionTable;
  readonly planned: PlannedTable;
  /** By what its days can be cut. */
  readonly partKey: PartKey | undefined;
}

/** undefined where there is no such table. Throws table faults, and UsageError for a clustering that it cannot have. */
export async function openTable(runtime: Runtime, name: string): Promise<OpenedTable | undefined> {
  const loaded = await runtime.catalog.loadTable(name);
  if (loaded === undefined) return undefined;
  expectWritable(name, loaded.metadata);
  return opened(loaded, describeTable(name, loaded, runtime.config));
}

/** With the sort order of compacted files in its metadata. */
export async function withSortOrder(runtime: Runtime, { table }: OpenedTable): Promise<OpenedTable> {
  const { loaded } = await updateTable(commitContext(runtime), table.declaration.name, ({ metadata }) =>
    addSortOrder(metadata, table.clustering, runtime.clock()),
  );
  return opened(loaded, table);
}

const opened = (loaded: LoadedTable, table: CompactionTable): OpenedTable => ({
  loaded,
  table,
  partKey: partKeyOf(loaded, table),
  planned: {
    name: table.declaration.name,
    sortOrderId: findSortOrder(loaded.metadata, table.clustering),
    isPinned: table.isPinned,
    hasIdentity: table.declaration.identity !== undefined,
  },
});

export const rulesOf = ({ compact }: Pick<Config, 'compact'>): CompactionRules => ({
  targetBytes: compact.targetBytes,
  smallFiles: compact.smallFiles,
  excessFiles: compact.excessFiles,
  unsortedShare: compact.unsortedPercent / 100,
  findDuplicates: compact.findDuplicates,
});

/** `run` is an id that no other run has. */
export const rewriteOptions = (
  { compact }: Pick<Config, 'compact'>,
  run: string,
  signal?: AbortSignal,
): RewriteOptions => ({
  ...compact,
  run,
  ...(signal && { signal }),
});
