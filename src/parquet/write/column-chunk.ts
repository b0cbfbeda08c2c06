/** One leaf of one row group: its values become a dictionary page and data pages, not yet placed in the file. */
import type { ScalarData } from '../../columns/batch.ts';
import { kernel } from '../../kernel/kernel.ts';
import { Codec, Encoding } from '../format/footer.ts';
import type { Leaf } from '../format/schema.ts';
import { type MinMax, mergeMinMax, minMax, minMaxOfIndices } from '../format/statistics.ts';
import { bloomFilter, canHaveBloomFilter } from './bloom-filter.ts';
import { chooseEncoding, writeValues } from './choose-encoding.ts';
import { type Compressor, sinkBody } from './compression.ts';
import { makeDictionary } from './dictionary.ts';
import { cutPages, type PageRange } from './pages.ts';
import type { LeafStream } from './shred.ts';

/** Chunks below this are left as they are: columns of nulls or of one value, which make most of a wide table. */
const leastCompressed = 256;

export interface EncodedPage {
  readonly body: Uint8Array | Promise<Uint8Array>;
  readonly uncompressedSize: number;
}

export interface EncodedDataPage extends EncodedPage {
  readonly range: PageRange;
  readonly minMax: MinMax | undefined;
}

export interface EncodedChunk {
  readonly codec: Codec;
  readonly encoding: Encoding;
  readonly dictionary: (EncodedPage & { readonly entries: number }) | undefined;
  readonly pages: readonly EncodedDataPage[];
  readonly minMax: MinMax | undefined;
  readonly bloomFilter: Uint8Array | undefined;
}

/**
 * Iceberg's own columns, such as those of position delete files (Iceberg spec, "Reserved Field IDs"): engines read them by code
 * of their own, which knows plain values and dictionaries (PyIceberg) and no other encoding.
 */
const firstReservedId = 2_147_483_447;

/** By field id: to what share pages were compressed lately. Decides over buffers only, never over bytes. */
const shares = new Map<number, number>();

/** Bodies of a chunk on their way to the compressor, which small chunks never reach. */
class Bodies {
  codec: Codec = Codec.UNCOMPRESSED;
  readonly pages: EncodedPage[] = [];
  readonly #compressor: Compressor;
  readonly #leaf: number;
  #bytes = 0;

  constructor(compressor: Compressor, leaf: number) {
    this.#compressor = compressor;
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
      body: this.codec === Codec.ZSTD ? this.#compress(body) : body.slice(),
      uncompressedSize: body.length,
    });
  }

  #compress(body: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const compressed = this.#compressor.compress(body, shares.get(this.#leaf) ?? 0.5);
    if (compressed instanceof Uint8Array) shares.set(this.#leaf, compressed.length / body.length);
    return compressed;
  }
}

/** The chunk that `shred` has made the kernel's. */
export async function encodeChunk(
  leaf: Leaf,
  data: ScalarData | null,
  stream: LeafStream,
  compressor: Compressor,
  withBloomFilter: boolean,
): Promise<EncodedChunk> {
  const { call } = kernel();
  const dictionary = data === null ? undefined : makeDictionary(data, stream);
  const ranges = cutPages(stream, data, dictionary, leaf.maxDefinition);
  const pageMinMax = ranges.map(({ valueFrom, valueTo }) => {
    if (data === null || valueFrom === valueTo) return undefined;
    return (dictionary === undefined ? minMax : minMaxOfIndices)(data, valueFrom, valueTo);
  });
  let total: MinMax | undefined;
  if (data !== null) for (const pair of pageMinMax) total = mergeMinMax(data, total, pair);
  const encoding =
    dictionary !== undefined
      ? Encoding.RLE_DICTIONARY
      : data === null || stream.values === 0 || leaf.id >= firstReservedId
        ? Encoding.PLAIN
        : chooseEncoding(data, stream.values, total, compressor.level);

  const bodies = new Bodies(compressor, leaf.id);
  if (dictionary !== undefined && data !== null) {
    call.clearSink();
    if (data.kind === 'string') call.writeEntryTexts();
    else call.writeEntryNumbers();
    bodies.add();
  }
  for (const range of ranges) {
    await compressor.room();
    call.clearSink();
    writeLevels(leaf, stream, range);
    if (dictionary !== undefined) call.writeIndices(range.valueFrom, range.valueTo, dictionary.bitWidth);
    // Also where all of the page is null: delta encodings have a header even then, without which no reader goes on.
    else if (data !== null && stream.values > 0) writeValues(encoding, data, range.valueFrom, range.valueTo);
    bodies.add();
  }
  const dictionaryPage =
    dictionary === undefined ? undefined : { ...bodies.pages.shift()!, entries: dictionary.entries };
  return {
    codec: bodies.codec,
    encoding,
    dictionary: dictionaryPage,
    pages: bodies.pages.map((page, index) => ({ ...page, range: ranges[index]!, minMax: pageMinMax[index] })),
    minMax: total,
    bloomFilter:
      withBloomFilter && data !== null && stream.values > 0 && canHaveBloomFilter(data)
        ? bloomFilter(data, stream.values, dictionary)
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
