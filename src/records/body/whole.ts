/** gzip members and zstd frames of a body held whole: native code off the main thread, one buffer out. */
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { type Compression, compressionOf, paddingEnd } from './compression.ts';
import { Input } from './input.ts';
import { type BodyLimits, garbage, Meter, objectError } from './meter.ts';
import { decodeParts } from './streamed.ts';

/** Output is allocated in pieces of these sizes. */
const LEAST_OUTPUT = 16 << 10;
const MOST_OUTPUT = 4 << 20;

const gunzipWhole = promisify(gunzip) as unknown as WholeDecoder;
const zstdWhole = promisify(zstdDecompress) as unknown as WholeDecoder;
type WholeDecoder = (
  body: Uint8Array,
  options: object,
) => Promise<{ buffer: Buffer; engine: { bytesWritten: number } }>;

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
      // The size of the part before is the best guess for the next: its output is held in what is allocated for it.
      const guess = parts.length === 0 ? rest.length * 8 : (parts.at(-1) as Buffer).length * 2;
      const chunkSize = Math.min(Math.max(guess, LEAST_OUTPUT), MOST_OUTPUT, maxOutputLength + 1);
      const { buffer, engine } = await decode(rest, { info: true, maxOutputLength, chunkSize });
      const part = meter.count(buffer, body.length);
      // What is small is copied out of the piece that was allocated for it, since there may be very many.
      parts.push(part.length < LEAST_OUTPUT ? Buffer.from(part) : part);
      at += engine.bytesWritten;
    } catch (error) {
      // Node's gunzip takes a line feed behind a member for the next one: member by member there is none.
      const isSeam = compression === 'gzip' && (error as Error).message === 'incorrect header check';
      if (isSeam) return memberByMember(body, limits);
      throw objectError(error, compression, meter, at);
    }
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

async function memberByMember(body: Buffer, limits: BodyLimits): Promise<Buffer> {
  const input = new Input(
    (async function* () {
      yield body;
    })(),
  );
  const parts: Buffer[] = [];
  for await (const part of decodeParts(input, 'gzip', new Meter(limits))) parts.push(part);
  return Buffer.concat(parts);
}
