/**
 * Opens the body of an object: tells its compression by magic bytes, never by its name, and caps what comes out. zstd may
 * have several frames, each with its length in front (as OpenTelemetry's file exporter writes them); gzip several members,
 * with zero padding or line feeds between or behind them. What comes out may be compressed again: CloudWatch Logs sends
 * gzip, which Firehose compresses. Other formats are read or refused by name (body/codecs.ts).
 * Anything wrong is an ObjectError: the object as a whole is reported and left unclaimed, never half-used.
 */
import { CODEC_HEAD_BYTES, refusedFormat, TooMuch, type WholeCodec, wholeCodecOf } from './body/codecs.ts';
import { asBuffer, compressionOf } from './body/compression.ts';
import { Input } from './body/input.ts';
import { type BodyLimits, Meter, ObjectError } from './body/meter.ts';
import type { ChunkRooms } from './body/rooms.ts';
import { decodeParts } from './body/streamed.ts';
import { decompressParts } from './body/whole.ts';

/** A body in a body in a body: so many, and no more. */
const MOST_LAYERS = 4;
/** Stored bytes of a body that can only be decompressed whole. */
const MOST_WHOLE_BYTES = 256 << 20;

export interface BodyOptions {
  /** Bytes of all chunks, where they are known. */
  readonly bytes?: number;
  /**
   * With them a chunk may be over when the next one is asked for: the first are those that the body arrives in, the second those
   * for what it decompresses to.
   */
  readonly rooms?: readonly (ChunkRooms | undefined)[];
}

/** Decompressed chunks of a body that arrives in chunks. Errors of the source itself pass through as they are. */
export function openBody(
  chunks: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  options: BodyOptions = {},
): AsyncGenerator<Buffer> {
  return openLayer(chunks, limits, 1, options);
}

async function* openLayer(
  chunks: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  layer: number,
  { bytes, rooms: [own, ...inner] = [] }: BodyOptions,
): AsyncGenerator<Buffer> {
  const given = own?.handOver(chunks) ?? chunks;
  const input = new Input(given[Symbol.asyncIterator]());
  const meter = new Meter(limits, bytes);
  try {
    const head = await input.peek(CODEC_HEAD_BYTES);
    const compression = compressionOf(head);
    const codec = compression === 'none' ? codecOf(head) : undefined;
    if (compression === 'none' && codec === undefined) {
      own?.begin();
      for (let chunk = await input.next(); chunk; chunk = await input.next()) {
        input.release(input.taken);
        yield meter.count(chunk, Number.POSITIVE_INFINITY);
      }
      return;
    }
    if (layer > MOST_LAYERS) throw tooManyLayers(meter);
    const decoded =
      codec === undefined
        ? decodeParts({ input, compression, meter, rooms: inner[0] })
        : decodeWhole(input, codec, meter);
    yield* openLayer(decoded, limits, layer + 1, { rooms: inner });
  } finally {
    await input.close();
  }
}

async function* decodeWhole(input: Input, codec: WholeCodec, meter: Meter): AsyncGenerator<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await input.next(); chunk; chunk = await input.next()) {
    if (input.taken > MOST_WHOLE_BYTES) {
      const message = `${codec.name} of more than ${MOST_WHOLE_BYTES} bytes is not read; use gzip or zstd`;
      throw new ObjectError('unsupported', message, input.taken, 0);
    }
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  meter.stored = body.length;
  yield* decodeBy(codec, body, meter);
}

function decodeBy(codec: WholeCodec, body: Buffer, meter: Meter): Buffer[] {
  try {
    return codec.decode(body, meter.allowance()).map((part) => meter.count(part, body.length));
  } catch (error) {
    if (error instanceof TooMuch) throw meter.capError();
    if (error instanceof ObjectError) throw error;
    const message = `no valid ${codec.name} data: ${(error as Error).message}`;
    throw new ObjectError('corrupt', message, meter.stored, meter.produced, { cause: error });
  }
}

/** The decoder of a body that is neither gzip nor zstd; throws where the body is of a format that is not read. */
function codecOf(head: Buffer): WholeCodec | undefined {
  const format = refusedFormat(head);
  if (format === undefined) return wholeCodecOf(head);
  const message = `is ${format}, which is not read: store JSON or log lines in UTF-8, plain or as gzip, zstd, zlib, snappy, lz4 or zip`;
  throw new ObjectError('unsupported', message, 0, 0);
}

const tooManyLayers = (meter: Meter): ObjectError =>
  new ObjectError('unsupported', `is compressed more than ${MOST_LAYERS} times over`, meter.stored, meter.produced);

/** The same for a body held whole: native code off the main thread, one buffer out. */
export async function decompressWhole(body: Uint8Array, limits: BodyLimits): Promise<Buffer> {
  let plain = asBuffer(body);
  for (let layer = 1; ; layer++) {
    const meter = new Meter(limits);
    meter.stored = plain.length;
    const compression = compressionOf(plain);
    const codec = compression === 'none' ? codecOf(plain.subarray(0, CODEC_HEAD_BYTES)) : undefined;
    if (compression === 'none' && codec === undefined) return meter.count(plain, Number.POSITIVE_INFINITY);
    if (layer > MOST_LAYERS) throw tooManyLayers(meter);
    if (codec === undefined) plain = await decompressParts(plain, compression, meter, limits);
    else plain = Buffer.concat(decodeBy(codec, plain, meter));
  }
}
