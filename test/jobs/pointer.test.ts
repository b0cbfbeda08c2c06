/** Which of the metadata files that lie in the warehouse a lost or outdated pointer should have. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { LoadedTable } from '../../src/iceberg/catalog.ts';
import { serializeMetadata, type TableMetadata } from '../../src/iceberg/metadata.ts';
import { newerMetadata } from '../../src/jobs/verify/pointer.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { putDecisions, run, testRuntime } from '../support/warehouse.ts';

const location = 'memory://test/table';
const file = (name: string): string => `${location}/metadata/${name}.metadata.json`;

let metadata: TableMetadata;
let store: MemoryStore;

beforeAll(async () => {
  const written = new MemoryStore();
  const runtime = testRuntime({ store: written });
  await putDecisions(written, 1, 2);
  await run(runtime);
  metadata = (await runtime.catalog.loadTable('opa_decisions'))!.metadata;
});
beforeEach(() => {
  store = new MemoryStore();
});

async function put(name: string, sequence: number, past: readonly string[]): Promise<LoadedTable> {
  const log = past.map((one, i) => ({ 'metadata-file': file(one), 'timestamp-ms': i }));
  const written = { ...metadata, 'last-sequence-number': sequence, 'metadata-log': log };
  await store.put(file(name), Buffer.from(serializeMetadata(written)));
  return { metadata: written, metadataLocation: file(name), version: name };
}

const found = async (loaded?: LoadedTable): Promise<string | undefined> =>
  (await newerMetadata(store, location, loaded))?.uri.replace(/^.*\/|\.metadata\.json$/g, '');

test('a lost table gets what has the highest sequence number', async () => {
  await put('a', 1, []);
  await put('b', 2, ['a']);
  expect(await found()).toBe('b');
});

test('to go back to a snapshot takes no new number: the last one of a chain is taken', async () => {
  const current = await put('a', 1, []);
  await put('b', 2, ['a']);
  await put('back', 2, ['a', 'b']);
  await put('property', 2, ['a', 'b', 'back']);
  expect(await found()).toBe('property');
  expect(await found(current)).toBe('property');
});

test('of two attempts at the same that one was committed on which another was made; until then what is certain counts', async () => {
  await put('a', 1, []);
  await put('lost', 2, ['a']);
  await put('won', 2, ['a']);
  expect(await found()).toBe('a');
  await put('back', 2, ['a', 'won']);
  expect(await found()).toBe('back');
});

test('of attempts at the same on the last one of a chain, none of which is certain, that last one is taken', async () => {
  store = new MemoryStore({}, () => 0);
  await put('a', 1, []);
  await put('b', 2, ['a']);
  await put('back', 2, ['a', 'b']);
  await put('one', 2, ['a', 'b', 'back']);
  await put('other', 2, ['a', 'b', 'back']);
  expect(await found()).toBe('back');
});

test('a table that the catalog knows keeps what it has while nothing newer is certain', async () => {
  const current = await put('a', 1, []);
  await put('attempt', 2, ['a']);
  expect(await found(current)).toBeUndefined();
  await put('next', 3, ['a', 'attempt']);
  expect(await found(current)).toBe('next');
});
