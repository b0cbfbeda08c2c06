/** Real threads over a folder: the same work as in one thread, and what becomes of it when something ends it. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { createLedger, openTables, workClaim } from '../../src/ingest/claimed-batch.ts';
import { AccountingError } from '../../src/ingest/object-counts.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { receivedError, sentError } from '../../src/ingest/thread-messages.ts';
import { IngestThreadEnded, ingestPool, shareOf } from '../../src/ingest/thread-pool.ts';
import { backfill } from '../../src/jobs/backfill/backfill.ts';
import type { BackfillOptions } from '../../src/jobs/backfill/report.ts';
import { CommitQueue } from '../../src/ledger/commit-queue.ts';
import { StoreError } from '../../src/store/store.ts';
import { createRuntime } from '../../src/wire.ts';
import { collect } from '../support/collect.ts';
import { decision, rowsOf, run, sortedRows, testConfig } from '../support/warehouse.ts';

const objects = 12;
const perObject = 50;

let folder: string;
let logs: string;
let broken: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aw-pool-'));
  logs = join(folder, 'logs');
  for (let o = 0; o < objects; o++) {
    const at = join(logs, 'eopa=a/first_ts=1689033600/last_ts=1689037200');
    const ids = Array.from({ length: perObject }, (_, i) => `${o}-${i}`);
    const lines = ids.map((id, i) => decision({ id, time: `2023-07-1${1 + (i % 2)}T00:00:0${i % 10}Z` }));
    if (o % 3 === 0) lines.splice(1, 0, '{"broken":');
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, `batch_id=${String(o).padStart(4, '0')}.jsonl.gz`), gzipSync(lines.join('\n')));
  }
  broken = join(folder, 'broken/eopa=a/first_ts=1689033600/last_ts=1689037200');
  mkdirSync(broken, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const newConfig = (threads: number, location = logs): Config => ({
  ...testConfig({ batch: { threads, objects: 2 } }),
  warehouse: `file://${folder}/warehouse-${made++}`,
  sources: [{ name: 'eopa', type: 'opa', location: `file://${location}`, columns: {} }],
});

async function contentsOf(runtime: Runtime): Promise<Record<string, readonly unknown[]>> {
  const ledger = await rowsOf(runtime, 'ingested_objects');
  return {
    decisions: await sortedRows(runtime, 'opa_decisions'),
    quarantine: await sortedRows(runtime, 'quarantine'),
    states: ledger.map(({ uri, state, rows }) => `${uri} ${state} ${rows}`).sort(),
  };
}

describe('batches on threads', () => {
  let expected: Awaited<ReturnType<typeof contentsOf>>;
  let report: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    const one = await createRuntime(newConfig(1));
    expect(one.ingester.threads).toBe(1);
    report = await run(one);
    expected = await contentsOf(one);
    expect(expected.decisions).toHaveLength(objects * perObject);
    expect(expected.quarantine).toHaveLength(objects / 3);
  });

  test('give the rows, the counts and the progress of one thread', async () => {
    const three = await createRuntime(newConfig(3));
    expect(three.ingester.threads).toBe(3);
    const seen: number[] = [];
    const found = await backfill(three, {}, { update: ({ objectsDone }) => void seen.push(objectsDone) });
    expect({ ...found, seconds: 0, bytes: 0 }).toEqual({ ...report, seconds: 0, bytes: 0 });
    expect(seen.at(-1)).toBe(objects);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(await contentsOf(three)).toEqual(expected);
    expect((await run(three)).objects).toEqual({
      listed: objects,
      skipped: objects,
      committed: 0,
      failed: 0,
      archived: 0,
    });
  });

  test('an object that cannot be read is told, in the log too, and its neighbours are committed', async () => {
    for (let o = 0; o < 4; o++) {
      const name = join(broken, `batch_id=${o}.jsonl.gz`);
      writeFileSync(name, gzipSync(decision({ id: `b-${o}` })));
      if (o === 1) truncateSync(name, 30);
    }
    const lines: Record<string, unknown>[] = [];
    const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
    const runtime = await createRuntime(newConfig(2, join(folder, 'broken')), { log });
    const found = await run(runtime);
    expect(found.objects).toEqual({ listed: 4, skipped: 0, committed: 3, failed: 1, archived: 0 });
    expect(found.failures).toMatchObject([{ uri: expect.stringContaining('batch_id=1'), code: 'truncated_gzip' }]);
    expect(lines.filter(({ event }) => event === 'object-failed')).toMatchObject([
      { level: 50, code: 'truncated_gzip', uri: found.failures[0]!.uri, msg: 'object left unclaimed' },
    ]);
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(3);
  });

  test('stopped half-way they end with the reason, and the next run does the rest', async () => {
    const config = newConfig(2);
    const stop = new AbortController();
    const reason = new Error('enough');
    const options: BackfillOptions = { signal: stop.signal };
    const sink = { update: ({ objectsDone }: { objectsDone: number }) => void (objectsDone > 2 && stop.abort(reason)) };
    await expect(backfill(await createRuntime(config), options, sink)).rejects.toBe(reason);
    const next = await laterRuntime(config);
    await run(next);
    expect(await contentsOf(next)).toEqual(expected);
  });

  test('a thread that ends fails the run in clear words, and the next run loses and doubles nothing', async () => {
    const config = newConfig(2);
    const runtime = await createRuntime(config);
    const entry = new URL('./ending-thread.ts', import.meta.url);
    const failing = run({ ...runtime, ingester: ingestPool(config, 2, entry) });
    await expect(failing).rejects.toThrow(IngestThreadEnded);
    await expect(failing).rejects.toThrow(/^the thread that ingested batch \w+ ended: it exited with code 7\. Nothing/);
    const next = await laterRuntime(config);
    await run(next);
    expect(await contentsOf(next)).toEqual(expected);
  });

  test('none is started for a run of one batch', async () => {
    const config = { ...newConfig(2), batch: testConfig({ batch: { threads: 2, objects } }).batch };
    const runtime = await createRuntime(config);
    // Starting it would fail the run.
    const entry = new URL('./ending-thread.ts', import.meta.url);
    await run({ ...runtime, ingester: ingestPool(config, 2, entry) });
    expect(await contentsOf(runtime)).toEqual(expected);
  });

  test('they say that they move on, before the first object is done, on whichever thread they are', async () => {
    const runtime = await createRuntime(newConfig(2));
    const ledger = createLedger(runtime);
    const [source] = selectSources(runtime, undefined);
    await openTables(runtime, ledger, [source!]);
    const all = await collect(runtime.store.list(source!.config.location));
    const commits = new CommitQueue(runtime, ledger);
    const moved = [0, 1].map(async (n) => {
      const claim = await ledger.claim(source!.config, [all[n]!], 0, new Set());
      let [moves, early] = [0, 0];
      await workClaim(runtime, ledger, source!, claim!, {
        commits,
        onMove: () => void moves++,
        onObject: () => {
          early = moves;
        },
      });
      return early;
    });
    for (const early of await Promise.all(moved)) expect(early).toBeGreaterThan(0);
  });

  /** After the claims of an earlier run have run out. */
  async function laterRuntime(config: Config): Promise<Runtime> {
    const runtime = await createRuntime(config);
    return { ...runtime, clock: () => Date.now() + 3_600_000 };
  }
});

test('the memory of bodies and columns is shared out, but not below what a thread can work with', () => {
  const { batch } = shareOf(testConfig({ batch: { downloads: 9, downloadBytes: 3 << 20, columnBytes: 48 << 20 } }), 4);
  expect(batch).toMatchObject({ downloads: 3, downloadBytes: 1 << 20, columnBytes: 12 << 20 });
});

describe('an error comes over with', () => {
  const over = (error: unknown): unknown => receivedError(structuredClone(sentError(error)));

  test('its class, where callers look at it, its code and its cause', () => {
    const cause = Object.assign(new TypeError('no'), { code: 'ECONNRESET' });
    const error = over(new StoreError('transient', 's3://b/k', 'cannot read', { cause })) as StoreError;
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ name: 'StoreError', code: 'transient', uri: 's3://b/k' });
    expect(error.message).toBe('cannot read: s3://b/k');
    expect(error.cause).toMatchObject({ name: 'TypeError', message: 'no', code: 'ECONNRESET' });
    expect(over(new AccountingError('lost'))).toBeInstanceOf(AccountingError);
  });

  test('what else was thrown as its message', () => {
    expect(over('odd')).toMatchObject({ name: 'Error', message: 'odd' });
  });
});
