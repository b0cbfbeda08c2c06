/** Times of events from bytes, without making a text of them: for the form that nearly all have. */
import { isSame, slack, Text } from '../../columns/text.ts';
import { parseTime } from '../time.ts';

const dayLength = 10;

/** Reads times and remembers the day of the last, since records come in runs of one day. */
export class EventTimes {
  /** Microseconds since the epoch of the time read last. */
  micros = 0;
  /** Its day, YYYY-MM-DD. */
  day = '';
  readonly #zoneRequired: boolean;
  readonly #dayText = new Text(new Uint8Array(dayLength + slack));
  #dayStart = 0;

  constructor(zone: 'required' | 'utc') {
    this.#zoneRequired = zone === 'required';
  }

  /** RFC 3339 in UTC with any number of fraction digits, 1970 to 2199; false for anything else. */
  read(text: Text, start: number, end: number): boolean {
    const { bytes } = text;
    const length = end - start;
    if (length < 19 || length > 30) return false;
    const hour = twoDigits(bytes, start + 11);
    const minute = twoDigits(bytes, start + 14);
    const second = twoDigits(bytes, start + 17);
    const separator = bytes[start + 10];
    if (!(hour < 24 && minute < 60 && second < 60) || (separator !== 0x54 && separator !== 0x20)) return false;
    if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return false;
    let at = start + 19;
    let fraction = 0;
    if (at < end && bytes[at] === 0x2e) {
      at++;
      let scale = 100_000;
      const first = at;
      for (; at < end; at++) {
        const digit = bytes[at]! - 0x30;
        if (!(digit >= 0 && digit <= 9)) break;
        fraction += digit * scale;
        scale = Math.trunc(scale / 10);
      }
      if (at === first) return false;
    }
    const hasZone = at < end;
    if (hasZone ? bytes[at] !== 0x5a || at + 1 !== end : this.#zoneRequired) return false;
    if (!isSame(text.view, start, this.#dayText.view, 0, dayLength) && !this.#turnTo(bytes, start)) return false;
    this.micros = this.#dayStart + (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction;
    return true;
  }

  #turnTo(bytes: Uint8Array, start: number): boolean {
    const day = Buffer.from(bytes.subarray(start, start + dayLength)).toString('latin1');
    const time = /^(19[7-9]|20|21)/.test(day) ? parseTime(`${day}T00:00:00Z`, 'required') : null;
    if (time === null) return false;
    this.day = day;
    this.#dayStart = Number(time);
    this.#dayText.bytes.set(bytes.subarray(start, start + dayLength));
    return true;
  }
}

/** NaN where they are none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
