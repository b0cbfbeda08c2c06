/** One leaf of one row group: its values become a dictionary page and data pages, not yet placed in the file. */
import type { ScalarData } from '../../columns/batch.ts';
import { kernel } from '../../kernel/kernel.ts';
import { Codec, Encoding, type Statistics } from '../format/footer.ts';
import type { Leaf } from '../format/schema.ts';
import {
  type LeafBounds,
  leafBounds,
  type MinMax,
  mergeMinMax,
  minMax,
  minMaxOfIndices,
  statisticsOf,
} from '../format/statistics.ts';
import { bloomFilter, canHaveBloomFilter } from './bloom-filter.ts';
import { chooseEncoding, type EncodingChoice, isPossible, trialLevel, writeValues } from './choose-encoding.ts';
import { type Compressor, leastCompressed, sinkBody } from './compression.ts';
import { makeDictionary } from './dictionary.ts';
import { encodeColumnIndex } from './page-index.ts';
import { cutPages, type PageRange } from './pages.ts';
import type { LeafStream } from './shred.ts';

/** Row groups of a file that a choice of encoding and level is good for. */
const usesOfChoice = 8;

export interface EncodedPage {
  readonly body: Uint8Array | Promise<Uint8Array>;
  readonly uncompressedSize: number;
}

export interface EncodedDataPage extends EncodedPage {
  readonly range: PageRange;
}

/** Needs nothing of the column that it was made of any more. */
export interface EncodedChunk {
  readonly leaf: Leaf;
  readonly codec: Codec;
  readonly encoding: Encoding;
  readonly dictionary: (EncodedPage & { readonly entries: number }) | undefined;
  readonly pages: readonly EncodedDataPage[];
  /** Level entries, and those among them that have a value. */
  readonly levels: number;
  readonly values: number;
  readonly bounds: LeafBounds;
  readonly statistics: Statistics;
  readonly columnIndex: Uint8Array | undefined;
  readonly bloomFilter: Uint8Array | undefined;
}

/**
 * Iceberg's own columns, such as those of position delete files (Iceberg spec, "Reserved Field IDs"): engines read them by code
 * of their own, which knows plain values and dictionaries (PyIceberg) and no other encoding.
 */
const firstReservedId = 2_147_483_447;

/** What was found best for a leaf: for some row groups of a file, since finding out costs as much as a page. */
export class EncodingChoices {
  readonly #choices = new Map<number, { readonly choice: EncodingChoice; uses: number }>();

  of(leaf: Leaf, data: ScalarData, values: number, range: MinMax | undefined, level: number): EncodingChoice {
    // At fast levels finding out is cheap.
    if (level <= trialLevel) return chooseEncoding(data, values, range, level);
    const known = this.#choices.get(leaf.id);
    if (known !== undefined && known.uses < usesOfChoice && isPossible(known.choice.encoding, data, range)) {
      known.uses++;
      return known.choice;
    }
    const choice = chooseEncoding(data, values, range, level);
    this.#choices.set(leaf.id, { choice, uses: 1 });
    return choice;
  }
}

/** By field id: to what share pages were compressed lately. Decides over buffers only, never over bytes. */
const shares = new Map<number, number>();

/** Bodies of a chunk on their way to the compressor, which small chunks never reach. */
class Bodies {
  codec: Codec = Codec.UNCOMPRESSED;
  readonly pages: EncodedPage[] = [];
  readonly #compressor: Compressor;
  readonly #leaf: number;
  readonly #level: number;
  #bytes = 0;

  constructor(compressor: Compressor, level: number, leaf: number) {
    this.#compressor = compressor;
    this.#level = level;
    this.#leaf = leaf;
  }

  /** Takes what is in the kernel's sink. */
  add(): void {
    const body = sinkBody();
    this.#bytes += body.length;
    if (this.codec === Codec.UNCOMPRESSED && this.#bytes >= leastCompressed) {
      this.codec = Codec.ZSTD;
      for (const [index, { body, uncompressedSize }] of this.pages.entries())
        this.pages[index] = { body: this.#compress(body as Uint8Array), uncompressedSize };
    }
    this.pages.push({
      // Small, and so a part of Node's pool.
      body: this.codec === Codec.ZSTD ? this.#compress(body) : Buffer.from(body),
      uncompressedSize: body.length,
    });
  }

  #compress(body: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const compressed = this.#compressor.compress(body, this.#level, shares.get(this.#leaf) ?? 0.5);
    if (compressed instanceof Uint8Array) shares.set(this.#leaf, compressed.length / body.length);
    return compressed;
  }
}

/**
 * Encodes the leaf last passed to `shred`. Does not wait for anything, since the kernel holds one chunk at a time:
 * pages that are compressed on other threads are promises.
 */
export function encodeChunk(
  leaf: Leaf,
  data: ScalarData | null,
  stream: LeafStream,
  compressor: Compressor,
  { withBloomFilter, choices }: { readonly withBloomFilter: boolean; readonly choices: EncodingChoices },
): EncodedChunk {
  const { call } = kernel();
  const dictionary = data === null ? undefined : makeDictionary(data, stream);
  const ranges = cutPages(stream, data, dictionary, leaf.maxDefinition);
  const pageMinMax = ranges.map(({ valueFrom, valueTo }) => {
    if (data === null || valueFrom === valueTo) return undefined;
    return (dictionary === undefined ? minMax : minMaxOfIndices)(data, valueFrom, valueTo);
  });
  let total: MinMax | undefined;
  if (data !== null) for (const pair of pageMinMax) total = mergeMinMax(data, total, pair);
  const { encoding, level } =
    dictionary !== undefined
      ? { encoding: Encoding.RLE_DICTIONARY, level: compressor.level }
      : data === null || stream.values === 0 || leaf.id >= firstReservedId
        ? { encoding: Encoding.PLAIN, level: compressor.level }
        : choices.of(leaf, data, stream.values, total, compressor.level);

  const bodies = new Bodies(compressor, level, leaf.id);
  if (dictionary !== undefined && data !== null) {
    call.clearSink();
    if (data.kind === 'string') call.writeEntryTexts();
    else call.writeEntryNumbers();
    bodies.add();
  }
  for (const range of ranges) {
    call.clearSink();
    writeLevels(leaf, stream, range);
    if (dictionary !== undefined) call.writeIndices(range.valueFrom, range.valueTo, dictionary.bitWidth);
    // Also where all of the page is null: delta encodings have a header even then, without which no reader goes on.
    else if (data !== null && stream.values > 0) writeValues(encoding, data, range.valueFrom, range.valueTo);
    bodies.add();
  }
  const dictionaryPage =
    dictionary === undefined ? undefined : { ...bodies.pages.shift()!, entries: dictionary.entries };
  const { levels, values } = stream;
  return {
    leaf,
    codec: bodies.codec,
    encoding,
    dictionary: dictionaryPage,
    pages: bodies.pages.map((page, index) => ({ ...page, range: ranges[index]! })),
    levels,
    values,
    bounds: leafBounds(data, total),
    statistics: statisticsOf(data, total, levels - values),
    columnIndex: encodeColumnIndex(
      data,
      ranges.map(({ levelFrom, levelTo, valueFrom, valueTo }, index) => ({
        nullCount: levelTo - levelFrom - (valueTo - valueFrom),
        isAllNull: valueTo === valueFrom,
        range: pageMinMax[index],
      })),
    ),
    bloomFilter:
      withBloomFilter && data !== null && values > 0 && canHaveBloomFilter(data)
        ? bloomFilter(data, values, dictionary)
        : undefined,
  };
}

function writeLevels(leaf: Leaf, { isRepeated, definition }: LeafStream, { levelFrom, levelTo }: PageRange): void {
  const { call } = kernel();
  if (isRepeated) call.writeRepetition(levelFrom, levelTo);
  if (leaf.maxDefinition === 0) return;
  const width = 32 - Math.clz32(leaf.maxDefinition);
  if (definition === null) call.writeDefinition(levelFrom, levelTo, width);
  else call.writeLevelRun(definition, levelTo - levelFrom, width);
}
