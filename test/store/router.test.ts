import { describe, expect, test } from 'vitest';
import { distinct } from '../../src/store/distinct.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import { type GetOptions, type ListOptions, type ObjectInfo, StoreError } from '../../src/store/store.ts';
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

describe('reads that break off', () => {
  const uri = 'memory://x/object';
  const content = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7) % 256));

  /** The n-th opening fails by `faults[n]`: before anything is given, or after so many bytes. */
  async function faulty(faults: readonly ('open' | number)[]) {
    const memory = new MemoryStore();
    await memory.put(uri, content);
    const asked: GetOptions[] = [];
    const broken = (of: string) => new StoreError('transient', of, 'the connection was reset');
    const view = Object.assign(memory.view(), {
      get: async (of: string, options: GetOptions = {}) => {
        const fault = faults[asked.push(options) - 1];
        if (fault === 'open') throw broken(of);
        const { info, chunks } = await memory.get(of, options);
        return { info, chunks: fault === undefined ? chunks : cut(chunks, fault, broken(of)) };
      },
    });
    const slept: number[] = [];
    const store = new RoutedStore({ memory: view }, { sleep: async (ms) => void slept.push(ms) });
    const read = async (options?: GetOptions) =>
      Buffer.concat(await collect((await store.get(uri, options)).chunks)).toString('latin1');
    return { memory, store, asked, slept, read };
  }
  async function* cut(chunks: AsyncIterable<Uint8Array>, bytes: number, error: Error): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      yield chunk.subarray(0, bytes);
      throw error;
    }
  }

  test('are taken up again from the byte reached, of the same version, with a pause before each', async () => {
    const { read, asked, slept, memory } = await faulty(['open', 3000, 'open', 10]);
    expect(await read()).toBe(content.toString('latin1'));
    const { etag } = (await memory.head(uri))!;
    expect(asked.map(({ range, ifMatch }) => [range, ifMatch])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      [[3000, 10_000], etag],
      [[3000, 10_000], etag],
      [[3010, 10_000], etag],
    ]);
    expect(slept).toHaveLength(4);
  });

  test('of a range stay within it', async () => {
    const { read, asked } = await faulty([100, 50]);
    expect(await read({ range: [4000, 5000] })).toBe(content.toString('latin1', 4000, 5000));
    expect(asked.map(({ range }) => range)).toEqual([
      [4000, 5000],
      [4100, 5000],
      [4150, 5000],
    ]);
    const past = await faulty([100]);
    expect(await past.read({ range: [9000, 99_999] })).toBe(content.toString('latin1', 9000));
  });

  test('end after a bounded number of tries, by the reason', async () => {
    for (const fault of ['open', 0] as const) {
      const { read, asked } = await faulty(new Array(100).fill(fault));
      await expect(read()).rejects.toMatchObject({ code: 'transient', uri });
      expect(asked.length).toBeLessThan(10);
    }
  });

  test('are no mixture of two versions', async () => {
    const { read, asked, memory, store } = await faulty([3000]);
    const { chunks } = await store.get(uri);
    const reading = (async () => {
      for await (const chunk of chunks) if (chunk.length === 3000) await memory.put(uri, Buffer.alloc(10_000));
    })();
    await expect(reading).rejects.toMatchObject({ code: 'precondition-failed' });
    expect(asked).toHaveLength(2);
    expect(await read()).toBe('\0'.repeat(10_000));
  });

  test('are left to the caller that takes them up itself, and lasting errors are not tried again', async () => {
    const { asked, store } = await faulty(['open', 'open']);
    await expect(store.get(uri, { once: true })).rejects.toMatchObject({ code: 'transient' });
    expect(asked).toHaveLength(1);
    const gone = await faulty([]);
    await expect(gone.store.get('memory://x/gone')).rejects.toMatchObject({ code: 'not-found' });
    expect(gone.asked).toHaveLength(1);
  });

  test('looking at an object is tried again as well', async () => {
    const memory = new MemoryStore();
    await memory.put(uri, content);
    let failures = 3;
    const view = memory.view({
      before: ({ operation }) => {
        if (operation === 'head' && failures-- > 0) throw new StoreError('transient', uri, 'HTTP 503');
      },
    });
    const store = new RoutedStore({ memory: view }, { sleep: async () => {} });
    expect(await store.head(uri)).toMatchObject({ size: content.length });
    failures = 100;
    await expect(store.head(uri)).rejects.toMatchObject({ code: 'transient' });
  });
});
