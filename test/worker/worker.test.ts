/** The loops of the worker over a store, a queue and a clock in memory: when it commits, what it deletes, how it stops. */
import { gzipSync } from 'node:zlib';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { UsageError } from '../../src/config/errors.ts';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import type { Claim } from '../../src/ledger/ledger.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { type ObjectStore, StoreError } from '../../src/store/store.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { Worker, type WorkerOptions, type WorkerReport } from '../../src/worker/worker.ts';
import { collect } from '../support/collect.ts';
import { decision, opaSourceConfig, owner, rowsOf, testRuntime, type WorldOptions } from '../support/warehouse.ts';
import { FakeClock, MemoryQueue } from './memory-queue.ts';

const logs = 's3://logs';
const queued: SourceConfig = { name: 'eopa', type: 'opa', location: `${logs}/`, columns: {}, queue: 'https://sqs/q' };
const event = (name: string, bucket = 'logs', eTag?: string): string =>
  JSON.stringify({
    Records: [
      {
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        s3: { bucket: { name: bucket }, object: { key: name, size: 100, ...(eTag !== undefined && { eTag }) } },
      },
    ],
  });

/** One memory for everything, also for what the worker takes for S3. */
function world(
  options: WorldOptions & {
    readonly hooks?: ConstructorParameters<typeof MemoryStore>[0];
    readonly maxReceives?: number;
  } = {},
) {
  const time = new FakeClock();
  const store = new MemoryStore({}, time.clock);
  const seen = store.view(options.hooks);
  const queue = new MemoryQueue(time.clock, options.maxReceives);
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const runtime = (id = 'one', view: ObjectStore = seen): Runtime => ({
    ...testRuntime({
      sources: [queued],
      ...options,
      worker: { batchAgeSeconds: 30, commitIntervalSeconds: 0, visibilitySeconds: 60, ...options.worker },
      store: view,
      owner: owner(id),
      clock: time.clock,
      sleep: time.sleep,
    }),
    catalog: new FileCatalog(view, 'memory://test/warehouse'),
    log,
  });
  const worker = (workerOptions: WorkerOptions = {}, one = runtime()) => {
    const made = new Worker(one, { openQueue: () => queue }, workerOptions);
    const stop = new AbortController();
    const { promise, done } = watch(made.run(stop.signal));
    return { made, promise, done, stop: () => stop.abort(new Error('enough')) };
  };
  return {
    time,
    store,
    queue,
    lines,
    runtime,
    worker,
    events: (name: string) => lines.filter((line) => line.event === name),
    async object(name: string, ids: readonly string[] = [name]): Promise<void> {
      await store.put(`${logs}/${name}`, Buffer.from(ids.map((id) => decision({ id })).join('\n')));
    },
    rows: async () => (await rowsOf(runtime('reader', store), 'opa_decisions')).map((row) => row.decision_id).sort(),
    ledger: async () => (await rowsOf(runtime('reader', store), 'ingested_objects')).map((row) => row.state),
  };
}

/** A promise that can be asked whether it is over. */
function watch<T>(promise: Promise<T>) {
  const watched = { promise, isOver: false, done: () => watched.isOver };
  promise.then(
    () => {
      watched.isOver = true;
    },
    () => {
      watched.isOver = true;
    },
  );
  return watched;
}

const stopped = async (
  time: FakeClock,
  { promise, done, stop }: { promise: Promise<WorkerReport>; done: () => boolean; stop: () => void },
) => {
  stop();
  await time.until('the worker stops', done);
  return promise;
};

describe('whether the worker is alive', () => {
  /** What /healthz says while the body of `a` comes as `pieces` gives it. */
  async function reading(pieces: (time: FakeClock, body: Uint8Array) => AsyncIterable<Uint8Array>) {
    const made = world({ worker: { batchAgeSeconds: 0, listen: { host: '127.0.0.1', port: 0 } } });
    const { time, store, queue, object, worker, runtime } = made;
    await object(
      'a',
      Array.from({ length: 100 }, (_, i) => `a${i}`),
    );
    const slow = storeWith(store, {
      async get(uri, options) {
        const body = await store.get(uri, options);
        if (uri !== `${logs}/a`) return body;
        return { info: body.info, chunks: pieces(time, Buffer.concat(await collect(body.chunks))) };
      },
    });
    queue.send(event('a'));
    let port = 0;
    const onListening = (listening: number): void => {
      port = listening;
    };
    const running = worker({ onListening }, runtime('one', slow));
    const health = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
      return { status: answer.status, ...((await answer.json()) as { alive: boolean; stillSeconds: number }) };
    };
    await time.until('the object is begun', () => made.events('batch-claimed').length > 0);
    return { ...made, running, health };
  }

  test('does not depend on how long an object takes: one of three hours is read, and the worker is alive all the time', async () => {
    const { time, queue, rows, running, health } = await reading(async function* (clock, body) {
      const size = Math.ceil(body.length / 20);
      for (let at = 0; at < body.length; at += size) {
        await clock.sleep(9 * 60_000);
        yield body.subarray(at, at + size);
      }
    });
    const statuses = new Set<number>();
    const begun = time.now;
    while (queue.size > 0 && time.now - begun < 6 * 3_600_000) {
      await time.advance(60_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
      statuses.add((await health()).status);
    }
    expect([...statuses]).toEqual([200]);
    expect(time.now - begun).toBeGreaterThan(2.9 * 3_600_000);
    expect(await rows()).toHaveLength(100);
    await stopped(time, running);
  });

  test('ends where a call never comes back, and not before', async () => {
    const { time, running, health } = await reading(async function* (clock, body) {
      yield body.subarray(0, 100);
      await clock.sleep(1e9);
    });
    await time.advance(9 * 60_000);
    expect(await health()).toMatchObject({ status: 200, alive: true });
    for (let minutes = 0; minutes < 15; minutes++) await time.advance(60_000);
    expect(await health()).toMatchObject({ status: 503, alive: false });
    expect((await health()).stillSeconds).toBeGreaterThan(600);
    running.stop();
    await time.until('it is broken off', running.done);
  });

  test('does not depend on failures: a source and a warehouse that always fail are nothing that a restart would mend', async () => {
    let port = 0;
    const { time, queue, object, worker } = world({
      hooks: {
        before: ({ operation, uri }) => {
          if (operation !== 'head' && uri.startsWith(logs)) throw new StoreError('transient', uri, 'no');
        },
      },
      worker: { batchAgeSeconds: 0, listen: { host: '127.0.0.1', port: 0 } },
    });
    await object('a');
    queue.send(event('a'));
    const running = worker({
      onListening: (listening) => {
        port = listening;
      },
    });
    for (let minutes = 0; minutes < 60; minutes++) {
      await time.advance(60_000);
      expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    }
    await stopped(time, running);
  });
});

describe('following a queue', () => {
  test('a batch closes on age: one snapshot for what came in that time', async () => {
    const { time, queue, object, worker, rows, events } = world();
    const running = worker();
    for (const name of ['a', 'b', 'c']) {
      await object(name);
      queue.send(event(name));
      await time.until(`${name} is taken`, () => queue.visible === 0);
    }
    await time.advance(10_000);
    expect(await rows()).toEqual([]);
    expect(queue.size).toBe(3);
    await time.until('the batch', () => queue.size === 0);
    expect(await rows()).toEqual(['a', 'b', 'c']);
    expect(events('batch-committed')).toMatchObject([{ objects: 3, records: { rows: 3 } }]);
    expect(await stopped(time, running)).toMatchObject({ clean: true, messages: { received: 3, deleted: 3 } });
  });

  test('several batches at a time: each message is deleted when its own objects are committed, and nothing is there twice', async () => {
    const { time, queue, object, worker, rows, ledger, events } = world({ batch: { objects: 2 }, threads: 3 });
    const names = Array.from({ length: 11 }, (_, n) => `o${String(n).padStart(2, '0')}`);
    for (const name of names) {
      await object(name);
      queue.send(event(name));
    }
    const running = worker();
    await time.until('all of them', () => queue.size === 0);
    expect(await rows()).toEqual(names);
    expect(await ledger()).toEqual(new Array(names.length).fill('committed'));
    expect(events('batch-failed')).toEqual([]);
    expect(await stopped(time, running)).toMatchObject({
      clean: true,
      objects: { committed: names.length, failed: 0 },
      messages: { received: names.length, deleted: names.length },
    });
  });

  test('a full batch closes at once', async () => {
    const { time, queue, object, worker, events } = world({
      batch: { objects: 2 },
      worker: { batchAgeSeconds: 3600, commitIntervalSeconds: 3600 },
    });
    for (const name of ['a', 'b', 'c']) {
      await object(name);
      queue.send(event(name));
    }
    const running = worker();
    await time.until('the batch', () => events('batch-committed').length === 1);
    await time.advance(60_000);
    expect(events('batch-committed')).toMatchObject([{ objects: 2 }]);
    expect(await stopped(time, running)).toMatchObject({ objects: { committed: 2 } });
    // What waited is there for others at once.
    expect(queue.visible).toBe(1);
  });

  test('snapshots keep their distance, however often objects come', async () => {
    const { time, queue, object, worker, events } = world({
      worker: { batchAgeSeconds: 1, commitIntervalSeconds: 300, visibilitySeconds: 60 },
    });
    const running = worker();
    const begun = time.now;
    for (let n = 0; time.now - begun < 3_600_000; n++) {
      await object(`o${n}`);
      queue.send(event(`o${n}`));
      await time.advance(30_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const commits = events('batch-committed').length;
    expect(commits).toBeGreaterThan(8);
    expect(commits).toBeLessThanOrEqual(13);
    await stopped(time, running);
  });

  test('a commit that a clock far ahead has dated holds nothing up', async () => {
    const { time, queue, object, worker, rows } = world({
      worker: { batchAgeSeconds: 1, commitIntervalSeconds: 300, visibilitySeconds: 60 },
    });
    const ingested = async (name: string): Promise<void> => {
      await object(name);
      queue.send(event(name));
      await time.until(`${name} is committed`, () => queue.size === 0);
    };
    const { now } = time;
    time.now = now + 2 * 365 * 86_400_000;
    const ahead = worker();
    await ingested('a');
    await stopped(time, ahead);
    time.now = now;
    const running = worker();
    await ingested('b');
    expect(await rows()).toEqual(['a', 'b']);
    await stopped(time, running);
  });

  test('a message is kept hidden for as long as its batch takes', async () => {
    const gate = Promise.withResolvers<void>();
    const { time, queue, object, worker, rows } = world({
      hooks: {
        before: ({ operation, uri }) => (operation === 'put' && uri.includes('/_batches/') ? gate.promise : undefined),
      },
      worker: { batchAgeSeconds: 0 },
    });
    await object('a');
    queue.send(event('a'));
    const running = worker();
    for (let minutes = 0; minutes < 10; minutes++) {
      for (let i = 0; i < 12; i++) await time.advance(5000);
      expect(queue.visible).toBe(0);
    }
    expect(queue.size).toBe(1);
    gate.resolve();
    await time.until('the batch', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    expect(await stopped(time, running)).toMatchObject({ messages: { received: 1, deleted: 1 } });
  });

  test('the warehouse failing in the middle of a commit: the same batch is taken up again, and nothing is there twice', async () => {
    let broken = true;
    const { time, queue, object, worker, rows, ledger, events } = world({
      hooks: {
        before: ({ operation, uri }) => {
          if (broken && operation === 'put' && uri.includes('/opa_decisions/metadata/') && uri.includes('/v'))
            throw new StoreError('transient', uri, 'cannot write');
        },
      },
      worker: { batchAgeSeconds: 0 },
    });
    await object('a');
    const running = worker();
    await time.until('a first failure', () => events('source-failed').length > 0);
    queue.send(event('a'));
    broken = false;
    await time.until('recovery', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    await object('b');
    queue.send(event('b'));
    broken = true;
    await time.until('a batch fails', () => events('batch-failed').length > 1);
    expect(queue.size).toBe(1);
    broken = false;
    await time.until('recovery', () => queue.size === 0);
    expect(await rows()).toEqual(['a', 'b']);
    expect(await ledger()).toEqual(['committed', 'committed']);
    expect(events('source-recovered').length).toBeGreaterThan(0);
    await stopped(time, running);
  });

  test('an object that cannot be read goes to the dead-letter queue; its neighbours do not wait for it', async () => {
    const { time, store, queue, object, worker, rows } = world({ maxReceives: 3, worker: { batchAgeSeconds: 0 } });
    await object('a');
    await store.put(`${logs}/b`, gzipSync('{}'.repeat(1000)).subarray(0, 15));
    queue.send(event('a'));
    queue.send(event('b'));
    queue.send('nonsense');
    const running = worker();
    await time.until('dead letters', () => queue.dead.length === 2);
    expect(queue.size).toBe(0);
    expect(queue.dead.sort()).toEqual([event('b'), 'nonsense'].sort());
    expect(await rows()).toEqual(['a']);
    const report = await stopped(time, running);
    expect(report).toMatchObject({
      objects: { committed: 1, failed: 3 },
      messages: { malformed: 3, returned: 3, deleted: 1 },
    });
  });

  test('a bucket that is not there is a fault, and one without any object a warning, though no event tells of either', async () => {
    let missing = true;
    const { time, queue, object, worker, rows, events } = world({
      hooks: {
        before: ({ operation, uri }) => {
          if (missing && operation === 'list' && uri.startsWith(logs))
            throw new StoreError('not-found', uri, 'no bucket');
        },
      },
      worker: { batchAgeSeconds: 0 },
    });
    const running = worker();
    await time.until('several looks', () => events('source-failed').length > 3);
    expect(events('source-failed')[0]).toMatchObject({ source: 'eopa', code: 'not-found' });
    expect(await running.made.metrics.text()).toContain('audit_warehouse_source_up{source="eopa"} 0');
    missing = false;
    await time.until('it is there', () => events('source-recovered').length > 0);
    expect(events('source-empty')).toHaveLength(1);
    expect(await running.made.metrics.text()).toContain('audit_warehouse_source_empty{source="eopa"} 1');
    await object('a');
    queue.send(event('a'));
    await time.until('the object', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    await stopped(time, running);

    missing = true;
    const once = worker({ once: true });
    await time.until('it fails', once.done);
    await expect(once.promise).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a source that expects events is ready only while there is one that is new enough', async () => {
    const expecting: SourceConfig = { ...queued, expectSeconds: 600 };
    const { time, store, queue, worker, events } = world({
      sources: [expecting],
      worker: { batchAgeSeconds: 0, listen: { host: '127.0.0.1', port: 0 } },
    });
    let port = 0;
    const running = worker({
      onListening: (listening) => {
        port = listening;
      },
    });
    const readiness = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
      const { sources } = (await answer.json()) as { sources: { stale?: boolean }[] };
      return [answer.status, sources[0]?.stale];
    };
    const metric = async () =>
      /^audit_warehouse_source_stale\{source="eopa"\} (\d)$/m.exec(await running.made.metrics.text())?.[1];
    await time.until('it is found that nothing came', () => events('source-stale').length > 0);
    expect([await readiness(), await metric()]).toEqual([[503, true], '1']);

    const newest = new Date(time.clock() - 60_000).toISOString();
    await store.put(`${logs}/new`, Buffer.from(decision({ id: 'new', time: newest })));
    queue.send(event('new'));
    await time.until('the object', () => queue.size === 0);
    const committed = time.clock();
    await time.until('the next look', () => time.clock() > committed + 120_000);
    expect([await readiness(), await metric()]).toEqual([[200, undefined], '0']);

    await time.until('ten minutes without any', () => time.clock() > committed + 900_000, 5000);
    expect([await readiness(), await metric()]).toEqual([[503, true], '1']);
    await stopped(time, running);
  });

  test('a bucket that cannot be reached is waited for; no message is given up meanwhile', async () => {
    let gone = true;
    const { time, queue, object, worker, rows, events } = world({
      maxReceives: 2,
      hooks: {
        before: ({ operation, uri }) => {
          if (gone && uri.startsWith(logs) && operation !== 'put') throw new StoreError('access-denied', uri, 'no');
        },
      },
      worker: { batchAgeSeconds: 0 },
    });
    await object('a');
    queue.send(event('a'));
    const running = worker();
    await time.until('several failures', () => events('source-failed').length > 5);
    const waits = events('source-failed').map((line) => line.retryInSeconds);
    expect(waits.slice(0, 6)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(await running.made.metrics.text()).toContain('audit_warehouse_source_up{source="eopa"} 0');
    gone = false;
    await time.until('the batch', () => queue.size === 0);
    expect(queue.dead).toEqual([]);
    expect(await rows()).toEqual(['a']);
    expect(await running.made.metrics.text()).toContain('audit_warehouse_source_up{source="eopa"} 1');
    await stopped(time, running);
  });

  test('a queue that cannot be reached is waited for', async () => {
    const { time, queue, object, worker, rows, events } = world({ worker: { batchAgeSeconds: 0 } });
    await object('a');
    queue.send(event('a'));
    queue.fault = 'AccessDenied';
    const running = worker();
    await time.until('several failures', () => events('source-failed').length > 2);
    expect(events('source-failed')[0]).toMatchObject({ code: 'AccessDenied', source: 'eopa' });
    queue.fault = undefined;
    await time.until('the batch', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    await stopped(time, running);
  });

  test('an object that another worker holds is left to it, and its message is deleted when that one has committed', async () => {
    const gate = Promise.withResolvers<void>();
    const { time, store, queue, object, worker, runtime, rows, events } = world({
      worker: { batchAgeSeconds: 0 },
      batch: { claimSeconds: 100_000 },
    });
    await object('a');
    queue.send(event('a'));
    const slow = store.view({
      before: ({ operation, uri }) => (operation === 'put' && uri.includes('/_batches/') ? gate.promise : undefined),
    });
    const first = worker({}, runtime('slow', slow));
    await time.until('the claim', () => events('batch-claimed').length === 1);
    // The same object again: its message reaches the second worker.
    queue.send(event('a'));
    const second = worker({}, runtime('fast', store));
    for (let i = 0; i < 60; i++) await time.advance(5000);
    expect(queue.size).toBe(2);
    gate.resolve();
    await time.until('both messages are done', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    const reports = [await stopped(time, first), await stopped(time, second)];
    expect(reports.map(({ objects }) => objects.committed).sort()).toEqual([0, 1]);
  });

  test('an object that another worker claims between the look-up and the claim is left to it, and its message is kept', async () => {
    const { time, store, queue, object, worker, runtime, rows } = world({
      worker: { batchAgeSeconds: 0 },
      batch: { claimSeconds: 100_000 },
    });
    await object('a');
    queue.send(event('a'));
    const other = createLedger(runtime('other', store));
    const claims: Claim[] = [];
    // S3 is asked for the object right after the ledger was.
    const late = store.view({
      before: async ({ operation, uri }) => {
        if (operation !== 'head' || uri !== `${logs}/a` || claims.length > 0) return;
        const claim = await other.claim({ name: 'eopa', type: 'opa' }, [(await store.head(uri))!], 0, new Set());
        claims.push(claim!);
      },
    });
    const running = worker({}, runtime('late', late));
    await time.until('the other claim', () => claims.length === 1);
    for (let i = 0; i < 60; i++) await time.advance(5000);
    expect(queue.size).toBe(1);
    expect(await rows()).toEqual([]);
    await other.settle(claims[0]!.batch, new Map());
    await time.until('the message is done', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    expect(await stopped(time, running)).toMatchObject({
      objects: { committed: 1, known: 0 },
      messages: { deleted: 1 },
    });
  });

  test('an object that was replaced since it was committed is read again, whatever its event says of the version', async () => {
    const { time, store, queue, object, worker, rows } = world({ worker: { batchAgeSeconds: 0 } });
    await object('a', ['a-1']);
    const old = (await store.head(`${logs}/a`))!.etag;
    queue.send(event('a'));
    const running = worker();
    await time.until('the first version', () => queue.size === 0);
    await object('a', ['a-1', 'a-2']);
    queue.send(event('a'));
    await time.until('the second version', () => queue.size === 0);
    expect(await rows()).toEqual(['a-1', 'a-2']);
    // The event of the first version comes late, together with that of the third.
    await object('a', ['a-1', 'a-2', 'a-3']);
    const fresh = (await store.head(`${logs}/a`))!.etag;
    queue.send(event('a', 'logs', old));
    queue.send(event('a', 'logs', fresh));
    await time.until('the third version', () => queue.size === 0);
    expect(await rows()).toEqual(['a-1', 'a-2', 'a-3']);
    expect(await stopped(time, running)).toMatchObject({ objects: { committed: 3, known: 0 } });
  });

  test('a batch of its own that is late is not taken over by a worker, only finished', async () => {
    const gate = Promise.withResolvers<void>();
    const reads: string[] = [];
    const { time, queue, object, worker, rows, events } = world({
      threads: 2,
      hooks: {
        before: ({ operation, uri }) => {
          if (operation === 'get' && uri.startsWith(logs)) reads.push(uri);
          return operation === 'put' && uri.includes('/_batches/') ? gate.promise : undefined;
        },
      },
      worker: { batchAgeSeconds: 0 },
      batch: { claimSeconds: 60 },
    });
    await object('a');
    queue.send(event('a'));
    const running = worker();
    await time.until('the batch has its rows', () => reads.length === 1);
    // Past its claim, with a place free for what is abandoned, which is looked for every half minute.
    for (let i = 0; i < 60; i++) await time.advance(5000);
    expect(events('batch-taken-over')).toEqual([]);
    expect(reads).toEqual([`${logs}/a`]);
    gate.resolve();
    await time.until('the batch', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    expect(await stopped(time, running)).toMatchObject({ batches: { committed: 1, failed: 0, released: 0 } });
  });

  test('a batch whose holder is late is taken over by the next worker', async () => {
    const gate = Promise.withResolvers<void>();
    const { time, store, queue, object, worker, runtime, rows, events } = world({
      worker: { batchAgeSeconds: 0 },
      batch: { claimSeconds: 600 },
    });
    await object('a');
    queue.send(event('a'));
    const hanging = store.view({
      before: ({ operation, uri }) => (operation === 'put' && uri.includes('/_batches/') ? gate.promise : undefined),
    });
    const first = worker({}, runtime('hanging', hanging));
    await time.until('the claim', () => events('batch-claimed').length === 1);
    const second = worker({}, runtime('fast', store));
    await time.until('the take-over', () => events('batch-committed').length === 1, 5000);
    expect(await rows()).toEqual(['a']);
    gate.resolve();
    await time.until('the late one notices', () => queue.size === 0);
    expect(await rows()).toEqual(['a']);
    await stopped(time, first);
    await stopped(time, second);
  });
});

describe('stopping', () => {
  test('the batch in progress is finished, and its messages are deleted', async () => {
    const gate = Promise.withResolvers<void>();
    const { time, queue, object, worker, rows, events } = world({
      hooks: {
        before: ({ operation, uri }) => (operation === 'put' && uri.includes('/_batches/') ? gate.promise : undefined),
      },
      worker: { batchAgeSeconds: 0, shutdownSeconds: 600 },
    });
    await object('a');
    queue.send(event('a'));
    const running = worker();
    await time.until('the claim', () => events('batch-claimed').length === 1);
    running.stop();
    await time.advance(100_000);
    expect(running.done()).toBe(false);
    gate.resolve();
    await time.until('the end', running.done);
    expect(await running.promise).toMatchObject({
      clean: true,
      batches: { committed: 1, released: 0 },
      messages: { deleted: 1 },
    });
    expect(await rows()).toEqual(['a']);
  });

  test.each([
    ['is told to stop', false],
    ['is through with the queue', true],
  ])('messages that are on their way when a worker %s go back to the queue at once', async (_, once) => {
    const { time, queue, worker } = world({ worker: { visibilitySeconds: 3600 } });
    const arrival = Promise.withResolvers<void>();
    const receive = queue.receive.bind(queue);
    let calls = 0;
    queue.receive = async (options) => {
      // A worker that works off a queue is through with it after the first empty answer, and asks on meanwhile.
      if (++calls === (once ? 2 : 1)) queue.send(event('a'));
      const messages = await receive(options);
      if (messages.length > 0) await arrival.promise;
      return messages;
    };
    const running = worker({ once });
    await time.until('messages on their way', () => queue.size === 1 && queue.visible === 0);
    if (!once) running.stop();
    await time.advance(5000);
    expect(running.done()).toBe(false);
    arrival.resolve();
    await time.until('the end', running.done);
    expect([queue.size, queue.visible]).toEqual([1, 1]);
  });

  test('a batch that does not end in time is given back: claim and messages', async () => {
    const { time, queue, object, worker, rows, ledger, events } = world({
      hooks: {
        before: ({ operation, uri }) =>
          operation === 'get' && uri.startsWith(logs)
            ? new Promise<void>((resolve) => setTimeout(resolve, 300))
            : undefined,
      },
      worker: { batchAgeSeconds: 0, shutdownSeconds: 5 },
    });
    await object('a');
    queue.send(event('a'));
    const running = worker();
    await time.until('the claim', () => events('batch-claimed').length === 1);
    running.stop();
    await time.advance(1);
    await time.advance(5000);
    await time.until('the end', running.done, 1);
    expect(await running.promise).toMatchObject({ clean: true, batches: { committed: 0, released: 1 } });
    expect(await ledger()).toEqual([]);
    expect(queue.visible).toBe(1);
    expect(await rows()).toEqual([]);
    // A new try is a batch of its own.
    const next = worker({ once: true });
    await time.until('the next worker', next.done);
    expect(await rows()).toEqual(['a']);
  });

  test('what hangs is left behind after the time to give back too', async () => {
    const { time, queue, object, worker, events } = world({
      hooks: {
        before: ({ operation, uri }) =>
          operation === 'put' && uri.includes('/_batches/') ? new Promise(() => {}) : undefined,
      },
      worker: { batchAgeSeconds: 0, shutdownSeconds: 5 },
    });
    await object('a');
    queue.send(event('a'));
    const running = worker();
    await time.until('the claim', () => events('batch-claimed').length === 1);
    running.stop();
    await time.until('the end', running.done);
    expect(await running.promise).toMatchObject({ clean: false });
    expect(queue.size).toBe(1);
  });
});

describe('--once', () => {
  test('works off the queue and ends', async () => {
    const { time, queue, object, worker, rows } = world({
      worker: { batchAgeSeconds: 3600, commitIntervalSeconds: 3600 },
    });
    for (let n = 0; n < 25; n++) {
      await object(`o${n}`);
      queue.send(event(`o${n}`));
    }
    const running = worker({ once: true });
    await time.until('the end', running.done);
    expect(await running.promise).toMatchObject({ objects: { committed: 25 }, messages: { deleted: 25 } });
    expect(await rows()).toHaveLength(25);
  });

  test('fails with the first fault of a source', async () => {
    const { time, queue, worker } = world();
    queue.fault = 'AccessDenied';
    const running = worker({ once: true });
    await time.until('the end', running.done);
    await expect(running.promise).rejects.toThrow(/cannot receive messages \(AccessDenied; grant sqs:/);
  });
});

describe('following a source by listing', () => {
  const listed: SourceConfig = { ...opaSourceConfig, location: `${logs}/` };

  test('new objects and changed ones are found by the next pass, and nothing is read twice', async () => {
    const reads: string[] = [];
    const { time, object, worker, rows, events } = world({
      sources: [listed],
      hooks: { before: ({ operation, uri }) => void (operation === 'get' && uri.startsWith(logs) && reads.push(uri)) },
    });
    const key = (n: number) => `eopa=a/first_ts=${1_768_435_200 + n}/last_ts=${1_768_435_200 + n}/batch_id=${n}.jsonl`;
    await object(key(1), ['one']);
    const running = worker();
    await time.until('the first', () => events('batch-committed').length === 1);
    await object(key(2), ['two']);
    await object(key(1), ['one', 'three']);
    await time.until('the second', () => events('batch-committed').length === 2, 5000);
    for (let i = 0; i < 100; i++) await time.advance(60_000);
    expect(await rows()).toEqual(['one', 'three', 'two']);
    expect(reads).toHaveLength(3);
    await stopped(time, running);
  });

  test('an object that cannot be read is tried again after longer and longer pauses, and read when it can be', async () => {
    const { time, store, object, worker, rows, events } = world({ sources: [listed] });
    await object('a');
    await store.put(`${logs}/b`, gzipSync(decision({ id: 'b' })).subarray(0, 40));
    const running = worker();
    await time.until('three tries', () => events('object-failed').length === 3, 5000);
    expect(await rows()).toEqual(['a']);
    const tries = events('object-failed').map((line) => Number(line.time));
    expect(tries).toHaveLength(3);
    await store.put(`${logs}/b`, gzipSync(decision({ id: 'b' })));
    await time.until(
      'b',
      () => events('batch-committed').filter(({ records }) => (records as { rows: number }).rows === 1).length === 2,
      5000,
    );
    await time.advance(1000);
    expect(await rows()).toEqual(['a', 'b']);
    await stopped(time, running);
  });

  test('a source that cannot be listed is waited for, and another one goes on meanwhile', async () => {
    let gone = true;
    const { time, store, object, worker, rows, events } = world({
      sources: [
        { ...listed, name: 'good', location: `${logs}/good/` },
        { ...listed, name: 'bad', location: `${logs}/bad/` },
      ],
      hooks: {
        before: ({ operation, uri }) => {
          if (gone && operation === 'list' && uri.startsWith(`${logs}/bad/`))
            throw new StoreError('not-found', uri, 'cannot list objects');
        },
      },
    });
    await object('good/a');
    await object('bad/b');
    const running = worker();
    await time.until('the good one', () => events('batch-committed').length === 1);
    await time.until('failures of the bad one', () => events('source-failed').length > 3);
    expect(new Set(events('source-failed').map((line) => line.source))).toEqual(new Set(['bad']));
    expect(await rows()).toEqual(['good/a']);
    gone = false;
    await time.until('the bad one', () => events('batch-committed').length === 2);
    expect(await rows()).toEqual(['bad/b', 'good/a']);
    expect(store.calls).toBeGreaterThan(0);
    await stopped(time, running);
  });

  test('a listing is taken in several batches at a time', async () => {
    const { time, object, worker, rows, ledger } = world({ sources: [listed], batch: { objects: 2 }, threads: 3 });
    for (let n = 0; n < 15; n++) await object(`o${n}`);
    const { promise, done } = worker({ once: true });
    await time.until('the end', done);
    expect((await promise).objects.committed).toBe(15);
    expect(await rows()).toHaveLength(15);
    expect(await ledger()).toEqual(new Array(15).fill('committed'));
  });

  test('several workers share what a listing gives', async () => {
    const { time, store, object, worker, runtime, rows, ledger } = world({ sources: [listed], batch: { objects: 2 } });
    for (let n = 0; n < 20; n++) await object(`o${n}`);
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
    const workers = ['one', 'two', 'three'].map((id) =>
      worker({ once: true }, runtime(id, store.view({ before: pause }))),
    );
    for (const { done } of workers) await time.until('the end', done);
    const reports = await Promise.all(workers.map(({ promise }) => promise));
    expect(reports.reduce((sum, { objects }) => sum + objects.committed, 0)).toBe(20);
    expect(await rows()).toHaveLength(20);
    expect(await ledger()).toEqual(new Array(20).fill('committed'));
  });
});

test('sources that share a queue are followed together or not at all', () => {
  const { runtime } = world({ sources: [queued, { ...queued, name: 'other', location: 's3://logs-2/' }] });
  expect(() => new Worker(runtime(), { openQueue: () => new MemoryQueue(Date.now) }, { sources: ['other'] })).toThrow(
    UsageError,
  );
  expect(() => new Worker(runtime(), { openQueue: () => new MemoryQueue(Date.now) })).not.toThrow();
});

test('eight workers on one queue keep the interval between commits together, and commit no more often than one', async () => {
  const snapshots = async (workers: number): Promise<number> => {
    const { time, queue, object, rows, runtime, worker } = world({
      worker: { batchAgeSeconds: 5, commitIntervalSeconds: 60 },
    });
    const all = Array.from({ length: workers }, (_, index) => worker({}, runtime(`worker ${index}`)));
    const objects = 30;
    for (let index = 0; index < objects; index++) {
      await object(`o${index}`);
      queue.send(event(`o${index}`));
      for (let second = 0; second < 10; second++) await time.advance(1000);
    }
    await time.until('all is committed', () => queue.size === 0);
    for (const one of all) await stopped(time, one);
    expect(await rows()).toHaveLength(objects);
    const { metadata } = (await runtime('reader').catalog.loadTable('opa_decisions'))!;
    return metadata.snapshots.length;
  };
  const alone = await snapshots(1);
  expect(alone).toBeLessThan(10);
  expect(await snapshots(8)).toBeLessThanOrEqual(alone + 1);
});
