/**
 * Other engines write to our tables, and every command goes on. After each operation of each writer, what the engines read
 * is what the operation and the logs make of it, the account says what happened in the declared words, and once that is
 * settled it is clean, new and grown objects come in once, and compaction keeps what is there.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { reservedColumns } from '../../src/sources/index.ts';
import { createRuntime } from '../../src/wire.ts';
import type { Conversation } from '../support/conversation.ts';
import { rig } from '../support/rig.ts';
import { isAbsent, type Operation, operations, type Step, type Writer, writers } from './operations.ts';
import { World } from './world.ts';

export function matrixOf(writer: Writer): void {
  let spark: Conversation | undefined;
  beforeAll(async () => {
    if (writer === 'spark') spark = await rig.icebergSpark();
  });
  afterAll(() => spark?.close());

  describe.each(Object.entries(operations))('%s', (_, group) => {
    let world: World;
    beforeAll(async () => {
      world = await World.make(spark);
      expect(await world.versionOf(writer)).toBe(writers[writer].version);
      await ingest(world);
    });
    afterAll(() => world?.close());

    test.each(group.filter(({ by }) => !isAbsent(by[writer])))('$name', async (operation) => {
      await operate(world, writer, operation);
      await goesOn(world, operation);
    });

    test('all of them, and the other commands go on', async () => {
      await ends(world);
    });
  });
}

const ingest = async (world: World): Promise<void> => {
  expect((await world.warehouse.backfill()).failures).toEqual([]);
  await agree(world);
};

export const agree = async (world: World): Promise<void> => {
  const expected = world.expected;
  for (const [reader, found] of Object.entries(await world.readers()))
    expect([reader, found]).toEqual([reader, expected]);
};

const kinds = async (world: World, deep = false): Promise<string[]> => {
  const { differences } = await world.warehouse.verify({ deep });
  return [...new Set(differences.map(({ kind }) => kind))].sort();
};

/** Carries out the operation, holds what it does to what is declared, and settles it. */
async function operate(world: World, writer: Writer, operation: Operation): Promise<void> {
  const { outcome, finds = [], refusal } = operation;
  const { warehouse } = world;
  if (outcome === 'repaired') {
    // What a roll-back takes away.
    await world.arrive();
    await ingest(world);
  }
  const before = world.rows;
  const found = await world.carryOut(writer, operation);
  if (outcome === 'accepted' || outcome === 'compacted') expect(found).toEqual(finds);
  if (outcome === 'refused') {
    await world.arrive();
    const [failure] = (await warehouse.backfill()).failures;
    expect(failure?.message).toMatch(refusal!.message);
    await undo(world, writer, operation);
    return ingest(world);
  }
  if (outcome === 'differs') {
    await world.arrive();
    await ingest(world);
    expect(await kinds(world, true)).toEqual(finds);
    await warehouse.backfill({ again: true });
    // As the logs have it; rows of no object stay.
    world.rows = [...world.logged, ...world.rows.filter(({ subject }) => subject === 'stranger')];
    return;
  }
  if (outcome === 'acceptedDeep') {
    await agree(world);
    expect(await kinds(world, true)).toEqual(finds);
    await warehouse.accept({ reason: operation.name, by: 'the matrix', deep: true });
    return expect(await kinds(world, true)).toEqual([]);
  }
  // What comes next begins with the look that finds nothing.
  if (outcome === 'nothing') return agree(world);
  if (outcome !== 'repaired') await agree(world);
  expect(await kinds(world)).toEqual(outcome === 'repaired' ? finds : found);
  if (outcome === 'accepted') await warehouse.accept({ reason: operation.name, by: 'the matrix' });
  if (outcome === 'compacted') {
    await warehouse.compact();
    world.rows = before;
  }
  if (outcome === 'repaired') {
    const { config } = loadConfig({ document: world.config, env: {}, cwd: '/', reserved: reservedColumns });
    const runtime = await createRuntime(config);
    try {
      await repair(runtime, (await warehouse.verify()).differences, undefined);
    } finally {
      await runtime.close();
    }
  }
}

export const undo = (world: World, writer: Writer, { refusal }: Operation): Promise<void> =>
  world.do(writer, refusal!.undo[writer] as Step);

/** What every day brings; records of the table too that the operation was about. */
async function goesOn(world: World, { by }: Operation): Promise<void> {
  const { warehouse } = world;
  expect(await kinds(world)).toEqual([]);
  await world.arrive();
  const isOfAudit = JSON.stringify(by).includes('{okera}');
  if (isOfAudit) await world.arriveAudit();
  await world.grow();
  expect((await warehouse.backfill()).failures).toEqual([]);
  expect((await warehouse.compact()).refused).toEqual([]);
  await agree(world);
  if (isOfAudit) expect(await world.ports()).toEqual(world.auditPorts);
  expect(await kinds(world, true)).toEqual([]);
  const { rows } = (await warehouse.tables()).find(({ name }) => name === 'opa_decisions')!;
  expect(rows).toBe(world.rows.length);
}

async function ends(world: World): Promise<void> {
  const { warehouse } = world;
  const { checks } = await warehouse.doctor();
  expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
  const gone = world.rows.filter(({ subject }) => subject === 'user-2');
  expect((await warehouse.erase('user-2')).tables.opa_decisions?.rows).toBe(gone.length);
  world.erase('user-2');
  await warehouse.expire();
  await agree(world);
  const { html } = await warehouse.report({ from: '2023-07-11', to: '2023-07-13' });
  expect(html).toContain('user-1');
  expect(await kinds(world, true)).toEqual([]);
}
