/** A receipt never vouches for what the answer has not seen. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { engineNames } from '../../src/engines/index.ts';
import { withReceipt } from '../../src/queries/with-receipt.ts';

describe('a receipt and its answer', () => {
  const orderOn = async (engine: (typeof engineNames)[number]): Promise<string[]> => {
    const order: string[] = [];
    const part = (name: string, turns: number) => async () => {
      order.push(`${name} begins`);
      for (let i = 0; i < turns; i++) await nextTurn();
      order.push(`${name} ends`);
      return name;
    };
    expect(await withReceipt(engine, part('receipt', 3), part('answer', 1))).toEqual(['receipt', 'answer']);
    return order;
  };

  test('are made side by side by the engine that reads the tables of their moment', async () => {
    expect(await orderOn('duckdb')).toEqual(['receipt begins', 'answer begins', 'answer ends', 'receipt ends']);
  });

  test.each(engineNames.filter((name) => name !== 'duckdb'))(
    'are made one after the other where %s looks for itself',
    async (engine) => {
      expect(await orderOn(engine)).toEqual(['receipt begins', 'receipt ends', 'answer begins', 'answer ends']);
    },
  );

  test('both come to their end where one of them fails, and the failure of the answer is told', async () => {
    let isOver = false;
    const receipt = async (): Promise<never> => {
      await nextTurn();
      isOver = true;
      throw new Error('no receipt');
    };
    const refused = withReceipt('duckdb', receipt, () => Promise.reject(new Error('no answer')));
    await expect(refused).rejects.toThrow('no answer');
    expect(isOver).toBe(true);
    const slow = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) await nextTurn();
    };
    await expect(withReceipt('duckdb', receipt, slow)).rejects.toThrow('no receipt');
  });
});
