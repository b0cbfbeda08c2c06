/**
 * Cuts the decompressed bytes of an object into records, with the exact offset of each. Framing is told by content.
 * Memory is bounded by the record cap, whatever the object holds. Where chunks end makes no difference to the frames.
 */

import { detectFraming, LOOKAHEAD_BYTES } from './detect.ts';
import type { Frame } from './frame.ts';
import { type FastPath, type FrameLimits, type Framer, NEWLINE } from './framer.ts';
import { kept } from './kept.ts';
import { LineFramer } from './lines.ts';
import { utf8Of } from './utf16.ts';
import { ValueFramer } from './values.ts';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Chunks are worked through in pieces of this size, so that a body held whole does not become all its frames at once. */
const PIECE_BYTES = 256 << 10;

/**
 * Frames in groups, in the order of the object. Every byte is in one frame, or is white space or array punctuation.
 * With a fast path all of them go there, and empty groups tell of progress. Chunks in the kernel's memory are looked at until
 * the next one is asked for, and no longer.
 */
export async function* frameRecords(
  chunks: AsyncIterable<Uint8Array>,
  limits: FrameLimits,
  fastPath?: FastPath,
): AsyncGenerator<Frame[]> {
  let framer: Framer | undefined;
  let head: Buffer = Buffer.alloc(0);
  for await (const chunk of utf8Of(chunks)) {
    let bytes: Buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!framer) {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      framer = chooseFramer(head, false, limits, fastPath);
      if (!framer) {
        head = kept(head);
        continue;
      }
      bytes = withoutBom(head);
    }
    yield* pieces(framer, fastPath === undefined ? kept(bytes) : bytes, fastPath !== undefined);
  }
  if (!framer) {
    framer = chooseFramer(head, true, limits, fastPath) as Framer;
    yield* pieces(framer, withoutBom(head), fastPath !== undefined);
  }
  const out: Frame[] = [];
  framer.end(out);
  if (out.length > 0) yield out;
}

function* pieces(framer: Framer, bytes: Buffer, each: boolean): Generator<Frame[]> {
  for (let start = 0; start < bytes.length; ) {
    const piece = pieceOf(bytes, start);
    start += piece.length;
    const out: Frame[] = [];
    framer.push(piece, out);
    if (out.length > 0 || each) yield out;
  }
}

/** Up to the end of a line where there is one: a record that goes on in the next piece would have to be put together. */
function pieceOf(bytes: Buffer, start: number): Buffer {
  const piece = bytes.subarray(start, start + PIECE_BYTES);
  if (start + piece.length === bytes.length) return piece;
  return piece.subarray(0, piece.lastIndexOf(NEWLINE) + 1 || piece.length);
}

function chooseFramer(head: Buffer, whole: boolean, limits: FrameLimits, fastPath?: FastPath): Framer | undefined {
  if (!whole && head.length < BOM.length) return undefined;
  const text = withoutBom(head);
  const offset = head.length - text.length;
  const framing = detectFraming(text.subarray(0, LOOKAHEAD_BYTES), whole && text.length <= LOOKAHEAD_BYTES);
  if (!framing) return undefined;
  return framing === 'lines' ? new LineFramer(offset, limits, fastPath) : new ValueFramer(offset, limits, fastPath);
}

/** A byte order mark at the beginning of the object is not part of it (RFC 8259, section 8.1). */
const withoutBom = (bytes: Buffer): Buffer => (bytes.subarray(0, 3).equals(BOM) ? bytes.subarray(3) : bytes);
