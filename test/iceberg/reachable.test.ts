/** What a table needs: everything that any snapshot, log or statistics of its metadata leads to, under one spelling. */
import { expect, test } from 'vitest';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { currentSnapshot, type TableMetadata } from '../../src/iceberg/metadata.ts';
import { reachableFiles } from '../../src/iceberg/reachable.ts';
import { readManifestList } from '../../src/iceberg/scan.ts';
import { canonical } from '../../src/store/places.ts';
import { append, events, madeUpFile, memoryContext } from './fixture.ts';

test('files of every snapshot, also what later ones removed, with statistics and earlier metadata', async () => {
  const context = memoryContext();
  const { store } = context;
  const { metadata: first } = await ensureTable(context, events);
  const files = ['a', 'b', 'c'].map((name) => madeUpFile(first, name));
  await commitTable(context, 'events', () => append(files[0]!, files[1]!));
  const { loaded } = await commitTable(context, 'events', () => ({
    operation: 'overwrite',
    add: [files[2]!],
    remove: [files[0]!.path],
    summary: {},
  }));
  const bound = (path: string) => ({ 'snapshot-id': loaded.metadata['current-snapshot-id'], 'statistics-path': path });
  const metadata: TableMetadata = {
    ...loaded.metadata,
    statistics: [bound('memory://warehouse/tables/events/metadata/a.stats')],
    'partition-statistics': [bound('memory://warehouse/tables/events/metadata/p.stats')],
  };
  const lists = metadata.snapshots.map((snapshot) => snapshot['manifest-list']);
  const manifests = await Promise.all(metadata.snapshots.map((snapshot) => readManifestList(store, snapshot)));
  const expected = [
    ...files.map(({ path }) => path),
    ...lists,
    ...new Set(manifests.flat().map(({ path }) => path)),
    ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
    'memory://warehouse/tables/events/metadata/a.stats',
    'memory://warehouse/tables/events/metadata/p.stats',
  ];
  expect(metadata['metadata-log'].length).toBeGreaterThan(1);
  expect([...(await reachableFiles(store, metadata))].sort()).toEqual(expected.sort());

  const without = { ...metadata, snapshots: [currentSnapshot(metadata)!] };
  const left = await reachableFiles(store, without);
  expect(files.map(({ path }) => left.has(path))).toEqual([false, true, true]);
});

test.each([
  ['s3a://bucket/a//b', 's3://bucket/a//b'],
  ['s3n://bucket/a', 's3://bucket/a'],
  ['s3://bucket/a', 's3://bucket/a'],
  // A name of its own, not one of Hadoop's schemes.
  ['s3x://bucket/a', 's3x://bucket/a'],
  ['file:///tmp//a///b', 'file:///tmp/a/b'],
  ['memory://name/a', 'memory://name/a'],
  ['/no/uri//at/all', 'file:///no/uri/at/all'],
  ['file:/tmp/a', 'file:///tmp/a'],
  ['no/path//at/all', 'no/path//at/all'],
])('%s is %s', (path, expected) => {
  expect(canonical(path)).toBe(expected);
});
