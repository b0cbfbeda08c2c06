/**
 * Batches that are committed together keep what each of them is promised alone: a commit of a group that dies between
 * any two calls, meets another group with some of the same batches, or finds one of them done already, leaves each
 * batch in each table once.
 */
import { describe, expect, test } from 'vitest';
import { removeSnapshots } from '../../src/iceberg/history.ts';
import { createLedger, openTables } from '../../src/ingest/claimed-batch.ts';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { type Intent, settleIntent } from '../../src/ledger/batch-intent.ts';
import { batchesOf } from '../../src/ledger/batch-summary.ts';
import { finishBatches } from '../../src/ledger/commit-batch.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { deaths, Killed, meetings } from '../support/mortal.ts';
import { input, owner, putDecisions, rowsOf, run, sortedRows, testRuntime, warehouse } from '../support/warehouse.ts';

const objects = 3;
const perObject = 3;
const tables = ['opa_decisions', 'quarantine'];

/** Three batches of one object each, whose intents stand and which nobody has committed. */
async function readyBatches() {
  const store = new MemoryStore();
  await putDecisions(store, objects, perObject);
  const time = { now: Date.UTC(2026, 0, 1) };
  const runtime = (id: string, view: MemoryStore = store) =>
    testRuntime({ store: view, owner: owner(id), clock: () => time.now });
  const first = runtime('first');
  const [source] = selectSources(first, undefined);
  const ledger = createLedger(first);
  await openTables(first, ledger, [source!]);
  const listed = await collect(store.list(`${input}/`));
  const claims = await Promise.all(listed.map((object) => ledger.claim(source!.config, [object], 0, new Set())));
  const intents: Intent[] = [];
  for (const claim of claims) {
    const [events, quarantine] = await Promise.all(tables.map((name) => first.catalog.loadTable(name)));
    const { batch, objects: claimed, claimedAt } = claim!;
    const request = {
      batch,
      source: source!,
      objects: claimed,
      reread: new Set<string>(),
      tables: { events: events!, quarantine: quarantine! },
    };
    const { intent } = await first.ingester.ingest(first, request);
    const bases = new Map(tables.map((name) => [name, 0]));
    intents.push(await settleIntent(store, warehouse, { ...intent, claimedAt, bases }));
  }
  return { store, time, runtime, ledger, intents, seen: () => seenIn(store) };
}

/** Each batch as often as snapshots of the table name it, and the rows. */
async function seenIn(store: MemoryStore) {
  const reader = testRuntime({ store });
  const loaded = await Promise.all(tables.map((name) => reader.catalog.loadTable(name)));
  return {
    named: loaded.map((table) => table!.metadata.snapshots.flatMap(batchesOf).sort()),
    rows: await Promise.all(tables.map((name) => sortedRows(reader, name))),
    states: (await rowsOf(reader, 'ingested_objects')).map(({ state }) => state),
  };
}

async function undisturbed() {
  const world = await readyBatches();
  const view = world.store.view();
  const runtime = world.runtime('first', view);
  await finishBatches(runtime, createLedger(runtime), world.intents);
  return { calls: view.calls, ...(await world.seen()) };
}

describe('a group of batches', () => {
  test('is one snapshot of each table and one of the ledger, with the batches in the order of their claims and ids', async () => {
    const { runtime, intents } = await readyBatches();
    const first = runtime('first');
    const sequence = async (name: string) => (await first.catalog.loadTable(name))!.metadata['last-sequence-number'];
    const before = await sequence('ingested_objects');
    await finishBatches(first, createLedger(first), [...intents].reverse());
    const { metadata } = (await first.catalog.loadTable('opa_decisions'))!;
    expect(metadata.snapshots.map(batchesOf)).toEqual([intents.map(({ batch }) => batch).sort()]);
    expect(await sequence('quarantine')).toBe(1);
    expect(await sequence('ingested_objects')).toBe(before + 1);
  });

  test('that dies at any call is finished by the next run, once', async () => {
    const expected = await undisturbed();
    expect(expected.calls).toBeGreaterThan(15);
    expect(expected.rows[0]).toHaveLength(objects * perObject);
    const { store: start, runtime, intents } = await readyBatches();
    const dying = (store: MemoryStore) => {
      const group = runtime('dying', store);
      return finishBatches(group, createLedger(group), intents);
    };
    for await (const { store, at } of deaths(start, expected.calls, dying)) {
      await run(testRuntime({ store, owner: owner('second'), clock: () => Date.UTC(2026, 0, 1, 1) }));
      expect({ ...(await seenIn(store)), calls: expected.calls }, at).toEqual(expected);
    }
  });

  test('that meets another one with some of its batches, at any call, takes each batch once', async () => {
    const expected = await undisturbed();
    const { store: start, runtime, intents } = await readyBatches();
    const finish = (id: string, some: readonly Intent[]) => (store: MemoryStore) => {
      const group = runtime(id, store);
      return finishBatches(group, createLedger(group), some);
    };
    const [a, b, c] = intents;
    const [first, other] = [finish('first', [a!, b!]), finish('other', [b!, c!])];
    const counted = start.copy().view();
    await first(counted);
    expect(counted.calls).toBeGreaterThan(15);
    for await (const { store, at } of meetings(start, counted.calls, first, other))
      expect({ ...(await seenIn(store)), calls: expected.calls }, at).toEqual(expected);
  });

  test('leaves out a batch that another run has finished, and one that was given back', async () => {
    const { runtime, ledger, intents, seen } = await readyBatches();
    const [a, b, c] = intents;
    const first = runtime('first');
    await finishBatches(first, ledger, [b!]);
    await ledger.settle(c!.batch, new Map());
    const givenBack = { ...c!, files: new Map(), objects: new Map() };
    await finishBatches(first, ledger, [a!, b!, givenBack]);
    const { named, states } = await seen();
    expect(named[0]).toEqual([a!.batch, b!.batch].sort());
    expect(states).toEqual(['committed', 'committed']);
  });
});

describe('a batch whose snapshot another engine has expired before the ledger knew of the batch', () => {
  async function expired() {
    const world = await readyBatches();
    const { runtime, store, intents } = world;
    const first = runtime('first');
    const [a, b, c] = intents;
    const dying = runtime(
      'dying',
      store.view({
        before: ({ operation, uri }) => {
          if (operation === 'put' && uri.includes('/ingested_objects/')) throw new Killed();
        },
      }),
    );
    await expect(finishBatches(dying, createLedger(dying), [a!, b!])).rejects.toThrow();
    await finishBatches(first, createLedger(first), [c!]);
    for (const name of tables) {
      const loaded = (await first.catalog.loadTable(name))!;
      const old = loaded.metadata.snapshots.filter((snapshot) => batchesOf(snapshot).includes(a!.batch));
      const ids = old.map((snapshot) => snapshot['snapshot-id']);
      await first.catalog.commitTable(name, loaded, removeSnapshots(loaded.metadata, ids));
    }
    return world;
  }

  test('is not added to the tables again', async () => {
    const expected = await undisturbed();
    const { runtime, time, seen } = await expired();
    time.now += 3_600_000;
    await run(runtime('second'));
    const { rows, states } = await seen();
    expect(rows).toEqual(expected.rows);
    expect(states).toEqual(expected.states);
  });

  test('is not added again by a process that slept through all of that, either', async () => {
    const expected = await undisturbed();
    const { runtime, time, intents, seen } = await expired();
    time.now += 3_600_000;
    await run(runtime('second'));
    const late = runtime('late');
    await finishBatches(late, createLedger(late), intents);
    expect((await seen()).rows).toEqual(expected.rows);
  });
});
