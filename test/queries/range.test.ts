import { expect, test } from 'vitest';
import { findQuestion } from '../../src/queries/questions.ts';
import { lastDayWithEvents, tablesOfRange, withRange } from '../../src/queries/range.ts';
import type { RangeOptions } from '../../src/text/time.ts';
import { putDecisions, run, testRuntime } from '../support/warehouse.ts';

const now = Date.parse('2026-11-29T10:00:00Z');
const never = async (): Promise<string> => {
  throw new Error('the last day does not matter');
};
const ranged = async (
  name: string,
  given: Readonly<Record<string, string>>,
  options: RangeOptions = {},
  lastDay = never,
) => {
  const { given: values, range } = await withRange(findQuestion(name), new Map(Object.entries(given)), {
    options,
    reading: { now },
    lastDay,
  });
  return { ...Object.fromEntries(values), isDefault: range?.isDefault };
};
const last = async (): Promise<string> => '2026-11-27';

test('a range that a question needs and nobody gives is the last day with events', async () => {
  expect(await ranged('decisions', { subject: 'bob' }, {}, last)).toEqual({
    subject: 'bob',
    from: '2026-11-27T00:00:00Z',
    to: '2026-11-27T23:59:59.999999Z',
    isDefault: true,
  });
});

test('half a range is completed', async () => {
  expect(await ranged('decisions', { from: '2026-11-01' }, {}, last)).toMatchObject({
    to: '2026-11-27T23:59:59.999999Z',
    isDefault: false,
  });
  expect(await ranged('decisions', {}, { to: '2026-11-20T12:00:00Z' })).toMatchObject({ from: '2026-11-20T00:00:00Z' });
});

test('what completes a range is of the zone that days are read in', async () => {
  const zoned = async (options: RangeOptions): Promise<object> => {
    const reading = { now, zone: 'America/New_York' };
    const { given } = await withRange(findQuestion('decisions'), new Map(), { options, reading, lastDay: last });
    return Object.fromEntries(given);
  };
  const day = { from: '2026-11-27T05:00:00Z', to: '2026-11-28T04:59:59.999999Z' };
  expect(await zoned({})).toEqual(day);
  expect(await zoned({ from: '2026-11-27' })).toEqual(day);
  expect(await zoned({ to: '2026-11-27' })).toEqual(day);
});

test('a range that a question can do without stays open', async () => {
  expect(await ranged('subject-activity', { subject: 'bob' })).toEqual({ subject: 'bob', isDefault: undefined });
  expect(await ranged('subject-activity', { subject: 'bob' }, { from: 'yesterday' })).toEqual({
    subject: 'bob',
    from: '2026-11-28T00:00:00Z',
    isDefault: false,
  });
});

test('options and parameters mean the same, and become instants', async () => {
  const expected = { from: '2026-11-29T08:00:00Z', to: '2026-11-29T10:00:00Z', isDefault: false };
  expect(await ranged('decisions', {}, { last: '2h' })).toEqual(expected);
  expect(await ranged('decisions', { from: '-2h', to: 'now' })).toEqual(expected);
  expect(await ranged('role-groups-at', {})).toMatchObject({ at: '2026-11-29T10:00:00Z' });
});

test('the last day with events is of the tables that the question is about, up to today', async () => {
  const runtime = testRuntime();
  expect(await lastDayWithEvents({ ...runtime, clock: () => now })).toBe('2026-11-29');
  await putDecisions(runtime.store, 4, 20);
  await run(runtime);
  const lastDay = (clock: number, question: string): Promise<string> =>
    lastDayWithEvents({ ...runtime, clock: () => clock }, undefined, tablesOfRange(findQuestion(question)));
  expect(await lastDay(now, 'decisions')).toBe('2023-07-12');
  expect(await lastDay(Date.parse('2023-07-11T12:00:00Z'), 'actor-events')).toBe('2023-07-11');
  expect(await lastDay(now, 'okera-events')).toBe('2026-11-29');
  const clock = (): number => Date.parse('2023-07-11T02:00:00Z');
  expect(await lastDayWithEvents({ ...runtime, clock }, 'America/New_York')).toBe('2023-07-10');
  expect(await lastDayWithEvents({ ...runtime, clock }, 'Asia/Tokyo')).toBe('2023-07-11');
});
