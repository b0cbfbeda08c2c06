/** A change that replaces everything removes what is live in the version it is swapped on, not what its maker saw. */
import { expect, test } from 'vitest';
import type { LoadedTable } from '../../src/iceberg/catalog.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { added, deleted } from '../../src/iceberg/manifest.ts';
import { currentSnapshot } from '../../src/iceberg/metadata.ts';
import { readManifest, readManifestList } from '../../src/iceberg/scan.ts';
import { append, events, liveNames, madeUpFile, memoryContext } from './fixture.ts';

const replacement = { operation: 'overwrite', remove: [], removeAll: true, summary: {} } as const;

async function table() {
  const context = memoryContext();
  const { metadata } = await ensureTable(context, events);
  const file = (...args: [name: string, facts?: Parameters<typeof madeUpFile>[2]]) => madeUpFile(metadata, ...args);
  return { context, file };
}

test('also files that came in between, of all days, with totals counted anew', async () => {
  const { context, file } = await table();
  for (const day of ['2024-01-01', '2024-01-02']) {
    await commitTable(context, 'events', () => append(file(`old-${day}`, { ymd: day })));
  }
  let seen: LoadedTable | undefined;
  const { loaded } = await commitTable(context, 'events', async (current) => {
    if (seen === undefined) await commitTable(context, 'events', () => append(file('meanwhile')));
    seen = current;
    return { ...replacement, add: [file('new', { rows: 3, size: 70 })] };
  });
  expect(await liveNames(context.store, loaded)).toEqual(['new']);
  expect(loaded.metadata.snapshots.at(-1)!.summary).toMatchObject({
    operation: 'overwrite',
    'added-records': '3',
    'deleted-data-files': '3',
    'deleted-records': '30',
    'total-records': '3',
    'total-data-files': '1',
    'total-files-size': '70',
    'total-delete-files': '0',
  });
  // Each deletion is told as that of this snapshot (Iceberg spec, "Manifests", snapshot_id).
  const manifests = await readManifestList(context.store, currentSnapshot(loaded.metadata));
  const entries = (await Promise.all(manifests.map((manifest) => readManifest(context.store, manifest)))).flatMap(
    (manifest) => manifest.entries,
  );
  const current = loaded.metadata['current-snapshot-id'];
  expect(entries.map(({ status, snapshotId }) => [status, snapshotId === current])).toEqual([
    [added, true],
    [deleted, true],
    [deleted, true],
    [deleted, true],
  ]);
});

test('nothing in the place of everything is an empty table, and of nothing too', async () => {
  const { context, file } = await table();
  await commitTable(context, 'events', () => ({ ...replacement, add: [] }));
  await commitTable(context, 'events', () => append(file('a')));
  const { loaded } = await commitTable(context, 'events', () => ({ ...replacement, add: [] }));
  expect(await liveNames(context.store, loaded)).toEqual([]);
  expect(loaded.metadata.snapshots.at(-1)!.summary).toMatchObject({ 'total-records': '0', 'total-data-files': '0' });
});

test('it is no append, and names no files beside', async () => {
  const { context, file } = await table();
  const attempt = (change: object) =>
    commitTable(context, 'events', () => ({ ...replacement, add: [file('a')], ...change }));
  await expect(attempt({ operation: 'append' })).rejects.toThrow(/cannot remove files/);
  await expect(attempt({ remove: ['x'] })).rejects.toThrow(/beside all of them/);
});
