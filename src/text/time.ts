/**
 * Times as people write them, and as commands print them: one grammar for every command and question.
 *
 *   2026-11-27                        a day: the whole of it
 *   2026-11-27T16:55[:30[.123456]]Z   an instant, also with a space for the T, or with an offset such as +02:00
 *   2026-11-27T16:55[:30]             the same in the time zone of the reading, which must have been named
 *   today, yesterday                  days
 *   now, -90s, -30m, -2h, -7d, -2w    instants; a day is 24 hours, a week is seven of those
 *
 * Instants are microseconds since the epoch, UTC. Digits past the sixth of a fraction are cut.
 */

export interface TimeReading {
  /** Milliseconds since the epoch. Without it, times that depend on it are refused. */
  readonly now?: number | undefined;
  /** Name of the IANA time zone of days and of times without an offset. Default for days: UTC. */
  readonly zone?: string | undefined;
}

/** First and last microsecond: the same for an instant, the ends of a day. */
export interface TimeSpan {
  readonly first: bigint;
  readonly last: bigint;
}

/** Both ends are included; one that is absent is open. */
export interface OpenRange {
  readonly from?: bigint;
  readonly to?: bigint;
}

export interface RangeOptions {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The length of a range that ends at `to`, or now: `2h`. */
  readonly last?: string | undefined;
}

/** What was written is not a time. The message goes on after the name of what should have been one: `from must be …`. */
export class TimeError extends Error {
  override readonly name = 'TimeError';
  readonly code = 'invalid-time';
}

export const microsOfDay = 86_400_000_000n;
const msOfDay = 86_400_000;

/** Throws TimeError. */
export function readTime(text: string, { now, zone }: TimeReading = {}): TimeSpan {
  if (text === 'now') return instant(clockOf(text, now));
  if (text === 'today' || text === 'yesterday') {
    const today = dayIn(clockOf(text, now), zone);
    return wholeDay(text === 'today' ? today : shiftDay(today, -1), zone);
  }
  const ago = text.startsWith('-') ? readLength(text.slice(1)) : undefined;
  if (ago !== undefined) return instant(clockOf(text, now) - ago);
  if (isDay(text)) return wholeDay(text, zone);
  return { first: readInstant(text, zone), last: readInstant(text, zone) };
}

/** A range as options give it. Throws TimeError, whose message begins with the option. */
export function readRange({ from, to, last }: RangeOptions, reading: TimeReading): OpenRange {
  if (last !== undefined) {
    if (from !== undefined) throw new TimeError('last and from both say where the range begins: give one of them');
    const length = readLength(last);
    if (length === undefined)
      throw new TimeError(`last must be a length of time such as 90s, 30m, 2h, 7d or 2w, not ${last}`);
    const end = readNamed('to', to ?? 'now', reading).last;
    return { from: end - BigInt(length) * 1000n, to: end };
  }
  const start = from === undefined ? undefined : readNamed('from', from, reading).first;
  const end = to === undefined ? undefined : readNamed('to', to, reading).last;
  if (start !== undefined && end !== undefined && start > end) throw new TimeError(`from ${from} is after to ${to}`);
  return { ...(start !== undefined && { from: start }), ...(end !== undefined && { to: end }) };
}

/** Throws TimeError, whose message begins with the name. */
export function readNamed(name: string, text: string, reading: TimeReading): TimeSpan {
  try {
    return readTime(text, reading);
  } catch (error) {
    throw error instanceof TimeError ? new TimeError(`${name} ${error.message}`) : error;
  }
}

/** Throws TimeError for a name that is not a time zone's. */
export function checkZone(zone: string): string {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: zone });
    return zone;
  } catch {
    throw new TimeError(`must be the name of a time zone such as Europe/Berlin or UTC, not ${zone}`);
  }
}

const millisOf = (micros: bigint): number => Number(micros / 1000n - (micros % 1000n < 0n ? 1n : 0n));

/** The day of an instant, YYYY-MM-DD: of UTC, or by the clocks of a zone. */
export const dayOf = (micros: bigint, zone?: string): string => dayIn(millisOf(micros), zone);

/** An instant in RFC 3339; microseconds only if there are any. */
export function timeText(micros: bigint): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19);
  return rest === 0n ? `${seconds}Z` : `${seconds}.${String(rest).padStart(6, '0')}Z`;
}

/** Both ends included: `2023-07-10 to 2023-07-12`, or with times of day; UTC. */
export function rangeText({ from, to }: { readonly from: bigint; readonly to: bigint }): string {
  if (from % microsOfDay === 0n && (to + 1n) % microsOfDay === 0n) {
    return dayOf(from) === dayOf(to) ? dayOf(from) : `${dayOf(from)} to ${dayOf(to)}`;
  }
  const text = (micros: bigint): string =>
    new Date(Number(micros / 1000n))
      .toISOString()
      .replace('T', ' ')
      .replace(/(\.000)?Z$/, '');
  return `${text(from)} to ${text(to)}`;
}

/** Of the day that the instant is in: of UTC, or by the clocks of a zone, where days may have 23 or 25 hours. */
export const startOfDay = (micros: bigint, zone?: string): bigint =>
  zone === undefined
    ? micros - (((micros % microsOfDay) + microsOfDay) % microsOfDay)
    : wholeDay(dayOf(micros, zone), zone).first;
export const endOfDay = (micros: bigint, zone?: string): bigint =>
  zone === undefined ? startOfDay(micros) + microsOfDay - 1n : wholeDay(dayOf(micros, zone), zone).last;

/** Milliseconds of `2h`. At most five digits, which stay within the years that have four. */
function readLength(text: string): number | undefined {
  const match = /^(\d{1,5})([smhdw])$/.exec(text);
  return match ? Number(match[1]) * unitMs[match[2]!]! : undefined;
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: msOfDay,
  w: 7 * msOfDay,
};

function readInstant(text: string, zone: string | undefined): bigint {
  const match = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?([Zz]|[+-]\d{2}:\d{2})?$/.exec(
    text,
  );
  const [, day, time, seconds = '00', fraction = '', offset] = match ?? [];
  if (day === undefined || !isDay(day)) throw new TimeError(`must be ${timeForms}, not ${text}`);
  if (offset === undefined && zone === undefined) {
    throw new TimeError(
      `must be an instant with an offset, such as ${day}T${time}:${seconds}Z, or a time zone must be named, not ${text}`,
    );
  }
  const wall = Date.parse(`${day}T${time}:${seconds}${offset?.toUpperCase() ?? 'Z'}`);
  if (Number.isNaN(wall)) throw new TimeError(`must be ${timeForms}, not ${text}`);
  const ms = offset === undefined ? fromWall(wall, zone!) : wall;
  return BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

const timeForms =
  'a day such as 2023-07-11, an instant such as 2023-07-11T16:55:00Z, a time ago such as -2h, or now, today or yesterday';

/** Date takes 2023-02-30 as 2 March. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

const instant = (ms: number): TimeSpan => ({ first: BigInt(ms) * 1000n, last: BigInt(ms) * 1000n });

function wholeDay(day: string, zone: string | undefined): TimeSpan {
  const start = (some: string): bigint =>
    BigInt(zone === undefined ? Date.parse(some) : fromWall(Date.parse(some), zone)) * 1000n;
  return { first: start(day), last: start(shiftDay(day, 1)) - 1n };
}

const shiftDay = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * msOfDay).toISOString().slice(0, 10);

const dayIn = (ms: number, zone: string | undefined): string =>
  new Date(ms + (zone === undefined ? 0 : offsetAt(ms, zone))).toISOString().slice(0, 10);

function clockOf(text: string, now: number | undefined): number {
  if (now === undefined) throw new TimeError(`must be a day or an instant, since there is no clock here, not ${text}`);
  return now;
}

/**
 * The instant at which clocks of a zone show `wall`, written as if it were UTC. Where they show it twice, the first time;
 * where they leap over it, as much later as they leap.
 */
function fromWall(wall: number, zone: string): number {
  const [before, after] = [wall - offsetAt(wall - msOfDay, zone), wall - offsetAt(wall + msOfDay, zone)];
  return [before, after].find((ms) => ms + offsetAt(ms, zone) === wall) ?? before;
}

/** Milliseconds by which the clocks of a zone are ahead of UTC. */
function offsetAt(ms: number, zone: string): number {
  const seconds = Math.floor(ms / 1000) * 1000;
  const parts = formatOf(zone).formatToParts(seconds);
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((one) => one.type === type)!.value);
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) - seconds;
}

const formatOf = (zone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
