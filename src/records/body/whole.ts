/** gzip members and zstd frames of a body held whole: native code, large ones off the main thread, one buffer out. */
import { promisify } from 'node:util';
import { gunzip, gunzipSync, zstdDecompress } from 'node:zlib';
import { type Compression, compressionOf, paddingEnd } from './compression.ts';
import { Input } from './input.ts';
import { type BodyLimits, garbage, Meter, objectError } from './meter.ts';
import { decodeParts } from './streamed.ts';

/** Output is allocated in pieces of these sizes. */
const LEAST_OUTPUT = 16 << 10;
const MOST_OUTPUT = 4 << 20;
/** Stored bytes that are decompressed on the thread that wants them. */
const MOST_SYNC = 1 << 20;
/** zlib wants room left to see that all is there. */
const OUTPUT_MARGIN = 64;
/** Deflate cannot do better. */
const MOST_DEFLATED = 1032;

const gunzipWhole = promisify(gunzip) as unknown as WholeDecoder<Promise<Decoded>>;
const zstdWhole = promisify(zstdDecompress) as unknown as WholeDecoder<Promise<Decoded>>;
const gunzipHere = gunzipSync as unknown as WholeDecoder<Decoded>;
/** What Node's gunzip says of bytes behind a member that are none; and of broken members. */
const seamErrors: ReadonlySet<string> = new Set(['incorrect header check', 'unexpected end of file']);
type WholeDecoder<T> = (body: Uint8Array, options: object) => T;
type Decoded = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };

/** The data of all parts. */
export async function decompressParts(
  body: Buffer,
  compression: Compression,
  meter: Meter,
  limits: BodyLimits,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  const decode = compression === 'gzip' ? gunzipWhole : zstdWhole;
  for (let at = paddingEnd(body, 0, compression); at < body.length; at = paddingEnd(body, at, compression)) {
    const rest = body.subarray(at);
    if (compressionOf(rest) !== compression) throw garbage(compression, at, meter.produced);
    meter.part(at);
    try {
      const maxOutputLength = meter.allowance();
      const expected = expectedBytes(rest, compression, parts.at(-1)?.length);
      const chunkSize = Math.min(Math.max(expected + OUTPUT_MARGIN, LEAST_OUTPUT), MOST_OUTPUT, maxOutputLength + 1);
      const options = { info: true, maxOutputLength, chunkSize };
      // On this thread where that is done in milliseconds: the hand-over to another and back costs as much.
      const isShort = compression === 'gzip' && rest.length <= MOST_SYNC && expected <= MOST_OUTPUT;
      const { buffer, engine } = isShort ? gunzipHere(rest, options) : await decode(rest, options);
      const part = meter.count(buffer, body.length);
      // What is small is copied out of the piece that was allocated for it, since there may be very many.
      parts.push(part.length < LEAST_OUTPUT ? Buffer.from(part) : part);
      at += engine.bytesWritten;
    } catch (error) {
      // Node's gunzip takes line feeds behind a member for the next one, and a single one for the beginning of its header.
      const isSeam = compression === 'gzip' && seamErrors.has((error as Error).message);
      if (isSeam) return memberByMember(body, limits);
      throw objectError(error, compression, meter, at);
    }
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/**
 * How much is likely to come out of the part that begins here: its output is held in what is allocated for that, and where
 * it is too little, that is garbage. The end of a gzip member says it (RFC 1952, 2.3.1), and most bodies have only one.
 */
function expectedBytes(rest: Buffer, compression: Compression, before: number | undefined): number {
  if (before !== undefined) return before * 2;
  if (compression !== 'gzip' || rest.length < 4) return rest.length * 8;
  const last = rest.readUInt32LE(rest.length - 4);
  return last >= rest.length / 2 && last <= rest.length * MOST_DEFLATED ? last : rest.length * 8;
}

async function memberByMember(body: Buffer, limits: BodyLimits): Promise<Buffer> {
  const input = new Input(
    (async function* () {
      yield body;
    })(),
  );
  const parts: Buffer[] = [];
  for await (const part of decodeParts({ input, compression: 'gzip', meter: new Meter(limits) })) parts.push(part);
  return Buffer.concat(parts);
}
