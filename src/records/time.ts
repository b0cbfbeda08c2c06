/**
 * Times of events: text to microseconds since the epoch, UTC, and back to days.
 *
 * RFC 3339 with what real producers deviate by: lower-case t and z, a space for the T, any number of fraction digits
 * (cut to microseconds, which is the floor), offsets with or without a colon. A leap second (23:59:60 UTC) is kept on
 * its day as the last microsecond of 23:59:59. Years 0001 to 9999 after the offset is applied.
 */
const pattern = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])| ?([+-])(\d{2}):?(\d{2}))?$/;

const MICROS_PER_SECOND = 1_000_000n;
const SECONDS_PER_DAY = 86_400;
const LEAP_FRACTION = 999_999n;

/** Seconds since the epoch of 0001-01-01T00:00:00Z and of the end of 9999. */
const MIN_SECOND = -62_135_596_800;
const MAX_SECOND = 253_402_300_800;

/** null where the text is not such a time. `zone` 'required': a text without offset is not one; 'utc': it is in UTC. */
export function parseTime(text: string, zone: 'required' | 'utc'): bigint | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction = '', zulu, sign, offsetHour, offsetMinute] = match;
  if (zulu === undefined && sign === undefined && zone === 'required') return null;
  const [y, mo, d, h, mi, s] = [Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second)];
  if (mo < 1 || mo > 12 || d < 1 || d > daysInMonth(y, mo) || h > 23 || mi > 59 || s > 60) return null;
  let offset = 0;
  if (sign !== undefined) {
    const [oh, om] = [Number(offsetHour), Number(offsetMinute)];
    if (oh > 23 || om > 59) return null;
    offset = (oh * 60 + om) * 60 * (sign === '-' ? -1 : 1);
  }
  const leap = s === 60;
  const seconds = daysFromCivil(y, mo, d) * SECONDS_PER_DAY + h * 3600 + mi * 60 + (leap ? 59 : s) - offset;
  if (seconds < MIN_SECOND || seconds >= MAX_SECOND) return null;
  if (leap && seconds - Math.floor(seconds / SECONDS_PER_DAY) * SECONDS_PER_DAY !== SECONDS_PER_DAY - 1) return null;
  const micros = leap ? LEAP_FRACTION : BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  return BigInt(seconds) * MICROS_PER_SECOND + micros;
}

/** Milliseconds since the epoch to microseconds; null outside of the years 1 to 9999. */
export function millisToMicros(millis: bigint): bigint | null {
  if (millis < BigInt(MIN_SECOND) * 1000n || millis >= BigInt(MAX_SECOND) * 1000n) return null;
  return millis * 1000n;
}

/** Whether a time in seconds since the epoch lies in the years 1 to 9999. */
export const isSecondInRange = (seconds: number): boolean => seconds >= MIN_SECOND && seconds < MAX_SECOND;

/** The UTC day of a time in microseconds, YYYY-MM-DD. */
export function dayOfMicros(micros: bigint): string {
  return dayText(
    Math.floor(Number(micros / MICROS_PER_SECOND - (micros % MICROS_PER_SECOND < 0n ? 1n : 0n)) / SECONDS_PER_DAY),
  );
}

/** The UTC day of a time in milliseconds, YYYY-MM-DD. */
export const dayOfMillis = (millis: number): string => dayText(Math.floor(millis / 1000 / SECONDS_PER_DAY));

/** Milliseconds at which a day or hour of the UTC calendar begins; null where there is no such day. */
export function utcMillis(year: number, month: number, day: number, hour = 0): number | null {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  if (hour < 0 || hour > 23) return null;
  return (daysFromCivil(year, month, day) * SECONDS_PER_DAY + hour * 3600) * 1000;
}

// Records come in runs of one day.
let lastDay = Number.NaN;
let lastText = '';

export function dayText(day: number): string {
  if (day === lastDay) return lastText;
  const [year, month, date] = civilFromDays(day);
  lastText = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`;
  lastDay = day;
  return lastText;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that the leap day is the last. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): [year: number, month: number, day: number] {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const mp = Math.floor((5 * dayOfYear + 2) / 153);
  const month = mp + (mp < 10 ? 3 : -9);
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - Math.floor((153 * mp + 2) / 5) + 1];
}
