import { beforeAll, describe, expect, test } from 'vitest';
import { type Catalog, CommitConflict, type LoadedTable } from '../../src/iceberg/catalog.ts';
import { commitTable, MissingDataFiles } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import {
  currentSchema,
  currentSnapshot,
  type Snapshot,
  serializeMetadata,
  type TableMetadata,
} from '../../src/iceberg/metadata.ts';
import { newTableMetadata } from '../../src/iceberg/schema.ts';
import { canonical } from '../../src/store/places.ts';
import type { ObjectStore } from '../../src/store/store.ts';
import { append, events, liveNames, madeUpFile, testContext, withColumns } from '../iceberg/fixture.ts';

/** What every catalog promises. `open` gives a catalog without tables; `again` another one on the same tables. */
export interface CatalogUnderTest {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly again: () => Catalog;
  /** A server does, which gives a table its uuid, keeps the time and may add properties. */
  readonly serverWritesMetadata?: boolean;
}

export function catalogContract(open: () => Promise<CatalogUnderTest>): void {
  let store: ObjectStore;
  let catalog: Catalog;
  let again: () => Catalog;
  let serverWritesMetadata: boolean;
  let tables = 0;
  beforeAll(async () => {
    ({ store, catalog, again, serverWritesMetadata = false } = await open());
    await catalog.ensureNamespace();
  });

  const declared = () => ({ ...events, name: `events_${String(++tables).padStart(3, '0')}` });
  const fresh = (name: string) =>
    newTableMetadata({
      uuid: '00000000-0000-4000-8000-000000000001',
      location: catalog.tableLocation(name),
      declaration: { ...events, name },
      nowMs: 1,
    });
  /** With a snapshot that exists in metadata only: `number` tells the snapshots of a test apart. */
  const following = ({ metadata }: LoadedTable, number: number): TableMetadata => {
    const id = BigInt(number);
    const timestamp = metadata['last-updated-ms'] + 1;
    const parent = currentSnapshot(metadata)?.['snapshot-id'];
    const snapshot: Snapshot = {
      'snapshot-id': id,
      ...(parent !== undefined && { 'parent-snapshot-id': parent }),
      'sequence-number': metadata['last-sequence-number'] + 1,
      'timestamp-ms': timestamp,
      summary: { operation: 'append' },
      'manifest-list': `${metadata.location}/metadata/snap-${id}.avro`,
      'schema-id': metadata['current-schema-id'],
    };
    return {
      ...metadata,
      'last-updated-ms': timestamp,
      'last-sequence-number': snapshot['sequence-number'],
      'current-snapshot-id': id,
      refs: { ...metadata.refs, main: { 'snapshot-id': id, type: 'branch' } },
      snapshots: [...metadata.snapshots, snapshot],
      'snapshot-log': [...metadata['snapshot-log'], { 'timestamp-ms': timestamp, 'snapshot-id': id }],
    };
  };
  const context = (on: Catalog = catalog) => testContext(store, on);
  const seen = async (name: string): Promise<LoadedTable> => (await again().loadTable(name))!;

  describe('tables', () => {
    test('a table that nobody created is undefined', async () => {
      expect(await catalog.loadTable('nothing_here')).toBeUndefined();
    });

    test('the namespace may be ensured again', async () => {
      await catalog.ensureNamespace();
      await again().ensureNamespace();
    });

    test('a created table is loaded with the same metadata by others', async () => {
      const { name } = declared();
      const metadata = fresh(name);
      const created = await catalog.createTable(name, metadata);
      const { 'table-uuid': _uuid, 'last-updated-ms': _updated, 'sort-orders': orders, ...asked } = metadata;
      expect(created.metadata).toMatchObject(asked);
      expect(created.metadata['sort-orders']).toContainEqual(orders.at(-1));
      if (!serverWritesMetadata) expect(created.metadata).toEqual(metadata);
      const loaded = await seen(name);
      expect(loaded.metadata).toEqual(created.metadata);
      expect(loaded.metadataLocation).toBe(created.metadataLocation);
      expect(loaded.version).toBe(created.version);
    });

    test('creating a table that exists is a conflict, and leaves it as it was', async () => {
      const { name } = declared();
      const created = await catalog.createTable(name, fresh(name));
      const other = { ...fresh(name), 'table-uuid': '00000000-0000-4000-8000-000000000002' };
      await expect(again().createTable(name, other)).rejects.toBeInstanceOf(CommitConflict);
      expect((await seen(name)).metadata['table-uuid']).toBe(created.metadata['table-uuid']);
    });

    test('tables are listed by name, also past a table with many files', async () => {
      const before = await catalog.listTables();
      const [first, second] = [declared().name, declared().name];
      await catalog.createTable(second, fresh(second));
      await catalog.createTable(first, fresh(first));
      for (let index = 0; index < 3; index++)
        await store.put(`${catalog.tableLocation(first)}/data/ymd=2024-01-01/${index}.parquet`, new Uint8Array(1));
      expect(await again().listTables()).toEqual([...before, first, second].sort());
    });

    test('names that engines cannot take are refused', () => {
      for (const name of ['', 'with space', 'a/b', '../up', 'ünï', 'a-b'])
        expect(() => catalog.tableLocation(name)).toThrow(JSON.stringify(name));
    });
  });

  describe('commits', () => {
    test('a commit replaces the metadata and logs the file it replaces', async () => {
      const { name } = declared();
      const base = await catalog.createTable(name, fresh(name));
      const next = {
        ...base.metadata,
        properties: { ...base.metadata.properties, colour: 'blue' },
        'last-updated-ms': 2,
      };
      const committed = await catalog.commitTable(name, base, next);
      const loaded = await seen(name);
      expect(loaded.metadata.properties.colour).toBe('blue');
      expect(loaded.metadata).toEqual(committed.metadata);
      expect(loaded.version).toBe(committed.version);
      expect(loaded.metadataLocation).not.toBe(base.metadataLocation);
      const replaced = { 'timestamp-ms': base.metadata['last-updated-ms'], 'metadata-file': base.metadataLocation };
      expect(loaded.metadata['metadata-log']).toEqual([replaced]);
    });

    test('a commit on a version that is no longer current is a conflict, and changes nothing', async () => {
      const { name } = declared();
      const base = await catalog.createTable(name, fresh(name));
      const winner = await catalog.commitTable(name, base, following(base, 2));
      await expect(again().commitTable(name, base, following(base, 3))).rejects.toBeInstanceOf(CommitConflict);
      const loaded = await seen(name);
      expect(loaded.metadataLocation).toBe(winner.metadataLocation);
      expect(loaded.metadata['current-snapshot-id']).toBe(2n);
    });

    test('of commits on one version at the same time exactly one holds', async () => {
      const { name } = declared();
      const base = await catalog.createTable(name, fresh(name));
      const tries = Array.from({ length: 6 }, (_, index) =>
        again().commitTable(name, base, following(base, 100 + index)),
      );
      const results = await Promise.allSettled(tries);
      const winners = results.filter((result) => result.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(CommitConflict);
      const { metadata } = await seen(name);
      expect(metadata['current-snapshot-id']).toBe(winners[0]!.value.metadata['current-snapshot-id']);
      expect(metadata.snapshots).toHaveLength(1);
    });

    test('what has been committed is found by every loader, however old its own view is', async () => {
      const { name } = declared();
      let loaded = await catalog.createTable(name, fresh(name));
      const watcher = again();
      for (let index = 0; index < 5; index++) {
        loaded = await again().commitTable(name, loaded, following(loaded, 10 + index));
        expect((await watcher.loadTable(name))!.metadataLocation).toBe(loaded.metadataLocation);
      }
    });

    test('earlier metadata is given up as the table says, and the current one never', async () => {
      const { name } = declared();
      const metadata = fresh(name);
      const properties = { ...metadata.properties, 'write.metadata.previous-versions-max': '2' };
      const versions = [await catalog.createTable(name, { ...metadata, properties })];
      for (let index = 0; index < 5; index++) {
        const base = versions.at(-1)!;
        versions.push(await catalog.commitTable(name, base, following(base, 10 + index)));
      }
      const loaded = await seen(name);
      expect(loaded.metadata['metadata-log'].map((entry) => entry['metadata-file'])).toEqual(
        versions.slice(-3, -1).map((version) => version.metadataLocation),
      );
      for (const [index, version] of versions.entries()) {
        const size = (await store.head(canonical(version.metadataLocation)))?.size ?? 0;
        if (index < 3) expect(size).toBe(0);
        else if (serverWritesMetadata) expect(size).toBeGreaterThan(0);
        else expect(size).toBe(serializeMetadata(version.metadata).length);
      }
      // A writer that slept through all of it must not take a name that has become free for a commit.
      const late = again().commitTable(name, versions[0]!, following(versions[0]!, 9));
      await expect(late).rejects.toBeInstanceOf(CommitConflict);
    });
  });

  describe('table commits', () => {
    test('ensureTable creates, then leaves alone, then adds what the declaration has gained', async () => {
      const declaration = declared();
      const created = await ensureTable(context(), declaration);
      expect((await ensureTable(context(again()), declaration)).version).toBe(created.version);
      const grown = withColumns(declaration, { name: 'tenant', type: 'string', description: 'Whose' });
      const evolved = await ensureTable(context(), grown);
      expect(currentSchema(evolved.metadata).fields.at(-1)).toEqual({
        id: created.metadata['last-column-id'] + 1,
        name: 'tenant',
        required: false,
        type: 'string',
        doc: 'Whose',
      });
      expect((await seen(declaration.name)).metadata).toEqual(evolved.metadata);
    });

    test('many ensureTable at once give one table with all columns', async () => {
      const declaration = declared();
      const added = Array.from({ length: 5 }, (_, index) => ({
        name: `tenant_${index}`,
        type: 'string' as const,
        description: '',
      }));
      await Promise.all(added.map((column) => ensureTable(context(again()), withColumns(declaration, column))));
      const { metadata } = await seen(declaration.name);
      const fields = currentSchema(metadata).fields;
      expect(
        fields
          .map((field) => field.name)
          .slice(events.columns.length)
          .sort(),
      ).toEqual(added.map((column) => column.name));
      expect(new Set(fields.map((field) => field.id)).size).toBe(fields.length);
    });

    test('every one of many concurrent appends lands, once', async () => {
      const declaration = declared();
      const { name } = declaration;
      await ensureTable(context(), declaration);
      const count = 12;
      await Promise.all(
        Array.from({ length: count }, (_, index) =>
          commitTable(context(again()), name, ({ metadata }) =>
            append(madeUpFile(metadata, `file-${String(index).padStart(2, '0')}`)),
          ),
        ),
      );
      const loaded = await seen(name);
      expect(await liveNames(store, loaded)).toEqual(
        Array.from({ length: count }, (_, index) => `file-${String(index).padStart(2, '0')}`),
      );
      expect(loaded.metadata.snapshots.map((snapshot) => snapshot['sequence-number'])).toEqual(
        Array.from({ length: count }, (_, index) => index + 1),
      );
      expect(currentSnapshot(loaded.metadata)!.summary['total-records']).toBe(String(count * 10));
    });

    test('of concurrent rewrites of one file exactly one holds, and the others are told', async () => {
      const declaration = declared();
      const { name } = declaration;
      await ensureTable(context(), declaration);
      const { loaded } = await commitTable(context(), name, ({ metadata }) => append(madeUpFile(metadata, 'old')));
      const old = madeUpFile(loaded.metadata, 'old').path;
      const tries = Array.from({ length: 4 }, (_, index) =>
        commitTable(context(again()), name, ({ metadata }) => ({
          operation: 'replace',
          add: [madeUpFile(metadata, `new-${index}`)],
          remove: [old],
          summary: {},
        })),
      );
      const results = await Promise.allSettled(tries);
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(MissingDataFiles);
      expect(await liveNames(store, await seen(name))).toEqual([
        `new-${results.findIndex((result) => result.status === 'fulfilled')}`,
      ]);
    });
  });
}
