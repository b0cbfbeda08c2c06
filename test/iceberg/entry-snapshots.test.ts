import { expect, test } from 'vitest';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { readFile } from '../../src/iceberg/files.ts';
import { decodeManifest } from '../../src/iceberg/manifest.ts';
import { currentSnapshot } from '../../src/iceberg/metadata.ts';
import { readManifestList } from '../../src/iceberg/scan.ts';
import { append, events, madeUpFile, memoryContext } from './fixture.ts';

test('entries of added files name their snapshot, for readers that do not inherit it rightly', async () => {
  const context = memoryContext();
  const { metadata } = await ensureTable(context, events);
  await commitTable(context, 'events', () => append(madeUpFile(metadata, 'a', { ymd: '2024-01-01' })));
  const snapshot = currentSnapshot((await context.catalog.loadTable('events'))!.metadata)!;
  const [listed] = await readManifestList(context.store, snapshot);
  const { entries } = decodeManifest(await readFile(context.store, listed!.path), listed!.path);
  expect(entries.map(({ snapshotId }) => snapshotId)).toEqual([snapshot['snapshot-id']]);
});
