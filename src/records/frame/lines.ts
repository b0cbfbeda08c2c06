/**
 * JSON lines, and logs with text around the JSON: a record is a line. Lines end with LF; CR and filler at the ends of a
 * line are not part of it, blank lines are nothing, and the last line needs no end. A line that holds several objects one
 * behind the other gives each, however long it is: Firehose joins what it delivers without line ends.
 */
import { isUtf8 } from 'node:buffer';
import { Collector } from './collector.ts';
import type { Frame } from './frame.ts';
import { type FastPath, type FrameLimits, type Framer, isSpace, NEWLINE, OPEN_BRACE, trimmedFrame } from './framer.ts';

export class LineFramer implements Framer {
  readonly #limits: FrameLimits;
  readonly #open: Collector;
  /** Where the objects of the open line end. */
  readonly #seams = new SeamFinder();
  readonly #fastPath: FastPath | undefined;
  /** Offset of the next chunk. */
  #offset: number;

  constructor(offset: number, limits: FrameLimits, fastPath?: FastPath) {
    this.#offset = offset;
    this.#limits = limits;
    this.#open = new Collector(limits);
    this.#fastPath = fastPath;
  }

  push(chunk: Buffer, out: Frame[]): void {
    let start = 0;
    if (this.#open.active) {
      const newline = chunk.indexOf(NEWLINE);
      const end = newline < 0 ? chunk.length : newline;
      this.#addOpen(chunk, 0, end, out);
      if (newline >= 0) this.#emitOpen(out);
      start = newline < 0 ? end : newline + 1;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (start < end) this.#lines(chunk, start, end, out);
    start = Math.max(start, end);
    if (start < chunk.length) {
      this.#begin(this.#offset + start);
      this.#addOpen(chunk, start, chunk.length, out);
    }
    this.#offset += chunk.length;
  }

  /** Whole lines. */
  #lines(chunk: Buffer, from: number, end: number, out: Frame[]): void {
    const fastPath = this.#fastPath !== undefined && isUtf8(chunk.subarray(from, end)) ? this.#fastPath : undefined;
    for (let start = from; start < end; ) {
      if (fastPath !== undefined)
        start = fastPath.takeLines(chunk, start, end, this.#offset + start, this.#limits.recordBytes);
      if (start === end) return;
      const newline = chunk.indexOf(NEWLINE, start);
      this.#line(chunk.subarray(start, newline), this.#offset + start, fastPath, out);
      start = newline + 1;
    }
  }

  /** A line that the fast path has not taken as one record: it may hold several. */
  #line(line: Buffer, offset: number, fastPath: FastPath | undefined, out: Frame[]): void {
    this.#seams.begin();
    let start = 0;
    for (let at = 0; at < line.length; ) {
      at = this.#seams.find(line, at, line.length);
      if (at < 0) break;
      this.#emit(trimmedFrame(line.subarray(start, at), offset + start, this.#limits), fastPath, out);
      start = at;
    }
    const last = trimmedFrame(line.subarray(start), offset + start, this.#limits);
    this.#emit(last, start > 0 ? fastPath : undefined, out);
  }

  end(out: Frame[]): void {
    this.#emitOpen(out);
  }

  #begin(offset: number): void {
    this.#open.begin(offset);
    this.#seams.begin();
  }

  /** More of the line that reaches over chunks; objects that end in there are let go. */
  #addOpen(chunk: Buffer, from: number, to: number, out: Frame[]): void {
    let start = from;
    for (let at = from; at < to; ) {
      at = this.#seams.find(chunk, at, to);
      if (at < 0) break;
      this.#open.add(chunk.subarray(start, at));
      this.#emitOpen(out);
      this.#open.begin(this.#offset + at);
      start = at;
    }
    this.#open.add(chunk.subarray(start, to));
  }

  /** What was gathered over chunks. */
  #emitOpen(out: Frame[]): void {
    const frame = this.#open.take();
    const isValid = frame !== undefined && frame.tooLarge === undefined && isUtf8(frame.bytes as Buffer);
    this.#emit(frame, isValid ? this.#fastPath : undefined, out);
  }

  /** `fastPath`: where the frame is offered first, since it is valid UTF-8. */
  #emit(frame: Frame | undefined, fastPath: FastPath | undefined, out: Frame[]): void {
    if (frame === undefined) return;
    if (this.#fastPath === undefined) out.push(frame);
    else if (
      fastPath === undefined ||
      frame.tooLarge !== undefined ||
      !fastPath.takeRecord(frame.bytes as Buffer, 0, frame.bytes.length, frame.offset)
    )
      this.#fastPath.fallBack(frame);
  }
}

const Seam = { lead: 0, object: 1, string: 2, escape: 3, behind: 4, text: 5 } as const;

/** Finds where one object of a line ends and the next begins; goes on where the bytes before ended. */
class SeamFinder {
  #state: number = Seam.lead;
  #depth = 0;

  /** A line begins. */
  begin(): void {
    this.#state = Seam.lead;
    this.#depth = 0;
  }

  /** The index at which another object begins behind one that has ended; -1 where none does up to `to`. */
  find(bytes: Buffer, from: number, to: number): number {
    let state = this.#state;
    let depth = this.#depth;
    let i = from;
    for (; i < to && state !== Seam.text; i++) {
      const byte = bytes[i] as number;
      switch (state) {
        case Seam.string:
          if (byte === 0x22) state = Seam.object;
          else if (byte === 0x5c) state = Seam.escape;
          break;
        case Seam.escape:
          state = Seam.string;
          break;
        case Seam.object:
          if (byte === 0x22) state = Seam.string;
          else if (byte === 0x7b || byte === 0x5b) depth++;
          else if ((byte === 0x7d || byte === 0x5d) && --depth === 0) state = Seam.behind;
          break;
        default:
          if (byte === OPEN_BRACE) {
            depth = 1;
            const isSeam = state === Seam.behind;
            state = Seam.object;
            if (!isSeam) break;
            this.#state = Seam.lead;
            this.#depth = 0;
            return i;
          }
          // The bytes of a byte order mark, one by one.
          if (!isSpace(byte) && byte !== 0 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf) state = Seam.text;
      }
    }
    this.#state = state;
    this.#depth = depth;
    return -1;
  }
}

/** Offset behind the object that begins at `start`; the end of the bytes where it does not end. */
export function objectEnd(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let i = start; i < bytes.length; i++) {
    switch (bytes[i]) {
      case 0x22:
        for (i++; i < bytes.length && bytes[i] !== 0x22; i++) if (bytes[i] === 0x5c) i++;
        break;
      case 0x7b:
      case 0x5b:
        depth++;
        break;
      case 0x7d:
      case 0x5d:
        if (--depth === 0) return i + 1;
    }
  }
  return bytes.length;
}
