import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../src/ingest/byte-budget.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('bytes held never exceed the budget, everyone is served, in order of arrival', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 40 });
  const property = fc.asyncProperty(sizes, fc.scheduler(), async (wanted, scheduler) => {
    const budget = new ByteBudget(10);
    const served: number[] = [];
    let held = 0;
    const work = wanted.map(async (bytes, i) => {
      const release = await budget.acquire(bytes);
      served.push(i);
      held += Math.min(bytes, 10);
      expect(held).toBeLessThanOrEqual(10);
      await scheduler.schedule(Promise.resolve());
      held -= Math.min(bytes, 10);
      release();
    });
    await scheduler.waitFor(Promise.all(work));
    expect(served).toEqual(wanted.map((_, i) => i));
    expect(budget.used).toBe(0);
  });
  await fc.assert(property, { numRuns: 100 });
});

test('a request larger than the budget is served, alone', async () => {
  const budget = new ByteBudget(10);
  const first = await budget.acquire(4);
  const order: string[] = [];
  const large = budget.acquire(1000).then((release) => {
    order.push('large');
    return release;
  });
  const small = budget.acquire(1).then(() => order.push('small'));
  await settled();
  expect(order).toEqual([]);
  first();
  const release = await large;
  await settled();
  expect(order).toEqual(['large']);
  release();
  await small;
  expect(order).toEqual(['large', 'small']);
});

test('bytes given back twice count once', async () => {
  const budget = new ByteBudget(10);
  const release = await budget.acquire(5);
  await budget.acquire(5);
  release();
  release();
  expect(budget.used).toBe(5);
});

test('who stops waiting is passed over, and does not hold up the others', async () => {
  const budget = new ByteBudget(10);
  const release = await budget.acquire(6);
  const controller = new AbortController();
  const reason = new Error('stopped by the test');
  const large = budget.acquire(10, controller.signal);
  const small = budget.acquire(4);
  controller.abort(reason);
  await expect(large).rejects.toBe(reason);
  (await small)();
  release();
  expect(budget.used).toBe(0);
  await expect(budget.acquire(1, controller.signal)).rejects.toBe(reason);
});

test('nonsense is refused', async () => {
  expect(() => new ByteBudget(0)).toThrow(RangeError);
  await expect(new ByteBudget(1).acquire(-1)).rejects.toThrow(RangeError);
});
