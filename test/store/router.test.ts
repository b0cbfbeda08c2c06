import { expect, test } from 'vitest';
import { MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import { collect } from '../support/collect.ts';

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
