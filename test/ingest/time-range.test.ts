import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/config/errors.ts';
import { parseDays, parseRange } from '../../src/ingest/time-range.ts';

const now = Date.parse('2026-11-29T10:20:30.400Z');

describe('days of tables are the UTC days that times are in', () => {
  test.each([
    [{ from: 'yesterday' }, { from: '2026-11-28' }],
    [{ from: '2026-11-27T00:30:00+02:00' }, { from: '2026-11-26' }],
    [
      { from: '2026-11-27', to: '2026-11-27' },
      { from: '2026-11-27', to: '2026-11-27' },
    ],
    [
      { from: '2026-11-27', to: '2026-11-27', zone: 'Europe/Berlin' },
      { from: '2026-11-26', to: '2026-11-27' },
    ],
    [
      { from: '2026-11-27', to: '2026-11-27', zone: 'America/New_York' },
      { from: '2026-11-27', to: '2026-11-28' },
    ],
  ])('%j', (options, days) => {
    expect(parseDays(options, { now })).toEqual(days);
  });

  test.each([
    [{ from: 'x' }, /^from must be/],
    [{ from: '2026-11-27T12:00Z', to: '2026-11-27T10:00Z' }, /is after to/],
    [{ from: '2026-11-27T12:00' }, /a time zone must be named/],
    [{ zone: 'Mars/Olympus' }, /^zone must be the name of a time zone/],
  ])('%j is refused', (options, message) => {
    expect(() => parseDays(options, { now })).toThrow(UsageError);
    expect(() => parseDays(options, { now })).toThrow(message);
  });
});

test('a range of objects is of the time zone that is named', () => {
  expect(parseRange({ from: '2026-11-27', to: '2026-11-27T12:00', zone: 'Europe/Berlin' }, { now })).toEqual({
    from: Date.parse('2026-11-26T23:00:00Z'),
    to: Date.parse('2026-11-27T11:00:00Z'),
  });
  expect(parseRange({ zone: 'Europe/Berlin' }, { now })).toBeUndefined();
});
