import { expect, test } from 'vitest';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { MissingDecisions } from '../../src/worker/missing-decisions.ts';
import { decision, input, opaSourceConfig, run, testRuntime } from '../support/warehouse.ts';

test('the metric counts what is missing of yesterday and today, looks once an hour, and leaves sources without numbers out', async () => {
  let now = Date.parse('2023-07-12T10:00:00Z');
  const okera = { name: 'okera', type: 'okera-audit', location: 'memory://test/okera', columns: {} } as const;
  const runtime = testRuntime({ store: new MemoryStore(), sources: [opaSourceConfig, okera], clock: () => now });
  const put = (name: string, day: string, numbers: readonly number[]) =>
    runtime.store.put(
      `${input}/${name}.jsonl`,
      Buffer.from(numbers.map((number) => decision({ id: `${number}`, time: `${day}T08:00:00Z`, number })).join('\n')),
    );
  await put('old', '2023-07-01', [1, 2, 5]);
  await put('new', '2023-07-11', [6, 7, 17]);
  await run(runtime);
  const metrics = new Metrics();
  const missing = new MissingDecisions(runtime, selectSources(runtime, undefined), metrics);
  const shown = async () => (await metrics.text()).match(/^audit_warehouse_missing_decisions\{.*$/gm);
  await missing.review();
  expect(await shown()).toEqual(['audit_warehouse_missing_decisions{source="eopa"} 9']);
  await put('late', '2023-07-11', [8, 9, 10, 11, 12, 13, 14, 15, 16]);
  await run(runtime);
  await missing.review();
  expect(await shown()).toEqual(['audit_warehouse_missing_decisions{source="eopa"} 9']);
  now += 3_600_000;
  await missing.review();
  expect(await shown()).toEqual(['audit_warehouse_missing_decisions{source="eopa"} 0']);
});
