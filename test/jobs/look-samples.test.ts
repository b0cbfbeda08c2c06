/** Of an object whose records do not end in its beginning, more is looked at: so far, and no further. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readOne } from '../../src/jobs/look/explain.ts';
import { lookAt } from '../../src/jobs/look/look.ts';
import { createSource } from '../../src/sources/index.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { decision, input, objectUri, opaSourceConfig, testRuntime } from '../support/warehouse.ts';

async function looks(body: Buffer) {
  const store = new MemoryStore();
  await store.put(objectUri(1), body);
  let reads = 0;
  const counted = store.view({ before: ({ operation }) => void (operation === 'get' && reads++) });
  const runtime = testRuntime({ store: counted, limits: { recordBytes: 16 << 20 } });
  const [object] = await collect(store.list(`${input}/`));
  const source = createSource('opa', {}, runtime.config.limits);
  const one = await readOne(runtime, { config: opaSourceConfig, source }, object!);
  const readsOfOne = reads;
  await lookAt(runtime, input);
  return { rows: one.read.rows.length, bytes: one.sample.text.length, readsOfOne, reads: reads - readsOfOne };
}

const large = (bytes: number): string => decision({ id: 'd', subject: 'x'.repeat(bytes) });

test.each([
  [1000, 1],
  [300 << 10, 2],
  [2 << 20, 3],
  [3500 << 10, 4],
])('a record of %i bytes is found by %i reads', async (bytes, reads) => {
  const { rows, readsOfOne, ...look } = await looks(Buffer.from(`${large(bytes)}\n${large(1)}\n`));
  expect([rows > 0, readsOfOne, look.reads]).toEqual([true, reads, reads]);
});

test('a record of more than 4 MiB is not', async () => {
  const { rows, bytes, readsOfOne } = await looks(Buffer.from(`${large(5 << 20)}\n`));
  expect([rows, bytes, readsOfOne]).toEqual([0, 4 << 20, 4]);
});

test('neither is one behind padding of gzip by the megabyte', async () => {
  const body = [gzipSync('{"decision_id'), Buffer.alloc(5 << 20), gzipSync(large(1))];
  const { rows, readsOfOne, reads } = await looks(Buffer.concat(body));
  expect([rows, readsOfOne, reads]).toEqual([0, 4, 4]);
});
