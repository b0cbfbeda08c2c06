/** What the kernel's memory is to the garbage collector. */
import { expect, test } from 'vitest';
import { kernel } from '../../src/kernel/kernel.ts';

test('the memory reserved for columns is not counted as external memory, which decides when garbage is collected', () => {
  const { call, bytes } = kernel();
  const { external } = process.memoryUsage();
  expect(bytes.length).toBe(2 ** 31);
  const block = call.allocate(8 << 20);
  bytes.fill(1, block, block + (8 << 20));
  call.release(block);
  expect(external).toBeLessThan(2 ** 29);
  expect(external).toBeGreaterThan(0);
  expect(process.memoryUsage().external - external).toBeLessThan(8 << 20);
});
