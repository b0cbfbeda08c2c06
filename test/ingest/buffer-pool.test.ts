import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BufferPool } from '../../src/ingest/buffer-pool.ts';

test('gives memory of the size asked for, never the same to two at a time', () => {
  const step = fc.oneof(fc.record({ size: fc.nat(300_000) }), fc.record({ back: fc.nat(5) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 500_000 }), (steps, limit) => {
      const pool = new BufferPool(limit);
      const held: Buffer[] = [];
      for (const next of steps) {
        if ('size' in next) {
          const buffer = pool.acquire(next.size);
          expect(buffer.length).toBe(next.size);
          expect(held.some((other) => other.buffer === buffer.buffer)).toBe(false);
          held.push(buffer);
        } else for (const buffer of held.splice(next.back, 1)) pool.release(buffer);
      }
    }),
  );
});

test('uses memory again, and lets it go above its limit and once it is closed', () => {
  const pool = new BufferPool(1 << 20);
  const first = pool.acquire(200_000);
  pool.release(first);
  const second = pool.acquire(190_000);
  expect(second.buffer).toBe(first.buffer);
  const large = pool.acquire(2 << 20);
  pool.release(large);
  expect(large.buffer.byteLength).toBe(0);
  pool.close();
  pool.release(second);
  expect(second.buffer.byteLength).toBe(0);
});
