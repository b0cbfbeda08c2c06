/** Addresses from bytes to the hex key of records/address.ts, for the form that nearly all have: dotted IPv4. */
import { copyText, Text } from '../../columns/text.ts';

const hexDigits = Buffer.from('0123456789abcdef');

/** `::ffff:a.b.c.d` as hex digits, the last eight of them for the address. */
const ipv4Key = new Text(new Uint8Array(Buffer.from(`00000000000000000000ffff${'0'.repeat(8)}`)));
export const keyLength = ipv4Key.bytes.length;
const prefixLength = keyLength - 8;

/** The four bytes of the address that was read last. */
const parts = new Uint8Array(4);

/** Reads a dotted IPv4 address at `start` and returns the place after it, -1 where there is none. */
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
    parts[part] = value;
  }
  return at;
}

/** Writes the key of the address that was read last to `target`. */
export function writeIpv4Key(target: Text, at: number): void {
  copyText(ipv4Key, 0, prefixLength, target, at);
  const { bytes } = target;
  for (let part = 0; part < 4; part++) {
    const value = parts[part]!;
    bytes[at + prefixLength + part * 2] = hexDigits[value >> 4]!;
    bytes[at + prefixLength + part * 2 + 1] = hexDigits[value & 15]!;
  }
}
