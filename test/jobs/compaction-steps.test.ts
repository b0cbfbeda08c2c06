/** A compaction in three steps: any machine may rewrite a day, any number of times, and the rows are those of a compaction. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { commitTable } from '../../src/iceberg/commit.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { unitsProperty } from '../../src/jobs/compact/commit.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { commitCompactions } from '../../src/jobs/steps/compaction-commit.ts';
import { compactionPrefix } from '../../src/jobs/steps/compaction-intent.ts';
import { type PlanCompactionOptions, planCompaction } from '../../src/jobs/steps/compaction-plan.ts';
import { readUnits, unitLine } from '../../src/jobs/steps/manifest.ts';
import { Stager } from '../../src/jobs/steps/stage.ts';
import type { CompactUnit } from '../../src/jobs/steps/unit.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { addDeleteFiles, positionDeletes } from '../support/foreign-deletes.ts';
import {
  decision,
  putLines,
  run,
  sortedRows,
  testRuntime,
  type WorldOptions,
  warehouse,
} from '../support/warehouse.ts';

const events = 'opa_decisions';
const days = ['2023-07-11', '2023-07-12', '2023-07-13'];
const hourMs = 3_600_000;
const key = (n: number) => `eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=${String(n).padStart(4, '0')}.jsonl`;

/** Three days of four files each, in which one record comes in each object. */
async function world(options: WorldOptions = {}) {
  const time = { now: Date.UTC(2026, 0, 1) };
  const store = new MemoryStore({}, () => time.now);
  const machine = (more: WorldOptions = {}) => ({
    ...testRuntime({ store, batch: { objects: 1 }, clock: () => time.now, ...options, ...more }),
    uuid: randomUUID,
  });
  const put = (n: number, ...of: string[]) =>
    putLines(
      store,
      key(n),
      ...(of.length > 0 ? of : days).map((day) => decision({ id: `${day} ${n}`, time: `${day}T10:00:00Z` })),
      decision({ id: 'shared', time: `${days[0]}T11:00:00Z` }),
    );
  for (let n = 1; n <= 4; n++) await put(n);
  await run(machine());
  const plan = (more: Partial<PlanCompactionOptions> = {}) =>
    collect(planCompaction(machine(), { tables: [events], holdSeconds: 7200, units: 100, ...more }));
  const stage = (unit: CompactUnit) => new Stager(machine()).stage(unit);
  const commit = () => commitCompactions(machine());
  const rows = () => sortedRows(machine(), events);
  const files = async () => {
    const { metadata } = (await machine().catalog.loadTable(events))!;
    return collect(liveFiles(store, metadata));
  };
  const intents = () => collect(store.list(compactionPrefix(warehouse)));
  const stored = async () => (await collect(store.list(`${warehouse}/${events}/data/`))).map(({ uri }) => uri);
  return { store, time, machine, put, plan, stage, commit, rows, files, intents, stored };
}

async function ofCompaction(options: WorldOptions = {}) {
  const { machine, rows } = await world(options);
  await compact(machine(), {});
  return rows();
}

describe('plan, stage and commit of a compaction', () => {
  test('give the rows of a compaction, days without duplicates in one snapshot, and leave nothing to do', async () => {
    const { machine, plan, stage, commit, rows, files, intents } = await world();
    const before = await rows();
    const units = await plan();
    expect(units.map(({ unit, kind, table, day, files: count }) => [unit, kind, table, day, count])).toEqual(
      days.map((day, i) => [i, 'compact', events, day, 4]),
    );
    const receipts = await Promise.all(units.map(stage));
    expect(receipts.map(({ state, counts }) => [state, counts?.files, counts?.duplicates])).toEqual([
      ['staged', { before: 4, after: 1 }, 3],
      ['staged', { before: 4, after: 1 }, 0],
      ['staged', { before: 4, after: 1 }, 0],
    ]);
    expect(await rows()).toEqual(before);
    expect(await commit()).toMatchObject({
      units: { committed: 3, overtaken: 0, late: 0 },
      counts: { files: { before: 12, after: 3 }, duplicates: 3 },
    });
    expect(await rows()).toEqual(await ofCompaction());
    expect(await files()).toHaveLength(3);
    const { metadata } = (await machine().catalog.loadTable(events))!;
    const named = metadata.snapshots.flatMap(({ summary }) => summary[unitsProperty]?.split(',') ?? []);
    expect(named.sort()).toEqual(units.map(({ id }) => id).sort());
    expect((await verify(machine(), { deep: true })).differences).toEqual([]);
    expect(await intents()).toEqual([]);
    expect(await plan()).toEqual([]);
    expect((await commit()).units).toEqual({ committed: 0, overtaken: 0, late: 0 });
    expect((await stage(units[0]!)).state).toBe('settled');
  });

  test('go by the days and tables that are asked for, and name a table that is not there', async () => {
    const { plan } = await world();
    expect((await plan({ from: days[1]!, to: days[1]! })).map(({ day }) => day)).toEqual([days[1]]);
    expect((await plan({ units: 2 })).map(({ day }) => day)).toEqual(days.slice(0, 2));
    await expect(plan({ tables: ['elsewhere'] })).rejects.toThrow(/no table elsewhere/);
  });

  test('units are lines of a manifest, and the same days give the same ids', async () => {
    const { plan } = await world();
    const units = await plan();
    const text = async function* () {
      yield Buffer.from(units.map(unitLine).join(''));
    };
    expect(await collect(readUnits(text()))).toEqual(units);
    expect((await plan()).map(({ id }) => id)).toEqual(units.map(({ id }) => id));
  });

  test('two commits at once, beside an ordinary compaction, replace each day once', async () => {
    const { machine, plan, stage, commit, rows, intents } = await world();
    for (const unit of await plan()) await stage(unit);
    await Promise.all([commit(), commit(), compact(machine(), {})]);
    expect(await rows()).toEqual(await ofCompaction());
    expect((await verify(machine(), { deep: true })).differences).toEqual([]);
    expect(await intents()).toEqual([]);
  });
});

describe('a day', () => {
  test('that is staged twice, and by two machines at once, has one intent and no file too many', async () => {
    const { plan, stage, commit, rows, intents, stored } = await world();
    const before = (await stored()).length;
    for (const unit of await plan()) {
      const both = await Promise.all([stage(unit), stage(unit)]);
      expect(both.map(({ state }) => state)).toEqual(['staged', 'staged']);
      expect(await stage(unit)).toMatchObject({ state: 'staged', counts: both[0]!.counts });
    }
    expect(await intents()).toHaveLength(3);
    expect(await stored()).toHaveLength(before + 3);
    await commit();
    expect(await rows()).toEqual(await ofCompaction());
  });

  test('that gets more rows after the plan is committed without them, and they are left to the next one', async () => {
    const { machine, put, plan, stage, commit, files, rows } = await world();
    const units = await plan();
    await put(5);
    await run(machine());
    for (const unit of units)
      expect(await stage(unit)).toMatchObject({ state: 'staged', counts: { files: { before: 4 } } });
    await put(6);
    await run(machine());
    expect((await commit()).units.committed).toBe(3);
    expect(await files()).toHaveLength(9);
    await compact(machine({ compact: { smallFiles: 2 } }), {});
    expect(await rows()).toHaveLength(6 * 3 + 1);
    expect((await verify(machine(), { deep: true })).differences).toEqual([]);
  });

  test('that a compaction has taken meanwhile is overtaken, before it is staged and after', async () => {
    const { machine, plan, stage, commit, rows, intents } = await world();
    const [first, second, third] = await plan();
    await stage(first!);
    await stage(third!);
    await compact(machine(), { from: days[0]!, to: days[1]! });
    expect((await stage(second!)).state).toBe('overtaken');
    expect((await commit()).units).toEqual({ committed: 1, overtaken: 1, late: 0 });
    expect(await rows()).toEqual(await ofCompaction());
    expect(await intents()).toEqual([]);
  });

  test('of which another engine has deleted rows since the plan is overtaken, and those rows stay away', async () => {
    const { machine, plan, stage, commit, files } = await world();
    const [, unit] = await plan();
    await stage(unit!);
    const [file] = (await files()).filter(({ ymd }) => ymd === days[1]);
    const runtime = machine();
    const loaded = (await runtime.catalog.loadTable(events))!;
    await addDeleteFiles(runtime, events, days[1], [await positionDeletes(runtime, loaded, [[file!.path, 0]])]);
    expect((await commit()).units).toEqual({ committed: 0, overtaken: 1, late: 0 });
    const [again] = await plan({ from: days[1]!, to: days[1]! });
    expect(again!.id).not.toBe(unit!.id);
    expect(await stage(again!)).toMatchObject({ state: 'staged', counts: { deleted: 1 } });
    expect((await commit()).units.committed).toBe(1);
    expect((await files()).filter(({ ymd }) => ymd === days[1]).map((one) => one.recordCount)).toEqual([3]);
  });

  test('whose files are gone from the table is overtaken', async () => {
    const { machine, plan, stage, commit, files } = await world();
    const [unit] = await plan();
    const { state } = await stage(unit!);
    expect(state).toBe('staged');
    const [file] = (await files()).filter(({ ymd }) => ymd === days[0]);
    await commitTable(commitContext(machine()), events, () => ({
      operation: 'delete',
      add: [],
      remove: [file!.path],
      summary: {},
    }));
    expect((await commit()).units).toEqual({ committed: 0, overtaken: 1, late: 0 });
    expect((await files()).filter(({ ymd }) => ymd === days[0])).toHaveLength(3);
  });

  test('that is only looked through for duplicates, and holds none, is left as it is', async () => {
    const { machine, put, plan, stage, commit, rows } = await world({
      compact: { smallFiles: 100, unsortedPercent: 60, excessFiles: 100 },
    });
    await compact(machine(), {});
    await put(5, days[1]!);
    await run(machine());
    const units = await plan();
    expect(units.map(({ day, reasons, files: count }) => [day, reasons, count])).toEqual([
      [days[0], [], 1],
      [days[1], [], 1],
    ]);
    expect((await Promise.all(units.map(stage))).map(({ state }) => state)).toEqual(['staged', 'unchanged']);
    expect(await commit()).toMatchObject({ units: { committed: 1 }, counts: { duplicates: 1 } });
    expect(await rows()).toHaveLength(4 * 3 + 1 + 1);
  });

  test('planned by another configuration of compact is told as failed', async () => {
    const { machine, plan } = await world();
    const [unit] = await plan();
    const other = machine({
      compact: { clustering: { opa_decisions: ['subject'] } },
    });
    const receipt = await new Stager(other).stage(unit!);
    expect(receipt).toMatchObject({ state: 'failed', error: { message: expect.stringMatching(/plan again/) } });
  });

  test('whose machine cannot write is told as failed, and may be staged again', async () => {
    const { store, plan, stage } = await world();
    const [unit] = await plan();
    const broken = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'put' && uri.endsWith('.parquet')) throw new Error('no space left');
      },
    });
    const failed = await new Stager(testRuntime({ store: broken })).stage(unit!);
    expect(failed).toMatchObject({ kind: 'compact', state: 'failed', error: { message: 'no space left' } });
    expect((await stage(unit!)).state).toBe('staged');
  });
});

describe('time', () => {
  test('a day that is staged and not committed in time is late, is staged again by a new plan, and nothing is lost', async () => {
    const { time, plan, stage, commit, rows } = await world();
    const units = await plan();
    await stage(units[0]!);
    time.now += 3 * hourMs;
    expect((await commit()).units).toEqual({ committed: 0, overtaken: 0, late: 1 });
    expect((await stage(units[1]!)).state).toBe('overtaken');
    const again = await plan();
    expect(again.map(({ id }) => id)).toEqual(units.map(({ id }) => id));
    for (const unit of again) expect((await stage(unit)).state).toBe('staged');
    expect((await commit()).units).toEqual({ committed: 3, overtaken: 0, late: 0 });
    expect(await rows()).toEqual(await ofCompaction());
  });

  test('expire leaves what may still be committed, and removes what is late with its files', async () => {
    const { machine, time, plan, stage, commit, rows, intents, stored } = await world();
    const before = await rows();
    const hours = 24 * 10;
    const [held, late] = [(await plan({ holdSeconds: hours * 3600 }))[0]!, (await plan())[1]!];
    await stage(held);
    await stage(late);
    const files = (await stored()).length;
    // Past the grace period of both; one of them holds yet.
    time.now += 24 * 4 * hourMs;
    const report = await expire(machine());
    expect(report.intents).toBeGreaterThanOrEqual(1);
    expect(await intents()).toHaveLength(1);
    expect(await stored()).toHaveLength(files - 1);
    expect(await rows()).toEqual(before);
    expect((await commit()).units).toEqual({ committed: 1, overtaken: 0, late: 0 });
    expect(await rows()).toHaveLength(before.length - 3);
    expect((await verify(machine(), { deep: true })).differences).toEqual([]);
  });

  test('a machine that rewrites for longer than expire waits for puts no intent', async () => {
    const { store, time, machine, plan, intents } = await world();
    const [unit] = await plan({ holdSeconds: 100 * 86_400 });
    const slow = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'put' && uri.endsWith('.parquet')) time.now += 96 * hourMs;
      },
    });
    const receipt = await new Stager({ ...machine(), store: slow }).stage(unit!);
    expect(receipt).toMatchObject({ state: 'failed', error: { message: expect.stringMatching(/expire.grace/) } });
    expect(await intents()).toEqual([]);
  });
});
