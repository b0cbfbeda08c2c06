import { describe, expect, test } from 'vitest';
import { checkZone, readRange, readTime, TimeError, type TimeReading, timeText } from '../../src/text/time.ts';

const now = Date.parse('2026-11-29T10:20:30.400Z');
const read = (text: string, reading: TimeReading = { now }): string => {
  const { first, last } = readTime(text, reading);
  return first === last ? timeText(first) : `${timeText(first)} to ${timeText(last)}`;
};

describe('a time', () => {
  test.each([
    ['2026-11-27', '2026-11-27T00:00:00Z to 2026-11-27T23:59:59.999999Z'],
    ['today', '2026-11-29T00:00:00Z to 2026-11-29T23:59:59.999999Z'],
    ['yesterday', '2026-11-28T00:00:00Z to 2026-11-28T23:59:59.999999Z'],
    ['2026-11-27T16:55:00Z', '2026-11-27T16:55:00Z'],
    ['2026-11-27 16:55z', '2026-11-27T16:55:00Z'],
    ['2026-11-27t16:55:00.1234567+02:00', '2026-11-27T14:55:00.123456Z'],
    ['now', '2026-11-29T10:20:30.400000Z'],
    ['-90s', '2026-11-29T10:19:00.400000Z'],
    ['-30m', '2026-11-29T09:50:30.400000Z'],
    ['-2h', '2026-11-29T08:20:30.400000Z'],
    ['-7d', '2026-11-22T10:20:30.400000Z'],
    ['-2w', '2026-11-15T10:20:30.400000Z'],
    ['-99999w', '0110-05-25T10:20:30.400000Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
  ])('%s', (text, span) => {
    expect(read(text)).toBe(span);
  });

  test.each([
    '',
    'tomorrow',
    '2h',
    '-2',
    '-2y',
    '-100000d',
    '-1.5h',
    '2026-02-30',
    '2026-13-01',
    '2026-11-3',
    '2026-11-27T25:00:00Z',
    '2026-11-27T16:60Z',
    '2026-02-30T00:00:00Z',
    '2026-11-27T16:55:00',
    '2026-11-27T16:55:00+2:00',
    ' 2026-11-27',
    '20261127',
  ])('is not %j', (text) => {
    expect(() => read(text)).toThrow(TimeError);
  });

  test('that goes by a clock is refused without one', () => {
    for (const text of ['now', 'today', '-2h']) expect(() => read(text, {})).toThrow(/no clock/);
    expect(read('2026-11-27T00:00:00Z', {})).toBe('2026-11-27T00:00:00Z');
  });
});

describe('a time zone', () => {
  test.each([
    // Ahead of UTC in winter by one hour, in summer by two.
    ['Europe/Berlin', '2026-11-27', '2026-11-26T23:00:00Z to 2026-11-27T22:59:59.999999Z'],
    ['Europe/Berlin', '2026-07-01T12:00', '2026-07-01T10:00:00Z'],
    // A day of 23 hours, and one of 25.
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00Z to 2026-03-29T21:59:59.999999Z'],
    ['Europe/Berlin', '2026-10-25', '2026-10-24T22:00:00Z to 2026-10-25T22:59:59.999999Z'],
    // Shown twice: the first time. Leapt over: as much later as clocks leap.
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00Z'],
    ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:30:00Z'],
    // Midnight itself is leapt over: the day begins at one.
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00Z to 2018-11-05T01:59:59.999999Z'],
    ['Asia/Kathmandu', '2026-11-27T00:00', '2026-11-26T18:15:00Z'],
    // Already the next day there.
    ['Pacific/Kiritimati', 'today', '2026-11-29T10:00:00Z to 2026-11-30T09:59:59.999999Z'],
    ['America/Los_Angeles', 'yesterday', '2026-11-28T08:00:00Z to 2026-11-29T07:59:59.999999Z'],
    ['America/Los_Angeles', '2026-11-27T16:55:00Z', '2026-11-27T16:55:00Z'],
    ['America/Los_Angeles', '-2h', '2026-11-29T08:20:30.400000Z'],
  ])('%s, %s', (zone, text, span) => {
    expect(read(text, { now, zone })).toBe(span);
  });

  test('has a name that exists', () => {
    expect(checkZone('Europe/Berlin')).toBe('Europe/Berlin');
    for (const zone of ['Mars/Olympus', '', 'CEST+1']) expect(() => checkZone(zone)).toThrow(TimeError);
  });
});

describe('a range', () => {
  const range = (options: Parameters<typeof readRange>[0]) => {
    const { from, to } = readRange(options, { now });
    return [from, to].map((end) => (end === undefined ? undefined : timeText(end)));
  };

  test('is of whole days where its ends are days', () => {
    expect(range({ from: '2026-11-27', to: '2026-11-28' })).toEqual([
      '2026-11-27T00:00:00Z',
      '2026-11-28T23:59:59.999999Z',
    ]);
    expect(range({ from: '-2h' })).toEqual(['2026-11-29T08:20:30.400000Z', undefined]);
    expect(range({})).toEqual([undefined, undefined]);
  });

  test('of a length ends now, or where it is told to', () => {
    expect(range({ last: '2h' })).toEqual(['2026-11-29T08:20:30.400000Z', '2026-11-29T10:20:30.400000Z']);
    expect(range({ last: '1d', to: '2026-11-27T12:00Z' })).toEqual(['2026-11-26T12:00:00Z', '2026-11-27T12:00:00Z']);
  });

  test.each([
    [{ last: '2h', from: 'today' }, /^last and from /],
    [{ last: '-2h' }, /^last must be a length of time/],
    [{ from: 'x' }, /^from must be a day/],
    [{ to: 'x' }, /^to must be a day/],
    [{ from: '2026-11-28', to: '2026-11-27' }, /^from 2026-11-28 is after to 2026-11-27$/],
  ])('%j is refused', (options, message) => {
    expect(() => range(options)).toThrow(message);
  });
});
