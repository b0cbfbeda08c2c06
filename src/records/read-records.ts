/** Every record of an object in the order of its bytes, by the reference path alone. */
import type { Frame } from './frame/frame.ts';
import type { FrameLimits } from './frame/framer.ts';
import { frameRecords } from './frame/index.ts';
import type { RecordOutcome } from './outcome.ts';
import type { RecordReader } from './record-reader.ts';

export interface ReadRecord {
  readonly outcome: RecordOutcome;
  /** What is kept of the record where it is rejected, and where it stood. */
  readonly origin: Frame;
}

/** In groups. Values are views of the body: they are good until the next group is asked for. */
export async function* readRecords(
  reader: RecordReader,
  body: AsyncIterable<Uint8Array>,
  limits: FrameLimits,
): AsyncGenerator<ReadRecord[]> {
  let read: ReadRecord[] = [];
  const emit = (outcome: RecordOutcome, origin: Frame): void => {
    read.push({ outcome, origin });
  };
  for await (const frames of frameRecords(body, limits)) {
    for (const frame of frames) reader.read(frame, emit);
    yield read;
    read = [];
  }
  reader.end(emit);
  if (read.length > 0) yield read;
}

/** The records of these frames, where they are all there is. */
export function readFrames(reader: RecordReader, frames: readonly Frame[]): ReadRecord[] {
  const read: ReadRecord[] = [];
  const emit = (outcome: RecordOutcome, origin: Frame): void => {
    read.push({ outcome, origin });
  };
  for (const frame of frames) reader.read(frame, emit);
  reader.end(emit);
  return read;
}
