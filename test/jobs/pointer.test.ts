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
  // Attempts differ, if in nothing else, in the ids of their snapshots.
  const properties = { ...metadata.properties, writtenAs: name };
  const written = { ...metadata, properties, 'last-sequence-number': sequence, 'metadata-log': log };
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

test.each([
  ['the table is lost', false],
  ['the pointer is at the first', true],
])(
  'of more files than a catalog keeps, copied in any order or all at once, the last one is taken: %s',
  async (_, isKnown) => {
    const names = Array.from({ length: 70 }, (_, n) => `v${String(n).padStart(3, '0')}`);
    const copied = async (to: MemoryStore, order: readonly string[]): Promise<LoadedTable> => {
      store = to;
      const all = new Map<string, LoadedTable>();
      for (const name of order) {
        const n = names.indexOf(name);
        all.set(name, await put(name, n + 1, names.slice(Math.max(0, n - 50), n)));
      }
      return all.get(names[0]!)!;
    };
    let now = 0;
    for (const [clock, order] of [
      [() => 0, names],
      [() => 0, [...names].reverse()],
      // The newest is copied first, but for the one that the catalog has.
      [() => now++, [names[0]!, ...names.slice(1).reverse()]],
    ] as const) {
      const first = await copied(new MemoryStore({}, clock), order);
      expect(await found(isKnown ? first : undefined)).toBe(names.at(-1));
    }
  },
);

test('a file that goes while all are read is left out', async () => {
  await put('a', 1, []);
  await put('b', 2, ['a']);
  await put('attempt', 3, ['a', 'b']);
  store = store.view({
    before: async ({ operation, uri }) => {
      if (operation === 'get' && uri === file('attempt')) await store.delete(uri);
    },
  });
  expect(await found()).toBe('b');
});
