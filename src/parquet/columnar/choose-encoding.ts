/**
 * Which encoding a chunk without a dictionary gets: the one by which a sample of its values comes out smallest after
 * compression. What is harder to read must be smaller by a margin.
 */
import type { FixedData, ScalarData, StringData } from '../../columns/batch.ts';
import { Encoding } from '../footer.ts';
import type { Extremes } from '../statistics.ts';
import { ByteSink } from './byte-sink.ts';
import type { Compressor } from './compression.ts';
import { fitsDelta, writeDeltaIntegers, writeDeltaLength, writeDeltaStrings } from './delta.ts';
import { writePlain } from './plain.ts';

const sampleValues = 4096;
const sampleBytes = 96 << 10;

/** How much of the size before must be left for a candidate to be taken. */
const prefixMargin = 0.9;
const deltaMargin = 0.97;

const sample = new ByteSink();

export function chooseEncoding(
  data: ScalarData,
  slots: Uint32Array,
  values: number,
  range: Extremes | undefined,
  compressor: Compressor,
): Encoding {
  if (data.kind === 'string') return chooseForStrings(data, slots, values, compressor);
  if (data.type === 'boolean' || data.type === 'double' || range === undefined) return Encoding.PLAIN;
  return chooseForIntegers(data, slots, values, range, compressor);
}

/** Writes values in an encoding that chooseEncoding gave. */
export function writeValues(
  sink: ByteSink,
  encoding: Encoding,
  data: ScalarData,
  slots: Uint32Array,
  from: number,
  to: number,
  range: Extremes | undefined,
): void {
  if (encoding === Encoding.DELTA_BINARY_PACKED)
    writeDeltaIntegers(sink, data as FixedData, slots, from, to, range?.least ?? 0);
  else if (encoding === Encoding.DELTA_LENGTH_BYTE_ARRAY) writeDeltaLength(sink, data as StringData, slots, from, to);
  else if (encoding === Encoding.DELTA_BYTE_ARRAY) writeDeltaStrings(sink, data as StringData, slots, from, to);
  else writePlain(sink, data, slots, from, to);
}

function chooseForIntegers(
  data: FixedData,
  slots: Uint32Array,
  values: number,
  range: Extremes,
  compressor: Compressor,
): Encoding {
  if (!fitsDelta(data, range.least, range.greatest)) return Encoding.PLAIN;
  const from = values > sampleValues ? (values - sampleValues) >> 1 : 0;
  const to = Math.min(values, from + sampleValues);
  const size = (encoding: Encoding): number => {
    sample.clear();
    writeValues(sample, encoding, data, slots, from, to, range);
    return compressor.compressSync(sample.written()).length;
  };
  return size(Encoding.DELTA_BINARY_PACKED) < size(Encoding.PLAIN) * deltaMargin
    ? Encoding.DELTA_BINARY_PACKED
    : Encoding.PLAIN;
}

/**
 * Delta-length is preferred to plain: it is hardly ever larger, and lets strings that lie side by side be copied as
 * one. Shared prefixes are tried where neighbours have them, as sorted and time-stamped text does.
 */
function chooseForStrings(data: StringData, slots: Uint32Array, values: number, compressor: Compressor): Encoding {
  const { codes, offsets } = data;
  const from = values > sampleValues ? (values - sampleValues) >> 1 : 0;
  let to = from;
  for (let bytes = 0; to < values && to - from < sampleValues && bytes < sampleBytes; to++) {
    const entry = codes === null ? slots[to]! : codes[slots[to]!]!;
    bytes += offsets[entry + 1]! - offsets[entry]!;
  }
  const size = (encoding: Encoding): number => {
    sample.clear();
    writeValues(sample, encoding, data, slots, from, to, undefined);
    return compressor.compressSync(sample.written()).length;
  };
  const byLength = size(Encoding.DELTA_LENGTH_BYTE_ARRAY);
  return size(Encoding.DELTA_BYTE_ARRAY) < byLength * prefixMargin
    ? Encoding.DELTA_BYTE_ARRAY
    : Encoding.DELTA_LENGTH_BYTE_ARRAY;
}
