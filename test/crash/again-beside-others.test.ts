/**
 * Reading again with another job in the middle of it: whatever the call, the two leave the rows of today, each once, and
 * what was erased stays erased.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { meetings } from '../support/mortal.ts';
import { decision, input, numberedIds, owner, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const long = (id: string): string => decision({ id, subject: 'x'.repeat(3000) });
const objects: Readonly<Record<string, readonly string[]>> = {
  a: [decision({ id: 'a1', subject: 'alice' }), long('a2'), '{"broken":'],
  b: [decision({ id: 'b1', subject: 'bob' }), decision({ id: 'a1', subject: 'alice' })],
};

/** Every second that passes is seen by all. */
const begun = Date.UTC(2026, 0, 2);
let now = Date.UTC(2026, 0, 1);
const world = (store: MemoryStore, id: string): Runtime => ({
  ...testRuntime({ store, owner: owner(id), clock: () => (now += 10), compact: { smallFiles: 2 } }),
  uuid: numberedIds(id),
});

let start: MemoryStore;
beforeAll(async () => {
  const store = new MemoryStore();
  const old = { ...testRuntime({ store, clock: () => (now += 10), limits: { recordBytes: 1000 } }), uuid: randomUUID };
  for (const [name, lines] of Object.entries(objects)) {
    await store.put(`${input}/${name}.jsonl`, Buffer.from(lines.join('\n')));
    await run(old);
  }
  start = store;
});

const ids = async (runtime: Runtime): Promise<string[]> =>
  (await rowsOf(runtime, 'opa_decisions')).map((row) => String(row.decision_id)).sort();

test.each([
  ['compact', compact, ['a1', 'a2', 'b1']],
  ['replay', replay, ['a1', 'a2', 'b1']],
  ['erase', (runtime: Runtime) => erase(runtime, 'alice'), ['a2', 'b1']],
  ['expire', expire, ['a1', 'a2', 'b1']],
  ['an ordinary backfill', run, ['a1', 'a2', 'b1']],
] as const)('with %s in between', async (_name, job, expected) => {
  const again = (store: MemoryStore) => {
    now = begun;
    return run(world(store, 'again'), { again: true });
  };
  const counted = start.copy().view();
  await again(counted);
  expect(counted.calls).toBeGreaterThan(50);
  const other = (store: MemoryStore) => job(world(store, 'other'));
  for await (const { store, at } of meetings(start, counted.calls, again, other, 4)) {
    const runtime = world(store, 'reader');
    // The record that both objects have is there for each of them until it is compacted.
    expect([...new Set(await ids(runtime))], at).toEqual(expected);
    expect((await verify(runtime, { deep: true })).differences, at).toEqual([]);
    await compact(runtime);
    expect(await ids(runtime), at).toEqual(expected);
    expect(await rowsOf(runtime, 'quarantine'), at).toHaveLength(1);
    expect(await rowsOf(runtime, 'ingested_objects'), at).toHaveLength(2);
    expect((await verify(runtime)).differences, at).toEqual([]);
  }
});
