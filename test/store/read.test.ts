import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../src/store/memory.ts';
import { readObject, readWhole } from '../../src/store/read.ts';
import { type GetOptions, type ObjectInfo, type ObjectStore, StoreError } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';

const uri = 'memory://test/object';
const content = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256));

/** A store whose n-th body ends after cuts[n] bytes: with an error, or (`silently`) as if it were complete. */
async function cutting(cuts: readonly number[], silently = false) {
  const memory = new MemoryStore();
  await memory.put(uri, content);
  const asked: (GetOptions['range'] | undefined)[] = [];
  const store: ObjectStore = Object.assign(memory.view(), {
    get: async (of: string, options: GetOptions = {}) => {
      const { info, chunks } = await memory.get(of, options);
      const cut = cuts[asked.push(options.range) - 1] ?? Number.POSITIVE_INFINITY;
      const broken = async function* () {
        let given = 0;
        for await (const chunk of chunks) {
          yield chunk.subarray(0, Math.min(chunk.length, cut - given));
          given += chunk.length;
          if (given < cut) continue;
          if (silently) return;
          throw new Error('connection reset');
        }
      };
      return { info, chunks: broken() };
    },
  });
  const slept: number[] = [];
  const sleep = async (ms: number) => void slept.push(ms);
  return { memory, store, asked, slept, sleep, info: (await memory.head(uri)) as ObjectInfo };
}

describe('reading a whole object', () => {
  test('gives every byte once, wherever and however often the body breaks off', async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 5 });
    const property = fc.asyncProperty(cuts, fc.boolean(), async (some, silently) => {
      const { store, info, sleep, asked } = await cutting(some, silently);
      expect((await readWhole(store, info, { sleep })).equals(content)).toBe(true);
      expect(asked.length).toBeLessThanOrEqual(some.length + 1);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test('puts an object into memory that is there already', async () => {
    const { store, info, sleep } = await cutting([1000, 10]);
    const into = Buffer.alloc(content.length);
    expect(await readWhole(store, info, { sleep, into })).toBe(into);
    expect(into.equals(content)).toBe(true);
  });

  test('asks for no byte twice, and waits longer and longer', async () => {
    const { store, info, sleep, asked, slept } = await cutting([1000, 0, 1]);
    await readWhole(store, info, { sleep });
    expect(asked).toEqual([undefined, [1000, 5000], [1000, 5000], [1001, 5000]]);
    // From half of each pause to all of it, so that many readers do not come back at once.
    expect(slept).toHaveLength(3);
    for (const [i, longest] of [100, 200, 400].entries()) {
      expect(slept[i]).toBeGreaterThanOrEqual(longest / 2);
      expect(slept[i]).toBeLessThanOrEqual(longest);
    }
  });

  test('is done when all bytes came, though the connection broke after them', async () => {
    const { store, info, sleep, asked } = await cutting([content.length]);
    expect((await readWhole(store, info, { sleep })).equals(content)).toBe(true);
    expect(asked).toHaveLength(1);
  });

  test('gives up after so many failures in a row', async () => {
    const { store, info, sleep, asked } = await cutting(Array(20).fill(1));
    await expect(readWhole(store, info, { sleep, retries: 2 })).rejects.toMatchObject({ code: 'transient', uri });
    expect(asked).toHaveLength(3);
  });

  test('begins to count anew once it got on by a MiB', async () => {
    const memory = new MemoryStore();
    const large = Buffer.alloc(12 << 20, 'abc');
    await memory.put(uri, large);
    const store: ObjectStore = Object.assign(memory.view(), {
      get: async (of: string, options: GetOptions = {}) => {
        const { info, chunks } = await memory.get(of, options);
        const broken = async function* () {
          let given = 0;
          for await (const chunk of chunks) {
            yield chunk;
            given += chunk.length;
            if (given > 1 << 20) throw new Error('connection reset');
          }
        };
        return { info, chunks: broken() };
      },
    });
    const info = (await memory.head(uri)) as ObjectInfo;
    expect((await readWhole(store, info, { sleep: async () => {}, retries: 1 })).equals(large)).toBe(true);
  });

  test('fails for an object that changed or went before, or in between', async () => {
    const changed = await cutting([1000]);
    const sleepAndChange = async () => void (await changed.memory.put(uri, Buffer.alloc(5000)));
    const reading = readWhole(changed.store, changed.info, { sleep: sleepAndChange });
    await expect(reading).rejects.toMatchObject({ code: 'precondition-failed' });
    await expect(readWhole(changed.store, changed.info, { sleep: changed.sleep })).rejects.toMatchObject({
      code: 'precondition-failed',
    });
    const gone = await cutting([1000]);
    const sleepAndDelete = () => gone.memory.delete(uri);
    await expect(readWhole(gone.store, gone.info, { sleep: sleepAndDelete })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('fails for an object that is not of the size it was listed with', async () => {
    const { memory, info, sleep } = await cutting([]);
    const shorter = { ...info, size: info.size - 1 };
    await expect(readWhole(memory, shorter, { sleep })).rejects.toMatchObject({ code: 'other' });
    const longer = { ...info, size: info.size + 1 };
    await expect(readWhole(memory, longer, { sleep })).rejects.toMatchObject({ code: 'transient' });
  });

  test('reads an object of no bytes', async () => {
    const memory = new MemoryStore();
    await memory.put(uri, []);
    const info = (await memory.head(uri)) as ObjectInfo;
    expect(await collect(readObject(memory, info, { sleep: async () => {} }))).toEqual([]);
  });

  test('retries opening only where the store says that it may help', async () => {
    const { memory, info, sleep, slept } = await cutting([]);
    const failing = (error: Error) => {
      let calls = 0;
      return memory.view({
        before: () => {
          calls += 1;
          if (calls === 1) throw error;
        },
      });
    };
    const transient = failing(new StoreError('transient', uri, 'slow down'));
    expect((await readWhole(transient, info, { sleep })).equals(content)).toBe(true);
    expect(slept).toHaveLength(1);
    const killed = new Error('killed');
    await expect(readWhole(failing(killed), info, { sleep })).rejects.toBe(killed);
  });

  test('ends with the reason of its signal', async () => {
    const { store, info } = await cutting([10, 10, 10]);
    const controller = new AbortController();
    const stopped = new Error('stopped by the test');
    const sleep = async () => controller.abort(stopped);
    await expect(readWhole(store, info, { sleep, signal: controller.signal })).rejects.toBe(stopped);
  });
});
