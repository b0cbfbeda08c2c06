/** Large objects of a distant store come by several ranges at a time, in order, of one version, within bounded memory. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type FetchOptions, fetchObjects } from '../../src/ingest/fetch.ts';
import { crc32Of } from '../../src/store/checksum.ts';
import { nextTurn } from '../../src/store/event-loop.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectInfo, ObjectStore } from '../../src/store/store.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { defaultLimits } from '../support/fixture.ts';

const mebi = 1 << 20;
const limits = { ...defaultLimits, rejectedRecords: 1000, daysPerBatch: 100 };
const options: FetchOptions = { downloads: 16, downloadBytes: 4 * mebi, limits, sleep: async () => {} };

/** Compresses badly, and no two places of it are alike. */
function bytesOf(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed;
  for (let at = 0; at + 4 <= size; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

const contents = { a: bytesOf(9 * mebi + 5, 1), b: bytesOf(mebi, 2), c: bytesOf(7 * mebi, 3), d: bytesOf(6 * mebi, 4) };

async function world(objects: Readonly<Record<string, Buffer>> = contents) {
  const shared = new MemoryStore();
  for (const [name, bytes] of Object.entries(objects)) await shared.put(`memory://raw/${name}`, bytes);
  const infos: ObjectInfo[] = [];
  for await (const info of shared.list('memory://raw/')) infos.push(info);
  return { shared, infos };
}

/** Bytes of each body, or what it ended with. */
async function read(store: ObjectStore, infos: readonly ObjectInfo[], given: Partial<FetchOptions> = {}) {
  const bodies = new Map<string, Buffer | { readonly error: unknown }>();
  for await (const { object, body } of fetchObjects(store, infos, { ...options, ...given })) {
    if ('error' in body) bodies.set(object.uri, body);
    else {
      const parts: Uint8Array[] = [];
      try {
        for await (const chunk of body) parts.push(Buffer.from(chunk));
        bodies.set(object.uri, Buffer.concat(parts));
      } catch (error) {
        bodies.set(object.uri, { error });
      }
    }
  }
  return bodies;
}

test('every byte once and in order, large and small objects side by side, in no more memory than there is', async () => {
  const { shared, infos } = await world();
  let held = 0;
  let most = 0;
  const ranges: string[] = [];
  const store = storeWith(shared, {
    async get(uri, asked = {}) {
      const size = asked.range === undefined ? contents.b.length : asked.range[1] - asked.range[0];
      if (asked.range !== undefined) ranges.push(`${uri} ${asked.ifMatch}`);
      held += size;
      most = Math.max(most, held);
      await nextTurn();
      held -= size;
      return shared.get(uri, asked);
    },
  });
  const bodies = await read(store, infos);
  for (const [name, bytes] of Object.entries(contents))
    expect((bodies.get(`memory://raw/${name}`) as Buffer).equals(bytes), name).toBe(true);
  expect(most).toBeGreaterThan(mebi);
  expect(most).toBeLessThanOrEqual(options.downloadBytes + 2 * mebi);
  expect(ranges).toHaveLength(10 + 7 + 6);
  expect(new Set(ranges)).toEqual(
    new Set(infos.filter(({ size }) => size > 4 * mebi).map(({ uri, etag }) => `${uri} ${etag}`)),
  );
});

test('an object that is written over while it is read fails alone, and is never mixed of two versions', async () => {
  const { shared, infos } = await world();
  let asked = 0;
  const store = storeWith(shared, {
    async get(uri, given) {
      if (uri.endsWith('/a') && ++asked === 4) await shared.put(uri, bytesOf(9 * mebi + 5, 9));
      return shared.get(uri, given);
    },
  });
  const bodies = await read(store, infos);
  expect(bodies.get('memory://raw/a')).toMatchObject({ error: { cause: { code: 'precondition-failed' } } });
  expect((bodies.get('memory://raw/c') as Buffer).equals(contents.c)).toBe(true);
});

test('compressed ones are decompressed as they come', async () => {
  const plain = bytesOf(8 * mebi, 5);
  const { shared, infos } = await world({ 'x.gz': gzipSync(plain) });
  const bodies = await read(shared, infos);
  expect((bodies.get('memory://raw/x.gz') as Buffer).equals(plain)).toBe(true);
});

test('a range that breaks off is taken up again; bytes that do not match the checksum of the object fail it', async () => {
  const { shared, infos } = await world({ a: contents.a, c: contents.c });
  let failures = 0;
  const store = storeWith(shared, {
    async head(uri) {
      const info = await shared.head(uri);
      const value = crc32Of([uri.endsWith('/a') ? contents.a : contents.d]);
      return info && { ...info, checksum: { algorithm: 'crc32', value } };
    },
    async get(uri, given) {
      const body = await shared.get(uri, given);
      if (++failures % 5 !== 0) return body;
      const chunks = async function* () {
        for await (const chunk of body.chunks) {
          yield chunk.subarray(0, chunk.length >> 1);
          throw Object.assign(new Error('cut'), { code: 'transient' });
        }
      };
      return { ...body, chunks: chunks() };
    },
  });
  const bodies = await read(store, infos);
  expect((bodies.get('memory://raw/a') as Buffer).equals(contents.a)).toBe(true);
  expect(bodies.get('memory://raw/c')).toMatchObject({ error: { cause: { message: /checksum/ } } });
});

test('the next large object is asked for before the last bytes of the one before are used', async () => {
  const { shared, infos } = await world({ c: contents.c, d: contents.d });
  const asked = new Set<string>();
  const store = storeWith(shared, {
    get: (uri, given) => {
      asked.add(uri);
      return shared.get(uri, given);
    },
  });
  const seen: boolean[] = [];
  for await (const { object, body } of fetchObjects(store, infos, options)) {
    if ('error' in body) throw body.error;
    for await (const _ of body) if (object.uri.endsWith('/c')) seen.push(asked.has('memory://raw/d'));
  }
  expect(seen[0]).toBe(false);
  expect(seen.at(-1)).toBe(true);
});
