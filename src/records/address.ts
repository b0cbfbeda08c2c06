/**
 * Network addresses in logs: the sortable key of an address, and host and port of `host:port` as producers write it.
 */
import ipaddr from 'ipaddr.js';

const V4_PREFIX = '00000000000000000000ffff';

/**
 * The address as 32 hex digits of its IPv6 form (IPv4 as ::ffff:a.b.c.d); null where the text is not an address.
 * A port (`10.0.0.1:80`, `[::1]:80`), brackets and a zone id (`fe80::1%eth0`) are left out.
 */
export function ipKey(text: string): string | null {
  const plain = addressKey(text);
  if (plain !== null || text === '') return plain;
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    return end > 0 && /^(:\d{1,5})?$/.test(text.slice(end + 1)) ? addressKey(text.slice(1, end)) : null;
  }
  const host = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1];
  return host === undefined ? null : addressKey(host);
}

/**
 * Splits `address:port` at the last colon, as Okera writes it: `172.23.77.80:40374`, and IPv6 without brackets
 * `::1:52774`. An address in brackets loses them. Without a readable port the whole text is the address, and so is one of IPv6
 * whose last group would be the port of no address.
 */
export function splitAddress(text: string): { readonly ip: string | null; readonly port: number | null } {
  if (text === '') return { ip: null, port: null };
  const colon = text.lastIndexOf(':');
  const digits = text.slice(colon + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (colon < 0 || !(port <= 65_535) || text.endsWith(']')) return { ip: withoutBrackets(text), port: null };
  const ip = withoutBrackets(text.slice(0, colon));
  const isWhole = ip !== null && addressKey(ip) === null && addressKey(text) !== null;
  return isWhole ? { ip: text, port: null } : { ip, port };
}

const withoutBrackets = (text: string): string | null =>
  (text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text) || null;

function addressKey(text: string): string | null {
  const v4 = v4Key(text);
  if (v4 !== null) return V4_PREFIX + v4;
  // ipaddr.js takes octal, hex and short forms of IPv4, which no log means: only IPv6 goes there.
  if (!text.includes(':')) return null;
  const zone = text.indexOf('%');
  const address = zone < 0 ? text : text.slice(0, zone);
  if (!ipaddr.IPv6.isValid(address)) return null;
  let key = '';
  for (const byte of ipaddr.IPv6.parse(address).toByteArray()) key += hex(byte);
  return key;
}

/** Four decimal parts, each 0 to 255; a leading zero does not make one octal. */
function v4Key(text: string): string | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!parts) return null;
  let key = '';
  for (let i = 1; i <= 4; i++) {
    const part = Number(parts[i]);
    if (part > 255) return null;
    key += hex(part);
  }
  return key;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
