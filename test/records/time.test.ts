import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayOfMicros, dayOfMillis, millisToMicros, parseTime, utcMillis } from '../../src/records/time.ts';

const first = Date.parse('0001-01-01T00:00:00Z');
const last = Date.parse('9999-12-31T23:59:59.999Z');
const millis = fc.integer({ min: first, max: last });
/** Offsets of up to a day, within a range of times that stays in the years 1 to 9999 with them. */
const offsetMinutes = fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 });

const iso = (time: number): string => new Date(time).toISOString().replace(/^\+00/, '');

describe('times', () => {
  test('agree with Date to the millisecond, and keep microseconds', () => {
    fc.assert(
      fc.property(millis, fc.integer({ min: 0, max: 999_999 }), (time, below) => {
        const digits = String(below).padStart(6, '0');
        expect(parseTime(iso(time).replace('Z', `${digits}Z`), 'required')).toBe(
          BigInt(time) * 1000n + BigInt(digits.slice(0, 3)),
        );
      }),
    );
  });

  test('an offset names the same instant', () => {
    const day = 86_400_000;
    fc.assert(
      fc.property(fc.integer({ min: first + day, max: last - day }), offsetMinutes, (time, offset) => {
        const local = iso(time + offset * 60_000).slice(0, -1);
        const sign = offset < 0 ? '-' : '+';
        const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60].map((n) =>
          String(n).padStart(2, '0'),
        );
        expect(parseTime(`${local}${sign}${hours}:${minutes}`, 'required')).toBe(BigInt(time) * 1000n);
        expect(parseTime(`${local}${sign}${hours}${minutes}`, 'utc')).toBe(BigInt(time) * 1000n);
      }),
    );
  });

  test('days are those of the UTC calendar, before 1970 too', () => {
    fc.assert(
      fc.property(millis, (time) => {
        expect(dayOfMicros(BigInt(time) * 1000n)).toBe(iso(time).slice(0, 10));
        expect(dayOfMillis(time)).toBe(iso(time).slice(0, 10));
        const [year, month, day] = iso(time).slice(0, 10).split('-').map(Number) as [number, number, number];
        expect(utcMillis(year, month, day)).toBe(Math.floor(time / 86_400_000) * 86_400_000);
      }),
    );
    expect(dayOfMicros(-1n)).toBe('1969-12-31');
  });

  test('without an offset a text is a time only where the source says UTC', () => {
    expect(parseTime('2020-10-30 10:05:01.437238000', 'utc')).toBe(1_604_052_301_437_238n);
    expect(parseTime('2020-10-30 10:05:01.437238000', 'required')).toBeNull();
  });

  test('a leap second is the last microsecond of its day, and only at midnight UTC', () => {
    expect(parseTime('2016-12-31T23:59:60Z', 'required')).toBe(1_483_228_799_999_999n);
    expect(parseTime('2017-01-01T01:59:60+02:00', 'required')).toBe(1_483_228_799_999_999n);
    expect(parseTime('2016-12-31T12:00:60Z', 'required')).toBeNull();
  });

  test('milliseconds outside of the years 1 to 9999 are no time', () => {
    expect(millisToMicros(BigInt(last))).toBe(BigInt(last) * 1000n);
    expect(millisToMicros(BigInt(last) + 1n)).toBeNull();
    expect(millisToMicros(BigInt(first))).toBe(BigInt(first) * 1000n);
    expect(millisToMicros(BigInt(first) - 1n)).toBeNull();
  });

  test('days that no calendar has are none', () => {
    for (const [year, month, day] of [
      [2023, 2, 29],
      [2023, 13, 1],
      [2023, 4, 31],
      [1900, 2, 29],
      [0, 1, 1],
      [10_000, 1, 1],
    ] as const) {
      expect(utcMillis(year, month, day)).toBeNull();
    }
    expect(utcMillis(2023, 1, 1, 24)).toBeNull();
  });
});
