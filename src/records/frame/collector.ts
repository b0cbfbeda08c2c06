import type { Frame } from './frame.ts';
import { begunMark, type FrameLimits, fillerAt, headBytes, isBlank, trimmedFrame } from './framer.ts';
import { kept } from './kept.ts';

const nothing: Buffer = Buffer.alloc(0);

/**
 * Gathers the bytes of one record that reaches over several chunks. Past the cap only the head is held, so that a
 * record of any size takes bounded memory.
 */
export class Collector {
  readonly #limits: FrameLimits;
  #pieces: Buffer[] = [];
  #held = 0;
  #length = 0;
  /** Length without the blanks at the end; filler at the beginning is never counted. */
  #significant = 0;
  /** What may be the beginning of a byte order mark, before anything else. */
  #mark: Buffer = nothing;
  /** Offset of the first byte; -1 while nothing is being gathered. */
  offset = -1;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  get active(): boolean {
    return this.offset >= 0;
  }

  begin(offset: number): void {
    this.offset = offset;
    this.#pieces = [];
    this.#held = 0;
    this.#length = 0;
    this.#significant = 0;
    this.#mark = nothing;
  }

  add(chunk: Buffer): void {
    if (this.#length > 0) {
      this.#append(chunk);
      return;
    }
    const piece = this.#mark.length > 0 ? Buffer.concat([this.#mark, chunk]) : chunk;
    this.#mark = nothing;
    let first = 0;
    for (let filler = fillerAt(piece, 0); filler > 0; filler = fillerAt(piece, first)) first += filler;
    this.offset += first;
    if (begunMark(piece) === piece.length - first) this.#mark = Buffer.from(piece.subarray(first));
    else this.#append(piece.subarray(first));
  }

  #append(piece: Buffer): void {
    let last = piece.length - 1;
    while (last >= 0 && isBlank(piece[last])) last--;
    if (last >= 0) this.#significant = this.#length + last + 1;
    this.#length += piece.length;
    const over = this.#significant > this.#limits.recordBytes;
    const room = (over ? headBytes(this.#limits) : this.#limits.recordBytes) - this.#held;
    if (room < 0) this.#keepHead();
    else if (room > 0 && piece.length > 0) {
      this.#pieces.push(kept(piece.subarray(0, room)));
      this.#held += Math.min(room, piece.length);
    }
  }

  /** What looked like the beginning of a byte order mark is the record's own. */
  #settleMark(): void {
    const mark = this.#mark;
    this.#mark = nothing;
    if (mark.length > 0) this.#append(mark);
  }

  /** Counts bytes that are not there any more: only behind the head of a record over the cap. */
  skip(bytes: number): void {
    this.#settleMark();
    this.#length += bytes;
    this.#significant = this.#length;
  }

  /** Gives back what was added from the offset `end` on. */
  truncate(end: number): void {
    this.#settleMark();
    this.#length = Math.max(0, end - this.offset);
    this.#significant = Math.min(this.#significant, this.#length);
    if (this.#held > this.#length) {
      this.#pieces = [Buffer.concat(this.#pieces).subarray(0, this.#length)];
      this.#held = this.#length;
    }
  }

  /** Whether what `take` gives is a copy of its own. */
  get isJoined(): boolean {
    return this.#pieces.length > 1;
  }

  /** Ends the record here: its frame without white space at its ends, undefined where nothing else was there. */
  take(): Frame | undefined {
    this.#settleMark();
    const { offset } = this;
    this.offset = -1;
    const pieces = this.#pieces;
    this.#pieces = [];
    if (offset < 0 || this.#significant === 0) return undefined;
    if (this.#held < this.#significant) {
      const head = Buffer.concat(pieces).subarray(0, headBytes(this.#limits));
      return { bytes: head, offset, tooLarge: { length: this.#significant } };
    }
    const bytes = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    return trimmedFrame(bytes, offset, this.#limits);
  }

  #keepHead(): void {
    const head = Buffer.from(Buffer.concat(this.#pieces).subarray(0, headBytes(this.#limits)));
    this.#pieces = [head];
    this.#held = head.length;
  }
}
