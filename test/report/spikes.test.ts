import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findSpikes, usualOf } from '../../src/report/spikes.ts';

describe('spikes', () => {
  test.each([
    ['one hour of many', [20, 25, 22, 19, 24, 210, 21, 23], [5]],
    ['one after hours without any', [0, 0, 3, 0, 2, 0, 2, 90], [7]],
    ['one of two', [1, 500], [1]],
    ['none in what goes up and down a little', [20, 30, 25, 18, 33, 29, 21, 27], []],
    ['none in what is twice as high, but always was uneven', [5, 20, 8, 30, 12, 40, 3, 60], []],
    ['none below ten', [1, 1, 1, 1, 9], []],
    ['none where only one time has any', [0, 0, 800, 0], []],
    ['none in what comes every night', [0, 900, 0, 0, 1000, 0, 0, 950, 0], []],
    ['none where too many stand out: it is how they go', [1, 1, 1, 1, 1, 1, 99, 99], []],
    ['none without counts', [], []],
  ])('%s', (_what, counts, expected) => {
    expect(findSpikes(counts)).toEqual(expected);
  });

  test('are at least twice the usual count, and few', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 62 }), (counts) => {
        const spikes = findSpikes(counts);
        expect(spikes.length).toBeLessThanOrEqual(Math.max(1, counts.length / 8));
        for (const at of spikes) expect(counts[at]).toBeGreaterThanOrEqual(Math.max(10, 2 * usualOf(counts)));
      }),
    );
  });
});
