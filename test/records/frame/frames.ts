import type { Frame } from '../../../src/records/frame/frame.ts';
import type { FrameLimits } from '../../../src/records/frame/framer.ts';
import { frameRecords } from '../../../src/records/frame/index.ts';

export const limits: FrameLimits = { recordBytes: 1 << 20, nestingDepth: 100 };

/** All frames of an input that arrives in chunks of the sizes given, in turn (the last one again and again). */
export async function framesOf(
  input: string | Buffer,
  sizes: readonly number[] = [Number.POSITIVE_INFINITY],
  frameLimits: FrameLimits = limits,
): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const group of frameRecords(chunked(Buffer.from(input as Buffer), sizes), frameLimits))
    frames.push(...group);
  return frames;
}

export const texts = (frames: readonly Frame[]): string[] => frames.map(({ bytes }) => Buffer.from(bytes).toString());

async function* chunked(input: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < input.length; turn++) {
    const size = sizes[Math.min(turn, sizes.length - 1)] as number;
    yield input.subarray(at, at + size);
    at += size;
  }
}
