/** What the kernel's memory is to the garbage collector. */
import { expect, test } from 'vitest';
import { kernel } from '../../src/kernel/kernel.ts';
import { createSource } from '../../src/sources/index.ts';

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

test('columns of one source after another take the memory of one', () => {
  const sources = Array.from({ length: 6 }, () => createSource('opa', {}, { recordBytes: 1 << 20, nestingDepth: 100 }));
  const lines = Array.from({ length: 20_000 }, (_, n) =>
    JSON.stringify({ decision_id: `d${n}`, timestamp: '2026-01-01T00:00:00Z', input: { subject: `user ${n}` } }),
  );
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const tops = sources.map(({ writers }) => {
    const writer = writers.acquire(() => true);
    writer.open('file:///a', {});
    expect(writer.takeLines(bytes, 0, bytes.length, 0, 1 << 20)).toBe(bytes.length);
    expect(writer.rows).toBe(lines.length);
    expect(writer.batch().columns.find(({ name }) => name === 'subject')!.data.nullCount).toBe(0);
    writers.release(writer);
    return kernel().call.memoryTop();
  });
  const growth = tops.slice(1).map((top, i) => top - tops[i]!);
  for (const bytesMore of growth) expect(bytesMore).toBeLessThan(bytes.length / 2);

  const again = sources[0]!.writers.acquire(() => true);
  again.open('file:///a', {});
  expect(again.takeLines(bytes, 0, bytes.length, 0, 1 << 20)).toBe(bytes.length);
  expect(again.rows).toBe(lines.length);
  sources[0]!.writers.release(again);
});
