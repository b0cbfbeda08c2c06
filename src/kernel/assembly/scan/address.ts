/** Addresses from bytes to the hex key of records/address.ts, for the form that nearly all have: dotted IPv4. */

/** Behind the address read last. */
export const keyLength: i32 = 32;
let address: u32 = 0;

/** Reads a dotted IPv4 address and returns the place after it, 0 where there is none. */
export function readIpv4(start: usize, end: usize): usize {
  let at = start;
  address = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (at >= end || load<u8>(at++) !== 0x2e)) return 0;
    const first = at;
    let value: u32 = 0;
    for (; at < end && at < first + 3; at++) {
      const digit = <u32>load<u8>(at) - 0x30;
      if (digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === first || value > 255) return 0;
    address = (address << 8) | value;
  }
  return at;
}

/** Writes `::ffff:a.b.c.d`, of the address that was read last, as hex digits. */
export function writeIpv4Key(target: usize): void {
  store<u64>(target, 0x3030303030303030);
  store<u64>(target, 0x3030303030303030, 8);
  store<u64>(target, 0x6666666630303030, 16);
  for (let i = 0; i < 8; i++) {
    const digit = (address >> (28 - (i << 2))) & 15;
    store<u8>(target + 24 + i, digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}
