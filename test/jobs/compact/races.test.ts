/** Whatever happens to a table while it is being compacted, its rows stay those that were put in, each record once. */
import { describe, expect, test } from 'vitest';
import type { Catalog } from '../../../src/iceberg/catalog.ts';
import { CommitConflict } from '../../../src/iceberg/catalog.ts';
import { commitTable } from '../../../src/iceberg/commit.ts';
import { type LiveFile, liveFiles } from '../../../src/iceberg/scan.ts';
import type { Runtime } from '../../../src/ingest/runtime.ts';
import { compact } from '../../../src/jobs/compact/compact.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { commitContext } from '../../../src/ledger/runtime.ts';
import { readRows } from '../../../src/parquet/read/row-reader.ts';
import { compactedPrefix } from '../../../src/rewrite/without-rows.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { readWhole } from '../../../src/store/read.ts';
import { collect } from '../../support/collect.ts';
import { decision, input, owner, rowsOf, run, sortedRows, testRuntime } from '../../support/warehouse.ts';

const events = 'opa_decisions';
const key = (n: number) =>
  `${input}/eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=${String(n).padStart(4, '0')}.jsonl`;

const put = (store: MemoryStore, n: number, ...ids: string[]) =>
  store.put(key(n), Buffer.from(ids.map((id) => decision({ id })).join('\n')));

/** `count` objects of two own records and one that all of them have, each ingested by itself. */
async function world(count = 5): Promise<{ store: MemoryStore; runtime: Runtime }> {
  const store = new MemoryStore();
  for (let n = 1; n <= count; n++) await put(store, n, `a-${n}`, `b-${n}`, 'shared');
  const runtime = testRuntime({ store, batch: { objects: 1 } });
  await run(runtime);
  return { store, runtime };
}

const ids = async (runtime: Runtime) => (await rowsOf(runtime, events)).map((row) => row.decision_id).sort();
const expected = (count: number) =>
  Array.from({ length: count }, (_, n) => [`a-${n + 1}`, `b-${n + 1}`])
    .flat()
    .concat('shared')
    .sort();

function withCommit(runtime: Runtime, commitTable: Catalog['commitTable']): Runtime {
  const { catalog } = runtime;
  const wrapped: Catalog = {
    ensureNamespace: () => catalog.ensureNamespace(),
    loadTable: (name) => catalog.loadTable(name),
    createTable: (name, metadata) => catalog.createTable(name, metadata),
    listTables: () => catalog.listTables(),
    tableLocation: (name) => catalog.tableLocation(name),
    commitTable,
  };
  return { ...runtime, catalog: wrapped };
}

/** A runtime that does something just before each of its first commits to a table. */
function interrupted(
  runtime: Runtime,
  table: string,
  times: number,
  meanwhile: (time: number) => Promise<void>,
): Runtime {
  let time = 0;
  return withCommit(runtime, async (name, base, metadata) => {
    if (name === table && metadata.snapshots.length > base.metadata.snapshots.length && time < times)
      await meanwhile(++time);
    return runtime.catalog.commitTable(name, base, metadata);
  });
}

describe('a compaction that loses its swap', () => {
  test('to a backfill commits the same files on the new snapshot', async () => {
    const { store, runtime } = await world();
    let puts = 0;
    const view = store.view({
      after: (call) => void (call.operation === 'put' && call.uri.includes('/data/') && puts++),
    });
    const late = interrupted(testRuntime({ store: view }), events, 2, async (time) => {
      await put(store, 5 + time, `a-${5 + time}`, `b-${5 + time}`, 'shared');
      await run(testRuntime({ store }));
    });
    const report = await compact(late, { tables: [events] });
    expect(report.days).toHaveLength(1);
    expect(puts, 'one data file, and one of the record').toBe(2);
    expect((await ids(runtime)).filter((id) => id !== 'shared')).toEqual(expected(7).filter((id) => id !== 'shared'));

    await compact(testRuntime({ store, compact: { smallFiles: 2 } }), { tables: [events] });
    expect(await ids(runtime)).toEqual(expected(7));
  });

  test('to another compaction leaves its work standing', async () => {
    const { store, runtime } = await world();
    const late = interrupted(testRuntime({ store }), events, 1, async () => {
      await compact(testRuntime({ store }), { tables: [events] });
    });
    const report = await compact(late, { tables: [events] });
    expect(report.overtaken).toEqual([]);
    expect(await ids(runtime)).toEqual(expected(5));
    expect((await rowsOf(runtime, 'amendments')).map((row) => row.rows)).toEqual([-1n, -1n, -1n, -1n]);
  });

  test('to one that merged only some of its files plans those days again', async () => {
    const { store, runtime } = await world();
    const late = interrupted(testRuntime({ store }), events, 1, () => removeOneFile(testRuntime({ store })));
    const report = await compact(late, { tables: [events] });
    expect(report.days).toHaveLength(1);
    expect(report.days[0]).toMatchObject({ files: 4, newFiles: 1 });
    expect(await rowsOf(runtime, events)).toHaveLength(9);
  });

  test('again and again gives the day up, says so, and leaves the rows alone', async () => {
    const { store, runtime } = await world(12);
    const late = interrupted(testRuntime({ store }), events, 100, () => removeOneFile(testRuntime({ store })));
    const report = await compact(late, { tables: [events] });
    expect(report.overtaken).toEqual([{ table: events, day: '2023-07-11' }]);
    expect(await rowsOf(runtime, events)).toHaveLength(7 * 3);
  });

  test('to another that has just written other files of the day plans it again, for their records were not compared', async () => {
    const { store, runtime } = await world();
    const late = interrupted(testRuntime({ store }), events, 1, async () => {
      await put(store, 6, 'a-6', 'b-6', 'shared');
      await run(testRuntime({ store }));
      await asIfCompacted(testRuntime({ store }), key(6));
    });
    const report = await compact(late, { tables: [events] });
    expect(report.overtaken).toEqual([]);
    expect(await ids(runtime)).toEqual(expected(6));
  });

  test('to one that took away the rows for which it dropped duplicates keeps these', async () => {
    const { store, runtime } = await world();
    await compact(testRuntime({ store }), { tables: [events] });
    await put(store, 6, 'a-6', 'shared');
    await run(testRuntime({ store }));
    // What is compacted stays, and only the new file is looked through.
    const rules = { smallFiles: 100, unsortedPercent: 100 };
    const late = interrupted(testRuntime({ store, compact: rules }), events, 1, () =>
      removeFiles(testRuntime({ store }), ({ path }) => path.includes(`/${compactedPrefix}`)),
    );
    const report = await compact(late, { tables: [events] });
    expect(report.overtaken).toEqual([]);
    expect(await ids(runtime)).toEqual(['a-6', 'shared']);
  });

  test('for reasons unknown tries again', async () => {
    const { store, runtime } = await world();
    let refusals = 3;
    const refusing = withCommit(testRuntime({ store }), async (name, base, metadata) => {
      if (name === events && refusals-- > 0) throw new CommitConflict(name);
      return runtime.catalog.commitTable(name, base, metadata);
    });
    await compact(refusing, {});
    expect(await ids(runtime)).toEqual(expected(5));
  });
});

describe('a compaction without duplicates that loses its swap', () => {
  /** Each record is there once, so that the day is replaced by itself and makes no amendment. */
  async function unique(count: number): Promise<{ store: MemoryStore; runtime: Runtime }> {
    const store = new MemoryStore();
    for (let n = 1; n <= count; n++) await put(store, n, `a-${n}`, `b-${n}`);
    const runtime = testRuntime({ store, batch: { objects: 1 } });
    await run(runtime);
    return { store, runtime };
  }

  test('to one that took one of its files away plans the day again', async () => {
    const { store, runtime } = await unique(5);
    const late = interrupted(testRuntime({ store }), events, 1, () => removeOneFile(testRuntime({ store })));
    const report = await compact(late, { tables: [events] });
    expect(report.overtaken).toEqual([]);
    expect(report.days).toMatchObject([{ files: 4, newFiles: 1 }]);
    expect(await rowsOf(runtime, events)).toHaveLength(8);
    expect(await runtime.catalog.loadTable('amendments')).toBeUndefined();
  });

  test('to a backfill commits the day as it has rewritten it', async () => {
    const { store, runtime } = await unique(5);
    const late = interrupted(testRuntime({ store }), events, 1, async () => {
      await put(store, 6, 'a-6', 'b-6');
      await run(testRuntime({ store }));
    });
    const report = await compact(late, { tables: [events] });
    expect(report.days).toMatchObject([{ files: 5, newFiles: 1 }]);
    expect(await rowsOf(runtime, events)).toHaveLength(12);
  });

  test.each([4, 5])('%i times over is still done, or given up after the fifth', async (times) => {
    const { store, runtime } = await unique(times + 5);
    const late = interrupted(testRuntime({ store }), events, times, () => removeOneFile(testRuntime({ store })));
    const report = await compact(late, { tables: [events] });
    expect(report.overtaken).toEqual(times < 5 ? [] : [{ table: events, day: '2023-07-11' }]);
    expect(await rowsOf(runtime, events)).toHaveLength(10);
  });
});

/** Gives the file of one object the name and the sort order of a compaction's. */
async function asIfCompacted(runtime: Runtime, uri: string): Promise<void> {
  const { store } = runtime;
  await commitTable(commitContext(runtime), events, async ({ metadata }) => {
    for await (const file of liveFiles(store, metadata)) {
      const rows = (await collect(readRows(store, { uri: file.path, size: file.fileSize }))).flat();
      if (!rows.every((row) => row.source_uri === uri)) continue;
      const path = file.path.replace(/[^/]*$/, `${compactedPrefix}0000000000000000.parquet`);
      const bytes = await readWhole(store, (await store.head(file.path))!, { sleep: async () => {} });
      await store.put(path, bytes);
      const add = [{ ...file, path, ymd: file.ymd!, sortOrderId: metadata['default-sort-order-id'] }];
      return { operation: 'replace', add, remove: [file.path], summary: {} };
    }
    throw new Error(`no file has the rows of ${uri}`);
  });
}

describe('a file that is gone while a day is rewritten', () => {
  const isDataFile = (uri: string): boolean => uri.includes('/opa_decisions/data/');

  test('since another writer has replaced it and its snapshots have expired: the day is planned again', async () => {
    const { store, runtime } = await world(6);
    let isGone = false;
    const view = store.view({
      before: async ({ operation, uri }) => {
        if (isGone || operation !== 'get' || !isDataFile(uri)) return;
        isGone = true;
        await removeOneFile(testRuntime({ store }));
        const { metadata } = (await runtime.catalog.loadTable(events))!;
        const live = new Set((await collect(liveFiles(store, metadata))).map(({ path }) => path));
        for (const { uri: path } of await collect(store.list('memory://test/warehouse/opa_decisions/data/')))
          if (!live.has(path)) await store.delete(path);
      },
    });
    const report = await compact(testRuntime({ store: view }), { tables: [events] });
    expect(isGone).toBe(true);
    expect(report.overtaken).toEqual([]);
    expect(report.days).toMatchObject([{ files: 5, newFiles: 1 }]);
    expect((await ids(runtime)).filter((id) => id === 'shared')).toHaveLength(1);
    expect(await rowsOf(runtime, events)).toHaveLength(11);
  });

  test('though the table needs it leaves the table as it is, with the reason', async () => {
    const { store, runtime } = await world(6);
    const { metadata } = (await runtime.catalog.loadTable(events))!;
    const [first] = await collect(liveFiles(store, metadata));
    await store.delete(first!.path);
    const { refused, days } = await compact(testRuntime({ store }), { tables: [events] });
    expect(refused).toMatchObject([{ table: events, reason: expect.stringContaining(first!.path), fault: true }]);
    expect(days).toEqual([]);
    expect((await runtime.catalog.loadTable(events))!.metadata.snapshots).toEqual(metadata.snapshots);
  });
});

/** What a DELETE of whole files by another engine does. */
const removeOneFile = async (runtime: Runtime): Promise<void> => {
  await removeFiles(runtime, (_, index) => index === 0);
};

async function removeFiles(runtime: Runtime, isWanted: (file: LiveFile, index: number) => boolean): Promise<void> {
  await commitTable(commitContext(runtime), events, async ({ metadata }) => {
    const files = await collect(liveFiles(runtime.store, metadata));
    return { operation: 'delete', add: [], remove: files.filter(isWanted).map(({ path }) => path), summary: {} };
  });
}

describe('two compactions at once', () => {
  test('do the work once between them', async () => {
    const { store, runtime } = await world(8);
    await Promise.all([1, 2].map(() => compact(testRuntime({ store: store.view() }), {})));
    expect(await ids(runtime)).toEqual(expected(8));
    const lost = (await rowsOf(runtime, 'amendments')).reduce((sum, row) => sum + Number(row.rows), 0);
    expect(lost).toBe(-7);
  });
});

describe('the ledger', () => {
  test('is compacted around open claims, which are settled afterwards as ever', async () => {
    const { store, runtime } = await world(6);
    const { config, encoder, catalog, sleep, uuid, clock: now } = runtime;
    const ledger = new Ledger({
      ...{ catalog, store, now, sleep, uuid, encoder },
      files: config.output,
      owner: owner('worker'),
      claimMs: 600_000,
    });
    await put(store, 7, 'a-7', 'b-7');
    const info = (await store.head(key(7)))!;
    const { sequence } = await ledger.lookup([info.uri]);
    const claim = (await ledger.claim({ name: 'eopa', type: 'opa' }, [info], sequence, new Set()))!;

    const before = await sortedRows(runtime, 'ingested_objects');
    const report = await compact(testRuntime({ store }), { tables: ['ingested_objects'] });

    expect(report.days[0]).toMatchObject({ files: 6, newFiles: 1 });
    expect(await sortedRows(runtime, 'ingested_objects')).toEqual(before);
    const { entries } = await ledger.lookup([key(1), key(7)]);
    expect([...entries.values()].flat().map((entry) => entry.state)).toEqual(['committed', 'claimed']);
    expect(await ledger.claim({ name: 'eopa', type: 'opa' }, [info], sequence, new Set())).toBeUndefined();
    await ledger.settle(claim.batch, new Map());
    expect(await rowsOf(runtime, 'ingested_objects')).toHaveLength(6);
    expect((await run(testRuntime({ store }))).objects).toMatchObject({ listed: 7, skipped: 6, committed: 1 });
  });
});

describe('the ids of batches', () => {
  test('are still in the history, so that a batch that crashed before its end is not committed again', async () => {
    const { store, runtime } = await world(5);
    const batches = new Set((await rowsOf(runtime, 'ingested_objects')).map((row) => String(row.batch)));
    await compact(testRuntime({ store }), {});
    const { metadata } = (await runtime.catalog.loadTable(events))!;
    const kept = metadata.snapshots.map((snapshot) => snapshot.summary['audit-warehouse.batch']);
    expect(kept.filter((batch) => batch !== undefined).sort()).toEqual([...batches].sort());
  });
});
