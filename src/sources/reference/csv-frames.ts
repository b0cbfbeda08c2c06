/**
 * Cuts CSV (RFC 4180: comma, quotes doubled inside of quotes, LF or CR LF) into records, with the exact offset of each.
 * A record is a line, or several where a quoted field has line ends in it. Where the quoting breaks, or does not end
 * within the record cap, the line that the record began on is one malformed record, and reading goes on with the next
 * line: a bad quote takes no other row with it. Blank lines are nothing. Memory is bounded by the record cap, and where
 * chunks end makes no difference to the frames.
 */

import type { Frame } from '../../records/frame/frame.ts';
import type { Limits } from '../../records/limits.ts';

export interface CsvFrame extends Frame {
  /** The quoting is broken. */
  readonly isMalformed: boolean;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** A body held whole is worked through in pieces, so that it does not become all its frames at once. */
const PIECE_BYTES = 256 << 10;
/** Kept of a line that is larger than the cap. */
const HEAD_BYTES = 64 << 10;

/** Frames in groups, in the order of the object. */
export async function* csvFrames(
  chunks: AsyncIterable<Buffer>,
  { recordBytes }: Pick<Limits, 'recordBytes'>,
): AsyncGenerator<CsvFrame[]> {
  const framer = new CsvFramer(recordBytes);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const frames = framer.push(chunk.subarray(at, at + PIECE_BYTES));
      if (frames.length > 0) yield frames;
    }
  }
  const frames = framer.end();
  if (frames.length > 0) yield frames;
}

class CsvFramer {
  readonly #recordBytes: number;
  /** With room for the CR of a line end, which may or may not be part of the record. */
  readonly #openBytes: number;
  /** What is in no frame yet, from the beginning of a line on, which stands at `#offset` of the object. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #offset = 0;
  /** A record that is open is looked at again when as much has come as there was. */
  #retryAt = 0;
  /** Length so far of an open line over the cap, whose head is all that is held; 0 where there is none. */
  #oversize = 0;
  /** Whether the last byte of that line so far is a CR. */
  #endsInReturn = false;

  constructor(recordBytes: number) {
    this.#recordBytes = recordBytes;
    this.#openBytes = recordBytes + 1;
  }

  push(piece: Buffer): CsvFrame[] {
    if (this.#oversize > 0) {
      const newline = piece.indexOf(NEWLINE);
      const part = newline < 0 ? piece : piece.subarray(0, newline);
      this.#oversize += part.length;
      if (part.length > 0) this.#endsInReturn = part.at(-1) === RETURN;
      return newline < 0 ? [] : [this.#takeOversize(), ...this.push(piece.subarray(newline + 1))];
    }
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes < this.#retryAt && this.#heldBytes <= this.#openBytes) return [];
    return this.#cut(false);
  }

  end(): CsvFrame[] {
    return this.#oversize > 0 ? [this.#takeOversize()] : this.#cut(true);
  }

  #cut(isWhole: boolean): CsvFrame[] {
    const bytes = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    const frames: CsvFrame[] = [];
    // A byte order mark in front of the header is not part of it.
    let start = this.#offset === 0 && bytes.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
    while (start < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, start);
      if (newline < 0 && !isWhole) break;
      const lineEnd = newline < 0 ? bytes.length : newline;
      let end = lineEnd;
      let isMalformed = false;
      if (recordLength(bytes, start, lineEnd) <= this.#recordBytes && bytes.subarray(start, lineEnd).includes(QUOTE)) {
        end = recordEnd(bytes, start, isWhole);
        if (end === OPEN && !isWhole && bytes.length - start <= this.#openBytes) break;
        isMalformed = end < 0 || recordLength(bytes, start, end) > this.#recordBytes;
        if (isMalformed) end = lineEnd;
      }
      const frame = frameOf(bytes.subarray(start, end), this.#offset + start, isMalformed, this.#recordBytes);
      if (frame) frames.push(frame);
      start = end + 1;
    }
    this.#hold(bytes, Math.min(start, bytes.length));
    return frames;
  }

  /** Keeps what is open, in memory of its own. */
  #hold(bytes: Buffer, start: number): void {
    const rest = bytes.length - start;
    this.#offset += start;
    if (rest > this.#openBytes && bytes.indexOf(NEWLINE, start) < 0) {
      this.#oversize = rest;
      this.#endsInReturn = bytes.at(-1) === RETURN;
    }
    const kept = Buffer.from(bytes.subarray(start, this.#oversize > 0 ? start + HEAD_BYTES : bytes.length));
    this.#held = kept.length > 0 ? [kept] : [];
    this.#heldBytes = kept.length;
    this.#retryAt = rest * 2;
  }

  #takeOversize(): CsvFrame {
    const length = this.#oversize - (this.#endsInReturn ? 1 : 0);
    const head = this.#held[0]!.subarray(0, Math.min(HEAD_BYTES, this.#recordBytes));
    const frame = { bytes: head, offset: this.#offset, tooLarge: { length }, isMalformed: false };
    this.#offset += this.#oversize + 1;
    this.#oversize = 0;
    this.#held = [];
    this.#heldBytes = 0;
    this.#retryAt = 0;
    return frame;
  }
}

/** undefined for a blank line. */
function frameOf(line: Buffer, offset: number, isMalformed: boolean, recordBytes: number): CsvFrame | undefined {
  const bytes = line.subarray(0, recordLength(line, 0, line.length));
  if (bytes.length > recordBytes) {
    const head = bytes.subarray(0, Math.min(HEAD_BYTES, recordBytes));
    return { bytes: head, offset, tooLarge: { length: bytes.length }, isMalformed };
  }
  const isBlank = bytes.every((byte) => byte === 0x20 || byte === 0x09);
  return isBlank ? undefined : { bytes, offset, isMalformed };
}

/** Without the CR of a CR LF. */
const recordLength = (bytes: Buffer, start: number, end: number): number =>
  end - start - (end > start && bytes[end - 1] === RETURN ? 1 : 0);

/** The quoting is broken. */
const BROKEN = -1;
/** What is there does not say where the record ends. */
const OPEN = -2;

/** Index of the line end behind the record at `start`, or the end of the bytes where there is no more; else BROKEN or OPEN. */
function recordEnd(bytes: Buffer, start: number, isWhole: boolean): number {
  const over = isWhole ? bytes.length : OPEN;
  for (let at = start; ; at++) {
    if (bytes[at] !== QUOTE) {
      while (at < bytes.length && bytes[at] !== COMMA && bytes[at] !== NEWLINE && bytes[at] !== QUOTE) at++;
    } else {
      at = bytes.indexOf(QUOTE, at + 1);
      while (at >= 0 && bytes[at + 1] === QUOTE) at = bytes.indexOf(QUOTE, at + 2);
      if (at < 0) return OPEN;
      at++;
      if (bytes[at] === RETURN && (at + 1 === bytes.length || bytes[at + 1] === NEWLINE)) at++;
    }
    if (at === bytes.length) return over;
    if (bytes[at] === NEWLINE) return at;
    if (bytes[at] !== COMMA) return BROKEN;
  }
}
