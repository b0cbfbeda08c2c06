import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { readWhole } from '../../src/store/read.ts';
import { type ObjectInfo, type ObjectStore, StoreError, type StoreErrorCode } from '../../src/store/store.ts';
import { compareText } from '../../src/text/order.ts';
import { collect } from '../support/collect.ts';
import { propertyRuns } from '../support/thorough.ts';

/**
 * What every object store promises. `open` gives a store and the URI, ending in a slash, of an empty place in it. `pageKeys` are
 * those that it lists at a time, at most.
 */
export function storeContract(open: () => Promise<{ store: ObjectStore; root: string }>, pageKeys = 1000): void {
  let store: ObjectStore;
  let root: string;
  let places = 0;
  const place = () => `${root}${String(places++).padStart(3, '0')}/`;

  beforeAll(async () => {
    ({ store, root } = await open());
  });

  const read = async (uri: string, options: Parameters<ObjectStore['get']>[1] = {}) => {
    const { chunks } = await store.get(uri, options);
    return Buffer.concat(await collect(chunks)).toString('latin1');
  };
  const list = async (prefix: string, startAfter?: string): Promise<ObjectInfo[]> =>
    collect(store.list(prefix, startAfter === undefined ? {} : { startAfter }));
  /** In the order of keys: a listing has none of its own. */
  const uris = async (prefix: string, startAfter?: string) =>
    (await list(prefix, startAfter)).map(({ uri }) => uri).sort(compareText);
  const failsWith = async (doing: Promise<unknown>, code: StoreErrorCode, uri: string) => {
    const error = await doing.then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(StoreError);
    expect((error as StoreError).code).toBe(code);
    expect((error as StoreError).uri).toBe(uri);
    expect((error as StoreError).message).toContain(uri);
  };

  describe('a folder that must be there', () => {
    test('is listed as any other where it is', async () => {
      const at = place();
      await store.put(`${at}sub/object`, Buffer.from('x'));
      const listed = await collect(store.list(`${at}sub/`, { root: at }));
      expect(listed.map(({ uri }) => uri)).toEqual([`${at}sub/object`]);
      expect(await collect(store.list(`${at}other/`, { root: at }))).toEqual([]);
    });
  });

  describe('objects', () => {
    test('what was put is got, byte for byte, with its facts', async () => {
      const uri = `${place()}object.bin`;
      const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7) % 256));
      const before = Date.now();
      const { etag } = await store.put(uri, bytes, { contentType: 'application/octet-stream' });
      const info = await store.head(uri);
      expect(info).toMatchObject({ uri, size: bytes.length, etag });
      expect(etag).not.toMatch(/^$|"/);
      // Stores count in whole seconds.
      expect(info!.lastModified).toBeGreaterThan(before - 2000);
      expect(info!.lastModified).toBeLessThan(Date.now() + 2000);
      const body = await store.get(uri);
      expect(body.info).toEqual(info);
      expect(Buffer.concat(await collect(body.chunks)).equals(bytes)).toBe(true);
      expect(await list(uri)).toEqual([info]);
    });

    test('a body in several chunks is put whole, and an empty one too', async () => {
      const at = place();
      await store.put(`${at}chunks`, [Buffer.from('ab'), new Uint8Array(0), Buffer.from('cd'), Buffer.from('e')]);
      expect(await read(`${at}chunks`)).toBe('abcde');
      await store.put(`${at}empty`, new Uint8Array(0));
      await store.put(`${at}none`, []);
      expect(await read(`${at}empty`)).toBe('');
      expect((await list(at)).map(({ size }) => size).sort()).toEqual([0, 0, 5]);
    });

    test('the buffer that was put may be used again', async () => {
      const uri = `${place()}reused`;
      const bytes = Buffer.from('before');
      await store.put(uri, bytes);
      bytes.fill('x');
      expect(await read(uri)).toBe('before');
    });

    test('putting again replaces the content and the ETag', async () => {
      const uri = `${place()}object`;
      const first = await store.put(uri, Buffer.from('one'));
      const second = await store.put(uri, Buffer.from('two'));
      expect(second.etag).not.toBe(first.etag);
      expect(await read(uri)).toBe('two');
      expect((await store.head(uri))!.etag).toBe(second.etag);
    });

    test('what is not there is undefined, not found, and deleted without complaint', async () => {
      const uri = `${place()}nothing/here`;
      expect(await store.head(uri)).toBeUndefined();
      await failsWith(store.get(uri), 'not-found', uri);
      await store.delete(uri);
      await store.put(uri, Buffer.from('x'));
      await store.delete(uri);
      expect(await store.head(uri)).toBeUndefined();
      expect(await list(uri)).toEqual([]);
    });

    test('a prefix is no object', async () => {
      const at = place();
      await store.put(`${at}a/b/c`, Buffer.from('x'));
      expect(await store.head(`${at}a/b`)).toBeUndefined();
      await failsWith(store.get(`${at}a/b`), 'not-found', `${at}a/b`);
    });
  });

  describe('ranges', () => {
    test('give the bytes from start up to end, and the facts of the whole object', async () => {
      const uri = `${place()}object`;
      await store.put(uri, Buffer.from('0123456789'));
      expect(await read(uri, { range: [0, 4] })).toBe('0123');
      expect(await read(uri, { range: [4, 5] })).toBe('4');
      expect(await read(uri, { range: [7, 10] })).toBe('789');
      expect(await read(uri, { range: [7, 1000] })).toBe('789');
      const { info, chunks } = await store.get(uri, { range: [2, 3] });
      await collect(chunks);
      expect(info).toEqual(await store.head(uri));
    });

    test('are empty where they hold no byte of the object', async () => {
      const uri = `${place()}object`;
      await store.put(uri, Buffer.from('0123456789'));
      expect(await read(uri, { range: [10, 20] })).toBe('');
      expect(await read(uri, { range: [3, 3] })).toBe('');
      await store.put(uri, []);
      expect(await read(uri, { range: [0, 20] })).toBe('');
    });
  });

  describe('versions', () => {
    test('a read pinned to an ETag gives that content or fails', async () => {
      const uri = `${place()}object`;
      const { etag } = await store.put(uri, Buffer.from('one'));
      expect(await read(uri, { ifMatch: etag })).toBe('one');
      expect(await read(uri, { ifMatch: etag, range: [1, 3] })).toBe('ne');
      await store.put(uri, Buffer.from('two'));
      await failsWith(store.get(uri, { ifMatch: etag }), 'precondition-failed', uri);
      await failsWith(store.get(uri, { ifMatch: etag, range: [1, 3] }), 'precondition-failed', uri);
      await failsWith(store.get(uri, { ifMatch: etag, range: [5, 5] }), 'precondition-failed', uri);
      await store.delete(uri);
      await failsWith(store.get(uri, { ifMatch: etag }), 'not-found', uri);
    });

    test('a listing names the version that a read can be pinned to', async () => {
      const uri = `${place()}object`;
      await store.put(uri, Buffer.from('content'));
      const [info] = await list(uri);
      const whole = await readWhole(store, info!, { sleep: async () => {} });
      expect(whole.toString()).toBe('content');
      const into = Buffer.alloc(7);
      expect(await readWhole(store, info!, { sleep: async () => {}, into })).toBe(into);
      expect(into.toString()).toBe('content');
    });
  });

  describe('conditional writes', () => {
    test('put-if-absent creates, and leaves what exists as it is', async () => {
      const uri = `${place()}object`;
      const { etag } = await store.put(uri, Buffer.from('first'), { ifNoneMatch: '*' });
      await failsWith(store.put(uri, Buffer.from('second'), { ifNoneMatch: '*' }), 'precondition-failed', uri);
      expect(await read(uri, { ifMatch: etag })).toBe('first');
      await store.delete(uri);
      await store.put(uri, Buffer.from('third'), { ifNoneMatch: '*' });
      expect(await read(uri)).toBe('third');
    });

    test('put-if-match replaces that version only', async () => {
      const uri = `${place()}object`;
      const first = await store.put(uri, Buffer.from('first'));
      const second = await store.put(uri, Buffer.from('second'), { ifMatch: first.etag });
      await failsWith(store.put(uri, Buffer.from('third'), { ifMatch: first.etag }), 'precondition-failed', uri);
      expect(await read(uri)).toBe('second');
      await store.delete(uri);
      await failsWith(store.put(uri, Buffer.from('third'), { ifMatch: second.etag }), 'precondition-failed', uri);
      expect(await store.head(uri)).toBeUndefined();
    });

    test('of many that create one object at once, exactly one wins, and its content stands', async () => {
      for (let round = 0; round < 5; round++) {
        const uri = `${place()}deep/er/object`;
        const writes = Array.from({ length: 16 }, (_, i) =>
          store.put(uri, Buffer.from(`writer ${i}`), { ifNoneMatch: '*' }),
        );
        const outcomes = await Promise.allSettled(writes);
        const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []));
        expect(winners).toHaveLength(1);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'precondition-failed' });
        }
        expect(await read(uri)).toBe(`writer ${winners[0]}`);
      }
    });

    test('many that increment one counter by compare-and-swap lose no increment', async () => {
      const uri = `${place()}counter`;
      await store.put(uri, Buffer.from('0'));
      const increment = async () => {
        for (;;) {
          const { info, chunks } = await store.get(uri);
          try {
            const value = Number(Buffer.concat(await collect(chunks)).toString());
            await store.put(uri, Buffer.from(String(value + 1)), { ifMatch: info.etag });
            return;
          } catch (error) {
            if (!(error instanceof StoreError && error.code === 'precondition-failed')) throw error;
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, increment));
      expect(await read(uri)).toBe('8');
    });
  });

  describe('listings', () => {
    const names = [
      'a b/c d.txt',
      'a-b',
      'a.b',
      'a/b',
      'a/b-c',
      'a/b.c/d',
      'a/b/c',
      'a0',
      'eopa=null/first_ts=2024-01-01T00:00:00Z/batch_id=1.jsonl.gz',
      'percent%20and%2Fplus+amp&',
      'quote"and\'<tag>',
      'tab\there',
      `${'x/'.repeat(40)}deep`,
      'ü/é.json',
      '日本/語',
      '\u{e000}',
      '\u{1f600}/smile',
    ].filter((name, _, all) => !all.some((other) => other.startsWith(`${name}/`)));

    test('give every object once, whatever its key', async () => {
      const at = place();
      for (const name of [...names].reverse()) await store.put(at + name, Buffer.from(name));
      const sorted = names.map((name) => at + name).sort(compareText);
      expect(await uris(at)).toEqual(sorted);
      for (const info of await list(at)) expect(await read(info.uri, { ifMatch: info.etag })).toHaveLength(info.size);
    });

    test('start with the prefix, taken as text', async () => {
      const at = place();
      const all = ['ab/1', 'ab/2', 'abc', 'abd/x/y', 'b'].map((name) => at + name);
      for (const uri of all) await store.put(uri, Buffer.from('x'));
      expect(await uris(`${at}ab`)).toEqual(all.slice(0, 4));
      expect(await uris(`${at}ab/`)).toEqual(all.slice(0, 2));
      expect(await uris(`${at}abd/x`)).toEqual(all.slice(3, 4));
      expect(await uris(`${at}c`)).toEqual([]);
      expect(await uris(`${at}nothing/at/all/`)).toEqual([]);
    });

    test('go on after any URI, there or not', async () => {
      const at = place();
      const all = ['a-b', 'a/b/c', 'a/b/d', 'a/c', 'a0', 'b'].map((name) => at + name).sort(compareText);
      for (const uri of all) await store.put(uri, Buffer.from('x'));
      const marks = [...all, `${at}a`, `${at}a/`, `${at}a/b/`, `${at}a/b/cc`, `${at}a/z`, `${at}0`, `${at}z`];
      for (const mark of marks) {
        expect(await uris(at, mark)).toEqual(all.filter((uri) => compareText(uri, mark) > 0));
      }
    });

    test('are complete beyond a page', async () => {
      const at = place();
      const all = Array.from({ length: 2 * pageKeys + 50 }, (_, i) => `${at}${i % 7}/${String(i).padStart(5, '0')}`);
      for (let i = 0; i < all.length; i += 50) {
        await Promise.all(all.slice(i, i + 50).map((uri) => store.put(uri, Buffer.from('x'))));
      }
      const sorted = [...all].sort(compareText);
      expect(await uris(at)).toEqual(sorted);
      expect(await uris(at, sorted[pageKeys - 1])).toEqual(sorted.slice(pageKeys));
    });

    test('any set of keys comes back', async () => {
      const letter = fc.constantFrom('a', 'b', '-', '.x', '=', ' ', 'é', '\u{ffee}', '\u{10000}');
      const segment = fc.array(letter, { minLength: 1, maxLength: 3 }).map((letters) => `k${letters.join('')}`);
      const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `${segments.join('/')}.f`);
      const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 12 });
      const property = fc.asyncProperty(keys, async (some) => {
        const at = place();
        // A file system cannot have a file inside of a file.
        const possible = some.filter((name) => !some.some((other) => other.startsWith(`${name}/`)));
        await Promise.all(possible.map((name) => store.put(at + name, [])));
        expect(await uris(at)).toEqual(possible.map((name) => at + name).sort(compareText));
      });
      await fc.assert(property, { numRuns: propertyRuns(25) });
    });
  });

  describe('listings of folders', () => {
    test('give each folder right below the prefix once, and no object', async () => {
      const at = place();
      for (const name of ['b/1', 'b/2/3', 'a b/x', 'object', 'ü&+%/y', '\u{1f600}/z', 'deep/er/still/x'])
        await store.put(at + name, Buffer.from('x'));
      const folders = async (prefix: string) => (await collect(store.listFolders(prefix))).sort(compareText);
      const names = ['b', 'a b', 'ü&+%', '\u{1f600}', 'deep'].sort(compareText);
      expect(await folders(at)).toEqual(names.map((name) => `${at}${name}/`));
      expect(await folders(`${at}b/`)).toEqual([`${at}b/2/`]);
      expect(await folders(`${at}deep/er/still/`)).toEqual([]);
      expect(await folders(`${at}nothing/`)).toEqual([]);
    });

    test('are complete beyond a page', async () => {
      const at = place();
      const all = Array.from({ length: pageKeys + 50 }, (_, i) => `${at}${String(i).padStart(4, '0')}/`);
      for (let i = 0; i < all.length; i += 50)
        await Promise.all(all.slice(i, i + 50).map((folder) => store.put(`${folder}x`, Buffer.from('x'))));
      expect((await collect(store.listFolders(at))).sort(compareText)).toEqual(all);
    });
  });

  describe('URIs', () => {
    test('that name no object are refused', async () => {
      for (const uri of ['', 'object', '/object', `${new URL(root).protocol}//`]) {
        await failsWith(store.get(uri), 'invalid-uri', uri);
        await failsWith(store.put(uri, []), 'invalid-uri', uri);
        await failsWith(store.delete(uri), 'invalid-uri', uri);
      }
    });

    test('with a NUL or a lone surrogate are refused everywhere', async () => {
      const at = place();
      for (const bad of [`${at}a\0b`, `${at}a\ud800b`]) {
        await expect(store.get(bad)).rejects.toMatchObject({ code: 'invalid-uri' });
        await expect(store.put(bad, [])).rejects.toMatchObject({ code: 'invalid-uri' });
        await expect(store.head(bad)).rejects.toMatchObject({ code: 'invalid-uri' });
        await expect(store.delete(bad)).rejects.toMatchObject({ code: 'invalid-uri' });
        await expect(list(bad)).rejects.toMatchObject({ code: 'invalid-uri' });
      }
    });
  });

  test('a read ends with the reason of its signal', async () => {
    const uri = `${place()}object`;
    await store.put(uri, Buffer.alloc(9 << 20));
    const stopped = new Error('stopped by the test');
    await expect(store.get(uri, { signal: AbortSignal.abort(stopped) })).rejects.toBe(stopped);
    const controller = new AbortController();
    const { chunks } = await store.get(uri, { signal: controller.signal });
    const reading = (async () => {
      for await (const _ of chunks) controller.abort(stopped);
    })();
    await expect(reading).rejects.toBe(stopped);
  });

  test('a large object survives the journey', async () => {
    const uri = `${place()}large`;
    const chunks = Array.from({ length: 23 }, (_, i) => Buffer.alloc(700_001 + i, `chunk ${i} `));
    const { etag } = await store.put(uri, chunks, { ifNoneMatch: '*' });
    await failsWith(store.put(uri, chunks, { ifNoneMatch: '*' }), 'precondition-failed', uri);
    const info = await store.head(uri);
    expect(info!.etag).toBe(etag);
    await failsWith(store.put(uri, chunks, { ifMatch: 'another' }), 'precondition-failed', uri);
    await store.put(uri, chunks, { ifMatch: etag });
    await failsWith(store.put(`${uri}-new`, chunks, { ifMatch: etag }), 'precondition-failed', `${uri}-new`);
    const whole = await readWhole(store, (await store.head(uri))!, { sleep: async () => {} });
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(whole)).toBe(digest(Buffer.concat(chunks)));
  });
}
