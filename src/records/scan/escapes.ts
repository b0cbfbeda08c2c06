/** Escapes in JSON strings (RFC 8259, section 7), on bytes. */

const BACKSLASH = 0x5c;

/** The four hex digits at `at` as a number, -1 where they are none. */
export function codeUnit(bytes: Uint8Array, at: number): number {
  let unit = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(bytes[at + i] ?? 0);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const simpleEscapes: Readonly<Record<number, number>> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9 };

/**
 * Writes the text of a string with escapes, which the scanner has accepted, to `target` (at least as long) and returns
 * its length.
 */
export function unescapeString(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte !== BACKSLASH) {
      target[length++] = byte;
      continue;
    }
    const code = bytes[++at]!;
    if (code !== 0x75) {
      target[length++] = simpleEscapes[code] ?? code;
      continue;
    }
    const unit = codeUnit(bytes, at + 1);
    at += 4;
    if (unit < 0x80) target[length++] = unit;
    else if (unit < 0x800) {
      target[length++] = 0xc0 | (unit >> 6);
      target[length++] = 0x80 | (unit & 0x3f);
    } else {
      target[length++] = 0xe0 | (unit >> 12);
      target[length++] = 0x80 | ((unit >> 6) & 0x3f);
      target[length++] = 0x80 | (unit & 0x3f);
    }
  }
  return length;
}
