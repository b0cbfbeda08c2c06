/** backfill --again: what is in the warehouse is read again, and takes the place of what was there. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Ingester, Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { amend } from '../../src/ledger/amendment.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
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
} from '../support/warehouse.ts';

const subjects = async (runtime: Runtime) =>
  (await rowsOf(runtime, 'opa_decisions')).map((row) => `${row.decision_id} ${row.subject}`).sort();

/** Accounts, files and contents: nothing is missing and nothing is too much. */
async function expectSound(runtime: Runtime): Promise<void> {
  expect((await verify(runtime, { deep: true })).differences).toEqual([]);
}

/** A decision whose subject stands where only a mapping finds it. */
const mapped = (id: string, user: string): string =>
  JSON.stringify({
    decision_id: id,
    input: { user },
    labels: { id: 'i' },
    result: { allowed: true },
    timestamp: `2023-07-11T16:56:0${id}.5Z`,
  });
const withFields: SourceConfig[] = [{ ...opaSourceConfig, mapping: { subject: [{ path: ['input', 'user'] }] } }];

describe('objects that are in the warehouse already', () => {
  test('are read again, and their rows are there once', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 5, 3);
    const runtime = testRuntime({ store, batch: { objects: 2 } });
    await run(runtime);
    const read = () => Promise.all(['opa_decisions', 'quarantine'].map((table) => sortedRows(runtime, table)));
    const before = await read();
    const report = await run(runtime, { again: true });
    expect(report.objects).toMatchObject({ listed: 5, skipped: 0, committed: 5, failed: 0 });
    expect(report.again).toEqual({
      objects: 5,
      replaced: { quarantine: 2, opa_decisions: 15 },
      erased: 0,
      kept: 0,
    });
    expect(await read()).toEqual(before);
    expect(await rowsOf(runtime, 'ingested_objects')).toHaveLength(5);
    await expectSound(runtime);
  });

  test('get the columns of today, and the ledger knows it', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', mapped('1', 'alice'), mapped('2', 'bob'));
    await putLines(store, 'b.jsonl', mapped('3', 'carol'));
    await run(testRuntime({ store }));
    const runtime = testRuntime({ store, sources: withFields });
    expect((await run(runtime, { dryRun: true })).otherMappings).toEqual([{ source: 'eopa', objects: 2, rows: 3 }]);
    const report = await run(runtime, { again: true });
    expect(await subjects(runtime)).toEqual(['1 alice', '2 bob', '3 carol']);
    expect(report.otherMappings).toEqual([]);
    await expectSound(runtime);
  });

  test('are replaced in one snapshot per table, beside rows of other objects in the same file', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a/1.jsonl', mapped('1', 'alice'), '{"broken":');
    await putLines(store, 'b/2.jsonl', mapped('2', 'bob'), '{"broken":2');
    await run(testRuntime({ store }));
    const runtime = testRuntime({ store, sources: withFields });
    const snapshots = async () =>
      Promise.all(
        ['opa_decisions', 'quarantine'].map(
          async (table) => (await runtime.catalog.loadTable(table))!.metadata.snapshots.length,
        ),
      );
    const before = await snapshots();
    const report = await run(runtime, { again: true, prefix: 'b/' });
    expect(await snapshots()).toEqual(before.map((count) => count + 1));
    expect(report.again).toMatchObject({ objects: 1, replaced: { opa_decisions: 1, quarantine: 1 } });
    expect(await subjects(runtime)).toEqual(['1 null', '2 bob']);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(2);
    await expectSound(runtime);
  });

  test('leave quarantine where they are readable now, also after a replay', async () => {
    const store = new MemoryStore();
    const long = (id: string) => decision({ id, subject: 'x'.repeat(3000) });
    await putLines(store, 'a.jsonl', decision({ id: '1' }), long('2'), '{"broken":');
    await putLines(store, 'b.jsonl', long('3'));
    await run(testRuntime({ store, limits: { recordBytes: 1000 } }));
    const runtime = testRuntime({ store });
    expect((await replay(runtime, { from: '2020-01-01' })).replayed).toBe(2);
    await expectSound(runtime);
    const report = await run(runtime, { again: true });
    expect(report.again).toMatchObject({ replaced: { opa_decisions: 3, quarantine: 1 } });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual(['1', '2', '3']);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(1);
    await expectSound(runtime);
    expect((await replay(runtime)).replayed).toBe(0);
  });

  test('that are new, failed or gone: new ones are read, broken ones stay as they were and fail the run', async () => {
    const store = new MemoryStore();
    for (const name of ['gone', 'broken', 'stays']) await putLines(store, `${name}.jsonl`, decision({ id: name }));
    const runtime = testRuntime({ store });
    await run(runtime);
    await store.delete(`${input}/gone.jsonl`);
    await store.put(`${input}/broken.jsonl`, Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]));
    await putLines(store, 'new.jsonl', decision({ id: 'new' }));
    const report = await run(runtime, { again: true });
    expect(report.objects).toMatchObject({ listed: 3, committed: 2, failed: 1 });
    expect(report.again).toMatchObject({ objects: 1 });
    const ids = ['broken', 'gone', 'new', 'stays'];
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual(ids);
    expect((await rowsOf(runtime, 'ingested_objects')).map((row) => row.state)).toEqual(ids.map(() => 'committed'));
  });

  test('of a compacted table: the rows of its large files are replaced, and duplicates are dropped again', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', mapped('1', 'alice'), mapped('2', 'bob'));
    await run(testRuntime({ store }));
    // The record of a.jsonl again: compaction drops one of them.
    await putLines(store, 'b.jsonl', mapped('2', 'bob'), mapped('3', 'carol'));
    await run(testRuntime({ store }));
    const runtime = testRuntime({ store, sources: withFields, compact: { smallFiles: 2 } });
    await compact(runtime);
    expect(await subjects(runtime)).toEqual(['1 null', '2 null', '3 null']);
    await run(runtime, { again: true, prefix: 'b' });
    expect(await subjects(runtime)).toEqual(['1 null', '2 bob', '2 null', '3 carol']);
    await expectSound(runtime);
    await run(runtime, { again: true });
    await compact(runtime);
    expect(await subjects(runtime)).toEqual(['1 alice', '2 bob', '3 carol']);
    await expectSound(runtime);
  });
});

describe('an object that has changed since', () => {
  const line = (id: number) => mapped(String(id), `user-${id}`);

  test('and only grew, in several versions, is replaced as a whole, quarantine included', async () => {
    const store = new MemoryStore();
    const first = testRuntime({ store });
    await putLines(store, 'a.jsonl', line(1), '{"broken":');
    await run(first);
    await putLines(store, 'a.jsonl', line(1), '{"broken":', line(2));
    await run(first);
    expect(await rowsOf(first, 'ingested_objects')).toHaveLength(2);
    await putLines(store, 'a.jsonl', line(1), '{"broken":', line(2), line(3));
    const runtime = testRuntime({ store, sources: withFields });
    const report = await run(runtime, { again: true });
    expect(report.again).toMatchObject({ objects: 1, replaced: { opa_decisions: 2, quarantine: 1 }, kept: 0 });
    expect(await subjects(runtime)).toEqual(['1 user-1', '2 user-2', '3 user-3']);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(1);
    expect(await rowsOf(runtime, 'ingested_objects')).toHaveLength(1);
    await expectSound(runtime);
  });

  test('and gives records no more: those stay, with what stood in quarantine', async () => {
    const store = new MemoryStore();
    await putLines(store, 'a.jsonl', line(1), line(2), '{"broken":');
    await run(testRuntime({ store }));
    await putLines(store, 'a.jsonl', line(3), line(2));
    const runtime = testRuntime({ store, sources: withFields });
    const report = await run(runtime, { again: true });
    expect(report.again).toMatchObject({ kept: 2 });
    expect(await subjects(runtime)).toEqual(['1 null', '2 user-2', '3 user-3']);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(1);
    await expectSound(runtime);
    expect(report.otherMappings).toEqual([{ source: 'eopa', objects: 1, rows: 1 }]);
    // Once more: what was kept is kept.
    await run(runtime, { again: true });
    expect(await subjects(runtime)).toEqual(['1 null', '2 user-2', '3 user-3']);
    expect(await rowsOf(runtime, 'quarantine')).toHaveLength(1);
    await expectSound(runtime);
  });

  test.each([
    ['at once', false],
    ['after an ordinary run', true],
  ])(
    'and gives other records in the same places keeps what stood there before, also in quarantine, %s',
    async (_, isKnown) => {
      const store = new MemoryStore();
      let now = Date.UTC(2026, 0, 1);
      const at = (subject: string) => decision({ id: '1', subject });
      const runtime = testRuntime({ store, clock: () => now });
      await putLines(store, 'a.jsonl', at('evil'), '{"broken":1', line(2));
      await run(runtime);
      now += 60_000;
      // Of the same time and length, so that nothing but the content tells them from those of before.
      await putLines(store, 'a.jsonl', at('good'), '{"forged":1', line(2), line(3));
      if (isKnown) await run(runtime);
      now += 60_000;
      const report = await run(runtime, { again: true });
      expect(report.again).toMatchObject({ kept: 2 });
      for (const _ of [1, 2]) {
        expect(await subjects(runtime)).toEqual(['1 evil', '1 good', '2 null', '3 null']);
        const payloads = (await rowsOf(runtime, 'quarantine')).map(({ payload }) => payload);
        expect(payloads.sort()).toEqual(['{"broken":1', '{"forged":1']);
        await expectSound(runtime);
        await run(runtime, { again: true });
      }
    },
  );
});

describe('rows that left on purpose', () => {
  test('of an erased subject do not come back, however often objects are read again', async () => {
    const store = new MemoryStore();
    let now = Date.UTC(2026, 0, 1);
    const runtime = { ...testRuntime({ store, clock: () => now }), uuid: randomUUID };
    await putLines(store, 'a.jsonl', decision({ id: '1', subject: 'alice' }), decision({ id: '2', subject: 'bob' }));
    await run(runtime);
    now += 60_000;
    await erase(runtime, 'alice');
    now += 60_000;
    await putLines(store, 'later.jsonl', decision({ id: '3', subject: 'alice' }));
    await run(runtime);
    for (const _ of [1, 2]) {
      now += 60_000;
      const report = await run(runtime, { again: true });
      expect(report.again).toMatchObject({ erased: 1, objects: 2 });
      // What came after the erasure is no part of it.
      expect(await subjects(runtime)).toEqual(['2 bob', '3 alice']);
      await expectSound(runtime);
    }
  });

  test('of an erased subject that another mapping has found stay out when their object grows', async () => {
    const store = new MemoryStore();
    let now = Date.UTC(2026, 0, 1);
    const runtime = (sources: SourceConfig[]) => testRuntime({ store, sources, clock: () => now });
    const lines = [decision({ id: '1', subject: 'alice' }), mapped('2', 'alice'), mapped('3', 'bob')];
    await putLines(store, 'a.jsonl', ...lines);
    await run(runtime([opaSourceConfig]));
    now += 60_000;
    await erase(runtime([opaSourceConfig]), 'alice');
    now += 60_000;
    const both = runtime([
      { ...opaSourceConfig, mapping: { subject: [{ path: ['input', 'subject'] }, { path: ['input', 'user'] }] } },
    ]);
    expect((await run(both, { again: true })).again).toMatchObject({ erased: 2 });
    expect(await subjects(both)).toEqual(['3 bob']);
    await putLines(store, 'a.jsonl', ...lines, mapped('4', 'alice'));
    await run(both);
    expect(await subjects(both)).toEqual(['3 bob', '4 alice']);
    await expectSound(both);
  });

  test('of an erased subject do not come back by a duplicate that was kept elsewhere when they were erased', async () => {
    const store = new MemoryStore();
    let now = Date.UTC(2026, 0, 1);
    const runtime = { ...testRuntime({ store, clock: () => now }), uuid: randomUUID };
    await putLines(store, 'a.jsonl', decision({ id: '1', subject: 'alice' }));
    await putLines(store, 'b.jsonl', decision({ id: '1', subject: 'alice' }), decision({ id: '2', subject: 'bob' }));
    await run(runtime);
    expect(await subjects(runtime)).toEqual(['1 alice', '2 bob']);
    now += 60_000;
    await erase(runtime, 'alice');
    for (const _ of [1, 2]) {
      now += 60_000;
      await run(runtime, { again: true, prefix: 'b' });
      expect(await subjects(runtime)).toEqual(['2 bob']);
      await expectSound(runtime);
    }
  });

  test('past their retention come back until the next expire, and the accounts hold all the while', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 2, 4);
    const runtime = testRuntime({ store, retention: { opa_decisions: 86_400 } });
    await run(runtime);
    await expire(runtime);
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(0);
    await run(runtime, { again: true });
    expect(await rowsOf(runtime, 'opa_decisions')).toHaveLength(8);
    await expectSound(runtime);
    await expire(runtime);
    await expectSound(runtime);
  });
});

describe('the run', () => {
  test('of a dry run says what would be read and replaced, and writes nothing', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 4, 3);
    await run(testRuntime({ store }));
    const puts: string[] = [];
    const view = store.view({ before: ({ operation, uri }) => void (operation === 'put' && puts.push(uri)) });
    const { plan, again } = await run(testRuntime({ store: view }), { again: true, dryRun: true });
    expect(plan).toMatchObject({ objects: 4, replaced: { objects: 4, rows: 12, quarantined: 2 } });
    expect(again).toBeUndefined();
    expect(puts).toEqual([]);
  });

  test('that was stopped goes on where it stopped; one that is done begins anew', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 6, 3);
    const batch = { objects: 2 };
    await run(testRuntime({ store, batch }));
    const stop = new AbortController();
    let begun = 0;
    const first = testRuntime({ store, batch });
    const ingester: Ingester = {
      ...first.ingester,
      ingest: (...given) => {
        if (++begun === 3) stop.abort(new Error('stopped'));
        return first.ingester.ingest(...given);
      },
    };
    const stopped = run({ ...first, ingester, uuid: randomUUID }, { again: true, signal: stop.signal });
    await expect(stopped).rejects.toThrow('stopped');
    let now = Date.UTC(2026, 0, 2);
    const next = { ...testRuntime({ store, batch, owner: owner('next'), clock: () => now }), uuid: randomUUID };
    const second = await run(next, { again: true });
    expect(second.objects).toMatchObject({ listed: 6, skipped: 4, committed: 2 });
    expect(second.again).toMatchObject({ objects: 2, since: '2026-01-01T00:00:00.000Z' });
    now += 1000;
    const third = await run(next, { again: true });
    expect(third.objects).toMatchObject({ listed: 6, skipped: 0, committed: 6 });
    expect(third.again).not.toHaveProperty('since');
    expect(await rowsOf(next, 'opa_decisions')).toHaveLength(18);
    await expectSound(next);
  });
});

describe('what an older version of replay has lost', () => {
  test('is there again, and verify has nothing to say any more', async () => {
    const store = new MemoryStore();
    const line = (log: string) => JSON.stringify({ log, stream: 'stderr', time: 't' });
    const whole = decision({ id: 'split', subject: 'x'.repeat(900) });
    const pieces = [whole.slice(0, 300), whole.slice(300, 600), `${whole.slice(600)}\n`];
    await putLines(store, 'docker.log', ...pieces.map(line), line(`${decision({ id: 'whole' })}\n`));
    const old = testRuntime({ store, limits: { recordBytes: 500 } });
    await run(old);
    const quarantined = await rowsOf(old, 'quarantine');
    expect(quarantined.length).toBeGreaterThan(0);
    // It took them out as lines of another program.
    const files = await collect(liveFiles(store, (await old.catalog.loadTable('quarantine'))!.metadata));
    await amend(old, {
      operation: 'replay',
      table: 'quarantine',
      change: { operation: 'delete', add: [], remove: files.map(({ path }) => path) },
      entries: [{ table: 'quarantine', sourceUri: `${input}/docker.log`, rows: -quarantined.length }],
    });
    const runtime = testRuntime({ store });
    expect((await verify(runtime)).differences).toMatchObject([{ kind: 'replay-lost', found: quarantined.length }]);
    expect((await verify(runtime, { deep: true })).ok).toBe(false);
    await run(runtime, { again: true });
    expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id).sort()).toEqual(['split', 'whole']);
    expect(await rowsOf(runtime, 'quarantine')).toEqual([]);
    await expectSound(runtime);
  });
});

describe('side by side', () => {
  test('two runs of it share the work, beside an ordinary one and a compaction', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 8, 3);
    const batch = { objects: 1 };
    const old = testRuntime({ store, batch });
    await run(old);
    const before = await sortedRows(old, 'opa_decisions');
    await putLines(store, 'new.jsonl', decision({ id: 'new' }));
    const runtimes = ['one', 'two', 'three', 'four'].map((name) => ({
      ...testRuntime({ store, batch, owner: owner(name), compact: { smallFiles: 2 } }),
      uuid: randomUUID,
    }));
    const [one, two] = await Promise.all([
      run(runtimes[0]!, { again: true }),
      run(runtimes[1]!, { again: true }),
      run(runtimes[2]!),
      compact(runtimes[3]!),
    ]);
    expect(one.again!.objects + two.again!.objects).toBeGreaterThanOrEqual(8);
    const rows = (await sortedRows(old, 'opa_decisions')).filter((row) => !row.includes('new.jsonl'));
    expect(rows).toEqual(before);
    const ledger = await rowsOf(old, 'ingested_objects');
    expect(ledger.map(({ state }) => state)).toEqual(Array(9).fill('committed'));
    await expectSound(old);
  });
});
