/** Batches that outgrow their columns, with a place to put rows aside. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { removeLeftRuns } from '../../src/ingest/spill/place.ts';
import { LocalStore } from '../../src/store/local.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectStore } from '../../src/store/store.ts';
import { createRuntime } from '../../src/wire.ts';
import { collect } from '../support/collect.ts';
import { decision, input, rowsOf, run, sortedRows, testConfig, testRuntime, warehouse } from '../support/warehouse.ts';

const objects = 30;
const perObject = 30;
const days = ['2023-07-11', '2023-07-12', '2023-07-13'];
const spill = 'memory://test/runs';

/** Times go back and forth; every fifth object is little else than bad lines. */
async function putLogs(store: ObjectStore, location: string): Promise<void> {
  for (let o = 0; o < objects; o++) {
    const two = (n: number): string => String(n).padStart(2, '0');
    const lines = Array.from({ length: perObject }, (_, i) => {
      const n = o * perObject + i;
      if (o % 5 === 4 && i > 2) return `{"broken ${n}":`;
      const time = `${days[n % 3]}T${two((n * 7) % 24)}:${two((n * 13) % 60)}:${two((n * 31) % 60)}Z`;
      return decision({ id: `d-${n}`, subject: `user-${n % 17}`, time });
    });
    await store.put(
      `${location}/eopa=a/first_ts=1689033600/last_ts=1689379200/batch_id=${two(o)}.jsonl`,
      Buffer.from(lines.join('\n')),
    );
  }
}

async function filesOf(runtime: Runtime, table: string) {
  const { metadata } = (await runtime.catalog.loadTable(table))!;
  return collect(liveFiles(runtime.store, metadata));
}

const tables = ['opa_decisions', 'quarantine'];
const contentsOf = (runtime: Runtime) => Promise.all(tables.map((table) => sortedRows(runtime, table)));

const tight = { columnBytes: 1, downloadBytes: 1, downloads: 1 };

async function memoryWorld(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await putLogs(store, input);
  return store;
}

async function expectOneSortedFileADay(runtime: Runtime): Promise<void> {
  const files = await filesOf(runtime, 'opa_decisions');
  expect(files.map(({ ymd }) => ymd).sort()).toEqual(days);
  expect(await filesOf(runtime, 'quarantine')).toHaveLength(1);
  for (const day of days) {
    const times = (await rowsOf(runtime, 'opa_decisions'))
      .filter(({ ymd }) => ymd === day)
      .map(({ event_time }) => event_time as bigint);
    expect(times.length).toBeGreaterThan(200);
    expect(times.every((time, i) => i === 0 || times[i - 1]! <= time)).toBe(true);
  }
  const places = (await rowsOf(runtime, 'quarantine')).map(
    (row) => `${row.source_uri} ${String(row.source_offset).padStart(9, '0')}`,
  );
  expect(places.length).toBeGreaterThan(150);
  expect(places).toEqual([...places].sort());
}

describe('a batch that outgrows its columns', () => {
  let expected: Awaited<ReturnType<typeof contentsOf>>;
  beforeAll(async () => {
    const roomy = testRuntime({ store: await memoryWorld() });
    await run(roomy);
    expected = await contentsOf(roomy);
    expect(expected[0]!.length).toBe(24 * perObject + 6 * 3);
  });

  test('becomes one sorted file a day with the same rows, and leaves nothing aside', async () => {
    const store = await memoryWorld();
    const runs: string[] = [];
    const watched = store.view({
      before: ({ operation, uri }) => void (operation === 'put' && uri.startsWith(spill) && runs.push(uri)),
    });
    const runtime = testRuntime({ store: watched, batch: { ...tight, spill }, output: { rowGroupRows: 50 } });
    const report = await run(runtime);
    // More of them than are merged at a time, and of both tables.
    expect(runs.filter((uri) => uri.includes('opa_decisions')).length).toBeGreaterThan(24);
    expect(runs.filter((uri) => uri.includes('quarantine')).length).toBeGreaterThan(2);
    expect(await collect(store.list(spill))).toEqual([]);
    expect(await contentsOf(runtime)).toEqual(expected);
    expect(report.records.rows).toBe(expected[0]!.length);
    await expectOneSortedFileADay(runtime);
  });

  test('on the local disk too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aw-spill-'));
    try {
      await putLogs(new LocalStore(), `file://${folder}/logs`);
      const config = testConfig({ batch: { ...tight, spill: `file://${folder}/runs` } });
      const runtime = await createRuntime({
        ...config,
        warehouse: `file://${folder}/warehouse`,
        sources: [{ name: 'eopa', type: 'opa', location: `file://${folder}/logs`, columns: {} }],
      });
      await run(runtime);
      const counts = (await contentsOf(runtime)).map((rows) => rows.length);
      expect(counts).toEqual(expected.map((rows) => rows.length));
      await expectOneSortedFileADay(runtime);
      expect(readdirSync(join(folder, 'runs'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('is cut at the rows of a file, in order', async () => {
    const runtime = testRuntime({
      store: await memoryWorld(),
      batch: { ...tight, spill },
      output: { fileRows: 70, rowGroupRows: 30 },
    });
    await run(runtime);
    expect(await contentsOf(runtime)).toEqual(expected);
    const rows = (await filesOf(runtime, 'opa_decisions')).map(({ recordCount }) => recordCount);
    expect(rows.filter((count) => count !== 70)).toHaveLength(3);
    expect(Math.max(...rows)).toBe(70);
  });

  test('removes what it put aside where the files cannot be written', async () => {
    const store = await memoryWorld();
    const failing = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'put' && uri.includes('opa_decisions/data/')) throw new Error('disk full');
      },
    });
    await expect(run(testRuntime({ store: failing, batch: { ...tight, spill } }))).rejects.toThrow('disk full');
    expect(await collect(store.list(spill))).toEqual([]);
  });

  test('and where it is stopped', async () => {
    const store = await memoryWorld();
    const stop = new AbortController();
    let puts = 0;
    const stopping = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'put' && uri.startsWith(spill) && ++puts === 20) stop.abort(new Error('stopped'));
      },
    });
    const stopped = run(testRuntime({ store: stopping, batch: { ...tight, spill } }), { signal: stop.signal });
    await stopped.catch((error: Error) => expect(error.message).toBe('stopped'));
    expect(stop.signal.aborted).toBe(true);
    expect(await collect(store.list(spill))).toEqual([]);
  });

  test('starts over without an object that fails half-way, from nothing', async () => {
    const store = await memoryWorld();
    const lines = Array.from({ length: 40_000 }, (_, i) =>
      decision({ id: `x-${i}`, subject: `${(i * 7919) % 40_009}` }),
    );
    const cut = gzipSync(lines.join('\n')).subarray(0, -2000);
    await store.put(`${input}/eopa=a/first_ts=1689033600/last_ts=1689379200/batch_id=99.jsonl.gz`, cut);
    const runtime = testRuntime({ store, batch: { ...tight, columnBytes: 100_000, spill } });
    const report = await run(runtime);
    expect(report.failures).toHaveLength(1);
    expect(await contentsOf(runtime)).toEqual(expected);
    expect(await collect(store.list(spill))).toEqual([]);
  });

  test('but one that fits becomes the same bytes as without a place', async () => {
    const worlds = await Promise.all(
      [{}, { spill }].map(async (batch) => {
        const store = new MemoryStore({}, () => Date.UTC(2025, 11, 31));
        await putLogs(store, input);
        await run(testRuntime({ store, batch }));
        const files: Record<string, string> = {};
        for await (const { uri, etag } of store.list(`${warehouse}/`)) files[uri] = etag;
        return files;
      }),
    );
    expect(Object.keys(worlds[0]!).length).toBeGreaterThan(10);
    expect(worlds[1]).toEqual(worlds[0]);
  });
});

describe('what a killed process left', () => {
  const mine = 'here/1/boot.ns/7';
  const dead = 'here_too/2/boot.ns/8';
  const unknown = 'elsewhere/3/boot.ns/9';
  const owner = { id: mine, isDead: (id: string) => id === dead };
  const now = Date.UTC(2026, 0, 2);
  const folder = mkdtempSync(join(tmpdir(), 'aw-left-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Ingests as this owner, and is gone while its runs lie there. */
  async function leave(store: MemoryStore, id: string): Promise<void> {
    const broken = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'delete' && uri.startsWith(spill)) throw new Error('killed');
        if (operation === 'put' && uri.includes('opa_decisions/data/')) throw new Error('killed');
      },
    });
    const world = { store: broken, batch: { ...tight, spill }, owner: { id, isDead: () => false } };
    await expect(run(testRuntime(world))).rejects.toThrow('killed');
  }

  test('is removed by the next run, and nothing of those that may be alive', async () => {
    let time = now;
    const store = new MemoryStore({}, () => time);
    await putLogs(store, input);
    await leave(store, dead);
    const ofDead = await collect(store.list(spill));
    expect(ofDead.length).toBeGreaterThan(3);
    await store.put(`${spill}/audit-warehouse-notes.txt`, Buffer.from('of somebody else'));
    const others = [mine, unknown].map((id) =>
      ofDead[0]!.uri.replace(encodeURIComponent(dead).replace('_', '%5F'), encodeURIComponent(id)),
    );
    for (const uri of others) await store.put(uri, Buffer.from('rows'));

    const config = testConfig({ batch: { spill } });
    await removeLeftRuns(store, testConfig(), owner, now);
    expect(await collect(store.list(spill))).toHaveLength(ofDead.length + 3);
    await removeLeftRuns(store, config, owner, now + 3_600_000);
    const left = async () => (await collect(store.list(spill))).map(({ uri }) => uri).sort();
    expect(await left()).toEqual([...others, `${spill}/audit-warehouse-notes.txt`].sort());
    time += 90_000_000;
    await removeLeftRuns(store, config, owner, time);
    expect(await left()).toEqual([others[0], `${spill}/audit-warehouse-notes.txt`].sort());
  });

  test('and a folder that is not there is none', async () => {
    const config = testConfig({ batch: { spill: `file://${folder}/none` } });
    await expect(removeLeftRuns(new LocalStore(), config, owner, now)).resolves.toBeUndefined();
  });
});
