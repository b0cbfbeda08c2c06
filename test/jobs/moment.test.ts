/** An answer is of one moment, and takes few round trips to a warehouse that is far away. */
import { beforeAll, describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { momentOf, tablesOfAnswer, tablesOfAnswers } from '../../src/jobs/moment.ts';
import { describeTables } from '../../src/jobs/tables/describe.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { ask, findQuestion } from '../../src/queries/questions.ts';
import { lastDayWithEvents, tablesOfRange } from '../../src/queries/range.ts';
import { takeReceipt } from '../../src/queries/receipt.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { inRounds } from '../support/rounds.ts';
import { putDecisions, run, testRuntime, warehouse } from '../support/warehouse.ts';

describe('a moment', () => {
  const asked: string[] = [];
  let store: MemoryStore;
  let runtime: Runtime;

  beforeAll(async () => {
    store = new MemoryStore();
    await putDecisions(store, 2, 3);
    await run(testRuntime({ store }));
    const given = testRuntime({ store });
    const catalog = new FileCatalog(store, warehouse);
    const loadTable = catalog.loadTable.bind(catalog);
    catalog.loadTable = (name) => {
      asked.push(name);
      return loadTable(name);
    };
    runtime = { ...given, catalog };
  });

  test('loads each table once, and each answer has its own, also of those that are given side by side', async () => {
    const { runtime: seen, during } = momentOf(runtime);
    const load = async () => (await seen.catalog.loadTable('opa_decisions'))!;
    const first = await load();
    const committed = Promise.withResolvers<void>();
    const waiting = during(async () => {
      const before = await load();
      await committed.promise;
      expect(await load()).toBe(before);
      return before;
    });
    await putDecisions(store, 4, 3);
    await run(testRuntime({ store }));
    const next = await during(async () => {
      const loaded = await load();
      expect(await load()).toBe(loaded);
      return loaded;
    });
    committed.resolve();
    expect(await waiting).toBe(first);
    expect(await load()).toBe(first);
    expect(next.metadata['last-sequence-number']).toBeGreaterThan(first.metadata['last-sequence-number']);
    expect(asked.splice(0)).toEqual(['opa_decisions', 'opa_decisions', 'opa_decisions']);
  });

  test('is that of a question, whoever has asked before for the engine that answers all', async () => {
    const { runtime: seen, during } = momentOf(runtime);
    const engine = createDuckDbEngine(seen);
    const count = (): Promise<unknown> =>
      during(async () => {
        const { chunks } = await engine.query({ sql: 'SELECT count(*) FROM opa_decisions' });
        return (await collect(chunks)).flat()[0]![0];
      });
    const counted = Number(await count());
    await putDecisions(store, 6, 3);
    await run(testRuntime({ store }));
    expect(Number(await count())).toBe(counted + 6);
    await engine.close();
    asked.length = 0;
  });

  test('asks for the tables that are expected with the first one, whose failures are of those alone who ask for them', async () => {
    const { runtime: seen } = momentOf(runtime, ['quarantine', 'no/name']);
    expect(await seen.catalog.listTables()).toContain('quarantine');
    expect(asked.splice(0)).toEqual(['quarantine', 'no/name']);
    expect(await seen.catalog.loadTable('opa_decisions')).toBeDefined();
    await expect(seen.catalog.loadTable('no/name')).rejects.toThrow();
  });
});

test('the tables that are expected of a statement are those that it, its views and its receipt look at', () => {
  const of = (sql: string, receipt: boolean) => tablesOfAnswer({ sql }, { stewards: [] }, receipt);
  expect(of('SELECT 1', false)).toEqual([]);
  expect(of('SELECT 1', true)).toEqual(['quarantine', 'ingested_objects']);
  expect(of('SELECT * FROM okera_audit_logs', true)).toEqual(['okera_audit_logs', 'quarantine', 'ingested_objects']);
  expect(of('SELECT * FROM opa_decisions', false)).toEqual(['opa_decisions']);
  expect(of('SELECT * FROM Opa_Decisions', true)).toEqual([
    'opa_decisions',
    'quarantine',
    'ingested_objects',
    'sequences',
  ]);
  expect(of('SELECT * FROM audit_events', false)).toEqual(['opa_decisions', 'okera_audit_logs']);
  const computed = ask('missing-decisions', new Map());
  expect(tablesOfAnswer(computed, { stewards: [] }, false)).toEqual(tablesOfAnswers);
});

describe('round trips', () => {
  const shared = new MemoryStore();
  beforeAll(async () => {
    await putDecisions(shared, 6, 20);
    await run(testRuntime({ store: shared, batch: { objects: 2 } }));
  });

  /** How many a fresh process takes. */
  const taken = (action: (runtime: Runtime) => Promise<unknown>): Promise<number> => {
    const { store, count } = inRounds(shared);
    return count(() => action({ ...testRuntime({ store }), catalog: new FileCatalog(store, warehouse) }));
  };

  test('of a question with its range and its receipt', async () => {
    const answer = async (given: Runtime): Promise<void> => {
      const { runtime } = momentOf(given, tablesOfAnswers);
      const question = findQuestion('decisions');
      const day = await lastDayWithEvents(runtime, undefined, tablesOfRange(question));
      const range = { from: `${day}T00:00:00Z`, to: `${day}T23:59:59Z` };
      const request = ask(question, new Map(Object.entries(range)));
      const engine = createDuckDbEngine(runtime);
      const [{ chunks }] = await Promise.all([engine.query(request), takeReceipt(runtime, request, undefined)]);
      expect((await collect(chunks)).flat().length).toBeGreaterThan(0);
      await engine.close();
    };
    expect(await taken(answer)).toBeLessThanOrEqual(10);
  });

  test('of the list of tables', async () => {
    expect(await taken((runtime) => describeTables(momentOf(runtime).runtime))).toBeLessThanOrEqual(7);
  });

  /** Of jobs that change the warehouse, each on a copy of it. */
  const changed = (action: (runtime: Runtime) => Promise<unknown>): Promise<number> => {
    const { store, count } = inRounds(shared.copy());
    const settings = { clock: () => Date.UTC(2100, 0, 1), expire: { keepSnapshots: 1 } };
    return count(() => action({ ...testRuntime({ store, ...settings }), catalog: new FileCatalog(store, warehouse) }));
  };

  test('of removing what has expired, however many files that are', async () => {
    expect(await changed(expire)).toBeLessThanOrEqual(30);
  });

  test('of a compaction', async () => {
    expect(await changed(compact)).toBeLessThanOrEqual(25);
  });

  test('of a verification', async () => {
    expect(await taken(verify)).toBeLessThanOrEqual(30);
  });
});
