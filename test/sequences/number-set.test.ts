import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countOf, difference, gapsOf, NumberSet, unionOfRanges } from '../../src/sequences/number-set.ts';
import { propertyRuns } from '../support/thorough.ts';

const rangesOf = (numbers: Iterable<number>): [number, number][] => {
  const ranges: [number, number][] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
};

describe('a set of numbers', () => {
  test('holds what was added, in any order and any number of times', () => {
    const number = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 2 ** 40 }));
    const addition = fc.oneof(number, fc.tuple(number, fc.integer({ min: 0, max: 20 })));
    fc.assert(
      fc.property(fc.array(addition, { maxLength: 300 }), (additions) => {
        const set = new NumberSet();
        const all: number[] = [];
        for (const one of additions) {
          if (typeof one === 'number') {
            set.add(one);
            all.push(one);
            continue;
          }
          const [first, more] = one;
          set.addRange(first, first + more);
          for (let number = first; number <= first + more; number++) all.push(number);
        }
        const ranges = set.ranges();
        expect(ranges).toEqual(rangesOf(all));
        expect(countOf(ranges)).toBe(new Set(all).size);
      }),
      { numRuns: propertyRuns(500) },
    );
  });

  test('has what is not in another one, and what is in either', () => {
    const numbers = fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 60 });
    fc.assert(
      fc.property(numbers, numbers, (some, others) => {
        const without = new Set(others);
        expect(difference(rangesOf(some), rangesOf(others))).toEqual(
          rangesOf(some.filter((number) => !without.has(number))),
        );
        expect(unionOfRanges([rangesOf(some), rangesOf(others), []])).toEqual(rangesOf([...some, ...others]));
      }),
      { numRuns: propertyRuns(500) },
    );
  });

  test('holds the numbers of many instances of a loop that come far out of order', () => {
    const set = new NumberSet();
    // Every second one from the end, then the others from the beginning: nothing is near what came before it.
    for (let number = 40_000; number > 0; number -= 2) set.add(number);
    for (let number = 1; number < 40_000; number += 2) set.add(number);
    expect(set.ranges()).toEqual([[1, 40_000]]);
    expect(set.size).toBe(1);
  });

  test('has gaps between its ranges only', () => {
    expect(gapsOf([])).toEqual([]);
    expect(gapsOf([[5, 9]])).toEqual([]);
    expect(
      gapsOf([
        [2, 3],
        [5, 5],
        [100, 200],
      ]),
    ).toEqual([
      [4, 4],
      [6, 99],
    ]);
  });
});
