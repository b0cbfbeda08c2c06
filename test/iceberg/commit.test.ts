import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { type Catalog, CommitConflict, CommitStateUnknown, type LoadedTable } from '../../src/iceberg/catalog.ts';
import { type Change, commitTable, MissingDataFiles, updateTable } from '../../src/iceberg/commit.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { added, deleted, existing } from '../../src/iceberg/manifest.ts';
import { currentSnapshot } from '../../src/iceberg/metadata.ts';
import { liveFiles, readManifest, readManifestList } from '../../src/iceberg/scan.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { StoreError } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';
import { append, events, liveNames, madeUpFile, memoryContext, testContext } from './fixture.ts';

const root = 'memory://warehouse/tables';

async function table() {
  const store = new MemoryStore();
  const context = memoryContext(store);
  const created = await ensureTable(context, events);
  const file = (name: string, facts = {}) => madeUpFile(created.metadata, name, facts);
  const commit = (change: Change) => commitTable(context, 'events', () => change);
  return { store, context, file, commit };
}

/** A catalog whose commits go as `commit` wants. */
function catalogWith(catalog: Catalog, commit: (send: () => Promise<LoadedTable>) => Promise<LoadedTable>): Catalog {
  return {
    ensureNamespace: () => catalog.ensureNamespace(),
    loadTable: (name) => catalog.loadTable(name),
    createTable: (name, metadata) => catalog.createTable(name, metadata),
    commitTable: (name, base, metadata) => commit(() => catalog.commitTable(name, base, metadata)),
    listTables: () => catalog.listTables(),
    tableLocation: (name) => catalog.tableLocation(name),
  };
}

const metadataFiles = async (store: MemoryStore) =>
  (await collect(store.list(`${root}/events/metadata/`))).map(({ uri }) => uri).filter((uri) => uri.endsWith('.avro'));

describe('a snapshot', () => {
  test('has the sequence number, parent, log, branch and counts of the spec', async () => {
    const { context, file, commit } = await table();
    await commit(append(file('a', { rows: 5, size: 100 }), file('b', { rows: 7, size: 200, ymd: '2024-01-02' })));
    const { loaded } = await commit({
      operation: 'overwrite',
      add: [file('c', { rows: 4, size: 50 })],
      remove: [file('a').path],
      summary: { batch: 'x' },
    });
    const { metadata } = loaded;
    const [first, second] = metadata.snapshots;
    expect(second).toEqual(currentSnapshot(metadata));
    expect(second).toMatchObject({ 'parent-snapshot-id': first!['snapshot-id'], 'sequence-number': 2, 'schema-id': 0 });
    expect(first).not.toHaveProperty('parent-snapshot-id');
    expect(second!.summary).toEqual({
      operation: 'overwrite',
      batch: 'x',
      'added-data-files': '1',
      'added-records': '4',
      'added-files-size': '50',
      'deleted-data-files': '1',
      'deleted-records': '5',
      'removed-files-size': '100',
      'changed-partition-count': '1',
      'total-records': '11',
      'total-data-files': '2',
      'total-files-size': '250',
      'total-delete-files': '0',
      'total-position-deletes': '0',
      'total-equality-deletes': '0',
    });
    expect(metadata['last-sequence-number']).toBe(2);
    expect(metadata['snapshot-log'].map((entry) => entry['snapshot-id'])).toEqual([
      first!['snapshot-id'],
      second!['snapshot-id'],
    ]);
    expect(metadata.refs.main).toEqual({ 'snapshot-id': second!['snapshot-id'], type: 'branch' });
    expect(second!['snapshot-id']).toBeGreaterThan(0n);
    expect(second!['snapshot-id']).toBeLessThan(2n ** 63n);
    expect(second!['timestamp-ms']).toBeGreaterThanOrEqual(context.now());
  });

  test('never goes back in time, however the clocks of writers differ', async () => {
    const { store, file, commit } = await table();
    const { loaded } = await commit(append(file('a')));
    const late = testContext(store, new FileCatalog(store, root), 1000);
    const { loaded: next } = await commitTable(late, 'events', () => append(file('b')));
    const times = next.metadata.snapshots.map((snapshot) => snapshot['timestamp-ms']);
    expect(times[1]).toBe(times[0]);
    expect(next.metadata['last-updated-ms']).toBe(loaded.metadata['last-updated-ms']);
  });

  test('is the same for the same change on the same version, byte for byte', async () => {
    const bytes = async () => {
      const { store, file, commit } = await table();
      await commit(append(file('a'), file('b')));
      const objects: [string, string][] = [];
      for await (const { uri, etag } of store.list(root)) objects.push([uri, etag]);
      return objects;
    };
    expect(await bytes()).toEqual(await bytes());
  });

  test('inherits sequence numbers and ids as the spec says, also after its files have moved to other manifests', async () => {
    const { store, file, commit } = await table();
    const { loaded: one } = await commit(append(file('a'), file('b'), file('c')));
    const { loaded: two } = await commit({ operation: 'delete', add: [], remove: [file('b').path], summary: {} });
    const [rewritten] = await readManifestList(store, currentSnapshot(two.metadata));
    const ids = [one, two].map(({ metadata }) => metadata['current-snapshot-id']);
    expect(rewritten).toMatchObject({
      sequenceNumber: 2,
      minSequenceNumber: 1,
      addedSnapshotId: ids[1],
      existingFiles: 2,
      deletedFiles: 1,
      addedFiles: 0,
    });
    const { entries } = await readManifest(store, rewritten!);
    expect(
      entries.map((entry) => [entry.status, entry.sequenceNumber, entry.fileSequenceNumber, entry.snapshotId]),
    ).toEqual([
      [existing, 1, 1, ids[0]],
      [deleted, 1, 1, ids[1]],
      [existing, 1, 1, ids[0]],
    ]);
    // The deletion is told once, by the snapshot that made it.
    const { loaded: three } = await commit({ operation: 'delete', add: [], remove: [file('a').path], summary: {} });
    const [again] = await readManifestList(store, currentSnapshot(three.metadata));
    expect((await readManifest(store, again!)).entries.map((entry) => entry.status)).toEqual([deleted, existing]);
    const { loaded: four } = await commit({ operation: 'delete', add: [], remove: [file('c').path], summary: {} });
    const { loaded: five } = await commit(append(file('d')));
    expect(currentSnapshot(four.metadata)!.summary['total-data-files']).toBe('0');
    const last = await readManifestList(store, currentSnapshot(five.metadata));
    expect(last).toHaveLength(1);
    expect((await readManifest(store, last[0]!)).entries.map((entry) => entry.status)).toEqual([added]);
  });

  test('may have no files: a batch without rows leaves its mark too', async () => {
    const { store, file, commit } = await table();
    await commit(append(file('a')));
    const { loaded } = await commit({ operation: 'append', add: [], remove: [], summary: { batch: 'empty' } });
    expect(currentSnapshot(loaded.metadata)!.summary).toMatchObject({ batch: 'empty', 'total-records': '10' });
    expect(await liveNames(store, loaded)).toEqual(['a']);
  });

  test('keeps only the history that the change asks for', async () => {
    const { store, file, commit } = await table();
    for (const name of ['a', 'b', 'c', 'd']) await commit(append(file(name)));
    const { loaded } = await commit({ ...append(file('e')), keep: (snapshot) => snapshot['sequence-number'] >= 4 });
    expect(loaded.metadata.snapshots.map((snapshot) => snapshot['sequence-number'])).toEqual([4, 5]);
    expect(loaded.metadata['snapshot-log']).toHaveLength(2);
    expect(await liveNames(store, loaded)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('changes that cannot be', () => {
  test('a file to remove that is not live is named, and nothing is committed', async () => {
    const { store, file, commit } = await table();
    await commit(append(file('a')));
    const gone = file('gone').path;
    const failure = await commit({
      operation: 'overwrite',
      add: [file('b')],
      remove: [file('a').path, gone],
      summary: {},
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MissingDataFiles);
    expect((failure as MissingDataFiles).paths).toEqual([gone]);
    expect(await liveNames(store, (await memoryContext(store).catalog.loadTable('events'))!)).toEqual(['a']);
  });

  test('a file that was removed already is not live', async () => {
    const { file, commit } = await table();
    await commit(append(file('a')));
    const remove: Change = { operation: 'delete', add: [], remove: [file('a').path], summary: {} };
    await commit(remove);
    await expect(commit(remove)).rejects.toBeInstanceOf(MissingDataFiles);
  });

  test('contradictions are refused', async () => {
    const { file, commit } = await table();
    await expect(commit(append(file('a'), file('a')))).rejects.toThrow('twice');
    await expect(commit({ ...append(file('a')), remove: ['x'] })).rejects.toThrow('cannot remove');
    await expect(commit({ operation: 'delete', add: [file('a')], remove: [], summary: {} })).rejects.toThrow(
      'cannot add',
    );
    await expect(
      commit({ operation: 'replace', add: [file('a')], remove: [file('a').path], summary: {} }),
    ).rejects.toThrow('adds and removes');
  });

  test('a table that does not exist is named', async () => {
    const { context } = await table();
    await expect(commitTable(context, 'nothing', () => undefined)).rejects.toThrow('no table nothing');
  });
});

describe('the loop', () => {
  test('prepare sees each new version, and its undefined ends without a commit', async () => {
    const { store, context, file } = await table();
    const other = memoryContext(store);
    const seen: number[] = [];
    const result = await commitTable(context, 'events', async ({ metadata }) => {
      seen.push(metadata.snapshots.length);
      if (metadata.snapshots.length === 2) return undefined;
      await commitTable(other, 'events', () => append(file(`other-${metadata.snapshots.length}`)));
      return append(file('mine'));
    });
    expect(seen).toEqual([0, 1, 2]);
    expect(result.committed).toBe(false);
    expect(await liveNames(store, result.loaded)).toEqual(['other-0', 'other-1']);
  });

  test('conflicts are tried again after longer and longer waits, and leave no files behind', async () => {
    const { store, file } = await table();
    let conflicts = 5;
    const inner = new FileCatalog(store, root);
    const waits: number[] = [];
    const context = memoryContext(store);
    const catalog = catalogWith(inner, async (send) => {
      if (conflicts-- > 0) {
        await commitTable(memoryContext(store), 'events', () => append(file(`other-${conflicts}`)));
        throw new CommitConflict('events');
      }
      return send();
    });
    const sleep = (ms: number) => {
      waits.push(ms);
      return context.sleep(ms);
    };
    const { loaded } = await commitTable({ ...context, catalog, sleep }, 'events', () => append(file('mine')));
    expect(await liveNames(store, loaded)).toHaveLength(6);
    expect(waits).toHaveLength(5);
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual((25 * 2 ** index) / 2 - 1);
      expect(wait).toBeLessThanOrEqual(25 * 2 ** index);
    }
    const used = new Set<string>();
    for (const snapshot of loaded.metadata.snapshots) {
      used.add(snapshot['manifest-list']);
      for (const manifest of await readManifestList(store, snapshot)) used.add(manifest.path);
    }
    expect((await metadataFiles(store)).sort()).toEqual([...used].sort());
  });

  test('gives up after the attempts it was given, and says why', async () => {
    const { store, file } = await table();
    let tries = 0;
    const catalog = catalogWith(new FileCatalog(store, root), async () => {
      tries++;
      throw new CommitConflict('events');
    });
    const doing = commitTable({ ...memoryContext(store), catalog, attempts: 3 }, 'events', () => append(file('a')));
    await expect(doing).rejects.toThrow('gave up after 3 tries');
    expect(tries).toBe(3);
  });

  test('a commit of unknown outcome that took effect is found, and not made again', async () => {
    const { store, file } = await table();
    let prepared = 0;
    const catalog = catalogWith(new FileCatalog(store, root), async (send) => {
      await send();
      throw new CommitStateUnknown('events');
    });
    const result = await commitTable({ ...memoryContext(store), catalog }, 'events', () => {
      prepared++;
      return append(file('a'));
    });
    expect(prepared).toBe(1);
    expect(result.committed).toBe(true);
    expect(result.loaded.metadata.snapshots).toHaveLength(1);
  });

  test('a commit of unknown outcome that takes effect late, while it is tried again, counts once', async () => {
    const { store, file } = await table();
    const late: (() => Promise<LoadedTable>)[] = [];
    const catalog = catalogWith(new FileCatalog(store, root), async (send) => {
      if (late.length === 0) {
        late.push(send);
        throw new CommitStateUnknown('events');
      }
      await late[0]!();
      return send();
    });
    let tries = 0;
    const result = await commitTable({ ...memoryContext(store), catalog }, 'events', () => ({
      ...append(file('a')),
      summary: { try: String(++tries) },
    }));
    expect(tries).toBe(2);
    expect(result.committed).toBe(true);
    expect(result.loaded.metadata.snapshots.map((snapshot) => snapshot.summary.try)).toEqual(['1']);
    expect(await liveNames(store, result.loaded)).toEqual(['a']);
  });

  test('a file that is gone is looked for once more in a newer version, and is an error in the current one', async () => {
    const { store, context, file } = await table();
    let prepared = 0;
    const gone = new StoreError('not-found', `${root}/events/metadata/m.avro`, 'made up');
    const { loaded } = await commitTable(context, 'events', async () => {
      if (++prepared > 1) return append(file('mine'));
      // Whoever replaced this version, or expired it, has removed its files.
      await commitTable(memoryContext(store), 'events', () => append(file('other')));
      throw gone;
    });
    expect(prepared).toBe(2);
    expect(await liveNames(store, loaded)).toEqual(['mine', 'other']);
    const failing = commitTable(context, 'events', () => {
      prepared++;
      throw gone;
    });
    await expect(failing).rejects.toBe(gone);
    expect(prepared).toBe(3);
  });

  test('other failures are passed on at once', async () => {
    const { store, file } = await table();
    const catalog = catalogWith(new FileCatalog(store, root), async () => {
      throw new Error('access denied');
    });
    await expect(commitTable({ ...memoryContext(store), catalog }, 'events', () => append(file('a')))).rejects.toThrow(
      'access denied',
    );
  });
});

describe('cleaning up after a lost attempt', () => {
  test('spares what is in the table after all, also where its snapshot has left the history', async () => {
    const { store, file } = await table();
    const inner = new FileCatalog(store, root);
    let first = true;
    const catalog = catalogWith(inner, async (send) => {
      const committed = await send();
      if (!first) return committed;
      first = false;
      await commitTable(memoryContext(store), 'events', () => ({ ...append(file('next')), keep: () => false }));
      throw new CommitConflict('events');
    });
    const result = await commitTable({ ...memoryContext(store), catalog }, 'events', async (loaded) =>
      (await liveNames(store, loaded)).includes('mine') ? undefined : append(file('mine')),
    );
    expect(await liveNames(store, result.loaded)).toEqual(['mine', 'next']);
  });

  test('spares what another worker has staged for the same change on the next version', async () => {
    const { store, file } = await table();
    const inner = new FileCatalog(store, root);
    const staged = Promise.withResolvers<void>();
    const cleaned = Promise.withResolvers<void>();
    const change = () => append(file('same'));
    let other: Promise<unknown> | undefined;
    const loser = catalogWith(inner, async () => {
      await updateTable(memoryContext(store), 'events', ({ metadata }) => ({
        ...metadata,
        properties: { ...metadata.properties, a: 'b' },
      }));
      const patient = catalogWith(inner, async (send) => {
        staged.resolve();
        await cleaned.promise;
        return send();
      });
      other = commitTable({ ...memoryContext(store), catalog: patient }, 'events', change);
      await staged.promise;
      throw new CommitConflict('events');
    });
    let calls = 0;
    await commitTable({ ...memoryContext(store), catalog: loser }, 'events', () =>
      ++calls === 1 ? change() : undefined,
    );
    cleaned.resolve();
    await other;
    expect(await liveNames(store, (await inner.loadTable('events'))!)).toEqual(['same']);
  });

  test('touches nothing while the version it was staged on still is current', async () => {
    const { store, file } = await table();
    const inner = new FileCatalog(store, root);
    let late: (() => Promise<LoadedTable>) | undefined;
    const catalog = catalogWith(inner, async (send) => {
      late = send;
      throw new CommitConflict('events');
    });
    let calls = 0;
    await commitTable({ ...memoryContext(store), catalog }, 'events', () =>
      ++calls === 1 ? append(file('late')) : undefined,
    );
    expect(await liveNames(store, await late!())).toEqual(['late']);
  });
});

describe('merging of manifests', () => {
  test('hundreds of commits stay within two hundred manifests, and each still has its own sequence number', async () => {
    const { store, context, file } = await table();
    let loaded: LoadedTable | undefined;
    for (let index = 0; index < 350; index++) {
      const ymd = new Date(Date.UTC(2024, 0, 1 + ((index * 7) % 30))).toISOString().slice(0, 10);
      const change = { ...append(file(`f${index}`, { ymd })), keep: () => false };
      ({ loaded } = await commitTable(context, 'events', () => change));
    }
    const manifests = await readManifestList(store, currentSnapshot(loaded!.metadata));
    expect(manifests.length).toBeLessThan(200);
    const files = await collect(liveFiles(store, loaded!.metadata));
    expect(files.map((item) => item.sequenceNumber).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 350 }, (_, index) => index + 1),
    );
    expect(new Set(files.map((item) => item.snapshotId)).size).toBe(350);
    expect(currentSnapshot(loaded!.metadata)!.summary).toMatchObject({
      'total-records': '3500',
      'total-data-files': '350',
      'total-files-size': '350000',
    });
  });

  /** Ten manifests are merged, into manifests of about so many bytes. */
  async function mergingTable(targetBytes: number) {
    const made = await table();
    const { catalog } = made.context;
    const base = (await catalog.loadTable('events'))!;
    const properties = {
      ...base.metadata.properties,
      'commit.manifest.min-count-to-merge': '10',
      'commit.manifest.target-size-bytes': String(targetBytes),
    };
    await catalog.commitTable('events', base, { ...base.metadata, properties });
    return made;
  }

  test('brings back no file that was removed, and loses none, whichever of the new manifests it comes to', async () => {
    const { store, file, commit } = await mergingTable(14_000);
    const expected: string[] = [];
    const rows = new Map<string, number>();
    const commitNext = async (index: number): Promise<LoadedTable> => {
      const names = ['a', 'b', 'c'].map((letter) => `${letter}${String(index).padStart(2, '0')}`);
      const files = names.map((name, i) => file(name, { ymd: `2024-01-${String(28 - index)}`, rows: 100 * index + i }));
      await commit(append(...files));
      const { loaded } = await commit({ operation: 'delete', add: [], remove: [files[1]!.path], summary: {} });
      expected.push(names[0]!, names[2]!);
      for (const [i, name] of names.entries()) rows.set(name, 100 * index + i);
      return loaded;
    };
    let loaded: LoadedTable | undefined;
    for (let index = 0; index < 9; index++) loaded = await commitNext(index);
    // Each of the manifests to merge tells of a deletion by now, which is not to be lost or undone.
    const before = await readManifestList(store, currentSnapshot(loaded!.metadata));
    expect(before.map(({ existingFiles, deletedFiles }) => [existingFiles, deletedFiles])).toEqual(
      Array(9).fill([2, 1]),
    );
    loaded = await commitNext(9);
    ({ loaded } = await commit(append(file('z'))));
    expected.push('z');
    const manifests = await readManifestList(store, currentSnapshot(loaded.metadata));
    const merged = manifests.filter((manifest) => manifest.existingFiles! > 2);
    expect(merged.length).toBeGreaterThanOrEqual(3);
    expect(manifests.length).toBeLessThan(10);
    expect(await liveNames(store, loaded)).toEqual(expected.sort());
    for (const manifest of merged) {
      const { entries } = await readManifest(store, manifest);
      expect(entries.map((entry) => entry.status)).toEqual(Array(manifest.existingFiles!).fill(existing));
      expect(manifest).toMatchObject({ addedFiles: 0, deletedFiles: 0, addedRows: 0, deletedRows: 0 });
    }
    const live = await collect(liveFiles(store, loaded.metadata));
    for (const { path, recordCount } of live)
      expect(recordCount, path).toBe(rows.get(/(\w+)\.parquet$/.exec(path)![1]!) ?? 10);
    const total = live.reduce((sum, { recordCount }) => sum + recordCount, 0);
    expect(currentSnapshot(loaded.metadata)!.summary).toMatchObject({
      'total-data-files': '21',
      'total-records': String(total),
    });
  });

  test('merged manifests are cut to size, sorted by day', async () => {
    const { store, context, file } = await mergingTable(12_000);
    let loaded: LoadedTable | undefined;
    for (let index = 0; index < 11; index++)
      ({ loaded } = await commitTable(context, 'events', () =>
        append(file(`f${index}`, { ymd: `2024-01-${String(20 - index)}` })),
      ));
    const manifests = (await readManifestList(store, currentSnapshot(loaded!.metadata))).filter(
      (manifest) => manifest.existingFiles! > 0,
    );
    expect(manifests.length).toBeGreaterThan(1);
    const ranges = manifests.map(
      (manifest) => manifest.partitions!.map((summary) => [String(summary.lowerBound), String(summary.upperBound)])[0]!,
    );
    for (const [index, range] of ranges.slice(1).entries()) expect(range[0]! > ranges[index]![1]!).toBe(true);
  });
});
