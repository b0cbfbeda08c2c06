import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { liveFiles } from '../../../src/iceberg/scan.ts';
import type { Runtime } from '../../../src/ingest/runtime.ts';
import { compact } from '../../../src/jobs/compact/compact.ts';
import { findDuplicates, rowsInStore } from '../../../src/jobs/rewrite/duplicates.ts';
import { verify } from '../../../src/jobs/verify/verify.ts';
import { describeTable } from '../../../src/rewrite/stored-table.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { collect } from '../../support/collect.ts';
import { addDeleteFiles, positionDeletes } from '../../support/foreign-deletes.ts';
import { propertyRuns } from '../../support/thorough.ts';
import { decision, input, type Rows, rowsOf, run, testRuntime } from '../../support/warehouse.ts';

const key = (n: number) =>
  `${input}/eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=${String(n).padStart(4, '0')}.jsonl`;

const places = (rows: Rows): string[] =>
  rows.map((row) => `${row.decision_id} ${row.subject} ${row.source_uri} ${row.source_offset}`).sort();

/** The rule, written down a second time: of each content whose id is not empty the least (source_uri, source_offset). */
function once(rows: Rows): Rows {
  const first = new Map<unknown, Rows[number]>();
  const before = (a: Rows[number], b: Rows[number]): boolean =>
    a.source_uri === b.source_uri
      ? Number(a.source_offset) < Number(b.source_offset)
      : String(a.source_uri) < String(b.source_uri);
  for (const row of rows) {
    const record = row.decision_id === '' ? row : `${row.decision_id} ${row.subject}`;
    const other = first.get(record);
    if (other === undefined || before(row, other)) first.set(record, row);
  }
  return [...first.values()];
}

describe('of decisions', () => {
  test('the first of each content stays, whatever the files, the rows and the memory', async () => {
    const record = fc.tuple(fc.constantFrom('', 'a', 'b', 'c', 'd', 'e'), fc.constantFrom('bob', 'bob', 'eve'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(200, 1 << 20),
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        async (objects, memoryBytes, order) => {
          const store = new MemoryStore();
          for (const n of order.filter((i) => i < objects.length)) {
            // One at a time, so that objects come in another order than that of their names.
            const lines = objects[n]!.map(([id, subject]) => decision({ id, subject }));
            await store.put(key(n), Buffer.from(lines.join('\n')));
            await run(testRuntime({ store }));
          }
          const runtime = testRuntime({ store, compact: { memoryBytes } });
          const before = await rowsOf(runtime, 'opa_decisions');
          await compact(runtime, { tables: ['opa_decisions'] });
          expect(places(await rowsOf(runtime, 'opa_decisions'))).toEqual(places(once(before)));
        },
      ),
      { numRuns: propertyRuns(12) },
    );
  });

  test('files are opened while those before them are looked at', async () => {
    const store = new MemoryStore();
    for (const n of [1, 2, 3]) {
      await store.put(key(n), Buffer.from(decision({ id: 'same', subject: `user-${n % 2}` })));
      await run(testRuntime({ store }));
    }
    const { catalog, config } = testRuntime({ store });
    const loaded = (await catalog.loadTable('opa_decisions'))!;
    const inputs = await collect(liveFiles(store, loaded.metadata));
    const asked = new Set<string>();
    const allAsked = Promise.withResolvers<void>();
    const slow = store.view({
      before: async ({ uri }) => {
        if (asked.add(uri).size === inputs.length) allAsked.resolve();
        await allAsked.promise;
      },
    });
    const table = describeTable('opa_decisions', loaded, config);
    const files = { inputs, kept: [], deleted: new Map() };
    const { count, conflicts } = await findDuplicates(table, files, rowsInStore(slow, table), 1 << 20);
    expect([inputs.length, count, conflicts]).toEqual([3, 1, 1]);
  });

  test('the one in a file that stays is kept, and late copies of it go', async () => {
    const store = new MemoryStore();
    const ids = Array.from({ length: 400 }, (_, i) => `id-${i}`);
    await store.put(key(5), Buffer.from(ids.map((id) => decision({ id })).join('\n')));
    const rules = { targetBytes: 1024, rowGroupRows: 100 };
    const runtime = testRuntime({ store, compact: rules });
    await run(runtime);
    await compact(runtime, {});
    const files = await dataFiles(runtime);
    expect(files.length).toBeGreaterThan(2);

    await store.put(key(1), Buffer.from([decision({ id: 'id-7' }), decision({ id: 'new' })].join('\n')));
    await run(runtime);
    const report = await compact(testRuntime({ store, compact: { ...rules, unsortedPercent: 100 } }), {});

    expect(report.tables.opa_decisions).toMatchObject({ days: 1, files: { before: 1, after: 1 }, duplicates: 1 });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual(
      [...ids, 'new'].sort(),
    );
    for (const file of files) expect(await dataFiles(runtime)).toContain(file);
  });
});

test('days that are suspected of them are looked through one after another', async () => {
  const store = new MemoryStore();
  const days = ['2023-07-11', '2023-07-12'];
  const lines = (prefix: string, count: number) =>
    days.flatMap((day) =>
      Array.from({ length: count }, (_, i) => decision({ id: `${prefix}-${day}-${i}`, time: `${day}T10:00:00Z` })),
    );
  const rules = { targetBytes: 1024, rowGroupRows: 100, unsortedPercent: 100 };
  const runtime = testRuntime({ store, compact: rules });
  await store.put(key(1), Buffer.from(lines('early', 400).join('\n')));
  await run(runtime);
  await compact(runtime, {});
  await store.put(key(2), Buffer.from(lines('late', 2).join('\n')));
  await run(runtime);

  const read: string[] = [];
  const watched = store.view({
    before: async ({ operation, uri }) => {
      const day = /opa_decisions\/data\/ymd=([^/]+)/.exec(uri)?.[1];
      if (operation !== 'get' || day === undefined) return;
      read.push(day);
      // Another day could go on meanwhile.
      await setImmediate();
      read.push(day);
    },
  });
  const report = await compact(testRuntime({ store: watched, compact: rules }), { tables: ['opa_decisions'] });
  expect(report.days).toEqual([]);
  expect(new Set(read)).toEqual(new Set(days));
  expect(read).toEqual([...read].sort());
});

test('a forged record drops nobody, wherever its object sorts', async () => {
  const store = new MemoryStore();
  const runtime = testRuntime({ store });
  await store.put(key(5), Buffer.from(decision({ id: 'x', subject: 'bob' })));
  await run(runtime);
  await store.put(key(1), Buffer.from(decision({ id: 'x', subject: 'eve' })));
  await run(runtime);
  await compact(runtime, {});
  const rows = await rowsOf(runtime, 'opa_decisions');
  expect(rows.map((row) => [row.decision_id, row.subject, row.source_uri]).sort()).toEqual([
    ['x', 'bob', key(5)],
    ['x', 'eve', key(1)],
  ]);
  const report = await verify(runtime, { deep: true });
  expect(report.findings).toEqual([{ kind: 'conflicting-ids', table: 'opa_decisions', ymd: '2023-07-11', found: 1 }]);
  expect(report.ok).toBe(true);
});

describe.each([
  ['in memory', 1 << 20],
  ['sorted in runs', 1000],
])('of files of several row groups, %s', (_, memoryBytes) => {
  const ids = Array.from({ length: 60 }, (_, i) => `id-${String(i).padStart(2, '0')}`);
  const time = (id: string): string => `2023-07-11T16:56:${id.slice(-2)}Z`;
  const lines = (some: readonly string[]) => Buffer.from(some.map((id) => decision({ id, time: time(id) })).join('\n'));
  const world = async (): Promise<Runtime> => {
    const runtime = testRuntime({ store: new MemoryStore(), output: { rowGroupRows: 10 }, compact: { memoryBytes } });
    await runtime.store.put(key(5), lines(ids));
    await run(runtime);
    return runtime;
  };

  test('exactly the duplicates are dropped, and every other row is what it was', async () => {
    const runtime = await world();
    // Of the third and the last row group, so that rows of the first stand at other places.
    const late = ['id-23', 'id-27', 'id-58'];
    await runtime.store.put(key(1), lines([...late, 'new-30']));
    await run(runtime);
    await compact(runtime, { tables: ['opa_decisions'] });
    const rows = await rowsOf(runtime, 'opa_decisions');
    expect(rows.map((row) => row.decision_id).sort()).toEqual([...ids, 'new-30'].sort());
    for (const { decision_id, source_uri } of rows)
      expect([decision_id, source_uri]).toEqual([
        decision_id,
        key([...late, 'new-30'].includes(String(decision_id)) ? 1 : 5),
      ]);
  });

  test("a row that another engine has deleted is nobody's double, in whichever row group it is", async () => {
    const runtime = await world();
    const loaded = (await runtime.catalog.loadTable('opa_decisions'))!;
    const [file] = await collect(liveFiles(runtime.store, loaded.metadata));
    await addDeleteFiles(runtime, 'opa_decisions', '2023-07-11', [
      await positionDeletes(runtime, loaded, [
        [file!.path, 23],
        [file!.path, 58],
      ]),
    ]);
    // Behind the others, so that it would go if the deleted row counted.
    await runtime.store.put(key(7), lines(['id-03', 'id-23']));
    await run(runtime);
    await compact(runtime, { tables: ['opa_decisions'] });
    const rows = await rowsOf(runtime, 'opa_decisions');
    expect(rows.map((row) => row.decision_id).sort()).toEqual(ids.filter((id) => id !== 'id-58'));
    expect(rows.filter((row) => row.source_uri === key(7)).map((row) => row.decision_id)).toEqual(['id-23']);
  });
});

async function dataFiles({ store }: Runtime): Promise<string[]> {
  const files: string[] = [];
  for await (const { uri } of store.list('memory://test/warehouse/opa_decisions/data/'))
    if (uri.includes('/compacted-')) files.push(uri);
  return files;
}

describe('of audit records', () => {
  const location = 'memory://test/okera';
  const record = (changes: object = {}): string =>
    JSON.stringify({
      request_time: '2020-10-29 13:56:54.541251000',
      request_id: '704d151f52e9f5f8:24c1fa9321700000',
      user: 'admin',
      statement_type: 'SCAN_START',
      status: 'ok',
      ...changes,
    });

  test('only those that agree in every field are the same', async () => {
    const store = new MemoryStore();
    const objects = [
      [record(), record({ statement_type: 'SCAN_END' }), record({ user: 'bob' })],
      [record({ user: 'bob' }), record(), record({ more: 1 })],
      [record({ more: 2 }), record({ statement_type: 'SCAN_END' })],
    ];
    for (const [n, lines] of objects.entries())
      await store.put(
        `${location}/audit/ymd=2020-10-29/planner-10.1.1.${n}-1-u_audit.log`,
        Buffer.from(lines.join('\n')),
      );
    const runtime = testRuntime({
      store,
      sources: [{ name: 'okera', type: 'okera-audit', location, columns: {} }],
      batch: { objects: 1 },
    });
    await run(runtime);
    expect(await rowsOf(runtime, 'okera_audit_logs')).toHaveLength(8);

    const report = await compact(runtime, {});

    expect(report.tables.okera_audit_logs).toMatchObject({ duplicates: 3, files: { before: 3, after: 1 } });
    const rows = await rowsOf(runtime, 'okera_audit_logs');
    expect(rows.map((row) => [row.user, row.statement_type, row.extra, String(row.source_uri).at(-15)]).sort()).toEqual(
      [
        ['admin', 'SCAN_START', null, '0'],
        ['admin', 'SCAN_END', null, '0'],
        ['bob', 'SCAN_START', null, '0'],
        ['admin', 'SCAN_START', '{"more":1}', '1'],
        ['admin', 'SCAN_START', '{"more":2}', '2'],
      ].sort(),
    );
  });
});

test('records that two sources have in common are the same, whatever each of them promotes', async () => {
  const store = new MemoryStore();
  const record = { request_time: '2020-10-29 13:56:54.5', request_id: 'a:b', user: 'admin', tenant: 't', zone: 'z' };
  const source = (name: string, column: string) =>
    ({
      name,
      type: 'okera-audit',
      location: `memory://test/${name}`,
      columns: { [`my_${column}`]: { path: column, type: 'string', strict: false } },
    }) as const;
  const sources = [source('first', 'tenant'), source('second', 'zone')];
  for (const { location } of sources)
    await store.put(`${location}/ymd=2020-10-29/planner-10.1.1.1-1-u_audit.log`, Buffer.from(JSON.stringify(record)));
  const runtime = testRuntime({ store, sources });
  await run(runtime);
  const promoted = async () =>
    (await rowsOf(runtime, 'okera_audit_logs')).map((row) => [row.my_tenant ?? null, row.my_zone ?? null]);
  expect(await promoted()).toEqual(
    expect.arrayContaining([
      ['t', null],
      [null, 'z'],
    ]),
  );
  const report = await compact(runtime, {});
  expect(report.tables.okera_audit_logs!.duplicates).toBe(1);
  expect(await promoted()).toEqual([['t', null]]);
});
