/**
 * The columnar encoder: from a batch of columns to the bytes of a Parquet file without a row, or a string or object a
 * value, in between. The same input gives the same bytes: what runs in parallel is only compression, whose results are
 * placed in order.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ColumnBatch, ColumnData } from '../../columns/batch.ts';
import { KernelRows } from '../../kernel/rows.ts';
import type { EncodedFile, EncodeInput, ParquetEncoder } from '../encoder.ts';
import { allRows, columnsByName } from '../encoder.ts';
import { type FileSchema, fileSchema, type Leaf } from '../format/schema.ts';
import { encodeCarried } from './carried-chunks.ts';
import { type EncodedChunk, type EncodedPage, EncodingChoices, encodeChunk } from './column-chunk.ts';
import { Compressor } from './compression.ts';
import { FileLayout } from './file-layout.ts';
import { leafData, shred } from './shred.ts';

const defaultLevel = 3;
/** Bytes of pages between turns of the event loop, in which a process hears signals and answers what waits for it. */
const turnBytes = 1 << 20;

export class ColumnarEncoder implements ParquetEncoder {
  readonly name = 'columnar';

  async encode(input: EncodeInput): Promise<EncodedFile> {
    const writer = new ColumnarFileWriter(input);
    await writer.add(input.batch, input.order);
    return writer.finish();
  }
}

/**
 * A file of rows that come a batch at a time, for what is larger than memory. The same rows and cuts, the same bytes.
 * Pages of a row group are compressed while the next ones are encoded.
 */
export class ColumnarFileWriter {
  readonly #input: Omit<EncodeInput, 'batch' | 'order'>;
  readonly #schema: FileSchema;
  /** Leaves whose chunks are made at one time: each by itself, and all of a carried column. */
  readonly #together: readonly (readonly Leaf[])[];
  readonly #file: FileLayout;
  readonly #compressor: Compressor;
  readonly #choices = new EncodingChoices();
  #rows = 0;
  /** Bytes of row groups that are encoded and not placed, before compression. */
  #pendingBytes = 0;
  #placing: Promise<void> = Promise.resolve();

  constructor(input: Omit<EncodeInput, 'batch' | 'order'>) {
    this.#input = input;
    this.#schema = fileSchema(input.columns);
    this.#together = [
      ...Map.groupBy(this.#schema.leaves, (leaf) => (leaf.column.carried === undefined ? leaf : leaf.column)).values(),
    ];
    this.#file = new FileLayout(this.#schema, input.sortedBy ?? []);
    this.#compressor = new Compressor(input.compressionLevel ?? defaultLevel);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether the file has so many bytes already, without the indexes and the footer. */
  async reaches(bytes: number): Promise<boolean> {
    if (this.#file.size + this.#pendingBytes >= bytes) await this.#placing;
    return this.#file.size >= bytes;
  }

  /** Adds these rows as row groups of their own; the batch is free afterwards. */
  async add(batch: ColumnBatch, order: Uint32Array = allRows(batch.rows)): Promise<void> {
    const columns = columnsByName(batch);
    const { rowGroupRows } = this.#input;
    for (let from = 0; from < order.length; from += rowGroupRows) {
      const rows = order.subarray(from, from + rowGroupRows);
      this.#place(rows.length, await this.#encode(columns, rows));
    }
  }

  async finish(): Promise<EncodedFile> {
    await this.#placing;
    return this.#file.finish();
  }

  async #encode(columns: ReadonlyMap<string, ColumnData>, rows: Uint32Array): Promise<EncodedChunk[]> {
    const { bloomColumns = [] } = this.#input;
    const placed = new KernelRows(rows);
    try {
      const chunks: EncodedChunk[] = [];
      let bytes = turnBytes;
      for (const leaves of this.#together) {
        await this.#compressor.room();
        const [leaf] = leaves as [Leaf];
        const { name, carried } = leaf.column;
        const column = columns.get(name);
        const options = { withBloomFilter: bloomColumns.includes(name), choices: this.#choices };
        const made =
          carried === undefined
            ? [encodeChunk(leaf, leafData(leaf, column), shred(leaf, column, placed), this.#compressor, options)]
            : encodeCarried(leaves, column, rows, this.#compressor);
        chunks.push(...made);
        for (const { pages } of made) for (const page of pages) bytes += page.uncompressedSize;
        if (bytes < turnBytes) continue;
        await nextTurn();
        bytes = 0;
      }
      return chunks;
    } finally {
      placed.release();
    }
  }

  /** Row groups are placed one after another, each once its pages are compressed. */
  #place(rows: number, chunks: readonly EncodedChunk[]): void {
    const bytes = chunks.reduce((sum, chunk) => sum + mostBytes(chunk), 0);
    this.#rows += rows;
    this.#pendingBytes += bytes;
    this.#placing = this.#placing.then(async () => {
      await this.#file.add(rows, chunks);
      this.#pendingBytes -= bytes;
    });
    // The code that waits for it learns of the failure.
    this.#placing.catch(() => undefined);
  }
}

/** More than a page header takes, and than compression can add to a page. */
const leastPageBytes = 256;

function mostBytes({ dictionary, pages }: EncodedChunk): number {
  const most = ({ uncompressedSize }: EncodedPage): number =>
    uncompressedSize + (uncompressedSize >> 6) + leastPageBytes;
  return pages.reduce((sum, page) => sum + most(page), dictionary === undefined ? 0 : most(dictionary));
}
