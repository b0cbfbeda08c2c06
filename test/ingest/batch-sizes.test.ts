import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalParts } from '../../src/ingest/batch-sizes.ts';

const MiB = 1 << 20;
const sized = (sizes: readonly number[]) => sizes.map((size, at) => ({ at, size }));
const bytesOf = (part: readonly { size: number }[]) => part.reduce((sum, { size }) => sum + size, 0);
const sizesOf = (sizes: readonly number[], limits: { bytes: number; objects: number }, threads: number) =>
  equalParts(sized(sizes), limits, threads).map(bytesOf);

describe('a run of objects becomes batches', () => {
  const limits = { bytes: 256 * MiB, objects: 10_000 };

  test('one for each thread, all alike', () => {
    const each = sizesOf(new Array(300).fill(MiB), limits, 2);
    expect(each).toEqual([150 * MiB, 150 * MiB]);
    expect(sizesOf(new Array(300).fill(MiB), limits, 4)).toEqual(new Array(4).fill(75 * MiB));
  });

  test('fewer where they would be too small for a commit of their own', () => {
    expect(sizesOf(new Array(20).fill(MiB), limits, 4)).toEqual([10 * MiB, 10 * MiB]);
    expect(sizesOf(new Array(7).fill(MiB), limits, 4)).toEqual([7 * MiB]);
    expect(sizesOf([0, 0, 0], limits, 4)).toEqual([0]);
  });

  test('more where the limits ask for it, and one of its own for an object that is too large', () => {
    expect(sizesOf(new Array(600).fill(MiB), limits, 2)).toEqual(new Array(3).fill(200 * MiB));
    expect(sizesOf([MiB, 300 * MiB, MiB], limits, 1)).toEqual([MiB, 300 * MiB, MiB]);
    expect(equalParts(sized(new Array(25).fill(1)), { bytes: MiB, objects: 10 }, 2).map((p) => p.length)).toEqual([
      9, 9, 7,
    ]);
  });

  test('all objects in their order, within the limits, and no more parts than needed', () => {
    const size = fc.oneof(fc.nat(3 * MiB), fc.nat(40 * MiB), fc.constant(0));
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 8 }),
        (sizes, mebibytes, objects, threads) => {
          const given = sized(sizes);
          const bytes = mebibytes * MiB;
          const parts = equalParts(given, { bytes, objects }, threads);
          expect(parts.flat()).toEqual(given);
          for (const part of parts) {
            expect(part.length).toBeLessThanOrEqual(objects);
            if (part.length > 1) expect(bytesOf(part)).toBeLessThanOrEqual(bytes);
          }
          expect(parts.length).toBeLessThanOrEqual(Math.max(threads, equalParts(given, { bytes, objects }, 1).length));
        },
      ),
    );
  });
});
