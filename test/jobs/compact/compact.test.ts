import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { liveFiles } from '../../../src/iceberg/scan.ts';
import type { Runtime } from '../../../src/ingest/runtime.ts';
import { type CompactOptions, compact } from '../../../src/jobs/compact/compact.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { collect } from '../../support/collect.ts';
import { decision, input, putDecisions, rowsOf, run, sortedRows, testRuntime } from '../../support/warehouse.ts';

const compacted = (runtime: Runtime, options: CompactOptions = {}) => compact(runtime, options);

async function filesOf(runtime: Runtime, table: string) {
  const { metadata } = (await runtime.catalog.loadTable(table))!;
  return collect(liveFiles(runtime.store, metadata));
}

/** Objects in batches of one, so that each makes its own file a day. */
async function manyBatches(objects = 6, perObject = 5): Promise<{ store: MemoryStore; runtime: Runtime }> {
  const store = new MemoryStore();
  await putDecisions(store, objects, perObject);
  const runtime = testRuntime({ store, batch: { objects: 1 } });
  await run(runtime);
  return { store, runtime };
}

describe('a compaction', () => {
  test('merges the small files of each day into one in clustering order, with the same rows', async () => {
    const { runtime } = await manyBatches();
    const before = await sortedRows(runtime, 'opa_decisions');
    const quarantined = await sortedRows(runtime, 'quarantine');
    const ledger = await sortedRows(runtime, 'ingested_objects');

    const report = await compacted(runtime);

    expect(report.tables.opa_decisions).toMatchObject({ days: 2, files: { before: 12, after: 2 }, duplicates: 0 });
    expect(await sortedRows(runtime, 'opa_decisions')).toEqual(before);
    expect(await sortedRows(runtime, 'quarantine')).toEqual(quarantined);
    expect(await sortedRows(runtime, 'ingested_objects')).toEqual(ledger);
    for (const table of ['opa_decisions', 'ingested_objects'])
      expect((await filesOf(runtime, table)).map((file) => file.ymd).sort()).toEqual(
        [...new Set((await filesOf(runtime, table)).map((file) => file.ymd))].sort(),
      );
    const { metadata } = (await runtime.catalog.loadTable('opa_decisions'))!;
    expect(metadata.snapshots.at(-1)?.summary).toMatchObject({ operation: 'replace' });
  });

  test('does nothing the second time', async () => {
    const { store, runtime } = await manyBatches();
    await compacted(runtime);
    const puts: string[] = [];
    const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
    const again = await compacted(testRuntime({ store: watched }));
    expect(again.days).toEqual([]);
    expect(puts).toEqual([]);
  });

  test('keeps one of the records with the same id, the first by object and offset', async () => {
    const store = new MemoryStore();
    const key = (n: number) => `${input}/eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=000${n}.jsonl`;
    for (const n of [2, 1, 3])
      await store.put(
        key(n),
        Buffer.from([decision({ id: 'same' }), decision({ id: `own-${n}` }), decision({ id: '' })].join('\n')),
      );
    const runtime = testRuntime({ store, batch: { objects: 1 } });
    await run(runtime);
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(9);

    const report = await compacted(runtime);

    const rows = await rowsOf(runtime, 'opa_decisions');
    expect(rows.map((row) => row.decision_id).sort()).toEqual(['', '', '', 'own-1', 'own-2', 'own-3', 'same']);
    expect(rows.find((row) => row.decision_id === 'same')?.source_uri).toBe(key(1));
    expect(report.tables.opa_decisions?.duplicates).toBe(2);
    const amendments = await rowsOf(runtime, 'amendments');
    expect(amendments.map((row) => [row.source_uri, row.rows]).sort()).toEqual([
      [key(2), -1n],
      [key(3), -1n],
    ]);
  });

  test('sorts a day that is larger than its memory in runs, to the same rows in the same order', async () => {
    const { store, runtime } = await manyBatches(6, 2000);
    const before = await sortedRows(runtime, 'opa_decisions');
    const small = testRuntime({ store, compact: { memoryBytes: 1 << 18, rowGroupRows: 700 } });
    const report = await compacted(small);
    const days = report.days.filter((day) => day.table === 'opa_decisions');
    expect(days.map((day) => 'spilledRuns' in day && day.spilledRuns > 2)).toEqual([true, true]);
    expect(await sortedRows(runtime, 'opa_decisions')).toEqual(before);
    for (const ymd of ['2023-07-11', '2023-07-12']) {
      const keys = (await rowsOf(runtime, 'opa_decisions'))
        .filter((row) => row.ymd === ymd)
        .map((row) => `${row.subject} ${row.event_time}`);
      expect(keys).toEqual([...keys].sort());
    }
    expect(await collect(store.list('memory://test/spill'))).toEqual([]);
  });

  test('reads a day while files of the day before are being stored, and makes the same files as one day after another', async () => {
    const [first, second] = ['2023-07-11', '2023-07-12'] as const;
    const tables = ['opa_decisions'];
    const isOf = (day: string, uri: string) => uri.includes(`/opa_decisions/data/ymd=${day}/`);
    const contents = async (runtime: Runtime) =>
      (await filesOf(runtime, 'opa_decisions')).map(({ path }) => path.replace(/compacted-[0-9a-f]+/, 'compacted'));

    const { store, runtime } = await manyBatches();
    const isRead = Promise.withResolvers<void>();
    const watched = store.view({
      before: async ({ operation, uri }) => {
        if (operation === 'get' && isOf(second, uri)) isRead.resolve();
        if (operation === 'put' && isOf(first, uri)) await isRead.promise;
      },
    });
    await compacted(testRuntime({ store: watched }), { tables });

    const { runtime: other } = await manyBatches();
    for (const day of [first, second]) await compacted(other, { tables, from: day, to: day });
    expect((await contents(runtime)).sort()).toEqual((await contents(other)).sort());
  });

  test('commits nothing behind a day that cannot be read', async () => {
    const { store, runtime } = await manyBatches();
    const stored: string[] = [];
    const watched = store.view({
      before: ({ operation, uri }) => {
        if (!uri.includes('/opa_decisions/data/')) return;
        if (operation === 'put') stored.push(uri);
        else if (uri.includes('ymd=2023-07-11')) throw new Error('no connection');
      },
    });
    const before = await filesOf(runtime, 'opa_decisions');
    const run = compacted(testRuntime({ store: watched }), { tables: ['opa_decisions'] });
    await expect(run).rejects.toThrow('no connection');
    expect(await filesOf(runtime, 'opa_decisions')).toEqual(before);
    expect(stored.filter((uri) => !uri.includes('ymd=2023-07-12'))).toEqual([]);
  });

  test('commits what it has rewritten before a day that cannot be read', async () => {
    const { store, runtime } = await manyBatches();
    const watched = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'get' && uri.includes('/opa_decisions/data/ymd=2023-07-12')) throw new Error('no connection');
      },
    });
    const before = await sortedRows(runtime, 'opa_decisions');
    const run = compacted(testRuntime({ store: watched }), { tables: ['opa_decisions'] });
    await expect(run).rejects.toThrow('no connection');
    const perDay = Map.groupBy(await filesOf(runtime, 'opa_decisions'), ({ ymd }) => ymd);
    expect([...perDay].map(([day, files]) => [day, files.length]).sort()).toEqual([
      ['2023-07-11', 1],
      ['2023-07-12', 6],
    ]);
    expect(await sortedRows(runtime, 'opa_decisions')).toEqual(before);
  });

  test('fails once the days in work have come to their end, since they share memory', async () => {
    const { store } = await manyBatches();
    const isBegun = Promise.withResolvers<void>();
    const stored: string[] = [];
    const watched = store.view({
      before: async ({ operation, uri }) => {
        const day = /opa_decisions\/data\/ymd=([^/]+)/.exec(uri)?.[1];
        if (day === undefined) return;
        if (operation === 'put') stored.push(day);
        else if (day === '2023-07-12') {
          isBegun.resolve();
          // Slower than a failure takes to be told.
          for (let i = 0; i < 20; i++) await setImmediate();
        } else {
          await isBegun.promise;
          throw new Error('no connection');
        }
      },
    });
    const run = compacted(testRuntime({ store: watched }), { tables: ['opa_decisions'] });
    await expect(run).rejects.toThrow('no connection');
    expect(stored).toEqual(['2023-07-12']);
  });

  test('clusters by the configured columns, also by the hour, and says so in the table', async () => {
    const store = new MemoryStore();
    const lines = Array.from({ length: 60 }, (_, i) =>
      decision({ id: `d-${i}`, subject: `user-${(i * 7) % 5}`, time: `2023-07-11T0${i % 4}:${10 + (i % 50)}:00Z` }),
    );
    await store.put(
      `${input}/eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=1.jsonl`,
      Buffer.from(lines.join('\n')),
    );
    const clustering = { opa_decisions: ['hour(event_time)', 'subject'] };
    const runtime = testRuntime({ store, compact: { clustering } });
    await run(runtime);
    const report = await compacted(runtime);
    expect(report.tables.opa_decisions?.clusteredBy).toEqual(clustering.opa_decisions);
    const keys = (await rowsOf(runtime, 'opa_decisions')).map(
      (row) => `${String(row.timestamp).slice(0, 13)} ${row.subject}`,
    );
    expect(keys).toHaveLength(60);
    expect(keys).toEqual([...keys].sort());

    const { metadata } = (await runtime.catalog.loadTable('opa_decisions'))!;
    const [file] = await filesOf(runtime, 'opa_decisions');
    const order = metadata['sort-orders'].find((one) => one['order-id'] === file?.sortOrderId);
    expect(order?.fields.map((field) => field.transform)).toEqual(['hour', 'identity']);
    expect(metadata['default-sort-order-id']).not.toBe(file?.sortOrderId);

    expect((await compacted(runtime)).days).toEqual([]);
    const changed = await compacted(testRuntime({ store }), { tables: ['opa_decisions'] });
    expect(changed.days[0]?.reasons).toEqual(['unsorted']);
    await expect(
      compacted(testRuntime({ store, compact: { clustering: { opa_decisions: ['hour(subject)'] } } })),
    ).rejects.toThrow(/compact\.clustering\.opa_decisions: hour\(subject\)/);
  });

  test('of a dry run writes nothing and reads no data file', async () => {
    const { store } = await manyBatches();
    const calls: string[] = [];
    const watched = store.view({
      before: ({ operation, uri }) =>
        void (operation === 'put' || /\/data\//.test(uri) ? calls.push(`${operation} ${uri}`) : 0),
    });
    const report = await compacted(testRuntime({ store: watched }), { dryRun: true });
    expect(report.days.map((day) => [day.table, day.files, day.expectedFiles])).toContainEqual(['opa_decisions', 6, 1]);
    expect(calls).toEqual([]);
  });
});
