/**
 * JSON lines, and logs with text around the JSON: a record is a line. Lines end with LF; CR and white space at the ends
 * of a line are no part of it, blank lines are nothing, and the last line needs no end. A line that holds several
 * objects one behind the other gives each.
 */
import { isUtf8 } from 'node:buffer';
import { Collector } from './collector.ts';
import type { Frame } from './frame.ts';
import {
  exactFrame,
  type FastLane,
  type FrameLimits,
  type Framer,
  isSpace,
  NEWLINE,
  OPEN_BRACE,
  trimmedFrame,
} from './framer.ts';

export class LineFramer implements Framer {
  readonly #limits: FrameLimits;
  readonly #open: Collector;
  readonly #lane: FastLane | undefined;
  /** Offset of the next chunk. */
  #offset: number;

  constructor(offset: number, limits: FrameLimits, lane?: FastLane) {
    this.#offset = offset;
    this.#limits = limits;
    this.#open = new Collector(limits);
    this.#lane = lane;
  }

  push(chunk: Buffer, out: Frame[]): void {
    let start = 0;
    if (this.#open.active) {
      const end = chunk.indexOf(NEWLINE);
      if (end >= 0) {
        this.#open.add(chunk.subarray(0, end));
        this.#emitOpen(out);
        start = end + 1;
      }
    }
    const end = this.#open.active ? start : chunk.lastIndexOf(NEWLINE) + 1;
    if (start < end) this.#lines(chunk, start, end, out);
    start = Math.max(start, end);
    if (start < chunk.length) {
      if (!this.#open.active) this.#open.begin(this.#offset + start);
      this.#open.add(chunk.subarray(start));
    }
    this.#offset += chunk.length;
  }

  /** Whole lines. */
  #lines(chunk: Buffer, from: number, end: number, out: Frame[]): void {
    const lane = this.#lane !== undefined && isUtf8(chunk.subarray(from, end)) ? this.#lane : undefined;
    for (let start = from; start < end; ) {
      if (lane !== undefined) start = lane.takeLines(chunk, start, end, this.#offset + start, this.#limits.recordBytes);
      if (start === end) return;
      const newline = chunk.indexOf(NEWLINE, start);
      this.#emit(trimmedFrame(chunk.subarray(start, newline), this.#offset + start, this.#limits), out);
      start = newline + 1;
    }
  }

  end(out: Frame[]): void {
    this.#emitOpen(out);
  }

  /** The line that reached over chunks. */
  #emitOpen(out: Frame[]): void {
    const frame = this.#open.take();
    if (frame === undefined) return;
    const bytes = frame.bytes as Buffer;
    if (!frame.tooLarge && isUtf8(bytes) && this.#lane?.takeRecord(bytes, 0, bytes.length, frame.offset)) return;
    this.#emit(frame, out);
  }

  #emit(frame: Frame | undefined, out: Frame[]): void {
    if (!frame) return;
    const frames = this.#lane === undefined ? out : [];
    if (!frame.tooLarge && frame.bytes[0] === OPEN_BRACE && hasSeam(frame.bytes as Buffer)) {
      splitObjects(frame, this.#limits, frames);
    } else frames.push(frame);
    if (this.#lane !== undefined) for (const doubted of frames) this.#lane.doubt(doubted);
  }
}

const hasSeam = (bytes: Buffer): boolean => bytes.includes('}{') || bytes.includes('} {');

/** Each of the objects that stand one behind the other; the line as one frame where anything else follows the first. */
function splitObjects(line: Frame, limits: FrameLimits, out: Frame[]): void {
  const bytes = line.bytes as Buffer;
  let start = 0;
  for (;;) {
    const end = objectEnd(bytes, start);
    let next = end;
    while (isSpace(bytes[next])) next++;
    if (bytes[next] !== OPEN_BRACE) {
      const last = start > 0 && next === bytes.length ? end : bytes.length;
      out.push(exactFrame(bytes.subarray(start, last), line.offset + start, limits));
      return;
    }
    out.push(exactFrame(bytes.subarray(start, end), line.offset + start, limits));
    start = next;
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
