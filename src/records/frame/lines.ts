/**
 * JSON lines, and logs with text around the JSON: a record is a line. Lines end with LF; CR and filler at the ends of a
 * line are not part of it, blank lines are nothing, and the last line needs no end. A line that holds several objects one
 * behind the other gives each, however long it is: Firehose joins what it delivers without line ends.
 */
import { isUtf8 } from 'node:buffer';
import { giveBack } from '../../columns/give-back.ts';
import { isSpace } from '../grammar.ts';
import { Collector } from './collector.ts';
import type { Frame } from './frame.ts';
import {
  type FastPath,
  type FrameLimits,
  type Framer,
  leave,
  NEWLINE,
  OPEN_BRACE,
  takes,
  trimmedFrame,
} from './framer.ts';

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
    const begin = this.#open.active ? this.#endOpen(chunk, out) : 0;
    if (begin < chunk.length) this.#records(chunk, begin, out);
    this.#offset += chunk.length;
  }

  /** The rest of the record that is open. Returns where the next one begins. */
  #endOpen(chunk: Buffer, out: Frame[]): number {
    const newline = endOfLine(chunk, 0);
    const seam = this.#seams.find(chunk, 0, newline);
    this.#open.add(chunk.subarray(0, seam < 0 ? newline : seam));
    if (seam >= 0 || newline < chunk.length) this.#emitOpen(out);
    return seam < 0 ? newline + 1 : seam;
  }

  /** Records from `start` on; the last may go on in the next chunk. */
  #records(chunk: Buffer, begin: number, out: Frame[]): void {
    const offered = this.#offered(chunk, begin);
    let newline = begin - 1;
    for (let start = begin; start < chunk.length; ) {
      if (start < offered) {
        const { recordBytes } = this.#limits;
        start = (this.#fastPath as FastPath).takeLines(chunk, start, offered, this.#offset + start, recordBytes);
        if (start === chunk.length) return;
      }
      // Not anew for each of the objects of a line.
      if (newline < start) newline = endOfLine(chunk, start);
      this.#seams.begin();
      const seam = this.#seams.find(chunk, start, newline);
      if (seam < 0 && newline === chunk.length) {
        this.#open.begin(this.#offset + start);
        this.#open.add(chunk.subarray(start));
        return;
      }
      const record = chunk.subarray(start, seam < 0 ? newline : seam);
      const frame = trimmedFrame(record, this.#offset + start, this.#limits);
      if (frame !== undefined) leave(frame, this.#fastPath, out);
      start = seam < 0 ? newline + 1 : seam;
    }
  }

  /**
   * How far the fast path is offered the chunk: up to the last line feed, or the last brace, which may be the end of the
   * object before it. Characters do not reach over either. -1 where the bytes are not UTF-8, or there is no fast path.
   */
  #offered(chunk: Buffer, begin: number): number {
    const end = Math.max(chunk.lastIndexOf(NEWLINE), chunk.lastIndexOf(OPEN_BRACE)) + 1;
    return this.#fastPath !== undefined && isUtf8(chunk.subarray(begin, end)) ? end : -1;
  }

  end(out: Frame[]): void {
    this.#emitOpen(out);
  }

  /** What was gathered over chunks. */
  #emitOpen(out: Frame[]): void {
    const { isJoined } = this.#open;
    const frame = this.#open.take();
    if (frame === undefined) return;
    if (!takes(this.#fastPath, frame)) leave(frame, this.#fastPath, out);
    // Nobody needs its bytes any more.
    else if (isJoined) giveBack(frame.bytes);
  }
}

/** Where the next line feed stands; the end of the chunk where there is none. */
function endOfLine(chunk: Buffer, start: number): number {
  const newline = chunk.indexOf(NEWLINE, start);
  return newline < 0 ? chunk.length : newline;
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
