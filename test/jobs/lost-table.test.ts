import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { LoadedTable } from '../../src/iceberg/catalog.ts';
import { backfill } from '../../src/jobs/backfill/backfill.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { checkTables } from '../../src/jobs/doctor/store.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { producers } from '../../src/jobs/producers/producers.ts';
import { describeQuarantine } from '../../src/jobs/quarantine/explain.ts';
import { placesOf } from '../../src/jobs/raw/raw.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { describeTables } from '../../src/jobs/tables/describe.ts';
import { newerMetadata } from '../../src/jobs/verify/pointer.ts';
import { repair } from '../../src/jobs/verify/repair.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { takeReceipt } from '../../src/queries/receipt.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { Worker } from '../../src/worker/worker.ts';
import { collect } from '../support/collect.ts';
import { decision, putDecisions, putLines, rowsOf, run, testRuntime, warehouse } from '../support/warehouse.ts';

/** Where somebody has dropped tables and left their files, as can be done in Glue. */
class LosingCatalog extends FileCatalog {
  readonly lost: Set<string>;
  constructor(store: MemoryStore, ...lost: string[]) {
    super(store, warehouse);
    this.lost = new Set(lost);
  }
  override async loadTable(name: string): Promise<LoadedTable | undefined> {
    return this.lost.has(name) ? undefined : super.loadTable(name);
  }
  override async listTables(): Promise<string[]> {
    return (await super.listTables()).filter((name) => !this.lost.has(name));
  }
  override lastLoaded(name: string): LoadedTable | null | undefined {
    return this.lost.has(name) ? null : super.lastLoaded?.(name);
  }
  override async createTable(name: string): Promise<LoadedTable> {
    this.lost.delete(name);
    return (await super.loadTable(name))!;
  }
}

test('a compacted table that the catalog has lost is back with its rows, each once', async () => {
  const store = new MemoryStore();
  const runtime = testRuntime({ store, batch: { objects: 1 }, compact: { smallFiles: 2 } });
  await putDecisions(store, 3, 4);
  await run(runtime);
  expect((await compact(runtime)).days.length).toBeGreaterThan(0);
  const catalog = new LosingCatalog(store, 'opa_decisions');
  const lost = { ...runtime, catalog };
  const { differences } = await verify(lost);
  expect(new Set(differences.map(({ kind }) => kind))).toEqual(new Set(['rows-missing', 'table-unregistered']));
  await repair(lost, differences, undefined);
  expect(await rowsOf(lost, 'opa_decisions')).toHaveLength(12);
  expect((await verify(lost)).differences).toEqual([]);
});

describe('a table that the catalog has lost is not made anew, which would bring back what was erased', () => {
  const begun = async (...lost: string[]) => {
    const store = new MemoryStore();
    const runtime = testRuntime({ store });
    await putDecisions(store, 3, 4);
    await putLines(store, 'other.jsonl', decision({ id: 'other', subject: 'alice' }));
    await run(runtime);
    await erase(runtime, 'dr_evil');
    const left = await rowsOf(runtime, 'opa_decisions');
    expect(left.map((row) => row.decision_id)).toEqual(['other']);
    const losing = { ...runtime, catalog: new LosingCatalog(store, ...lost) };
    const repaired = async () => {
      await repair(losing, (await verify(losing)).differences, undefined);
      await run(losing);
      expect(await rowsOf(losing, 'opa_decisions')).toEqual(left);
      expect((await verify(losing)).differences).toEqual([]);
    };
    return { losing, repaired };
  };

  test('of a source: the source stays out', async () => {
    const { losing, repaired } = await begun('opa_decisions');
    const { failures } = await backfill(losing);
    expect(failures).toMatchObject([{ code: 'table-unusable', message: expect.stringContaining('verify --repair') }]);
    const worker = new Worker(losing, { openQueue: () => undefined as never }, { once: true });
    await expect(worker.run()).rejects.toThrow(failures[0]!.message);
    expect(await checkTables(losing)).toMatchObject({ status: 'failed', found: failures[0]!.message });
    await repaired();
  });

  test.each([
    ['the ledger', ['ingested_objects']],
    ['all of them', ['ingested_objects', 'opa_decisions', 'quarantine', 'amendments']],
  ])('%s: nothing is read', async (_, lost) => {
    const { losing, repaired } = await begun(...lost);
    await expect(backfill(losing)).rejects.toThrow(/lost table \w+, .*verify --repair/);
    const { status, found } = await checkTables(losing);
    expect(status).toBe('failed');
    for (const name of lost) expect(found).toContain(`lost table ${name}`);
    expect(losing.catalog.lost.has('ingested_objects')).toBe(true);
    await repaired();
  });
});

describe('of a table that the catalog has lost', () => {
  const losing = async (...lost: string[]) => {
    const store = new MemoryStore();
    const runtime = testRuntime({ store });
    await putLines(store, 'a.jsonl', decision({ id: 'one' }), '{}');
    await run(runtime);
    return { ...runtime, catalog: new LosingCatalog(store, ...lost) };
  };
  const lost = /lost table \w+, .*verify --repair/;

  test('nobody is said to be erased', async () => {
    await expect(erase(await losing('opa_decisions'), 'dr_evil')).rejects.toThrow(lost);
    await expect(erase(await losing('opa_decisions'), 'dr_evil', { dryRun: true })).rejects.toThrow(lost);
  });

  test('no answer passes for a whole one', async () => {
    const asked = { tables: ['okera_audit_logs', 'opa_decisions'] };
    for (const name of ['opa_decisions', 'quarantine', 'ingested_objects', 'sequences']) {
      const { incomplete } = await takeReceipt(await losing(name), asked, undefined);
      expect(incomplete).toContainEqual(expect.stringContaining(`table ${name}, which the catalog has lost`));
    }
    const { incomplete } = await takeReceipt(
      await losing('opa_decisions'),
      { sql: 'SELECT * FROM audit_events' },
      undefined,
    );
    expect(incomplete).toContainEqual(expect.stringContaining('table opa_decisions, which the catalog has lost'));
    expect((await takeReceipt(await losing(), asked, undefined)).incomplete.join()).not.toContain('lost');
  });

  test('quarantine is not said to be empty', async () => {
    const runtime = await losing('quarantine');
    await expect(describeQuarantine(runtime, { samples: 1, reveal: false })).rejects.toThrow(lost);
    await expect(replay(runtime)).rejects.toThrow(lost);
  });

  test('no decision is looked for in vain, and tables names it', async () => {
    const runtime = await losing('opa_decisions', 'sequences');
    await expect(placesOf(runtime, undefined as never, 'one', {})).rejects.toThrow(lost);
    await expect(producers(runtime, {})).rejects.toThrow(lost);
    const reports = await describeTables(runtime);
    expect(reports.flatMap(({ name, error }) => (error === undefined ? [] : [name]))).toEqual([
      'opa_decisions',
      'sequences',
    ]);
  });
});

test('a table that was registered again, and is lost once more, is found as it stood last', async () => {
  const store = new MemoryStore();
  const runtime = testRuntime({ store });
  await putDecisions(store, 3, 4);
  await run(runtime);
  await erase(runtime, 'dr_evil');
  const { metadata, metadataLocation } = (await runtime.catalog.loadTable('opa_decisions'))!;
  const location = runtime.catalog.tableLocation('opa_decisions');
  const bytes = await collect((await store.get(metadataLocation)).chunks);
  // As Glue's createTable writes down what it registers.
  await store.put(`${location}/metadata/00000-again.metadata.json`, Buffer.concat(bytes));
  const newest = await newerMetadata(store, location, undefined);
  expect(newest?.metadata['current-snapshot-id']).toBe(metadata['current-snapshot-id']);
});
