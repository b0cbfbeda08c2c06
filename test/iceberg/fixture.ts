import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { Scalar } from '../../src/columns/types.ts';
import type { Catalog, LoadedTable } from '../../src/iceberg/catalog.ts';
import type { CommitContext } from '../../src/iceberg/commit.ts';
import { type DataFile, dataFile } from '../../src/iceberg/data-file.ts';
import type { TableMetadata } from '../../src/iceberg/metadata.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { fileColumns } from '../../src/iceberg/schema.ts';
import type { ColumnStats } from '../../src/parquet/encoder.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectStore } from '../../src/store/store.ts';
import type { TableDeclaration } from '../../src/tables/declaration.ts';
import { collect } from '../support/collect.ts';

/** A small table with a column of every type, and files of it that exist in manifests only. */
export const events: TableDeclaration = {
  name: 'events',
  description: 'Events of a test',
  columns: [
    { name: 'ymd', type: 'string', description: 'UTC day', required: true },
    { name: 'event_time', type: 'timestamp', description: 'When it happened' },
    { name: 'id', type: 'string', description: 'Which one' },
    { name: 'subject', type: 'string', description: 'Who' },
    { name: 'allowed', type: 'boolean', description: 'Whether' },
    { name: 'port', type: 'int', description: 'Where from' },
    { name: 'duration', type: 'long', description: 'How long, ns' },
    { name: 'score', type: 'double', description: 'How much' },
    { name: 'roles', type: { list: 'string' }, description: 'As whom' },
    { name: 'metrics', type: { map: { key: 'string', value: 'long' } }, description: 'Timers' },
  ],
  sortedBy: ['event_time', 'id'],
  bloomColumns: ['id'],
  fullBounds: ['id'],
  provenance: [],
};

export const withColumns = (
  declaration: TableDeclaration,
  ...columns: TableDeclaration['columns']
): TableDeclaration => ({
  ...declaration,
  columns: [...declaration.columns, ...columns],
});

/** Time that passes only when someone sleeps. */
export function testContext(
  store: ObjectStore,
  catalog: Catalog,
  start = Date.UTC(2024, 0, 1),
): CommitContext & { elapsed: () => number } {
  let now = start;
  let tables = 0;
  return {
    store,
    catalog,
    now: () => now,
    sleep: async (ms) => {
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
    uuid: () => `00000000-0000-4000-8000-${String(++tables).padStart(12, '0')}`,
    elapsed: () => now - start,
  };
}

export const memoryContext = (store: ObjectStore = new MemoryStore()) =>
  testContext(store, new FileCatalog(store, 'memory://warehouse/tables'));

export interface FileFacts {
  readonly ymd?: string;
  readonly rows?: number;
  readonly size?: number;
  /** [min, max] by column. */
  readonly bounds?: Readonly<Record<string, readonly [Scalar, Scalar]>>;
}

/** A data file as the encoder would have described it; nothing is written. */
export function madeUpFile(
  metadata: TableMetadata,
  name: string,
  facts: FileFacts = {},
  declaration = events,
): DataFile {
  const { ymd = '2024-01-01', rows = 10, size = 1000, bounds = {} } = facts;
  const columns = new Map<number, ColumnStats>();
  for (const column of fileColumns(metadata, declaration)) {
    const [min, max] = bounds[column.name] ?? (column.name === 'ymd' ? [ymd, ymd] : []);
    const stats = { compressedSize: 10, valueCount: rows, nullCount: 0 };
    if (column.elementId === undefined) {
      columns.set(column.id, { ...stats, ...(min !== undefined && max !== undefined && { min, max }) });
    } else {
      columns.set(column.elementId, stats);
      if (column.keyId !== undefined) columns.set(column.keyId, stats);
    }
  }
  const path = `${metadata.location}/data/ymd=${ymd}/${name}.parquet`;
  const encoded = { chunks: [], size, rows, splitOffsets: [4], columns };
  return dataFile({ path, ymd, encoded, metadata, declaration });
}

export const append = (...add: DataFile[]) => ({ operation: 'append' as const, add, remove: [], summary: {} });

export const names = (files: readonly { readonly path: string }[]): string[] =>
  files.map((file) => file.path.slice(file.path.lastIndexOf('/') + 1).replace('.parquet', '')).sort();

export const liveNames = async (store: ObjectStore, loaded: LoadedTable): Promise<string[]> =>
  names(await collect(liveFiles(store, loaded.metadata)));
