/**
 * gzip members and zstd frames of a body that arrives in chunks. Node's decoders stop at the end of a zstd frame and at
 * gzip padding without a word about what follows (Node 24: a second frame in the same chunk is dropped). So the bytes
 * that a decoder has taken are counted here, and the rest goes to a fresh decoder or is an error.
 */
import {
  crc32,
  createInflateRaw,
  createZstdDecompress,
  type InflateRaw,
  inflateRawSync,
  type ZstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';
import type { Compression } from './compression.ts';
import { decodeInPlace, decoderInPlace } from './in-place.ts';
import type { Input } from './input.ts';
import { ObjectError, objectError } from './meter.ts';
import type { StoredBody } from './stored-body.ts';

const OUTPUT_CHUNK = 128 << 10;
/** Stored bytes of a part that is decompressed in one call: beginning a decoder costs as much as decompressing some of these. */
const SHORT_PART = 16 << 10;
/** Checksum and size behind the data of a gzip member. */
const GZIP_TRAILER_BYTES = 8;

/** The data of all parts. */
export async function* decodeParts(body: StoredBody): AsyncGenerator<Buffer> {
  const { input, compression, meter } = body;
  let isShort = true;
  while (await input.skipPadding(compression, meter)) {
    meter.part(input.taken);
    const start = input.taken;
    yield* compression === 'gzip' ? decodeMember(body, isShort) : decodeData(body, isShort);
    // Parts resemble the one before, and one that is longer is begun in vain.
    isShort = input.taken - start < SHORT_PART;
  }
}

/** One gzip member with its checks. */
async function* decodeMember(body: StoredBody, isShort: boolean): AsyncGenerator<Buffer> {
  const { input, meter } = body;
  // Not by Node's gunzip: behind a member it takes anything but zeros for the next one.
  await input.skipGzipHeader(meter);
  let checksum = 0;
  const before = meter.produced;
  for await (const chunk of decodeData(body, isShort)) {
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  const trailer = await input.take(GZIP_TRAILER_BYTES);
  if (trailer.length < GZIP_TRAILER_BYTES)
    throw new ObjectError('truncated_gzip', 'ends in the middle of gzip data', input.taken, meter.produced);
  const isRight =
    trailer.readUInt32LE(0) === checksum && trailer.readUInt32LE(4) === (meter.produced - before) % 2 ** 32;
  if (!isRight)
    throw new ObjectError('corrupt', 'no valid gzip data: incorrect data check', input.taken, meter.produced);
}

/** The data of a gzip member, or a zstd frame. `isShort`: whether the part is likely to be. */
async function* decodeData(body: StoredBody, isShort: boolean): AsyncGenerator<Buffer> {
  const { input, compression, meter, rooms } = body;
  if (isShort) {
    const bytes = await input.peek(SHORT_PART);
    // As with a decoder, all of the chunk counts as taken for the ratio.
    const taken = input.taken + bytes.length;
    const part = decodeShort(bytes.subarray(0, SHORT_PART), compression);
    if (part !== undefined) {
      await input.take(part.engine.bytesWritten);
      meter.stored = input.taken;
      yield meter.count(part.buffer, taken);
      return;
    }
  }
  const handle = rooms && decoderInPlace(compression);
  if (rooms === undefined || handle === undefined) yield* decodeStream(body);
  else yield* decodeInPlace(body, handle, rooms);
}

type ShortDecoder = (
  bytes: Uint8Array,
  options: object,
) => { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
const inflateShort = inflateRawSync as unknown as ShortDecoder;
const zstdShort = zstdDecompressSync as unknown as ShortDecoder;

/** undefined where the part is longer, or broken, which its decoder tells. */
function decodeShort(bytes: Buffer, compression: Compression): ReturnType<ShortDecoder> | undefined {
  try {
    const decode = compression === 'gzip' ? inflateShort : zstdShort;
    return decode(bytes, { info: true, maxOutputLength: OUTPUT_CHUNK, chunkSize: SHORT_PART });
  } catch {
    return undefined;
  }
}

type Decoder = InflateRaw | ZstdDecompress;

async function* decodeStream({ input, compression, meter }: StoredBody): AsyncGenerator<Buffer> {
  const options = { chunkSize: OUTPUT_CHUNK };
  const decoder = compression === 'gzip' ? createInflateRaw(options) : createZstdDecompress(options);
  const start = input.taken;
  const pump = feed(input, compression, decoder);
  try {
    for await (const chunk of decoder) {
      meter.stored = input.taken;
      yield meter.count(chunk as Buffer, input.taken);
    }
    await pump;
  } catch (error) {
    throw objectError(error, compression, meter, start + decoder.bytesWritten);
  } finally {
    decoder.destroy();
  }
  input.rewind(start + decoder.bytesWritten);
}

/** Writes the input into the decoder until one of them ends. Never rejects: an error of the source destroys the decoder. */
async function feed(input: Input, compression: Compression, decoder: Decoder): Promise<void> {
  let over = false;
  const ended = new Promise<void>((resolve) => {
    const settle = (): void => {
      over = true;
      resolve();
    };
    decoder.once('end', settle).once('close', settle).once('error', settle);
  });
  try {
    while (!over) {
      input.release(decoder.bytesWritten);
      const chunk = await input.nextFor(compression);
      if (!chunk) {
        decoder.end();
        return;
      }
      if (!over) await Promise.race([ended, new Promise<void>((resolve) => decoder.write(chunk, () => resolve()))]);
    }
  } catch (error) {
    decoder.destroy(error as Error);
  }
}
