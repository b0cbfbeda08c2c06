import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ahead } from '../../src/store/prefetch.ts';
import { collect } from '../support/collect.ts';

/** Counts what was asked of it. */
function counted<T>(items: readonly T[]) {
  const asked = { items: 0, isOver: false };
  async function* generate(): AsyncGenerator<T> {
    try {
      for (const item of items) {
        asked.items++;
        yield item;
      }
    } finally {
      asked.isOver = true;
    }
  }
  return { asked, generator: generate() };
}

describe('ahead', () => {
  test('gives all items in their order, and has so many of them ready', async () => {
    const { asked, generator } = counted([1, 2, 3, 4, 5, 6]);
    const items = ahead(generator, 2);
    expect((await items.next()).value).toBe(1);
    await turn();
    expect(asked.items).toBe(3);
    expect(await collect(items)).toEqual([2, 3, 4, 5, 6]);
    expect(asked.isOver).toBe(true);
  });

  test('asks for no more once what waits weighs enough', async () => {
    const { asked, generator } = counted([5, 1, 1, 9, 1, 1]);
    const items = ahead(generator, 3, (weight) => weight);
    expect((await items.next()).value).toBe(5);
    await turn();
    // 1, 1 and 9, which was asked for while two weighed less than three.
    expect(asked.items).toBe(4);
    await items.next();
    await items.next();
    await turn();
    expect(asked.items).toBe(4);
    expect(await collect(items)).toEqual([9, 1, 1]);
  });

  test('a failure comes where its item would have, and ends it', async () => {
    const failing = (async function* () {
      yield 1;
      throw new Error('no more');
    })();
    const items = ahead(failing, 5);
    expect((await items.next()).value).toBe(1);
    await turn();
    await expect(items.next()).rejects.toThrow('no more');
    expect((await items.next()).done).toBe(true);
  });

  test('who stops early ends what is asked', async () => {
    const { asked, generator } = counted([1, 2, 3, 4]);
    for await (const item of ahead(generator, 1)) if (item === 2) break;
    expect(asked.isOver).toBe(true);
    expect(asked.items).toBeLessThan(4);
  });
});
