import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand,
  DeleteTableCommand,
  GetDatabaseCommand,
  GetTableCommand,
  GlueClient,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { beforeAll, describe, expect, test } from 'vitest';
import { GlueCatalog } from '../../src/catalog/glue/catalog.ts';
import { CommitConflict, CommitStateUnknown } from '../../src/iceberg/catalog.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { S3Store } from '../../src/store/s3.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { catalogContract } from '../contract/catalog.ts';
import { append, events, liveNames, madeUpFile, testContext, withColumns } from '../iceberg/fixture.ts';
import { describeWith, rig } from '../support/rig.ts';

async function open() {
  const { endpoint, region, database } = await rig.glue();
  const s3 = await rig.s3();
  const store = new S3Store({ endpoint: s3.endpoint, region, forcePathStyle: true });
  const client = { endpoint, region };
  const warehouse = `s3://${s3.bucket}/warehouse`;
  const again = () => new GlueCatalog({ client, database, warehouse, store });
  return { store, catalog: again(), again, glue: new GlueClient(client), database, warehouse, client };
}

/** Requests of which each begins after the one before has ended, at most: each takes so long that computing does not count. */
class LongestChain {
  /** Lengths of the chains that end with each request that is over. */
  #ended: number[] = [];

  get length(): number {
    return Math.max(0, ...this.#ended);
  }

  restart(): void {
    this.#ended = [];
  }

  async timed<T>(request: () => Promise<T>): Promise<T> {
    const length = this.length + 1;
    try {
      const [answer] = await Promise.all([request(), sleep(100)]);
      return answer;
    } finally {
      this.#ended.push(length);
    }
  }
}

describeWith(['glue', 's3'], 'Glue catalog', () => {
  catalogContract(open);

  describe('the entry in Glue', () => {
    let opened: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      opened = await open();
      await ensureTable(testContext(opened.store, opened.catalog), events);
    });
    const entry = async (Name = events.name) =>
      (await opened.glue.send(new GetTableCommand({ DatabaseName: opened.database, Name }))).Table!;

    test('the database is created at the warehouse', async () => {
      const { Database } = await opened.glue.send(new GetDatabaseCommand({ Name: opened.database }));
      expect(Database?.LocationUri).toBe(opened.warehouse);
    });

    test('mirrors type, location, descriptions and columns, the partition column among them', async () => {
      const table = await entry();
      expect(table).toMatchObject({ TableType: 'EXTERNAL_TABLE', Description: 'Events of a test', PartitionKeys: [] });
      expect(table.Parameters).toMatchObject({ table_type: 'ICEBERG' });
      expect(table.Parameters?.metadata_location).toMatch(
        /^s3:\/\/[^/]+\/warehouse\/events\/metadata\/00000-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.metadata\.json$/,
      );
      expect(table.StorageDescriptor?.Location).toBe(`${opened.warehouse}/events`);
      const columns = table.StorageDescriptor?.Columns ?? [];
      expect(columns.map((column) => [column.Name, column.Type])).toEqual([
        ['ymd', 'string'],
        ['event_time', 'timestamp'],
        ['id', 'string'],
        ['subject', 'string'],
        ['allowed', 'boolean'],
        ['port', 'int'],
        ['duration', 'bigint'],
        ['score', 'double'],
        ['roles', 'array<string>'],
        ['metrics', 'map<string,bigint>'],
      ]);
      expect(columns[0]).toMatchObject({
        Comment: 'UTC day',
        Parameters: { 'iceberg.field.id': '1', 'iceberg.field.optional': 'false', 'iceberg.field.current': 'true' },
      });
    });

    test('keeps what others put there, and follows the schema', async () => {
      const { Name, TableType, Parameters, StorageDescriptor, Description } = await entry();
      await opened.glue.send(
        new UpdateTableCommand({
          DatabaseName: opened.database,
          TableInput: {
            Name: Name!,
            TableType: TableType!,
            Description: Description!,
            StorageDescriptor: StorageDescriptor!,
            Owner: 'hadoop',
            Parameters: { ...Parameters, classification: 'parquet' },
          },
        }),
      );
      const long = 'x'.repeat(300);
      const grown = withColumns(events, { name: 'tenant', type: 'string', description: long });
      const before = (await entry()).Parameters?.metadata_location;
      await ensureTable(testContext(opened.store, opened.catalog), grown);
      const table = await entry();
      expect(table.Owner).toBe('hadoop');
      expect(table.Parameters).toMatchObject({ classification: 'parquet', previous_metadata_location: before });
      const tenant = table.StorageDescriptor?.Columns?.at(-1);
      expect(tenant?.Name).toBe('tenant');
      expect(tenant?.Comment).toHaveLength(255);
    });

    test('a commit on a table that is known takes three requests in a row: stage while asking, swap, look', async () => {
      const chain = new LongestChain();
      const { requestHandler: plain } = opened.glue.config;
      const requestHandler: typeof plain = Object.create(plain, {
        handle: { value: (...given: Parameters<typeof plain.handle>) => chain.timed(() => plain.handle(...given)) },
      });
      const store = storeWith(opened.store, {
        head: (uri) => chain.timed(() => opened.store.head(uri)),
        get: (uri, options) => chain.timed(() => opened.store.get(uri, options)),
        put: (uri, body, options) => chain.timed(() => opened.store.put(uri, body, options)),
        delete: (uri) => chain.timed(() => opened.store.delete(uri)),
      });
      const { database, warehouse, client } = opened;
      const catalog = new GlueCatalog({ client: { ...client, requestHandler }, database, warehouse, store });
      const context = testContext(store, catalog);
      const declaration = { ...events, name: 'counted' };
      await ensureTable(context, declaration);
      for (const name of ['a', 'b', 'c']) {
        chain.restart();
        await commitTable(context, declaration.name, ({ metadata }) => append(madeUpFile(metadata, name)));
        expect(chain.length).toBe(3);
      }
      expect(await liveNames(store, (await catalog.loadTable(declaration.name))!)).toHaveLength(3);
    });

    test('names are folded to lower case', async () => {
      const loaded = await opened.catalog.loadTable('EVENTS');
      expect(loaded?.metadata.location).toBe(`${opened.warehouse}/events`);
    });

    test('a table that is not Iceberg is named in the error, and left alone', async () => {
      await opened.glue.send(
        new CreateTableCommand({
          DatabaseName: opened.database,
          TableInput: {
            Name: 'raw',
            TableType: 'EXTERNAL_TABLE',
            Parameters: { classification: 'json' },
            StorageDescriptor: { Columns: [] },
          },
        }),
      );
      await expect(opened.catalog.loadTable('raw')).rejects.toThrow(`${opened.database}.raw is not an Iceberg table`);
      await expect(ensureTable(testContext(opened.store, opened.catalog), { ...events, name: 'raw' })).rejects.toThrow(
        'not an Iceberg table',
      );
      expect(await opened.catalog.listTables()).not.toContain('raw');
      expect((await entry('raw')).Parameters).toEqual({ classification: 'json' });
    });
  });

  describe('answers that get lost', () => {
    /** A catalog whose calls of UpdateTable go through `answer`; `send` is the real call. */
    const withAnswers = async (answer: (send: () => Promise<unknown>) => Promise<unknown>) => {
      const opened = await open();
      const loaded = await ensureTable(testContext(opened.store, opened.catalog), events);
      const { requestHandler } = opened.glue.config;
      const client = {
        ...opened.client,
        maxAttempts: 1,
        requestHandler: {
          handle: (...args: Parameters<typeof requestHandler.handle>) => {
            const send = () => requestHandler.handle(...args);
            const isUpdate = args[0].headers['x-amz-target'] === 'AWSGlue.UpdateTable';
            return (isUpdate ? answer(send) : send()) as ReturnType<typeof send>;
          },
        },
      };
      const { database, warehouse, store } = opened;
      return { ...opened, loaded, catalog: new GlueCatalog({ client, database, warehouse, store }) };
    };
    const named = (name: string) => Object.assign(new Error('made up'), { name });
    const next = (loaded: Awaited<ReturnType<typeof ensureTable>>) => ({
      ...loaded.metadata,
      'last-updated-ms': loaded.metadata['last-updated-ms'] + 1,
    });

    test.each(['TimeoutError', 'InternalServiceException', 'ConcurrentModificationException'])(
      'a commit that took effect counts as done, although the call ended with %s',
      async (error) => {
        const { catalog, loaded, again } = await withAnswers(async (send) => {
          await send();
          throw named(error);
        });
        const committed = await catalog.commitTable('events', loaded, next(loaded));
        expect((await again().loadTable('events'))?.metadataLocation).toBe(committed.metadataLocation);
      },
    );

    test('also where others have committed on top of it meanwhile', async () => {
      const opened = await withAnswers(async (send) => {
        await send();
        const other = opened.again();
        const base = (await other.loadTable('events'))!;
        await other.commitTable('events', base, next(base));
        throw named('ConcurrentModificationException');
      });
      const committed = await opened.catalog.commitTable('events', opened.loaded, next(opened.loaded));
      expect(committed.metadata['metadata-log']).toHaveLength(2);
    });

    test.each(['TimeoutError', 'InternalServiceException', 'ConcurrentModificationException'])(
      'a commit that may still take effect is of unknown outcome, and its metadata stays (%s)',
      async (error) => {
        const written: string[] = [];
        const { catalog, loaded, store, warehouse } = await withAnswers(async () => {
          throw named(error);
        });
        await expect(catalog.commitTable('events', loaded, next(loaded))).rejects.toBeInstanceOf(CommitStateUnknown);
        for await (const { uri } of store.list(`${warehouse}/events/metadata/00001-`)) written.push(uri);
        expect(written).toHaveLength(1);
      },
    );

    test('a commit that was overtaken is a conflict, and its metadata goes', async () => {
      const opened = await open();
      const loaded = await ensureTable(testContext(opened.store, opened.catalog), events);
      const winner = await opened.again().commitTable('events', loaded, next(loaded));
      await expect(opened.catalog.commitTable('events', loaded, loaded.metadata)).rejects.toBeInstanceOf(
        CommitConflict,
      );
      const written: string[] = [];
      for await (const { uri } of opened.store.list(`${opened.warehouse}/events/metadata/00001-`)) written.push(uri);
      expect(written).toEqual([winner.metadataLocation]);
    });

    test('a refusal is passed on with what was being done', async () => {
      const { catalog, loaded } = await withAnswers(async () => {
        throw named('AccessDeniedException');
      });
      await expect(catalog.commitTable('events', loaded, next(loaded))).rejects.toThrow(
        /Glue UpdateTable .*events: AccessDeniedException/,
      );
    });

    test('an append is there once, whether its update was lost before or after it took effect', async () => {
      for (const when of ['before', 'after']) {
        let failures = 2;
        const { catalog, store, again } = await withAnswers(async (send) => {
          if (failures === 0) return send();
          failures--;
          if (when === 'after') await send();
          throw named('TimeoutError');
        });
        const result = await commitTable(testContext(store, catalog), 'events', ({ metadata }) =>
          append(madeUpFile(metadata, 'one')),
        );
        expect(result.committed).toBe(true);
        const loaded = (await again().loadTable('events'))!;
        expect(loaded.metadata.snapshots).toHaveLength(1);
        expect(await liveNames(store, loaded)).toEqual(['one']);
      }
    });
  });

  test('a table that is gone between load and commit is a conflict', async () => {
    const opened = await open();
    const loaded = await ensureTable(testContext(opened.store, opened.catalog), events);
    await opened.glue.send(new DeleteTableCommand({ DatabaseName: opened.database, Name: 'events' }));
    const { metadata, metadataLocation, version } = loaded;
    await expect(
      opened.catalog.commitTable('events', { metadata, metadataLocation, version }, metadata),
    ).rejects.toBeInstanceOf(CommitConflict);
  });
});
