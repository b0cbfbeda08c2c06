/** Verify finds every way in which a warehouse can differ from its sources, tells it precisely, and mends what can be. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Change, commitTable, updateTable } from '../../src/iceberg/commit.ts';
import { removeSnapshots } from '../../src/iceberg/history.ts';
import { type LiveFile, liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { type VerifyOptions, type VerifyReport, verify } from '../../src/jobs/verify/verify.ts';
import { amend } from '../../src/ledger/amendment.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { createSource } from '../../src/sources/index.ts';
import { type MemoryHooks, MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { storeRows } from '../support/foreign-rows.ts';
import { decision, input, owner, putDecisions, type Rows, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const dayMs = 86_400_000;
let now: number;
let start: MemoryStore;
let store: MemoryStore;
beforeAll(async () => {
  now = Date.UTC(2026, 0, 1);
  store = new MemoryStore({}, () => now);
  await putDecisions(store, 4, 5);
  await run(world());
  start = store;
});
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  store = start.copy();
});

const world = (hooks?: MemoryHooks): Runtime =>
  testRuntime({
    store: hooks ? store.view(hooks) : store,
    clock: () => now,
    owner: owner('test'),
    batch: { objects: 2 },
  });
const check = (options?: VerifyOptions): Promise<VerifyReport> => verify(world(), options);
const kinds = ({ differences }: VerifyReport): string[] => differences.map(({ kind }) => kind);

async function filesOf(table: string): Promise<LiveFile[]> {
  const loaded = await world().catalog.loadTable(table);
  return (await collect(liveFiles(store, loaded!.metadata))).sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function mend(report: VerifyReport): Promise<{ done: string[]; after: VerifyReport }> {
  const done = await repair(world(), report.differences, undefined);
  return { done, after: await check({ deep: true }) };
}

describe('verify', () => {
  test('of a sound warehouse finds nothing, also when every object is read again', async () => {
    const report = await check({ deep: true });
    expect(report).toMatchObject({ ok: true, differencesTotal: 0 });
    expect(report.objects).toEqual({ listed: 4, ingested: 4, waiting: 0, readAgain: 4 });
    expect(report.tables.opa_decisions).toMatchObject({ rows: 20 });
  });

  test('finds an object that was never ingested, and one that changed, and repair ingests them', async () => {
    const [first] = await collect(store.list(input));
    const late = `${input}/eopa=b/first_ts=1/last_ts=2/batch_id=late.jsonl`;
    await store.put(late, Buffer.from(decision({ id: 'late' })));
    await store.put(first!.uri, Buffer.from(decision({ id: 'new' })));
    const report = await check();
    expect(report.differences).toMatchObject([
      { kind: 'object-changed', uri: first!.uri },
      { kind: 'object-not-ingested', uri: late },
    ]);
    expect((await check({ ignoreNewerMs: dayMs })).ok).toBe(true);
    const { done, after } = await mend(report);
    expect(done).toEqual(['ingested 2 objects, 2 rows']);
    expect(kinds(after)).toEqual([]);
  });

  test('finds a batch that died half-way, and repair finishes it', async () => {
    const uri = `${input}/eopa=a/first_ts=1/last_ts=2/batch_id=died.jsonl`;
    await store.put(uri, Buffer.from(decision({ id: 'died' })));
    const dieAfterIntent: MemoryHooks = {
      after: (call) => {
        if (call.operation === 'put' && call.uri.includes('/_batches/')) throw new Error('killed');
      },
    };
    await expect(run(world(dieAfterIntent))).rejects.toThrow('killed');
    expect((await check()).objects.waiting).toBe(1);
    now += 3_600_000;
    const report = await check();
    expect(kinds(report)).toEqual(['batch-abandoned']);
    const { after } = await mend(report);
    expect(after.ok).toBe(true);
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(21);
  });

  test('finds rows that left a table, by object, and repair brings the batch back', async () => {
    const [file] = await filesOf('opa_decisions');
    await commitTable(commitContext(world()), 'opa_decisions', () => ({
      operation: 'delete',
      add: [],
      remove: [file!.path],
      summary: {},
    }));
    const report = await check();
    expect(new Set(kinds(report))).toEqual(new Set(['rows-missing']));
    const lacking = report.differences.reduce((sum, { expected, found }) => sum + Number(expected) - Number(found), 0);
    expect(lacking).toBe(file!.recordCount);
    // A part of a batch is not what any batch wrote: it is not mended by guessing.
    expect((await mend(report)).done).toEqual([]);
    await commitTable(commitContext(world()), 'opa_decisions', async () => ({
      operation: 'delete',
      add: [],
      remove: (await filesOf('opa_decisions')).map(({ path }) => path),
      summary: {},
    }));
    const { done, after } = await mend(await check());
    expect(done).toHaveLength(2);
    expect(kinds(after)).toEqual([]);
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(20);
  });

  test('finds rows that nobody ingested', async () => {
    const [file] = await filesOf('opa_decisions');
    const { path, ymd, ...rest } = file!;
    const copy = path.replace('.parquet', '-copy.parquet');
    const bytes = await collect((await store.get(path)).chunks);
    await store.put(copy, bytes);
    await commitTable(commitContext(world()), 'opa_decisions', () => ({
      operation: 'append',
      add: [{ ...rest, ymd: ymd!, path: copy }],
      remove: [],
      summary: {},
    }));
    const report = await check();
    expect(new Set(kinds(report))).toEqual(new Set(['rows-unexpected']));
    expect((await mend(report)).done).toEqual([]);
  });

  test('takes rows that were removed on purpose for what they are', async () => {
    const [file] = await filesOf('opa_decisions');
    const rows = (await rowsOf(world(), 'opa_decisions')).filter((row) => row.ymd === file!.ymd);
    const inFile = new Map<string, number>();
    for (const { uri } of await collect(store.list(input))) {
      const count = rows.filter((row) => row.source_uri === uri).length;
      if (count > 0) inFile.set(uri, count);
    }
    const files = (await filesOf('opa_decisions')).filter(({ ymd }) => ymd === file!.ymd);
    const retired = await amend(world(), {
      operation: 'retention',
      table: 'opa_decisions',
      change: { operation: 'delete', add: [], remove: files.map(({ path }) => path) },
      entries: [...inFile].map(([sourceUri, count]) => ({ table: 'opa_decisions', sourceUri, rows: -count })),
    });
    expect(retired).toBe(true);
    expect(kinds(await check({ deep: true }))).toEqual([]);
  });

  test('finds files that are gone, cut, or not what their manifest says', async () => {
    const [first, second] = await filesOf('opa_decisions');
    await store.delete(first!.path);
    await store.put(second!.path, Buffer.alloc(second!.fileSize, 7));
    const report = await check();
    expect(report.differences).toContainEqual(expect.objectContaining({ kind: 'file-missing', uri: first!.path }));
    expect(report.differences).toContainEqual(expect.objectContaining({ kind: 'file-unreadable', uri: second!.path }));
    await store.put(second!.path, Buffer.alloc(10));
    expect((await check()).differences).toContainEqual({
      kind: 'file-size',
      table: 'opa_decisions',
      uri: second!.path,
      expected: second!.fileSize,
      found: 10,
    });
  });

  test('finds bounds that would hide rows from queries', async () => {
    const [file] = await filesOf('opa_decisions');
    const { metadata } = (await world().catalog.loadTable('opa_decisions'))!;
    const field = metadata.schemas.at(-1)!.fields.find(({ name }) => name === 'subject')!;
    const { ymd, ...rest } = file!;
    const wrong = { ...rest, ymd: ymd!, upperBounds: new Map([...file!.upperBounds, [field.id, Buffer.from('aaa')]]) };
    const commit = (change: Pick<Change, 'operation' | 'add' | 'remove'>) =>
      commitTable(commitContext(world()), 'opa_decisions', () => ({ ...change, summary: {} }));
    await commit({ operation: 'delete', add: [], remove: [file!.path] });
    await commit({ operation: 'append', add: [wrong], remove: [] });
    const report = await check();
    expect(report.differences).toContainEqual(
      expect.objectContaining({ kind: 'file-bounds', uri: file!.path, detail: 'columns subject' }),
    );
  });

  /** Writes the first day's rows anew, as somebody with access to the table could, and leaves the counts as they are. */
  async function rewrite(change: (row: Rows[number], index: number) => Rows[number]): Promise<Rows> {
    const runtime = world();
    const table = (await runtime.catalog.loadTable('opa_decisions'))!;
    const { table: declaration } = createSource('opa', {}, runtime.config.limits);
    const [{ ymd }] = (await filesOf('opa_decisions')) as [LiveFile];
    const files = (await filesOf('opa_decisions')).filter((file) => file.ymd === ymd);
    const rows = (await rowsOf(runtime, 'opa_decisions')).filter((row) => row.ymd === ymd);
    const target = { store, table, declaration, label: 'forged' };
    const add = await storeRows(target, rows.map(change), { ...runtime, output: runtime.config.output });
    await commitTable(commitContext(runtime), 'opa_decisions', () => ({
      operation: 'replace',
      add,
      remove: files.map(({ path }) => path),
      summary: {},
    }));
    return rows;
  }

  test('finds a value that was changed in place, only by reading the objects again', async () => {
    const [mine] = await rewrite((row, i) => (i === 0 ? { ...row, subject: 'somebody_else' } : row));
    expect(kinds(await check())).toEqual([]);
    expect((await check({ deep: true })).differences).toMatchObject([
      {
        kind: 'content-differs',
        uri: mine!.source_uri,
        detail: '1 rows of the table are not what the object gives',
        records: [{ offset: Number(mine!.source_offset), columns: ['subject'] }],
      },
    ]);
  });

  test('finds a record that was replaced by another under its id', async () => {
    const [mine] = await rewrite((row, i) => (i === 0 ? { ...row, input: '{"subject":"eve"}', subject: 'eve' } : row));
    expect(kinds(await check())).toEqual([]);
    const { differences } = await check({ deep: true });
    expect(differences).toContainEqual({
      kind: 'content-differs',
      table: 'opa_decisions',
      uri: mine!.source_uri,
      detail: `1 records of the object are in no table, the first at offset ${mine!.source_offset}`,
      records: [{ offset: Number(mine!.source_offset), columns: ['input', 'subject'] }],
    });
  });

  test('does not let what was erased of one object excuse what is lost of another', async () => {
    const uri = (name: string): string => `${input}/eopa=a/first_ts=1/last_ts=2/batch_id=${name}.jsonl`;
    const lines = (name: string, subjects: readonly string[]) =>
      Buffer.from(subjects.map((subject, i) => decision({ id: `${name}-${i}`, subject })).join('\n'));
    await store.put(uri('erased'), lines('erased', ['bob', 'bob', 'bob', 'eve']));
    await store.put(uri('lost'), lines('lost', ['sue', 'sue']));
    await run(world());
    await erase(world(), 'bob');
    // The object of the erased rows is gone from the source, so that nothing is missing there.
    await store.delete(uri('erased'));
    expect(kinds(await check({ deep: true }))).toEqual([]);
    await rewrite((row) => (row.decision_id === 'lost-1' ? { ...row, decision_id: 'other', subject: 'bob' } : row));
    const { differences } = await check({ deep: true });
    const detail = '1 records of the object are in no table, the first at offset';
    expect(differences).toContainEqual(
      expect.objectContaining({ kind: 'content-differs', uri: uri('lost'), detail: expect.stringContaining(detail) }),
    );
  });

  test('takes a record that was kept for another object, and erased there, for erased', async () => {
    const uri = (name: string): string => `${input}/eopa=a/first_ts=1/last_ts=2/batch_id=${name}.jsonl`;
    const shared = decision({ id: 'shared', subject: 'bob' });
    await store.put(uri('kept'), Buffer.from(shared));
    await store.put(uri('dropped'), Buffer.from([shared, decision({ id: 'own' })].join('\n')));
    await run(world());
    await erase(world(), 'bob');
    expect(kinds(await check({ deep: true }))).toEqual([]);
  });

  test('leaves out objects that move while it looks, and no others', async () => {
    const uri = `${input}/eopa=a/first_ts=1/last_ts=2/batch_id=moving.jsonl`;
    await store.put(uri, Buffer.from(decision({ id: 'first' })));
    await run(world());
    const grown = Buffer.from([decision({ id: 'first' }), decision({ id: 'second' })].join('\n'));
    // Ingested again between the two readings of the ledger: when the first data file of the decisions is looked at.
    let hasMoved = false;
    const hooks: MemoryHooks = {
      before: async (call) => {
        if (hasMoved || !call.uri.includes('/opa_decisions/data/')) return;
        hasMoved = true;
        await store.put(uri, grown);
        await run(world());
      },
    };
    const report = await verify(world(hooks), { deep: true });
    expect(hasMoved).toBe(true);
    expect(report.differences).toEqual([]);
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(22);
    // At rest, its rows are held against the ledger again.
    expect(kinds(await check({ deep: true }))).toEqual([]);
    await rewrite((row) => (row.decision_id === 'second' ? { ...row, source_uri: 'memory://test/logs/gone' } : row));
    expect((await check()).differences).toContainEqual(expect.objectContaining({ kind: 'rows-missing', uri }));
  });

  test('leaves out an object that a run holds, whose rows are in a table and not yet in the ledger', async () => {
    const uri = `${input}/eopa=a/first_ts=1/last_ts=2/batch_id=held.jsonl`;
    await store.put(uri, Buffer.from(decision({ id: 'held' })));
    let isVisible = false;
    const diesBeforeTheLedger: MemoryHooks = {
      before: ({ operation, uri: to }) => {
        if (isVisible && operation === 'put' && to.includes('/ingested_objects/')) throw new Error('killed');
      },
      after: ({ operation, uri: to }) => {
        if (operation === 'put' && /\/opa_decisions\/metadata\/v\d+\.metadata\.json$/.test(to)) isVisible = true;
      },
    };
    await expect(run(world(diesBeforeTheLedger))).rejects.toThrow('killed');
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(21);
    expect(await check({ deep: true })).toMatchObject({ differences: [], objects: { waiting: 1 } });
    now += 3_600_000;
    expect(kinds(await check({ deep: true }))).toEqual(['batch-abandoned']);
  });

  test('says on which day ids stand for records of different content, and calls it no difference', async () => {
    const forged = decision({ id: '0-1', time: '2023-07-12T00:00:01Z', subject: 'eve' });
    await store.put(`${input}/eopa=b/first_ts=1/last_ts=2/batch_id=forged.jsonl`, Buffer.from(forged));
    await run(world());
    const report = await check({ deep: true });
    expect(report).toMatchObject({ ok: true, differencesTotal: 0 });
    expect(report.findings).toEqual([{ kind: 'conflicting-ids', table: 'opa_decisions', ymd: '2023-07-12', found: 1 }]);
  });

  test('finds records that a replay took out of quarantine without a row for them', async () => {
    const [{ source_uri }] = (await rowsOf(world(), 'quarantine')) as [Rows[number]];
    const ofObject = (await rowsOf(world(), 'quarantine')).filter((row) => row.source_uri === source_uri).length;
    const files = await filesOf('quarantine');
    const counts = new Map<string, number>();
    for (const row of await rowsOf(world(), 'quarantine'))
      counts.set(String(row.source_uri), (counts.get(String(row.source_uri)) ?? 0) + 1);
    // As earlier versions did with what looked like lines of other programs.
    const entries = [...counts].map(([sourceUri, rows]) => ({ table: 'quarantine', sourceUri, rows: -rows }));
    await amend(world(), {
      operation: 'replay',
      table: 'quarantine',
      change: { operation: 'delete', add: [], remove: files.map(({ path }) => path) },
      entries,
    });
    expect((await check()).differences).toContainEqual({
      kind: 'replay-lost',
      table: 'quarantine',
      uri: source_uri,
      found: ofObject,
    });
  });

  test('finds an amendment that was broken off, and repair finishes it', async () => {
    const files = await filesOf('opa_decisions');
    const dieAfterIntent: MemoryHooks = {
      after: (call) => {
        if (call.operation === 'put' && call.uri.includes('/_amendments/')) throw new Error('killed');
      },
    };
    const counts = new Map<string, number>();
    for (const { source_uri } of await rowsOf(world(), 'opa_decisions'))
      counts.set(String(source_uri), (counts.get(String(source_uri)) ?? 0) + 1);
    const amending = amend(world(dieAfterIntent), {
      operation: 'retention',
      table: 'opa_decisions',
      change: { operation: 'delete', add: [], remove: files.map(({ path }) => path) },
      entries: [...counts].map(([sourceUri, rows]) => ({ table: 'opa_decisions', sourceUri, rows: -rows })),
    });
    await expect(amending).rejects.toThrow('killed');
    const report = await check();
    expect(kinds(report)).toEqual(['amendment-open']);
    const { after } = await mend(report);
    expect(after.ok).toBe(true);
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(0);
  });

  test('of a warehouse without its ledger says that nothing was ingested and every row is unexpected', async () => {
    const table = 'ingested_objects';
    await updateTable(commitContext(world()), table, ({ metadata }) => ({
      ...removeSnapshots(
        metadata,
        metadata.snapshots.map((snapshot) => snapshot['snapshot-id']),
      ),
      'current-snapshot-id': -1n,
      refs: {},
      snapshots: [],
    }));
    const report = await check();
    expect(report.ok).toBe(false);
    expect(new Set(kinds(report))).toEqual(new Set(['object-not-ingested', 'rows-unexpected']));
    expect(report.differencesTotal).toBe(report.differences.length);
  });
});
