import { describe, expect, test } from 'vitest';
import { chooseBuckets, fold } from '../../src/report/buckets.ts';
import { reportRange } from '../../src/report/range.ts';

const last = (day: string) => async () => day;
const never = async (): Promise<string> => {
  throw new Error('the last day does not matter');
};
const text = (micros: bigint): string => new Date(Number(micros / 1000n)).toISOString();

describe('the range of a report', () => {
  test('is the seven days up to the last one with events', async () => {
    const range = await reportRange({}, last('2023-07-14'));
    expect([text(range.from), text(range.to)]).toEqual(['2023-07-08T00:00:00.000Z', '2023-07-14T23:59:59.999Z']);
    expect([range.fromDay, range.toDay, range.wholeDays]).toEqual(['2023-07-08', '2023-07-14', true]);
    expect(range.to % 1_000_000n).toBe(999_999n);
  });

  test('takes days as a whole', async () => {
    const range = await reportRange({ from: '2023-07-01', to: '2023-07-01' }, never);
    expect(range.to - range.from).toBe(86_400_000_000n - 1n);
    expect(range.wholeDays).toBe(true);
  });

  test('takes instants to the microsecond, in any zone', async () => {
    const range = await reportRange({ from: '2023-07-11T16:55:00Z', to: '2023-07-11T19:00:00+02:00' }, never);
    expect([range.from, range.to]).toEqual([1_689_094_500_000_000n, 1_689_094_800_000_000n]);
    expect([range.fromDay, range.wholeDays]).toEqual(['2023-07-11', false]);
  });

  test('goes from a day to the last one with events, or to the end of the day itself where there is none after it', async () => {
    expect((await reportRange({ from: '2023-07-10' }, last('2023-07-14'))).toDay).toBe('2023-07-14');
    expect((await reportRange({ from: '2023-07-20' }, last('2023-07-14'))).toDay).toBe('2023-07-20');
    expect((await reportRange({ to: '2023-07-20' }, never)).fromDay).toBe('2023-07-14');
  });

  test('has the days of the zone, where the clocks are changed too', async () => {
    const reading = { zone: 'America/New_York' };
    const ends = async (given: object, lastDay = never): Promise<string[]> => {
      const { from, to } = await reportRange(given, lastDay, reading);
      return [text(from), text(to)];
    };
    const [first, end] = ['2025-10-28T04:00:00.000Z', '2025-11-04T04:59:59.999Z'];
    expect(await ends({}, last('2025-11-03'))).toEqual([first, end]);
    expect(await ends({ to: '2025-11-03' })).toEqual([first, end]);
    expect(await ends({ from: '2025-11-02' }, last('2025-11-02'))).toEqual([
      '2025-11-02T04:00:00.000Z',
      '2025-11-03T04:59:59.999Z',
    ]);
    expect(await ends({ from: '2025-11-02T12:00' }, last('2025-10-01'))).toEqual([
      '2025-11-02T17:00:00.000Z',
      '2025-11-03T04:59:59.999Z',
    ]);
  });

  test('goes by the clock where it is relative', async () => {
    const now = Date.parse('2023-07-11T17:00:00Z');
    const range = await reportRange({ last: '2h' }, never, { now });
    expect([text(range.from), text(range.to)]).toEqual(['2023-07-11T15:00:00.000Z', '2023-07-11T17:00:00.000Z']);
    expect((await reportRange({ from: 'yesterday', to: 'yesterday' }, never, { now })).fromDay).toBe('2023-07-10');
  });

  test.each([
    [{ from: '2023-02-30' }, 'must be a day'],
    [{ from: 'yesteryear' }, 'must be a day'],
    [{ from: '2023-07-01', last: '2h' }, 'give one of them'],
    [{ from: '2023-07-02', to: '2023-07-01' }, 'is after'],
    [{ from: '1023-07-02', to: '2023-07-01' }, 'hundred years'],
  ])('%j is refused', async (given, message) => {
    await expect(reportRange(given, never)).rejects.toThrow(message);
  });
});

describe('the columns of a chart over time', () => {
  const between = (from: string, to: string) =>
    chooseBuckets({ from: BigInt(Date.parse(from)) * 1000n, to: BigInt(Date.parse(to)) * 1000n });

  test.each([
    ['2023-07-11T16:55:00Z', '2023-07-11T17:00:00Z', '1 minute', 6],
    ['2023-07-11T16:00:00Z', '2023-07-11T21:59:59Z', '15 minutes', 24],
    ['2023-07-11T00:00:00Z', '2023-07-11T23:59:59Z', '30 minutes', 48],
    ['2023-07-08T00:00:00Z', '2023-07-14T23:59:59Z', '3 hours', 56],
    ['2023-07-01T00:00:00Z', '2023-07-31T23:59:59Z', '12 hours', 62],
    ['2023-01-01T00:00:00Z', '2023-12-31T23:59:59Z', '1 week', 53],
    ['2018-01-01T00:00:00Z', '2022-12-31T23:59:59Z', '1 month', 60],
    ['1950-01-01T00:00:00Z', '2049-12-31T23:59:59Z', '10 years', 10],
  ])('from %s to %s are %s wide', (from, to, width, count) => {
    const buckets = between(from, to);
    expect([buckets.width, buckets.starts.length]).toEqual([width, count]);
    expect(buckets.starts[0]).toBeLessThanOrEqual(Date.parse(from));
  });

  test('of weeks start on Mondays, of months on their first', () => {
    const days = (from: string, to: string) => between(from, to).starts.map((start) => new Date(start).getUTCDay());
    expect(new Set(days('2023-01-01T00:00:00Z', '2023-12-31T23:59:59Z'))).toEqual(new Set([1]));
    const months = between('2018-02-10T00:00:00Z', '2022-12-31T23:59:59Z').starts;
    expect(months.every((start) => new Date(start).getUTCDate() === 1)).toBe(true);
  });

  test('get what was counted in them, and lose nothing', () => {
    const buckets = between('2023-07-08T00:00:00Z', '2023-07-14T23:59:59Z');
    const counts = Array.from({ length: 168 }, (_, hour) => ({
      moment: buckets.starts[0]! + hour * 3_600_000,
      n: hour,
    }));
    const sums = fold(buckets, ['n'], counts);
    expect(sums.slice(0, 2)).toEqual([{ n: 0 + 1 + 2 }, { n: 3 + 4 + 5 }]);
    expect(sums.reduce((sum, { n }) => sum + n, 0)).toBe((167 * 168) / 2);
    expect(() => fold(buckets, ['n'], [{ moment: buckets.starts[0]! - 1, n: 1 }])).toThrow('outside the range');
  });
});
