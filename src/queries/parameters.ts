/** Parameters of named questions: what a person writes, as the values that are bound into the SQL. */
import ipaddr from 'ipaddr.js';

/** A parameter that is missing, unknown, or cannot be read. The message names it and says what to write. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
}

/** Microseconds since the epoch of an RFC 3339 instant. Digits past the sixth are cut. */
export function parseInstant(name: string, text: string): bigint {
  const match =
    /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/.exec(text) ?? undefined;
  const [, day, time, fraction = '', zone] = match ?? [];
  const seconds = match ? Date.parse(`${day}T${time}${zone!.toUpperCase()}`) : Number.NaN;
  // Date.parse takes 2023-02-30 as 2 March.
  const exists = match && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day!);
  if (Number.isNaN(seconds) || !exists) {
    throw new ParameterError(`parameter ${name} must be an instant such as 2023-07-11T16:55:00Z, not ${text}`);
  }
  return BigInt(seconds) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

/** The UTC day of an instant, YYYY-MM-DD. */
export const dayOf = (micros: bigint): string =>
  new Date(Number(micros / 1000n - (micros % 1000n < 0n ? 1n : 0n))).toISOString().slice(0, 10);

/**
 * First and last address of a CIDR block, or of one address, as `client_ip_key` has them: 32 hex digits of the address
 * as IPv6, IPv4 as ::ffff:a.b.c.d. Bits behind the prefix are ignored.
 */
export function parseCidr(name: string, text: string): { first: string; last: string } {
  let address: ipaddr.IPv4 | ipaddr.IPv6;
  let bits: number;
  try {
    if (text.includes('/')) [address, bits] = ipaddr.parseCIDR(text);
    else {
      address = ipaddr.parse(text);
      bits = address.kind() === 'ipv4' ? 32 : 128;
    }
    // ipaddr.js reads 10.1 and 0x7f.1 as inet_aton does; nobody means that in an audit.
    if (address.kind() === 'ipv4' && !/^\d+\.\d+\.\d+\.\d+(\/\d+)?$/.test(text))
      throw new Error('not four decimal parts');
  } catch {
    throw new ParameterError(
      `parameter ${name} must be a block such as 192.168.0.0/16 or 2001:db8::/32, or an address, not ${text}`,
    );
  }
  const v6 = address.kind() === 'ipv4' ? (address as ipaddr.IPv4).toIPv4MappedAddress() : (address as ipaddr.IPv6);
  const prefix = address.kind() === 'ipv4' ? bits + 96 : bits;
  const value = BigInt(`0x${Buffer.from(v6.toByteArray()).toString('hex')}`);
  const free = (1n << BigInt(128 - prefix)) - 1n;
  const hex = (key: bigint): string => key.toString(16).padStart(32, '0');
  return { first: hex(value & ~free), last: hex(value | free) };
}

export function parseTruth(name: string, text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new ParameterError(`parameter ${name} must be true or false, not ${text}`);
}

export function parseLimit(name: string, text: string): bigint {
  if (/^\d{1,15}$/.test(text)) return BigInt(text);
  throw new ParameterError(`parameter ${name} must be a whole number, not ${text}`);
}
