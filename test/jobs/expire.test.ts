/** Expire takes what nothing needs, and only that, whatever else is going on. */
import { beforeEach, describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { Config } from '../../src/config/config.ts';
import { updateTable } from '../../src/iceberg/commit.ts';
import { reachableFiles } from '../../src/iceberg/reachable.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { type MemoryHooks, MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { decision, input, owner, rowsOf, run, sortedRows, testRuntime, warehouse } from '../support/warehouse.ts';

const dayMs = 86_400_000;
const tables = ['opa_decisions', 'quarantine', 'ingested_objects'];

let now: number;
let store: MemoryStore;
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  store = new MemoryStore({}, () => now);
});

interface Settings {
  readonly hooks?: MemoryHooks;
  readonly expire?: Partial<Config['expire']>;
  readonly retention?: Config['retention'];
}
const world = ({ hooks, ...settings }: Settings = {}): Runtime =>
  testRuntime({
    store: hooks ? store.view(hooks) : store,
    clock: () => now,
    owner: owner('test'),
    ...settings,
    expire: { keepSnapshots: 2, ...settings.expire },
  });

/** One object of two decisions and a bad line, on the given day of July 2023. */
async function ingest(day: number, runtime = world()): Promise<void> {
  const ymd = `2023-07-${String(day).padStart(2, '0')}`;
  const lines = ['a', 'b'].map((id) => decision({ id: `${ymd}-${id}`, time: `${ymd}T10:00:00Z` }));
  await store.put(
    `${input}/eopa=a/first_ts=null/last_ts=null/batch_id=${ymd}.jsonl`,
    Buffer.from([...lines, '{'].join('\n')),
  );
  await run(runtime);
}

async function ingestDays(count: number): Promise<void> {
  for (let day = 1; day <= count; day++) {
    await ingest(day);
    now += dayMs;
  }
}

const contents = async (): Promise<string[][]> => Promise.all(tables.map((table) => sortedRows(world(), table)));
const under = async (prefix: string): Promise<string[]> =>
  (await collect(store.list(`${warehouse}/${prefix}`))).map(({ uri }) => uri);

describe('expire', () => {
  test('leaves the same rows, the newest snapshots, and exactly the files that they need', async () => {
    await ingestDays(20);
    const before = await contents();
    const report = await expire(world());
    expect(await contents()).toEqual(before);
    const catalog = new FileCatalog(store, warehouse);
    for (const name of tables) {
      const { metadata } = (await catalog.loadTable(name))!;
      // Five days of one (ledger: two) snapshots a day, the one of today among them.
      expect(report.tables[name]!.snapshots, name).toBeGreaterThan(10);
      expect(
        metadata.snapshots.every((snapshot) => snapshot['timestamp-ms'] >= now - 5 * dayMs),
        name,
      ).toBe(true);
      const needed = await reachableFiles(store, metadata);
      const there = [...(await under(`${name}/data/`)), ...(await under(`${name}/metadata/`))];
      const numbered = there.filter((uri) => /\/(v\d+\.metadata\.json|version-hint\.text)$/.test(uri));
      expect(new Set(there), name).toEqual(new Set([...needed, ...numbered]));
    }
    expect(report.intents).toBeGreaterThan(10);
    const again = await expire(world());
    expect(Object.values(again.tables).every(({ snapshots, files }) => snapshots + files === 0)).toBe(true);
    await ingest(21);
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(42);
  });

  test('in a dry run lists and changes nothing', async () => {
    await ingestDays(10);
    const before = await under('');
    const told: string[] = [];
    const report = await expire(world(), { dryRun: true, onRemoval: ({ kind }) => void told.push(kind) });
    expect(report.tables.opa_decisions!.snapshots).toBeGreaterThan(3);
    expect(new Set(told)).toEqual(new Set(['snapshot', 'intent', 'file']));
    expect(await under('')).toEqual(before);
  });

  test('deletes a file that nothing needs once the grace period is over, and no file of another kind', async () => {
    await ingest(1);
    const orphan = `${warehouse}/opa_decisions/data/ymd=2023-07-01/lost.parquet`;
    const note = `${warehouse}/opa_decisions/data/README.txt`;
    for (const uri of [orphan, note]) await store.put(uri, Buffer.from('x'));
    now += 3 * dayMs;
    await expire(world());
    expect(await store.head(orphan)).toBeDefined();
    now += 1;
    await expire(world());
    expect(await store.head(orphan)).toBeUndefined();
    expect(await store.head(note)).toBeDefined();
  });

  test('keeps a snapshot that another engine has tagged, with its files', async () => {
    await ingestDays(3);
    const runtime = world();
    const [first] = (await runtime.catalog.loadTable('opa_decisions'))!.metadata.snapshots;
    await updateTable(commitContext(runtime), 'opa_decisions', ({ metadata }) => ({
      ...metadata,
      refs: { ...metadata.refs, audited: { 'snapshot-id': first!['snapshot-id'], type: 'tag' } },
    }));
    await ingestDays(15);
    await expire(world());
    const { metadata } = (await runtime.catalog.loadTable('opa_decisions'))!;
    const tagged = metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === first!['snapshot-id'])!;
    const files = await collect(liveFiles(store, metadata, { snapshot: tagged }));
    expect(files).toHaveLength(1);
    for (const { path } of files) expect(await store.head(path)).toBeDefined();
  });

  test('waits where a batch has been open for longer than the grace period, and loses nothing of it', async () => {
    await ingest(1);
    // Dies after its intent stands and before anything of it is visible.
    class Killed extends Error {}
    const dieAfterIntent: MemoryHooks = {
      after: ({ operation, uri }) => {
        if (operation === 'put' && uri.includes('/_batches/')) throw new Killed();
      },
    };
    await expect(ingest(2, world({ hooks: dieAfterIntent }))).rejects.toThrow();
    now += 30 * dayMs;
    const report = await expire(world());
    expect(report.postponed).toMatch(/^batch [0-9a-f]{32} of source eopa is open since 2026-01-01.*run backfill/);
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(4);
    const after = await expire(world());
    expect(after.postponed).toBeUndefined();
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(4);
    expect(await under('_batches/')).toEqual([]);
  });

  test('removes days past the retention of their table, with a record of the rows of each object', async () => {
    await ingestDays(4);
    // 2023-07-02 ends 912 days before the fifth of January 2026, at midnight.
    const retention = { opa_decisions: 917 * 86_400 };
    now = Date.UTC(2026, 0, 5);
    const dry = await expire(world({ retention }), { dryRun: true });
    expect(dry.tables.opa_decisions).toMatchObject({ days: 2, rows: 4 });
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(8);
    const report = await expire(world({ retention }));
    expect(report.tables.opa_decisions).toMatchObject({ days: 2, rows: 4 });
    const days = (await rowsOf(world(), 'opa_decisions')).map((row) => row.ymd);
    expect(new Set(days)).toEqual(new Set(['2023-07-03', '2023-07-04']));
    const record = await rowsOf(world(), 'amendments');
    expect(record.map(({ operation, rows, detail }) => [operation, rows, detail]).sort()).toEqual([
      ['retention', -2n, '2023-07-01'],
      ['retention', -2n, '2023-07-02'],
    ]);
    // What was read stays read: nothing comes back.
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(4);
  });

  test('killed at any of its calls leaves tables that read as before, and the next run ends the work', async () => {
    class Killed extends Error {}
    for (let k = 1; ; k += 5) {
      now = Date.UTC(2026, 0, 1);
      store = new MemoryStore({}, () => now);
      await ingestDays(5);
      const before = await contents();
      let calls = 0;
      const hooks: MemoryHooks = {
        before: () => {
          if (++calls >= k) throw new Killed();
        },
      };
      const survived = await expire(world({ hooks, expire: { snapshotsSeconds: dayMs / 1000 } })).then(
        () => true,
        () => false,
      );
      expect(await contents(), `call ${k}`).toEqual(before);
      if (survived) break;
      await expire(world({ expire: { snapshotsSeconds: dayMs / 1000 } }));
      expect(await contents(), `call ${k}`).toEqual(before);
      const { metadata } = (await world().catalog.loadTable('opa_decisions'))!;
      expect(metadata.snapshots.length, `call ${k}`).toBeLessThan(4);
    }
  });
});
