import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { renderBackfill } from '../../src/commands/shared/render-backfill.ts';
import { UsageError } from '../../src/config/errors.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { createLedger, openTables } from '../../src/ingest/claimed-batch.ts';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import type { ParquetEncoder } from '../../src/parquet/encoder.ts';
import { readRows } from '../../src/parquet/read/row-reader.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { type ObjectInfo, StoreError } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';
import {
  decision,
  input,
  opaSourceConfig,
  owner,
  putDecisions,
  putLines,
  rowsOf,
  run,
  sortedRows,
  testRuntime,
  warehouse,
} from '../support/warehouse.ts';

/** A record of Okera with just what makes it one. */
const audit = (id: number, more: Record<string, unknown> = {}): string =>
  JSON.stringify({
    request_time: `2020-10-30 10:05:0${id % 10}.437238000`,
    request_id: `a${id}:b`,
    user: 'admin',
    ...more,
  });

const okera: SourceConfig = { name: 'okera', type: 'okera-audit', location: input, columns: {} };
const okeraName = 'ymd=2020-10-30/planner-10.1.10.181-0-731c5cf0-4917-4947-b199-7fb257efcfba_audit.log';

describe('what was ingested before', () => {
  test('is neither read nor written again', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 5, 3);
    await run(testRuntime({ store }));
    const touched: string[] = [];
    const watched = store.view({
      before: ({ operation, uri }) => void (operation !== 'list' && touched.push(`${operation} ${uri}`)),
    });
    const report = await run(testRuntime({ store: watched }));
    expect(report.objects).toEqual({ listed: 5, skipped: 5, committed: 0, failed: 0, archived: 0 });
    expect(touched.filter((call) => call.startsWith('put') || call.includes(input))).toEqual([]);
  });

  test('an object that grew adds only its new records, bad ones included', async () => {
    const store = new MemoryStore();
    const runtime = testRuntime({ store, sources: [okera] });
    const first = [audit(1), audit(2), '{"broken":', audit(3)];
    await putLines(store, okeraName, ...first);
    await run(runtime);
    await putLines(store, okeraName, ...first, audit(4), '{"broken":', '{"broken":2');
    const report = await run(runtime);
    expect(report.records).toEqual({ read: 7, rows: 1, quarantined: 2, skipped: 0, duplicates: 4 });
    expect((await rowsOf(runtime, 'okera_audit_logs')).map((row) => row.request_id).sort()).toEqual([
      'a1:b',
      'a2:b',
      'a3:b',
      'a4:b',
    ]);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(3);
    expect((await rowsOf(runtime, 'ingested_objects')).map((row) => [row.records, row.rows])).toEqual(
      expect.arrayContaining([
        [4n, 3n],
        [7n, 1n],
      ]),
    );
  });

  test('a column promoted between two versions of an object does not make its old records new', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', decision({ id: 'a' }), decision({ id: '' }));
    await run(testRuntime({ store }));
    await putLines(store, 'a.jsonl', decision({ id: 'a' }), decision({ id: '' }), decision({ id: 'b' }));
    const promoted = { who: { path: 'input.subject', type: 'string', strict: false } } as const;
    const runtime = testRuntime({ store, sources: [{ ...opaSourceConfig, columns: promoted }] });
    const report = await run(runtime);
    expect(report.records).toMatchObject({ read: 3, rows: 1, duplicates: 2 });
    const rows = await rowsOf(runtime, 'opa_decisions');
    expect(rows.map((row) => [row.decision_id, row.who ?? null]).sort()).toEqual([
      ['', null],
      ['a', null],
      ['b', 'dr_evil'],
    ]);
  });
});

describe('objects that are no logs of the source', () => {
  test('are left out and counted, by reason; verify does not miss them', async () => {
    const store = new MemoryStore();
    for (const key of ['a.jsonl', 'b.jsonl', 'test/c.jsonl', 'd.txt', 'manifest.json', 'processing-failed/e.jsonl']) {
      await putLines(store, key, decision({ id: key }));
    }
    const sources = [{ ...opaSourceConfig, include: ['**/*.jsonl'], exclude: ['test/**'] }];
    const runtime = testRuntime({ store, sources });
    const report = await run(runtime);
    expect(report.objects).toEqual({ listed: 6, skipped: 4, committed: 2, failed: 0, archived: 0 });
    expect(report.leftOut).toEqual({ leftover: 2, excluded: 2 });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual([
      'a.jsonl',
      'b.jsonl',
    ]);
    const { objects, differences } = await verify(runtime);
    expect(differences).toEqual([]);
    expect(objects).toMatchObject({ listed: 2 });

    const dry = await run(runtime, { dryRun: true });
    expect(dry.leftOut).toEqual({ leftover: 2, excluded: 2 });
    expect(renderBackfill(dry)).toContain('left out   2 files of other tools, 2 by include and exclude');
    expect(renderBackfill(report)).toContain('left out   2 files of other tools, 2 by include and exclude');
  });
});

describe('records', () => {
  test('of one identity in one batch are kept once, those without an id all', async () => {
    const store = new MemoryStore();
    await putLines(
      store,
      'a.jsonl',
      decision({ id: 'x' }),
      decision({ id: 'x' }),
      decision({ id: '' }),
      decision({ id: '' }),
    );
    await putLines(store, 'b.jsonl', decision({ id: 'x' }), decision({ id: 'y' }));
    const runtime = testRuntime({ store });
    const report = await run(runtime);
    expect(report.records).toEqual({ read: 6, rows: 4, quarantined: 0, skipped: 0, duplicates: 2 });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual(['', '', 'x', 'y']);
  });

  test('of one id and other content are all kept and counted, whatever stands before them', async () => {
    const store = new MemoryStore();
    const genuine = decision({ id: 'x', subject: 'bob' });
    const forged = decision({ id: 'x', subject: 'eve' });
    const pretty = JSON.stringify(JSON.parse(forged), ['timestamp', 'result', 'allowed', 'labels', 'id', 'input', 'subject', 'decision_id']); // biome-ignore format: a list
    await putLines(store, '0.jsonl', forged, forged, pretty);
    await putLines(store, 'a.jsonl', genuine, forged, genuine, decision({ id: 'y' }));
    await putLines(store, 'b.jsonl', genuine, JSON.stringify({ log: `${genuine}\n`, stream: 'stdout' }));
    const runtime = testRuntime({ store });
    const report = await run(runtime);
    expect(report.records).toMatchObject({ read: 9, rows: 3, duplicates: 6 });
    expect(report.conflicts).toBe(1);
    const rows = await rowsOf(runtime, 'opa_decisions');
    expect(rows.map((row) => [row.decision_id, row.subject]).sort()).toEqual([
      ['x', 'bob'],
      ['x', 'eve'],
      ['y', 'dr_evil'],
    ]);
    // Read again, they are known again, each for itself.
    await putLines(
      store,
      'a.jsonl',
      genuine,
      forged,
      genuine,
      decision({ id: 'y' }),
      decision({ id: 'x', subject: 'sue' }),
    );
    expect((await run(runtime)).records).toMatchObject({ read: 5 });
    const subjects = (await rowsOf(runtime, 'opa_decisions')).map((row) => row.subject);
    expect(new Set(subjects)).toEqual(new Set(['bob', 'eve', 'sue', 'dr_evil']));
    await compact(runtime, { tables: ['opa_decisions'] });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.subject).sort()).toEqual([
      'bob',
      'dr_evil',
      'eve',
      'sue',
    ]);
  });

  test('whose ids differ in half a surrogate pair only are two decisions, and both texts are kept', async () => {
    const store = new MemoryStore();
    const record = (id: string): string => decision({ id: '@' }).replace('"@"', id);
    const ids = ['"x\\ud800"', '"x\\ud801"', '"x\\ud800"', '"x\ufffd"'];
    await putLines(
      store,
      'a.jsonl',
      ...ids.map(record),
      ...ids.map((id) => JSON.stringify({ log: `${record(id)}\n` })),
    );
    const runtime = testRuntime({ store });
    expect((await run(runtime)).records).toMatchObject({ read: 8, rows: 3, duplicates: 5 });
    await compact(runtime, { tables: ['opa_decisions'] });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => [row.decision_id, row.extra]).sort()).toEqual([
      ['x\ufffd', null],
      ['x\ufffd', '{"decision_id":"x\\ud800"}'],
      ['x\ufffd', '{"decision_id":"x\\ud801"}'],
    ]);
  });

  test('lie in the partition of their own day, sorted by time, years 1970 and 9999 included', async () => {
    const store = new MemoryStore();
    const times = [
      '9999-12-31T23:59:59.999999Z',
      '2023-07-12T00:00:00+02:00',
      '1970-01-01T00:00:00Z',
      '2023-07-11T01:00:00Z',
    ];
    await putLines(store, 'a.jsonl', ...times.map((time, i) => decision({ id: `${i}`, time })));
    const runtime = testRuntime({ store });
    await run(runtime);
    const rows = await rowsOf(runtime, 'opa_decisions');
    expect(Object.fromEntries(rows.map((row) => [row.decision_id, row.ymd]))).toEqual({
      0: '9999-12-31',
      1: '2023-07-11',
      2: '1970-01-01',
      3: '2023-07-11',
    });
    const loaded = await runtime.catalog.loadTable('opa_decisions');
    for await (const file of liveFiles(store, loaded!.metadata)) {
      const times: bigint[] = [];
      for await (const group of readRows(store, { uri: file.path, size: file.fileSize })) {
        for (const row of group) {
          expect(row.ymd).toBe(file.ymd);
          times.push(row.event_time as bigint);
        }
      }
      expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
    }
  });

  test('of more days than a batch may touch are quarantined, whichever path they take', async () => {
    const store = new MemoryStore();
    const days = ['2023-07-11', '2023-07-12', '2023-07-13', '2023-07-11', '2023-07-14'];
    await putLines(store, 'a.jsonl', ...days.map((day, i) => decision({ id: `${i}`, time: `${day}T00:00:00Z` })));
    const runtime = testRuntime({ store, limits: { daysPerBatch: 2 } });
    const report = await run(runtime);
    expect(report.records).toMatchObject({ rows: 3, quarantined: 2 });
    expect((await rowsOf(runtime, 'quarantine')).map((row) => row.reason)).toEqual(['too_many_days', 'too_many_days']);
  });

  test('are the same rows however small the memory and the files', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 6, 300);
    const roomy = testRuntime({ store: store.view() });
    await run(roomy);
    const expected = await sortedRows(roomy, 'opa_decisions');
    const other = new MemoryStore();
    await putDecisions(other, 6, 300);
    const tight = testRuntime({
      store: other,
      batch: { columnBytes: 1, downloadBytes: 1, downloads: 1 },
      output: { fileRows: 7, rowGroupRows: 3 },
    });
    await run(tight);
    expect(await sortedRows(tight, 'opa_decisions')).toEqual(expected);
    expect(expected).toHaveLength(1800);
  });
});

describe('an object that cannot be read', () => {
  const failing = (store: MemoryStore, name: string, code: 'access-denied' | 'not-found'): MemoryStore =>
    store.view({
      before: ({ operation, uri }) => {
        if (operation === 'get' && uri.endsWith(name)) throw new StoreError(code, uri, 'cannot read');
      },
    });

  test.each(['access-denied', 'not-found'] as const)(
    '%s: is named, the others go on, and the next run takes it',
    async (code) => {
      const store = new MemoryStore();
      for (const name of ['a', 'b', 'c']) await putLines(store, `${name}.jsonl`, decision({ id: name }));
      const report = await run(testRuntime({ store: failing(store, 'b.jsonl', code) }));
      expect(report.objects).toEqual({ listed: 3, skipped: 0, committed: 2, failed: 1, archived: 0 });
      expect(report.failures).toMatchObject([{ uri: `${input}/b.jsonl`, code }]);
      const again = await run(testRuntime({ store }));
      expect(again.objects).toEqual({ listed: 3, skipped: 2, committed: 1, failed: 0, archived: 0 });
      expect((await rowsOf(testRuntime({ store }), 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual([
        'a',
        'b',
        'c',
      ]);
    },
  );

  test('replaced since a run that died has claimed it: the next run takes it as it is now, and nothing has failed', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', decision({ id: 'old' }));
    const dies = new Error('the process dies');
    const dying = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'get' && uri.startsWith(input)) throw dies;
      },
      after: ({ operation, uri }) => {
        if (operation === 'put' && /ingested_objects\/metadata\/v2\./.test(uri)) throw dies;
      },
    });
    await expect(run(testRuntime({ store: dying, owner: owner('dead') }))).rejects.toThrow();
    await putLines(store, 'a.jsonl', decision({ id: 'old' }), decision({ id: 'new' }));
    const next = testRuntime({ store, clock: () => Date.UTC(2100, 0, 1), owner: owner('next') });
    expect((await rowsOf(next, 'ingested_objects')).map((row) => row.state)).toEqual(['claimed']);
    const report = await run(next);
    expect(report).toMatchObject({ failures: [], objects: { listed: 1, committed: 1, failed: 0 } });
    expect((await rowsOf(next, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual(['new', 'old']);
  });

  test('replaced between listing and reading: nothing of either version is taken, and the next run takes the new one', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', decision({ id: 'old' }));
    let replaced = false;
    const racing = store.view({
      before: async ({ operation, uri }) => {
        if (replaced || operation !== 'get' || !uri.startsWith(input)) return;
        replaced = true;
        await putLines(store, 'a.jsonl', decision({ id: 'new' }));
      },
    });
    const report = await run(testRuntime({ store: racing }));
    expect(report.failures).toMatchObject([{ code: 'precondition-failed' }]);
    const runtime = testRuntime({ store });
    expect(await rowsOf(runtime, 'opa_decisions')).toEqual([]);
    await run(runtime);
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id)).toEqual(['new']);
  });

  test.each([
    ['held whole', 200, 12],
    ['streamed', 600, 4 << 10],
  ])('a truncated gzip, %s: nothing of it is taken, all of its neighbours', async (_, count, noise) => {
    const store = new MemoryStore();
    const lines = Array.from({ length: count }, (_, i) =>
      decision({ id: `${i}`, subject: randomBytes(noise).toString('hex') }),
    );
    const whole = gzipSync(lines.join('\n'), { level: 1 });
    await putLines(store, 'a.jsonl', decision({ id: 'before' }));
    await store.put(`${input}/b.jsonl.gz`, whole.subarray(0, whole.length - 9));
    await putLines(store, 'c.jsonl', decision({ id: 'after' }));
    const limits = { objectBytes: 1 << 30 };
    const runtime = testRuntime({
      store,
      limits,
      batch: { bytes: 1 << 30, columnBytes: 1 << 20, downloadBytes: 1 << 20 },
    });
    const report = await run(runtime);
    expect(report.failures).toMatchObject([{ uri: `${input}/b.jsonl.gz`, code: 'truncated_gzip' }]);
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id)).toEqual(['before', 'after']);
  });
});

describe('runs at the same time', () => {
  test('take each object once, and both end with all done', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 20, 5);
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
    const runs = ['one', 'two', 'three'].map((id) =>
      run(testRuntime({ store: store.view({ before: pause }), owner: owner(id), batch: { objects: 3 }, sleep: pause })),
    );
    const reports = await Promise.all(runs);
    expect(reports.reduce((sum, report) => sum + report.objects.committed, 0)).toBe(20);
    expect(reports.reduce((sum, report) => sum + report.records.rows, 0)).toBe(100);
    const runtime = testRuntime({ store });
    const ids = (await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id);
    expect(new Set(ids).size).toBe(100);
    expect(ids).toHaveLength(100);
    const ledger = await rowsOf(runtime, 'ingested_objects');
    expect(ledger.map((row) => row.state)).toEqual(new Array(20).fill('committed'));
  });

  test('a late worker that wakes up after its batch was taken over changes nothing', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 3, 5);
    let now = Date.UTC(2026, 0, 1);
    const clock = () => now;
    // The first worker stops in front of its intent until the second has done the whole batch.
    const { promise: taken, resolve: wake } = Promise.withResolvers<void>();
    const slow = store.view({
      before: ({ operation, uri }) => (operation === 'put' && uri.includes('/_batches/') ? taken : undefined),
    });
    const first = run(testRuntime({ store: slow, clock, owner: owner('slow') }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    now += 3_600_000;
    const second = await run(testRuntime({ store, clock, owner: owner('fast') }));
    wake();
    await first;
    expect(second.objects.committed).toBe(3);
    const runtime = testRuntime({ store });
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(15);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(1);
    expect((await rowsOf(runtime, 'ingested_objects')).map((row) => row.state)).toEqual(new Array(3).fill('committed'));
  });
});

describe('a plan', () => {
  test('leaves out keys that lie clearly outside of the range, and never those that promise no time', async () => {
    const store = new MemoryStore();
    const key = (first: string, last: string, name: string) =>
      `eopa=a/first_ts=${Date.parse(first) / 1000}/last_ts=${Date.parse(last) / 1000}/batch_id=${name}.jsonl`;
    await putLines(store, key('2023-07-10T12:00:00Z', '2023-07-10T12:00:10Z', 'before'), decision({ id: 'before' }));
    await putLines(
      store,
      key('2023-07-10T23:59:55Z', '2023-07-11T00:00:05Z', 'midnight'),
      decision({ id: 'midnight' }),
    );
    await putLines(store, key('2023-07-11T12:00:00Z', '2023-07-11T12:00:10Z', 'inside'), decision({ id: 'inside' }));
    await putLines(store, 'eopa=null/first_ts=null/last_ts=null/batch_id=x.jsonl', decision({ id: 'null' }));
    await putLines(store, key('2023-07-13T12:00:00Z', '2023-07-13T12:00:10Z', 'after'), decision({ id: 'after' }));
    const runtime = testRuntime({ store });
    const dry = await run(runtime, { from: '2023-07-11', to: '2023-07-11', dryRun: true });
    expect(dry.plan).toMatchObject({ batches: 1, objects: 3 });
    expect(await runtime.catalog.listTables()).toEqual([]);
    const report = await run(runtime, { from: '2023-07-11', to: '2023-07-11' });
    expect(report.objects).toEqual({ listed: 5, skipped: 2, committed: 3, failed: 0, archived: 0 });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual([
      'inside',
      'midnight',
      'null',
    ]);
  });

  test('reads objects that lie up to an hour outside of the range, since records may lie outside of what keys say', async () => {
    const store = new MemoryStore();
    const put1 = (first: string, last: string) =>
      putLines(
        store,
        `eopa=a/first_ts=${Date.parse(first) / 1000}/last_ts=${Date.parse(last) / 1000}/batch_id=${first}.jsonl`,
        decision({ id: first, time: first }),
      );
    // A key counts whole seconds: its last one ends at .999.
    await put1('2023-07-11T06:00:00Z', '2023-07-11T07:59:59Z');
    await put1('2023-07-11T06:30:00Z', '2023-07-11T08:00:00Z');
    await put1('2023-07-11T10:00:00Z', '2023-07-11T10:00:00Z');
    await put1('2023-07-11T13:00:00Z', '2023-07-11T14:00:00Z');
    await put1('2023-07-11T13:00:01Z', '2023-07-11T14:00:00Z');
    const runtime = testRuntime({ store });
    const narrower = { from: '2023-07-11T09:00:01Z', to: '2023-07-11T11:59:59.999Z' };
    expect((await run(runtime, { ...narrower, dryRun: true })).plan).toMatchObject({ objects: 1 });
    const range = { from: '2023-07-11T09:00:00.999Z', to: '2023-07-11T12:00:00Z' };
    expect((await run(runtime, range)).objects).toMatchObject({ listed: 5, skipped: 2, committed: 3 });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual([
      '2023-07-11T06:30:00Z',
      '2023-07-11T10:00:00Z',
      '2023-07-11T13:00:00Z',
    ]);
  });

  test('refuses times that are none and sources that are not configured', async () => {
    const runtime = testRuntime();
    await expect(run(runtime, { from: '2023-02-30' })).rejects.toThrow(UsageError);
    await expect(run(runtime, { from: '2023-07-12', to: '2023-07-11' })).rejects.toThrow(/after/);
    await expect(run(runtime, { sources: ['nope'] })).rejects.toThrow(/no source nope.*eopa/);
  });

  test('never takes the warehouse itself for input', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', decision({ id: 'a' }));
    const runtime = testRuntime({ store, sources: [{ ...opaSourceConfig, location: 'memory://test' }] });
    await run(runtime);
    expect((await run(runtime)).objects).toMatchObject({ listed: 1, skipped: 1 });
  });
});

test('the same input gives the same files, byte for byte', async () => {
  const worlds = await Promise.all(
    [0, 1].map(async () => {
      const store = new MemoryStore({}, () => Date.UTC(2025, 11, 31));
      await putDecisions(store, 7, 50);
      await run(testRuntime({ store, batch: { objects: 3 } }));
      const files: Record<string, string> = {};
      for await (const { uri, etag } of store.list(`${warehouse}/`)) files[uri] = etag;
      return files;
    }),
  );
  expect(Object.keys(worlds[0]!).length).toBeGreaterThan(20);
  expect(worlds[1]).toEqual(worlds[0]);
});

describe('where a row gets lost on the way to its file', () => {
  /** Loses the first row of so many data files of decisions. */
  function lossy(files: number): ParquetEncoder {
    const real = new ColumnarEncoder();
    let left = files;
    return {
      name: 'lossy',
      encode: async (request) => {
        const isData = request.columns.some((column) => column.name === 'decision_id');
        const loses = isData && request.order !== undefined && left-- > 0;
        return real.encode(loses ? { ...request, order: request.order!.subarray(1) } : request);
      },
    };
  }

  test('nothing of the batch is committed, its claim is given back, and the others are none the worse', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 3, 5);
    const runtime = testRuntime({ store, batch: { objects: 1 }, encoder: lossy(1) });
    const report = await run(runtime);
    expect(report.objects).toMatchObject({ listed: 3, committed: 2, failed: 1, archived: 0 });
    expect(report.failures).toMatchObject([
      { uri: expect.stringContaining('batch_id=0000'), code: 'accounting', message: expect.stringContaining('rows') },
    ]);
    expect(await createLedger(runtime).openClaims()).toEqual([]);
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(10);
    const again = await run(testRuntime({ store }));
    expect(again.objects).toMatchObject({ listed: 3, skipped: 2, committed: 1, failed: 0, archived: 0 });
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(15);
  });

  test('a batch that always loses one ends every run with a report, and verify --repair too', async () => {
    const store = new MemoryStore({}, () => Date.UTC(2025, 11, 31));
    await putDecisions(store, 2, 5);
    for (let time = 0; time < 2; time++) {
      const runtime = testRuntime({ store, encoder: lossy(Number.POSITIVE_INFINITY) });
      expect((await run(runtime)).objects).toMatchObject({ committed: 0, failed: 2 });
      const { differences } = await verify(runtime);
      expect(differences.map(({ kind }) => kind)).toEqual(['object-not-ingested', 'object-not-ingested']);
      expect(await repair(runtime, differences, undefined)).toEqual([
        'ingested 0 objects, 0 rows',
        expect.stringContaining('could not ingest everything; the first of 2 reasons'),
      ]);
      expect(await createLedger(runtime).openClaims()).toEqual([]);
    }
    expect(await rowsOf(testRuntime({ store }), 'opa_decisions')).toEqual([]);
  });
});

test('objects that fail are not waited for by a run that has to look again for those of another', async () => {
  const store = new MemoryStore();
  await putDecisions(store, 2, 5);
  const other = testRuntime({ store: store.view(), owner: owner('other'), batch: { objects: 1 } });
  await openTables(other, createLedger(other), selectSources(other, undefined));
  const ledger = createLedger(other);
  const [held] = await collect(store.list(`${input}/`));
  const claim = (await ledger.claim({ name: 'eopa', type: 'opa' }, [held!], 0, new Set()))!;
  const denying = store.view({
    before: ({ operation, uri }) => {
      if (operation === 'get' && uri.includes('batch_id=0001')) throw new StoreError('access-denied', uri, 'no');
    },
  });
  const runtime = testRuntime({
    store: denying,
    batch: { objects: 1 },
    sleep: () => ledger.settle(claim.batch, new Map()),
  });
  const report = await run(runtime);
  expect(report.objects).toMatchObject({ committed: 1, failed: 1 });
});

describe('archived objects', () => {
  const archivedIn = (store: MemoryStore, name: string, facts: Partial<ObjectInfo>, gets: string[] = []) =>
    store.view({
      listing: (infos) => infos.map((info) => (info.uri.endsWith(name) ? { ...info, ...facts } : info)),
      before: ({ operation, uri }) => void (operation === 'get' && gets.push(uri)),
    });

  test('are counted from the listing, never asked for, and read once they are restored', async () => {
    const store = new MemoryStore();
    await putLines(store, 'cold.jsonl', decision({ id: 'd-1' }));
    await putLines(store, 'warm.jsonl', decision({ id: 'd-2' }));
    const gets: string[] = [];
    const frozen = archivedIn(store, 'cold.jsonl', { storageClass: 'DEEP_ARCHIVE' }, gets);
    const report = await run(testRuntime({ store: frozen }));
    expect(report.objects).toEqual({ listed: 2, skipped: 0, committed: 1, failed: 0, archived: 1 });
    expect(report.warnings[0]).toMatchObject({ code: 'objects-archived', source: 'eopa' });
    expect(report.warnings[0]?.message).toContain('restore-object');
    expect(gets.filter((uri) => uri.endsWith('cold.jsonl'))).toEqual([]);
    const restored = archivedIn(store, 'cold.jsonl', { storageClass: 'DEEP_ARCHIVE', isRestored: true });
    expect((await run(testRuntime({ store: restored }))).objects).toMatchObject({
      skipped: 1,
      committed: 1,
      archived: 0,
    });
  });

  test('that were read before they were archived are as good as any other', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', decision({ id: 'd-1' }));
    await run(testRuntime({ store }));
    const report = await run(testRuntime({ store: archivedIn(store, 'a.jsonl', { storageClass: 'GLACIER' }) }));
    expect(report.objects).toMatchObject({ skipped: 1, archived: 0 });
    expect(report.warnings).toEqual([]);
  });

  test('of a class that is read at once are read', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', decision({ id: 'd-1' }));
    const report = await run(testRuntime({ store: archivedIn(store, 'a.jsonl', { storageClass: 'GLACIER_IR' }) }));
    expect(report.objects).toMatchObject({ committed: 1, archived: 0 });
  });
});

describe("OPA's lines about requests", () => {
  const request = (msg: string, id: number) =>
    JSON.stringify({ level: 'info', msg, req_id: id, req_path: '/v1/data', time: '2026-11-28T10:00:00Z' });

  test('are counted apart from those of other programs, bare and in wrappers, object by object', async () => {
    const store = new MemoryStore();
    const lines = [
      request('Received request.', 1),
      decision({ id: 'd-1' }),
      request('Sent response.', 1),
      JSON.stringify({ level: 'info', msg: 'Initializing server.' }),
    ];
    await putLines(store, 'bare.jsonl', ...lines);
    const wrapped = lines.slice(0, 1).map((log) => JSON.stringify({ log: `${log}\n`, stream: 'stderr' }));
    await putLines(store, 'wrapped.jsonl', ...wrapped, JSON.stringify({ log: 'GET / 200\n', stream: 'stdout' }));
    const runtime = testRuntime({ store });
    const report = await run(runtime);
    expect(report.records).toMatchObject({ read: 6, rows: 1, skipped: 5 });
    expect(report.skipped).toEqual({ 'request-line': 2, 'response-line': 1, 'foreign-line': 1, 'foreign-text': 1 });
    const ledger = await rowsOf(runtime, 'ingested_objects');
    expect(
      ledger.map(({ uri, skipped, request_lines: requests, response_lines: responses }) => [
        String(uri).slice(input.length + 1),
        [skipped, requests, responses],
      ]),
    ).toEqual([
      ['bare.jsonl', [3n, 1n, 1n]],
      ['wrapped.jsonl', [2n, 1n, 0n]],
    ]);
  });
});
