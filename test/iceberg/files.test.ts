/** Metadata files are read whole or not at all, and several at a time come in their order. */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapAhead, readFile } from '../../src/iceberg/files.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectStore } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';

const uri = 'memory://test/snap-1.avro';

/** A store whose first bodies end early, as if they were complete. */
async function cutting(cuts: number): Promise<{ store: ObjectStore; asked: () => number }> {
  const memory = new MemoryStore();
  await memory.put(uri, Buffer.from('0123456789'));
  let asked = 0;
  const store = Object.assign(memory.view(), {
    get: async (of: string) => {
      const { info, chunks } = await memory.get(of);
      const whole = Buffer.concat(await collect(chunks));
      const given = ++asked <= cuts ? whole.subarray(0, 7) : whole;
      return {
        info,
        chunks: (async function* () {
          yield given;
        })(),
      };
    },
  });
  return { store, asked: () => asked };
}

test('a body that is shorter than the file is read again', async () => {
  const { store, asked } = await cutting(1);
  expect(String(await readFile(store, uri))).toBe('0123456789');
  expect(asked()).toBe(2);
});

test('one that always is becomes an error that names the file', async () => {
  const { store } = await cutting(100);
  await expect(readFile(store, uri)).rejects.toThrow(uri);
});

test('results come in the order of the items, with no more of them under way than allowed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), async (delays, width) => {
      let running = 0;
      let most = 0;
      const results = mapAhead([...delays.entries()], width, async ([i, turns]) => {
        most = Math.max(most, ++running);
        for (let n = 0; n <= turns; n++) await turn();
        running--;
        return i;
      });
      expect(await collect(results)).toEqual(delays.map((_, i) => i));
      expect(most).toBeLessThanOrEqual(width);
      expect(most).toBe(Math.min(width, delays.length));
    }),
    { numRuns: 60 },
  );
});
