/** Times of events from bytes, without making a text of them: for the form that nearly all have. */

/** Microseconds since the epoch of the time read last, and its day since the epoch. */
export let micros: i64 = 0;
export let day: i32 = 0;

/** The text of `day`, to know it again. */
let dayHead: u64 = 0;
let dayTail: u16 = 0;

/** RFC 3339 in UTC with any number of fraction digits, 1970 to 2199; false for anything else. */
export function readTime(start: usize, end: usize, isZoneRequired: bool): bool {
  const length = <i32>(end - start);
  if (length < 19 || length > 30) return false;
  const hour = twoDigits(start + 11);
  const minute = twoDigits(start + 14);
  const second = twoDigits(start + 17);
  const separator = load<u8>(start, 10);
  // Two characters that are not digits are more than any of these.
  if (hour >= 24 || minute >= 60 || second >= 60 || (separator !== 0x54 && separator !== 0x20)) return false;
  if (load<u8>(start, 13) !== 0x3a || load<u8>(start, 16) !== 0x3a) return false;
  let at = start + 19;
  let fraction: i32 = 0;
  if (at < end && load<u8>(at) === 0x2e) {
    at++;
    let scale: i32 = 100_000;
    const first = at;
    for (; at < end; at++) {
      const digit = <u32>load<u8>(at) - 0x30;
      if (digit > 9) break;
      fraction += digit * scale;
      scale /= 10;
    }
    if (at === first) return false;
  }
  const hasZone = at < end;
  if (hasZone ? load<u8>(at) !== 0x5a || at + 1 !== end : isZoneRequired) return false;
  const head = load<u64>(start);
  const tail = load<u16>(start, 8);
  if ((head !== dayHead || tail !== dayTail) && !readDay(start)) return false;
  dayHead = head;
  dayTail = tail;
  micros = <i64>day * 86_400_000_000 + <i64>(hour * 3600 + minute * 60 + second) * 1_000_000 + fraction;
  return true;
}

function readDay(at: usize): bool {
  const century = twoDigits(at);
  const years = twoDigits(at + 2);
  const month = twoDigits(at + 5);
  const date = twoDigits(at + 8);
  if (century > 99 || years > 99 || load<u8>(at, 4) !== 0x2d || load<u8>(at, 7) !== 0x2d) return false;
  const year = century * 100 + years;
  if (year < 1970 || year > 2199 || month < 1 || month > 12 || date < 1 || date > daysOf(year, month)) return false;
  // Days before the year and before its month, counting years from March on, so that leap days come last.
  const y = month > 2 ? year : year - 1;
  const shifted = month > 2 ? month - 3 : month + 9;
  const dayOfYear = (153 * shifted + 2) / 5 + date - 1;
  day = y * 365 + y / 4 - y / 100 + y / 400 + dayOfYear - 719_468;
  return true;
}

function daysOf(year: u32, month: u32): u32 {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Above 99 where they are none. */
function twoDigits(at: usize): u32 {
  const tens = <u32>load<u8>(at) - 0x30;
  const ones = <u32>load<u8>(at, 1) - 0x30;
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}
