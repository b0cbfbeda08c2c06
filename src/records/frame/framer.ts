import { isUtf8 } from 'node:buffer';
import { isSpace } from '../grammar.ts';
import type { Limits } from '../limits.ts';
import type { Frame } from './frame.ts';
import { kept } from './kept.ts';

/** One way of cutting an object into records. Chunks come in order; the frames do not depend on where chunks end. */
export interface Framer {
  push(chunk: Buffer, out: Frame[]): void;
  /** The object is over. */
  end(out: Frame[]): void;
}

/** A way past frames for records that need none: they are offered as valid UTF-8, in the order of the object. */
export interface FastPath {
  /**
   * Takes lines of bytes[start, end), which stands at `offset` of the object, and objects that others follow on their line.
   * Behind each of them stands a line feed or the brace of the next object, inside of `end`. Returns where the first one
   * begins that it does not take, as one of more than `recordBytes` or one that is not complete; `end` where there is none.
   */
  takeLines(bytes: Buffer, start: number, end: number, offset: number, recordBytes: number): number;
  /**
   * Takes objects that follow the value which ends at `start`, elements of the same array or values of their own, and behind
   * which something of the same kind stands inside of `end`. Returns where the last one taken ends, white space behind it included;
   * `start` where none was.
   */
  takeValues(bytes: Buffer, start: number, end: number, offset: number, recordBytes: number, inArray: boolean): number;
  /** Whether bytes[start, end), one record without anything around it, has been taken. */
  takeRecord(bytes: Buffer, start: number, end: number, offset: number): boolean;
  /** The frame of a record that was not; its bytes stay as they are. */
  fallBack(frame: Frame): void;
}

/** Hands a record over as a frame: to the fast path, which has not taken it, or else among `out`. */
export function leave(frame: Frame, fastPath: FastPath | undefined, out: Frame[]): void {
  if (fastPath === undefined) out.push(frame);
  // What is around the first piece of a record is looked at when its last one has come.
  else fastPath.fallBack({ ...frame, bytes: kept(frame.bytes) });
}

/** Whether the fast path takes the record of a frame. */
export const takes = (fastPath: FastPath | undefined, { bytes, offset, tooLarge }: Frame): boolean =>
  fastPath !== undefined &&
  tooLarge === undefined &&
  isUtf8(bytes) &&
  fastPath.takeRecord(bytes as Buffer, 0, bytes.length, offset);

export type FrameLimits = Pick<Limits, 'recordBytes' | 'nestingDepth'>;

/** What is kept of a record that is larger than the cap. */
export const HEAD_BYTES = 64 << 10;

export const NEWLINE = 0x0a;
export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;

/**
 * What may stand between records without being part of one: white space, NULs (a file system that lost power leaves runs
 * of them), record separators, and byte order marks (files that were joined keep theirs). Returns how many bytes of it begin at
 * `at`.
 */
export function fillerAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (isBlank(byte)) return 1;
  return byte === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? 3 : 0;
}

/** How many bytes at the end may be the beginning of a byte order mark. */
export function begunMark(bytes: Buffer): number {
  if (bytes.at(-1) === 0xef) return 1;
  return bytes.at(-1) === 0xbb && bytes.at(-2) === 0xef ? 2 : 0;
}

const RECORD_SEPARATOR = 0x1e;

/** White space, NUL, or what JSON text sequences (RFC 7464) have in front of each text. */
export const isBlank = (byte: number | undefined): boolean => isSpace(byte) || byte === 0 || byte === RECORD_SEPARATOR;

/**
 * The frame of bytes held whole; filler around them is not part of it. undefined where nothing else is there. A line of
 * text keeps the spaces at its end: it may be a piece of a record that was cut behind a space of a string.
 */
export function trimmedFrame(bytes: Buffer, offset: number, limits: FrameLimits): Frame | undefined {
  let start = 0;
  let end = bytes.length;
  for (let filler = fillerAt(bytes, 0); filler > 0 && start < end; filler = fillerAt(bytes, start)) start += filler;
  while (end > start && isBlank(bytes[end - 1])) end--;
  if (start === end) return undefined;
  if (!beginsJson(bytes[start])) while (bytes[end] === SPACE && end - start < limits.recordBytes) end++;
  return exactFrame(bytes.subarray(start, end), offset + start, limits);
}

const SPACE = 0x20;
const beginsJson = (byte: number | undefined): boolean => byte === OPEN_BRACE || byte === OPEN_BRACKET;

/** The frame of exactly these bytes, or of their head where they are over the cap. */
export function exactFrame(bytes: Buffer, offset: number, limits: FrameLimits): Frame {
  if (bytes.length <= limits.recordBytes) return { bytes, offset };
  return { bytes: bytes.subarray(0, headBytes(limits)), offset, tooLarge: { length: bytes.length } };
}

export const headBytes = (limits: FrameLimits): number => Math.min(HEAD_BYTES, limits.recordBytes);
