/**
 * Which encoding a chunk without a dictionary gets: the one by which a sample of its values comes out smallest after
 * compression, or as it is, where the chunk is too small to be compressed. What is harder to read must be smaller by a
 * margin. And which level of zstd: a high one costs ten times as much as the lowest, and random ids come out no smaller for it.
 */
import type { FixedData, ScalarData } from '../../columns/batch.ts';
import { kernel } from '../../kernel/kernel.ts';
import { Encoding } from '../format/footer.ts';
import type { MinMax } from '../format/statistics.ts';
import { compressedSize, leastCompressed } from './compression.ts';

const sampleValues = 2048;
const sampleBytes = 32 << 10;

/** How much of the size before must be left for a candidate to be taken. */
const prefixMargin = 0.9;
const deltaMargin = 0.97;

/** Levels above this are slow enough to be tried first, and this one is what samples are compressed with. */
export const trialLevel = 3;
/** How much of the fast level's size a slow level must leave out to be worth its time. */
const levelMargin = 0.99;

export interface EncodingChoice {
  readonly encoding: Encoding;
  /** Of zstd: the one asked for, or 1 where that is as good: hardly anything but ids and numbers without a pattern. */
  readonly level: number;
}

/** For the chunk whose gathered values the kernel holds. */
export function chooseEncoding(
  data: ScalarData,
  values: number,
  range: MinMax | undefined,
  level: number,
): EncodingChoice {
  const from = values > sampleValues ? (values - sampleValues) >> 1 : 0;
  const isText = data.kind === 'string';
  const to = isText
    ? kernel().call.textsWithin(from, sampleValues, sampleBytes)
    : Math.min(values, from + sampleValues);
  const rawSize = (encoding: Encoding): number => {
    kernel().call.clearSink();
    writeValues(encoding, data, from, to);
    return kernel().call.sinkLength();
  };
  const sizeAt = (encoding: Encoding, by: number): number => {
    const length = rawSize(encoding);
    return to - from === values && length < leastCompressed ? length : compressedSize(by);
  };
  const size = (encoding: Encoding): number => sizeAt(encoding, Math.min(level, trialLevel));
  const encoding = isText ? chooseForStrings(rawSize, size) : chooseForNumbers(data, range, size);
  const isWorthIt = level <= trialLevel || sizeAt(encoding, level) < sizeAt(encoding, 1) * levelMargin;
  return { encoding, level: isWorthIt ? level : 1 };
}

/** Whether a choice made for other values of the column can be taken for these. */
export const isPossible = (encoding: Encoding, data: ScalarData, range: MinMax | undefined): boolean =>
  encoding !== Encoding.DELTA_BINARY_PACKED || (data.kind === 'fixed' && range !== undefined && fitsDelta(data, range));

function chooseForNumbers(data: FixedData, range: MinMax | undefined, size: (encoding: Encoding) => number): Encoding {
  if (range === undefined || !fitsDelta(data, range)) return Encoding.PLAIN;
  return size(Encoding.DELTA_BINARY_PACKED) < size(Encoding.PLAIN) * deltaMargin
    ? Encoding.DELTA_BINARY_PACKED
    : Encoding.PLAIN;
}

/**
 * Delta-length is preferred to plain: it is hardly ever larger, and lets strings that lie side by side be copied as
 * one. Shared prefixes are left out where neighbours have them, as sorted and time-stamped text does. Random ids have none,
 * which shows before anything is compressed.
 */
function chooseForStrings(rawSize: (encoding: Encoding) => number, size: (encoding: Encoding) => number): Encoding {
  const { DELTA_LENGTH_BYTE_ARRAY: byLength, DELTA_BYTE_ARRAY: byPrefix } = Encoding;
  if (rawSize(byPrefix) >= rawSize(byLength) * prefixMargin) return byLength;
  return size(byPrefix) < size(byLength) * prefixMargin ? byPrefix : byLength;
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
