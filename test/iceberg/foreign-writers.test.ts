/** What other engines have put into a table (row-level deletes, other partition specs, settings) outlasts our commits. */
import { expect, test } from 'vitest';
import type { LoadedTable } from '../../src/iceberg/catalog.ts';
import { commitTable, updateTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import {
  added,
  dataContent,
  deleted,
  deletesContent,
  encodeManifest,
  type Manifest,
  type ManifestDataFile,
} from '../../src/iceberg/manifest.ts';
import { encodeManifestList, type ManifestFile } from '../../src/iceberg/manifest-list.ts';
import { stringPartition } from '../../src/iceberg/manifest-schemas.ts';
import { currentSchema, currentSnapshot } from '../../src/iceberg/metadata.ts';
import { liveFiles, readManifestList } from '../../src/iceberg/scan.ts';
import { partitionSummaries } from '../../src/iceberg/summary.ts';
import { collect } from '../support/collect.ts';
import { plainDeleteFile } from '../support/foreign-deletes.ts';
import { append, events, liveNames, madeUpFile, memoryContext, names } from './fixture.ts';

const dayField = 1000;
const otherField = 1001;

/** A table with files of two days, and a second partition spec that does not tell the day. */
async function table() {
  const context = memoryContext();
  const { metadata } = await ensureTable(context, events);
  const subject = currentSchema(metadata).fields.find(({ name }) => name === 'subject')!.id;
  await updateTable(context, 'events', (loaded) => ({
    ...loaded.metadata,
    'partition-specs': [
      ...loaded.metadata['partition-specs'],
      {
        'spec-id': 1,
        fields: [{ name: 'subject', transform: 'identity', 'source-id': subject, 'field-id': otherField }],
      },
    ],
    'last-partition-id': otherField,
  }));
  const file = (name: string, ymd = '2024-01-01', facts = {}) => madeUpFile(metadata, name, { ymd, ...facts });
  await commitTable(context, 'events', () => append(file('a'), file('b'), file('c', '2024-01-02')));
  const load = async (): Promise<LoadedTable> => (await context.catalog.loadTable('events'))!;
  return { context, file, load };
}

type World = Awaited<ReturnType<typeof table>>;

interface Foreign {
  readonly content?: number;
  /** 0: by day, 1: by subject. */
  readonly specId?: number;
  readonly status?: number;
  readonly partition: string | null;
  readonly path: string;
  /** What the manifest list says otherwise. */
  readonly listed?: Partial<ManifestFile>;
}

let made = 0;

/** One more snapshot, with a manifest of one file, or delete file, as another engine might write it. */
async function addForeign({ context, load }: World, foreign: Foreign): Promise<void> {
  const { content = dataContent, specId = 0, status = added, partition, path, listed } = foreign;
  const base = await load();
  const { metadata } = base;
  const parent = currentSnapshot(metadata)!;
  const [fieldId, name] = specId === 0 ? [dayField, 'ymd'] : [otherField, 'subject'];
  const file: ManifestDataFile = {
    ...plainDeleteFile,
    content: content === deletesContent ? 1 : 0,
    path,
    partition: { [name]: partition },
    fileSize: 100,
  };
  const manifest: Manifest = {
    specId,
    content,
    partitionSchema: stringPartition(fieldId, name),
    entries: [
      { status, snapshotId: null, sequenceNumber: null, fileSequenceNumber: null, file },
      // Deletes that do not count any more must not count, whatever else is in their manifest.
      ...(status === deleted
        ? [{ status: added, snapshotId: null, sequenceNumber: null, fileSequenceNumber: null, file: otherDay(file) }]
        : []),
    ],
  };
  const sequenceNumber = metadata['last-sequence-number'] + 1;
  const snapshotId = BigInt(++made);
  const uri = (kind: string): string => `${metadata.location}/metadata/foreign-${kind}-${snapshotId}.avro`;
  const bytes = encodeManifest(manifest, metadata);
  await context.store.put(uri('manifest'), bytes);
  const count = (of: number): number => manifest.entries.filter((entry) => entry.status === of).length;
  const entry: ManifestFile = {
    path: uri('manifest'),
    length: bytes.length,
    specId,
    content,
    sequenceNumber,
    minSequenceNumber: sequenceNumber,
    addedSnapshotId: snapshotId,
    addedFiles: count(added),
    existingFiles: 0,
    deletedFiles: count(deleted),
    addedRows: count(added),
    existingRows: 0,
    deletedRows: count(deleted),
    partitions: partitionSummaries(manifest, metadata) ?? null,
    keyMetadata: null,
    ...listed,
  };
  const header = { snapshotId, parentSnapshotId: parent['snapshot-id'], sequenceNumber };
  await context.store.put(
    uri('list'),
    encodeManifestList(header, [...(await readManifestList(context.store, parent)), entry]),
  );
  const snapshot = {
    ...parent,
    'snapshot-id': snapshotId,
    'sequence-number': sequenceNumber,
    'manifest-list': uri('list'),
  };
  await context.catalog.commitTable('events', base, {
    ...metadata,
    'last-sequence-number': sequenceNumber,
    'current-snapshot-id': snapshotId,
    snapshots: [...metadata.snapshots, snapshot],
    refs: { main: { 'snapshot-id': snapshotId, type: 'branch' } },
  });
}

const otherDay = (file: ManifestDataFile): ManifestDataFile => ({
  ...file,
  path: `${file.path}-of-another-day`,
  partition: { ymd: '2024-06-01' },
});

const deletesOf = (partition: string | null, more: Partial<Foreign> = {}): Foreign => ({
  content: deletesContent,
  partition,
  path: `memory://foreign/deletes-${partition}.parquet`,
  ...more,
});

/** Replaces file `a`, of the first of January. */
const replaceA = ({ context, file }: World, operation: 'overwrite' | 'replace' | 'delete' = 'overwrite') =>
  commitTable(context, 'events', () => ({
    operation,
    add: operation === 'delete' ? [] : [file('a2')],
    remove: [file('a').path],
    summary: {},
  }));

test('a file is not replaced under row-level deletes of its own day, which would stop applying', async () => {
  for (const operation of ['overwrite', 'replace'] as const) {
    const world = await table();
    await addForeign(world, deletesOf('2024-01-01'));
    await expect(replaceA(world, operation)).rejects.toMatchObject({ name: 'NewRowDeletes' });
    const { metadata } = await world.load();
    expect(await readManifestList(world.context.store, currentSnapshot(metadata))).toHaveLength(2);
  }
});

test('a file is replaced by one that says which row-level deletes are merged into it', async () => {
  const world = await table();
  await addForeign(world, deletesOf('2024-01-01'));
  const { context, file } = world;
  const applied = ['memory://foreign/deletes-2024-01-01.parquet'];
  const change = { operation: 'replace', add: [file('a2')], remove: [file('a').path], applied, summary: {} } as const;
  const { loaded } = await commitTable(context, 'events', () => change);
  const files = await collect(liveFiles(context.store, loaded.metadata));
  expect(names(files)).toEqual(['a2', 'b', 'c']);
  expect(files.filter(({ deletes }) => deletes.length > 0).map((one) => names([one])[0])).toEqual(['b']);
});

test.each([
  ['of another day', deletesOf('2024-01-02')],
  ['of a null day', deletesOf(null)],
  ['of another partition spec', deletesOf('dr_evil', { specId: 1 })],
  ['that were deleted themselves', deletesOf('2024-01-01', { status: deleted })],
])('row-level deletes %s do not keep a file from being replaced', async (_, foreign) => {
  const world = await table();
  await addForeign(world, foreign);
  const { loaded } = await replaceA(world);
  expect(names(await collect(liveFiles(world.context.store, loaded.metadata)))).toEqual(['a2', 'b', 'c']);
});

test('a file may be deleted whatever deletes its rows have', async () => {
  const world = await table();
  await addForeign(world, deletesOf('2024-01-01'));
  const { loaded } = await replaceA(world, 'delete');
  expect(names(await collect(liveFiles(world.context.store, loaded.metadata)))).toEqual(['b', 'c']);
});

test('files come with the row-level deletes of their day, and none with those that are older than it', async () => {
  const world = await table();
  const { context, file, load } = world;
  await addForeign(world, deletesOf('2024-01-02'));
  await commitTable(context, 'events', () => append(file('d', '2024-01-02')));
  const { metadata } = await load();
  const files = await collect(liveFiles(context.store, metadata));
  expect(files.filter(({ deletes }) => deletes.length > 0).map((one) => names([one])[0])).toEqual(['c']);
});

test('a delete manifest whose entries do not say what they are holds deletes all the same', async () => {
  const world = await table();
  // As format version 1 has it, whose entries have no content.
  await addForeign(world, { partition: '2024-01-02', path: 'memory://foreign/d', listed: { content: deletesContent } });
  const { metadata } = await world.load();
  const files = await collect(liveFiles(world.context.store, metadata));
  expect(names(files)).toEqual(['a', 'b', 'c']);
  expect(files.flatMap(({ deletes }) => deletes.map(({ kind }) => kind))).toEqual(['position']);
});

test('a file whose partition does not tell its day is found by a scan of any days', async () => {
  const world = await table();
  await addForeign(world, { specId: 1, partition: 'dr_evil', path: 'memory://foreign/x.parquet' });
  const { metadata } = await world.load();
  const found = async (ymd: object) => names(await collect(liveFiles(world.context.store, metadata, { ymd })));
  expect(await found({ to: '2024-01-01' })).toEqual(['a', 'b', 'x']);
  expect(await found({ from: '2030-01-01' })).toEqual(['x']);
});

test('a new file is as young as its manifest, though older ones stand beside it there', async () => {
  const world = await table();
  await addForeign(world, {
    partition: '2024-01-03',
    path: 'memory://foreign/young.parquet',
    listed: { minSequenceNumber: 1 },
  });
  const { metadata } = await world.load();
  const files = await collect(liveFiles(world.context.store, metadata, { ymd: { from: '2024-01-03' } }));
  expect(files.map(({ sequenceNumber, fileSequenceNumber }) => [sequenceNumber, fileSequenceNumber])).toEqual([[2, 2]]);
});

test('files are added under our own partition spec, whatever another engine has made the default', async () => {
  const world = await table();
  const { context, file } = world;
  await updateTable(context, 'events', ({ metadata }) => ({ ...metadata, 'default-spec-id': 1 }));
  const { loaded } = await commitTable(context, 'events', () => append(file('d', '2024-01-03')));
  const files = await collect(liveFiles(context.store, loaded.metadata, { ymd: { from: '2024-01-03' } }));
  expect(files.map(({ ymd, specId }) => [ymd, specId])).toEqual([['2024-01-03', 0]]);
  await updateTable(context, 'events', ({ metadata }) => ({
    ...metadata,
    'partition-specs': metadata['partition-specs'].filter((spec) => spec['spec-id'] === 1),
  }));
  await expect(commitTable(context, 'events', () => append(file('e')))).rejects.toThrow(
    /has never been partitioned by its column ymd alone/,
  );
});

test('what an engine has set for the branch stays', async () => {
  const { context, file, load } = await table();
  const settings = { 'min-snapshots-to-keep': 7, 'max-snapshot-age-ms': 1000 };
  await updateTable(context, 'events', ({ metadata }) => ({
    ...metadata,
    refs: { main: { ...metadata.refs.main!, ...settings } },
  }));
  await commitTable(context, 'events', () => append(file('d')));
  const { metadata } = await load();
  expect(metadata.refs.main).toEqual({ ...settings, 'snapshot-id': metadata['current-snapshot-id'], type: 'branch' });
});

test('a merge of manifests takes our own small ones, and no others', async () => {
  const world = await table();
  const { context, file, load } = world;
  await updateTable(context, 'events', ({ metadata }) => ({
    ...metadata,
    properties: { ...metadata.properties, 'commit.manifest.min-count-to-merge': '4' },
  }));
  const foreign: Foreign[] = [
    deletesOf('2024-06-02'),
    deletesOf('2024-06-03'),
    ...['u', 'v', 'w', 'x'].map((partition) => ({
      specId: 1,
      partition,
      path: `memory://foreign/${partition}.parquet`,
    })),
    { partition: '2024-06-04', path: 'memory://foreign/key.parquet', listed: { keyMetadata: Buffer.from('key') } },
    // As large as half of what a manifest may be: merging would only copy it.
    { partition: '2024-06-05', path: 'memory://foreign/large.parquet', listed: { length: 4 << 20 } },
  ];
  for (const one of foreign) await addForeign(world, one);
  const before = await readManifestList(context.store, currentSnapshot((await load()).metadata));
  const theirs = before.map(({ path }) => path).filter((path) => path.includes('/foreign-manifest-'));
  expect(theirs).toHaveLength(foreign.length);
  // One of ours is there; three more are too few to merge, as the one that a commit adds is not among them.
  for (const name of ['d', 'e', 'f']) await commitTable(context, 'events', () => append(file(name)));
  const still = await readManifestList(context.store, currentSnapshot((await load()).metadata));
  expect(still).toHaveLength(foreign.length + 4);
  const { loaded } = await commitTable(context, 'events', () => append(file('g')));
  const after = await readManifestList(context.store, currentSnapshot(loaded.metadata));
  expect(after.map(({ path }) => path)).toEqual(expect.arrayContaining(theirs));
  expect(after).toHaveLength(foreign.length + 2);
  const files = await collect(liveFiles(context.store, loaded.metadata));
  expect(names(files)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'key', 'large', 'u', 'v', 'w', 'x']);
  expect(files.filter(({ specId }) => specId === 1)).toHaveLength(4);
});

test('a file that was removed from a manifest with others is not live, and cannot be removed again', async () => {
  const world = await table();
  await replaceA(world, 'delete');
  await expect(replaceA(world, 'delete')).rejects.toMatchObject({ name: 'MissingDataFiles' });
  expect(await liveNames(world.context.store, await world.load())).toEqual(['b', 'c']);
});
