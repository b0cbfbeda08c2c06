import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RestCatalog, type RestCatalogOptions } from '../../src/catalog/rest/catalog.ts';
import { updatesBetween } from '../../src/catalog/rest/changes.ts';
import { Secret } from '../../src/config/secret.ts';
import type { ViewEntry } from '../../src/iceberg/catalog.ts';
import { commitTable, updateTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { removeSnapshots } from '../../src/iceberg/history.ts';
import { currentSchema, type SnapshotRef, type TableMetadata } from '../../src/iceberg/metadata.ts';
import { addSortOrder } from '../../src/iceberg/sort-orders.ts';
import { LocalStore } from '../../src/store/local.ts';
import { RoutedStore } from '../../src/store/router.ts';
import { S3Store } from '../../src/store/s3.ts';
import { catalogContract } from '../contract/catalog.ts';
import { viewsContract } from '../contract/views.ts';
import { append, events, liveNames, madeUpFile, testContext, withColumns } from '../iceberg/fixture.ts';
import { describeWith, rig } from '../support/rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'aw-rest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open() {
  const { uri, namespace } = await rig.rest();
  // Two levels, of which none exists.
  const options = { uri, namespace: [namespace, 'logs'], warehouse: `file://${folder}/${namespace}` };
  const again = () => new RestCatalog(options);
  return {
    store: new RoutedStore({ file: new LocalStore() }),
    catalog: again(),
    again,
    serverWritesMetadata: true,
    options,
  };
}

async function openOnS3() {
  const { uri, namespace } = await rig.rest();
  const { endpoint, region, bucket } = await rig.s3();
  const again = () => new RestCatalog({ uri, namespace: [namespace], warehouse: `s3://${bucket}/warehouse` });
  const store = new S3Store({ endpoint, region, forcePathStyle: true });
  return { store, catalog: again(), again, serverWritesMetadata: true };
}

describeWith(['rest', 's3'], 'REST catalog on S3', () => catalogContract(openOnS3));

describeWith(['rest'], 'REST catalog', () => {
  catalogContract(open);

  test('whatever changes of a table, the server makes of it what was meant', async () => {
    const { store, catalog } = await open();
    const context = testContext(store, catalog);
    let declaration = events;
    await ensureTable(context, declaration);
    const name = events.name;
    const newest = async () => (await catalog.loadTable(name))!;
    const appendFile = (file: string) =>
      commitTable(context, name, ({ metadata }) => append(madeUpFile(metadata, file)));
    const update = async (change: (metadata: TableMetadata) => TableMetadata) => {
      const wanted = change((await newest()).metadata);
      await updateTable(context, name, () => wanted);
      expect(updatesBetween((await newest()).metadata, wanted)).toEqual([]);
    };
    const steps: (() => Promise<unknown>)[] = [
      () => appendFile('a'),
      () =>
        update((metadata) => ({ ...metadata, properties: { ...metadata.properties, colour: 'blue', shape: 'round' } })),
      () => appendFile('b'),
      () => update((metadata) => addSortOrder(metadata, [{ column: 'subject', transform: 'identity' }], 0)!),
      () => {
        declaration = withColumns(declaration, { name: 'tenant', type: 'string', description: 'Whose' });
        return ensureTable(context, declaration);
      },
      () => appendFile('c'),
      () => update(({ properties: { shape: _, ...properties }, ...metadata }) => ({ ...metadata, properties })),
      () => update((metadata) => removeSnapshots(metadata, [metadata.snapshots[0]!['snapshot-id']])),
      () =>
        update((metadata) => {
          const tag: SnapshotRef = { 'snapshot-id': metadata.snapshots[0]!['snapshot-id'], type: 'tag' };
          return { ...metadata, refs: { ...metadata.refs, kept: tag } };
        }),
      () => commitTable(context, name, ({ metadata }) => ({ ...append(madeUpFile(metadata, 'd')), keep: () => false })),
      () => update(({ refs: { kept: _, ...refs }, ...metadata }) => ({ ...metadata, refs })),
      () => update((metadata) => removeSnapshots(metadata, [metadata.snapshots[0]!['snapshot-id']])),
    ];
    for (const step of steps) await step();
    const { metadata } = await newest();
    expect(await liveNames(store, await newest())).toEqual(['a', 'b', 'c', 'd']);
    expect(metadata.snapshots).toHaveLength(1);
    expect(metadata.properties).toMatchObject({ colour: 'blue' });
    expect(metadata.properties).not.toHaveProperty('shape');
    expect(currentSchema(metadata).fields.at(-1)!.name).toBe('tenant');
  });

  test('a commit keeps what another writer has set in between, where it does not rest on that', async () => {
    const { store, catalog, again } = await open();
    const context = testContext(store, catalog);
    const base = await ensureTable(context, events);
    const theirs = { ...base.metadata, properties: { ...base.metadata.properties, colour: 'blue' } };
    await again().commitTable(events.name, base, theirs);
    const ours = { ...base.metadata, properties: { ...base.metadata.properties, shape: 'round' } };
    const { metadata } = await catalog.commitTable(events.name, base, ours);
    expect(metadata.properties).toMatchObject({ colour: 'blue', shape: 'round' });
  });

  test('is signed in to with a token that the server issues', async () => {
    const { options } = await open();
    const auth = { type: 'oauth2', clientId: 'me', clientSecret: new Secret('s') } as const;
    const catalog = new RestCatalog({ ...options, auth });
    await catalog.ensureNamespace();
    expect(await catalog.listTables()).toEqual([]);
  });

  describe('views', () => {
    viewsContract(async () => {
      const { catalog, again } = await open();
      await catalog.ensureNamespace();
      return again;
    });
    let again: () => RestCatalog;
    let options: RestCatalogOptions;
    const view: ViewEntry = {
      name: 'who',
      description: 'Who there is.',
      sql: 'SELECT subject FROM events',
      columns: { subject: { type: 'string', description: 'Who.' } },
      reads: 'owner',
    };
    beforeAll(async () => {
      const opened = await open();
      again = opened.again;
      options = opened.options;
      await opened.catalog.ensureNamespace();
    });
    const registered = (...views: ViewEntry[]) => again().registerViews(views);

    test('are created, then left alone, then replaced when they change', async () => {
      expect(await registered(view)).toEqual({ created: ['who'], updated: [], foreign: [] });
      expect(await registered(view)).toEqual({ created: [], updated: [], foreign: [] });
      const changed: ViewEntry = {
        ...view,
        sql: 'SELECT subject, 1 n FROM events',
        columns: { ...view.columns, n: { type: 'int', description: 'One.' } },
      };
      expect(await registered(changed)).toEqual({ created: [], updated: ['who'], foreign: [] });
      expect(await registered({ ...changed, reads: 'asker' })).toEqual({ created: [], updated: ['who'], foreign: [] });
      expect(await registered({ ...changed, reads: 'asker' })).toEqual({ created: [], updated: [], foreign: [] });
      const known = new RestCatalog({ ...options, engineCatalog: 'lake' });
      expect(await known.registerViews([{ ...changed, reads: 'asker' }])).toMatchObject({ updated: ['who'] });
      expect(await known.registerViews([{ ...changed, reads: 'asker' }])).toMatchObject({ updated: [] });
      // And back to what it has said before.
      expect(await registered(view)).toEqual({ created: [], updated: ['who'], foreign: [] });
      expect(await registered(view)).toEqual({ created: [], updated: [], foreign: [] });
    });
  });
});
