import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ArrivedDay, type GradedDay, gradeDays, unionOf } from '../../src/sequences/grade.ts';
import { countOf, NumberSet } from '../../src/sequences/number-set.ts';

const hour = 3_600_000_000;
const start = Date.UTC(2026, 0, 1) * 1000;

/** A day on which these numbers came, over eight hours. */
function dayOf(index: number, numbers: Iterable<number>, isUnnumbered = false): ArrivedDay {
  const set = new NumberSet();
  for (const number of numbers) set.add(number);
  const firstTime = start + (index * 24 + 8) * hour;
  const ymd = new Date(firstTime / 1000).toISOString().slice(0, 10);
  return { ymd, ranges: set.ranges(), isUnnumbered, firstTime, lastTime: firstTime + 8 * hour };
}

function* numbers(from: number, to: number, isAbsent: (number: number) => boolean = () => false): Generator<number> {
  for (let number = from; number <= to; number++) if (!isAbsent(number)) yield number;
}

const everyFortieth = (number: number): boolean => number % 40 === 0;
const grade = (days: readonly ArrivedDay[]): GradedDay[] => gradeDays(days, { tolerate: 0.03 });

describe('an instance is', () => {
  test('dense on days without a gap, also between them, and nothing is said of what comes after the last', () => {
    const days = [dayOf(0, numbers(1, 1000)), dayOf(1, numbers(1001, 1500))];
    expect(grade(days)).toMatchObject([
      { grade: 'dense', first: 1, last: 1000, arrived: 1000, absent: 0, isSeenAgain: true },
      { grade: 'dense', first: 1001, last: 1500, arrived: 500, absent: 0, isSeenAgain: false },
    ]);
  });

  test('dense where numbers of both days are mixed around midnight', () => {
    const [first, second] = [new Set([...numbers(1, 1000)]), new Set([...numbers(1001, 2000)])];
    for (const number of [990, 995, 998]) {
      first.delete(number);
      second.add(number);
    }
    expect(grade([dayOf(0, first), dayOf(1, second)]).map(({ grade, absent }) => [grade, absent])).toEqual([
      ['dense', 0],
      ['dense', 0],
    ]);
  });

  test('steady with the short gaps of a health check, on its first day too', () => {
    const [day] = grade([dayOf(0, numbers(1, 1539, everyFortieth))]);
    expect(day).toMatchObject({ grade: 'steady', absent: 38, gaps: 38, longestGap: 1, estimated: 0 });
  });

  test('missing where an object is gone among health checks, and the estimate is what was in it', () => {
    const [day] = grade([
      dayOf(
        0,
        numbers(1, 4000, (n) => everyFortieth(n) || (n > 2000 && n <= 2500)),
      ),
    ]);
    expect(day).toMatchObject({ grade: 'missing', absent: 587, longestGap: 501 });
    expect(day!.estimated).toBe(501);
  });

  test('missing where one number of an otherwise dense instance is, on whichever day', () => {
    expect(
      grade([
        dayOf(
          0,
          numbers(1, 1000, (n) => n === 7),
        ),
      ]),
    ).toMatchObject([{ grade: 'missing', absent: 1, estimated: 1, usual: { from: 'nothing' } }]);
    const days = [
      dayOf(0, numbers(1, 1000)),
      dayOf(
        1,
        numbers(1001, 2000, (n) => n === 1500),
      ),
    ];
    expect(grade(days)[1]).toMatchObject({ grade: 'missing', absent: 1, estimated: 1 });
  });

  test('missing where decisions are dropped again and again, by more than is tolerated', () => {
    const [day] = grade([
      dayOf(
        0,
        numbers(1, 1000, (n) => n % 10 === 0 && n < 1000),
      ),
    ]);
    expect(day).toMatchObject({ grade: 'missing', absent: 99, estimated: 99, longestGap: 1 });
  });

  test('missing where more is absent than on the days before, however even', () => {
    const before = [0, 1, 2].map((i) => dayOf(i, numbers(i * 1000 + 1, i * 1000 + 1000, everyFortieth)));
    const days = [
      ...before,
      dayOf(
        3,
        numbers(3001, 4000, (n) => n % 5 === 0 && n !== 4000),
      ),
    ];
    const graded = grade(days);
    expect(graded.slice(1, 3).map(({ grade }) => grade)).toEqual(['steady', 'steady']);
    expect(graded[3]).toMatchObject({ grade: 'missing', absent: 199 + 1 });
    expect(graded[3]!.estimated).toBeGreaterThan(100);
    expect(graded[3]!.estimated).toBeLessThan(200);
  });

  test('steady with few decisions between many checks, once the days before say so', () => {
    const sparse = (i: number) =>
      dayOf(
        i,
        numbers(i * 1000 + 1, i * 1000 + 1000, (n) => n % 12 !== 1),
      );
    const graded = grade([sparse(0), sparse(1), sparse(2)]);
    expect(graded.map(({ grade }) => grade)).toEqual(['missing', 'steady', 'steady']);
  });

  test('missing from its first number on where that is not the first of all, and says so apart', () => {
    expect(grade([dayOf(0, numbers(501, 1000))])).toMatchObject([{ grade: 'missing', head: 500, absent: 500 }]);
  });

  test('missing where a gap lies between two days, on the day that ends it', () => {
    const days = [dayOf(0, numbers(1, 1000)), dayOf(2, numbers(1301, 1500))];
    expect(grade(days)).toMatchObject([
      { grade: 'dense', absent: 0 },
      { grade: 'missing', absent: 300 },
    ]);
  });

  test('not missing any more when what was late has come', () => {
    const late = dayOf(0, numbers(501, 600));
    const days = [
      dayOf(
        0,
        numbers(1, 1000, (n) => n > 500 && n <= 600),
      ),
      dayOf(1, numbers(1001, 1100)),
    ];
    expect(grade(days)[0]).toMatchObject({ grade: 'missing', absent: 100 });
    expect(grade([unionOf([days[0]!, late]), days[1]!]).map(({ grade }) => grade)).toEqual(['dense', 'dense']);
  });

  test('uncounted without numbers, and where some of its records have none', () => {
    expect(grade([dayOf(0, [], true)])).toMatchObject([{ grade: 'uncounted', first: null, arrived: 0, absent: 0 }]);
    expect(grade([dayOf(0, numbers(1, 10), true)])).toMatchObject([{ grade: 'uncounted', arrived: 10, absent: 0 }]);
    expect(grade([dayOf(0, numbers(5, 10), true)])).toMatchObject([{ grade: 'missing', absent: 4 }]);
  });
});

describe('for any numbers', () => {
  const history = fc
    .array(
      fc.record({
        arrived: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 80 }),
        isUnnumbered: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((days) => days.map(({ arrived, isUnnumbered }, i) => dayOf(i, arrived, isUnnumbered)));

  test('what is absent is what has not come up to the largest, and dense days are proved', () => {
    fc.assert(
      fc.property(history, (days) => {
        const graded = grade(days);
        const all = new Set(days.flatMap(({ ranges }) => ranges.flatMap(([from, to]) => [...numbers(from, to)])));
        expect(graded.reduce((sum, { absent }) => sum + absent, 0)).toBe(Math.max(...all) - all.size);
        for (const [i, day] of graded.entries()) {
          expect(day.arrived).toBe(countOf(days[i]!.ranges));
          expect(day.estimated).toBeGreaterThanOrEqual(0);
          expect(day.estimated).toBeLessThanOrEqual(day.absent);
          expect(day.head).toBeLessThanOrEqual(day.absent);
          if (day.grade !== 'dense') continue;
          expect(day.absent).toBe(0);
          expect(days[i]!.isUnnumbered).toBe(false);
          // Nothing between its numbers is absent, whichever day it came on.
          for (const number of numbers(day.first!, day.last!)) expect(all.has(number)).toBe(true);
        }
      }),
    );
  });

  test('days that come in parts are graded as whole ones, and adding a part twice changes nothing', () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat({ max: 5 }), { maxLength: 5 }), (days, cuts) => {
        const cut = days.map((day, i) => {
          const at = cuts[i] ?? 0;
          const parts = [day.ranges.slice(0, at), day.ranges.slice(at), day.ranges.slice(0, at)];
          return unionOf(parts.map((ranges) => ({ ...day, ranges })));
        });
        expect(grade(cut)).toEqual(grade(days));
      }),
    );
  });
});
