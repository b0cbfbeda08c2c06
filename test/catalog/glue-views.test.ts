/** Registering views in Glue: what is written, and what is left alone. */
import {
  CreateTableCommand,
  DeleteTableCommand,
  GetTableCommand,
  GlueClient,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { expect, test } from 'vitest';
import { GlueCatalog } from '../../src/catalog/glue/catalog.ts';
import { isOwnView, viewInput } from '../../src/catalog/glue/view-mapping.ts';
import type { ViewEntry } from '../../src/iceberg/catalog.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { answers, viewsContract } from '../contract/views.ts';
import { describeWith, rig } from '../support/rig.ts';

const view = (change: Partial<ViewEntry> = {}): ViewEntry => ({ ...answers, ...change });

async function open() {
  const { endpoint, region, database } = await rig.glue();
  const client = { endpoint, region };
  const again = () =>
    new GlueCatalog({ client, database, warehouse: 's3://nowhere/warehouse', store: new MemoryStore() });
  const catalog = again();
  await catalog.ensureNamespace();
  const glue = new GlueClient(client);
  const entry = async (Name = 'answers') =>
    (await glue.send(new GetTableCommand({ DatabaseName: database, Name }))).Table!;
  return { catalog, again, glue, database, entry };
}

const definitionOf = (text: string | undefined): unknown =>
  JSON.parse(Buffer.from(/^\/\* Presto View: (\S+) \*\/$/.exec(text!)![1]!, 'base64').toString());

describeWith(['glue'], 'a view in Glue', () => {
  viewsContract(async () => (await open()).again);

  test('is created as Athena and Trino write it, with Hive types for who lists columns', async () => {
    const { catalog, database, entry } = await open();
    expect(await catalog.registerViews([view()])).toEqual({ created: ['answers'], updated: [], foreign: [] });
    const table = await entry();
    expect(table).toMatchObject({
      TableType: 'VIRTUAL_VIEW',
      Parameters: { presto_view: 'true', comment: 'Presto View' },
      PartitionKeys: [],
      ViewExpandedText: '/* Presto View */',
      StorageDescriptor: {
        Columns: [
          { Name: 'text', Type: 'string', Comment: 'What was said.' },
          { Name: 'number', Type: 'int', Comment: 'How often.' },
        ],
        SerdeInfo: {},
      },
    });
    expect(definitionOf(table.ViewOriginalText)).toEqual({
      originalSql: "SELECT 'ä' AS text, 42 AS number",
      catalog: 'awsdatacatalog',
      schema: database,
      columns: [
        { name: 'text', type: 'varchar', comment: 'What was said.' },
        { name: 'number', type: 'integer', comment: 'How often.' },
      ],
      comment: 'Answers.',
      runAsInvoker: true,
    });
    expect(await catalog.listTables()).toEqual([]);
  });

  test('that reads as its owner names the owner', () => {
    const input = viewInput(view({ reads: 'owner' }), 'audit');
    expect(input.Owner).toBe('audit-warehouse');
    expect(definitionOf(input.ViewOriginalText)).toMatchObject({ owner: 'audit-warehouse', runAsInvoker: false });
  });

  test('is not written where nothing has changed', async () => {
    const { catalog, again, entry } = await open();
    await catalog.registerViews([view()]);
    const { VersionId, UpdateTime } = await entry();
    expect(await again().registerViews([view()])).toEqual({ created: [], updated: [], foreign: [] });
    expect(await entry()).toMatchObject({ VersionId, ...(UpdateTime && { UpdateTime }) });
  });

  test('is replaced where only its listed columns were changed', async () => {
    const { catalog, glue, database, entry } = await open();
    await catalog.registerViews([view()]);
    const TableInput = { ...viewInput(view(), database), StorageDescriptor: { Columns: [], SerdeInfo: {} } };
    await glue.send(new UpdateTableCommand({ DatabaseName: database, TableInput }));
    expect((await catalog.registerViews([view()])).updated).toEqual(['answers']);
    expect((await entry()).StorageDescriptor?.Columns).toHaveLength(2);
  });

  test.each([
    ['a table', { TableType: 'EXTERNAL_TABLE', Parameters: { classification: 'json' } }],
    [
      'a view that somebody made',
      { TableType: 'VIRTUAL_VIEW', Parameters: { presto_view: 'true', comment: 'Presto View' } },
    ],
  ])('never takes the place of %s of its name', async (_what, other) => {
    const { catalog, glue, database, entry } = await open();
    await glue.send(
      new CreateTableCommand({
        DatabaseName: database,
        TableInput: { Name: 'answers', StorageDescriptor: {}, ...other },
      }),
    );
    const before = await entry();
    expect(await catalog.registerViews([view(), view({ name: 'more' })])).toEqual({
      created: ['more'],
      updated: [],
      foreign: ['answers'],
    });
    expect(await entry()).toEqual(before);
    expect(isOwnView(before)).toBe(false);
  });

  test('that was dropped comes back', async () => {
    const { catalog, glue, database } = await open();
    await catalog.registerViews([view()]);
    await glue.send(new DeleteTableCommand({ DatabaseName: database, Name: 'answers' }));
    expect((await catalog.registerViews([view()])).created).toEqual(['answers']);
  });

  test('registered by several at once is there once, as the last of them says', async () => {
    const { again, entry, database } = await open();
    const all = await Promise.all(Array.from({ length: 5 }, () => again().registerViews([view()])));
    expect(all.flatMap((changes) => changes.foreign)).toEqual([]);
    await Promise.all(
      ['1', '2', '3'].map((n) => again().registerViews([view({ sql: `SELECT 'x' AS text, ${n} AS number` })])),
    );
    const texts = ['1', '2', '3'].map(
      (n) => viewInput(view({ sql: `SELECT 'x' AS text, ${n} AS number` }), database).ViewOriginalText,
    );
    expect(texts).toContain((await entry()).ViewOriginalText);
  });

  test('that Glue cannot hold is refused before anything is written', () => {
    expect(() => viewInput(view({ sql: 'x'.repeat(400_000) }), 'audit')).toThrow(
      /takes \d+ characters in Glue, which allows 409600/,
    );
  });
});
