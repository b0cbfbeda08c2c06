/**
 * The columnar encoder: from a batch of columns to the bytes of a Parquet file without a row, or a string or object a
 * value, in between. The same input gives the same bytes: what runs in parallel is only compression, whose results are
 * placed in order.
 */
import type { ColumnBatch, ColumnData } from '../../columns/batch.ts';
import { Places } from '../../kernel/places.ts';
import type { EncodedFile, EncodeInput, ParquetEncoder } from '../encoder.ts';
import { allRows, columnsByName } from '../input.ts';
import { leafData, shred } from '../levels.ts';
import { type FileSchema, fileSchema, type Leaf } from '../schema.ts';
import { inTurn } from '../turns.ts';
import { encodeChunk } from './column-chunk.ts';
import { Compressor } from './compression.ts';
import { FileLayout, type PendingChunk, type PendingRowGroup } from './file-layout.ts';

const defaultLevel = 3;

export class ColumnarEncoder implements ParquetEncoder {
  readonly name = 'columnar';

  async encode(input: EncodeInput): Promise<EncodedFile> {
    const schema = fileSchema(input.columns);
    const rows = input.order ?? allRows(input.batch.rows);
    const file = new FileLayout(schema, input.sortedBy ?? []);
    for (const group of await encodeRowGroups(input, schema.leaves, rows)) await file.add(group);
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
    const input = { ...this.#input, batch };
    for (const group of await encodeRowGroups(input, this.#schema.leaves, order)) await this.#file.add(group);
  }

  finish(): EncodedFile {
    return this.#file.finish();
  }
}

async function encodeRowGroups(
  input: EncodeInput,
  leaves: readonly Leaf[],
  rows: Uint32Array,
): Promise<PendingRowGroup[]> {
  const { rowGroupRows } = input;
  const columns = columnsByName(input.batch);
  const compressor = new Compressor(input.compressionLevel ?? defaultLevel);
  const groups: PendingRowGroup[] = [];
  for (let from = 0; from < rows.length; from += rowGroupRows) {
    const groupRows = rows.subarray(from, from + rowGroupRows);
    groups.push(await inTurn(() => encodeRowGroup(input, leaves, columns, groupRows, compressor)));
  }
  return groups;
}

async function encodeRowGroup(
  { bloomColumns = [] }: EncodeInput,
  leaves: readonly Leaf[],
  columns: ReadonlyMap<string, ColumnData>,
  rows: Uint32Array,
  compressor: Compressor,
): Promise<PendingRowGroup> {
  const order = new Places();
  // Columns that are not in the kernel's memory are copied one by one, each for as long as it is encoded.
  const places = new Places();
  const pending: PendingChunk[] = [];
  try {
    const placed = { place: order.of(rows, rows.byteLength), count: rows.length };
    for (const [index, leaf] of leaves.entries()) {
      const { name } = leaf.column;
      const column = columns.get(name);
      const data = leafData(leaf, column);
      const stream = shred(leaf, column, placed, places);
      const chunk = await encodeChunk(leaf, data, stream, places, compressor, bloomColumns.includes(name));
      pending.push({ leaf, data, levels: stream.levels, values: stream.values, chunk });
      if (leaves[index + 1]?.column !== leaf.column) places.release();
    }
    return { rows: rows.length, leaves: pending };
  } finally {
    places.release();
    order.release();
  }
}
