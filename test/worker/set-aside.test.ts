/**
 * Objects that fail again and again: tried a bounded number of times, then set aside and told of, for sources with a queue
 * and without, and also where an object makes its whole batch fail. Never dropped: a change, a start of the worker or a
 * backfill tries them again.
 */
import { gzipSync } from 'node:zlib';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { ingestHere } from '../../src/ingest/ingester.ts';
import type { Ingester, Runtime } from '../../src/ingest/runtime.ts';
import { checkSetAside } from '../../src/jobs/doctor/store.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { Worker, type WorkerOptions } from '../../src/worker/worker.ts';
import { collect } from '../support/collect.ts';
import {
  decision,
  opaSourceConfig,
  owner,
  rowsOf,
  run,
  testRuntime,
  type WorldOptions,
  warehouse,
} from '../support/warehouse.ts';
import { FakeClock, MemoryQueue } from './memory-queue.ts';

const logs = 's3://logs';
const byListing: SourceConfig = { ...opaSourceConfig, location: `${logs}/` };
const byQueue: SourceConfig = { ...byListing, queue: 'https://sqs/q' };
const broken = gzipSync('{}'.repeat(1000)).subarray(0, 15);
const body = (...ids: string[]): Buffer => Buffer.from(ids.map((id) => decision({ id })).join('\n'));
const tries = 3;

function world(source: SourceConfig, options: WorldOptions = {}, parts: Partial<Runtime> = {}) {
  const time = new FakeClock();
  const store = new MemoryStore({}, time.clock);
  const reads: string[] = [];
  const view = store.view({
    before: ({ operation, uri }) => void (operation === 'get' && uri.startsWith(logs) && reads.push(uri)),
  });
  // Without a redrive policy: SQS gives such a message for as long as it is kept.
  const queue = new MemoryQueue(time.clock, Number.POSITIVE_INFINITY);
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const runtime = (id = 'one'): Runtime => ({
    ...testRuntime({
      sources: [source],
      ...options,
      worker: { batchAgeSeconds: 0, commitIntervalSeconds: 0, visibilitySeconds: 60, tries, ...options.worker },
      store: view,
      owner: owner(id),
      clock: time.clock,
      sleep: time.sleep,
    }),
    catalog: new FileCatalog(view, warehouse),
    log,
    ...parts,
  });
  return {
    time,
    store,
    queue,
    runtime,
    events: (name: string) => lines.filter((line) => line.event === name),
    readsOf: (name: string) => reads.filter((uri) => uri === `${logs}/${name}`).length,
    async put(name: string, bytes: Uint8Array): Promise<void> {
      await store.put(`${logs}/${name}`, bytes);
      const { etag } = (await store.head(`${logs}/${name}`))!;
      const s3 = { bucket: { name: 'logs' }, object: { key: name, size: bytes.length, eTag: etag } };
      if (source.queue !== undefined)
        queue.send(JSON.stringify({ Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 }] }));
    },
    start(workerOptions: WorkerOptions = {}, id = 'one') {
      const made = new Worker(runtime(id), { openQueue: () => queue }, workerOptions);
      const stop = new AbortController();
      const report = made.run(stop.signal);
      let isOver = false;
      report.finally(() => {
        isOver = true;
      });
      return {
        metrics: () => made.metrics.text(),
        async stop() {
          stop.abort(new Error('enough'));
          await time.until('the worker stops', () => isOver);
          return report;
        },
      };
    },
    rows: async () => (await rowsOf(runtime('reader'), 'opa_decisions')).map((row) => row.decision_id).sort(),
    records: async () => (await collect(store.list(`${warehouse}/_set_aside/`))).map(({ uri }) => uri),
    doctor: () => checkSetAside(runtime('doctor')),
    async hours(count: number): Promise<void> {
      for (let steps = 0; steps < count * 12; steps++) await time.advance(300_000);
    },
  };
}

describe.each([
  ['by listing', byListing],
  ['by its queue', byQueue],
])('a source that is followed %s', (_, source) => {
  test('has an object that always fails set aside after worker.tries, and told of everywhere', async () => {
    const one = world(source);
    await one.put('a', body('a'));
    await one.put('bad.gz', broken);
    const worker = one.start();
    await one.time.until('set aside', () => one.events('object-set-aside').length > 0, 10_000);
    const tried = one.readsOf('bad.gz');
    await one.hours(20);
    await one.put('b', body('b'));
    await one.hours(1);
    expect(await one.rows()).toEqual(['a', 'b']);
    expect(one.readsOf('bad.gz')).toBe(tried);
    expect(one.events('object-failed')).toHaveLength(tries);
    expect(one.events('object-set-aside')).toMatchObject([
      { level: 50, source: 'eopa', uri: `${logs}/bad.gz`, code: 'truncated_gzip', tries },
    ]);
    expect(await worker.metrics()).toContain('audit_warehouse_set_aside_objects{source="eopa"} 1');
    expect(await one.records()).toHaveLength(1);
    expect(await one.doctor()).toMatchObject({
      status: 'warning',
      found: expect.stringContaining(`${logs}/bad.gz (truncated_gzip, 3 tries)`),
    });
    // Its message is SQS's to keep, or to give to the dead-letter queue.
    expect(one.queue.size).toBe(source.queue === undefined ? 0 : 1);
    expect(await worker.stop()).toMatchObject({
      setAside: [{ source: 'eopa', uri: `${logs}/bad.gz`, code: 'truncated_gzip', tries }],
    });
  });

  test('takes the object in once it is mended', async () => {
    const one = world(source);
    await one.put('bad.gz', broken);
    const worker = one.start();
    await one.time.until('set aside', () => one.events('object-set-aside').length > 0, 10_000);
    await one.put('bad.gz', gzipSync(body('mended')));
    await one.time.until('taken in', () => one.events('batch-committed').some(({ objects }) => objects === 1), 10_000);
    expect(await one.rows()).toEqual(['mended']);
    await one.hours(1);
    expect(await one.records()).toEqual([]);
    expect(await one.doctor()).toMatchObject({ status: 'ok' });
    expect(await worker.metrics()).toContain('audit_warehouse_set_aside_objects{source="eopa"} 0');
    expect(one.queue.size).toBe(0);
    expect(await worker.stop()).toMatchObject({ setAside: [] });
  });

  test('has it tried again by a worker that starts, as often and no more', async () => {
    const one = world(source);
    await one.put('bad.gz', broken);
    const first = one.start();
    await one.time.until('set aside', () => one.events('object-set-aside').length > 0, 10_000);
    await first.stop();
    const second = one.start({}, 'two');
    await one.time.until('again', () => one.events('object-set-aside').length > 1, 10_000);
    await one.hours(20);
    expect(one.events('object-failed')).toHaveLength(2 * tries);
    expect(await one.records()).toHaveLength(1);
    await second.stop();
  });

  test('has the one of many that makes a whole batch fail found and set aside; the others are committed', async () => {
    // As an error of this program would: nobody knows which object it is.
    const ingester: Ingester = {
      ...ingestHere,
      ingest: async (runtime, request) => {
        if (request.objects.some(({ uri }) => uri === `${logs}/o13`)) throw new TypeError('a bug');
        return ingestHere.ingest(runtime, request);
      },
    };
    const one = world(source, {}, { ingester });
    const names = Array.from({ length: 20 }, (__, n) => `o${String(n).padStart(2, '0')}`);
    for (const name of names) await one.put(name, body(name));
    const worker = one.start();
    await one.time.until('set aside', () => one.events('object-set-aside').length > 0, 10_000);
    expect(one.events('object-set-aside')).toMatchObject([{ uri: `${logs}/o13`, code: 'TypeError', tries }]);
    expect(one.events('batch-given-up').length).toBeGreaterThan(tries);
    expect(await one.rows()).toEqual(names.filter((name) => name !== 'o13'));
    const ledger = await rowsOf(one.runtime('reader'), 'ingested_objects');
    expect(ledger.map(({ state }) => state)).toEqual(Array(19).fill('committed'));
    expect(one.queue.size).toBe(source.queue === undefined ? 0 : 1);
    await worker.stop();
  });
});

test('what a backfill takes in is set aside no longer: not for doctor at once, nor for a worker that still runs', async () => {
  let isBroken = true;
  const one = world(byListing);
  const { store } = one;
  await one.put('a', body('a'));
  const denied = store.view({
    before: ({ operation, uri }) => {
      if (isBroken && operation === 'get' && uri === `${logs}/a`) throw new TypeError('no');
    },
  });
  const runtime: Runtime = { ...one.runtime(), store: denied, catalog: new FileCatalog(denied, warehouse) };
  const made = new Worker(runtime, { openQueue: () => one.queue });
  const stop = new AbortController();
  let isOver = false;
  const report = made.run(stop.signal).finally(() => {
    isOver = true;
  });
  await one.time.until('set aside', () => one.events('object-set-aside').length > 0, 10_000);
  expect(await one.doctor()).toMatchObject({ status: 'warning' });
  isBroken = false;
  expect((await run(one.runtime('backfill'))).objects).toMatchObject({ committed: 1 });
  expect(await one.records()).toEqual([]);
  expect(await one.doctor()).toMatchObject({ status: 'ok' });
  await one.hours(1);
  expect(await made.metrics.text()).toContain('audit_warehouse_set_aside_objects{source="eopa"} 0');
  stop.abort();
  await one.time.until('the worker stops', () => isOver);
  expect(await report).toMatchObject({ setAside: [] });
});

test('records that no worker wrote are left out, and are no reason to fail', async () => {
  const one = world(byListing);
  const place = (name: string): string => `${warehouse}/_set_aside/${name}.json`;
  await one.store.put(place('a'), Buffer.from('no JSON'));
  await one.store.put(place('b'), Buffer.from('['.repeat(60_000)));
  await one.store.put(place('c'), Buffer.from(JSON.stringify({ uri: 1 })));
  await one.store.put(place('d'), Buffer.alloc(1 << 20, ' '));
  expect(await one.doctor()).toMatchObject({ status: 'ok' });
});
