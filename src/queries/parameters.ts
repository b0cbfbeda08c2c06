/** Parameters of named questions: what a person writes, as the values that are bound into the SQL. */
import ipaddr from 'ipaddr.js';
import { readTime, TimeError, type TimeReading } from '../text/time.ts';

/** A parameter that is missing, unknown, or cannot be read. The message names it and says what to write. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
  readonly code = 'invalid-parameter';
}

/** Of a day, `from` and `since` are its beginning, other times its end. Microseconds since the epoch. */
export function parseInstant(name: string, text: string, reading: TimeReading = {}): bigint {
  try {
    const { first, last } = readTime(text, reading);
    return name === 'from' || name === 'since' ? first : last;
  } catch (error) {
    throw error instanceof TimeError ? new ParameterError(`parameter ${name} ${error.message}`) : error;
  }
}

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

/** What counts are made by. */
export function parseUnit(name: string, text: string): string {
  if (text === 'minute' || text === 'hour' || text === 'day') return text;
  throw new ParameterError(`parameter ${name} must be minute, hour or day, not ${text}`);
}

/** Texts with commas between them, or, where one has a comma itself, a JSON array of texts. At most `mostTexts`. */
export function parseTexts(name: string, text: string): string[] {
  const texts = text.startsWith('[') ? jsonTexts(text) : text.split(',').map((part) => part.trim());
  if (texts === undefined || texts.length === 0 || texts.includes('')) {
    throw new ParameterError(`parameter ${name} must be a list such as a,b or ["a","b, with comma"], not ${text}`);
  }
  if (texts.length > mostTexts) {
    throw new ParameterError(`parameter ${name} has ${texts.length} entries, more than the ${mostTexts} possible`);
  }
  return texts;
}

/** Each becomes a bound value of its own. */
const mostTexts = 1000;

function jsonTexts(text: string): string[] | undefined {
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) && values.every((value) => typeof value === 'string') ? values : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the events of one Okera query share: the first half of the request id, as `request_id_prefix` has it. Takes the
 * half or the whole id, with or without leading zeros.
 */
export function parseRequest(name: string, text: string): string {
  const prefix = /^([0-9a-f]{1,16})(:[0-9a-f]{1,16})?$/i.exec(text)?.[1];
  if (prefix !== undefined) return prefix.toLowerCase().padStart(16, '0');
  throw new ParameterError(
    `parameter ${name} must be a request id such as 704d151f52e9f5f8:24c1fa9321700000, or its first half, not ${text}`,
  );
}

/** At most 9 digits: so many minutes are still an interval to every engine, and so many rows more than anyone reads. */
export function parseNumber(name: string, text: string): bigint {
  if (/^\d{1,9}$/.test(text)) return BigInt(text);
  throw new ParameterError(`parameter ${name} must be a whole number of at most 9 digits, not ${text}`);
}
