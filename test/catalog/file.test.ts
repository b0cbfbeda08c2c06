import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { CommitConflict, CommitStateUnknown } from '../../src/iceberg/catalog.ts';
import { serializeMetadata } from '../../src/iceberg/metadata.ts';
import { newTableMetadata } from '../../src/iceberg/schema.ts';
import { LocalStore } from '../../src/store/local.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { S3Store } from '../../src/store/s3.ts';
import { StoreError } from '../../src/store/store.ts';
import { catalogContract } from '../contract/catalog.ts';
import { events } from '../iceberg/fixture.ts';
import { describeWith, rig } from '../support/rig.ts';

describe('file catalog in memory', () => {
  catalogContract(async () => {
    const store = new MemoryStore();
    const again = () => new FileCatalog(store, 'memory://warehouse/tables/');
    return { store, catalog: again(), again };
  });
});

describe('file catalog on local files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'file-catalog-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  catalogContract(async () => {
    const store = new LocalStore();
    const again = () => new FileCatalog(store, `file://${folder}/warehouse`);
    return { store, catalog: again(), again };
  });
});

describeWith(['s3'], 'file catalog on S3', () => {
  catalogContract(async () => {
    const { endpoint, region, bucket } = await rig.s3();
    const store = new S3Store({ endpoint, region, forcePathStyle: true });
    const again = () => new FileCatalog(store, `s3://${bucket}/warehouse`);
    return { store, catalog: again(), again };
  });
});

describe('the version hint', () => {
  const root = 'memory://warehouse';
  const location = `${root}/events`;
  const metadata = newTableMetadata({ uuid: 'u', location, declaration: events, nowMs: 1 });
  const committed = async (count: number) => {
    const store = new MemoryStore();
    const catalog = new FileCatalog(store, root);
    let loaded = await catalog.createTable('events', metadata);
    for (let index = 1; index < count; index++) loaded = await catalog.commitTable('events', loaded, loaded.metadata);
    return { store, catalog, loaded };
  };

  test.each([
    ['is missing', undefined],
    ['is stale', '3'],
    ['is ahead of the table', '99'],
    ['is empty', ''],
    ['is no number', 'three'],
  ])('is only a hint: the newest version is found where it %s', async (_case, text) => {
    const { store, catalog, loaded } = await committed(12);
    const hint = `${location}/metadata/version-hint.text`;
    if (text === undefined) await store.delete(hint);
    else await store.put(hint, Buffer.from(text));
    expect((await catalog.loadTable('events'))?.metadataLocation).toBe(loaded.metadataLocation);
    expect(loaded.version).toBe('12');
  });

  test('a commit holds although the hint could not be written', async () => {
    const { store, loaded } = await committed(2);
    const failing = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'put' && uri.endsWith('.text')) throw new StoreError('transient', uri, 'no');
      },
    });
    const next = await new FileCatalog(failing, root).commitTable('events', loaded, loaded.metadata);
    expect((await new FileCatalog(store, root).loadTable('events'))?.version).toBe(next.version);
  });

  test('a stale hint that points to an emptied version is survived', async () => {
    const { store, catalog, loaded } = await committed(60);
    await store.put(`${location}/metadata/version-hint.text`, Buffer.from('4'));
    expect((await store.head(`${location}/metadata/v4.metadata.json`))?.size).toBe(0);
    expect((await catalog.loadTable('events'))?.version).toBe(loaded.version);
  });
});

test('a table whose old versions Spark has deleted is listed', async () => {
  const store = new MemoryStore();
  const catalog = new FileCatalog(store, 'memory://warehouse');
  const location = catalog.tableLocation('events');
  const metadata = newTableMetadata({ uuid: 'u', location, declaration: events, nowMs: 1 });
  const base = await catalog.createTable('events', metadata);
  await catalog.commitTable('events', base, metadata);
  await store.delete(`${location}/metadata/v1.metadata.json`);
  await store.put('memory://warehouse/other/metadata/vector.json', Buffer.from('{}'));
  expect(await catalog.listTables()).toEqual(['events']);
});

test('a commit empties old metadata files of its own table only, wherever the log leads', async () => {
  const store = new MemoryStore();
  const catalog = new FileCatalog(store, 'memory://warehouse');
  const location = catalog.tableLocation('events');
  const metadata = newTableMetadata({ uuid: 'u', location, declaration: events, nowMs: 1 });
  const others = [
    'memory://somewhere/else/v1.metadata.json',
    'memory://warehouse/other/metadata/v1.metadata.json',
    `${location}/data/v1.parquet`,
  ];
  for (const uri of others) await store.put(uri, Buffer.from('of somebody else'));
  const properties = {
    ...metadata.properties,
    'write.metadata.previous-versions-max': '1',
    'write.metadata.delete-after-commit.enabled': 'true',
  };
  const log = others.map((uri, i) => ({ 'metadata-file': uri, 'timestamp-ms': i }));
  let loaded = await catalog.createTable('events', { ...metadata, properties, 'metadata-log': log });
  for (let n = 0; n < 3; n++) loaded = await catalog.commitTable('events', loaded, loaded.metadata);
  for (const uri of others) expect((await store.head(uri))?.size, uri).toBe(16);
  const sizes = await Promise.all([1, 2].map((n) => store.head(`${location}/metadata/v${n}.metadata.json`)));
  expect(sizes.map((info) => info?.size)).toEqual([0, 0]);
  expect(loaded.metadata['metadata-log'].map((entry) => entry['metadata-file'])).toEqual([
    `${location}/metadata/v3.metadata.json`,
  ]);
});

describe('compressed metadata, as Hadoop tables name it', () => {
  const codec = { 'write.metadata.compression-codec': 'gzip' };

  test.each(['seen before', 'new to it'])('of another writer is what a catalog follows, %s', async (known) => {
    const store = new MemoryStore();
    const catalog = new FileCatalog(store, 'memory://warehouse');
    const location = catalog.tableLocation('events');
    const first = await catalog.createTable(
      'events',
      newTableMetadata({ uuid: 'u', location, declaration: events, nowMs: 1 }),
    );
    const { metadata } = first;
    const theirs = { ...metadata, properties: { ...metadata.properties, ...codec, written: 'by them' } };
    await store.put(`${location}/metadata/v2.gz.metadata.json`, gzipSync(serializeMetadata(theirs)));
    await store.put(`${location}/metadata/version-hint.text`, Buffer.from('2'));
    const reader = known === 'seen before' ? catalog : new FileCatalog(store, 'memory://warehouse');
    const loaded = (await reader.loadTable('events'))!;
    expect(loaded.metadata.properties?.written).toBe('by them');
    // The next version has the name that their next one would have: one of the two wins.
    const after = await reader.commitTable('events', loaded, loaded.metadata);
    expect(after.metadataLocation).toBe(`${location}/metadata/v3.gz.metadata.json`);
    expect((await reader.loadTable('events'))?.version).toBe('3');
    await store.delete(`${location}/metadata/version-hint.text`);
    expect((await new FileCatalog(store, 'memory://warehouse').loadTable('events'))?.version).toBe('3');
    const late = { ...loaded.metadata, 'last-updated-ms': 7 };
    await expect(catalog.commitTable('events', loaded, late)).rejects.toThrow(CommitConflict);
  });
});

describe('a commit whose answer is lost', () => {
  const root = 'memory://warehouse';
  const setup = async () => {
    const store = new MemoryStore();
    const catalog = new FileCatalog(store, root);
    const location = catalog.tableLocation('events');
    const base = await catalog.createTable(
      'events',
      newTableMetadata({ uuid: 'u', location, declaration: events, nowMs: 1 }),
    );
    return { store, catalog, base };
  };
  const isCommit = (call: { operation: string; uri: string }) =>
    call.operation === 'put' && call.uri.endsWith('v2.metadata.json');

  test.each(['transient', 'precondition-failed'] as const)('counts as done where it took effect (%s)', async (code) => {
    const { store, base } = await setup();
    const view = store.view({
      after: (call) => {
        if (isCommit(call)) throw new StoreError(code, call.uri, 'the answer was lost');
      },
    });
    const committed = await new FileCatalog(view, root).commitTable('events', base, base.metadata);
    expect(committed.version).toBe('2');
  });

  test('is of unknown outcome where it had none yet', async () => {
    const { store, base } = await setup();
    const view = store.view({
      before: (call) => {
        if (isCommit(call)) throw new StoreError('transient', call.uri, 'timed out');
      },
    });
    await expect(new FileCatalog(view, root).commitTable('events', base, base.metadata)).rejects.toBeInstanceOf(
      CommitStateUnknown,
    );
  });

  test.each(['access-denied', 'other'] as const)('fails at once where the store refuses it (%s)', async (code) => {
    const { store, base } = await setup();
    const refusal = new StoreError(code, `${root}/events`, 'no space left');
    const view = store.view({
      before: (call) => {
        if (isCommit(call)) throw refusal;
      },
    });
    await expect(new FileCatalog(view, root).commitTable('events', base, base.metadata)).rejects.toBe(refusal);
  });

  test('is a conflict where someone else took the version', async () => {
    const { store, catalog, base } = await setup();
    await catalog.commitTable('events', base, { ...base.metadata, 'last-updated-ms': 7 });
    const view = store.view();
    await expect(new FileCatalog(view, root).commitTable('events', base, base.metadata)).rejects.toBeInstanceOf(
      CommitConflict,
    );
  });
});
