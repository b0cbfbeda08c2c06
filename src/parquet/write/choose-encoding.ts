/**
 * Which encoding a chunk without a dictionary gets: the one by which a sample of its values comes out smallest after
 * compression. What is harder to read must be smaller by a margin.
 */
import type { FixedData, ScalarData } from '../../columns/batch.ts';
import { kernel } from '../../kernel/kernel.ts';
import { Encoding } from '../format/footer.ts';
import type { MinMax } from '../format/statistics.ts';
import { compressedSize } from './compression.ts';

const sampleValues = 2048;
const sampleBytes = 32 << 10;

/** How much of the size before must be left for a candidate to be taken. */
const prefixMargin = 0.9;
const deltaMargin = 0.97;

/** For the chunk whose gathered values the kernel holds. */
export function chooseEncoding(
  data: ScalarData,
  values: number,
  range: MinMax | undefined,
  compressionLevel: number,
): Encoding {
  const from = values > sampleValues ? (values - sampleValues) >> 1 : 0;
  if (data.kind === 'string') return chooseForStrings(data, from, compressionLevel);
  if (range === undefined || !fitsDelta(data, range)) return Encoding.PLAIN;
  const to = Math.min(values, from + sampleValues);
  const size = (encoding: Encoding): number => sampleSize(encoding, data, from, to, compressionLevel);
  return size(Encoding.DELTA_BINARY_PACKED) < size(Encoding.PLAIN) * deltaMargin
    ? Encoding.DELTA_BINARY_PACKED
    : Encoding.PLAIN;
}

/**
 * Delta-length is preferred to plain: it is hardly ever larger, and lets strings that lie side by side be copied as
 * one. Shared prefixes are tried where neighbours have them, as sorted and time-stamped text does.
 */
function chooseForStrings(data: ScalarData, from: number, compressionLevel: number): Encoding {
  const to = kernel().call.textsWithin(from, sampleValues, sampleBytes);
  const size = (encoding: Encoding): number => sampleSize(encoding, data, from, to, compressionLevel);
  const byLength = size(Encoding.DELTA_LENGTH_BYTE_ARRAY);
  return size(Encoding.DELTA_BYTE_ARRAY) < byLength * prefixMargin
    ? Encoding.DELTA_BYTE_ARRAY
    : Encoding.DELTA_LENGTH_BYTE_ARRAY;
}

function sampleSize(encoding: Encoding, data: ScalarData, from: number, to: number, compressionLevel: number): number {
  kernel().call.clearSink();
  writeValues(encoding, data, from, to);
  return compressedSize(compressionLevel);
}

/** Whether integers with these minMax are apart by less than what the physical type allows. */
function fitsDelta(data: FixedData, { least, greatest }: MinMax): boolean {
  const values = data.values!;
  if (values instanceof BigInt64Array) return values[greatest]! - values[least]! < 1n << 51n;
  return values instanceof Int32Array && values[greatest]! - values[least]! < 2 ** 31;
}

/** Writes values from .. to of the chunk in an encoding that chooseEncoding gave. */
export function writeValues(encoding: Encoding, data: ScalarData, from: number, to: number): void {
  const { call } = kernel();
  if (encoding === Encoding.DELTA_BINARY_PACKED) call.writeDeltaNumbers(from, to);
  else if (encoding === Encoding.DELTA_LENGTH_BYTE_ARRAY) call.writeDeltaLength(from, to);
  else if (encoding === Encoding.DELTA_BYTE_ARRAY) call.writeDeltaStrings(from, to);
  else if (data.kind === 'string') call.writePlainTexts(from, to);
  else call.writePlainNumbers(from, to);
}
