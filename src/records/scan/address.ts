/** Addresses from bytes to the hex key of records/address.ts, for the form that nearly all have: dotted IPv4. */

const hexDigits = Buffer.from('0123456789abcdef');

/** `::ffff:a.b.c.d` as 32 hex digits; the last eight are written for each address. */
export const ipv4Key = Buffer.from(`00000000000000000000ffff${'0'.repeat(8)}`);

/** Reads a dotted IPv4 address at `start`, writes its digits into `ipv4Key`, and returns the place after it; -1 where there is none. */
export function scanIpv4(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (at >= end || bytes[at++] !== 0x2e)) return -1;
    let value = 0;
    const first = at;
    for (; at < end && at < first + 3; at++) {
      const digit = bytes[at]! - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
    }
    if (at === first || value > 255) return -1;
    ipv4Key[24 + part * 2] = hexDigits[value >> 4]!;
    ipv4Key[25 + part * 2] = hexDigits[value & 15]!;
  }
  return at;
}
