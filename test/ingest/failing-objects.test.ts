import { expect, test } from 'vitest';
import { backfill } from '../../src/jobs/backfill/backfill.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { decision, input, rowsOf, run, testRuntime } from '../support/warehouse.ts';

/** One record that could be a row, and three that cannot. */
const mostlyBroken = (id: string): Buffer => Buffer.from([decision({ id }), '{', '{}x', '{"'].join('\n'));
const good = `${input}/c-good.jsonl`;

async function world(): Promise<{ store: MemoryStore; reads: string[] }> {
  const objects = new MemoryStore();
  for (const name of ['a', 'b', 'd', 'e', 'f'])
    await objects.put(`${input}/${name}-broken.jsonl`, mostlyBroken(`of-${name}`));
  await objects.put(good, Buffer.from(`${decision({ id: 'good' })}\n{\n{\n`));
  const reads: string[] = [];
  const store = objects.view({ before: ({ operation, uri }) => void (operation === 'get' && reads.push(uri)) });
  return { store, reads };
}

test('an object with more records to quarantine than the limit is reported with the reason, and nothing of it is taken', async () => {
  const { store } = await world();
  const runtime = testRuntime({ store, limits: { rejectedRecords: 2 } });
  const report = await run(runtime);
  expect(report.objects).toMatchObject({ committed: 1, failed: 5 });
  expect(report.failures.map(({ uri, code }) => [uri.at(-14), code])).toEqual(
    ['a', 'b', 'd', 'e', 'f'].map((name) => [name, 'too_many_rejected']),
  );
  expect(report.failures[0]!.message).toContain('limits.rejected_records (2)');
  expect((await rowsOf(runtime, 'opa_decisions')).map((row) => row.decision_id)).toEqual(['good']);
  expect((await rowsOf(runtime, 'quarantine')).map((row) => row.source_uri)).toEqual([good, good]);
});

test('however many objects of a batch fail half-way, the others are read twice at most and told once', async () => {
  const { store, reads } = await world();
  const runtime = testRuntime({ store, limits: { rejectedRecords: 2 } });
  const done: number[] = [];
  await backfill(runtime, {}, { update: ({ objectsDone }) => void done.push(objectsDone) });
  // The third time is the look at columns that are null in every row.
  expect(reads.filter((uri) => uri === good)).toHaveLength(3);
  expect(Math.max(...done)).toBe(1);
});
