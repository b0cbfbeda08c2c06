/** A warehouse in a folder with Parquet files that DuckDB wrote, so that the engine under test meets foreign files too. */
import { mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { ColumnDeclaration } from '../../src/columns/types.ts';
import { type CommitContext, commitTable } from '../../src/iceberg/commit.ts';
import type { DataFile } from '../../src/iceberg/data-file.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import type { ObjectStore } from '../../src/store/store.ts';

export interface TestWarehouse {
  readonly folder: string;
  readonly store: ObjectStore;
  readonly catalog: FileCatalog;
  table(name: string, columns: readonly ColumnDeclaration[]): Promise<void>;
  /** Adds the rows of a SELECT as one data file of one day. Returns its URI. */
  add(table: string, ymd: string, select: string, writing?: Writing): Promise<string>;
}

export interface Writing {
  readonly rowGroupRows?: number;
  /** Of the rows, where other numbers are to stand in the manifest. */
  readonly bounds?: Pick<DataFile, 'lowerBounds' | 'upperBounds'>;
}

export const column = (name: string, type: ColumnDeclaration['type']): ColumnDeclaration => ({
  name,
  type,
  description: name,
});

let instance: Promise<DuckDBInstance> | undefined;
/** The database that writes all files; it is gone with the process. */
const writer = (): Promise<DuckDBInstance> => (instance ??= DuckDBInstance.create(':memory:'));

/** `root` is the URI under which `store` keeps `folder`. */
export function testWarehouse(makeStore: (folder: string) => { store: ObjectStore; root: string }): TestWarehouse {
  const folder = mkdtempSync(join(tmpdir(), 'aw-engine-'));
  const { store, root } = makeStore(folder);
  const catalog = new FileCatalog(store, root);
  const context: CommitContext = {
    catalog,
    store,
    now: () => 1_700_000_000_000,
    sleep: async () => {},
    uuid: () => '00000000-0000-4000-8000-000000000000',
  };
  let files = 0;
  return {
    folder,
    store,
    catalog,
    async table(name, columns) {
      await ensureTable(context, {
        name,
        description: name,
        columns: [column('ymd', 'string'), ...columns],
        sortedBy: [],
        bloomColumns: [],
        fullBounds: [],
        provenance: [],
      });
    },
    async add(table, ymd, select, { rowGroupRows = 122_880, bounds } = {}) {
      const relative = `${table}/data/ymd=${ymd}/${++files}.parquet`;
      const path = join(folder, relative);
      mkdirSync(join(path, '..'), { recursive: true });
      const connection = await (await writer()).connect();
      const copied = await connection.runAndReadAll(
        `COPY (${select}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE ${rowGroupRows})`,
      );
      connection.closeSync();
      const uri = `${root}/${relative}`;
      const none = new Map<number, never>();
      await commitTable(context, table, () => ({
        operation: 'append',
        summary: {},
        remove: [],
        add: [
          {
            path: uri,
            ymd,
            recordCount: Number(copied.getRows()[0]![0]),
            fileSize: statSync(path).size,
            columnSizes: none,
            valueCounts: none,
            nullCounts: none,
            lowerBounds: bounds?.lowerBounds ?? none,
            upperBounds: bounds?.upperBounds ?? none,
            splitOffsets: [],
            sortOrderId: 0,
          },
        ],
      }));
      return uri;
    },
  };
}
