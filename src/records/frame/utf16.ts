/**
 * Text that some Windows collectors write in UTF-16: as UTF-8, before it is cut into records. Told by its byte order mark,
 * if there is a zero byte beside any of its first characters, or by one beside each. Offsets are those of the UTF-8 text.
 */

import { TextDecoder } from 'node:util';
import { kept } from './kept.ts';

/** So many bytes tell. */
export const ENCODING_HEAD_BYTES = 32;
/** Of text without a byte order mark. */
const PLAIN_HEAD_BYTES = 8;

/** undefined for UTF-8. */
export function utf16Of(head: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const marked = head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : head[0] === 0xfe && head[1] === 0xff && 'utf-16be';
  if (marked) {
    // Stray bytes in front of lines of UTF-8, where none of the characters of JSON or of a log line is ASCII.
    const text = head.subarray(2, ENCODING_HEAD_BYTES);
    return text.length === 0 || text.includes(0) ? marked : undefined;
  }
  if (head.length < PLAIN_HEAD_BYTES) return undefined;
  const alternate = (first: number): boolean =>
    head.subarray(0, PLAIN_HEAD_BYTES).every((byte, i) => (i % 2 === first ? isText(byte) : byte === 0));
  if (alternate(0)) return 'utf-16le';
  return alternate(1) ? 'utf-16be' : undefined;
}

/** The first line may be a brace. */
const isText = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d);

/** Chunks of UTF-8. Byte order marks stay: files that were joined have them inside too. */
export async function* utf8Of(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  let decoder: TextDecoder | undefined;
  let isKnown = false;
  for await (const chunk of chunks) {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!isKnown) {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      if (head.length < ENCODING_HEAD_BYTES) {
        head = kept(head);
        continue;
      }
      const encoding = utf16Of(head);
      decoder = encoding === undefined ? undefined : new TextDecoder(encoding, { ignoreBOM: true });
      isKnown = true;
      bytes = head;
    }
    yield decoder === undefined ? bytes : Buffer.from(decoder.decode(bytes, { stream: true }));
  }
  if (!isKnown && head.length > 0) {
    const encoding = utf16Of(head);
    yield encoding === undefined ? head : Buffer.from(new TextDecoder(encoding, { ignoreBOM: true }).decode(head));
  }
  const last = decoder?.decode() ?? '';
  if (last !== '') yield Buffer.from(last);
}
