/**
 * The columnar encoder: from a batch of columns to the bytes of a Parquet file without a row, or a string or object a
 * value, in between. The same input gives the same bytes: what runs in parallel is only compression, whose results are
 * placed in order.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ColumnBatch, ColumnData } from '../../columns/batch.ts';
import { KernelRows, type PlacedColumn } from '../../kernel/gathered-rows.ts';
import type { EncodedFile, EncodeInput, ParquetEncoder } from '../encoder.ts';
import { allRows, columnsByName } from '../encoder.ts';
import { type FileSchema, fileSchema, type Leaf } from '../format/schema.ts';
import { encodeChunk } from './column-chunk.ts';
import { Compressor } from './compression.ts';
import { FileLayout, type PendingChunk } from './file-layout.ts';
import { inTurn } from './kernel-lock.ts';
import { leafData, shred } from './shred.ts';

const defaultLevel = 3;
/** Bytes of pages between turns of the event loop, in which a process hears signals and answers what waits for it. */
const turnBytes = 1 << 20;

export class ColumnarEncoder implements ParquetEncoder {
  readonly name = 'columnar';

  async encode(input: EncodeInput): Promise<EncodedFile> {
    const schema = fileSchema(input.columns);
    const rows = input.order ?? allRows(input.batch.rows);
    const file = new FileLayout(schema, input.sortedBy ?? []);
    await addRowGroups(file, input, schema.leaves, rows);
    return file.finish();
  }
}

/** A file of rows that come a batch at a time, for what is larger than memory. The same rows and cuts, the same bytes. */
export class ColumnarFileWriter {
  readonly #input: Omit<EncodeInput, 'batch' | 'order'>;
  readonly #schema: FileSchema;
  readonly #file: FileLayout;

  constructor(input: Omit<EncodeInput, 'batch' | 'order'>) {
    this.#input = input;
    this.#schema = fileSchema(input.columns);
    this.#file = new FileLayout(this.#schema, input.sortedBy ?? []);
  }

  /** Bytes so far, without the indexes and the footer. */
  get size(): number {
    return this.#file.size;
  }

  get rows(): number {
    return this.#file.rows;
  }

  /** Adds these rows as row groups of their own; the batch is free afterwards. */
  async add(batch: ColumnBatch, order: Uint32Array = allRows(batch.rows)): Promise<void> {
    await addRowGroups(this.#file, { ...this.#input, batch }, this.#schema.leaves, order);
  }

  finish(): EncodedFile {
    return this.#file.finish();
  }
}

/** Adds the rows as row groups, one a turn, since there is one kernel. */
async function addRowGroups(
  file: FileLayout,
  input: EncodeInput,
  leaves: readonly Leaf[],
  rows: Uint32Array,
): Promise<void> {
  const columns = columnsByName(input.batch);
  for (let from = 0; from < rows.length; from += input.rowGroupRows) {
    const groupRows = rows.subarray(from, from + input.rowGroupRows);
    await inTurn(() => addRowGroup(file, input, leaves, columns, groupRows));
  }
}

async function addRowGroup(
  file: FileLayout,
  { bloomColumns = [], compressionLevel = defaultLevel }: EncodeInput,
  leaves: readonly Leaf[],
  columns: ReadonlyMap<string, ColumnData>,
  rows: Uint32Array,
): Promise<void> {
  const compressor = new Compressor(compressionLevel);
  const kernelRows = new KernelRows(rows);
  try {
    const pending: PendingChunk[] = [];
    let placed: PlacedColumn | undefined;
    let bytes = turnBytes;
    for (const [index, leaf] of leaves.entries()) {
      const { name } = leaf.column;
      if (placed === undefined || leaf.column !== leaves[index - 1]?.column)
        placed = kernelRows.place(columns.get(name));
      const data = leafData(leaf, placed.data);
      const stream = shred(leaf, placed.data, placed.rows);
      const chunk = await encodeChunk(leaf, data, stream, compressor, bloomColumns.includes(name));
      pending.push({ leaf, data, levels: stream.levels, values: stream.values, chunk });
      // Between leaves, when the kernel holds none.
      for (const page of chunk.pages) bytes += page.uncompressedSize;
      if (bytes < turnBytes) continue;
      await nextTurn();
      bytes = 0;
    }
    await file.add({ rows: rows.length, leaves: pending });
  } finally {
    kernelRows.release();
  }
}
