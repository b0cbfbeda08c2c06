/** Files that are read again and again come from memory, and are never anything but what the store would give. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cachedReads } from '../../src/store/cached-reads.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { GetOptions, ObjectStore } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';
import { propertyRuns } from '../support/thorough.ts';

const uri = (name: string): string => `memory://test/${name}`;

async function world(files: Readonly<Record<string, Buffer>>) {
  const shared = new MemoryStore();
  for (const [name, bytes] of Object.entries(files)) await shared.put(uri(name), bytes);
  const asked: string[] = [];
  const store = shared.view({
    before: ({ operation, uri: of }) => void (operation === 'get' && asked.push(of.slice(uri('').length))),
  });
  return { shared, asked, store, cached: cachedReads(store) };
}

async function read(store: ObjectStore, name: string, options: GetOptions = {}): Promise<Buffer> {
  return Buffer.concat(await collect((await store.get(uri(name), options)).chunks));
}

test('any range of a kept file is that of the file, and the store is asked once', async () => {
  const bytes = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 251));
  const { shared, asked, cached } = await world({ 'a.avro': bytes });
  const range = fc.option(fc.tuple(fc.nat(3100), fc.nat(3100)));
  await fc.assert(
    fc.asyncProperty(range, async (some) => {
      const options = some === null ? {} : { range: [Math.min(...some), Math.max(...some)] as const };
      expect(await read(cached, 'a.avro', options)).toEqual(await read(shared, 'a.avro', options));
      expect((await cached.get(uri('a.avro'), options)).info).toEqual(await shared.head(uri('a.avro')));
    }),
    { numRuns: propertyRuns(40) },
  );
  expect(asked).toEqual(['a.avro']);
});

test('only files that never change under their names are kept', async () => {
  const { shared, cached } = await world({
    'v1.metadata.json': Buffer.from('1'),
    'version-hint.text': Buffer.from('1'),
  });
  for (const name of ['v1.metadata.json', 'version-hint.text']) {
    expect(String(await read(cached, name))).toBe('1');
    await shared.put(uri(name), Buffer.from('22'));
    expect(String(await read(cached, name))).toBe('22');
  }
});

test('who asks for a file that is on its way gets it without asking the store again', async () => {
  const { asked, cached } = await world({ 'a.avro': Buffer.from('abc') });
  const texts = await Promise.all([read(cached, 'a.avro'), read(cached, 'a.avro', { range: [1, 2] })]);
  expect(texts.map(String)).toEqual(['abc', 'b']);
  expect(asked).toEqual(['a.avro']);
});

test('a file that is not there is looked for again', async () => {
  const { shared, cached } = await world({});
  await expect(cached.get(uri('late.parquet'))).rejects.toMatchObject({ code: 'not-found' });
  await shared.put(uri('late.parquet'), Buffer.from('here'));
  expect(String(await read(cached, 'late.parquet'))).toBe('here');
});

test('a body that broke off is not kept for the whole', async () => {
  const { asked, store } = await world({ 'a.parquet': Buffer.from('0123456789') });
  let breaks = 1;
  const breaking: ObjectStore = Object.assign(store, {
    get: async (of: string, options: GetOptions = {}) => {
      const { info, chunks } = await MemoryStore.prototype.get.call(store, of, options);
      const whole = Buffer.concat(await collect(chunks));
      const given = breaks-- > 0 ? whole.subarray(0, 4) : whole;
      return {
        info,
        chunks: (async function* () {
          yield given;
        })(),
      };
    },
  });
  const cached = cachedReads(breaking);
  for (let n = 0; n < 3; n++) expect(String(await read(cached, 'a.parquet'))).toBe('0123456789');
  // The broken one, the one that the reader is given in its stead, and one to keep.
  expect(asked).toHaveLength(3);
});

test('large files are passed on, range by range', async () => {
  const bytes = Buffer.alloc((8 << 20) + 1, 'abc');
  const { asked, cached } = await world({ 'large.parquet': bytes });
  for (const start of [0, 5, 8 << 20]) {
    const range = [start, start + 4] as const;
    expect(await read(cached, 'large.parquet', { range })).toEqual(bytes.subarray(...range));
  }
  // Once more for finding out that it is large.
  expect(asked).toHaveLength(4);
});

test('what was used longest ago gives way', async () => {
  const names = Array.from({ length: 9 }, (_, i) => `f${i}.parquet`);
  const { asked, cached } = await world(
    Object.fromEntries(names.map((name, i) => [name, Buffer.alloc(8 << 20, String(i))])),
  );
  const [first, second, ...rest] = names as [string, string, ...string[]];
  for (const name of [first, second, ...rest.slice(0, 6)]) await read(cached, name);
  await read(cached, first);
  expect(asked).toHaveLength(8);
  // One more than there is room for: the second has not been used since.
  await read(cached, rest[6]!);
  for (const name of [first, ...rest])
    expect((await read(cached, name))[0]).toBe(String(names.indexOf(name)).charCodeAt(0));
  expect(asked).toHaveLength(9);
  expect((await read(cached, second)).length).toBe(8 << 20);
  expect(asked).toHaveLength(10);
  expect(asked.at(-1)).toBe(second);
});

test('what was written through it is read without asking, until it is deleted; the caller may reuse its bytes', async () => {
  const { shared, asked, cached } = await world({});
  const bytes = Buffer.from('written');
  await cached.put(uri('a.avro'), bytes);
  await cached.put(uri('a.json'), bytes);
  bytes.fill(0);
  expect(String(await read(cached, 'a.avro'))).toBe('written');
  expect(asked).toEqual([]);
  await read(cached, 'a.json');
  expect(asked).toEqual(['a.json']);
  await cached.delete(uri('a.avro'));
  expect(await shared.head(uri('a.avro'))).toBeUndefined();
  await expect(cached.get(uri('a.avro'))).rejects.toMatchObject({ code: 'not-found' });
});
