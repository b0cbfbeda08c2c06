/** When the jobs of the night last ended well: what they leave, what the worker shows of it, and what the doctor says. */
import { expect, test } from 'vitest';
import { checkNightly } from '../../src/jobs/doctor/nightly.ts';
import { lastRunsPrefix, readLastRun, recordRun } from '../../src/jobs/last-runs.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { WarehouseFigures } from '../../src/worker/warehouse-figures.ts';
import { decision, input, run, testRuntime, warehouse } from '../support/warehouse.ts';

const verified = (differencesTotal: number) => ({ ok: differencesTotal === 0, differencesTotal });
const compacted = (overtaken: number) => ({
  refused: [],
  overtaken: Array.from({ length: overtaken }, () => ({ table: 't', day: '2026-11-28' })),
});

function world() {
  const at = { now: Date.parse('2026-11-28T03:00:00Z') };
  const store = new MemoryStore();
  return { at, store, runtime: testRuntime({ store, clock: () => at.now }) };
}

test('a run that fails does not take the last success away', async () => {
  const { at, runtime } = world();
  expect(await readLastRun(runtime, 'verify')).toBeUndefined();
  await recordRun(runtime, 'verify', verified(0));
  at.now += 86_400_000;
  await recordRun(runtime, 'verify', verified(3));
  expect(await readLastRun(runtime, 'verify')).toEqual({
    finishedAt: '2026-11-29T03:00:00.000Z',
    ok: false,
    succeededAt: '2026-11-28T03:00:00.000Z',
    differences: 3,
  });
  await recordRun(runtime, 'compact', compacted(1));
  expect(await readLastRun(runtime, 'compact')).toMatchObject({ ok: false, succeededAt: null });
});

test('a record that nobody here wrote is none, and a store that refuses stops no job', async () => {
  const { store, runtime } = world();
  for (const body of [
    '',
    'null',
    '{"ok":true}',
    '{"finishedAt":"yesterday","ok":true,"succeededAt":null}',
    'x'.repeat(5000),
  ]) {
    await store.put(`${lastRunsPrefix(warehouse)}expire.json`, Buffer.from(body));
    expect(await readLastRun(runtime, 'expire')).toBeUndefined();
  }
  const refusing = store.view({
    before: async ({ operation }) => {
      if (operation === 'put') throw new Error('denied');
    },
  });
  await recordRun({ ...runtime, store: refusing }, 'expire', { refused: [] });
  expect(await readLastRun(runtime, 'expire')).toBeUndefined();
});

test('the worker shows it with the size of the tables, every ten minutes', async () => {
  const { at, store, runtime } = world();
  await store.put(`${input}/a.jsonl`, Buffer.from(decision({ id: 'a' })));
  await run(runtime);
  const metrics = new Metrics();
  const figures = new WarehouseFigures(runtime, metrics);
  const shown = async (name: string) =>
    (await metrics.text()).match(new RegExp(`^audit_warehouse_${name}\\b.*$`, 'gm'));
  await figures.review();
  expect(await shown('job_success_timestamp_seconds')).toEqual(
    ['compact', 'expire', 'verify'].map((job) => `audit_warehouse_job_success_timestamp_seconds{job="${job}"} 0`),
  );
  expect((await shown('table_bytes'))?.find((line) => line.includes('"opa_decisions"'))).toMatch(/ [1-9]\d{3,}$/);
  await recordRun(runtime, 'verify', verified(2));
  await recordRun(runtime, 'expire', { refused: [] });
  await figures.review();
  expect(await shown('verify_differences')).toEqual(['audit_warehouse_verify_differences 0']);
  at.now += 600_000;
  await figures.review();
  expect(await shown('verify_differences')).toEqual(['audit_warehouse_verify_differences 2']);
  expect(await shown('job_success_timestamp_seconds')).toContain(
    `audit_warehouse_job_success_timestamp_seconds{job="expire"} ${Date.parse('2026-11-28T03:00:00Z') / 1000}`,
  );
});

test('the doctor says which job of the night is late', async () => {
  const { at, store, runtime } = world();
  expect(await checkNightly(runtime)).toMatchObject({ status: 'ok' });
  await store.put(`${input}/a.jsonl`, Buffer.from(decision({ id: 'a' })));
  await run(runtime);
  expect(await checkNightly(runtime)).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('verify never ran to its end'),
  });
  await recordRun(runtime, 'compact', compacted(0));
  await recordRun(runtime, 'expire', { refused: [] });
  await recordRun(runtime, 'verify', verified(0));
  expect(await checkNightly(runtime)).toMatchObject({
    status: 'ok',
    found: expect.stringContaining('compact ended well'),
  });
  at.now += 40 * 3_600_000;
  await recordRun(runtime, 'compact', compacted(0));
  await recordRun(runtime, 'verify', verified(1));
  expect(await checkNightly(runtime)).toMatchObject({
    status: 'warning',
    found: expect.stringMatching(/compact ended well .*, expire ended well .*, verify failed .*, well .* ago/),
  });
});
