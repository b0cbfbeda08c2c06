/** Expire takes what nothing needs, and only that, whatever else is going on. */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { Config } from '../../src/config/config.ts';
import { commitTable, updateTable } from '../../src/iceberg/commit.ts';
import type { Snapshot, TableMetadata } from '../../src/iceberg/metadata.ts';
import { reachableFiles } from '../../src/iceberg/reachable.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { open } from '../../src/index.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { expiredSnapshots } from '../../src/jobs/expire/snapshots.ts';
import { amendmentProperty } from '../../src/ledger/amendment.ts';
import { batchProperty } from '../../src/ledger/batch-summary.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { type MemoryCall, type MemoryHooks, MemoryStore } from '../../src/store/memory.ts';
import { temporaryFolder } from '../support/cli.ts';
import { collect } from '../support/collect.ts';
import { deaths } from '../support/mortal.ts';
import {
  decision,
  input,
  objectUri,
  owner,
  rowsOf,
  run,
  sortedRows,
  testRuntime,
  warehouse,
} from '../support/warehouse.ts';

const dayMs = 86_400_000;
const tables = ['opa_decisions', 'quarantine', 'ingested_objects'];

let now: number;
let store: MemoryStore;
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  store = new MemoryStore({}, () => now);
});

interface Settings {
  readonly on?: MemoryStore;
  readonly expire?: Partial<Config['expire']>;
  readonly retention?: Config['retention'];
}
const world = ({ on = store, ...settings }: Settings = {}): Runtime =>
  testRuntime({
    store: on,
    clock: () => now,
    owner: owner('test'),
    ...settings,
    expire: { keepSnapshots: 2, ...settings.expire },
  });

/** One object of two decisions and a bad line, on the given day of July 2023. */
async function ingest(day: number, runtime = world()): Promise<void> {
  const ymd = `2023-07-${String(day).padStart(2, '0')}`;
  const lines = ['a', 'b'].map((id) => decision({ id: `${ymd}-${id}`, time: `${ymd}T10:00:00Z` }));
  await store.put(objectUri(ymd), Buffer.from([...lines, '{'].join('\n')));
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

  test('deletes what writes that were cut off have left in a folder, once the grace period is over, and nothing else', async () => {
    const { folder, remove } = temporaryFolder();
    onTestFinished(remove);
    const sources = [{ name: 'opa', type: 'opa', location: `${folder}/logs/` }] as const;
    const opened = await open({ warehouse: `${folder}/warehouse`, catalog: { type: 'file' }, sources });
    onTestFinished(() => opened.close());
    const inside = `${folder}/warehouse/opa_decisions/data/ymd=2023-07-01`;
    mkdirSync(inside, { recursive: true });
    const file = (name: string, days: number): string => {
      writeFileSync(`${inside}/${name}`, 'rows');
      const seconds = Date.now() / 1000 - days * 86_400;
      utimesSync(`${inside}/${name}`, seconds, seconds);
      return name;
    };
    file('.audit-warehouse-9a3f.tmp', 4);
    const young = file('.audit-warehouse-8b2e.tmp', 2);
    const foreign = file('.audit-warehouse-notes', 4);
    expect(await opened.expire({ dryRun: true })).toMatchObject({ leftovers: 1 });
    expect(readdirSync(inside)).toHaveLength(3);
    expect(await opened.expire()).toMatchObject({ leftovers: 1 });
    expect(readdirSync(inside).sort()).toEqual([young, foreign].sort());
  });

  test('removes the manifest of a job the grace period after its last unit is over, and what no plan has written never', async () => {
    await ingest(1);
    const unit = (number: number, days: number): string => {
      const claimedUntil = new Date(now + days * dayMs).toISOString();
      const batch = String(number).repeat(32);
      return JSON.stringify({
        version: 1,
        kind: 'ingest',
        unit: number,
        source: 'eopa',
        batch,
        ymd: '2026-01-01',
        claimedUntil,
      });
    };
    const [job, empty, note, foreign] = ['a.jsonl', 'nothing.jsonl', 'README.txt', 'b.jsonl'].map(
      (name) => `${warehouse}/_jobs/${name}`,
    ) as [string, string, string, string];
    await store.put(job, Buffer.from(`${unit(0, 0)}\n${unit(1, 4)}\n`));
    await store.put(empty, Buffer.from(''));
    await store.put(note, Buffer.from('who may write here\n'));
    await store.put(foreign, Buffer.from(`${unit(0, 0)}\n{"version":1,"kind":"other"}\n`));
    now += 7 * dayMs;
    expect((await expire(world())).manifests).toBe(1);
    expect(await under('_jobs/')).toEqual([note, job, foreign]);
    now += 1;
    const told: string[] = [];
    await expire(world(), {
      dryRun: true,
      onRemoval: ({ kind, name }) => void (kind === 'manifest' && told.push(name)),
    });
    expect(told).toEqual([job]);
    expect((await expire(world())).manifests).toBe(1);
    expect(await under('_jobs/')).toEqual([note, foreign]);
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

  test('keeps all snapshots and files of a table whose gc.enabled is false, and says so', async () => {
    await ingestDays(3);
    const runtime = world();
    await updateTable(commitContext(runtime), 'opa_decisions', ({ metadata }) => ({
      ...metadata,
      properties: { ...metadata.properties, 'gc.enabled': 'FALSE' },
    }));
    await ingestDays(15);
    const before = await under('opa_decisions/data/');
    await store.put(
      `${runtime.catalog.tableLocation('opa_decisions')}/data/of-another-table.parquet`,
      Buffer.from('x'),
    );
    now += 10 * dayMs;
    const report = await expire(world());
    expect(report).toMatchObject({ gcDisabled: ['opa_decisions'], refused: [] });
    expect(report.tables).toMatchObject({ opa_decisions: { snapshots: 0, files: 0 } });
    expect(report.tables.ingested_objects!.files).toBeGreaterThan(0);
    expect(await under('opa_decisions/data/')).toHaveLength(before.length + 1);
  });

  test('deletes files that were replaced once no snapshot has them, though one that stays tells of their removal', async () => {
    await ingestDays(3);
    const live = async (): Promise<string[]> => {
      const { metadata } = (await world().catalog.loadTable('opa_decisions'))!;
      return (await collect(liveFiles(store, metadata))).map(({ path }) => path).sort();
    };
    const before = await live();
    await compact(world(), { tables: ['opa_decisions'] });
    const after = await live();
    expect(after.filter((path) => before.includes(path))).toEqual([]);
    now += 10 * dayMs;
    // Only the compaction itself stays, in whose manifests the files before are marked as deleted.
    await expire(world({ expire: { keepSnapshots: 1 } }));
    expect((await world().catalog.loadTable('opa_decisions'))!.metadata.snapshots).toHaveLength(1);
    expect(await under('opa_decisions/data/')).toEqual(after);
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
    await expect(ingest(2, world({ on: store.view(dieAfterIntent) }))).rejects.toThrow();
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
    await ingestDays(5);
    const ingested = store;
    const before = await contents();
    const settings = { expire: { snapshotsSeconds: dayMs / 1000 } };
    const view = ingested.copy().view();
    await expire(world({ on: view, ...settings }));
    expect(view.calls).toBeGreaterThan(50);
    const dying = (on: MemoryStore) => expire(world({ on, ...settings }));
    for await (const death of deaths(ingested, view.calls, dying, { mayEnd: true })) {
      ({ store } = death);
      expect(await contents(), death.at).toEqual(before);
      await expire(world(settings));
      expect(await contents(), death.at).toEqual(before);
      const { metadata } = (await world().catalog.loadTable('opa_decisions'))!;
      expect(metadata.snapshots.length, death.at).toBeLessThan(4);
    }
  });
});

describe('what is still going on stays out of its reach', () => {
  class Killed extends Error {}
  const isPut = ({ operation, uri }: MemoryCall, place: string): boolean => operation === 'put' && uri.includes(place);

  /** Snapshots of other writers, so that those before them are neither current nor among the newest. */
  async function commitOthers(table: string, count = 3): Promise<void> {
    for (let n = 0; n < count; n++)
      await commitTable(commitContext(world()), table, () => ({
        operation: 'append',
        add: [],
        remove: [],
        summary: {},
      }));
  }

  const removeInput = async (): Promise<void> => {
    for (const { uri } of await collect(store.list(input))) await store.delete(uri);
  };

  test('the snapshot by which an open batch is known to be committed, so that it is not committed again', async () => {
    let isStaged = false;
    const dieBeforeLedger: MemoryHooks = {
      before: (call) => {
        isStaged ||= isPut(call, '/_batches/');
        if (isStaged && isPut(call, '/ingested_objects/')) throw new Killed();
      },
    };
    await expect(ingest(1, world({ on: store.view(dieBeforeLedger) }))).rejects.toThrow(Killed);
    for (const table of ['opa_decisions', 'quarantine']) await commitOthers(table);
    now += 10 * dayMs;
    const report = await expire(world());
    expect(report.tables.opa_decisions!.snapshots).toBe(1);
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(2);
    expect(await rowsOf(world(), 'quarantine')).toHaveLength(1);
  });

  test('the intent and the files of an open batch, though the clock of the store is days behind', async () => {
    store = new MemoryStore({}, () => now - 4 * dayMs);
    const dieAfterIntent: MemoryHooks = {
      after: (call) => {
        if (isPut(call, '/_batches/')) throw new Killed();
      },
    };
    await expect(ingest(1, world({ on: store.view(dieAfterIntent) }))).rejects.toThrow(Killed);
    const report = await expire(world());
    expect(report).toMatchObject({ intents: 0, tables: { opa_decisions: { files: 0 } } });
    expect(report.postponed).toBeUndefined();
    // Nothing can be read a second time.
    await removeInput();
    now += dayMs;
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(2);
  });

  test('the intent of a batch that has been open for long', async () => {
    const dieAfterIntent: MemoryHooks = {
      after: (call) => {
        if (isPut(call, '/_batches/')) throw new Killed();
      },
    };
    await expect(ingest(1, world({ on: store.view(dieAfterIntent) }))).rejects.toThrow(Killed);
    now += 10 * dayMs;
    expect((await expire(world())).intents).toBe(0);
    await removeInput();
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(2);
  });

  test('the intent of a batch that was settled within the grace period', async () => {
    await ingest(1);
    now += 3 * dayMs;
    expect((await expire(world())).intents).toBe(0);
    now += 1;
    expect((await expire(world())).intents).toBe(1);
  });

  test.each([
    ['the files of an amendment that has just begun, though they took long to write', 'after', '/_amendments/'],
    ['the snapshot by which an open amendment is known to be done', 'before', '/amendments/metadata/v'],
  ] as const)('%s', async (_, when, place) => {
    await ingest(1);
    const [first] = await collect(store.list(input));
    const { chunks } = await store.get(first!.uri);
    await store.put(first!.uri.replace('batch_id=', 'batch_id=again-'), Buffer.concat(await collect(chunks)));
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(4);
    now += 20 * dayMs;

    let listings = 0;
    let isDecided = false;
    const beginCompaction = async (): Promise<void> => {
      now -= 10 * dayMs;
      const die = (call: MemoryCall): void => {
        isDecided ||= isPut(call, '/_amendments/');
        if (isDecided && isPut(call, place)) throw new Killed();
      };
      await expect(compact(world({ on: store.view({ [when]: die }) }), { tables: ['opa_decisions'] })).rejects.toThrow(
        Killed,
      );
      await commitOthers('opa_decisions');
      now += 10 * dayMs;
    };
    const hooks: MemoryHooks = {
      // Expire looks once to finish what is open, and once to see what is: the compaction begins in between.
      before: async ({ operation, uri }) => {
        if (operation === 'list' && uri.endsWith('/_amendments/') && ++listings === 2) await beginCompaction();
      },
    };
    await expire(world({ on: store.view(hooks) }));
    expect(listings).toBe(2);
    expect((await expire(world())).amendmentsFinished).toBe(1);
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(2);
    const record = await rowsOf(world(), 'amendments');
    expect(record.map(({ operation, rows }) => [operation, rows])).toEqual([['compact', -2n]]);
  });

  test('a file that becomes live while expire looks for what no snapshot reaches', async () => {
    await ingest(1);
    const runtime = world();
    const before = (await runtime.catalog.loadTable('opa_decisions'))!.metadata;
    const files = await collect(liveFiles(store, before));
    await commitTable(commitContext(runtime), 'opa_decisions', () => ({
      operation: 'delete',
      add: [],
      remove: files.map(({ path }) => path),
      summary: {},
      keep: () => false,
    }));
    now += 10 * dayMs;
    let isRestored = false;
    const hooks: MemoryHooks = {
      // Another engine sets the table back to what it was.
      before: async ({ operation, uri }) => {
        if (isRestored || operation !== 'list' || !uri.endsWith('/opa_decisions/data/')) return;
        isRestored = true;
        await updateTable(commitContext(world()), 'opa_decisions', ({ metadata }) => ({
          ...metadata,
          snapshots: before.snapshots,
          'current-snapshot-id': before['current-snapshot-id'],
          'snapshot-log': before['snapshot-log'],
          refs: before.refs,
        }));
      },
    };
    await expire(world({ on: store.view(hooks) }));
    expect(isRestored).toBe(true);
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(2);
  });

  test('the current metadata file of a catalog that names them as it likes, and no other', async () => {
    await ingest(1);
    const runtime = world();
    const location = runtime.catalog.tableLocation('opa_decisions');
    const [current, other] = ['00007-a', '00003-b'].map((name) => `${location}/metadata/${name}.metadata.json`);
    for (const uri of [current!, other!]) await store.put(uri, Buffer.from('{}'));
    const { catalog } = runtime;
    const load = catalog.loadTable.bind(catalog);
    catalog.loadTable = async (name) => {
      const loaded = await load(name);
      return name === 'opa_decisions' ? { ...loaded!, metadataLocation: current! } : loaded;
    };
    now += 10 * dayMs;
    await expire(runtime);
    expect(await store.head(current!)).toBeDefined();
    expect(await store.head(other!)).toBeUndefined();
  });

  test('the numbered metadata files, also where the log of the table has forgotten them', async () => {
    await ingest(1);
    await updateTable(commitContext(world()), 'opa_decisions', ({ metadata }) => ({
      ...metadata,
      properties: {
        ...metadata.properties,
        'write.metadata.previous-versions-max': '1',
        'write.metadata.delete-after-commit.enabled': 'false',
      },
    }));
    await commitOthers('opa_decisions');
    now += 10 * dayMs;
    const numbered = async (): Promise<string[]> =>
      (await under('opa_decisions/metadata/')).filter((uri) => /\/v\d+\.metadata\.json$/.test(uri));
    const before = await numbered();
    const { metadata } = (await world().catalog.loadTable('opa_decisions'))!;
    expect(metadata['metadata-log'].length).toBeLessThan(before.length - 1);
    await expire(world());
    expect(await numbered()).toEqual(expect.arrayContaining(before));
  });

  test('what lies where the catalog puts a table, once the table says that its files are elsewhere', async () => {
    await ingest(1);
    const runtime = world();
    const file = `${runtime.catalog.tableLocation('opa_decisions')}/data/of-somebody-else.parquet`;
    await store.put(file, Buffer.from('x'));
    await updateTable(commitContext(runtime), 'opa_decisions', ({ metadata }) => ({
      ...metadata,
      location: `${warehouse}/elsewhere/opa_decisions`,
    }));
    now += 10 * dayMs;
    expect((await expire(runtime)).tables.opa_decisions!.files).toBe(0);
    expect(await store.head(file)).toBeDefined();
  });
});

describe('the snapshots that have had their time', () => {
  const snapshot = (n: number, summary: Record<string, string> = {}): Snapshot => ({
    'snapshot-id': BigInt(n),
    'sequence-number': n,
    'timestamp-ms': 100 * n,
    summary: { operation: 'append', ...summary },
    'manifest-list': `memory://lists/${n}`,
    'schema-id': 0,
  });
  const table = (snapshots: readonly Snapshot[], edit: Partial<TableMetadata> = {}): TableMetadata =>
    ({
      properties: {},
      snapshots,
      'current-snapshot-id': snapshots.at(-1)!['snapshot-id'],
      refs: {},
      ...edit,
    }) as TableMetadata;
  const five = [1, 2, 3, 4, 5].map((n) => snapshot(n));
  const rules = { before: Infinity, keep: 0, unfinished: new Set<string>() };
  const numbers = (metadata: TableMetadata, changed: Partial<typeof rules> = {}): number[] =>
    expiredSnapshots(metadata, { ...rules, ...changed })
      .map((expired) => Number(expired['snapshot-id']))
      .sort();

  test('are those before the time, and not the one of that very instant', () => {
    expect(numbers(table(five), { before: 300 })).toEqual([1, 2]);
    expect(numbers(table(five), { before: 301 })).toEqual([1, 2, 3]);
  });

  test('are none of the newest, however old, and in whatever order they are listed', () => {
    expect(numbers(table(five), { keep: 2 })).toEqual([1, 2, 3]);
    const shuffled = [five[3]!, five[0]!, five[4]!, five[2]!, five[1]!];
    expect(numbers(table(shuffled, { 'current-snapshot-id': 5n }), { keep: 3 })).toEqual([1, 2]);
    expect(numbers(table(five), { keep: 9 })).toEqual([]);
  });

  test('are not the current one, though another engine has set the table back to it and no branch names it', () => {
    expect(numbers(table(five, { 'current-snapshot-id': 2n }))).toEqual([1, 3, 4, 5]);
  });

  test('are not those of any branch or tag', () => {
    const refs = {
      main: { 'snapshot-id': 5n, type: 'branch' },
      audit: { 'snapshot-id': 1n, type: 'tag' },
      trial: { 'snapshot-id': 3n, type: 'branch' },
    } as const;
    expect(numbers(table(five, { refs }))).toEqual([2, 4]);
  });

  test('are not those by which open work is known to be done', () => {
    const marked = [
      snapshot(1, { [batchProperty]: 'open' }),
      snapshot(2, { [batchProperty]: 'settled' }),
      snapshot(3, { [amendmentProperty]: 'begun' }),
      snapshot(4, { [amendmentProperty]: 'finished' }),
      snapshot(5),
    ];
    expect(numbers(table(marked), { unfinished: new Set(['open', 'begun']) })).toEqual([2, 4]);
  });
});
