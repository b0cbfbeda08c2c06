/** A backfill in three steps: any machine may stage a unit, any number of times, and the rows are those of a backfill. */
import { describe, expect, test } from 'vitest';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import { commitUnits } from '../../src/jobs/steps/commit.ts';
import { readUnit, readUnits, unitLine } from '../../src/jobs/steps/manifest.ts';
import { planUnits } from '../../src/jobs/steps/plan.ts';
import { Stager } from '../../src/jobs/steps/stage.ts';
import type { IngestUnit } from '../../src/jobs/steps/unit.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { batchesOf } from '../../src/ledger/batch-summary.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { createSource } from '../../src/sources/index.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { input, owner, putDecisions, rowsOf, run, sortedRows, testRuntime } from '../support/warehouse.ts';

const objects = 6;
const perObject = 3;
const hour = 3_600_000;

async function world() {
  const store = new MemoryStore();
  await putDecisions(store, objects, perObject);
  const time = { now: Date.UTC(2026, 0, 1) };
  const machine = (id: string) =>
    testRuntime({ store, batch: { objects: 2 }, owner: owner(id), clock: () => time.now });
  const plan = (name = 'nightly', more: { units?: number } = {}) =>
    collect(planUnits(machine('planner'), { name, holdSeconds: 7200, units: 100, ...more }));
  const rows = async () => [
    await sortedRows(machine('reader'), 'opa_decisions'),
    await sortedRows(machine('reader'), 'quarantine'),
  ];
  return { store, time, machine, plan, rows };
}

async function ofBackfill() {
  const { machine, rows } = await world();
  await run(machine('alone'));
  return rows();
}

const stage = (runtime: ReturnType<typeof testRuntime>, unit: IngestUnit) => new Stager(runtime).stage(unit);

describe('plan, stage and commit', () => {
  test('give the rows of a backfill, all units in one snapshot, and leave nothing to do', async () => {
    const { machine, plan, rows } = await world();
    const units = await plan();
    expect(units.map(({ unit, objects: count, kind }) => [unit, count, kind])).toEqual([
      [0, 2, 'ingest'],
      [1, 2, 'ingest'],
      [2, 2, 'ingest'],
    ]);
    const receipts = await Promise.all(units.map((unit) => stage(machine(`machine ${unit.unit}`), unit)));
    expect(receipts.map(({ state, counts }) => [state, counts?.records.rows])).toEqual([
      ['staged', 6],
      ['staged', 6],
      ['staged', 6],
    ]);
    expect((await rows())[0]).toEqual([]);
    const report = await commitUnits(machine('committer'));
    expect(report).toMatchObject({
      units: { committed: 3, givenBack: 0, open: 0 },
      objects: { failed: 0 },
      counts: { objects, records: { rows: objects * perObject, quarantined: 2 } },
    });
    expect(await rows()).toEqual(await ofBackfill());
    const { metadata } = (await machine('reader').catalog.loadTable('opa_decisions'))!;
    expect(metadata.snapshots.map((snapshot) => batchesOf(snapshot).length)).toEqual([3]);
    expect((await verify(machine('verifier'), { deep: true })).differences).toEqual([]);
    expect(await plan()).toEqual([]);
    expect((await commitUnits(machine('committer'))).units).toEqual({ committed: 0, givenBack: 0, open: 0 });
  });

  test('commit what is staged while other units are not, and those later', async () => {
    const { machine, plan, rows } = await world();
    const units = await plan();
    await stage(machine('first'), units[1]!);
    expect((await commitUnits(machine('committer'))).units).toEqual({ committed: 1, givenBack: 0, open: 2 });
    expect((await rows())[0]).toHaveLength(6);
    for (const unit of units) await stage(machine('second'), unit);
    expect((await commitUnits(machine('committer'))).units).toEqual({ committed: 2, givenBack: 0, open: 0 });
    expect(await rows()).toEqual(await ofBackfill());
  });

  test('count what is staged while a commit is on its way, and committed along', async () => {
    const { machine, plan, rows, store } = await world();
    const units = await plan();
    await stage(machine('first'), units[0]!);
    let isLate = true;
    const view = store.view({
      before: async ({ operation, uri }) => {
        if (!isLate || operation !== 'put' || !uri.endsWith('/_commits/turn.json')) return;
        isLate = false;
        await stage(machine('second'), units[1]!);
      },
    });
    const first = await commitUnits(
      testRuntime({ store: view, batch: { objects: 2 }, owner: owner('committer'), clock: () => Date.UTC(2026, 0, 1) }),
    );
    expect(isLate).toBe(false);
    expect(first.units).toEqual({ committed: 2, givenBack: 0, open: 1 });
    expect(first.counts.objects).toBe(4);
    await stage(machine('first'), units[2]!);
    expect((await commitUnits(machine('committer'))).units).toEqual({ committed: 1, givenBack: 0, open: 0 });
    expect(await rows()).toEqual(await ofBackfill());
  });

  test('two commits at a time, beside a backfill, commit each unit once', async () => {
    const { machine, plan, rows } = await world();
    for (const unit of await plan()) await stage(machine('first'), unit);
    const backfilled = run(machine('other'));
    await Promise.all([commitUnits(machine('one')), commitUnits(machine('two')), backfilled]);
    expect(await rows()).toEqual(await ofBackfill());
  });
});

describe('a plan', () => {
  test('of the same name gives its open units again, and one of another name leaves them', async () => {
    const { plan, machine } = await world();
    const first = await plan('nightly', { units: 2 });
    expect(first).toHaveLength(2);
    const again = await plan();
    expect(again.map(({ batch }) => batch)).toEqual(expect.arrayContaining(first.map(({ batch }) => batch)));
    expect(again).toHaveLength(3);
    expect(await plan('other')).toEqual([]);
    await stage(machine('first'), again[0]!);
    await commitUnits(machine('committer'));
    expect(await plan()).toHaveLength(2);
  });

  test('that is cut off has claimed no more than it gives, of new objects or of abandoned batches', async () => {
    const { machine, plan, time } = await world();
    const owned = async () =>
      (await createLedger(machine('reader')).openClaims()).map(([first]) => [first!.owner, first!.batch]);
    const [one] = await plan('nightly', { units: 1 });
    expect(await owned()).toEqual([['job/nightly', one!.batch]]);
    await plan('old');
    time.now += 3 * hour;
    const [taken] = await plan('new', { units: 1 });
    const byName = Map.groupBy(await owned(), ([name]) => name);
    expect(byName.get('job/new')).toEqual([['job/new', taken!.batch]]);
    expect(byName.get('job/old')!.length + byName.get('job/nightly')!.length).toBe(2);
  });

  test('holds its units until their time is over; then any run takes them over', async () => {
    const { machine, plan, time, rows } = await world();
    const units = await plan();
    await stage(machine('first'), units[0]!);
    time.now += hour;
    const held = await createLedger(machine('other')).takeOver(units[1]!.batch);
    expect(held).toBeUndefined();
    time.now += 2 * hour;
    await run(machine('other'));
    expect(await rows()).toEqual(await ofBackfill());
    const late = await Promise.all(units.map((unit) => stage(machine('late'), unit)));
    expect(late.map(({ state }) => state)).toEqual(['staged', 'staged', 'staged']);
    await commitUnits(machine('committer'));
    expect(await rows()).toEqual(await ofBackfill());
  });

  test('takes over what is abandoned by others', async () => {
    const { machine, plan, time, rows } = await world();
    const abandoned = await plan('old');
    time.now += 3 * hour;
    const units = await plan();
    expect(units.map(({ batch }) => batch).sort()).toEqual(abandoned.map(({ batch }) => batch).sort());
    for (const unit of units) await stage(machine('first'), unit);
    await commitUnits(machine('committer'));
    expect(await rows()).toEqual(await ofBackfill());
  });
});

describe('a unit', () => {
  test('that is staged twice, and by two machines at once, has one intent', async () => {
    const { machine, plan, rows, store } = await world();
    for (const unit of await plan()) {
      await Promise.all([stage(machine('one'), unit), stage(machine('two'), unit)]);
      expect(await stage(machine('three'), unit)).toMatchObject({ state: 'staged', counts: { objects: 2 } });
    }
    expect(await collect(store.list('memory://test/warehouse/_batches/'))).toHaveLength(3);
    await commitUnits(machine('committer'));
    expect(await rows()).toEqual(await ofBackfill());
  });

  test('with an object that is gone says so, stages the rest, and leaves the object free', async () => {
    const { machine, plan, store } = await world();
    const units = await plan();
    const [gone] = await collect(store.list(`${input}/`));
    await store.delete(gone!.uri);
    const receipt = await stage(machine('one'), units[0]!);
    expect(receipt).toMatchObject({ state: 'staged', counts: { objects: 1 }, failures: [{ uri: gone!.uri }] });
    expect((await commitUnits(machine('committer'))).objects).toEqual({ failed: 1 });
    expect(await rowsOf(machine('reader'), 'opa_decisions')).toHaveLength(perObject);
  });

  test('whose machine cannot write is told as failed, and may be staged again', async () => {
    const { machine, plan, store } = await world();
    const [unit] = await plan();
    const broken = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'put' && uri.endsWith('.parquet')) throw new Error('no space left');
      },
    });
    const failed = await stage(testRuntime({ store: broken, clock: () => Date.UTC(2026, 0, 1) }), unit!);
    expect(failed).toMatchObject({ state: 'failed', error: { message: 'no space left' }, failures: [] });
    expect(await stage(machine('two'), unit!)).toMatchObject({ state: 'staged' });
  });

  test('that an earlier version has planned, without a table and columns of this one, is staged in full', async () => {
    const { machine, plan, rows, store } = await world();
    const [unit, ...others] = await plan();
    for (const { uri } of await collect(store.list('memory://test/warehouse/')))
      if (/\/(opa_decisions|sequences)\//.test(uri)) await store.delete(uri);
    const runtime = machine('new');
    const { table } = createSource('opa', {}, runtime.config.limits);
    await ensureTable(commitContext(runtime), { ...table, columns: table.columns.slice(0, 30) });
    for (const one of [unit!, ...others]) expect(await stage(machine('new'), one)).toMatchObject({ state: 'staged' });
    await commitUnits(runtime);
    expect(await rows()).toEqual(await ofBackfill());
  });

  test('whose claim is over, and its intent as well, is settled', async () => {
    const { machine, plan, store } = await world();
    const [unit] = await plan();
    await stage(machine('one'), unit!);
    await commitUnits(machine('committer'));
    for (const { uri } of await collect(store.list('memory://test/warehouse/_batches/'))) await store.delete(uri);
    expect(await stage(machine('late'), unit!)).toMatchObject({ state: 'settled', failures: [] });
  });
});

describe('a manifest', () => {
  const chunks = async function* (...parts: string[]): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield Buffer.from(part);
  };

  test('is read line by line, wherever its pieces are cut, and by the number of a unit', async () => {
    const { plan } = await world();
    const units = await plan();
    const text = units.map(unitLine).join('');
    const pieces = text.match(/[\s\S]{1,37}/g)!;
    expect(await collect(readUnits(chunks(...pieces)))).toEqual(units);
    expect(await collect(readUnits(chunks(text.trimEnd())))).toEqual(units);
    expect(await readUnit(chunks(text), 1)).toEqual(units[1]);
    await expect(readUnit(chunks(text), 3)).rejects.toThrow(/no unit 3/);
  });

  test.each([
    ['other text', 'hello\n', /no JSON/],
    [
      'a batch that is no id',
      '{"version":1,"kind":"ingest","unit":0,"source":"eopa","ymd":"2026-01-01","batch":"../x"}\n',
      /not a unit/,
    ],
    ['endless text', 'x'.repeat(70_000), /too long/],
  ])('is refused with %s in it', async (_, text, message) => {
    await expect(collect(readUnits(chunks(text)))).rejects.toThrow(message);
  });

  test('of a later version is refused', async () => {
    const { plan } = await world();
    const [unit] = await plan();
    const later = unitLine({ ...unit!, version: 2 as 1 });
    await expect(collect(readUnits(chunks(later)))).rejects.toThrow(/of version 2/);
  });
});
