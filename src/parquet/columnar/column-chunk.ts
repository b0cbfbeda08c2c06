/** One leaf of one row group: its values become a dictionary page and data pages, not yet placed in the file. */
import type { ScalarData } from '../../columns/batch.ts';
import { Codec, Encoding } from '../footer.ts';
import type { LeafStream } from '../levels.ts';
import type { Leaf } from '../schema.ts';
import { type Extremes, extremes, widest } from '../statistics.ts';
import { bloomFilter, canHaveBloomFilter } from './bloom-filter.ts';
import type { ByteSink } from './byte-sink.ts';
import { chooseEncoding, writeValues } from './choose-encoding.ts';
import type { Compressor } from './compression.ts';
import type { Dictionary, DictionaryMaker } from './dictionary.ts';
import { cutPages, type PageRange } from './pages.ts';
import { writePlain } from './plain.ts';
import { writeIndices, writeLevels } from './rle.ts';

/** Chunks below this are left as they are: columns of nulls or of one value, which make most of a wide table. */
const leastCompressed = 256;

export interface EncodedPage {
  readonly body: Uint8Array | Promise<Uint8Array>;
  readonly uncompressedSize: number;
}

export interface EncodedDataPage extends EncodedPage {
  readonly range: PageRange;
  readonly extremes: Extremes | undefined;
}

export interface EncodedChunk {
  readonly codec: Codec;
  readonly encoding: Encoding;
  readonly dictionary: (EncodedPage & { readonly entries: number }) | undefined;
  readonly pages: readonly EncodedDataPage[];
  readonly extremes: Extremes | undefined;
  readonly bloomFilter: Uint8Array | undefined;
}

/** Bodies of a chunk on their way to the compressor, which small chunks never reach. */
class Bodies {
  codec: Codec = Codec.UNCOMPRESSED;
  readonly #compressor: Compressor;
  readonly #pages: { sink: ByteSink | undefined; body: Uint8Array | Promise<Uint8Array> | undefined; size: number }[] =
    [];
  #bytes = 0;

  constructor(compressor: Compressor) {
    this.#compressor = compressor;
  }

  add(sink: ByteSink): void {
    this.#pages.push({ sink, body: undefined, size: sink.position });
    this.#bytes += sink.position;
    if (this.#bytes < leastCompressed) return;
    this.codec = Codec.ZSTD;
    for (const page of this.#pages) {
      if (page.sink === undefined) continue;
      page.body = this.#compressor.compress(page.sink);
      page.sink = undefined;
    }
  }

  finish(): EncodedPage[] {
    return this.#pages.map(({ sink, body, size }) => {
      if (sink === undefined) return { body: body!, uncompressedSize: size };
      const copy = sink.written().slice();
      this.#compressor.release(sink);
      return { body: copy, uncompressedSize: size };
    });
  }
}

export async function encodeChunk(
  leaf: Leaf,
  data: ScalarData | null,
  stream: LeafStream,
  dictionaries: DictionaryMaker,
  compressor: Compressor,
  withBloomFilter: boolean,
): Promise<EncodedChunk> {
  const dictionary = data === null ? undefined : dictionaries.make(data, stream);
  const ranges = cutPages(stream, data, dictionary, leaf.maxDefinition);
  const pageExtremes = ranges.map((range) =>
    data === null ? undefined : rangeExtremes(data, stream, dictionary, range.valueFrom, range.valueTo),
  );
  let total: Extremes | undefined;
  if (data !== null) for (const extreme of pageExtremes) total = widest(data, total, extreme);
  const encoding =
    dictionary !== undefined
      ? Encoding.RLE_DICTIONARY
      : data === null || stream.values === 0
        ? Encoding.PLAIN
        : chooseEncoding(data, stream.slots, stream.values, total, compressor);

  const bodies = new Bodies(compressor);
  if (dictionary !== undefined && data !== null) {
    const sink = compressor.sink();
    writePlain(sink, data, dictionary.slots, 0, dictionary.entries);
    bodies.add(sink);
  }
  for (const [index, range] of ranges.entries()) {
    await compressor.room();
    const sink = compressor.sink();
    const { levelFrom, levelTo, valueFrom, valueTo } = range;
    if (stream.repetition !== null) writeLevels(sink, stream.repetition, levelFrom, levelTo, leaf.maxRepetition);
    if (leaf.maxDefinition > 0) writeLevels(sink, stream.definition, levelFrom, levelTo, leaf.maxDefinition);
    if (dictionary !== undefined) {
      sink.byte(dictionary.bitWidth);
      writeIndices(sink, dictionary.indices, valueFrom, valueTo, dictionary.bitWidth);
    } else if (data !== null && stream.values > 0) {
      // Also where all of the page is null: delta encodings have a header even then, without which no reader goes on.
      writeValues(sink, encoding, data, stream.slots, valueFrom, valueTo, pageExtremes[index]);
    }
    bodies.add(sink);
  }
  const encoded = bodies.finish();
  const dictionaryPage = dictionary === undefined ? undefined : { ...encoded.shift()!, entries: dictionary.entries };
  return {
    codec: bodies.codec,
    encoding,
    dictionary: dictionaryPage,
    pages: encoded.map((page, index) => ({ ...page, range: ranges[index]!, extremes: pageExtremes[index] })),
    extremes: total,
    bloomFilter:
      withBloomFilter && data !== null && stream.values > 0 && canHaveBloomFilter(data)
        ? bloomFilter(data, dictionary?.slots ?? stream.slots, dictionary?.entries ?? stream.values)
        : undefined,
  };
}

let seen = new Uint8Array(0);
let distinct = new Uint32Array(0);

/** With a dictionary of strings each distinct value of a page is compared once. */
function rangeExtremes(
  data: ScalarData,
  stream: LeafStream,
  dictionary: Dictionary | undefined,
  from: number,
  to: number,
): Extremes | undefined {
  if (dictionary === undefined || data.kind !== 'string' || dictionary.entries > (to - from) * 2)
    return extremes(data, stream.slots, from, to);
  const { indices, slots, entries } = dictionary;
  if (seen.length < entries) seen = new Uint8Array(entries * 2);
  const marks = seen;
  for (let i = from; i < to; i++) marks[indices[i]!] = 1;
  let used = 0;
  if (distinct.length < entries) distinct = new Uint32Array(entries * 2);
  for (let index = 0; index < entries; index++) {
    if (marks[index] === 0) continue;
    marks[index] = 0;
    distinct[used++] = slots[index]!;
  }
  return extremes(data, distinct, 0, used);
}
