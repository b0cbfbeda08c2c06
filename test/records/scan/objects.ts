/** Reads one object as jobs/ingest.ts does, with or without the fast path, and gives all that a job would see of it. */
import { expect } from 'vitest';
import { KernelBodies } from '../../../src/ingest/kernel-bodies.ts';
import type { Frame } from '../../../src/records/frame/frame.ts';
import { type FastPath, type FrameLimits, NEWLINE, OPEN_BRACE } from '../../../src/records/frame/framer.ts';
import { frameRecords } from '../../../src/records/frame/index.ts';
import { objectEnd } from '../../../src/records/frame/lines.ts';
import { isSpace } from '../../../src/records/grammar.ts';
import type { RecordOutcome } from '../../../src/records/outcome.ts';
import type { RecordReader } from '../../../src/records/record-reader.ts';
import type { Source } from '../../../src/sources/source.ts';
import { defaultUri, rowsOf } from './both-paths.ts';
import { limits } from './promotions.ts';

export interface ObjectReading {
  readonly rows: readonly Record<string, unknown>[];
  /** One for each record, in the order of the object: what became of it, and where it stood. */
  readonly outcomes: readonly string[];
  /** Of the rows, by column. */
  readonly mismatches: ReadonlyMap<string, number>;
  /** Records that the fast path took. */
  readonly certain: number;
}

export async function readObject(
  source: Source,
  uri: string,
  body: AsyncIterable<Uint8Array>,
  limits: FrameLimits,
  isFast: boolean,
): Promise<ObjectReading> {
  const facts = source.describeObject(uri);
  const reader = source.openObject(uri, facts);
  /** Has seen none but the records that the fast path took. */
  const second = source.openObject(uri, facts);
  const writer = source.writers.acquire(() => true);
  writer.open(uri, facts.columns);
  /** Of records that the fast path took, the offset: which of them became rows shows in the end. */
  const outcomes: (string | number)[] = [];
  const mismatches = new Map<string, number>();
  let certain = 0;
  /** Mismatches that have been counted, or were those of a duplicate. */
  let known: ReadonlyMap<string, number> = new Map();

  const recordsTaken = (): number => writer.rows + writer.taken.duplicates;
  /** What was taken of a frame: all of it, or the first elements of its list. */
  const note = (frame: Frame, before: number): void => {
    const count = recordsTaken() - before;
    certain += count;
    if (count > 0) outcomes.push(...offsetsIn(second, frame).slice(0, count));
  };
  /** Line by line, to see what becomes of each. */
  const takeLines = (bytes: Buffer, from: number, end: number, offset: number, most: number): number => {
    for (let start = from; start < end; ) {
      const before = recordsTaken();
      const stop = oneRecord(bytes, start, end);
      const next = writer.takeLines(bytes, start, stop, offset + start - from, most);
      note({ bytes: bytes.subarray(start, stop - 1), offset: offset + start - from }, before);
      if (next === start) return start;
      start = next;
    }
    return end;
  };
  const takeValues = (
    bytes: Buffer,
    from: number,
    end: number,
    offset: number,
    most: number,
    inArray: boolean,
  ): number => {
    for (let at = from; ; ) {
      const start = bytes.indexOf(OPEN_BRACE, at);
      if (start < 0 || start >= end) return at;
      const behind = objectEnd(bytes, start);
      const before = recordsTaken();
      const stop = Math.min(end, afterSpace(bytes, behind) + 1);
      const next = writer.takeValues(bytes, at, stop, offset + at - from, most, inArray);
      note({ bytes: bytes.subarray(start, behind), offset: offset + start - from }, before);
      if (next === at) return at;
      at = next;
    }
  };
  const takeRecord = (bytes: Buffer, start: number, end: number, offset: number): boolean => {
    const before = recordsTaken();
    const isTaken = writer.takeRecord(bytes, start, end, offset);
    note({ bytes: bytes.subarray(start, end), offset }, before);
    return isTaken;
  };
  const fallBack = (frame: Frame): void => {
    reader.read(frame, settle, writer.begun());
    if (isFast && reader.form !== undefined) writer.learn(reader.form);
  };
  const settle = (outcome: RecordOutcome, frame: Frame): void => {
    if (outcome.kind !== 'row') {
      outcomes.push(`${outcome.kind} ${outcome.kind === 'quarantine' ? outcome.code : ''} at ${frame.offset}`);
      return;
    }
    const isNew = outcome.identity === null || writer.compare(outcome.identity) !== 'duplicate';
    outcomes.push(isNew ? `row at ${frame.offset}` : `duplicate at ${frame.offset}`);
    if (!isNew) {
      known = new Map(reader.typeMismatches);
      return;
    }
    writer.append(outcome.values);
    for (const [column, count] of reader.typeMismatches) {
      const more = count - (known.get(column) ?? 0);
      if (more > 0) mismatches.set(column, (mismatches.get(column) ?? 0) + more);
    }
    known = new Map(reader.typeMismatches);
  };
  const fastPath: FastPath | undefined = isFast ? { takeLines, takeValues, takeRecord, fallBack } : undefined;
  for await (const frames of frameRecords(body, limits, fastPath)) {
    for (const frame of frames) fallBack(frame);
    writer.settle();
  }
  reader.end(settle);
  for (const [column, count] of writer.mismatches) mismatches.set(column, (mismatches.get(column) ?? 0) + count);
  const rows = rowsOf(writer.batch());
  source.writers.release(writer);
  const offsets = new Set(rows.map((row) => Number(row.source_offset)));
  const told = outcomes.map((outcome) =>
    typeof outcome === 'string' ? outcome : `${offsets.has(outcome) ? 'row' : 'duplicate'} at ${outcome}`,
  );
  return { rows, outcomes: told, mismatches: new Map([...mismatches].sort()), certain };
}

/** Where the records of a frame stand. */
function offsetsIn(reader: RecordReader, frame: Frame): number[] {
  const offsets: number[] = [];
  reader.read(frame, (_, origin) => offsets.push(origin.offset));
  return offsets;
}

/** So far that one record ends in it: behind its line feed, or behind the brace of an object that follows it. */
function oneRecord(bytes: Buffer, start: number, end: number): number {
  const behind = bytes[start] === OPEN_BRACE ? objectEnd(bytes, start) : end;
  const brace = bytes.indexOf(OPEN_BRACE, behind);
  const newline = bytes.indexOf(NEWLINE, start);
  const stops = [brace, newline].filter((at) => at >= 0);
  return Math.min(end, ...stops.map((at) => at + 1));
}

function afterSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

/**
 * Reads an object on both ways, the fast one in chunks of `size`, which are copied, stand in the kernel as long as the object is read, or
 * until the next one is asked for, and holds that they agree.
 */
export async function bothWays(
  source: Source,
  bytes: Buffer,
  size: number,
  caps: FrameLimits = { ...limits, recordBytes: 4000 },
): Promise<ObjectReading> {
  const slow = await readObject(source, defaultUri, chunked(bytes, Number.POSITIVE_INFINITY), caps, false);
  const fast = await readObject(source, defaultUri, chunked(bytes, size), caps, true);
  expect({ ...fast, certain: 0 }).toEqual(slow);
  const bodies = new KernelBodies(0);
  const body = bodies.acquire(bytes.length);
  bytes.copy(body);
  // The writer may know by now how they are wrapped.
  const inPlace = await readObject(source, defaultUri, chunked(body, size), caps, true);
  expect({ ...inPlace, certain: 0 }).toEqual(slow);
  bodies.release(body);
  const lent = await readObject(source, defaultUri, chunkByChunk(bytes, size), caps, true);
  expect({ ...lent, certain: 0 }).toEqual(slow);
  return fast;
}

/** Each in the place of the one before, as ingest/chunk-memory.ts has them; nothing is left of it by then. */
async function* chunkByChunk(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  const bodies = new KernelBodies(0);
  const block = bodies.acquire(Math.min(size, bytes.length));
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(block, 0, at, Math.min(at + size, bytes.length));
    yield block.subarray(0, length);
    block.fill('{"a":"');
  }
  bodies.release(block);
}

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
