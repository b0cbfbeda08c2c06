/** What an answer says of itself, and what helps where it is empty. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { explainEmpty } from '../../src/queries/empty.ts';
import { ask, findQuestion } from '../../src/queries/questions.ts';
import { takeReceipt } from '../../src/queries/receipt.ts';
import { decision, input, opaSourceConfig, putDecisions, run, testRuntime } from '../support/warehouse.ts';

const day = (text: string): bigint => BigInt(Date.parse(text)) * 1000n;
const july11 = { from: day('2023-07-11'), to: day('2023-07-12') - 1n, isDefault: false };
const sql = 'select * from opa_decisions';

async function filled(options: Parameters<typeof testRuntime>[0] = {}): Promise<Runtime> {
  const runtime = testRuntime(options);
  await putDecisions(runtime.store, 4, 20);
  await run(runtime);
  return runtime;
}

describe('a receipt', () => {
  test('names snapshot, bytes held, newest event and what is in quarantine', async () => {
    const runtime = await filled();
    const receipt = await takeReceipt(runtime, { sql }, july11);
    const { metadata } = (await runtime.catalog.loadTable('opa_decisions'))!;
    expect(receipt.snapshots).toEqual({
      opa_decisions: { id: String(metadata['current-snapshot-id']), committed: '2026-01-01T00:00:00.000Z' },
    });
    expect(receipt.bytesHeld).toBeGreaterThan(0);
    expect(receipt.newestEvent).toBe('2023-07-12T03:00:09Z');
    expect(receipt.range).toEqual({
      from: '2023-07-11T00:00:00Z',
      to: '2023-07-11T23:59:59.999999Z',
      isDefault: false,
    });
    // Two lines are broken; when they happened nobody knows, so they are of the day of their reading or their object.
    expect(receipt.quarantined.total).toBe(2);
  });

  test('says where the range goes on after what is here', async () => {
    const runtime = await filled();
    const { incomplete } = await takeReceipt(runtime, { sql }, { ...july11, to: day('2023-07-20') });
    expect(incomplete.join('\n')).toMatch(/goes on after the newest event that is here, 2023-07-12T03:00:09Z/);
    expect((await takeReceipt(runtime, { sql }, july11)).incomplete.join('\n')).not.toMatch(/goes on after/);
  });

  test('does not take a time in the future for the newest event', async () => {
    const runtime = testRuntime();
    const lines = [decision({ id: 'a' }), decision({ id: 'b', time: '2099-01-01T00:00:00Z' })];
    await runtime.store.put(`${input}/a.jsonl`, Buffer.from(lines.join('\n')));
    await run(runtime);
    expect((await takeReceipt(runtime, { sql }, undefined)).newestEvent).toBe('2023-07-11T16:56:00.500000Z');
  });

  test('tells of batches that are open and of sources that are behind', async () => {
    const runtime = await filled({ sources: [{ ...opaSourceConfig, expectSeconds: 3600 }] });
    const object = { uri: `${input}/later.jsonl`, etag: '"x"', size: 1, lastModified: 0 };
    const ledger = createLedger(runtime);
    const { sequence } = await ledger.lookup([object.uri]);
    await ledger.claim({ name: 'eopa', type: 'opa' }, [object], sequence, new Set());
    const { incomplete } = await takeReceipt(runtime, { sql }, july11);
    expect(incomplete).toContain('1 batch of source eopa not committed yet');
    expect(incomplete.join('\n')).toMatch(/source eopa: no event of the last 1 h is in the warehouse/);
  });

  test('tells of decisions that never arrived on days of the range', async () => {
    const runtime = testRuntime();
    const lines = [1, 2, 9].map((number) => decision({ id: `${number}`, time: '2023-07-11T08:00:00Z', number }));
    await runtime.store.put(`${input}/a.jsonl`, Buffer.from(lines.join('\n')));
    await run(runtime);
    const missing = (receipt: { incomplete: readonly string[] }) =>
      receipt.incomplete.filter((text) => /never/.test(text));
    expect(missing(await takeReceipt(runtime, { sql }, july11))).toEqual([
      'about 6 decisions of 1 instance that seem never to have arrived: see the question missing-decisions',
    ]);
    const later = { from: day('2023-07-12'), to: day('2023-07-13') - 1n, isDefault: false };
    expect(missing(await takeReceipt(runtime, { sql }, later))).toEqual([]);
    expect(missing(await takeReceipt(runtime, { sql: 'select * from quarantine' }, july11))).toEqual([]);
  });

  test('of an empty warehouse has nothing to name', async () => {
    expect(await takeReceipt(testRuntime(), { sql }, undefined)).toEqual({
      range: null,
      snapshots: {},
      bytesHeld: 0,
      newestEvent: null,
      quarantined: { inRange: 0, total: 0 },
      incomplete: [],
    });
  });
});

describe('an empty answer', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await filled();
  });

  async function hints(
    given: Record<string, string>,
    range: { from: bigint; to: bigint },
    question = 'decisions',
  ): Promise<string[]> {
    const values = new Map(Object.entries({ from: '2023-07-11', to: '2023-07-12', ...given }));
    const engine = createDuckDbEngine(runtime);
    try {
      const asked = {
        question: findQuestion(question),
        given: values,
        prune: ask(question, values).prune,
        range,
      };
      return await explainEmpty(runtime, asked, engine);
    } finally {
      await engine.close();
    }
  }

  test('offers the value that is nearly the one asked for, or those that there are', async () => {
    expect(await hints({ subject: 'dr_evel' }, july11)).toEqual([
      'subject is never dr_evel in the range; did you mean dr_evil?',
    ]);
    expect(await hints({ subject: 'somebody else' }, july11)).toEqual([
      'subject is never somebody else in the range; the most frequent are dr_evil',
    ]);
    expect(await hints({ subject: 'dr_evil', allowed: 'false' }, july11)).toEqual([]);
  });

  test('looks only through the tables that there are', async () => {
    expect(await runtime.catalog.listTables()).not.toContain('okera_audit_logs');
    expect(await hints({ actor: 'dr_evel' }, july11, 'actor-events')).toEqual([
      'subject is never dr_evel in the range; did you mean dr_evil?',
    ]);
  });

  test('names the days before and after a range without rows', async () => {
    const range = { from: day('2020-01-01'), to: day('2020-01-02') };
    expect(await hints({ from: '2020-01-01', to: '2020-01-02', subject: 'x' }, range)).toEqual([
      'opa_decisions has no rows on the days of the range; of its days the first after is 2023-07-11',
    ]);
  });

  test('names columns that have no value in any row', async () => {
    expect(await hints({ cidr: '10.0.0.0/8' }, july11)).toEqual([
      expect.stringMatching(/^client_ip_key has no value in any of the \d+ rows of opa_decisions$/),
    ]);
  });
});
