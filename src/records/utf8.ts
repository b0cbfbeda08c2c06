/** Texts that may be cut in the middle of a character. */
import { isUtf8 } from 'node:buffer';

/**
 * Whether these are bytes of UTF-8, or would be but for a character that is cut: the rest of one at the beginning, or behind
 * what stands in front of the text, and the first bytes of one at the end.
 */
export function isPieceOfUtf8(bytes: Buffer): boolean {
  if (isUtf8(bytes)) return true;
  const end = bytes.length - unfinishedBytes(bytes);
  let at = 0;
  while (at < end && !(isContinuation(bytes[at]) && (at === 0 || (bytes[at - 1] as number) < 0x80))) at++;
  let rest = at;
  while (rest < Math.min(end, at + 3) && isContinuation(bytes[rest])) rest++;
  return isUtf8(bytes.subarray(0, at)) && isUtf8(bytes.subarray(rest, end));
}

/** How many bytes at the end begin a character that they do not end. */
function unfinishedBytes(bytes: Buffer): number {
  for (let count = 1; count <= 3; count++) {
    const byte = bytes.at(-count);
    if (byte === undefined || byte < 0x80) return 0;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > count ? count : 0;
  }
  return 0;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
