/**
 * A day that is cut: its parts are staged by any machines, hold each row and find each duplicate, and are committed together or
 * not at all.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LiveFile, liveFiles } from '../../src/iceberg/scan.ts';
import { fieldsByName } from '../../src/iceberg/schema.ts';
import { unitsProperty } from '../../src/jobs/compact/commit.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { countedBy, cutDay, mayHold } from '../../src/jobs/compact/parts.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { commitCompactions } from '../../src/jobs/steps/compaction-commit.ts';
import { compactionPrefix, standingCompactions } from '../../src/jobs/steps/compaction-intent.ts';
import { planCompaction } from '../../src/jobs/steps/compaction-plan.ts';
import { Stager } from '../../src/jobs/steps/stage.ts';
import type { CompactUnit } from '../../src/jobs/steps/unit.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
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
const day = '2023-07-11';
const dayMs = 86_400_000;
const objects = 4;

/** A day of some files that all reach over most of it, with a record that is in each of them and others that are there twice. */
async function world() {
  const time = { now: Date.UTC(2026, 0, 1) };
  const store = new MemoryStore({}, () => time.now);
  const of = (more: WorldOptions = {}) =>
    testRuntime({
      store,
      batch: { objects: 1 },
      clock: () => time.now,
      compact: { partBytes: 16 << 10, ...more.compact },
    });
  const machine = (more: WorldOptions = {}) => ({ ...of(more), uuid: randomUUID });
  for (let n = 0; n < objects; n++)
    await putLines(
      store,
      `eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=000${n}.jsonl`,
      ...Array.from({ length: 24 }, (_, hour) =>
        decision({ id: `${hour} ${n % 2 === 0 ? n : n - 1}`, time: `${day}T${String(hour).padStart(2, '0')}:30:00Z` }),
      ),
      decision({ id: 'shared', time: `${day}T11:00:00Z` }),
    );
  // Its files have the same names in every world.
  await run(of());
  const plan = (more: { units?: number } = {}, machineOf: WorldOptions = {}) =>
    collect(planCompaction(machine(machineOf), { tables: [events], holdSeconds: 7200, units: 100, ...more }));
  const stage = (unit: CompactUnit) => new Stager(machine()).stage(unit);
  const commit = () => commitCompactions(machine());
  const rows = () => sortedRows(machine(), events);
  const metadata = async () => (await machine().catalog.loadTable(events))!.metadata;
  const files = async () => collect(liveFiles(store, await metadata()));
  const intents = () => collect(store.list(compactionPrefix(warehouse)));
  return { store, time, machine, plan, stage, commit, rows, metadata, files, intents };
}

async function ofCompaction(prepare: (of: Awaited<ReturnType<typeof world>>) => Promise<unknown> = async () => {}) {
  const one = await world();
  await prepare(one);
  await compact(one.machine(), {});
  return one.rows();
}

describe('a day that is cut', () => {
  test('gives the rows of a compaction, when all of its parts are staged, in files of times apart from each other', async () => {
    const { machine, plan, stage, commit, rows, metadata, files, intents } = await world();
    const before = await rows();
    const units = await plan();
    expect(units.length).toBeGreaterThan(2);
    expect(units.map(({ part, parts, day: of }) => [part, parts, of])).toEqual(
      units.map((_, number) => [number, units.length, day]),
    );
    expect(units.reduce((sum, unit) => sum + unit.rows, 0)).toBe(objects * 25);

    const [last, ...others] = [...units].reverse();
    for (const unit of others) expect(await stage(unit)).toMatchObject({ state: 'staged' });
    expect((await commit()).units).toEqual({ committed: 0, overtaken: 0, late: 0 });
    expect(await rows()).toEqual(before);
    await stage(last!);
    expect(await commit()).toMatchObject({
      units: { committed: units.length, overtaken: 0, late: 0 },
      counts: { files: { before: objects, after: units.length }, rows: objects * 25, duplicates: 2 * 24 + 3 },
    });
    expect(await rows()).toEqual(await ofCompaction());
    const { id } = fieldsByName(await metadata()).get('event_time')!;
    const times = (await files()).map(({ lowerBounds, upperBounds }) =>
      [lowerBounds, upperBounds].map((bounds) => Buffer.from(bounds.get(id)!).readBigInt64LE()),
    );
    times.sort(([a], [b]) => Number(a! - b!));
    for (const [i, [from]] of times.entries()) if (i > 0) expect(from).toBeGreaterThan(times[i - 1]![1]!);
    expect((await metadata()).snapshots.filter(({ summary }) => summary[unitsProperty] !== undefined)).toHaveLength(1);
    expect((await verify(machine(), { deep: true })).differences).toEqual([]);
    expect(await intents()).toEqual([]);
    expect(await plan()).toEqual([]);
    for (const unit of units) expect((await stage(unit)).state).toBe('settled');
  });

  test('keeps out the rows that another engine has deleted, and is overtaken by one that deletes more', async () => {
    const deleting = async ({ store, machine }: Awaited<ReturnType<typeof world>>, position: number) => {
      const loaded = (await machine().catalog.loadTable(events))!;
      const [first] = (await collect(liveFiles(store, loaded.metadata))).map(({ path }) => path).sort();
      await addDeleteFiles(machine(), events, day, [await positionDeletes(machine(), loaded, [[first!, position]])]);
    };
    const one = await world();
    await deleting(one, 3);
    const units = await one.plan();
    const receipts = await Promise.all(units.map(one.stage));
    expect(receipts.reduce((sum, { counts: of }) => sum + of!.deleted, 0)).toBe(1);
    await deleting(one, 20);
    expect((await one.commit()).units).toEqual({ committed: 0, overtaken: units.length, late: 0 });
    for (const unit of await one.plan()) await one.stage(unit);
    await one.commit();
    expect(await one.rows()).toEqual(
      await ofCompaction(async (other) => {
        await deleting(other, 3);
        await deleting(other, 20);
      }),
    );
  });

  test('is planned whole or not at all: as one unit where the manifest is too short for its parts', async () => {
    const { plan } = await world();
    const parts = await plan();
    const [whole, ...none] = await plan({ units: parts.length - 1 });
    expect(none).toEqual([]);
    expect(whole!.part).toBeUndefined();
    expect(parts.map(({ id }) => id)).not.toContain(whole!.id);
    expect((await plan()).map(({ id }) => id)).toEqual(parts.map(({ id }) => id));
  });

  test('does not mix with parts of another configuration', async () => {
    const { plan, stage, commit, rows } = await world();
    const before = await rows();
    const others = await plan({}, { compact: { partBytes: 30 << 10 } });
    const units = await plan();
    expect(others.length).toBeGreaterThan(1);
    expect(others.length).toBeLessThan(units.length);
    expect(await stage(others[0]!)).toMatchObject({ state: 'failed', error: { message: /another configuration/ } });
    for (const unit of units.slice(1)) await stage(unit);
    await commit();
    expect(await rows()).toEqual(before);
  });

  test('whose parts are not all staged in time is given up, and its files are removed', async () => {
    const { store, time, machine, plan, stage, commit, rows, intents } = await world();
    const before = await rows();
    const [first] = await plan();
    await stage(first!);
    const [standing] = await collect(standingCompactions(machine()));
    time.now += 2 * 3_600_000 + 1;
    expect((await commit()).units).toEqual({ committed: 0, overtaken: 0, late: 1 });
    time.now += 3 * dayMs + 1;
    await expire(machine());
    expect(await intents()).toEqual([]);
    for (const { path } of standing!.intent.files) expect(await store.head(path)).toBeUndefined();
    expect(await rows()).toEqual(before);
  });
});

describe('the parts of a day', () => {
  const bound = (time: bigint): Uint8Array => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(time);
    return bytes;
  };
  const file = fc
    .record({
      from: fc.bigInt({ min: -100_000_000n, max: 86_400_000_000n }),
      length: fc.bigInt({ min: 0n, max: 40_000_000_000n }),
      fileSize: fc.integer({ min: 1, max: 1_000_000 }),
      nulls: fc.constantFrom(0, 1),
    })
    .map(({ from, length, fileSize, nulls }) => ({
      fileSize,
      lowerBounds: new Map([[7, bound(from)]]),
      upperBounds: new Map([[7, bound(from + length)]]),
      nullCounts: new Map([[7, nulls]]),
    }));
  const key = { column: 'event_time', fieldId: 7, unit: 1_000_000n };

  test('cover all times once, whatever the files, and each file is counted by one of those that may hold its rows', () => {
    fc.assert(
      fc.property(fc.array(file, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 30 }), (some, wanted) => {
        const inputs = some as unknown as LiveFile[];
        const bytes = some.reduce((sum, { fileSize }) => sum + fileSize, 0);
        const size = Math.ceil(bytes / wanted);
        const parts = cutDay({ inputs, bytes, reasons: ['unsorted'] }, key, size);
        if (parts.length === 0) return;
        expect(bytes).toBeGreaterThan(size);
        expect(parts.length).toBeLessThanOrEqual(Math.ceil(bytes / size));
        expect([parts[0]!.from, parts.at(-1)!.to]).toEqual([undefined, undefined]);
        for (const [i, { from, number, of }] of parts.entries()) {
          expect([number, of]).toEqual([i, parts.length]);
          if (i === 0) continue;
          expect(from).toBe(parts[i - 1]!.to);
          expect(from! % key.unit).toBe(0n);
          if (i > 1) expect(from! > parts[i - 1]!.from!).toBe(true);
        }
        for (const one of inputs) {
          const counting = parts.filter((part) => countedBy(part, [one]).length > 0);
          expect(counting).toHaveLength(1);
          expect(mayHold(counting[0]!, one)).toBe(true);
          if (one.nullCounts.get(7) === 1) expect(mayHold(parts[0]!, one)).toBe(true);
        }
      }),
    );
  });

  test('are of about the same size where the files tell, and a day of one moment is not cut', () => {
    const hours = Array.from({ length: 24 }, (_, hour) => ({
      fileSize: 1000,
      lowerBounds: new Map([[7, bound(BigInt(hour) * 3_600_000_000n)]]),
      upperBounds: new Map([[7, bound(BigInt(hour + 1) * 3_600_000_000n - 1n)]]),
    })) as unknown as LiveFile[];
    const cut = (inputs: LiveFile[], size: number) =>
      cutDay({ inputs, bytes: inputs.length * 1000, reasons: ['unsorted'] }, key, size).map(({ from }) => from);
    const sixHours = 6n * 3_600_000_000n;
    const near = (from: bigint | undefined) => from && (from + 30_000_000n) / 60_000_000n;
    expect(cut(hours, 6000).map(near)).toEqual([undefined, ...[1n, 2n, 3n].map((n) => near(n * sixHours))]);
    expect(cut(hours, 24_000)).toEqual([]);
    const moment = hours.map((one) => ({ ...one, ...hours[0]!, upperBounds: hours[0]!.lowerBounds }));
    expect(cut(moment, 6000)).toEqual([]);
    const unknown = [...hours.slice(1), { ...hours[0]!, lowerBounds: new Map() }];
    expect(cut(unknown, 6000)).toEqual([]);
  });
});
