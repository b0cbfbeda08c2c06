/** A store that says that it is asked too much is asked less, and more again when it answers. */
import { expect, test } from 'vitest';
import { RequestGate } from '../../src/store/request-gate.ts';

test('no more requests than allowed are in flight, first come, first served', async () => {
  const gate = new RequestGate(2);
  const order: number[] = [];
  const enter = async (n: number) => {
    await gate.enter();
    order.push(n);
  };
  const all = [1, 2, 3, 4].map(enter);
  await Promise.all(all.slice(0, 2));
  expect(order).toEqual([1, 2]);
  gate.leave({ isThrottled: false });
  await all[2];
  expect(order).toEqual([1, 2, 3]);
});

test('one wave of refusals halves the requests once, the next one again, down to one', async () => {
  const gate = new RequestGate(64);
  const fill = async () => {
    let entered = 0;
    while (entered < gate.limit) {
      await gate.enter();
      entered++;
    }
    return entered;
  };
  const limits: number[] = [];
  for (let wave = 0; wave < 8; wave++) {
    const entered = await fill();
    for (let n = 0; n < entered; n++) gate.leave({ isThrottled: true });
    limits.push(gate.limit);
  }
  expect(limits).toEqual([32, 16, 8, 4, 2, 1, 1, 1]);
});

test('answers that go well open it again, to what it was and no further', async () => {
  const gate = new RequestGate(8);
  for (let n = 0; n < 8; n++) await gate.enter();
  for (let n = 0; n < 8; n++) gate.leave({ isThrottled: true });
  expect(gate.limit).toBe(4);
  for (let n = 0; n < 200; n++) {
    await gate.enter();
    gate.leave({ isThrottled: false });
  }
  expect(gate.limit).toBe(8);
});
