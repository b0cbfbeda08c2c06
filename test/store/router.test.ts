import { describe, expect, test } from 'vitest';
import { distinct } from '../../src/store/distinct.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import type { ListOptions, ObjectInfo } from '../../src/store/store.ts';
import { storeContract } from '../contract/store.ts';
import { collect } from '../support/collect.ts';
import { disordered, shuffled } from '../support/disorder.ts';

test('each call goes to the store of its scheme', async () => {
  const [a, b] = [new MemoryStore(), new MemoryStore()];
  const store = new RoutedStore({ memory: a, other: b });
  await store.put('memory://x/1', Buffer.from('a'), { ifNoneMatch: '*' });
  await store.put('other://x/1', Buffer.from('bb'), { ifNoneMatch: '*' });
  expect(await a.head('memory://x/1')).toMatchObject({ size: 1 });
  expect(await store.head('other://x/1')).toMatchObject({ size: 2 });
  expect(await collect(store.list('other://x/'))).toMatchObject([{ uri: 'other://x/1', size: 2 }]);
  const { chunks } = await store.get('other://x/1', { range: [0, 1] });
  expect(Buffer.concat(await collect(chunks)).toString()).toBe('b');
  await store.delete('other://x/1');
  expect(await collect(store.list('other://x/'))).toEqual([]);
  expect(await collect(store.list('memory://x/'))).toHaveLength(1);
});

test('an unknown scheme is refused with what is known', async () => {
  const store = new RoutedStore({ s3: new MemoryStore(), file: new MemoryStore() });
  const message = /no store serves gs:\/\/ here, only s3:\/\/, file:\/\/: gs:\/\/bucket\/key/;
  await expect(store.head('gs://bucket/key')).rejects.toThrow(message);
  await expect(collect(store.list('gs://bucket/key'))).rejects.toMatchObject({ code: 'invalid-uri' });
});

describe('over stores that list in no order, and keys twice', () => {
  const orders = { 'pages turned round, keys repeated': disordered, 'no order at all': shuffled };
  for (const [name, listing] of Object.entries(orders)) {
    describe(name, () => {
      storeContract(async () => ({
        store: new RoutedStore({ memory: new MemoryStore({ listing: (objects) => listing(objects) }) }),
        root: 'memory://test/',
      }));
    });
  }

  const uris = async (store: RoutedStore, options?: ListOptions) =>
    (await collect(store.list('memory://x/', options))).map(({ uri }) => uri);
  const keys = Array.from({ length: 20 }, (_, i) => `memory://x/${String.fromCharCode(97 + i)}`);
  const holding = async (listing?: (objects: readonly ObjectInfo[]) => ObjectInfo[]) => {
    const memory = new MemoryStore(listing && { listing });
    for (const key of keys) await memory.put(key, []);
    return memory;
  };

  test('a listing says of what it is not to be relied on for, once', async () => {
    const told = async (listing?: (objects: readonly ObjectInfo[]) => ObjectInfo[]) => {
      const oddities: string[] = [];
      const store = new RoutedStore({ memory: await holding(listing) });
      expect((await uris(store, { onOddity: (oddity) => oddities.push(oddity) })).sort()).toEqual(keys);
      return oddities.sort();
    };
    expect(await told()).toEqual([]);
    expect(await told((objects) => objects.flatMap((object) => [object, object]))).toEqual(['repeated']);
    expect(await told(shuffled)).toEqual(['unordered']);
    expect(await told(disordered)).toEqual(['repeated', 'unordered']);
  });

  test('a store that knows no place to start is held to it all the same', async () => {
    class Careless extends MemoryStore {
      override list(prefix: string) {
        return super.list(prefix);
      }
    }
    const memory = new Careless({ listing: shuffled });
    for (const key of keys) await memory.put(key, []);
    expect((await uris(new RoutedStore({ memory }), { startAfter: keys[4]! })).sort()).toEqual(keys.slice(5));
  });

  test('a key is dropped that comes again tens of thousands of keys later', async () => {
    const object = (key: number): ObjectInfo => ({ uri: `memory://x/${key}`, size: 0, etag: 'e', lastModified: 0 });
    async function* listing(): AsyncGenerator<ObjectInfo> {
      for (let key = 0; key < 49_000; key++) yield object(key);
      for (let key = 0; key < 49_000; key++) yield object(key);
    }
    expect(await collect(distinct(listing()))).toHaveLength(49_000);
  });
});
